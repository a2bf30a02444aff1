"""The report of a sweep: made of its folder, written beside it, and as one object."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from typing import Any

from stitchgen.sweep.folders import SweepFolder, read_json, write_bytes
from stitchgen.sweep.planned import load
from stitchgen.sweep.report import page, png, text
from stitchgen.sweep.report.table import Row, Table, missing_runs, table_of
from stitchgen.sweep.report.words import WORDS
from stitchgen.sweep.spec import BASELINE, Run
from stitchgen.sweep.state import states


def write_report(folder: SweepFolder, asked: Mapping[str, Any], lang: str) -> dict[str, Any]:
    """Write `report.md`, `runs.csv`, `variants.csv` and `index.html`, and PNGs where there is matplotlib.

    `ok` where no run is missing.
    """
    table = read_table(folder, asked)
    folder.report.mkdir(parents=True, exist_ok=True)
    contents = {
        "report.md": markdown(table, lang, folder.name),
        "runs.csv": runs_csv(table),
        "variants.csv": variants_csv(table),
        "index.html": page.html(table, lang, folder.name, asked),
    }
    drawn = png.is_there()
    pictures = png.images(table) if drawn else {}
    notes = text.sentences(table, lang, folder.name) + (
        [] if drawn else [WORDS[lang]["no_pictures"]]
    )
    for name, content in contents.items():
        write_bytes(folder.report / name, content.encode())
    for name, picture in pictures.items():
        write_bytes(folder.report / name, picture)
    return {
        "ok": not missing_runs(table.rows),
        "command": "sweep",
        "name": folder.name,
        "metric": table.metric,
        "seeds": list(table.seeds),
        "variants": [as_dict(row) for row in table.rows],
        "head": text.head(table, lang),
        "table": [text.header(table, lang), *(text.cells(table, row, lang) for row in table.rows)],
        "notes": notes,
        "report": [str(folder.report / name) for name in [*pictures, *contents]],
    }


def read_table(folder: SweepFolder, asked: Mapping[str, Any]) -> Table:
    names = [BASELINE, *asked["variants"]]
    runs = [Run(name, seed) for name in names for group in asked["seeds"] for seed in group]
    costs = {}
    for name in asked["variants"]:
        planned = load(folder, name)
        if planned is not None:
            costs[name] = (planned.params_added, planned.macs_added)
    return table_of(asked, states(folder, runs), costs, read_json(folder.latency))


def as_dict(row: Row) -> dict[str, Any]:
    """A row for programs. NaN has no JSON, so it is text there."""
    found = row.comparison
    return {
        "name": row.name,
        "values": {
            str(seed): value if math.isfinite(value) else str(value)
            for seed, value in row.values.items()
        },
        "mean": row.mean,
        "std": row.spread,
        "comparison": vars(found) if found is not None else None,
        "unpaired": row.unpaired or None,
        "missing": {str(seed): why for seed, why in row.missing.items()},
        "params_added": row.params_added,
        "macs_added": row.macs_added,
        "cost": vars(row.cost),
    }


def markdown(table: Table, lang: str, name: str) -> str:
    """The report for a person, as GitHub shows it."""
    rows = [text.header(table, lang), *(text.cells(table, row, lang) for row in table.rows)]
    lines = [f"# {name}", "", text.head(table, lang), ""]
    lines += [_piped(rows[0]), _piped(["---"] * len(rows[0])), *map(_piped, rows[1:]), ""]
    lines += [f"- {sentence}" for sentence in text.sentences(table, lang, name)]
    return "\n".join(lines).rstrip() + "\n"


def _piped(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def runs_csv(table: Table) -> str:
    """Each run as a line; numbers as they can be read again without loss."""
    lines = [["variant", "seed", table.metric]]
    for row in table.rows:
        lines += [[row.name, str(seed), repr(row.values[seed])] for seed in sorted(row.values)]
    return _csv(lines)


def variants_csv(table: Table) -> str:
    names = "pairs mean low high p p_holm p_flip wins gained verdict".split()
    costs = "parameters macs seconds".split()
    lines = [["variant", "mean", "std", *(f"difference_{name}" for name in names), *costs]]
    for row in table.rows:
        found = vars(row.comparison) if row.comparison else {}
        shown = [found.get(name) for name in names]
        shown += [getattr(row.cost, name) for name in costs]
        lines.append(
            [row.name, *("" if one is None else str(one) for one in (row.mean, row.spread, *shown))]
        )
    return _csv(lines)


def _csv(lines: Iterable[Iterable[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(lines)
    return out.getvalue()
