"""The time of a forward, measured after the runs: each variant in turns with the baseline, nothing else going.

A machine gets slower and faster by itself; what is measured in turns shares that. The command is begun once more
in a copy of the project, for the model and the input that it makes, and is stopped at its first step
(`runner/turns.py`).
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from typing import Any

from stitchgen.sweep import command, tree
from stitchgen.sweep.folders import SweepFolder, read_json, write_json
from stitchgen.sweep.planned import Planned, load
from stitchgen.sweep.sources import Layout
from stitchgen.sweep.spec import BASELINE, Place, Run

#: Turns of each pair. The first two are for warming up.
TURNS, WARMING = 17, 2
#: A training gets so many times the seconds of a whole run until its first step, and so many more.
PATIENCE, LEAST = 1.0, 60.0
#: What other processes may take of a machine on which times mean something.
IDLE_SHARE = 0.5


@dataclass(frozen=True)
class Latency:
    """Of a variant against the baseline: the median of the turns, and the quartiles of their ratios."""

    baseline: float  # seconds
    ratio: float
    low: float
    high: float
    device: str


class NotMeasured(Exception):
    """Why there are no times; the report says it."""


def measure(
    folder: SweepFolder,
    asked: Mapping[str, Any],
    place: Place,
    jobs: int,
    say: Callable[[str], None],
) -> None:
    """Measure what is not measured, and keep it in `latency.json`; where that cannot be, why."""
    names = [*asked["variants"]]
    known = read_json(folder.latency)
    if known is not None and sorted(known["variants"]) == sorted(names):
        return
    baseline = read_json(folder.run(Run(BASELINE, asked["seeds"][0][0])).result)
    if not names or baseline is None or not has_model(baseline):
        return
    why = busy(jobs)
    if why is None:
        say("measuring the time of a forward, each variant in turns with the baseline")
        try:
            limit = PATIENCE * baseline["seconds"] + LEAST
            pairs = _pairs(folder, asked, place, names, limit)
        except NotMeasured as error:
            why = str(error)
    if why is not None:
        write_json(folder.latency, {"reason": why, "variants": {}})
        return
    write_json(
        folder.latency,
        {"reason": None, "variants": {name: asdict(one) for name, one in pairs.items()}},
    )


def has_model(result: Mapping[str, Any]) -> bool:
    """Whether a run has timed a forward: there is a model, and an input of it."""
    costs = [one.get("cost") or {} for one in result["processes"].values()]
    return any(cost.get("seconds") is not None for cost in costs)


def busy(jobs: int) -> str | None:
    """Why times mean nothing now, in words; None where the machine is idle but for the runs that have ended."""
    if not hasattr(os, "getloadavg"):
        return None
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load - jobs <= IDLE_SHARE * cores:
        return None
    return f"the machine was busy with other work, a load of {load:.1f} on {cores} processors"


def _pairs(
    folder: SweepFolder,
    asked: Mapping[str, Any],
    place: Place,
    names: Sequence[str],
    limit: float,
) -> dict[str, Latency]:
    """The times of each variant and the baseline, in turns; raises `NotMeasured`."""
    found = {}
    with _Training(folder, asked, place, None) as baseline:
        for name in names:
            with _Training(folder, asked, place, load(folder, name)) as variant:
                found[name] = _in_turns(baseline, variant, time.monotonic() + limit)
    return found


def _in_turns(baseline: _Training, variant: _Training, until: float) -> Latency:
    turns = [(baseline.turn(until), variant.turn(until)) for _ in range(TURNS)][WARMING:]
    low, middle, high = quantiles((after / before for before, after in turns), n=4)
    return Latency(median(before for before, _ in turns), middle, low, high, baseline.device)


class _Training:
    """The command, begun in a copy of the project and stopped at its first step; a context manager."""

    def __init__(
        self,
        folder: SweepFolder,
        asked: Mapping[str, Any],
        place: Place,
        planned: Planned | None,
    ):
        self.sweep, self.asked, self.place = folder, asked, place
        self.planned, self.seed = planned, asked["seeds"][0][0]
        self.name = planned.name if planned else BASELINE
        self.path = folder.path / "timing" / self.name
        self.device = ""
        self.read = b""

    def __enter__(self) -> _Training:
        shutil.rmtree(self.path, ignore_errors=True)
        copy, events = self.path / "tree", self.path / "events"
        asked = self.asked
        layout = Layout(**{key: tuple(paths) for key, paths in asked["layout"].items()})
        tree.make(self.sweep.root, copy, layout, self.planned.files if self.planned else {})
        events.mkdir()
        pipes = [self.path / "ask", self.path / "answer"]
        for pipe in pipes:
            os.mkfifo(pipe)
        # Both ends of each are open here, so that neither side waits for the other to open it.
        self.asking = os.open(pipes[0], os.O_RDWR)
        self.answers = os.open(pipes[1], os.O_RDWR | os.O_NONBLOCK)
        settings = self.path / "settings.json"
        write_json(
            settings,
            {
                # What the runner reads (`runner/files.py`).
                "folder": str(events),
                "tape": None,
                "pair": False,
                "seed": self.seed if asked["seeded_by_runner"] else None,
                "tree": str(copy),
                "counter": "",
                "edited": [],
                "turns": [str(pipe) for pipe in pipes],
            },
        )
        words = command.words_for(asked["command"], asked["python"], self.seed, self.path)
        gpu = self.place.gpus[0] if self.place.gpus else None
        with open(self.path / "output.txt", "wb") as output:
            self.process = subprocess.Popen(
                words,
                cwd=copy / asked["folder"],
                env=command.environment(
                    os.environ,
                    python=asked["python"],
                    root=self.sweep.root,
                    tree=copy,
                    settings=settings,
                    seed=self.seed,
                    threads=asked["threads"],
                    gpu=gpu,
                ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return self

    def __exit__(self, *exception: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.asking)
        os.close(self.answers)
        shutil.rmtree(self.path, ignore_errors=True)

    def turn(self, until: float) -> float:
        """The seconds of a forward, now; the first waits for the training to come to its first step."""
        os.write(self.asking, b"\n")
        while b"\n" not in self.read:
            if self.process.poll() is not None:
                raise NotMeasured(
                    f"the training of {self.name}, begun once more, ended before its first step"
                )
            if time.monotonic() > until:
                raise NotMeasured(
                    f"the training of {self.name}, begun once more, did not come to its first step"
                )
            if select.select([self.answers], [], [], 0.2)[0]:
                self.read += os.read(self.answers, 1 << 16)
        line, _, self.read = self.read.partition(b"\n")
        said = json.loads(line)
        if "reason" in said:
            raise NotMeasured(f"{self.name}: {said['reason']}")
        self.device = said["device"]
        return float(said["seconds"])
