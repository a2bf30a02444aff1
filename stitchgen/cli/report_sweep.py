"""What `sweep` reports, as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stitchgen.cli.report_parts import Paint, fact, files, table


def sweep(result: Mapping[str, Any], paint: Paint) -> str:
    if "table" in result:
        return _report(result, paint)
    if "check" in result:
        return _check(result, paint)
    if "pruned" in result:
        gone = "would go" if result["dry_run"] else "gone"
        pruned = [f"  {path}" for path in result["pruned"]]
        return "\n".join([*pruned, f"{len(pruned)} folders {gone}, {result['megabytes']} MB"])
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


def _check(result: Mapping[str, Any], paint: Paint) -> str:
    """Where the metric was found, then a row for each run, then what a sweep would take."""
    rows: list[tuple[str, ...]] = [("run", result["metric"], "block trained", "paired", "")]
    for run in result["runs"]:
        trained = paired = ""
        if run["moved"] is not None:
            moved, count = run["moved"]
            trained = f"{moved}/{count} parameters moved" if count else "called, no parameters"
        if run["paired"] is not None:
            paired = f"{run['shared']} tensors" if run["paired"] else f"no: {run['unpaired']}"
        name = f"{run['variant']}, seed {run['seed']}"
        rows.append((name, run["value"] or "", trained, paired, run["reason"] or ""))
    lines = table(rows, paint)
    for run in result["runs"]:
        lines += [f"  at {run['where']}"] if run["where"] else []
        lines += [f"  hint: {run['hint']}"] if run["hint"] else []
    [first, *_] = result["runs"]
    for number, source in enumerate(first["sources"]):
        values = f"{source['count']} value{'s' * (source['count'] != 1)}, the last {source['last']}"
        line = f", in the line {source['line']!r}" if source["line"] else ""
        also = "also" if number else "reads"
        lines.append(fact(also, f"{result['metric']} in {source['source']}: {values}{line}"))
    if result["names"]:
        shown = result["names"][:12]
        more = f" and {len(result['names']) - 12} more" if result["names"][12:] else ""
        lines.append(fact("not read", ", ".join(shown) + more))
    lines.append(fact("seed", result["seeding"]))
    probed = f" with {result['probe']}" if result["probe"] else ""
    lines.append(fact("a run", f"{result['seconds']:.0f} s{probed}, {result['megabytes']:g} MB"))
    lines.append(fact("the sweep", f"{result['planned']} runs, {result['jobs']} at a time"))
    if result["kept"]:
        lines.append(fact("kept", f"{result['kept']}, to look at"))
    return "\n".join(lines)
