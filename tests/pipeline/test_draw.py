"""`draw`: the stages of a model, what feeds what, and what the last run changed."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from stitchgen.errors import StitchError
from stitchgen.pipeline import draw, splice
from stitchgen.project import config
from stitchgen.targets.model import RunOptions
from tests.support.commands import request_of
from tests.support.spliced import tree

UNET = """\
import torch
from torch import nn


class Stage(nn.Module):
    def __init__(self, ins, outs):
        super().__init__()
        self.conv = nn.Conv2d(ins, outs, 3, padding=1)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.act(self.conv(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inc = Stage(3, 4)
        self.down = Stage(4, 8)
        self.blocks = nn.ModuleList([Stage(8, 8) for _ in range(4)])
        self.up = Stage(12, 4)
        self.out = nn.Conv2d(4, 2, 1)
        self.unused = nn.Conv2d(4, 2, 1)

    def forward(self, x):
        first = self.inc(x)
        x = nn.functional.max_pool2d(self.down(first), 2)
        for block in self.blocks:
            x = block(x)
        x = nn.functional.interpolate(x, scale_factor=2)
        return self.out(self.up(torch.cat([first, x], 1)))
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> config.Project:
    (tmp_path / "model.py").write_text(UNET)
    monkeypatch.chdir(tmp_path)
    return config.find_project(tmp_path)


@pytest.fixture
def drawn(project: config.Project, python: str) -> Any:
    def drawing(**asked: Any) -> dict[str, Any]:
        options = RunOptions(inputs=("2x3x8x8",), python=python)
        return draw.run(project, "model", draw.Drawn(**asked), options)

    return drawing


def edges(graph: Any) -> list[tuple[str, str, str]]:
    names = {node["key"]: node["title"] for node in graph["nodes"]}
    return sorted((names[e["from"]], names[e["to"]], e["shape"]) for e in graph["edges"])


def test_stages_have_the_shapes_between_them_and_skips_meet(drawn: Any) -> None:
    [graph] = drawn()["graphs"]
    assert edges(graph) == [
        ("blocks.0 .. 3", "cat", "2x8x8x8"),
        ("cat", "up", "2x12x8x8"),
        ("down", "blocks.0 .. 3", "2x8x4x4"),
        ("inc", "cat", "2x4x8x8"),
        ("inc", "down", "2x4x8x8"),
        ("input", "inc", "2x3x8x8"),
        ("out", "output", "2x2x8x8"),
        ("up", "out", "2x4x8x8"),
    ]
    [row] = [node for node in graph["nodes"] if node["title"] == "blocks.0 .. 3"]
    assert row["detail"] == "4 x Stage"
    assert row["layers"] == ["blocks.0", "blocks.1", "blocks.2", "blocks.3"]


def test_around_a_target_its_layer_is_opened(drawn: Any) -> None:
    [graph] = drawn(around="model.blocks.2")["graphs"]
    kinds = {node["title"]: node["kind"] for node in graph["nodes"]}
    assert kinds["blocks.2.conv"] == kinds["blocks.2.act"] == "layer"
    assert "output" not in kinds
    with pytest.raises(StitchError) as refused:
        drawn(around="model.blocks.9")
    assert refused.value.code == "target-not-found"
    assert "model.py::Net.blocks.2" in refused.value.suggestions


def test_the_last_run_is_drawn_side_by_side(project: Any, drawn: Any, python: str) -> None:
    splice.run(project, request_of("se --after model.down --input 2x3x8x8", python))
    before = tree(project.root)
    found = drawn()
    assert tree(project.root) == before
    old, new = found["graphs"]
    assert ("down", "down_se", "2x8x8x8") in edges(new)
    assert "down_se" not in str(old)
    assert [node["title"] for node in new["nodes"] if node["marked"]] == ["down_se"]
    assert "class g1n3 block" in found["mermaid"]
    assert len(drawn(now=True)["graphs"]) == 1
    # An edit of the user's in what was inserted: there is no before, and that is said.
    model = project.root / "model.py"
    model.write_text(model.read_text().replace("SE(channels=8)", "SE(channels=8, reduction=2)"))
    found = drawn()
    assert len(found["graphs"]) == 1
    assert [one["code"] for one in found["warnings"]] == ["file-changed"]


@pytest.mark.parametrize("suffix", [".svg", ".html", ".mmd"])
def test_every_kind_of_file_is_written(project: Any, drawn: Any, suffix: str) -> None:
    path = project.root / f"model{suffix}"
    assert drawn(output=path)["files"] == [{"path": str(path), "action": "create"}]
    text = path.read_text("utf-8")
    assert "blocks.0 .. 3" in text and "2x12x8x8" in text
    if suffix == ".svg":
        root = ElementTree.fromstring(text)
        boxes = list(root.iter("{http://www.w3.org/2000/svg}rect"))
        assert len(boxes) == 1 + 8  # the page, and the nodes
    # Nothing is loaded from elsewhere.
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_what_cannot_be_drawn_is_refused(project: Any, drawn: Any) -> None:
    with pytest.raises(StitchError) as refused:
        drawn(output=project.root / "model.png")
    assert (refused.value.code, refused.value.exit_status) == ("bad-argument", 2)
    with pytest.raises(StitchError) as refused:
        drawn(output=project.root / "missing" / "model.svg")
    assert refused.value.code == "not-writable"
    (project.root / "net.yaml").write_text("backbone: []\n")
    with pytest.raises(StitchError) as refused:
        draw.run(project, "net.yaml", draw.Drawn(), RunOptions())
    assert refused.value.code == "not-python"
