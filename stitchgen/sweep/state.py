"""The state of a sweep, read from its files."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from stitchgen.sweep.folders import RunFolder, SweepFolder, is_busy, read_json
from stitchgen.sweep.spec import BASELINE, Run

#: Of what a failed run printed, so many lines are shown.
LAST_LINES = 20


class Kind(Enum):
    """What a run is."""

    DONE = "done"
    FAILED = "failed"
    GOING = "going"
    TO_DO = "to do"


@dataclass(frozen=True)
class State:
    """A run's kind, with its result or its failure."""

    kind: Kind
    result: Mapping[str, Any] | None = None
    failure: Mapping[str, Any] | None = None


def state_of(folder: RunFolder) -> State:
    """Done once there is a result; failed where the last try ended without one."""
    result = read_json(folder.result)
    if result is not None:
        return State(Kind.DONE, result=result)
    if is_busy(folder.lock):
        return State(Kind.GOING)
    tries = folder.tries()
    ended = read_json(tries[-1].exit) if tries else None
    if ended is not None:
        return State(Kind.FAILED, failure=ended)
    return State(Kind.TO_DO)


def states(folder: SweepFolder, runs: Iterable[Run]) -> dict[Run, State]:
    return {run: state_of(folder.run(run)) for run in runs}


def ready(runs: Iterable[Run], known: Mapping[Run, State], tried: set[Run]) -> list[Run]:
    """The runs that can start now, in their order: a variant after the baseline of its seed.

    Until the first baseline is done nothing else starts: where it fails, all would.
    """
    runs = list(runs)
    first = next(run for run in runs if run.variant == BASELINE)
    found = []
    for run in runs:
        begun = Run(BASELINE, run.seed) if run.variant != BASELINE else first
        waits = run != first and known[begun].kind is not Kind.DONE
        todo = known[run].kind in (Kind.TO_DO, Kind.FAILED) and run not in tried
        if todo and not waits:
            found.append(run)
    return found


def clear_interrupted(folder: RunFolder) -> None:
    """Remove what an interrupted try has left: nobody is at work on it."""
    for one in folder.tries():
        if not one.exit.exists():
            shutil.rmtree(one.path, ignore_errors=True)
