"""The report as one HTML page, with nothing to load: the table, every run as a point, the costs."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from html import escape
from typing import Any

from stitchgen.sweep.report import plots, text
from stitchgen.sweep.report.table import Row, Table
from stitchgen.sweep.report.words import WORDS
from stitchgen.sweep.statistics import GAIN, LOSS

STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --soft: #656d76; --line: #d8dee4; --paper: #fff;
        --run: #0969da; --good: #1a7f37; --bad: #cf222e; --chip: #f3f4f6 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9198a1; --line: #30363d; --paper: #0d1117;
          --run: #58a6ff; --good: #3fb950; --bad: #f85149; --chip: #161b22 } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
       margin: 2rem auto; max-width: 80rem; padding: 0 1rem }
h1 { margin-bottom: .2rem } .soft { color: var(--soft) }
code { background: var(--chip); padding: .15rem .4rem; border-radius: 4px }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-size: .88rem }
th, td { text-align: left; padding: .4rem .55rem; border-bottom: 1px solid var(--line); vertical-align: top }
th { white-space: nowrap } td { font-variant-numeric: tabular-nums } td:not(:last-child) { white-space: nowrap }
td:first-child { font-weight: 600 } td:last-child { min-width: 13rem } .gain { color: var(--good); font-weight: 600 } .loss { color: var(--bad); font-weight: 600 }
figure { margin: 2rem 0; overflow-x: auto } figcaption { color: var(--soft); font-size: .9rem } .plots { display: flex; flex-wrap: wrap; gap: 1rem }
svg { max-width: 100%; height: auto } svg:only-child { min-width: 36rem } text { font-size: 13px; fill: var(--soft) }
.grid { stroke: var(--line) } .pair { stroke: var(--soft); stroke-opacity: .35; fill: none }
.run { fill: var(--run); fill-opacity: .8 } .base { fill: var(--ink) } .worse { fill: var(--soft); fill-opacity: .6 }
.mean { stroke: var(--ink); stroke-width: 2.5 } .interval { stroke: var(--soft) }
.front { stroke: var(--run); stroke-dasharray: 4 4; fill: none }
"""


def html(table: Table, lang: str, name: str, asked: Mapping[str, Any]) -> str:
    """The whole page."""
    words = WORDS[lang]
    head = "".join(f"<th>{escape(cell)}</th>" for cell in text.header(table, lang))
    body = "\n".join(_row(table, row, lang) for row in table.rows)
    notes = "\n".join(f"<li>{escape(one)}</li>" for one in text.sentences(table, lang, name))
    costs = [plots.pareto(table, words[cost], of) for cost, of in plots.COSTS.items()]
    command = shlex.join(asked["command"]).replace("'{seed}'", "{seed}")
    figures = _figure(plots.runs(table), words["runs"])
    figures += _figure("\n".join(filter(None, costs)), words["pareto"])
    return f"""<!doctype html>
<html lang="{lang}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(name)}</title>
<style>{STYLE}</style>
<h1>{escape(name)}</h1>
<p class="soft">{escape(text.head(table, lang))}</p>
<p><code>{escape(command)}</code></p>
<div class="wide"><table>
<tr>{head}</tr>
{body}
</table></div>
<ul>
{notes}
</ul>
{figures}
<p class="soft">{escape(words["made"])}</p>
</html>
"""


def _row(table: Table, row: Row, lang: str) -> str:
    cells = text.cells(table, row, lang)
    verdict = row.comparison.verdict if row.comparison else ""
    kind = f' class="{verdict}"' if verdict in (GAIN, LOSS) else ""
    shown = [f"<td>{escape(cell)}</td>" for cell in cells[:-1]]
    return f"<tr>{''.join(shown)}<td{kind}>{escape(cells[-1])}</td></tr>"


def _figure(drawn: str, caption: str) -> str:
    if not drawn:
        return ""
    return f'<figure><div class="plots">{drawn}</div><figcaption>{escape(caption)}</figcaption></figure>\n'
