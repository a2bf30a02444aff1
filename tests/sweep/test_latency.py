"""The time of a forward is measured after the runs, each variant in turns with the baseline."""

import json
import sys

import pytest

from stitchgen.sweep import latency
from stitchgen.sweep.folders import SweepFolder
from stitchgen.sweep.report.table import Table
from stitchgen.sweep.report.text import sentences
from stitchgen.sweep.spec import Place
from tests.sweep.conftest import files_of

TRAIN = "python train.py --seed {seed}"
ASKED = ("--variant", "se=se --after model.layer2", "--seeds", "1", "--metric", "val_acc")


def test_all_are_measured_once_when_the_machine_is_idle(training, sweep, monkeypatch):
    before = files_of(training)
    status, found = sweep(*ASKED, train=TRAIN)
    assert status == 0 and found["variants"][1]["cost"]["seconds"] is None
    said = "not be measured: tests were going. The same command tries it again."
    assert any(note.endswith(said) for note in found["notes"])
    monkeypatch.setattr(latency, "busy", lambda jobs: None)
    status, found = sweep(*ASKED, train=TRAIN)
    assert status == 0 and not any("tests were going" in note for note in found["notes"])
    folder = training / ".stitchgen/sweeps/sweep"
    [measured] = json.loads((folder / "latency.json").read_text())["variants"].values()
    assert 0 < measured["low"] <= measured["ratio"] <= measured["high"]
    assert " thread" in measured["device"]
    baseline, se = found["variants"]
    assert baseline["cost"]["seconds"] == measured["baseline"] > 0
    assert se["cost"]["seconds"] == pytest.approx(measured["baseline"] * measured["ratio"])
    assert any("in turns with the baseline" in note for note in found["notes"])
    assert not [*folder.glob("timing/*")] and files_of(training) == before
    monkeypatch.setattr(latency, "_pairs", None)  # it is not measured again
    again = sweep(*ASKED, train=TRAIN)
    assert again == (status, found)


def test_without_a_model_there_is_nothing_to_measure(printing, sweep):
    status, found = sweep(*ASKED[2:], train="python train.py {seed}")
    assert status == 0 and not any("latency" in note.lower() for note in found["notes"])
    assert not (printing / ".stitchgen/sweeps/sweep/latency.json").exists()


@pytest.mark.parametrize(
    "script, said",
    [
        ("pass", "ended before its first step"),
        ("while True: pass", "did not come to its first step"),
    ],
)
def test_a_training_that_does_not_come_to_a_step_is_given_up(training, script, said):
    asked = {
        "command": [sys.executable, "-c", script],
        "python": sys.executable,
        "folder": ".",
        "seeded_by_runner": True,
        "seeds": [[0]],
        "threads": 1,
        "layout": {"copied": ["train.py", "model.py"], "linked": [], "fresh": []},
    }
    folder = SweepFolder(training, "s")
    with pytest.raises(latency.NotMeasured, match=said):
        latency._pairs(folder, asked, Place(), ["se"], limit=3.0)
    assert not [*(folder.path / "timing").iterdir()]


def test_the_load_of_the_runs_that_have_ended_is_no_other_work(monkeypatch):
    monkeypatch.setattr(latency.os, "cpu_count", lambda: 4)
    monkeypatch.setattr(latency.os, "getloadavg", lambda: (4.5, 4.0, 4.0))
    assert latency.busy(4) is None
    assert latency.busy(1) == "the machine was busy with other work, a load of 4.5 on 4 processors"


@pytest.mark.parametrize("lang, said", [("en", "in turns with the baseline"), ("zh", "轮流测量")])
def test_the_device_is_named(lang, said):
    table = Table("acc", "last", False, ((0, 1),), (), in_turns="x86_64, 2 threads")
    [note] = sentences(table, lang, "s")
    assert "x86_64, 2 threads" in note and said in note
