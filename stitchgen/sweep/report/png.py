"""The plots of a report as PNG, where matplotlib is installed (`pip install 'stitchgen[plots]'`).

The sole importer of matplotlib.
"""

from __future__ import annotations

import importlib.util
import io
import math
from collections.abc import Callable, Mapping
from typing import Any

from stitchgen.sweep.report.plots import COSTS
from stitchgen.sweep.report.table import Row, Table


def is_there() -> bool:
    return importlib.util.find_spec("matplotlib") is not None


def images(table: Table) -> dict[str, bytes]:
    """`seeds.png`, every run as a point, and `pareto.png`, the means against what the rows cost."""
    if not any(row.mean is not None for row in table.rows):
        return {}
    found = {"seeds.png": _seeds(table)}
    known = {
        name: of for name, of in COSTS.items() if sum(of(row) is not None for row in table.rows) > 1
    }
    if known:
        found["pareto.png"] = _costs(table, known)
    return found


def _seeds(table: Table) -> bytes:
    figure = _figure(1.6 + 1.3 * len(table.rows))
    axes = figure.subplots()
    for seed in table.seeds:
        values = [row.values.get(seed, math.nan) for row in table.rows]
        axes.plot(values, "-", color="0.8", zorder=1)
        axes.plot(values, "o", color="#0969da", zorder=2)
    for number, row in enumerate(table.rows):
        if row.mean is not None:
            axes.plot([number - 0.2, number + 0.2], [row.mean] * 2, color="black", zorder=3)
    axes.set_xticks(range(len(table.rows)), [row.name for row in table.rows], rotation=15)
    axes.set_ylabel(table.metric)
    return _png(figure)


def _costs(table: Table, known: dict[str, Callable[[Row], float | None]]) -> bytes:
    return _png(costs_figure(table, known))


def costs_figure(table: Table, known: Mapping[str, Callable[[Row], float | None]]) -> Any:
    """One plot a cost, in percent of the baseline's; the rows have their colours in all, and a legend below all."""
    figure = _figure(4.5 * len(known))
    handles: dict[str, Any] = {}
    for axes, (name, of) in zip(figure.subplots(1, len(known), squeeze=False)[0], known.items()):
        base = of(table.rows[0])
        for number, row in enumerate(table.rows):
            cost = of(row)
            if cost is not None and base and row.mean is not None:
                more = (cost / base - 1) * 100
                colour = f"C{number}"
                drawn = axes.errorbar(more, row.mean, row.spread, fmt="o", color=colour)
                handles.setdefault(row.name, drawn)
        axes.set_xlabel(f"{name}, % more than the baseline")
        axes.set_ylabel(f"{table.metric}, mean and standard deviation")
        axes.locator_params(axis="x", nbins=5)
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4)
    return figure


def _figure(width: float) -> Any:
    # Not pyplot: it would look for a screen.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, 4), layout="constrained")


def _png(figure: Any) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=150, metadata={"Software": None})
    return out.getvalue()
