"""completion.py: targets as a shell completes them, without running anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stitchgen.targets import completion
from stitchgen.targets.completion import complete, remember

MODEL = """\
from torch import nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.width = 8
        self.layer1 = Block(8)
        self.layer2 = nn.Sequential(Block(8), Block(8))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STITCHGEN_CACHE", str(tmp_path / "cache"))
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "notes.py").write_text("x = 1\n")
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "unet.py").write_text(MODEL.replace("layer", "down"))
    return tmp_path


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["model."]),
        ("mo", ["model."]),
        ("model.la", ["model.layer1", "model.layer2"]),
        ("model.Net.layer2", ["model.Net.layer2"]),
        ("model.py::Net.layer", ["model.py::Net.layer1", "model.py::Net.layer2"]),
        ("nets.unet.d", ["nets.unet.down1", "nets.unet.down2"]),
        ("nets/unet.py::B", ["nets/unet.py::Block"]),
        ("model.width", []),
        ("absent.py::Net.", []),
        ("absent.layer", []),
    ],
)
def test_is_read_from_the_source(text: str, found: list[str], folder: Path) -> None:
    assert complete(folder, text) == found


def test_what_was_seen_of_this_very_content_goes_deeper(folder: Path) -> None:
    paths = ["layer1", "layer1.conv", "layer2", "layer2.0.conv"]
    remember(MODEL.encode(), "Net", paths)
    assert complete(folder, "model.layer2.") == ["model.layer2.0"]
    assert complete(folder, "model.py::Net.layer2.0.") == ["model.py::Net.layer2.0.conv"]
    (folder / "model.py").write_text(MODEL + "\n")
    assert complete(folder, "model.layer2.") == []


def test_only_the_last_files_are_remembered(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completion, "MOST_REMEMBERED", 2)
    for number in range(4):
        remember(b"%d" % number, "Net", ["layer"])
        os.utime(completion.cache_file(b"%d" % number), (number, number))
    assert [bool(completion.remembered(b"%d" % number)) for number in range(4)] == [
        False,
        False,
        True,
        True,
    ]


def test_a_cache_that_cannot_be_written_or_read_is_none(folder: Path) -> None:
    (folder / "cache").write_text("in the way")
    remember(MODEL.encode(), "Net", ["layer1"])
    assert completion.remembered(MODEL.encode()) == {}
