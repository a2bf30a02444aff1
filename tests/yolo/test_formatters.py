"""Formatters between `add` and `undo`: what they make of the project stays, and what was put in is gone.

`formatted/` has what three of them made of `model.yaml`, and of the same file with a row behind its third: the
default settings of ruamel.yaml 0.19 (a round trip), yamlfix 1.19 and prettier 3.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stitchgen.history import check, undo
from stitchgen.pipeline import splice
from stitchgen.project import config
from stitchgen.source.yaml_rows import graph_of, read_model
from tests.support.commands import request_of

FORMATTED = Path(__file__).parent / "formatted"
TRAIN = "import sys\nfrom ultralytics import YOLO\nimport os\nmodel = YOLO( 'yolov8.yaml' )\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> config.Project:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "yolov8.yaml").write_bytes((FORMATTED / "model.yaml").read_bytes())
    (tmp_path / "train.py").write_text(TRAIN)
    monkeypatch.chdir(tmp_path)
    project = config.find_project(tmp_path)
    splice.run(project, request_of("cbam --after yolov8.yaml::SPPF --no-prove", "no-python"))
    return project


def format_scripts(folder: Path) -> None:
    scripts = [str(path) for path in folder.rglob("*.py")]
    for formatter in ("isort", "black"):
        subprocess.run([sys.executable, "-m", formatter, "-q", *scripts], check=True)


@pytest.mark.parametrize("name", ["prettier", "ruamel", "yamlfix"])
def test_undo_after_formatters(project: config.Project, tmp_path: Path, name: str) -> None:
    model, text = project.root / "yolov8.yaml", (FORMATTED / f"{name}.after.yaml").read_bytes()
    put_in = [graph_of(read_model(raw, "m").rows) for raw in (model.read_bytes(), text)]
    assert put_in[0] == put_in[1], "formatted/ has another row than the one that was put in"
    model.write_bytes(text)
    format_scripts(project.root)
    assert check.run(project)["ok"]
    undo.run(project)
    assert model.read_bytes() == (FORMATTED / f"{name}.before.yaml").read_bytes()
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "train.py").write_text(TRAIN)
    format_scripts(alone)
    assert (project.root / "train.py").read_bytes() == (alone / "train.py").read_bytes()
    left = {path.name for path in project.root.iterdir()} - {"alone"}
    assert left == {"pyproject.toml", "train.py", "yolov8.yaml"}
