"""A small repository with a parse_model of its own, as a project and as this process imports it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from stitchgen.project import config

FORK = Path(__file__).parent / "fork"


@pytest.fixture
def fork(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> config.Project:
    root = tmp_path / "fork"
    shutil.copytree(FORK, root, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "pyproject.toml").touch()
    monkeypatch.chdir(root)
    return config.find_project(root)


@pytest.fixture
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fork as this process imports it."""
    monkeypatch.syspath_prepend(str(FORK))
    for name in [name for name in sys.modules if name.partition(".")[0] == "models"]:
        monkeypatch.delitem(sys.modules, name)
