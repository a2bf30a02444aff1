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


PACKAGED = """\
scales:
  n: [0.33, 0.25, 1024]
  s: [0.33, 0.50, 1024]
backbone:
  - [-1, 1, Conv, [64, 3, 2]] # 0
  - [-1, 1, SPPF, [64, 5]] # 1
head:
  - [[0, 1], 1, Detect, [nc]]
"""


@pytest.fixture
def packaged(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Python of an environment that has Ultralytics' YAML files."""
    environment = tmp_path_factory.mktemp("environment")
    models = environment / "lib/python3.11/site-packages/ultralytics/cfg/models/v8"
    models.mkdir(parents=True)
    (models / "yolov8.yaml").write_text(PACKAGED)
    (models / "yolov8-p2.yaml").write_text(PACKAGED)
    python = environment / "bin" / "python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    return str(python)
