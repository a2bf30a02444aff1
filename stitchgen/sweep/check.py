"""`stitchgen sweep check`: one short run of everything, and what a sweep would read from it.

The baseline is run at two seeds, which tells whether the script takes its seed; each variant at the first of them.
Nothing of it is kept, unless something is wrong.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stitchgen.analysis.subject import interpreter
from stitchgen.project.config import Project
from stitchgen.sweep import asked as asking
from stitchgen.sweep import tree
from stitchgen.sweep.command import check_command
from stitchgen.sweep.engines import open_engine
from stitchgen.sweep.folders import SweepFolder, only_one, size_of, write_json
from stitchgen.sweep.metrics.collect import look
from stitchgen.sweep.run import Progress, Say, leave_nothing, plan_all
from stitchgen.sweep.sources import Layout, layout_of
from stitchgen.sweep.spec import BASELINE, Run, Spec
from stitchgen.sweep.state import State, state_of


def run(project: Project, spec: Spec, probe: str | None, say: Say) -> dict[str, Any]:
    """Run everything shortly, `probe` being added to the command; `ok` where all of it counts."""
    check_command(spec.command)
    first = spec.seeds[0]
    second = spec.seeds[1] if spec.seeds[1:] else first + 1
    short = replace(spec, command=(*spec.command, *shlex.split(probe or "")), seeds=(first, second))
    runs = [Run(BASELINE, first), *(Run(one.name, first) for one in spec.variants)]
    runs.insert(1, Run(BASELINE, second))
    folder = SweepFolder(project.root, f".{spec.name}.check")
    layout = layout_of(project.root, spec.link, spec.fresh)
    with only_one(folder.path / "lock", f"another stitchgen sweep check of {spec.name} is running"):
        for name in ("variants", "runs"):
            shutil.rmtree(folder.path / name, ignore_errors=True)
        folder.make()
        python = interpreter(spec.python, project.python, project.root)
        asked = asking.asked_of(short, project.root, python, layout)
        plan_all(folder, short, layout, say)
        write_json(folder.spec, asked)
        Progress(folder, short, runs, asked, open_engine(folder, spec, say), say).go()
        rows = [_row(folder, one, asked, layout) for one in runs]
        ok = all(row["reason"] is None for row in rows)
        if ok:
            shutil.rmtree(folder.path)
    if ok:
        leave_nothing(folder)
    taken = [row["seconds"] for row in rows if row["seconds"] is not None]
    return {
        "ok": ok,
        "command": "sweep",
        "check": True,
        "name": spec.name,
        "metric": spec.metric.name,
        "typed": asked["command"],
        "seeding": asked["seeding"],
        "probe": probe,
        "runs": rows,
        "names": sorted({name for row in rows for name in row.pop("names")}),
        "planned": len(spec.runs),
        "jobs": spec.jobs,
        "seconds": max(taken, default=0.0),
        "megabytes": max(row["megabytes"] for row in rows),
        "kept": None if ok else str(folder.path),
    }


def _row(folder: SweepFolder, one: Run, asked: Mapping[str, Any], layout: Layout) -> dict[str, Any]:
    """What one run has shown."""
    state = state_of(folder.run(one))
    at = folder.run(one).tries()[-1] if folder.run(one).tries() else None
    about = {"variant": one.variant, "seed": one.seed, **_told(state)}
    if at is None:
        return {**about, "sources": [], "names": [], "megabytes": 0.0}
    files = tree.new_files(at, {*layout.copied})
    found = look(at.tree, files, at.output, asked["metric"], asked["python"])
    sources = [
        {
            "source": series.source,
            "count": len(series.values),
            "last": str(series.values[-1]),
            "line": series.line or None,
        }
        for series in found.series
    ]
    names = [name for name in found.names if name != asked["metric"]]
    return {
        **about,
        "sources": sources,
        "names": names,
        "megabytes": round(size_of(at.path) / 1e6, 1),
    }


def _told(state: State) -> dict[str, Any]:
    """Of a run's result or failure, what there is."""
    done, failed = state.result or {}, state.failure or {}
    pairing = done.get("pairing") or {}
    reason = failed.get("reason")
    if not done and reason is None:
        reason = state.kind.value
    return {
        "value": str(done["value"]) if done else None,
        "seconds": {**failed, **done}.get("seconds"),
        "reason": reason,
        "hint": failed.get("hint"),
        "where": failed.get("where"),
        "moved": done.get("moved"),
        "paired": pairing.get("paired"),
        "shared": pairing.get("shared"),
        "unpaired": pairing.get("reason") or None,
    }
