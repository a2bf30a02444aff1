"""The engine of a Ray cluster: runs are tasks of Ray Core, whose nodes see the project's folder.

Tasks end with the command that submitted them, as Ray has it; a supervisor that a node has begun goes on by
itself, and the next command waits for it.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stitchgen.errors import StitchError
from stitchgen.sweep.cluster import Endings, carries_out, no_cluster, say_in
from stitchgen.sweep.command import supervisor
from stitchgen.sweep.folders import SweepFolder
from stitchgen.sweep.spec import Run

#: Seconds that a cluster may take to answer at its address.
ANSWERS = 5.0
#: Seconds that runs may take to end when they are told to.
PATIENCE = 30.0
#: The ports of Ray, where an address names none.
GCS, CLIENT = 6379, 10001
#: What a cluster says of its own processes is theirs; the sweep's runs are to have the user's.
OF_NODES = ("RAY_", "CUDA_VISIBLE_DEVICES", "HOSTNAME", "TMPDIR", "VIRTUAL_ENV")


class RayEngine:
    """Each run is a task. `settings` are Ray's resources of one: num_cpus, num_gpus, memory, resources."""

    def __init__(
        self,
        folder: SweepFolder,
        jobs: int,
        address: str,
        settings: Mapping[str, Any],
        say: Callable[[str], None],
    ):
        try:
            import ray as installed
        except ImportError as error:
            raise no_cluster(
                "--ray needs Ray, which is not installed", "pip install 'stitchgen[ray]'"
            ) from error
        ray: Any = installed  # its functions have no types
        self.folder, self.jobs, self.ray = folder, jobs, ray
        if address != "auto":
            answers(address)
        try:
            ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        except (ImportError, OSError, RuntimeError, ValueError) as error:
            raise refused(address, error) from error
        here = ray.cluster_resources()
        wanted = {"num_cpus": 1, **({"num_gpus": 1} if here.get("GPU") else {}), **settings}
        try:
            remote = ray.remote(carries_out())
            self.work = remote.options(max_retries=0, scheduling_strategy="SPREAD", **wanted)
        except (TypeError, ValueError) as error:
            raise no_cluster(
                f"the settings of [ray] do not fit: {str(error).splitlines()[0]}",
                "num_cpus, num_gpus, memory (bytes), resources = { NAME = 1 }, accelerator_type",
            ) from error
        if not any(fits(node["Resources"], wanted) for node in ray.nodes() if node["Alive"]):
            given = ", ".join(f"{key} {value}" for key, value in wanted.items())
            say(f"no node of the Ray cluster has {given} now; runs wait until one joins")
        self.environment = {
            key: value for key, value in os.environ.items() if not key.startswith(OF_NODES)
        }
        self.endings = Endings(folder)
        self.going: dict[Run, Any] = {}
        self.gone: set[Run] = set()

    def start(self, runs: Sequence[Run]) -> list[Run]:
        wanted = list(runs)[: max(0, self.jobs - len(self.going))]
        for run in wanted:
            place = self.folder.run(run)
            place.path.mkdir(parents=True, exist_ok=True)
            self.endings.begun(run)
            words = supervisor(place.path)
            self.going[run] = self.work.remote(words, str(place.said), self.environment, False)
        return wanted

    def poll(self) -> list[Run]:
        if self.going:
            tasks = list(self.going.values())
            ready = {*self.ray.wait(tasks, num_returns=len(tasks), timeout=0)[0]}
            for run, task in list(self.going.items()):
                if task in ready:
                    self.gone.add(run)
                    del self.going[run]
                    self._note(run, task)
        ended = [run for run in sorted(self.gone) if self.endings.has_settled(run)]
        self.gone -= {*ended}
        return ended

    def _note(self, run: Run, task: Any) -> None:
        """What Ray says of a task that did not end by itself, with what the run's supervisor said."""
        try:
            self.ray.get(task)
        except self.ray.exceptions.RayError as error:
            lines = [line for line in str(error).splitlines() if line.strip()]
            said = f"Ray: {type(error).__name__}: {lines[0] if lines else ''}"
            say_in(self.folder.run(run).said, said)

    def stop(self) -> None:
        """Have the tasks end their trainings; those that do not are ended by Ray."""
        tasks = list(self.going.values())
        for task in tasks:
            self.ray.cancel(task)
        until = time.monotonic() + PATIENCE
        left = tasks
        while left and time.monotonic() < until:
            left = self.ray.wait(left, num_returns=len(left), timeout=0.5)[1]
        for task in left:
            self.ray.cancel(task, force=True)
        self.going.clear()


def answers(address: str) -> None:
    """Refuse an address at which nothing listens, for which Ray itself would wait a minute."""
    scheme, _, rest = address.rpartition("://")
    host, _, port = rest.partition("/")[0].rpartition(":")
    if scheme not in ("", "ray") or (port and not port.isdigit()):
        raise no_cluster(
            f"--ray {address} is no address of a Ray cluster",
            "--ray auto, HOST:6379 or ray://HOST:10001",
        )
    host, number = (host, int(port)) if host else (port, CLIENT if scheme else GCS)
    try:
        socket.create_connection((host, number), ANSWERS).close()
    except OSError as error:
        raise no_cluster(
            f"no Ray cluster answers at {address}: {error.strerror or error}",
            f"start one: ray start --head --port {GCS}, or pass the address that ray status shows",
        ) from error


def refused(address: str, error: BaseException) -> StitchError:
    """Why Ray does not take this process: no cluster, other versions, no node of it here."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return no_cluster(
        f"Ray does not take this process at {address}: {lines[0] if lines else type(error).__name__}",
        "run it on a machine of the cluster with the cluster's Ray and Python, or from outside by "
        f"--ray ray://HOST:{CLIENT} (pip install 'ray[client]')",
    )


def fits(node: Mapping[str, float], wanted: Mapping[str, Any]) -> bool:
    """Whether a node has, all in all, what a run asks for."""
    asked = {
        "CPU": wanted.get("num_cpus"),
        "GPU": wanted.get("num_gpus"),
        "memory": wanted.get("memory"),
        **wanted.get("resources", {}),
    }
    return all(node.get(key, 0) >= value for key, value in asked.items() if value)
