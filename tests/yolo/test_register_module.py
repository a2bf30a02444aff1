"""`register.py`, as it runs: beside a package that has of Ultralytics what it touches, in a fresh process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stitchgen.pipeline import splice
from stitchgen.project import config
from tests.support.commands import request_of

MODEL = """\
backbone:
  - [-1, 1, Conv, [8, 3, 2]]
  - [-1, 1, SPPF, [8, 5]]
head:
  - [[0, 1], 1, Detect, [nc]]
"""
#: What a worker of a multi-GPU training does first: it builds the model of a trainer.
DIST = """\
def generate_ddp_file(trainer):
    with open(trainer, "w", encoding="utf-8") as file:
        file.write("from ultralytics.nn import tasks\\nprint(tasks.Mine.__module__)\\n")
    return trainer
"""
CLI = """\
from ultralytics.nn import tasks

def entrypoint():
    import sys
    print(sys.argv[1:], tasks.Mine.__name__)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a block registered, and a stand-in for Ultralytics outside of it."""
    package = tmp_path / "packages" / "ultralytics"
    for name, text in {
        "__init__.py": "",
        "nn/__init__.py": "",
        "nn/tasks.py": "",
        "utils/__init__.py": "",
        "utils/dist.py": DIST,
        "cfg/__init__.py": CLI,
    }.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    root = tmp_path / "project"
    root.mkdir()
    (root / "pyproject.toml").touch()
    (root / "model.yaml").write_text(MODEL)
    # Without torch, whose import would be most of the time.
    (root / "mine.py").write_text("class Mine:\n    def __init__(self, channels):\n        pass\n")
    monkeypatch.chdir(root)
    splice.run(
        config.find_project(root),
        request_of("mine.py::Mine --after model.yaml::SPPF --no-prove", "no-python"),
    )
    return root


def run(folder: Path, *arguments: str) -> str:
    """What a Python prints that runs in a folder, with the stand-in installed."""
    environment = dict(os.environ, PYTHONPATH=str(folder.parent / "packages"))
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_workers_of_a_multi_gpu_training_have_the_block(project: Path, tmp_path: Path) -> None:
    """Their file is run by its path, from anywhere."""
    worker = tmp_path / "worker.py"
    program = (
        "import stitched_blocks.register\nfrom ultralytics.nn import tasks\n"
        "from ultralytics.utils import dist\nprint(tasks.Mine.__module__)\n"
        f"dist.generate_ddp_file({str(worker)!r})\n"
    )
    assert run(project, "-c", program) == "mine"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert run(elsewhere, str(worker)) == "mine"


def test_the_command_line_has_the_block(project: Path) -> None:
    printed = run(project, "-m", "stitched_blocks", "train", "model=model.yaml")
    assert printed == "['train', 'model=model.yaml'] Mine"
