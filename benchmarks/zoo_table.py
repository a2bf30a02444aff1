"""The tables of the zoo: verdicts by model, strategy, form, layout and refusal code.

Reads result records only. Prints with rich.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

VERDICTS = ("right", "refused", "wrong", "failed")

#: What the rows of each table are; a record lacks a key where it did not come so far.
GROUPINGS = ("model", "group", "strategy", "definition", "call", "layout", "block")


def eligible(record: dict[str, Any]) -> bool:
    """Whether a block can belong there: the layer is called and returns a tensor of floats, or has
    one among its elements that was asked for."""
    return record.get("result") == "tensor" or record["verdict"] == "right"


def attached(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [r for r in records if "attach" in r.get("strategy", "")]


def in_package(record: dict[str, Any]) -> bool:
    """Whether the layer is run by an installed package, whose source is not the user's."""
    return "installed-package" in record.get("tried", ())


def count(records: list[dict[str, Any]], key: str) -> dict[str, Counter]:
    rows: dict[str, Counter] = {}
    for record in records:
        row = rows.setdefault(str(record.get(key) or "-"), Counter())
        row[record["verdict"]] += 1
        row["layers"] += 1
        if eligible(record):
            row["eligible"] += 1
            row["eligible right"] += record["verdict"] == "right"
    return rows


def share(row: Counter) -> str:
    if not row["eligible"]:
        return "-"
    return f"{100 * row['eligible right'] / row['eligible']:.1f} %"


def total(records: list[dict[str, Any]]) -> Counter:
    rows = count([{**r, "all": "all"} for r in records], "all")
    return rows.get("all", Counter())


def refusals(records: list[dict[str, Any]]) -> list[tuple[str, bool, int, str]]:
    """Each refusal code, apart for layers after which no block can belong, with an example."""
    found: dict[tuple[str, bool], list[dict[str, Any]]] = {}
    for record in records:
        if record["verdict"] == "refused":
            found.setdefault((record["code"], eligible(record)), []).append(record)
    rows = [(c, e, len(rs), f"{rs[0]['model']} {rs[0]['path']}") for (c, e), rs in found.items()]
    return sorted(rows, key=lambda row: -row[2])


def wrongs(records: list[dict[str, Any]]) -> list[tuple[str, int, str]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        if record["verdict"] in ("wrong", "failed"):
            found.setdefault(f"{record['verdict']}: {record['why']}", []).append(record)
    rows = [(why, len(rs), f"{rs[0]['model']} {rs[0].get('path')}") for why, rs in found.items()]
    return sorted(rows, key=lambda row: -row[1])


def summary(records: list[dict[str, Any]]) -> dict[str, Any]:
    """All tables as one JSON object."""
    return {
        "total": dict(total(records)),
        "attached": len(attached(records)),
        "attached in packages": sum(map(in_package, attached(records))),
        "by": {key: {k: dict(v) for k, v in count(records, key).items()} for key in GROUPINGS},
        "refusals": [
            dict(zip(("code", "eligible", "count", "example"), r)) for r in refusals(records)
        ],
        "wrong": [dict(zip(("why", "count", "example"), r)) for r in wrongs(records)],
        "report_faults": [
            {"model": r["model"], "path": r["path"], "faults": r["report"]}
            for r in records
            if r.get("report")
        ],
        "records": records,
    }


def show(records: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for key in GROUPINGS:
        rows = count(records, key)
        if set(rows) <= {"-"}:
            continue
        table = Table(title=f"by {key}", title_justify="left")
        table.add_column(key, no_wrap=True)
        for name in ("layers", *VERDICTS, "right of eligible"):
            table.add_column(name, justify="right")
        for name, row in sorted(rows.items(), key=lambda item: -item[1]["layers"]):
            table.add_row(
                name, str(row["layers"]), *(str(row[v] or "") for v in VERDICTS), share(row)
            )
        if key == "model":
            row = total(records)
            table.add_section()
            table.add_row(
                "all", str(row["layers"]), *(str(row[v] or "") for v in VERDICTS), share(row)
            )
        console.print(table)
    if refused := refusals(records):
        table = Table(title="refusals", title_justify="left")
        for name in ("code", "a block could belong there", "count", "for example"):
            table.add_column(name)
        for code, could, number, example in refused:
            table.add_row(code, "yes" if could else "no", str(number), example)
        console.print(table)
    if found := wrongs(records):
        table = Table(title="wrong", title_justify="left")
        for name in ("why", "count", "for example"):
            table.add_column(name)
        for why, number, example in found:
            table.add_row(why, str(number), example)
        console.print(table)
    hooked = attached(records)
    console.print(
        f"attached blocks: {len(hooked)} of {len(records)}, "
        f"{sum(map(in_package, hooked))} of them in installed packages; "
        f"reports at odds with the edit: {sum(bool(r.get('report')) for r in records)}"
    )
