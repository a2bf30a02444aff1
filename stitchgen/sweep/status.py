"""`stitchgen sweep status` and `report`: what is there, whether or not a sweep is at work on it."""

from __future__ import annotations

from typing import Any

from stitchgen.project.config import Project
from stitchgen.sweep.asked import known
from stitchgen.sweep.folders import SweepFolder
from stitchgen.sweep.report.write import write_report
from stitchgen.sweep.spec import BASELINE, Run
from stitchgen.sweep.state import state_of


def run(project: Project, name: str) -> dict[str, Any]:
    """The state of each run."""
    folder = SweepFolder(project.root, name)
    asked = known(folder)
    names = [BASELINE, *asked["variants"]]
    rows = []
    for variant in names:
        for seed in (seed for group in asked["seeds"] for seed in group):
            state = state_of(folder.run(Run(variant, seed)))
            rows.append(
                {
                    "variant": variant,
                    "seed": seed,
                    "state": state.kind.value,
                    "value": str(state.result["value"]) if state.result else None,
                    "reason": state.failure["reason"] if state.failure else None,
                }
            )
    return {"ok": True, "command": "sweep", "name": name, "metric": asked["metric"], "runs": rows}


def report(project: Project, name: str, lang: str) -> dict[str, Any]:
    """The report of what is done."""
    folder = SweepFolder(project.root, name)
    return write_report(folder, known(folder), lang)
