"""`stitchgen weights`: every old tensor at its new number, in a file that anybody can load."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from stitchgen.errors import StitchError
from stitchgen.history import check, undo
from stitchgen.observer.failure import Failure
from stitchgen.observer.rows.weights import alignment
from stitchgen.pipeline import splice, weights
from stitchgen.project import config
from stitchgen.source.yaml_rows import read_model
from stitchgen.yolo.files import YamlFile
from tests.support.commands import refusal, request_of
from tests.support.spliced import tree
from tests.yolo.test_proof import MODEL


def built(path: Path) -> Any:
    module = importlib.import_module("models.yolo")
    return module.DetectionModel({**yaml.safe_load(path.read_text()), "scale": "n"})


@pytest.fixture
def model(fork: config.Project, importable: None) -> Any:
    """The fork's model, whose checkpoint lies in the project, which then got a block."""
    (fork.root / "model.yaml").rename(fork.root / "yolo1.yaml")
    torch.manual_seed(0)
    model = built(fork.root / "yolo1.yaml").eval()
    torch.save({"model": model, "epoch": 7}, fork.root / "yolo1n.pt")
    splice.run(fork, request_of("eca --after yolo1.yaml::model.0 --no-prove", "no-python"))
    return model


def test_every_tensor_arrives(fork: config.Project, model: Any, python: str) -> None:
    report = weights.run(fork, "yolo1n.pt", "yolo1.yaml", python=python).result
    count = len(model.state_dict())
    assert (report["tensors"], report["arriving"]) == (count, count)
    assert report["without"] < count
    assert report["rows"] == ["model.1"]
    found = torch.load(fork.root / "yolo1n-init.pt", weights_only=False)
    twin = found["model"]
    assert found["epoch"] == 7 and type(twin.model[1]) is torch.nn.Identity
    image = torch.rand(1, 3, 64, 64)
    assert torch.equal(twin(image), model(image))
    # What it was built from says the same, so that it can be built anew.
    assert twin.yaml["backbone"][1] == [-1, 1, "nn.Identity", []]
    shapes = {key: tensor.shape for key, tensor in twin.state_dict().items()}
    again = built_from(twin.yaml).state_dict()
    assert {key: tensor.shape for key, tensor in again.items()} == shapes


@pytest.mark.parametrize(
    ("checkpoint", "path", "name"),
    [
        ("yolov8n.pt", "yolov8-cbam.yaml", "yolov8n-cbam"),
        ("yolov5n.pt", "models/yolov5n.yaml", "yolov5n"),
        ("yolov5n.pt", "models/yolov5n_cbam.yaml", "yolov5n_cbam"),
        ("best.pt", "yolov8-cbam.yaml", "best-yolov8-cbam"),
    ],
)
def test_the_file_is_called_after_both(checkpoint: str, path: str, name: str) -> None:
    file = YamlFile(Path(path), path, False, "", read_model(MODEL, path))
    assert weights.named_for(Path(checkpoint), file) == name


def test_undo_takes_the_file_back_and_check_does_not_miss_it(
    fork: config.Project, model: Any, python: str
) -> None:
    before = tree(fork.root)
    weights.run(fork, "yolo1n.pt", "yolo1.yaml", python=python)
    (fork.root / "yolo1n-init.pt").rename(fork.root / "elsewhere.pt")
    assert check.run(fork)["ok"], "weights are seldom in version control"
    (fork.root / "elsewhere.pt").rename(fork.root / "yolo1n-init.pt")
    undo.run(fork)
    assert tree(fork.root) == before


def test_add_makes_the_weights_in_the_same_run(
    fork: config.Project, model: Any, python: str
) -> None:
    undo.run(fork)
    before = tree(fork.root)
    request = request_of("se --after yolo1.yaml::model.2 --weights yolo1n.pt", python)
    outcome = splice.run(fork, request)
    fitted = outcome.result["weights"]
    assert fitted["path"] == "yolo1n-init.pt"
    assert fitted["arriving"] == fitted["tensors"] > fitted["without"]
    assert {"path": "yolo1n-init.pt", "action": "create"} in outcome.result["files"]
    assert type(torch.load(fork.root / "yolo1n-init.pt", weights_only=False)["model"].model[3]) is (
        torch.nn.Identity
    )
    undo.run(fork)
    assert tree(fork.root) == before


def test_the_script_loads_them(fork: config.Project, model: Any, python: str) -> None:
    undo.run(fork)
    script = fork.root / "train.py"
    script.write_text(
        "from ultralytics import YOLO\n\nnet = YOLO('yolo1n.yaml').load('yolo1n.pt')\n"
    )
    splice.run(fork, request_of("se --after train.py::net.2 --weights yolo1n.pt", python))
    assert "YOLO('yolo1n.yaml').load('yolo1n-init.pt')" in script.read_text()


def test_weights_are_for_rows(fork: config.Project, python: str) -> None:
    found = refusal(fork, "se --after models/common.py::Conv.bn --weights yolo1n.pt", python)
    assert found.code == "usage" and "rows of a YAML file" in found.message


def built_from(settings: Any) -> Any:
    return importlib.import_module("models.yolo").DetectionModel(settings)


def test_nothing_is_overwritten_and_a_dry_run_writes_nothing(
    fork: config.Project, model: Any, python: str
) -> None:
    weights.run(fork, "yolo1n.pt", "yolo1.yaml", python=python, write=False)
    assert not (fork.root / "yolo1n-init.pt").exists()
    (fork.root / "yolo1n-init.pt").write_text("mine")
    with pytest.raises(StitchError) as refused:
        weights.run(fork, "yolo1n.pt", "yolo1.yaml", python=python)
    assert refused.value.code == "not-writable"
    assert (fork.root / "yolo1n-init.pt").read_text() == "mine"


@pytest.mark.parametrize(
    ("content", "code"), [({"model": {"a": 1}}, "not-a-model"), (None, "file-not-found")]
)
def test_what_is_no_checkpoint_is_refused(
    fork: config.Project, model: Any, python: str, content: Any, code: str
) -> None:
    if content is not None:
        torch.save(content, fork.root / "other.pt")
    with pytest.raises(StitchError) as refused:
        weights.run(fork, "other.pt", "yolo1.yaml", python=python)
    assert refused.value.code == code


OLD = [[-1, 1, "Conv", [8]], [-1, 1, "Conv", [16]], [[-1, 0], 1, "Concat", [1]]]


@pytest.mark.parametrize(
    ("new", "moved"),
    [
        (OLD, [0, 1, 2]),
        ([OLD[0], [-1, 1, "SE", []], OLD[1], [[-1, 1], 1, "Concat", [1]]], [0, 2, 3]),
        ([[-1, 1, "SE", []], *OLD[:2], [[-1, 1], 1, "Concat", [1]]], [1, 2, 3]),
        ([OLD[0], [-1, 1, "SE", []], OLD[2]], [0, 1, 2]),
        ([*OLD[:2], [[-1, 0], 1, "Add", []], [[-1, 0], 1, "Concat", [1]]], [0, 1, 3]),
    ],
)
def test_rows_are_aligned(new: Any, moved: list[int]) -> None:
    assert alignment(OLD, new) == moved


@pytest.mark.parametrize(
    ("new", "says"),
    [
        (OLD[:2], "row 2, a Concat, is not in the YAML"),
        ([OLD[0], [-1, 1, "SE", []], OLD[1], [[-1, 2], 1, "Concat", [1]]], "reads other layers"),
        ([*OLD[:2], [[0, 1], 1, "Add", []], [[-1, 0], 1, "Concat", [1]]], "reads other layers"),
        ([OLD[0], [-1, 1, "Conv", [32]], OLD[2]], "row 1, a Conv, is not in the YAML"),
    ],
)
def test_another_model_is_refused(new: Any, says: str) -> None:
    with pytest.raises(Failure) as refused:
        alignment(OLD, new)
    assert says in refused.value.report["message"]
