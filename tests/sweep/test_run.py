"""Runs as files: done once, begun again, refused by name."""

import os
import subprocess
import sys
import time

import pytest

from stitchgen.sweep.folders import is_busy
from stitchgen.sweep.spec import Run, in_order
from stitchgen.sweep.state import Kind, State, ready

OPTIONS = ("--metric", "val_acc", "--python", sys.executable)


def test_the_same_command_does_what_is_not_done(printing, sweep):
    train = "python train.py {seed}"
    assert sweep("--seeds", "2", *OPTIONS, train=train)[0] == 0
    results = [*(printing / ".stitchgen").rglob("result.json")]
    times = {path: path.stat().st_mtime_ns for path in results}
    assert len(times) == 2
    status, answer = sweep("--seeds", "3", *OPTIONS, train=train)
    assert status == 0 and len(answer["variants"][0]["values"]) == 3
    assert {path: path.stat().st_mtime_ns for path in results} == times
    assert any("2 + 1" in note for note in answer["notes"]), "seeds that came later are said"
    (printing / "train.py").write_text("print('val_acc: 1')\n")
    status, answer = sweep("--seeds", "3", *OPTIONS, train=train)
    assert status == 1 and answer["error"]["code"] == "sources-changed"
    assert answer["error"]["where"] == "train.py"


def test_one_seed_is_said_to_say_nothing(printing, sweep):
    status, answer = sweep("--seeds", "1", *OPTIONS, train="python train.py {seed}")
    assert status == 0 and "One seed says nothing" in answer["notes"][0]
    status, answer = sweep("report", "--lang", "zh")
    assert "单个种子说明不了任何问题" in answer["notes"][0]


def test_a_failure_is_shown_and_the_others_go_on(printing, sweep, capsys):
    status, answer = sweep("--seeds", "3", *OPTIONS, train="python train.py {seed} 1")
    assert status == 1
    [baseline] = answer["variants"]
    assert baseline["missing"] == {"1": "exit status 3"} and len(baseline["values"]) == 2
    [row] = [one for one in sweep("status")[1]["runs"] if one["seed"] == 1]
    assert row["state"] == "failed"


def test_nothing_follows_a_baseline_that_fails(printing, sweep):
    status, answer = sweep("--seeds", "3", *OPTIONS, train="python train.py {seed} 0")
    assert status == 1 and answer["error"]["code"] == "baseline-failed"
    assert answer["error"]["lines"] == ["about to fail"]
    assert len([*(printing / ".stitchgen").rglob("try-*")]) == 1


def test_a_metric_that_nothing_has_is_refused_after_one_run(printing, sweep):
    status, answer = sweep(
        "--seeds", "3", "--metric", "acc", *OPTIONS[2:], train="python train.py {seed}"
    )
    assert status == 1 and answer["error"]["code"] == "no-metric"
    assert "--metric val_acc" in answer["error"]["suggestions"]
    assert len([*(printing / ".stitchgen").rglob("try-*")]) == 1


def test_a_killed_scheduler_leaves_a_run_that_ends_and_is_not_begun_twice(printing, sweep):
    (printing / "train.py").write_text(
        "import time\nopen('begun', 'w')\ntime.sleep(3)\nprint('val_acc: 0.5')\n"
    )
    words = [sys.executable, "-m", "stitchgen", "sweep", "--seeds", "1", *OPTIONS]
    scheduler = subprocess.Popen(
        [*words, "--", "python", "train.py"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    run = printing / ".stitchgen/sweeps/sweep/runs/baseline/seed-0"
    until = time.monotonic() + 30
    while not (run / "try-1/tree/begun").exists():
        assert time.monotonic() < until
        time.sleep(0.02)
    os.kill(scheduler.pid, 9)
    scheduler.wait()
    assert is_busy(run / "lock")
    status, answer = sweep("--seeds", "1", *OPTIONS, train="python train.py")
    assert status == 1 and answer["error"]["code"] == "locked"
    while is_busy(run / "lock"):
        assert time.monotonic() < until
        time.sleep(0.02)
    status, answer = sweep("--seeds", "1", *OPTIONS, train="python train.py")
    assert status == 0 and answer["variants"][0]["values"] == {"0": 0.5}
    assert [path.name for path in run.glob("try-*")] == ["try-1"]


@pytest.mark.parametrize(
    ("words", "train", "said"),
    [
        (["--metric", "a"], "", "what trains"),
        ([], "python train.py", "compared by"),
        (["--metric", "a", "--variant", "x"], "python train.py", "of the form NAME="),
        (["--metric", "a", "--variant", "baseline=se --after m.a"], "python t.py", "as it is"),
        (["--metric", "a", "--seeds", "many"], "python train.py", "not understood"),
        (["--metric", "a", "--variant", "x=se"], "python train.py", "where the block goes"),
        (["stats"], "", "does not know"),
    ],
)
def test_what_is_typed_wrongly_is_said(printing, sweep, words, train, said):
    status, answer = sweep(*words, train=train)
    assert status == 2 and said in answer["error"]["message"]
    assert not (printing / ".stitchgen").exists()


# -- the order, which is pure ----------------------------------------------------------------------


def test_a_sweep_that_is_stopped_has_whole_pairs():
    order = in_order(["baseline", "a", "b"], [0, 1, 2])
    assert len({*order}) == len(order) == 9
    assert order[:4] == [Run("baseline", 0), Run("baseline", 1), Run("a", 0), Run("b", 0)]
    for run in order:
        assert order.index(Run("baseline", run.seed)) <= order.index(run)


def test_a_variant_waits_for_its_baseline_and_all_wait_for_the_first():
    runs = in_order(["baseline", "a"], [0, 1])
    known = {run: State(Kind.TO_DO) for run in runs}
    assert ready(runs, known, set()) == [Run("baseline", 0)]
    known[Run("baseline", 0)] = State(Kind.DONE)
    assert ready(runs, known, set()) == [Run("baseline", 1), Run("a", 0)]
    assert ready(runs, known, {Run("a", 0)}) == [Run("baseline", 1)]
    known[Run("a", 0)] = State(Kind.GOING)
    known[Run("baseline", 1)] = State(Kind.FAILED)
    assert ready(runs, known, set()) == [Run("baseline", 1)]
