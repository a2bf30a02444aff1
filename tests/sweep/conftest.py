"""Projects to sweep: one that trains a small network, one that only prints numbers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from stitchgen.cli import main
from stitchgen.sweep import latency

TRAIN = Path(__file__).parent / "train"

#: A training without torch: a number that depends on the seed alone.
PRINTS = """\
import random, sys
seed = int(sys.argv[1])
if seed in (int(text) for text in sys.argv[2:]):
    print("about to fail")
    raise SystemExit(3)
random.seed(seed)
for epoch in range(3):
    print(f"epoch {epoch} val_acc: {random.random():.4f}")
"""


@pytest.fixture
def printing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose training prints a metric, in milliseconds."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "train.py").write_text(PRINTS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that trains a network of a few hundred parameters."""
    shutil.copytree(TRAIN, tmp_path, dirs_exist_ok=True)
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)
    # Whether latency is measured would depend on the load of the machine.
    monkeypatch.setattr(latency, "busy", lambda jobs: "tests were going")
    return tmp_path


@pytest.fixture
def sweep(capsys: pytest.CaptureFixture[str]):
    """Type `stitchgen sweep ... --json`: the exit status and the object."""

    def typed(*words: str, train: str = "") -> tuple[int, dict]:
        capsys.readouterr()
        behind = ["--", *train.split()] if train else []
        status = main.run(["sweep", *words, "--json", *behind])
        return status, json.loads(capsys.readouterr().out)

    return typed


def files_of(folder: Path) -> dict[str, bytes]:
    """All of a project but what stitchgen keeps for itself."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not {".stitchgen", "__pycache__"} & set(path.parts)
    }
