"""Blocks that are joined with what they are fed, or gated: one class each, since a row has one module."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from stitchgen.catalog.block import snake_case
from stitchgen.pipeline import splice
from stitchgen.project import config
from stitchgen.source.formatting import format_statements
from tests.support.commands import request_of

MODEL = """\
backbone:
  - [-1, 1, Conv, [8, 3, 2]]
  - [-1, 1, SPPF, [8, 5]]
head:
  - [[0, 1], 1, Detect, [nc]]
"""


@pytest.mark.parametrize(
    ("flags", "name", "joined"),
    [
        ("--gate", "GatedSE", lambda x, y: x + 0.5 * (y - x)),
        ("--fuse add", "ResidualSE", lambda x, y: x + y),
        ("--fuse mul", "MultipliedSE", lambda x, y: x * y),
        ("--fuse max", "MaximumSE", torch.maximum),
        ("--fuse add --gate", "GatedResidualSE", lambda x, y: x + 0.5 * y),
        ("--fuse mul --gate", "GatedMultipliedSE", lambda x, y: x + 0.5 * (x * y - x)),
    ],
)
def test_what_is_computed(
    flags: str, name: str, joined: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = made(flags, name, tmp_path, monkeypatch)(8)
    assert f"- [-1, 1, {name}, [c2]]\n" in (tmp_path / "model.yaml").read_text()
    x = torch.randn(2, 8, 4, 4)
    if "--gate" in flags:
        assert torch.equal(block(x), x), "the gate does not start closed"
        block.gate.data.fill_(0.5)
    expected = joined(x, block.block(x))  # type: ignore[operator]
    assert torch.allclose(block(x), expected, atol=1e-6)


def made(flags: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The class that a splice of a block made."""
    (tmp_path / "model.yaml").write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    request = request_of(f"se --after model.yaml::SPPF {flags} --no-prove", "no-python")
    splice.run(config.find_project(tmp_path), request)
    for path in (tmp_path / "stitched_blocks").glob("*.py"):
        assert format_statements(path.read_text(), line_length=100) == path.read_text()

    monkeypatch.syspath_prepend(str(tmp_path))
    for known in [one for one in sys.modules if one.partition(".")[0] == "stitched_blocks"]:
        monkeypatch.delitem(sys.modules, known)
    module = importlib.import_module(f"stitched_blocks.{snake_case(name)}")
    return getattr(module, name)


def test_a_concatenation_is_reduced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    block = made("--fuse concat --gate", "GatedConcatenatedSE", tmp_path, monkeypatch)(8, 8)
    x = torch.randn(2, 8, 4, 4)
    assert torch.equal(block(x), x), "the gate does not start closed"
    block.gate.data.fill_(1)
    expected = block.reduce(torch.cat([x, block.block(x)], 1))
    assert torch.allclose(block(x), expected, atol=1e-6)
