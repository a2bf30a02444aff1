"""The ten ways in which people's edits of a YOLO fail, each with its smallest input and what happens here.

Ultralytics is stood in for by a package that reads a YAML, builds rows and makes workers as it does, without torch;
where tensors are needed, by the small repository `fork/`.
"""

from __future__ import annotations

import copy
import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from stitchgen.errors import StitchError
from stitchgen.history import undo
from stitchgen.observer.rows.proof import prove_rows
from stitchgen.pipeline import splice, weights
from stitchgen.project import config
from stitchgen.project.outcome import Outcome
from stitchgen.source.yaml_edits import Insertion, edited, insert_rows, readers_of
from stitchgen.source.yaml_rows import read_model
from tests.support.commands import refusal, request_of
from tests.support.spliced import tree
from tests.yolo.conftest import FORK
from tests.yolo.test_proof import MODEL, request

PACKAGE = Path(__file__).parent / "package"
ROWS = """\
scales:
  n: [0.33, 0.25, 1024]
  s: [0.33, 0.50, 1024]
backbone:
  - [-1, 1, Conv, [64, 3, 2]] # 0
  - [-1, 1, SPPF, [64, 5]] # 1
head:
  - [[0, 1], 1, Detect, [nc]]
"""
TRAIN = "from ultralytics import YOLO\n\nmodel = YOLO('yolov8n.yaml')\nprint(model.widths)\n"
MINE = "class Mine:\n    def __init__(self, channels):\n        self.channels = channels\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> config.Project:
    """A project with a YAML, a script and a class of its own."""
    root = tmp_path / "project"
    root.mkdir()
    for name, text in {"yolov8.yaml": ROWS, "train.py": TRAIN, "mine.py": MINE}.items():
        (root / name).write_text(text)
    (root / "pyproject.toml").touch()
    monkeypatch.chdir(root)
    return config.find_project(root)


def add(project: config.Project, flags: str) -> Outcome:
    return splice.run(project, request_of(f"{flags} --no-prove", "no-python"))


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A Python that runs in a folder, with the stand-in for Ultralytics installed."""
    environment = dict(os.environ, PYTHONPATH=str(PACKAGE), PYTHONDONTWRITEBYTECODE="1")
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )


def codes(outcome: Outcome) -> set[str]:
    return {one["code"] for one in outcome.result["warnings"]}


def test_1_a_name_that_nobody_registered(project: config.Project) -> None:
    by_hand = ROWS.replace("head:", "  - [-1, 1, Mine, [c2]]\nhead:").replace("[0, 1]", "[0, 2]")
    (project.root / "yolov8.yaml").write_text(by_hand)
    assert "KeyError: 'Mine'" in python(project.root, "train.py").stderr
    (project.root / "yolov8.yaml").write_text(ROWS)
    add(project, "mine.py::Mine --after yolov8.yaml::SPPF")
    done = python(project.root, "train.py")
    assert done.stdout.split() == ["[16,", "16,", "16]"], done.stderr


def test_1_a_row_that_reads_several(project: config.Project) -> None:
    """parse_model fails of a list of rows for a module that it does not know: it gets a branch."""
    before = tree(project.root)
    add(project, "mine.py::Mine --after yolov8.yaml::model.0")
    add(project, "se --beside yolov8.yaml::SPPF --fuse add")
    done = python(project.root, "train.py")
    assert done.stdout.split() == ["[16,", "16,", "16,", "16,", "16]"], done.stderr
    for _ in range(2):
        undo.run(project)
    assert tree(project.root) == before


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ("cbam --channels 1024", "--channels 1024: model.1 gives 16 at scale n"),
        ("cbam --channels 16", "--channels 16: model.1 gives 32 at scale s"),
        ("cbam --set kernel_size=word", "kernel_size"),
    ],
)
def test_2_channels_that_do_not_arrive(project: config.Project, flags: str, says: str) -> None:
    before = tree(project.root)
    with pytest.raises(StitchError) as refused:
        add(project, f"{flags} --after yolov8.yaml::SPPF")
    assert says in refused.value.message
    assert tree(project.root) == before
    add(project, "cbam --after yolov8.yaml::SPPF")
    assert "[-1, 1, CBAM, [c2]] # 2" in (project.root / "yolov8.yaml").read_text()


@pytest.mark.usefixtures("importable")
def test_3_indices_that_nobody_moved() -> None:
    """It builds, and the head reads the layers before those that are meant."""
    model = read_model(MODEL, "model.yaml")
    row = Insertion(4, readers_of(model, 4), "nn.Identity", "")
    right = edited(model, insert_rows(model, [row])).document.text
    assert "[[6, 2], 1, Detect" in right
    wrong = right.replace("[[6, 2], 1, Detect", "[[5, 2], 1, Detect")
    answer = prove_rows(request(model, [row], wrong, "nn.Identity"))
    assert answer["error"] is not None and answer["error"]["code"] == "law-broken"


@pytest.fixture
def trained(fork: config.Project, importable: None) -> Any:
    """A model of the fork, saved, and a YAML that then got a block."""
    (fork.root / "model.yaml").rename(fork.root / "yolo1.yaml")
    model = importlib.import_module("models.yolo").DetectionModel(
        {**yaml.safe_load(MODEL), "scale": "n"}
    )
    torch.save({"model": model}, fork.root / "yolo1n.pt")
    splice.run(fork, request_of("eca --after yolo1.yaml::model.0 --no-prove", "no-python"))
    return model


def matching(old: Any, new: Any) -> int:
    """As `load` does it: those tensors that have the name and the shape of one of the new model."""
    shapes = {key: one.shape for key, one in new.state_dict().items()}
    return sum(shapes.get(key) == one.shape for key, one in old.state_dict().items())


def test_4_pretrained_weights_that_do_not_arrive(
    fork: config.Project, trained: Any, python: str
) -> None:
    report = weights.run(fork, "yolo1n.pt", "yolo1.yaml", python=python).result
    assert report["without"] < report["arriving"] == report["tensors"]


def test_5_weights_that_the_trainer_drops(fork: config.Project, trained: Any, python: str) -> None:
    """A trainer builds anew from `model.yaml`, so what is put into the object is gone; a file is not."""
    weights.run(fork, "yolo1n.pt", "yolo1.yaml", python=python)
    loaded = torch.load(fork.root / "yolo1n-init.pt", weights_only=False)["model"]
    text = (fork.root / "yolo1.yaml").read_text()
    new = yaml.safe_load(text.replace("ECA", "nn.Identity").replace("[c2]", "[]"))
    settings = {**new, "scale": "n", "nc": 5}
    rebuilt = importlib.import_module("models.yolo").DetectionModel(copy.deepcopy(settings))
    assert matching(trained, rebuilt) < matching(loaded, rebuilt) == len(trained.state_dict())


def test_6_the_edited_copy_is_not_the_one_that_is_imported(
    project: config.Project, packaged: str
) -> None:
    installed = Path(packaged).parents[1] / "lib/python3.11/site-packages/ultralytics/nn/tasks.py"
    own = project.root / "ultralytics" / "nn" / "tasks.py"
    for path in (own, installed):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("def parse_model(d, ch):\n    return d\n")
        for folder in path.parents[:2]:
            (folder / "__init__.py").touch()
    flags = "mine.py::Mine --after yolov8.yaml::SPPF --no-prove"
    outcome = splice.run(project, request_of(flags, packaged))
    [found] = [one for one in outcome.result["warnings"] if one["code"] == "two-packages"]
    assert str(installed.parents[1]) in found["message"] and "pip install -e ." in found["hint"]
    assert "Mine" in own.read_text() and "Mine" not in installed.read_text()


def test_7_workers_without_the_name(project: config.Project, tmp_path: Path) -> None:
    add(project, "mine.py::Mine --after yolov8.yaml::SPPF")
    worker = tmp_path / "worker.py"
    program = (
        f"import train; from ultralytics.utils import dist; dist.generate_ddp_file({str(worker)!r})"
    )
    assert python(project.root, "-c", program).returncode == 0
    elsewhere = python(tmp_path, str(worker))
    assert elsewhere.stdout.split() == ["mine"], elsewhere.stderr


def test_8_a_checkpoint_that_names_main(project: config.Project) -> None:
    """A class of the script itself is `__main__.Mine` in the checkpoint."""
    (project.root / "train.py").write_text(MINE + TRAIN)
    found = refusal(project, "train.py::Mine --after yolov8.yaml::SPPF --no-prove", "no-python")
    assert found.code == "import-conflict" and "__main__" in found.message
    (project.root / "train.py").write_text(TRAIN)
    outcome = add(project, "cbam --after yolov8.yaml::SPPF")
    [told] = [one for one in outcome.result["warnings"] if one["code"] == "checkpoint"]
    assert "stitched_blocks" in told["message"] and "PyPI" in told["message"]


@pytest.mark.parametrize(
    ("pooling", "told"),
    [
        ("nn.AdaptiveMaxPool2d(1)", True),
        ("nn.AdaptiveAvgPool2d(output_size=7)", True),
        ("F.adaptive_avg_pool2d(channels, (2, 3))", True),
        ("nn.AdaptiveAvgPool2d(1)", False),
        ("F.adaptive_avg_pool2d(channels, (1, 1))", False),
        ("nn.MaxPool2d(2)", False),
    ],
)
def test_9_a_pooling_without_a_deterministic_gradient(
    project: config.Project, pooling: str, told: bool
) -> None:
    (project.root / "mine.py").write_text(MINE + f"        self.pool = {pooling}\n")
    outcome = add(project, "mine.py::Mine --after yolov8.yaml::SPPF")
    assert ("not-deterministic" in codes(outcome)) == told


def test_9_our_own_attention_has_none(project: config.Project) -> None:
    assert "not-deterministic" not in codes(add(project, "cbam --after yolov8.yaml::SPPF"))


SQUEEZED = """

class Squeezed(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = Conv(channels, channels)

    def forward(self, x):
        return x * self.conv(x.mean((2, 3), keepdim=True))
"""


def test_9_a_norm_behind_a_global_pooling_takes_no_single_image(
    fork: config.Project, python: str
) -> None:
    """Where the model is built by running one image in train mode, as before 8.3.228; else once it trains."""
    source = (FORK / "models" / "common.py").read_text()
    (fork.root / "mine.py").write_text(source.partition("class Concat")[0] + SQUEEZED)
    flags = "mine.py::Squeezed --after model.yaml::model.2"
    found = refusal(fork, flags, python)
    assert "more than 1 value per channel" in found.message
    assert "norm behind a global pooling" in (found.hint or "")
    builder = fork.root / "models" / "yolo.py"
    text = builder.read_text()
    builder.write_text(
        text.replace("        self.stride =", "        self.eval()\n        self.stride =")
    )
    notes = splice.run(fork, request_of(flags, python), mode="dry-run").result["proof"]["notes"]
    assert any("batch of one" in note for note in notes), notes


def test_10_a_class_that_old_checkpoints_hold(fork: config.Project, python: str) -> None:
    """A block in the class itself breaks pickled models; a row does not."""
    flags = "se --after models/common.py::Conv.bn --no-prove"
    outcome = splice.run(fork, request_of(flags, python), mode="dry-run")
    [found] = [one for one in outcome.result["warnings"] if one["code"] == "old-checkpoints"]
    assert found["where"] == "models/common.py" and "--after model.yaml::model.9" in found["hint"]
    row = splice.run(fork, request_of("se --after model.yaml::model.2 --no-prove", python))
    assert "old-checkpoints" not in codes(row)
