"""The outcome of `add`: the changes with the ledger's, and the `--json` object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stitchgen.analysis.survey import join
from stitchgen.errors import StitchError
from stitchgen.history import ledger
from stitchgen.planning.fit import numbers
from stitchgen.planning.plan import Plan, Task
from stitchgen.planning.point import Place
from stitchgen.project.advice import for_project
from stitchgen.source.edits import FileChange
from stitchgen.targets.request import AddRequest


@dataclass(frozen=True)
class Outcome:
    """What a command did or would do: the `--json` object, and the changes to the files."""

    result: dict[str, Any]
    changes: list[FileChange]


def outcome_of(
    task: Task,
    plan: Plan,
    proof: dict[str, Any] | None,
    dry_run: bool,
    without: StitchError | None = None,
) -> Outcome:
    """What the plan changes and says. `without` is why it could not be proven, where it is not."""
    request = task.request
    changes = plan.bench.changes()
    files = [{"path": change.path, "action": change.action} for change in changes]
    if changes:
        book = ledger.load(task.project.root)
        book = book.with_run(request.command_line(), records(request, plan), changes)
        changes = [*changes, book.change()]
    keys = proof.pop("keys") if proof else {"added": [], "lost": [], "reshaped": []}
    result = {
        "ok": True,
        "command": request.command,
        "block": request.block or None,
        "dry_run": dry_run,
        "splices": [
            splice_report(request, place) | {"already": place in plan.already}
            for place in plan.places
        ],
        "files": files,
        "proof": proof,
        "keys": keys,
        "warnings": warnings_of(task, plan, without),
    }
    return Outcome(result, changes)


def records(request: AddRequest, plan: Plan) -> list[ledger.SpliceRecord]:
    return [
        ledger.SpliceRecord(
            block=request.block or "fuse",
            target=place.target,
            placement=request.placement,
            attribute=place.attribute,
            strategy=place.strategy,
            arguments=place.channels["expression"] or "",
            uses=tuple(sorted(plan.uses)),
        )
        for place in plan.fresh
    ]


#: Of so few hidden units, all may be dead at one start of ten.
FEW_UNITS = 4


def narrow(task: Task, plan: Plan, place: Place) -> list[dict[str, str]]:
    """A bottleneck that is so narrow that its ReLU may pass nothing on, and the block learn nothing."""
    block, channels = task.block, place.channels.get("value")
    if block is None or not isinstance(channels, int):
        return []
    values = numbers(task.request, block, channels, channels)
    width = block.hidden_width(values)
    if width is None or width >= min(FEW_UNITS, channels):
        return []
    where = f"{plan.bench.relative(place.anchor.file)}:{place.anchor.line}"
    units = "one hidden unit" if width == 1 else f"{width} hidden units"
    text = f"{block.name} has {units} for {channels} channels, which a ReLU may leave dead for good"
    one = {"code": "narrow", "where": where, "message": text}
    if "reduction" in values:
        one["hint"] = f"--set reduction={max(1, channels // FEW_UNITS)}"
    return [one]


def neighbours(task: Task, place: Place) -> list[dict[str, str]]:
    """The blocks that earlier runs put at the same target: the new one comes before them."""
    found = []
    for entry in ledger.load(task.project.root).entries:
        record = entry.record
        if record.target == place.target and record.attribute != place.attribute:
            prefix = place.target[: -len(place.resolved.path)]
            other = f"{prefix}{join(place.owner, record.attribute)}"
            text = f"{record.attribute} is at this target too; {place.attribute} comes before it"
            hint = f"To put a block after it, name it: --after {other}"
            found.append({"code": "other-block", "message": text, "hint": hint})
    return found


def splice_report(request: AddRequest, place: Place) -> dict[str, Any]:
    channels = {key: place.channels[key] for key in ("expression", "value", "evidence")}
    method = place.method
    joined = {
        "fuse": method.fuse,
        "reduce": ("linear" if method.linear else "conv") if method.fuse == "concat" else None,
        "gate": method.gate or None,
        "with": [feature.target for feature in place.features] or None,
        "into": place.reader,
        "parts": method.parts or None,
    }
    return {
        "target": place.target,
        "placement": request.placement,
        "attribute": place.attribute,
        "strategy": place.strategy,
        **{key: value for key, value in joined.items() if value is not None},
        "channels": channels,
        "readers": sorted({reader for spot in place.spots for reader in spot.layer["readers"]}),
    }


def warnings_of(task: Task, plan: Plan, without: StitchError | None) -> list[dict[str, str]]:
    """What the author has to know: each with a code, a place, and what to do."""
    found: list[dict[str, str]] = []
    bench, session = plan.bench, task.session
    if without is not None:
        message = f"not proven, since {without.message}"
        found.append({"code": "not-proven", "message": message, "hint": without.hint or ""})
    elif not task.request.prove and bench.edits:
        message = "not proven, as --no-prove asks: the source was read and not run"
        found.append({"code": "not-proven", "message": message})
    for place in plan.places:
        reason = place.channels.get("reason")
        if reason:
            where = f"{bench.relative(place.anchor.file)}:{place.anchor.line}"
            text = f"{place.channels['expression']} channels is a literal: {reason}"
            found.append({"code": "literal-channels", "where": where, "message": text})
    for place, line in plan.initialised:
        path = bench.relative(place.anchor.file)
        text = f"the model's own initialisation reaches {place.attribute} and sets its weights"
        found.append({"code": "init-loop", "where": f"{path}:{line}", "message": text})
    for place in plan.fresh:
        if place.variable is not None:
            model = f"{bench.relative(place.anchor.file)}::{place.variable}"
            text = f"the block is attached to {model}, and to no other model of its class"
            hint = "A trainer that builds the model anew, as from a configuration file, drops it."
            found.append({"code": "attached", "message": text, "hint": hint})
    if plan.passed_over:
        few = ", ".join(plan.passed_over[:6])
        rest = f" and {len(plan.passed_over) - 6} more" if len(plan.passed_over) > 6 else ""
        text = f"{few}{rest} of class {task.request.every} got no block, being called nowhere"
        found.append({"code": "never-called", "message": text})
    found += plan.notes
    for place in plan.places:
        found += narrow(task, plan, place)
        found += neighbours(task, place)
    if session.left_out:
        lines = [str(first) for first, _ in session.left_out]
        path = session.syntax.document.path
        rest = f" and {len(lines) - 5} more" if len(lines) > 5 else ""
        text = f"only definitions were run; left out: lines {', '.join(lines[:5])}{rest}"
        found.append({"code": "left-out", "where": f"{path}:{lines[0]}", "message": text})
    if plan.bench.edits:
        found += for_project(task.project.root, session.file)
    return [one for number, one in enumerate(found) if one not in found[:number]]
