"""Metrics where people's trainings leave them."""

import gzip
import json
import math
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

from stitchgen.sweep.metrics.collect import Disagreement, Missing, collect
from stitchgen.sweep.metrics.series import Series

LIGHTNING = "epoch,step,train_loss,val_acc\n0,3,0.9,\n0,3,,0.61\n1,7,0.7,\n1,7,,0.72\n"
ULTRALYTICS = "  epoch,   metrics/mAP50(B)\n      1,   0.31\n      2,   0.42\n"
TRAINER = json.dumps({"log_history": [{"loss": 1.0}, {"eval_acc": 0.5}, {"eval_acc": 0.6}]})


@pytest.mark.parametrize(
    ("file", "content", "name", "values"),
    [
        ("lightning_logs/version_0/metrics.csv", LIGHTNING, "val_acc", (0.61, 0.72)),
        ("runs/train/results.csv", ULTRALYTICS, "metrics/mAP50(B)", (0.31, 0.42)),
        (
            "log.jsonl",
            '{"a": 1}\n{"a": NaN}\n{"a": 2',
            "a",
            (1.0, pytest.approx(float("nan"), nan_ok=True)),
        ),
        ("out/trainer_state.json", TRAINER, "eval_acc", (0.5, 0.6)),
        ("wandb-summary.json", '{"val": {"acc": 0.7}}', "val/acc", (0.7,)),
    ],
)
def test_a_file_that_a_training_wrote(tmp_path, file, content, name, values):
    path = tmp_path / "tree" / file
    path.parent.mkdir(parents=True)
    path.write_text(content)
    found = collect(tmp_path / "tree", [file], tmp_path / "output.txt", name)
    assert isinstance(found, Series) and found.source == file
    assert found.values == values


def test_what_the_command_led_beside_the_tree_is_read(printing, sweep):
    """`{run}` is where Hugging Face's `--output_dir` points to."""
    (printing / "train.py").write_text(
        "import os, sys\nos.makedirs(sys.argv[1])\n"
        f"open(sys.argv[1] + '/trainer_state.json', 'w').write({TRAINER!r})\n"
    )
    status, answer = sweep(
        *("--seeds", "1", "--metric", "eval_acc", "--python", sys.executable),
        train="python train.py {run}/out",
    )
    assert status == 0, answer
    assert answer["variants"][0]["values"] == {"0": 0.6}


@pytest.mark.parametrize(
    ("text", "name", "values"),
    [
        ("epoch 1 val_acc: 0.5\nepoch 2 val_acc: 0.75\n", "val_acc", (0.5, 0.75)),
        ("1/2 acc=0.1\r2/2 acc=0.2\n", "acc", (0.1, 0.2)),
        ("Prec@1 71.5 Prec@5 90.1\n", "Prec@1", (71.5,)),
        ("val/acc = 93 %\n", "val/acc", (0.93,)),
        ("{'loss': 1.5e-3, 'val_loss': 2}\n", "loss", (1.5e-3,)),
        ("{'eval_loss': '1.3', 'eval_acc': '0.4375'}\n", "eval_acc", (0.4375,)),
        ("val_acc: 0.5\n", "acc", ()),
        ("loss: inf\n", "loss", (float("inf"),)),
        ("lossless 3\n", "loss", ()),
    ],
)
def test_what_a_training_prints(tmp_path, text, name, values):
    (tmp_path / "output.txt").write_text(text)
    found = collect(tmp_path, [], tmp_path / "output.txt", name)
    assert (found.values if isinstance(found, Series) else ()) == values


def mlflow_database(path, rows):
    """The table that MLflow writes (its alembic migrations, version 3)."""
    with sqlite3.connect(path) as database:
        database.execute(
            "CREATE TABLE metrics (key VARCHAR(250) NOT NULL, value FLOAT NOT NULL, timestamp BIGINT NOT NULL,"
            " run_uuid VARCHAR(32) NOT NULL, step BIGINT DEFAULT '0' NOT NULL, is_nan BOOLEAN DEFAULT '0' NOT NULL,"
            " PRIMARY KEY (key, timestamp, step, run_uuid, value, is_nan))"
        )
        database.executemany("INSERT INTO metrics VALUES (?, ?, ?, 'a', ?, ?)", rows)


def test_mlflow_in_a_database(tmp_path):
    rows = [("val_acc", 0.7, 20, 1, 0), ("val_acc", 0.6, 10, 0, 0), ("loss", 0.0, 10, 0, 1)]
    mlflow_database(tmp_path / "mlflow.db", rows)
    found = collect(tmp_path, ["mlflow.db"], tmp_path / "output.txt", "val_acc")
    assert found == Series("mlflow.db", (0.6, 0.7))
    [loss] = collect(tmp_path, ["mlflow.db"], tmp_path / "output.txt", "loss").values
    assert math.isnan(loss)


def test_databases_of_others_have_no_metrics(tmp_path):
    (tmp_path / "cache.db").write_bytes(b"no database at all, but long enough to be read as one")
    sqlite3.connect(tmp_path / "other.db").execute(
        "CREATE TABLE metrics (id INTEGER)"
    ).connection.close()
    found = collect(tmp_path, ["cache.db", "other.db"], tmp_path / "output.txt", "val_acc")
    assert found == Missing(())


def test_mlflow_in_files(tmp_path):
    file = "mlruns/0/ab12/metrics/val/acc"
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text("1700000000000 0.5 0\n1700000000001 0.75 1\n")
    found = collect(tmp_path, [file], tmp_path / "output.txt", "val/acc")
    assert found == Series(file, (0.5, 0.75))


EVENTS = "events.out.tfevents.17.host.1.0"


def test_tensorboard_is_read_by_the_trainings_own_python(tmp_path):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(tmp_path / "runs") as writer:
        for step, value in enumerate((0.5, math.nan, 0.75)):
            writer.add_scalar("val/acc", value, step)
        writer.add_scalar("val/loss", 1.5, 2, new_style=True)
    [file] = [f"runs/{path.name}" for path in (tmp_path / "runs").iterdir()]
    found = collect(tmp_path, [file], tmp_path / "output.txt", "val/acc", sys.executable)
    assert found.source == file and found.values[::2] == (0.5, 0.75) and math.isnan(found.values[1])
    assert collect(tmp_path, [file], tmp_path / "o", "val/loss", sys.executable).values == (1.5,)


@pytest.fixture
def bare_python(tmp_path_factory):
    """A Python that has no tensorboard, whatever this one has."""
    folder = tmp_path_factory.mktemp("bare")
    program = folder / "python"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    program.chmod(0o755)
    return str(program)


def test_without_tensorboard_its_files_are_refused_by_name(tmp_path, bare_python):
    (tmp_path / EVENTS).write_bytes(b"")
    found = collect(tmp_path, [EVENTS], tmp_path / "output.txt", "val/acc", bare_python)
    assert isinstance(found, Missing)
    assert (
        found.unread
        == f"{EVENTS} is TensorBoard's, and {bare_python} has no tensorboard to read it with"
    )
    # It is no hindrance where another source has the metric.
    (tmp_path / "output.txt").write_text("val/acc: 0.5\n")
    found = collect(tmp_path, [EVENTS], tmp_path / "output.txt", "val/acc", bare_python)
    assert isinstance(found, Series)


def test_a_sweep_says_what_to_install(printing, sweep, bare_python):
    text = f"open({EVENTS!r}, 'w')\n"
    (printing / "train.py").write_text(text)
    status, answer = sweep(
        *("--seeds", "1", "--metric", "val_acc", "--python", bare_python), train="python train.py"
    )
    assert status == 1 and answer["error"]["code"] == "no-metric"
    assert answer["error"]["hint"].startswith(f"{bare_python} -m pip install tensorboard")


def test_the_names_that_were_seen_are_named(tmp_path):
    (tmp_path / "metrics.csv").write_text("epoch,f1\n1,0.5\n")
    (tmp_path / "output.txt").write_text("epoch 1 val_acc: 0.5\n")
    found = collect(tmp_path, ["metrics.csv"], tmp_path / "output.txt", "acc")
    assert found == Missing(("epoch", "f1", "val_acc"))


@pytest.mark.parametrize(
    ("printed", "agrees"), [("0.912", True), ("91.2 %", True), ("91.23", True), ("0.7", False)]
)
def test_sources_that_disagree_are_shown(tmp_path, printed, agrees):
    (tmp_path / "metrics.csv").write_text("acc\n0.9123\n")
    (tmp_path / "output.txt").write_text(f"acc: {printed}\n")
    found = collect(tmp_path, ["metrics.csv"], tmp_path / "output.txt", "acc")
    assert isinstance(found, Series if agrees else Disagreement)


WRITTEN = Path(__file__).parent / "written"


ACCURACIES = [0.25, 0.5, 0.8125]


@pytest.mark.parametrize(
    ("library", "name", "values"),
    [
        ("lightning", "val_acc", ACCURACIES),
        ("transformers", "eval_accuracy", ACCURACIES),
        ("wandb", "val/acc", ACCURACIES),
        ("mlflow", "val_acc", ACCURACIES),
        ("tqdm", "val_acc", [*ACCURACIES, ACCURACIES[-1]]),
        ("ultralytics", "val/box_loss", [6.99187, 6.99187]),
    ],
)
def test_what_the_libraries_themselves_have_written(tmp_path, library, name, values):
    """The files of `tests/sweep/written/`, whose README says how they were made."""
    tree = tmp_path / library
    shutil.copytree(WRITTEN / library, tree)
    for packed in tree.rglob("*.gz"):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
    files = [path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()]
    output = tree / "printed.txt"
    found = collect(tree, {*files} - {output.name}, output, name)
    assert isinstance(found, Series), found
    assert [*found.values] == values


def test_a_checkpoints_state_is_an_earlier_one_of_the_same_log(tmp_path):
    """Hugging Face writes `trainer_state.json` into each checkpoint; another training's disagrees as before."""
    for folder, values in (
        ("checkpoint-8", [0.5]),
        ("checkpoint-16", [0.5, 0.6]),
        ("other", [0.7]),
    ):
        path = tmp_path / folder / "trainer_state.json"
        path.parent.mkdir()
        path.write_text(json.dumps({"log_history": [{"eval_acc": value} for value in values]}))
    states = [f"checkpoint-{step}/trainer_state.json" for step in (8, 16)]
    found = collect(tmp_path, states, tmp_path / "output.txt", "eval_acc")
    assert found == Series("checkpoint-16/trainer_state.json", (0.5, 0.6))
    both = [*states, "other/trainer_state.json"]
    assert isinstance(collect(tmp_path, both, tmp_path / "output.txt", "eval_acc"), Disagreement)


def test_a_log_of_wandb_that_was_cut_off_has_what_is_whole(tmp_path):
    [written] = (WRITTEN / "wandb").rglob("*.wandb")
    whole = written.read_bytes()
    lengths = set()
    for end in range(len(whole)):
        (tmp_path / "run-a.wandb").write_bytes(whole[:end] or b":W&B")
        found = collect(tmp_path, ["run-a.wandb"], tmp_path / "output.txt", "val/acc")
        lengths.add(len(found.values) if isinstance(found, Series) else 0)
    assert lengths == {0, 1, 2, 3}
    (tmp_path / "run-a.wandb").write_bytes(b"text")
    found = collect(tmp_path, ["run-a.wandb"], tmp_path / "output.txt", "val/acc")
    assert isinstance(found, Missing) and found.unread == "run-a.wandb is no log of W&B"


@pytest.mark.parametrize(
    ("line", "name", "wanted"),
    [
        ("Train Acc: 90.0% | Val Acc: 80.0%", "Val Acc", 0.8),
        ("Epoch 1: loss 0.5, val loss: 0.7", "loss", 0.5),
        ("acc 0.5 acc 0.6", "acc", 0.6),
        ("Epoch done val_acc: 0.5", "val_acc", 0.5),
    ],
)
def test_which_number_of_a_line_is_meant(tmp_path, line, name, wanted):
    (tmp_path / "output.txt").write_text(line + "\n")
    found = collect(tmp_path, [], tmp_path / "output.txt", name)
    assert isinstance(found, Series) and found.values[-1] == wanted


def test_a_name_of_training_and_of_validation_is_refused_with_longer_ones(printing, sweep):
    (printing / "train.py").write_text("print('Train Acc: 90.0% | Val Acc: 80.0%')\n")
    status, answer = sweep("--seeds", "1", "--metric", "Acc", train="python train.py {seed}")
    assert status == 1 and answer["error"]["code"] == "no-metric"
    assert "as 'Train Acc' and as 'Val Acc'" in answer["error"]["message"]
    assert answer["error"]["suggestions"] == ["--metric 'Train Acc'", "--metric 'Val Acc'"]
