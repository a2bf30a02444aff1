"""The constructions of a model that the project itself has, offered where nothing builds."""

from __future__ import annotations

from pathlib import Path

import pytest

from stitchgen.pipeline import splice
from stitchgen.project import config
from stitchgen.source.document import Document
from stitchgen.source.syntax import Syntax, module_classes
from stitchgen.targets.build_offers import bound_call, constructions
from tests.support.commands import refusal, request_of

MODEL = """\
import torch.nn as nn


class Block(nn.Module):
    def forward(self, x):
        return x


class UNet(nn.Module):
    def __init__(self, channels, classes, block, mode="sum"):
        super().__init__()
        self.conv = nn.Conv2d(channels, 8, 3)
        self.out = nn.Conv2d(8, classes, 1)

    def forward(self, x):
        return self.out(self.conv(x))


def unet(classes):
    return UNet(3, classes, Block)


if __name__ == "__main__":
    print(UNet(1, 2, Block, mode="mean"))
"""
FILES = {
    "nets/unet.py": MODEL,
    "nets/__init__.py": "from .unet import UNet\n",
    "hubconf.py": "from nets.unet import unet as make\n\n\ndef small():\n    return make(5)\n",
    "train.py": """\
import argparse
from nets import unet
from other import UNet as Foreign

args = argparse.ArgumentParser().parse_args()
net = unet.UNet(args.channels, 7, None)
net = unet.UNet(3, 7, None)
Foreign(1, 2, 3)
""",
    "tests/test_unet.py": "from nets import UNet\n\nUNet(3, classes=[4, -1], block=None)\n",
    "broken.py": "def (:\n",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> config.Project:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return config.find_project(tmp_path)


def test_the_likeliest_come_first(project: config.Project) -> None:
    file = project.root / "nets" / "unet.py"
    syntax = Syntax(Document(file.read_bytes(), "nets/unet.py"))
    found = constructions(project.root, file, syntax, set(module_classes(syntax)))
    assert [(offer.text, offer.where) for offer in found] == [
        ("unet(5)", "hubconf.py:5"),
        ("UNet(1, 2, Block, mode='mean')", "nets/unet.py:24"),
        ("UNet(3, 7, None)", "train.py:7"),
        ("UNet(3, classes=[4, -1], block=None)", "tests/test_unet.py:3"),
    ]


def test_an_offer_can_be_pasted(project: config.Project, python: str) -> None:
    error = refusal(project, "se --after nets/unet.py::UNet.conv --build UNet(3)", python)
    assert error.code == "does-not-build"
    assert "The project has unet(5) at hubconf.py:5" in (error.hint or "")
    first, second, *_ = error.suggestions
    assert second == """--build 'UNet(1, 2, Block, mode="mean")'"""
    for offer in (first, second):
        request = request_of(f"se --after nets.unet.conv {offer}", python)
        assert splice.run(project, request, "dry-run").changes


def test_the_likeliest_is_tried_where_the_file_builds_another_class(
    project: config.Project, python: str
) -> None:
    request = request_of("se --after nets/unet.py::UNet.conv", python)
    assert "unet(5)" in splice.run(project, request, "dry-run").result["proof"]["build"]


def test_a_layer_that_is_not_found_may_be_in_what_was_not_built(
    project: config.Project, python: str
) -> None:
    error = refusal(project, "se --after nets.unet.conv", python)
    assert error.code == "target-not-found"
    assert "--build 'unet(5)'" in error.suggestions


def test_an_expression_of_another_module(project: config.Project, python: str) -> None:
    flags = "se --after nets/unet.py::UNet.conv --build hubconf:small()"
    result = splice.run(project, request_of(flags, python), "dry-run").result
    assert result["proof"]["build"] == ["hubconf:small()"]
    # The file has a `__main__` of its own, in a folder from which no script finds the blocks.
    [note] = result["proof"]["notes"]
    assert note.startswith("nets/unet.py itself does not find the block")
    assert "nets/unet.py" not in [one["from"] for one in result["proof"]["imports"]]


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Net(3, 8)", "Net(channels=3, width=8)", True),
        ("Net(3, width=16)", "Net(3)", True),
        ("Net(3, 8)", "Net(3, 16)", False),
        ("Wide(3, deep=True)", "Wide(channels=3)", True),
        ("build(2)", "build(depth=2, wide=False)", True),
        ("other:Net(3)", "Net(3)", False),
        ("Net(*[3])", "Net(3)", False),
    ],
)
def test_constructions_of_the_same_arguments_are_one(one: str, other: str, alike: bool) -> None:
    text = """\
class Net:
    def __init__(self, channels, width=16): ...
class Wide(Net):
    def __init__(self, channels, *, deep=True): ...
def build(depth, wide=False):
    return Net(depth)
"""
    syntax = Syntax(Document(text.encode(), "net.py"))
    assert (bound_call(syntax, one) == bound_call(syntax, other)) is alike
