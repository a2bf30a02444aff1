"""A SLURM of one node on loopback: munged, slurmctld and slurmd as processes of a folder; no systemd, no cgroups.

Debian has them: `apt-get install slurm-wlm munge`. They have to be started by root.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
KillWait=5
SlurmdTimeout=20
SchedulerParameters=batch_sched_delay=0,sched_interval=1
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=60 State=UP OverSubscribe=YES
"""


def lacking() -> str:
    """Why there can be none here; empty where there can."""
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    missing = [one for one in PROGRAMS if shutil.which(one, path=path) is None]
    if missing:
        return f"no {missing[0]}: apt-get install slurm-wlm munge"
    return "" if os.geteuid() == 0 else "slurmd is started by root"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def cluster(folder: Path) -> Iterator[dict[str, str]]:
    """The environment in which sbatch and its like speak to it."""
    host = socket.gethostname().split(".")[0]
    environment = {
        **os.environ,
        "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin",
        "SLURM_CONF": str(folder / "slurm.conf"),
    }
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    folder.chmod(0o755)
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o400)
    ports = {"controller": free_port(), "node": free_port()}
    (folder / "slurm.conf").write_text(CONF.format(host=host, folder=folder, **ports))
    munge = ["munged", "-F", "-f", "-S", f"{folder}/munge.socket", f"--key-file={folder}/munge.key"]
    munge += [f"--pid-file={folder}/munge.pid", f"--seed-file={folder}/munge.seed"]
    munge += [f"--log-file={folder}/munge.log"]
    commands = (munge, ["slurmctld", "-D", "-i"], ["slurmd", "-D", "-N", host])
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands:
            with open(folder / f"{command[0]}.out", "wb") as said:
                processes.append(
                    subprocess.Popen(command, env=environment, stdout=said, stderr=said)
                )
            wait_for(folder / "munge.socket")
        until = time.monotonic() + 90
        while "idle" not in said_by(["sinfo", "-h", "-o", "%t"], environment):
            logs = [(folder / f"{one[0]}.out").read_text()[-2000:] for one in commands]
            assert time.monotonic() < until, "\n".join(logs)
            time.sleep(0.5)
        yield environment
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def wait_for(path: Path) -> None:
    until = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < until, f"there is no {path}"
        time.sleep(0.1)


def said_by(command: list[str], environment: dict[str, str]) -> str:
    return subprocess.run(command, env=environment, capture_output=True, text=True).stdout
