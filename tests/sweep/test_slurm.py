"""Runs as jobs of a real SLURM, where Debian's packages and submitit are installed; else what is said without."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stitchgen.sweep import slurm as engine
from tests.support import slurm

METRIC = ("--metric", "val_acc", "--python", sys.executable)
#: It waits for a file where one is named, so that a test decides when a run ends.
WAITS = """\
import os, sys, time
seed, marks = int(sys.argv[1]), sys.argv[2]
open(f"{marks}/began-{seed}-{os.environ.get('SLURM_JOB_ID')}", "w").close()
while os.path.exists(f"{marks}/hold-{seed}"):
    time.sleep(0.1)
if os.path.exists(f"{marks}/fail-{seed}"):
    raise SystemExit(3)
print(f"val_acc: 0.{seed}")
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    pytest.importorskip("submitit", reason="no submitit: pip install 'stitchgen[slurm]'")
    if why := slurm.lacking():
        pytest.skip(why)
    # A socket's path is short.
    with slurm.cluster(Path(tmp_path_factory.mktemp("slurm"))) as environment:
        yield environment


@pytest.fixture
def marks(cluster, printing, monkeypatch):
    """A project whose runs wait for marks in this folder; the commands of the cluster are on the PATH."""
    for name in ("PATH", "SLURM_CONF"):
        monkeypatch.setenv(name, cluster[name])
    monkeypatch.setattr(engine, "PAUSE", 0.5)
    (printing / "train.py").write_text(WAITS)
    folder = printing.parent / f"{printing.name}-marks"
    folder.mkdir()
    return folder


def until(what, seconds=180):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.1)


def queued() -> list[str]:
    return engine.subprocess.run(
        ["squeue", "-h", "-r"], capture_output=True, text=True
    ).stdout.split()


def begin(train, *words, cluster):
    """The command as a process, which a test can end."""
    command = [sys.executable, "-m", "stitchgen", "sweep", "--slurm", *words, *METRIC, "--json"]
    return subprocess.Popen(
        [*command, "--", *train.split()],
        env=cluster,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_runs_are_jobs_and_a_cancelled_one_is_to_do_again(marks, sweep):
    train = f"python train.py {{seed}} {marks}"
    (marks / "fail-1").touch()
    status, answer = sweep("--slurm", "--seeds", "4", *METRIC, train=train)
    assert status == 1 and answer["variants"][0]["missing"] == {"1": "exit status 3"}
    assert answer["variants"][0]["values"] == {"0": 0.0, "2": 0.2, "3": 0.3}
    assert not queued()
    (marks / "fail-1").unlink()
    status, answer = sweep("--slurm", "--seeds", "4", *METRIC, train=train)
    assert status == 0 and len(answer["variants"][0]["values"]) == 4
    assert len([*marks.glob("began-*")]) == 5, "what is done is not run again"
    assert all("None" not in path.name for path in marks.glob("began-*")), "in jobs"


@pytest.mark.slow
def test_a_job_that_is_cancelled_from_outside_is_told_and_done_next_time(marks, sweep, cluster):
    train = f"python train.py {{seed}} {marks}"
    (marks / "hold-0").touch()
    command = begin(train, "--seeds", "1", cluster=cluster)
    until(lambda: [*marks.glob("began-0-*")])
    [job] = [path.name.rpartition("-")[2] for path in marks.glob("began-0-*")]
    subprocess.run(["scancel", job], check=True)
    _, said = command.communicate(timeout=120)
    assert command.returncode == 1
    assert f"SLURM job {job}: JobState CANCELLED" in said
    (marks / "hold-0").unlink()
    assert sweep("--slurm", "--seeds", "1", *METRIC, train=train)[0] == 0


@pytest.mark.slow
def test_ctrl_c_cancels_the_jobs(marks, sweep, cluster, request):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    for seed in (1, 2, 3):
        (marks / f"hold-{seed}").touch()
    command = begin(f"python train.py {{seed}} {marks}", "--seeds", "4", cluster=cluster)
    until(lambda: len([*marks.glob("began-*")]) == 3)  # two run at once, after the first
    command.send_signal(signal.SIGINT)
    said, _ = command.communicate(timeout=120)
    assert command.returncode == 130
    assert json.loads(said)["error"]["message"] == "interrupted: 1 of 4 runs are done and kept"
    until(lambda: not queued(), 30)


@pytest.mark.slow
def test_jobs_outlive_a_killed_command_and_the_next_one_takes_them_over(marks, sweep, cluster):
    train = f"python train.py {{seed}} {marks}"
    for seed in (1, 2, 3):
        (marks / f"hold-{seed}").touch()
    command = begin(train, "--seeds", "4", cluster=cluster)
    until(lambda: len([*marks.glob("began-*")]) == 3)
    os.kill(command.pid, signal.SIGKILL)
    command.wait()
    command.stdout.close(), command.stderr.close()
    assert len([one for one in queued() if "sweep-" in one]) == 3
    again = begin(train, "--seeds", "4", cluster=cluster)
    time.sleep(5)
    for seed in (1, 2, 3):
        (marks / f"hold-{seed}").unlink()
    said, errors = again.communicate(timeout=120)
    assert again.returncode == 0, errors
    assert len(json.loads(said)["variants"][0]["values"]) == 4
    assert len([*marks.glob("began-*")]) == 4, "none was begun twice"


@pytest.mark.slow
def test_what_slurm_refuses_is_said(marks, printing, sweep, monkeypatch):
    train = f"python train.py {{seed}} {marks}"
    (printing / "sweep.toml").write_text('[slurm]\npartition = "none"\n')
    status, answer = sweep("--slurm", "--seeds", "1", *METRIC, train=train)
    assert status == 1 and answer["error"]["code"] == "no-cluster"
    assert "Invalid partition name" in answer["error"]["message"]
    (printing / "sweep.toml").write_text("[slurm]\npartitions = 1\n")
    status, answer = sweep("--slurm", "--seeds", "1", *METRIC, train=train)
    assert "partitions" in answer["error"]["message"]
    monkeypatch.setenv("SLURM_CONF", "/nowhere/slurm.conf")
    (printing / "sweep.toml").unlink()
    status, answer = sweep("--slurm", "--seeds", "1", *METRIC, train=train)
    assert status == 1 and "SLURM does not answer" in answer["error"]["message"]


# -- without a cluster -----------------------------------------------------------------------------


@pytest.fixture
def programs(printing, monkeypatch):
    """Programs of the cluster's names, which do nothing."""
    folder = printing / "bin"
    folder.mkdir()
    for name in engine.PROGRAMS:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_a_machine_without_slurm_is_told_so(printing, sweep, monkeypatch):
    monkeypatch.setattr(engine.shutil, "which", lambda name: None if name == "sbatch" else shutil)
    monkeypatch.setattr("stitchgen.sweep.run.check_command", lambda command: None)
    status, answer = sweep("--slurm", "--seeds", "1", *METRIC, train="python train.py {seed}")
    assert status == 1 and answer["error"]["code"] == "no-cluster"
    assert "--slurm needs sbatch" in answer["error"]["message"]


def test_the_extra_is_named_where_submitit_is_missing(printing, programs, sweep, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    status, answer = sweep("--slurm", "--seeds", "1", *METRIC, train="python train.py {seed}")
    assert status == 1 and answer["error"]["code"] == "no-cluster"
    assert answer["error"]["hint"] == "pip install 'stitchgen[slurm]'"


def test_the_last_word_of_sbatch_is_the_reason():
    error = RuntimeError("submitit failed\nsbatch: error: Batch job submission failed: no\n\n")
    assert engine.reason_of(error) == "sbatch: error: Batch job submission failed: no"
