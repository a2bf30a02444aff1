"""Metrics where people's trainings leave them."""

import json

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


@pytest.mark.parametrize(
    ("text", "name", "values"),
    [
        ("epoch 1 val_acc: 0.5\nepoch 2 val_acc: 0.75\n", "val_acc", (0.5, 0.75)),
        ("1/2 acc=0.1\r2/2 acc=0.2\n", "acc", (0.1, 0.2)),
        ("Prec@1 71.5 Prec@5 90.1\n", "Prec@1", (71.5,)),
        ("val/acc = 93 %\n", "val/acc", (0.93,)),
        ("{'loss': 1.5e-3, 'val_loss': 2}\n", "loss", (1.5e-3,)),
        ("val_acc: 0.5\n", "acc", ()),
        ("loss: inf\n", "loss", (float("inf"),)),
        ("lossless 3\n", "loss", ()),
    ],
)
def test_what_a_training_prints(tmp_path, text, name, values):
    (tmp_path / "output.txt").write_text(text)
    found = collect(tmp_path, [], tmp_path / "output.txt", name)
    assert (found.values if isinstance(found, Series) else ()) == values


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
