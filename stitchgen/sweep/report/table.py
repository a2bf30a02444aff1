"""The rows of a report, made of the results of runs. Nothing here reads a file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from stitchgen.sweep.spec import BASELINE, Run
from stitchgen.sweep.state import Kind, State
from stitchgen.sweep.statistics import Comparison, compare, deviation, mean


@dataclass(frozen=True)
class Cost:
    """Of a forward of one sample, as the runs have measured it; None for what they could not."""

    parameters: int | None = None
    macs: int | None = None
    seconds: float | None = None  # the fastest of some, the median over the runs
    reason: str | None = None  # why something is not known


@dataclass(frozen=True)
class Row:
    """One variant: its numbers by seed, and how it compares."""

    name: str
    values: Mapping[int, float]
    mean: float | None
    spread: float | None
    comparison: Comparison | None  # None for the baseline
    unpaired: str  # why, where a run of it is
    params_added: int | None
    macs_added: int | None
    cost: Cost
    missing: Mapping[int, str]  # the seeds without a result, and why
    diverged: tuple[int, ...]


@dataclass(frozen=True)
class Table:
    """All rows, the baseline first."""

    metric: str
    at: str
    less_is_better: bool
    groups: tuple[tuple[int, ...], ...]  # seeds, by when they were asked for
    rows: tuple[Row, ...]
    in_turns: str | None = None  # the device that latency was measured on, each variant in turns
    not_in_turns: str | None = None  # why it could not be, and is not shown

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(seed for group in self.groups for seed in group)

    def named(self, name: str) -> Row:
        return next(row for row in self.rows if row.name == name)


def table_of(
    asked: Mapping[str, Any],
    known: Mapping[Run, State],
    costs: Mapping[str, tuple[int | None, int | None]],
    latency: Mapping[str, Any] | None = None,
) -> Table:
    """The table; `costs` are the parameters and multiply-accumulates that a variant adds, `latency` what was
    measured in turns (`sweep/latency.py`)."""
    groups = tuple(tuple(group) for group in asked["seeds"])
    names = [BASELINE, *asked["variants"]]
    values = {name: _values(name, known) for name in names}
    unpaired = {name: _unpaired(name, known) for name in names[1:]}
    found = compare(
        {name: values[name] for name in names[1:]},
        values[BASELINE],
        less_is_better=asked["less_is_better"],
        unpaired=[name for name, why in unpaired.items() if why],
    )
    rows = [
        _row(name, values[name], found.get(name), unpaired.get(name, ""), known, costs.get(name))
        for name in names
    ]
    turns = latency["variants"] if latency else {}
    device = None
    if turns and set(turns) == set(names[1:]):
        rows = _with_times(rows, turns)
        device = next(iter(turns.values()))["device"]
    elif latency:
        # What a run has measured for itself, with others beside it, is no better than nothing.
        rows = [replace(row, cost=replace(row.cost, seconds=None)) for row in rows]
    return Table(
        asked["metric"],
        asked["at"],
        asked["less_is_better"],
        groups,
        tuple(rows),
        device,
        latency["reason"] if latency else None,
    )


def _with_times(rows: Sequence[Row], turns: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """The rows with what was measured in turns, in place of what each run measured for itself."""
    baseline = median(one["baseline"] for one in turns.values())
    times = {BASELINE: baseline, **{name: baseline * one["ratio"] for name, one in turns.items()}}
    return [replace(row, cost=replace(row.cost, seconds=times[row.name])) for row in rows]


def _values(name: str, known: Mapping[Run, State]) -> dict[int, float]:
    done = {run.seed: one.result for run, one in sorted(known.items()) if run.variant == name}
    return {seed: result["value"] for seed, result in done.items() if result is not None}


def _cost(name: str, known: Mapping[Run, State]) -> Cost:
    """What the processes of a row's runs say; the model is the same at each seed."""
    measured = [
        process["cost"]
        for run, one in sorted(known.items())
        if run.variant == name and one.result is not None
        for process in one.result["processes"].values()
        if process.get("cost") and process["cost"]["parameters"] is not None
    ]
    if not measured:
        return Cost()
    first = measured[0]
    times = sorted(one["seconds"] for one in measured if one["seconds"] is not None)
    middle = times[len(times) // 2] if times else None
    return Cost(first["parameters"], first["macs"], middle, first["reason"])


def _unpaired(name: str, known: Mapping[Run, State]) -> str:
    for run, one in sorted(known.items()):
        if run.variant == name and one.result is not None:
            pairing = one.result["pairing"]
            if not pairing["paired"]:
                names = pairing["names"]
                return str(pairing["reason"]) + (f": {', '.join(names[:3])}" if names else "")
    return ""


def _row(
    name: str,
    values: Mapping[int, float],
    comparison: Comparison | None,
    unpaired: str,
    known: Mapping[Run, State],
    cost: tuple[int | None, int | None] | None,
) -> Row:
    finite = [value for value in values.values() if math.isfinite(value)]
    params, macs = cost or (None, None)
    return Row(
        name=name,
        values=values,
        mean=mean(finite) if finite else None,
        spread=deviation(finite) if len(finite) > 1 else None,
        comparison=comparison,
        unpaired=unpaired,
        params_added=params,
        macs_added=macs,
        cost=_cost(name, known),
        missing={
            run.seed: one.failure["reason"] if one.failure else one.kind.value
            for run, one in sorted(known.items())
            if run.variant == name and one.kind is not Kind.DONE
        },
        diverged=tuple(seed for seed, value in values.items() if not math.isfinite(value)),
    )


def missing_runs(rows: Sequence[Row]) -> int:
    return sum(len(row.missing) for row in rows)
