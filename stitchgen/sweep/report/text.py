"""A table in words: the cells and the sentences, which every form of the report shows."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping

from stitchgen.sweep.report.plots import amount
from stitchgen.sweep.report.table import Row, Table
from stitchgen.sweep.report.words import WORDS
from stitchgen.sweep.statistics import GAIN, NONE, NOT, Comparison


def figure(value: float | None, digits: int) -> str:
    """With so many digits behind the point; NaN and inf are said."""
    if value is None:
        return ""
    return f"{value:.{digits}f}" if math.isfinite(value) else str(value)


def digits_of(table: Table) -> int:
    """Two digits of the spread, between one and six behind the point."""
    spreads = [row.spread for row in table.rows if row.spread]
    size = min(spreads) if spreads else 0.01
    return min(6, max(1, 1 - math.floor(math.log10(size))))


def header(table: Table, lang: str) -> list[str]:
    words = WORDS[lang]
    names = ("difference", "p", "wins", "pairing")
    return [
        words["variant"],
        table.metric,
        *(words[name] for name in names),
        words["parameters"],
        words["macs"],
        words["latency"],
        words["verdict"],
    ]


def cells(table: Table, row: Row, lang: str) -> list[str]:
    """The cells of a row, as text."""
    digits = digits_of(table)
    number = WORDS[lang]["none"] if row.mean is None else figure(row.mean, digits)
    if row.spread is not None:
        number += f" ± {figure(row.spread, digits)}"
    cost = _costs(table, row)
    found = row.comparison
    if found is None:
        return [row.name, number, "", "", "", "", *cost, ""]
    return [
        row.name,
        number,
        difference(found, digits),
        "" if found.p_holm is None else f"{found.p_holm:.2g}",
        f"{found.wins}/{found.pairs}" if found.pairs else "",
        "" if found.gained is None or row.unpaired else f"{found.gained:.1f}x",
        *cost,
        verdict(table, row, lang),
    ]


def difference(found: Comparison, digits: int) -> str:
    if found.mean is None:
        return ""
    text = f"{found.mean:+.{digits}f}"
    if found.low is not None and found.high is not None:
        text += f" [{found.low:+.{digits}f}, {found.high:+.{digits}f}]"
    return text


def _costs(table: Table, row: Row) -> list[str]:
    """What the baseline has, and by how much a variant has more; what the proof counted where no run says it."""
    base, own = table.rows[0].cost, row.cost
    if row.comparison is None:
        time = None if own.seconds is None else f"{own.seconds * 1000:.3g} ms"
        counts = [None if one is None else amount(one) for one in (own.parameters, own.macs)]
        return [text or "" for text in (*counts, time)]
    return [
        _more(base.parameters, own.parameters) or _added(row.params_added),
        _more(base.macs, own.macs) or _added(row.macs_added),
        _more(base.seconds, own.seconds, digits=0),
    ]


def _more(before: float | None, after: float | None, digits: int = 2) -> str:
    if not before or after is None:
        return ""
    return f"{(after / before - 1) * 100:+.{digits}f} %"


def _added(count: int | None) -> str:
    return "" if count is None else f"{count:+,}"


def verdict(table: Table, row: Row, lang: str) -> str:
    """One of four, in words."""
    words, found = WORDS[lang], row.comparison
    if found is None:
        return ""
    if found.verdict == NONE:
        return words[NONE].format(shown=figure(found.shown, digits_of(table)))
    if found.verdict == NOT:
        few = words["one"] if found.pairs == 1 else words["few"].format(pairs=found.pairs)
        why = f"{words['unpaired']} ({row.unpaired})" if row.unpaired else few
        return words[NOT].format(why=why)
    return words[found.verdict]


def head(table: Table, lang: str) -> str:
    words = WORDS[lang]
    return words["head"].format(
        metric=table.metric,
        at=words[table.at],
        better=words["less" if table.less_is_better else "more"],
        count=len(table.seeds),
        seeds=", ".join(map(str, table.seeds)),
    )


def sentences(table: Table, lang: str, name: str) -> list[str]:
    """What has to be said with the table, the most important first."""
    words = WORDS[lang]
    found = []
    if len(table.seeds) == 1:
        found.append(words["alone"])
    for row in table.rows:
        about: Mapping[str, object] = {"variant": row.name, "of": len(table.seeds)}
        if row.missing:
            what = "; ".join(f"{seed}: {why}" for seed, why in row.missing.items())
            found.append(words["missing"].format(**about, count=len(row.missing), what=what))
        if row.diverged:
            found.append(words["diverged"].format(**about, count=len(row.diverged)))
    if len(table.groups) > 1:
        groups = " + ".join(str(len(group)) for group in table.groups)
        found.append(words["added"].format(groups=groups))
    compared = [
        row.comparison for row in table.rows if row.comparison and row.comparison.p_holm is not None
    ]
    if compared:
        pairs = words["pairs"].format(tests=len(compared))
        found += [pairs if len(compared) > 1 else words["pairs_of_one"], words["bought"]]
    if table.in_turns is not None:
        found.append(words["turns"].format(device=table.in_turns))
    elif table.not_in_turns:
        found.append(words["no_turns"].format(why=table.not_in_turns))
    elif any(row.cost.seconds is not None for row in table.rows):
        found.append(words["measured"])
    reasons = {row.cost.reason for row in table.rows if row.cost.reason}
    found += [words["unmeasured"].format(why=why) for why in sorted(reasons)]
    if any(one.verdict == GAIN for one in compared):
        start = max(table.seeds) + 100 - max(table.seeds) % 100
        fresh = f"--name {shlex.quote(name)}-fresh --seeds {start}-{start + len(table.seeds) - 1}"
        found.append(words["confirm"].format(typed=fresh))
    return found
