"""Edits by hand, right and wrong, told apart: a file a case, `tests/cases/prove/NAME.py`.

A case is the model file before, a line `# after`, and the model file after somebody edited it. Its head:

    # What the edit is, in a sentence.
    # expect: proven               or the check that does not hold: builds, keys, position, ...
    # place: se after layer1 add   where each new module is found (add, mul: how it is joined; gate)
    # line: x = self.se(x)         the line of the edited file that the refusal names
    # input: 2x3x64x64             what the model is fed, where that has to be said
    # build: Net(8)                how it is built; several times for several

    python -m pytest tests/pipeline/test_prove.py -k "[NAME]"
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from stitchgen.errors import StitchError
from stitchgen.pipeline import prove
from stitchgen.project import config
from stitchgen.targets.model import RunOptions
from tests.support.spliced import tree

FOLDER = Path(__file__).parents[1] / "cases" / "prove"
CASES = sorted(path.stem for path in FOLDER.glob("*.py"))
HEAD = re.compile(r"# (expect|place|line|input|build): (.+)\n")


@dataclass
class Case:
    """A case file, taken apart."""

    expect: list[str] = field(default_factory=list)
    place: list[str] = field(default_factory=list)
    line: list[str] = field(default_factory=list)
    input: list[str] = field(default_factory=list)
    build: list[str] = field(default_factory=list)
    before: str = ""
    after: str = ""

    @classmethod
    def read(cls, name: str) -> Case:
        case = cls()
        lines = (FOLDER / f"{name}.py").read_text().splitlines(keepends=True)
        assert re.match(r"# [A-Z].+\.\n", lines.pop(0)), f"{name} does not say what the edit is"
        while head := HEAD.match(lines[0]):
            lines.pop(0)
            getattr(case, head[1]).append(head[2])
        case.before, mark, case.after = "".join(lines).partition("# after\n")
        assert mark and len(case.expect) == 1, f"{name} has no outcome"
        return case


def placed(splice: dict) -> str:
    """`se after layer1 add`."""
    target = splice["target"].partition("::")[2].partition(".")[2]
    words = [splice["attribute"], splice["placement"], target, splice.get("fuse", "")]
    return " ".join(word for word in [*words, "gate" * ("gate" in splice)] if word)


@pytest.mark.parametrize("name", CASES)
def test_case(name: str, tmp_path: Path, python: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case.read(name)
    monkeypatch.chdir(tmp_path)
    Path("before.py").write_text(case.before)
    Path("model.py").write_text(case.after)
    options = RunOptions(tuple(case.build), tuple(case.input), python)
    request = prove.ProveRequest("model.py", "before.py", options)
    files = tree(tmp_path)
    [expected] = case.expect
    if expected == "proven":
        report = prove.run(config.find_project(tmp_path), request)
        places = [placed(splice) for splice in report["splices"]]
        assert set(case.place) <= set(places)
        assert bool(case.place) == bool(places)
        return
    with pytest.raises(StitchError) as refused:
        prove.run(config.find_project(tmp_path), request)
    error = refused.value
    assert (error.code, error.details["law"]) == ("law-broken", expected), error.message
    path, _, number = str(error.where).rpartition(":")
    assert path == "model.py"
    assert case.after.splitlines()[int(number) - 1].strip() == case.line[0]
    assert error.hint
    assert tree(tmp_path) == files
