"""`stitchgen sweep prune`: the room of runs that are done. What they were and what they gave stays."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from stitchgen.project.config import Project
from stitchgen.sweep.asked import known
from stitchgen.sweep.folders import RunFolder, SweepFolder, only_one, size_of
from stitchgen.sweep.state import Kind, state_of


def run(project: Project, name: str, *, dry_run: bool) -> dict[str, Any]:
    """Take away the trees of runs that are done, with the checkpoints in them, and their other tries.

    Results, what was printed, and the tapes from which more variants can begin are kept.
    """
    folder = SweepFolder(project.root, name)
    known(folder)
    with only_one(folder.path / "lock", f"another stitchgen sweep runs {name}"):
        paths = [
            path
            for place in sorted((folder.path / "runs").glob("*/seed-*"))
            for path in spare(RunFolder(place))
        ]
        size = sum(map(size_of, paths))
        if not dry_run:
            for path in paths:
                shutil.rmtree(path)
    return {
        "ok": True,
        "command": "sweep",
        "name": name,
        "dry_run": dry_run,
        "pruned": [path.relative_to(folder.path).as_posix() for path in paths],
        "megabytes": round(size / 1e6, 1),
    }


def spare(run: RunFolder) -> list[Path]:
    """Of a run that is done, what its result does not need: folders."""
    state = state_of(run)
    if state.kind is not Kind.DONE or state.result is None:
        return []
    found = []
    for one in run.tries():
        if one.number != state.result["try"]:
            found.append(one.path)
        else:
            found += [
                path
                for path in sorted(one.path.iterdir())
                if path.is_dir() and path != one.events and not path.is_symlink()
            ]
    return found
