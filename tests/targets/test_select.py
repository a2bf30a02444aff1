"""`--every CLASS [--where K=V]`: which layers it takes, what it says, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from stitchgen.pipeline import splice as splicing
from stitchgen.project import config
from stitchgen.targets.select import same, value_of
from tests.support.commands import refusal, request_of

MODEL = """\
import torch
import torch.nn as nn


class ReLU(nn.Module):
    def forward(self, x):
        return x.clamp(min=0)


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.act = nn.ReLU()

    def forward(self, x):
        return x + self.act(self.conv(self.act(x)))


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, (3, 1), stride=2)
        self.relu = ReLU()
        self.block = Block(width)
        self.spare = nn.Conv2d(width, width, 5)

    def forward(self, x):
        return self.block(self.relu(self.stem(x)))
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> config.Project:
    (tmp_path / "model.py").write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    return config.find_project(tmp_path)


def targets(project: config.Project, flags: str, python: str) -> list[str]:
    result = splicing.run(project, request_of(flags, python), mode="dry-run").result
    return [splice["target"].partition("::")[2] for splice in result["splices"]]


@pytest.mark.parametrize(
    ("flags", "wanted"),
    [
        ("--every Conv2d --after model", ["Net.stem", "Block.conv"]),
        ("--every nn.Conv2d --after model.py", ["Net.stem", "Block.conv"]),
        ("--every torch.nn.Conv2d --after model.py::Net", ["Net.stem", "Block.conv"]),
        ("--every nn.Conv2d --after model.block", ["Block.conv"]),
        ("--every nn.Conv2d --after model.py::Block", ["Block.conv"]),
        ("--every nn.Conv2d --where kernel_size=3 --after model", ["Block.conv"]),
        ("--every nn.Conv2d --where kernel_size=(3,1) --after model", ["Net.stem"]),
        ("--every nn.Conv2d --where bias=False --after model", ["Block.conv"]),
        ("--every nn.Conv2d --where bias=True --where stride=2 --after model", ["Net.stem"]),
        ("--every model.ReLU --after model", ["Net.relu"]),
        ("--every nn.ReLU --after model@all", ["Block.act@all", "Block.act@all"]),
    ],
)
def test_every(project: config.Project, flags: str, wanted: list[str], python: str) -> None:
    assert targets(project, f"se {flags}", python) == wanted


def test_a_layer_that_is_never_called_is_passed_over_and_said(
    project: config.Project, python: str
) -> None:
    request = request_of("se --every nn.Conv2d --after model", python)
    result = splicing.run(project, request, mode="dry-run").result
    [warning] = [one for one in result["warnings"] if one["code"] == "never-called"]
    assert "spare of class nn.Conv2d got no block" in warning["message"]


def test_no_layer_of_that_class(project: config.Project, python: str) -> None:
    error = refusal(project, "se --every nn.Conv1d --after model.block", python)
    assert error.code == "target-not-found"
    assert error.message.startswith("no layer under model.block is a nn.Conv1d")
    assert error.hint == "The classes there are: Block, Conv2d, ReLU"
    assert error.suggestions == ["--every Conv2d"]


def test_no_layer_with_that_value(project: config.Project, python: str) -> None:
    error = refusal(project, "se --every nn.Conv2d --where kernel_size=7 --after model", python)
    assert error.code == "target-not-found"
    assert "none of the 3 layers of class nn.Conv2d under model has kernel_size=7" in error.message
    assert "kernel_size=(3, 1), kernel_size=3, kernel_size=5" in (error.hint or "")


def test_no_such_attribute(project: config.Project, python: str) -> None:
    error = refusal(project, "se --every nn.Conv2d --where kernel=3 --after model", python)
    assert "nn.Conv2d has no kernel; it has training, in_channels" in (error.hint or "")


def test_a_name_of_two_classes(project: config.Project, python: str) -> None:
    error = refusal(project, "se --every ReLU --after model", python)
    assert error.code == "target-ambiguous"
    wanted = ["--every model.ReLU", "--every torch.nn.modules.activation.ReLU"]
    assert error.suggestions == wanted


def test_several_calls_are_named_with_the_target_that_takes_all(
    project: config.Project, python: str
) -> None:
    error = refusal(project, "se --every nn.ReLU --after model", python)
    assert error.code == "many-calls"
    assert error.suggestions == ["model@all"]


def test_every_needs_a_run(project: config.Project, python: str) -> None:
    error = refusal(project, "se --every nn.Conv2d --after model --no-prove", python)
    assert error.code == "unsupported"
    assert error.hint == "Leave out --no-prove."


def test_two_models_in_one_file(project: config.Project, python: str) -> None:
    (project.root / "model.py").write_text(
        MODEL + MODEL[MODEL.index("class Net") :].replace("Net", "Other")
    )
    error = refusal(project, "se --every nn.Conv2d --after model", python)
    assert error.code == "target-ambiguous"
    assert error.suggestions == ["model.py::Net", "model.py::Other"]


@pytest.mark.parametrize(
    ("attribute", "text", "equal"),
    [
        ([3, 3], "3", True),
        ([3, 1], "3", False),
        ([3, 1], "3,1", True),
        (1, "True", False),
        (True, "True", True),
        (0.0, "0", True),
        ("zeros", "zeros", True),
        (None, "None", True),
        ([], "3", False),
    ],
)
def test_values_are_compared_as_the_constructor_takes_them(
    attribute: object, text: str, equal: bool
) -> None:
    assert same(attribute, value_of(text)) is equal
