"""The same command again: nothing to do, decided from the ledger and the source, without a run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stitchgen.analysis.runtime_backend import Observer
from stitchgen.errors import StitchError
from stitchgen.history import undo
from stitchgen.pipeline import splice
from stitchgen.project import config
from stitchgen.project.outcome import Outcome
from stitchgen.targets.placement import AFTER
from stitchgen.targets.request import AddRequest

MODEL = """\
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, width, 3), nn.ReLU(), nn.Conv2d(width, 16, 3))
        self.neck = nn.Conv2d(16, 16, 1)
        self.head = nn.Linear(16, 10)

    def forward(self, x):
        x = self.neck(self.features(x))
        return self.head(x.mean((2, 3)))
"""

SLICE, WRAP = "model.py::Net.features.0", "model.py::Net.neck"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "model.py").write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An entry for each time that a model was run."""
    made: list[str] = []

    enter = Observer.__enter__

    def watched(self: Observer) -> Observer:
        made.append("run")
        return enter(self)

    monkeypatch.setattr(Observer, "__enter__", watched)
    return made


def ask(folder: Path, python: str, *targets: str, block: str = "se", **more) -> Outcome:
    project = config.find_project(folder)
    more = {"placement": AFTER, "python": python} | more
    return splice.run(project, AddRequest(block=block, targets=targets, **more))


@pytest.mark.parametrize("target", [SLICE, WRAP])
def test_the_same_command_has_nothing_to_do_and_runs_nothing(
    target: str, folder: Path, python: str, runs: list[str]
) -> None:
    first = ask(folder, python, target)
    assert runs == ["run"]
    again = ask(folder, python, target)
    assert runs == ["run"] and again.changes == []
    assert again.result["ok"] and again.result["files"] == []
    [old], [new] = first.result["splices"], again.result["splices"]
    assert new["already"] and not old["already"]
    for key in ("target", "placement", "attribute", "strategy"):
        assert new[key] == old[key]
    assert new["channels"]["expression"] == old["channels"]["expression"]


@pytest.mark.parametrize("target", [SLICE, WRAP])
def test_edits_elsewhere_and_another_layout_do_not_matter(
    target: str, folder: Path, python: str, runs: list[str]
) -> None:
    ask(folder, python, target)
    file = folder / "model.py"
    text = file.read_text().replace(
        "import torch.nn as nn\n", "import torch\nimport torch.nn as nn\n"
    )
    text = re.sub(
        r"(x = self\.\w+\()(.*)\)\n", r"\1  # by hand\n            \2\n        )\n", text, count=1
    )
    file.write_text(text)
    assert "by hand" in text
    assert ask(folder, python, target).changes == []
    assert runs == ["run"] and file.read_text() == text


def test_lines_that_were_taken_out_are_put_in_again(folder: Path, python: str) -> None:
    first = ask(folder, python, WRAP)
    spliced = (folder / "model.py").read_bytes()
    (folder / "model.py").write_text(MODEL)
    again = ask(folder, python, WRAP)
    assert not again.result["splices"][0]["already"]
    assert (folder / "model.py").read_bytes() == spliced
    assert first.result["splices"][0]["attribute"] == again.result["splices"][0]["attribute"]


def test_a_block_file_that_was_deleted_is_missed(folder: Path, python: str) -> None:
    ask(folder, python, WRAP)
    (folder / "blocks" / "se.py").unlink()
    with pytest.raises(StitchError, match=r"blocks.se"):
        ask(folder, python, WRAP)


def test_other_arguments_are_another_command(folder: Path, python: str) -> None:
    ask(folder, python, WRAP)
    with pytest.raises(StitchError) as refusal:
        ask(folder, python, WRAP, settings={"reduction": "2"})
    assert refusal.value.code == "already-there"


def test_the_same_text_can_mean_another_file(
    tmp_path: Path, python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.py").write_text(MODEL)
        monkeypatch.chdir(tmp_path / name)
        done = ask(tmp_path, python, "model.neck")
        assert f"{name}/model.py" in [change.path for change in done.changes]


def test_a_pattern_takes_layers_that_came_since(folder: Path, python: str) -> None:
    file = folder / "model.py"
    pattern = "model.py::Net.nec*"
    ask(folder, python, pattern)
    assert ask(folder, python, pattern).changes == []
    text = file.read_text()
    text = text.replace(
        "        self.head =", "        self.necb = nn.Conv2d(16, 16, 1)\n        self.head ="
    ).replace("        return", "        x = self.necb(x)\n        return")
    file.write_text(text)
    found = {s["target"]: s["already"] for s in ask(folder, python, pattern).result["splices"]}
    assert found == {"model.py::Net.neck": True, "model.py::Net.necb": False}


def test_two_targets_of_which_another_run_spliced_one(folder: Path, python: str) -> None:
    ask(folder, python, "model.neck")
    ask(folder, python, "model.neck", "model.features")
    file = folder / "model.py"
    lines = file.read_text().splitlines(True)
    file.write_text("".join(line for line in lines if "neck_se" not in line))
    splices = ask(folder, python, "model.neck", "model.features").result["splices"]
    assert {s["target"]: s["already"] for s in splices} == {
        "model.py::Net.neck": False,
        "model.py::Net.features": True,
    }
    assert sorted(file.read_text().splitlines(True)) == sorted(lines)


@pytest.mark.parametrize(
    "more",
    [
        {"targets": ("model.py::Net.nec*",)},
        {"targets": ("model.py::Net",), "every": "nn.Conv2d", "where": {"out_channels": "16"}},
    ],
)
def test_blocks_of_earlier_runs_are_no_layers_of_a_pattern(
    folder: Path, python: str, more: dict
) -> None:
    """Not even where the ledger does not vouch for the file as a whole: its owner has edited it."""
    targets = more.pop("targets")
    first = ask(folder, python, *targets, block="cbam", **more)
    file = folder / "model.py"
    file.write_text(file.read_text() + "\n\nWIDTH = 8\n")
    again = ask(folder, python, *targets, block="cbam", **more)
    assert again.changes == []
    assert len(again.result["splices"]) == len(first.result["splices"])


def test_other_arguments_at_a_slice_are_refused_as_anywhere(folder: Path, python: str) -> None:
    ask(folder, python, SLICE)
    before = (folder / "model.py").read_bytes()
    with pytest.raises(StitchError) as refusal:
        ask(folder, python, SLICE, settings={"reduction": "2"})
    assert refusal.value.code == "already-there"
    assert "this command would write SE(channels=width, reduction=2)" in refusal.value.message
    assert (folder / "model.py").read_bytes() == before


def test_layers_of_a_call_that_was_cut_into_slices_are_spliced_and_taken_back(
    folder: Path, python: str
) -> None:
    project = config.find_project(folder)
    ask(folder, python, SLICE)
    cut = (folder / "model.py").read_bytes()
    ask(folder, python, "model.py::Net.features.1")
    assert b"self.features_1_se" in (folder / "model.py").read_bytes()
    assert ask(folder, python, "model.py::Net.features.1").changes == []
    undo.run(project)
    assert (folder / "model.py").read_bytes() == cut
    undo.run(project)
    assert (folder / "model.py").read_text() == MODEL
