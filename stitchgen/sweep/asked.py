"""What was asked of a sweep before, and whether the same is asked now: a sweep goes on, or is refused by name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stitchgen.errors import StitchError
from stitchgen.sweep import sources
from stitchgen.sweep.command import seeding_of
from stitchgen.sweep.folders import SweepFolder, read_json
from stitchgen.sweep.sources import Layout
from stitchgen.sweep.spec import Spec

#: What makes numbers comparable.
SAME = ("metric", "less_is_better", "at", "folder", "pair")


def asked_of(spec: Spec, root: Path, python: str, layout: Layout) -> dict[str, Any]:
    """What is kept of a sweep: all that a run needs to know, and the hashes of the sources."""
    seeding = seeding_of(spec.command, root / spec.folder)
    return {
        **spec.frozen(),
        "typed": list(spec.command),
        "command": list(seeding.command),
        "seeded_by_runner": seeding.by_runner,
        "seeding": seeding.said,
        "python": python,
        "seeds": [list(spec.seeds)],
        "timeout": spec.timeout,
        "threads": _threads(spec),
        "layout": vars(layout),
        "sources": sources.hashes(root, layout.copied),
    }


def _threads(spec: Spec) -> int:
    """The threads of each run: those that the user has set, else the cores that it is given."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdigit() else spec.place.cores(spec.jobs)


def going_on(before: Mapping[str, Any], now: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What is asked now, of a sweep with results; more seeds and variants may be asked than before."""
    changed = sources.changed(before["sources"], now["sources"])
    if changed:
        shown = ", ".join(changed[:5]) + (f" and {len(changed) - 5} more" if changed[5:] else "")
        raise StitchError(
            "sources-changed",
            f"the sweep {name} has results of other sources: {shown}",
            where=changed[0],
            hint=f"put the files back, or begin another sweep: --name {name}-2",
            suggestions=[f"--name {name}-2"],
        )
    for key in (*SAME, "typed"):
        if before[key] != now[key]:
            raise other(name, f"{key} {_shown(before[key])}", _shown(now[key]))
    for variant in {*before["variants"]} & {*now["variants"]}:
        then, text = before["variants"][variant], now["variants"][variant]
        if then != text:
            raise other(name, f"variant {variant} = {'; '.join(then)}", "; ".join(text))
    known = {seed for group in before["seeds"] for seed in group}
    fresh = [seed for seed in now["seeds"][0] if seed not in known]
    # Threads change numbers, so all runs have as many as the first ones had.
    return {
        **now,
        "seeds": [*before["seeds"], *([fresh] if fresh else [])],
        "threads": before["threads"],
        "variants": {**before["variants"], **now["variants"]},
    }


def other(name: str, then: str, now: str) -> StitchError:
    return StitchError(
        "already-there",
        f"the sweep {name} was begun with {then}, not {now}",
        hint=f"type it as before, or begin another sweep: --name {name}-2",
        suggestions=[f"--name {name}-2"],
    )


def _shown(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def known(folder: SweepFolder) -> dict[str, Any]:
    """What was asked of a sweep that is there."""
    asked: dict[str, Any] | None = read_json(folder.spec)
    if asked is None:
        there = folder.path.parent
        names = sorted(path.parent.name for path in there.glob("*/spec.json"))
        raise StitchError(
            "file-not-found",
            f"there is no sweep {folder.name} here",
            where=str(folder.path),
            hint=(
                f"there are {', '.join(names)}: --name {names[0]}"
                if names
                else "begin one: stitchgen sweep --variant NAME='cbam --after model.layer2' --seeds 5 "
                "--metric val_acc -- python train.py --seed {seed}"
            ),
        )
    return asked
