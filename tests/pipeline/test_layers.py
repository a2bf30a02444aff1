"""`layers`: how each layer is typed as a target, and which of them are asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from stitchgen.errors import StitchError
from stitchgen.pipeline import layers
from stitchgen.pipeline import splice as splicing
from stitchgen.project import config
from tests.support.commands import request_of

MODEL = """\
from torch import nn


class Two(nn.Module):
    def forward(self, x):
        return {"all": x, "half": x[:, :8]}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.act = nn.ReLU()
        self.body = nn.ModuleList([nn.Conv2d(8, 8, 1), nn.Conv2d(8, 16, (3, 1))])
        self.rnn = nn.LSTM(16, 4)
        self.two = Two()
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        x = self.act(self.stem(x))
        for layer in self.body:
            x = self.act(layer(x))
        x = self.two(x)["all"]
        y, _ = self.rnn(x.flatten(2).transpose(1, 2))
        return self.fc(x.mean((2, 3))), y
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "model.py").write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_each_row_has_its_target_and_is_found_by_what_is_asked(root: Path, python: str) -> None:
    def paths(**asked: object) -> list[str]:
        shown = layers.Shown(**asked)
        found = layers.run(project, "model", shown=shown, inputs=("1x3x16x16",), python=python)
        return [one["path"] for one in found["layers"]]

    project = config.find_project(root)
    found = layers.run(project, "model", inputs=("1x3x16x16",), python=python)
    assert [(one["path"], one["target"], one["channels"]) for one in found["layers"]] == [
        ("stem", "model.py::Net.stem", 8),
        ("act", "model.py::Net.act@all", 8),
        ("body", None, None),
        ("body.0", "model.py::Net.body.0", 8),
        ("body.1", "model.py::Net.body.1", 16),
        ("rnn", "model.py::Net.rnn#0", 4),
        ("two", "model.py::Net.two#all", 16),
        ("two", "model.py::Net.two#half", 8),
        ("fc", "model.py::Net.fc", 10),
    ]
    assert paths(depth=1) == ["stem", "act", "body", "rnn", "two", "two", "fc"]
    assert paths(where={"channels": "8", "kernel_size": "1"}) == ["body.0"]
    assert paths(where={"kernel_size": "(3, 1)", "class": "Conv2d"}) == ["body.1"]
    assert paths(fits="cbam", where={"channels": "8"}) == ["stem", "act", "body.0", "two"]
    # What is printed is a target of `add`.
    for one in found["layers"]:
        if one["path"] in ("act", "rnn"):
            flags = f"swish --after {one['target']} --input 1x3x16x16"
            splicing.run(project, request_of(flags, python), mode="dry-run")


def test_a_block_that_there_is_not(root: Path) -> None:
    with pytest.raises(StitchError) as refused:
        layers.run(config.find_project(root), "model", shown=layers.Shown(fits="cbma"))
    assert refused.value.code == "block-not-found"
