"""The report as one HTML page, with nothing to load: the table, and every run as a point."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from html import escape
from typing import Any

from stitchgen.sweep.report import text
from stitchgen.sweep.report.table import Table

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; margin: 2rem auto; max-width: 72rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .35rem .7rem; border-bottom: 1px solid #ddd }
td { font-variant-numeric: tabular-nums } .wide { overflow-x: auto } code { background: #f3f3f3; padding: .1rem .3rem }
"""
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 720, 340, 76, 16, 46


def html(table: Table, lang: str, name: str, asked: Mapping[str, Any]) -> str:
    """The whole page."""
    rows = [text.cells(table, row, lang) for row in table.rows]
    head = "".join(f"<th>{escape(cell)}</th>" for cell in text.header(table, lang))
    body = "\n".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>" for cells in rows
    )
    notes = "\n".join(f"<li>{escape(one)}</li>" for one in text.sentences(table, lang, name))
    return f"""<!doctype html>
<html lang="{lang}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(name)}</title>
<style>{STYLE}</style>
<h1>{escape(name)}</h1>
<p>{escape(text.head(table, lang))}</p>
<p><code>{escape(shlex.join(asked["command"]))}</code></p>
<div class="wide"><table>
<tr>{head}</tr>
{body}
</table></div>
<ul>
{notes}
</ul>
{points(table)}
</html>
"""


def points(table: Table) -> str:
    """Every run as a point, a column a variant; the points of a seed are joined by a line."""
    finite = [v for row in table.rows for v in row.values.values() if math.isfinite(v)]
    if not finite:
        return ""
    low, high = min(finite), max(finite)
    margin = (high - low) * 0.08 or abs(high) * 0.05 or 1.0
    low, high = low - margin, high + margin
    step = (WIDTH - LEFT) / len(table.rows)

    def at(column: int, value: float) -> tuple[float, float]:
        share = (value - low) / (high - low)
        return LEFT + step * (column + 0.5), HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    parts = [*_axis(low, high, at)]
    for seed in table.seeds:
        places = [
            at(column, row.values[seed])
            for column, row in enumerate(table.rows)
            if math.isfinite(row.values.get(seed, math.nan))
        ]
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{joined}" fill="none" stroke="#bbb"/>')
        parts += [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#1f6feb"><title>seed {seed}</title></circle>'
            for x, y in places
        ]
    for column, row in enumerate(table.rows):
        x, _ = at(column, low)
        parts.append(_label(x, HEIGHT - BOTTOM + 24, row.name, "middle"))
    inside = "\n".join(parts)
    shown = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img"'
    return f"{shown} aria-label={_quoted(table.metric)}>\n{inside}\n</svg>"


def _axis(low: float, high: float, at: Any) -> list[str]:
    parts = []
    for number in range(5):
        value = low + (high - low) * number / 4
        _, y = at(0, value)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#eee"/>')
        parts.append(_label(LEFT - 8, y + 4, f"{value:.4g}", "end"))
    return parts


def _label(x: float, y: float, label: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="13">{escape(label)}</text>'


def _quoted(label: str) -> str:
    return f'"{escape(label, quote=True)}"'
