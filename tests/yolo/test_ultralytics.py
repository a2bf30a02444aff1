"""With Ultralytics itself, where this Python has it; CI does not, and skips this file by its name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stitchgen.history import undo
from stitchgen.pipeline import splice, weights
from stitchgen.project import config
from stitchgen.yolo.files import packaged_yamls, unscaled
from tests.support.commands import request_of
from tests.support.spliced import tree

pytest.importorskip("ultralytics")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> config.Project:
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path.parent / "settings"))
    monkeypatch.setenv("YOLO_OFFLINE", "true")
    # Versions before torch 2.6 load whole models without saying so.
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    return config.find_project(tmp_path)


def python(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("yolov8n.yaml", "SPPF"),
        ("yolo11n-seg.yaml", "model.16"),
        ("yolov8n-pose.yaml", "model.4"),
        ("yolov8n-obb.yaml", "model.21"),
        ("yolov8n-cls.yaml", "model.8"),
        ("yolov8n-world.yaml", "model.22"),
        ("yolo26n.yaml", "model.10"),
    ],
)
def test_each_task_is_proven(project: config.Project, name: str, target: str) -> None:
    if unscaled(name)[0] not in dict(packaged_yamls(sys.executable)):
        pytest.skip("this version has no such model")
    before = tree(project.root)
    request = request_of(f"cbam --after {name}::{target}", sys.executable)
    proof = splice.run(project, request).result["proof"]
    assert proof["build"] and proof["params_added"] > 0
    undo.run(project)
    assert tree(project.root) == before


def test_every_old_tensor_arrives_by_load(project: config.Project) -> None:
    python(
        "-c",
        "import torch\nfrom ultralytics import YOLO\n"
        "torch.save({'model': YOLO('yolov8n.yaml').model, 'train_args': {}}, 'yolov8n.pt')",
    )
    splice.run(project, request_of("cbam --after yolov8n.yaml::SPPF --no-prove", sys.executable))
    report = weights.run(project, "yolov8n.pt", "yolov8-cbam.yaml", python=sys.executable).result
    assert (report["tensors"], report["arriving"]) == (355, 355)
    printed = python(
        "-c",
        "import stitched_blocks.register\nfrom ultralytics import YOLO\n"
        "YOLO('yolov8n-cbam.yaml').load('yolov8n-cbam-init.pt')",
    )
    assert "Transferred 355/363" in printed
