"""Runs as tasks on a local Ray cluster of two nodes, where Ray is installed; else what is said without."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import pytest

from stitchgen.sweep import ray as engine

METRIC = ("--metric", "val_acc", "--python", sys.executable)
#: It waits for a file where one is named, so that a test decides when a run ends.
WAITS = """\
import os, sys, time
seed, marks = int(sys.argv[1]), sys.argv[2]
with open(f"{marks}/began-{seed}", "a") as began:
    began.write(os.environ.get("MINE", "") + "\\n")
with open(f"{marks}/pids-{seed}", "w") as pids:
    pids.write(f"{os.getppid()} {os.getpid()}")
while os.path.exists(f"{marks}/hold-{seed}"):
    time.sleep(0.1)
print(f"val_acc: 0.{seed}")
"""


@pytest.fixture(scope="module")
def cluster():
    """Two nodes of a core each."""
    ray = pytest.importorskip("ray", reason="no Ray: pip install 'stitchgen[ray]'")
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 80 << 20}
    with pytest.MonkeyPatch.context() as patch:
        # Ray's workers give way to all else, for minutes where the machine is loaded.
        patch.setenv("RAY_worker_niceness", "0")
        made = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
        made.second = made.add_node(**node)
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.fixture
def address(cluster):
    yield cluster.address
    sys.modules["ray"].shutdown()


@pytest.fixture
def marks(printing, monkeypatch):
    monkeypatch.setenv("MINE", "yes")
    (printing / "train.py").write_text(WAITS)
    folder = printing.parent / f"{printing.name}-marks"
    folder.mkdir()
    return folder


def until(what, seconds=180):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.1)


def begin(train, address, *words):
    """The command as a process, which a test can end."""
    command = [sys.executable, "-m", "stitchgen", "sweep", "--ray", address, *words, *METRIC]
    return subprocess.Popen(
        [*command, "--json", "--", *train.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_runs_are_tasks_on_both_nodes_with_the_environment_of_the_user(address, marks, sweep):
    train = f"python train.py {{seed}} {marks}"
    for seed in (1, 2):
        (marks / f"hold-{seed}").touch()
    command = begin(train, address, "--seeds", "3")
    until(lambda: len([*marks.glob("began-*")]) == 3)  # a core a node: both are at work
    for seed in (1, 2):
        (marks / f"hold-{seed}").unlink()
    said, errors = command.communicate(timeout=120)
    assert command.returncode == 0, errors
    assert json.loads(said)["variants"][0]["values"] == {"0": 0.0, "1": 0.1, "2": 0.2}
    assert {path.read_text() for path in marks.glob("began-*")} == {"yes\n"}
    status, answer = sweep("--ray", address, "--seeds", "4", *METRIC, train=train)
    assert status == 0 and len(answer["variants"][0]["values"]) == 4
    assert {path.read_text() for path in marks.glob("began-*")} == {"yes\n"}, "each once"


@pytest.mark.slow
def test_ctrl_c_ends_the_trainings_on_the_nodes(address, marks, sweep, request):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    for seed in (1, 2):
        (marks / f"hold-{seed}").touch()
    train = f"python train.py {{seed}} {marks}"
    command = begin(train, address, "--seeds", "3")
    until(lambda: len([*marks.glob("began-*")]) == 3)
    command.send_signal(signal.SIGINT)
    said, _ = command.communicate(timeout=120)
    assert command.returncode == 130
    assert json.loads(said)["error"]["message"] == "interrupted: 1 of 3 runs are done and kept"
    states = [row["state"] for row in sweep("status")[1]["runs"]]
    assert sorted(states) == ["done", "to do", "to do"], "nothing is at work any more"


@pytest.mark.slow
def test_settings_that_no_node_or_nothing_has(address, marks, printing, sweep, capsys):
    train = f"python train.py {{seed}} {marks}"
    (printing / "sweep.toml").write_text("[ray]\nnum_cpu = 1\n")
    status, answer = sweep("--ray", address, "--seeds", "1", *METRIC, train=train)
    assert status == 1 and answer["error"]["code"] == "no-cluster"
    assert "num_cpu" in answer["error"]["message"]


@pytest.mark.slow
def test_a_node_that_dies_is_told_and_its_run_is_done_next_time(cluster, address, marks, sweep):
    """The last one: it takes a node away."""
    for seed in (1, 2):
        (marks / f"hold-{seed}").touch()
    train = f"python train.py {{seed}} {marks}"
    command = begin(train, address, "--seeds", "3")
    until(lambda: len([*marks.glob("began-*")]) == 3)
    cluster.remove_node(cluster.second, allow_graceful=False)
    until(lambda: orphans(marks))
    for pids in orphans(marks):  # with a node all that ran there is gone
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
    for seed in (1, 2):
        (marks / f"hold-{seed}").unlink()
    _, errors = command.communicate(timeout=180)
    assert command.returncode == 1
    assert "it was interrupted" in errors and "| Ray: NodeDiedError: " in errors
    assert sweep("--ray", address, "--seeds", "3", *METRIC, train=train)[0] == 0


def orphans(marks):
    """The supervisors, with their trainings, whose Ray worker is gone."""
    found = []
    for file in marks.glob("pids-*"):
        supervisor, training = map(int, file.read_text().split())
        stat = pathlib.Path(f"/proc/{supervisor}/stat")
        if stat.exists() and stat.read_text().rpartition(")")[2].split()[1] == "1":
            found.append((supervisor, training))
    return found


# -- without a cluster -----------------------------------------------------------------------------


def test_the_extra_is_named_where_ray_is_missing(printing, sweep, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    status, answer = sweep("--ray", "auto", "--seeds", "1", *METRIC, train="python train.py {seed}")
    assert status == 1 and answer["error"]["code"] == "no-cluster"
    assert answer["error"]["hint"] == "pip install 'stitchgen[ray]'"


def test_an_address_where_nothing_listens_is_said_at_once():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]  # bound, and nobody listens
        for address in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}"):
            with pytest.raises(engine.StitchError, match="no Ray cluster answers") as found:
                engine.answers(address)
            assert found.value.code == "no-cluster" and "ray start --head" in found.value.hint
    with pytest.raises(engine.StitchError, match="is no address"):
        engine.answers("http://here:6379")


def test_a_node_has_what_is_asked_for_or_has_not():
    node = {"CPU": 4.0, "memory": 1e9, "tpu": 1.0}
    assert engine.fits(node, {"num_cpus": 4, "resources": {"tpu": 1}})
    assert not engine.fits(node, {"num_cpus": 1, "num_gpus": 1})
