"""`TARGET#0`, `TARGET#out`: an element of a result, and where it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from stitchgen.pipeline import splice
from stitchgen.project import config
from tests.support.commands import refusal, request_of

MODEL = """\
from collections import namedtuple

import torch
import torch.nn as nn

Pair = namedtuple("Pair", "high low")


class Backbone(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)

    def forward(self, x):
        x = self.conv(x)
        return {result}


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.backbone = Backbone(width)
        self.head = nn.Conv2d(width, 4, 1)

    def forward(self, x):
        {forward}
"""
READS = "out = self.backbone(x)\n        return self.head(out[0])"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> config.Project:
    monkeypatch.chdir(tmp_path)
    return config.find_project(tmp_path)


def write(project: config.Project, result: str, forward: str) -> None:
    text = MODEL.replace("{result}", result).replace("{forward}", forward)
    (project.root / "model.py").write_text(text)


@pytest.mark.parametrize(
    ("result", "forward", "line"),
    [
        ("[x, x.relu()]", READS, "        out[0] = self.backbone_se(out[0])\n"),
        ("(x,)", READS, "        out = (self.backbone_se(out[0]),)\n"),
        ("{0: x, 1: None}", READS, "        out[0] = self.backbone_se(out[0])\n"),
        (
            "x, 3",
            "y, _ = self.backbone(x)\n        return self.head(y)",
            "        y = self.backbone_se(y)\n",
        ),
    ],
)
def test_the_form_follows_the_result(
    project: config.Project, result: str, forward: str, line: str, python: str
) -> None:
    write(project, result, forward)
    splice.run(project, request_of("se --after model.py::Net.backbone#0", python))
    assert line in (project.root / "model.py").read_text()


@pytest.mark.parametrize(
    ("result", "forward", "flags", "code", "message", "suggestions"),
    [
        (
            '{"a": x, "n": 3}',
            'return self.head(self.backbone(x)["a"])',
            "se --after model.py::Net.backbone",
            "not-a-tensor",
            "model.py::Net.backbone gives a dict, not a tensor",
            ["model.py::Net.backbone#a"],
        ),
        (
            '{"a": x, "n": 3}',
            'return self.head(self.backbone(x)["a"])',
            "se --after model.py::Net.backbone#n",
            "target-not-found",
            "gives a dict in which n is no tensor",
            ["model.py::Net.backbone#a"],
        ),
        (
            "x",
            "return self.head(self.backbone(x))",
            "se --after model.py::Net.backbone#0",
            "target-not-found",
            "gives a tensor, which has no elements",
            ["model.py::Net.backbone"],
        ),
        (
            "x, x",
            "return self.backbone(x)",
            "se --after model.py::Net.backbone#0",
            "unsupported",
            "model.py:26 does not give the result a name",
            [],
        ),
        (
            "x, x, x",
            "*rest, last = self.backbone(x)\n        return self.head(last)",
            "se --after model.py::Net.backbone#2",
            "unsupported",
            "model.py:26 does not give the result a name",
            [],
        ),
        (
            "Pair(x, x)",
            "return self.head(self.backbone(x).low)",
            "se --after model.py::Net.backbone#1",
            "unsupported",
            "gives a Pair, whose elements cannot be exchanged",
            [],
        ),
        (
            "x, x",
            READS,
            "se --before model.py::Net.backbone#0",
            "unsupported",
            "--before goes by what it takes",
            [],
        ),
        (
            "x, x",
            "y, _ = self.backbone(x)\n        return self.head(y)",
            "se --after model.py::Net.backbone#1",
            "law-broken",
            "Nothing in the model reads the output of backbone_1_se in train",
            [],
        ),
    ],
)
def test_refused(
    project: config.Project,
    result: str,
    forward: str,
    flags: str,
    code: str,
    message: str,
    suggestions: list[str],
    python: str,
) -> None:
    write(project, result, forward)
    error = refusal(project, flags, python)
    assert (error.code, error.suggestions) == (code, suggestions)
    assert message in error.message


def test_an_element_of_what_an_installed_layer_gives(project: config.Project, python: str) -> None:
    text = "from torch import nn\n\nmodel = nn.TransformerDecoderLayer(8, 2, 16)\n"
    (project.root / "train.py").write_text(text)
    flags = "swish --after train.py::model.self_attn#0 --set trainable=True --input 5x2x8"
    error = refusal(project, f"{flags} --input 5x2x8", python)
    assert error.code == "installed-package"
    result = splice.run(project, request_of(f"{flags} --input 5x2x8 --attach", python)).result
    assert result["proof"]["laws"]
    hook = "    return (layer.swish(output[0]), output[1])\n"
    assert hook in (project.root / "train.py").read_text()
