"""`stitchgen sweep keep NAME`: the variant in the project itself, ledger and all, as its runs had it."""

from __future__ import annotations

from typing import Any

from stitchgen.errors import StitchError, UsageError
from stitchgen.project import git, transaction
from stitchgen.project.config import Project
from stitchgen.source.edits import FileChange
from stitchgen.sweep import sources
from stitchgen.sweep.asked import known
from stitchgen.sweep.folders import SweepFolder
from stitchgen.sweep.planned import Planned, load


def run(project: Project, sweep: str, name: str) -> dict[str, Any]:
    """Write what the runs of the variant had; refused where the project is no longer what was swept."""
    folder = SweepFolder(project.root, sweep)
    asked = known(folder)
    planned = load(folder, name)
    if planned is None:
        raise UsageError(
            "usage",
            f"the sweep {sweep} has no variant {name}",
            hint="its variants are " + ", ".join(asked["variants"]),
            suggestions=[f"stitchgen sweep keep {one}" for one in asked["variants"]],
        )
    paths = [path for path in asked["layout"]["copied"] if (project.root / path).exists()]
    changed = sources.changed(asked["sources"], sources.hashes(project.root, paths))
    touched = [path for path in changed if path in planned.files]
    touched += [
        path
        for path in planned.files
        if path not in asked["sources"] and (project.root / path).exists()
    ]
    if touched:
        raise StitchError(
            "sources-changed",
            f"the project is no longer what {name} was tried on: {', '.join(touched)}",
            where=touched[0],
            hint="splice it again: " + "; ".join(f"stitchgen {one}" for one in typed(planned)),
        )
    git.check_nothing_in_progress(project.root)
    changes = [
        FileChange(
            path, (project.root / path).read_bytes() if path in asked["sources"] else None, new
        )
        for path, new in planned.files.items()
    ]
    transaction.commit(project.root, changes)
    return {
        "ok": True,
        "command": "sweep",
        "kept": name,
        "typed": typed(planned),
        "files": [{"path": change.path, "action": change.action} for change in changes],
    }


def typed(planned: Planned) -> list[str]:
    """The commands as they are typed outside of a sweep."""
    return [text if text.startswith("fuse ") else f"add {text}" for text in planned.texts]
