"""What `sweep` reports, as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stitchgen.cli.report_parts import Paint, fact, files, table


def sweep(result: Mapping[str, Any], paint: Paint) -> str:
    if "table" in result:
        return _report(result, paint)
    if "dry_run" in result:
        return _dry_run(result, paint)
    if "kept" in result:
        return "\n".join(
            [f"{paint(result['kept'], 'name')} is in the project", *files(result, paint)]
        )
    if "run" in result:
        return ""  # read by nobody: `sweep exec` leaves its word in files
    rows: list[tuple[str, ...]] = [("variant", "seed", "state", result["metric"], "reason")]
    for run in result["runs"]:
        cells = (run["variant"], run["seed"], run["state"], run["value"], run["reason"])
        rows.append(tuple("" if cell is None else str(cell) for cell in cells))
    return "\n".join(table(rows, paint))


def _report(result: Mapping[str, Any], paint: Paint) -> str:
    lines = [
        paint(result["head"], "name"),
        *table([tuple(row) for row in result["table"]], paint),
        "",
    ]
    lines += result["notes"]
    return "\n".join([*lines, fact("report", result["report"][-1])])


def _dry_run(result: Mapping[str, Any], paint: Paint) -> str:
    lines = [
        f"{result['runs']} runs ({len(result['variants'])} variants and the baseline, "
        f"{len(result['seeds'])} seeds), {result['to_do']} to do",
        fact("command", " ".join(result["typed"])),
        fact("seed", result["seeding"]),
    ]
    for name in ("copied", "linked", "fresh"):
        paths = result["layout"][name]
        shown = ", ".join(paths[:6]) + (f" and {len(paths) - 6} more" if paths[6:] else "")
        lines.append(fact(name, shown or "nothing"))
    for one in result["variants"]:
        lines.append(f"{paint(one['name'], 'name')}: {'; '.join(one['add'])}")
        proven = ", ".join(one["laws"]) or "not proven"
        lines.append(fact("proven" if one["laws"] else "not proven", proven))
    return "\n".join([*lines, "nothing was run or written: --dry-run"])
