"""`stitchgen init`: every choice gives a project that is clean, builds its model and trains it."""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import itertools
import json
import os
import subprocess
import sys
import types
from importlib.machinery import ModuleSpec
from pathlib import Path

import black
import pytest

from stitchgen.cli import main
from stitchgen.commands import init
from stitchgen.project import transaction
from stitchgen.scaffold import choices as known
from stitchgen.scaffold import new
from stitchgen.scaffold.choices import Choices, package_name
from stitchgen.scaffold.files import files_of

ROOT = Path(__file__).parents[2]
ALL = [
    Choices(*one)
    for one in itertools.product(
        known.MODELS, known.DATA, known.OPTIMIZERS, known.SCHEDULES, (False, True), (1, 2)
    )
]


def covering(every: list[Choices], size: int = 3) -> list[Choices]:
    """Some of them, in which any `size` choices that can be made together are: templates nest conditions less deep."""

    def together(one: Choices) -> set[tuple[tuple[str, object], ...]]:
        return set(itertools.combinations(vars(one).items(), size))

    missing, found = set().union(*map(together, every)), []
    while missing:
        found.append(max(every, key=lambda one: len(together(one) & missing)))
        missing -= together(found[-1])
    return found


MODULES = ("data", "distill", "metrics", "model", "test_model", "train")


@pytest.fixture
def typed(tmp_path, monkeypatch, capsys):
    """Type `stitchgen init ... --json` in a folder of its own: the exit status and the object."""
    monkeypatch.chdir(tmp_path)

    def command(*words: str) -> tuple[int, dict]:
        capsys.readouterr()
        status = main.run(["init", *words, "--json"])
        return status, json.loads(capsys.readouterr().out)

    return command


def test_the_options_are_the_choices():
    assert tuple(known.MODELS) == init.MODELS
    assert (
        *(known.DATA, known.OPTIMIZERS),
        known.SCHEDULES,
    ) == (init.DATA, init.OPTIMIZERS, init.SCHEDULES)


# -- the source ------------------------------------------------------------------------------------


def test_black_and_ruff_leave_every_project_as_it_is(tmp_path):
    mode = black.Mode(line_length=100)
    seen = set()
    for number, one in enumerate(covering(ALL)):
        for path, text in files_of(one, "exp").items():
            assert text.endswith("\n") and "\n\n\n\n" not in text and not text.startswith("\n")
            file = tmp_path / str(number) / path
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
            if path.endswith(".py") and text not in seen:
                seen.add(text)
                assert ast.get_docstring(ast.parse(text)), (one, path)
                with contextlib.suppress(black.NothingChanged):
                    assert black.format_file_contents(text, fast=True, mode=mode) == text, one
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "."],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("folder", "name"), [("My Exp_1", "my-exp_1"), ("..", "experiment"), ("数字", "experiment")]
)
def test_pyproject_gets_a_name_that_it_takes(folder, name):
    assert package_name(folder) == name


# -- the folder ------------------------------------------------------------------------------------


def test_a_folder_with_files_is_refused_and_left_alone(typed, tmp_path):
    (tmp_path / "exp").mkdir()
    (tmp_path / "exp" / "notes.txt").write_text("mine")
    status, answer = typed("exp", "--yes")
    assert status == 1 and answer["error"]["code"] == "folder-not-empty"
    assert "notes.txt" in answer["error"]["message"]
    assert answer["error"]["hint"].endswith("stitchgen init exp-2")
    assert [path.name for path in (tmp_path / "exp").iterdir()] == ["notes.txt"]
    assert typed("exp/notes.txt", "--yes")[1]["error"]["code"] == "folder-not-empty"


def test_an_empty_folder_and_a_bare_repository_are_taken(typed, tmp_path):
    (tmp_path / ".git").mkdir()
    status, answer = typed(".", "--model", "vit", "--yes")
    assert status == 0, answer
    written = {path.name for path in tmp_path.iterdir()} - {".git"}
    assert written == {file["path"] for file in answer["files"]}
    assert "VisionTransformer" in (tmp_path / "model.py").read_text()


def test_a_failure_leaves_nothing(typed, tmp_path, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(transaction, "commit", fail)
    status, answer = typed("below/exp", "--yes")
    assert status == 1 and answer["error"]["code"] == "not-writable"
    assert "No space left" in answer["error"]["message"]
    assert [*tmp_path.iterdir()] == []


def test_a_dry_run_writes_nothing(typed, tmp_path):
    status, answer = typed("exp", "--dry-run", "--distill", "--tasks", "2")
    assert status == 0 and "distill.py" in {file["path"] for file in answer["files"]}
    assert [*tmp_path.iterdir()] == []


def test_a_terminal_is_asked_for_what_was_not_given(tmp_path):
    here, there = os.openpty()
    os.write(here, b"cnn1d\n\n\n\n2\ny\n")
    done = subprocess.run(
        [sys.executable, "-m", "stitchgen", "init", "exp"],
        stdin=there,
        stdout=subprocess.PIPE,
        stderr=there,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    os.close(there)
    os.close(here)
    assert done.returncode == 0
    assert b"cnn1d, digits, adamw, cosine schedule, two heads, distillation" in done.stdout
    assert (tmp_path / "exp" / "distill.py").is_file()


# -- the model and its training --------------------------------------------------------------------


def empty(name: str) -> types.ModuleType:
    """A module with nothing in it, which can be looked for: torch looks for all that are loaded."""
    return importlib.util.module_from_spec(ModuleSpec(name, None))


def fake_digits() -> types.ModuleType:
    """In place of `sklearn.datasets`: as many digits as a test needs, of the same shapes."""
    import numpy as np

    made = np.random.default_rng(0)
    images = made.integers(0, 17, (60, 8, 8)).astype(float)
    found = types.SimpleNamespace(
        images=images, data=images.reshape(60, 64), target=np.arange(60) % 10
    )
    module = empty("sklearn.datasets")
    module.load_digits = lambda: found  # type: ignore[attr-defined]
    return module


def files_for(one: Choices, folder: Path) -> None:
    """Twelve files as the project's data.py describes them."""
    import numpy as np
    from PIL import Image

    made = np.random.default_rng(0)
    for number in range(12):
        labels = [f"a{number % 3}", *([f"b{number % 2}"] if one.tasks == 2 else [])]
        kinds = {"signals": [""], "images": [""], "masks": ["images", "masks"]}
        for kind in kinds[one.data_template]:
            # A mask has one label beside itself.
            parts = labels[: one.tasks - 1] if kind else labels
            place = folder.joinpath(*([kind] if kind else []), *parts)
            place.mkdir(parents=True, exist_ok=True)
            if one.data_template == "signals":
                np.save(place / f"{number}.npy", made.normal(size=(2, 70)))
            elif kind == "masks":
                mask = made.integers(0, 2, (20, 24), dtype="uint8")
                Image.fromarray(mask).save(place / f"{number}.png")
            else:
                image = made.integers(0, 255, (20, 24, 3), dtype="uint8")
                Image.fromarray(image).save(place / f"{number}.png")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Generate a project, go there, and import its modules."""
    monkeypatch.setitem(sys.modules, "sklearn", empty("sklearn"))
    monkeypatch.setitem(sys.modules, "sklearn.datasets", fake_digits())
    monkeypatch.syspath_prepend(str(tmp_path / "exp"))
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)

    def generated(one: Choices) -> tuple[types.ModuleType, types.ModuleType]:
        new.run(tmp_path / "exp", one)
        monkeypatch.chdir(tmp_path / "exp")
        if one.data == "folder":
            files_for(one, tmp_path / "exp" / "data")
        return importlib.import_module("test_model"), importlib.import_module("train")

    yield generated
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("one", "options"),
    [
        (Choices(), []),
        (Choices("unet", "folder", "sgd", "step", tasks=2), ["--image-size", "16"]),
        (Choices("vit", "folder", tasks=1), ["--image-size", "16"]),
        (Choices("cnn1d", "folder", "sgd", tasks=2), ["--length", "64"]),
        (Choices("unet", "digits"), []),
        (Choices("resnet", "folder", tasks=2), ["--image-size", "16"]),
    ],
    ids=lambda value: (
        "-".join(map(str, vars(value).values())) if isinstance(value, Choices) else ""
    ),
)
def test_a_project_trains_and_goes_on(project, one, options):
    test_model, train = project(one)
    test_model.test_every_parameter_gets_a_gradient()
    options = [*options, "--batch-size", "4", "--width", "8", "--seed", "3"]
    train.main([*options, "--epochs", "1"])
    out = Path("runs/seed-3")
    assert {path.name for path in out.iterdir()} == {"metrics.csv", "last.pt", "best.pt"}
    train.main([*options, "--epochs", "2", "--amp", "--resume", str(out / "last.pt")])
    header, *rows = (out / "metrics.csv").read_text().splitlines()
    assert len(rows) == 2
    metric = f"val_{one.task_names[0]}_" if one.tasks == 2 else "val_"
    named = {f"{metric}{name}" for name in ("acc", "precision", "recall", "f1")}
    assert named | {"train_loss", "val_loss"} <= set(header.split(","))


def test_one_seed_is_one_training(project):
    _, train = project(Choices())
    for out in ("a", "b", "c"):
        seed = "2" if out == "c" else "1"
        train.main(["--epochs", "1", "--width", "8", "--seed", seed, "--out", out])
    first, same, other = (Path(out, "metrics.csv").read_text() for out in "abc")
    assert first == same != other


def test_a_student_learns_from_an_exported_teacher(project):
    import torch

    _, train = project(Choices("cnn1d", distill=True))
    with pytest.raises(SystemExit, match=r"there is no teacher teacher\.pt2"):
        train.main(["--teacher", "teacher.pt2"])
    train.main(["--epochs", "1", "--width", "4", "--out", "teacher", "--export", "teacher.pt2"])
    # The teacher is a program of its own: model.py may change.
    Path("model.py").write_text(Path("model.py").read_text().replace("self.layer2", "self.middle"))
    sys.modules.pop("model")
    options = ["--epochs", "1", "--width", "8", "--teacher", "teacher.pt2"]
    train.main([*options, "--out", "student"])
    distill = importlib.import_module("distill")
    logits = torch.randn(6, 10)
    assert distill.distillation_loss(logits, logits, 4.0).abs() < 1e-6
    assert distill.distillation_loss(logits, -logits, 4.0) > 0.1


# -- the metrics -----------------------------------------------------------------------------------


def test_the_metrics_are_those_of_their_definitions(project):
    import torch

    project(Choices())
    confusion = importlib.import_module("metrics").Confusion(4)
    # True 0 0 0 1 1 2, predicted 0 0 1 1 2 2; class 3 does not occur.
    target = torch.tensor([0, 0, 0, 1, 1, 2])
    confusion.update(torch.eye(4)[torch.tensor([0, 0, 1, 1, 2, 2])], target)
    found = confusion.compute()
    assert found["acc"] == pytest.approx(4 / 6)
    assert found["recall"] == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert found["precision"] == pytest.approx((1 + 1 / 2 + 1 / 2) / 3)
    assert found["f1"] == pytest.approx((0.8 + 0.5 + 2 / 3) / 3)
