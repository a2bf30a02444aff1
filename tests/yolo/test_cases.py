"""Blocks put into a model's YAML, one case a file: `tests/cases/yaml/NAME.yaml`.

A case is the file before, a line `# output`, and the file after, in the manner of `tests/cases/add`. Its head:

    # flags: cbam --after model.yaml::model.1     the command
    # file: yolov8.yaml                           how the file is called (else `model.yaml`)
    # refused: target-ambiguous                   the code of the refusal; then there is no output

Nothing is built: the rows are what is tested, and `--no-prove` is added to the command. One case is run by

    python -m pytest tests/yolo/test_cases.py -k "[NAME]"
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stitchgen.errors import StitchError
from stitchgen.history import check, undo
from stitchgen.pipeline import splice
from stitchgen.project import config, transaction
from tests.support.commands import request_of
from tests.support.spliced import tree

FOLDER = Path(__file__).parents[1] / "cases" / "yaml"
HEAD = re.compile(r"# (flags|file|refused): (.+)\n")


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.yaml")))
def test_case(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (FOLDER / f"{name}.yaml").read_text()
    head = {}
    while match := HEAD.match(text):
        head[match.group(1)] = match.group(2)
        text = text[match.end() :]
    before, mark, after = text.partition("# output\n")
    assert bool(mark) != ("refused" in head), "a case has an output or is refused"
    file = tmp_path / head.get("file", "model.yaml")
    file.write_text(before)
    monkeypatch.chdir(tmp_path)
    project = config.find_project(tmp_path)
    request = request_of(head["flags"] + " --no-prove", "no-python")
    untouched = tree(tmp_path)
    if "refused" in head:
        with pytest.raises(StitchError) as refused:
            splice.run(project, request)
        assert refused.value.code == head["refused"]
        assert tree(tmp_path) == untouched
        return
    planned = splice.run(project, request, mode="dry-run")
    assert tree(tmp_path) == untouched, "a dry run wrote something"
    transaction.commit(tmp_path, planned.changes)
    assert file.read_text() == after
    assert check.run(project)["ok"]
    assert splice.run(project, request).changes == [], "the same command again is not a no-op"
    undo.run(project)
    assert tree(tmp_path) == untouched, "undo does not give every byte back"
