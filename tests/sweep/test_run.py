"""Runs as files: done once, begun again, refused by name."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from stitchgen.analysis import progress
from stitchgen.sweep import run as running
from stitchgen.sweep.folders import is_busy, only_one
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


def test_ctrl_c_ends_the_trainings_and_says_what_is_done(printing, sweep, request):
    (printing / "train.py").write_text(
        "import os, sys, time\n"
        "if sys.argv[1] == '1' and not os.path.exists(sys.argv[2]):\n"
        "    open('begun', 'w').write(str(os.getpid()))\n"
        "    time.sleep(60)\n"
        "print('val_acc: 0.5')\n"
    )
    mark = printing.parent / f"{printing.name}-mark"
    words = [sys.executable, "-m", "stitchgen", "sweep", "--seeds", "3", *OPTIONS]
    train = f"python train.py {{seed}} {mark}"
    # What was started in the background of a shell ignores it, and so would its children.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    scheduler = subprocess.Popen(
        [*words, "--", *train.split()],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    begun = printing / ".stitchgen/sweeps/sweep/runs/baseline/seed-1/try-1/tree/begun"
    until = time.monotonic() + 60
    while not (begun.exists() and begun.read_text()):
        assert time.monotonic() < until
        time.sleep(0.02)
    training = int(begun.read_text())
    scheduler.send_signal(signal.SIGINT)
    _, said = scheduler.communicate(timeout=60)
    assert scheduler.returncode == 130
    assert "error[interrupted]: interrupted: 1 of 3 runs are done and kept" in said
    assert "run the same command again: it goes on" in said
    with pytest.raises(ProcessLookupError):
        os.kill(training, 0)
    mark.touch()
    status, answer = sweep("--seeds", "3", *OPTIONS, train=train)
    assert status == 0 and len(answer["variants"][0]["values"]) == 3


def test_two_sweeps_of_one_name_are_not_at_work_at_once(printing, sweep):
    with only_one(printing / ".stitchgen/sweeps/sweep/lock", "held"):
        status, answer = sweep("--seeds", "1", *OPTIONS, train="python train.py {seed}")
    assert status == 1 and answer["error"]["code"] == "locked"
    assert answer["error"]["message"] == "another stitchgen sweep runs sweep"


def test_a_training_that_fills_the_disk_stops_the_sweep(printing, sweep):
    (printing / "train.py").write_text("raise OSError(28, 'No space left on device')\n")
    status, answer = sweep("--seeds", "3", *OPTIONS, train="python train.py {seed}")
    assert status == 1 and answer["error"]["code"] == "disk-full"
    assert "make room" in answer["error"]["hint"]
    assert len([*(printing / ".stitchgen").rglob("try-*")]) == 1


def test_a_run_that_would_fill_the_disk_is_not_begun(printing, sweep, monkeypatch):
    usage = shutil.disk_usage(printing)._replace(free=10)
    monkeypatch.setattr(running.shutil, "disk_usage", lambda path: usage)
    status, answer = sweep("--seeds", "3", *OPTIONS, train="python train.py {seed}")
    assert status == 1 and answer["error"]["code"] == "disk-full"
    assert "0.0 MB are free" in answer["error"]["message"]
    assert len([*(printing / ".stitchgen").rglob("result.json")]) == 1, "what is done is kept"


def test_a_disk_that_is_full_already_is_said(printing, sweep, monkeypatch):
    def fail(path: object, content: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(running, "write_json", fail)
    status, answer = sweep("--seeds", "1", *OPTIONS, train="python train.py {seed}")
    assert status == 1 and answer["error"]["code"] == "disk-full"


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


def test_a_terminal_is_shown_how_far_the_runs_are(printing, sweep, monkeypatch):
    (printing / "train.py").write_text(
        "import time\nprint('val_acc: 0.25', flush=True)\ntime.sleep(1)\nprint('val_acc: 0.5')\n"
    )
    monkeypatch.setattr(running, "LOOK", 0.05)
    shown: list[str | None] = []
    with progress.shown_on(shown.append):
        assert sweep("--seeds", "1", *OPTIONS, train="python train.py")[0] == 0
    assert "0 of 1 runs done, baseline, seed 0: 0.25" in shown
    assert shown[-1] is None, "nothing is left on the line"


def test_the_room_of_done_runs_is_given_back_and_their_results_stay(printing, sweep):
    train = "python train.py {seed} 1"
    assert sweep("--seeds", "2", *OPTIONS, train=train)[0] == 1
    report = sweep("report")[1]["variants"]
    runs = printing / ".stitchgen/sweeps/sweep/runs/baseline"
    status, answer = sweep("prune", "--dry-run")
    assert status == 0 and answer["pruned"] == ["runs/baseline/seed-0/try-1/tree"]
    assert (runs / "seed-0/try-1/tree/train.py").exists() and answer["megabytes"] == 0.0
    assert sweep("prune")[1]["pruned"] == answer["pruned"]
    assert not (runs / "seed-0/try-1/tree").exists()
    assert (runs / "seed-1/try-1/tree").exists(), "of a failed run everything is kept"
    assert sweep("report")[1]["variants"] == report and sweep("prune")[1]["pruned"] == []
    assert sweep("--seeds", "2", *OPTIONS, train=train)[1]["variants"] == report
