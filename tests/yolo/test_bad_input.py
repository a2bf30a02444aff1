"""What a user may type or have wrong about a YAML: each is refused with its line, and nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from stitchgen.errors import StitchError
from stitchgen.pipeline import splice
from stitchgen.project import config
from tests.support.commands import request_of
from tests.support.spliced import tree
from tests.yolo.test_failure_kinds import ROWS

MINE = """from torch import nn


class SPPF(nn.Module):
    def __init__(self, channels):
        super().__init__()


class Mine(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.f = channels
"""
FIRST = "cbam --after yolov8.yaml::model.1"
ROW = "- [-1, 1, SPPF, [64, 5]] # 1"
#: By what is wrong: the command, what of the YAML is changed to what, the code, where, and what is said.
WRONG = {
    "no_model": (FIRST, ROWS, "names: [a]\ntrain: x\n", "not-a-model", 1, "no backbone"),
    "a_list": (FIRST, ROWS, "- 1\n", "not-a-model", 1, "no backbone"),
    "nothing": (FIRST, ROWS, "", "not-a-model", 1, "no backbone"),
    "not_yaml": (FIRST, "5]] # 1", "5] # 1", "syntax-error", 6, "does not parse"),
    "an_anchor": (FIRST, ROW, f"- &a {ROW[2:]}", "unsupported", 6, "&a"),
    "an_alias": (FIRST, ROW, f"- &a {ROW[2:]}\n  - *a", "unsupported", 6, "&a"),
    "a_tag": (FIRST, ROW, f"- !!seq {ROW[2:]}", "unsupported", 6, "!!seq"),
    "three_parts": (FIRST, ROW, "- [-1, 1, SPPF]", "not-a-model", 6, "row 1 has 3 parts"),
    "a_text_for_from": (FIRST, ROW, "- [x, 1, SPPF, []]", "not-a-model", 6, "row 1 reads x"),
    "reads_a_later_row": (FIRST, "[[0, 1]", "[[0, 9]", "does-not-build", 8, "reads 9"),
    "a_scale_of_two": (FIRST, "0.25, 1024", "0.25", "not-a-model", 2, "[depth, width"),
    "no_such_row": ("cbam --after yolov8.yaml::model.7", "", "", "target-not-found", 8, "model.7"),
    "no_such_class": ("cbam --after yolov8.yaml::C2f", "", "", "target-not-found", 8, "C2f"),
    "no_such_input": (
        "cbam --before yolov8.yaml::Detect#4",
        *("", "", "target-not-found", 8, "no input #4"),
    ),
    "behind_the_head": ("cbam --after yolov8.yaml::model.2", "", "", "not-a-tensor", 8, "Detect"),
    "inside_of_a_row": (
        "cbam --after yolov8.yaml::model.1.cv1",
        *("", "", "target-not-found", 6, "inside of model.1"),
    ),
    "no_such_scale": (
        "cbam --after yolov8l.yaml::model.1",
        *("", "", "target-not-found", 2, "no scale l: its scales are n, s"),
    ),
    "a_width_of_one_scale": (
        f"{FIRST} --channels 16",
        *("", "", "bad-argument", 6, "model.1 gives 32 at scale s"),
    ),
    "a_block_that_changes_the_width": (
        "ghost --set out_channels=32 --after yolov8.yaml::model.1",
        *("", "", "bad-argument", 6, "model.1 gives 16 at scale n"),
    ),
    "a_class_that_ultralytics_has": (
        "mine.py::SPPF --after yolov8.yaml::model.1",
        *("", "", "bad-argument", "mine.py", "a class SPPF of its own"),
    ),
    "an_attribute_of_parse_model": (
        "mine.py::Mine --after yolov8.yaml::model.1",
        *("", "", "unsupported", "mine.py:12", "attribute f"),
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_it_is_refused_with_its_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags, before, now, code, where, says = WRONG[name]
    assert before in ROWS
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "yolov8.yaml").write_text(ROWS.replace(before, now) if before else ROWS)
    monkeypatch.chdir(tmp_path)
    untouched = tree(tmp_path)
    with pytest.raises(StitchError) as refused:
        splice.run(config.find_project(tmp_path), request_of(f"{flags} --no-prove", "no-python"))
    found = refused.value
    wanted = f"yolov8.yaml:{where}" if isinstance(where, int) else where
    assert (found.code, (found.where or "").removeprefix(f"{tmp_path}/")) == (code, wanted)
    assert says in found.message and (found.hint or found.suggestions)
    assert tree(tmp_path) == untouched
