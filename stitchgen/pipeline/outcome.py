"""The outcome of `add`: the changes with the ledger's, and the `--json` object."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stitchgen.analysis.backend import KeyChanges, LeftOut, Method
from stitchgen.analysis.steps import Site
from stitchgen.analysis.survey import join
from stitchgen.errors import StitchError
from stitchgen.history import ledger
from stitchgen.history.elements import element_of, is_next_to_its_target
from stitchgen.history.entries import Entry
from stitchgen.pipeline.proof import Proof, all_proven, method_of, place_of
from stitchgen.planning.fit import numbers
from stitchgen.planning.outside_calls import outside_calls
from stitchgen.planning.plan import Plan, Task, Warning
from stitchgen.planning.point import InsertionPoint
from stitchgen.planning.unexecuted_calls import (
    calls_of_other_methods,
    switched_calls,
    unseen_by_name,
)
from stitchgen.project import git
from stitchgen.project.advice import Parts, for_project, optimizers_of_parts, trees_around
from stitchgen.project.converted_parts import conversions
from stitchgen.project.outcome import Outcome
from stitchgen.project.own_constructors import own_constructors
from stitchgen.project.safe_globals import classes_of_block, lists_of_classes
from stitchgen.source.composition import in_turn
from stitchgen.source.document import Document
from stitchgen.source.edits import FileChange
from stitchgen.source.syntax import module_classes
from stitchgen.source.tree import nodes_in
from stitchgen.targets.request import SpliceRequest


@dataclass(frozen=True)
class Step:
    """One block of a run: what was asked, planned and proven of it. A run of one block has one step."""

    task: Task
    plan: Plan
    proof: Proof | None
    without: StitchError | None = None  # why it could not be proven, where it is not

    @property
    def left(self) -> dict[Path, bytes]:
        """All files that the run has changed so far, with what they hold then."""
        return {**self.plan.workspace.base, **self.plan.workspace.overlay()}


def outcome_of(request: SpliceRequest, steps: Sequence[Step], *, dry_run: bool) -> Outcome:
    """What a run changes and says: its steps, each of which was planned on the files of the one before."""
    changes: list[FileChange] = []
    for step in steps:
        changes = in_turn(changes, step.plan.workspace.changes())
    files = [{"path": change.path, "action": change.action} for change in changes]
    asked = request.blocks if len(steps) > 1 else (request.block,)
    reported = sorted(steps, key=lambda step: asked.index(step.task.request.block))
    made = [record for step in reported for record in records(step.task.request, step.plan)]
    if changes and made:  # else only a block's file came back, whose lines stand there
        book = ledger.load(steps[0].task.project.root)
        book = book.with_run(request.command_line(), made, changes)
        changes = [*changes, book.change()]
    proof = all_proven([step.proof for step in steps if step.plan.fresh])
    keys = proof.keys if proof is not None else KeyChanges()
    warnings = [
        one for step in steps for one in warnings_of(step.task, step.plan, step.proof, step.without)
    ]
    result = {
        "ok": True,
        "command": request.command,
        "block": request.block or None,
        "dry_run": dry_run,
        "splices": [
            splice_report(step.task.request, point)
            | ({"block": step.task.request.block} if steps[1:] else {})
            for step in reported
            for point in step.plan.shown
        ],
        "files": files,
        "proof": proof.as_dict() if proof is not None else None,
        "keys": keys.as_dict(),
        "warnings": [one for number, one in enumerate(warnings) if one not in warnings[:number]],
    }
    return Outcome(result, changes)


def nothing_to_do(
    request: SpliceRequest, splices: Sequence[dict[str, Any]], *, dry_run: bool
) -> Outcome:
    """What a command says whose splices stand in the files already."""
    result = {
        "ok": True,
        "command": request.command,
        "block": request.block or None,
        "dry_run": dry_run,
        "splices": [{**one, "readers": [], "already": True} for one in splices],
        "files": [],
        "proof": None,
        "keys": KeyChanges().as_dict(),
        "warnings": [],
    }
    return Outcome(result, [])


def records(request: SpliceRequest, plan: Plan) -> list[ledger.SpliceRecord]:
    return [
        ledger.SpliceRecord(
            block=request.block or "fuse",
            target=point.target,
            placement=request.placement.name,
            attribute=point.attribute,
            strategy=point.naming.strategy,
            arguments=point.naming.channels.expression or "",
            uses=tuple(sorted(plan.uses)),
        )
        for point in plan.shown
        if not point.naming.present
    ]


def splice_report(request: SpliceRequest, point: InsertionPoint) -> dict[str, Any]:
    method, reader = point.join.method, point.join.reader
    joined = {
        "fuse": method.fuse.name if method.fuse else None,
        "reduce": ("linear" if method.linear else "conv") if method.reduces else None,
        "gate": method.gate or None,
        "with": [other.target for other in point.join.others] or None,
        "into": reader.path if reader is not None else None,
        "parts": method.parts or None,
    }
    instances = point.calls.instances
    named = [one for one in instances if one.configuration.expression in request.builds]
    if point.inside is not None:
        joined["element"] = point.inside.path
        joined["loader"] = point.inside.loader or None
    return {
        "target": point.target,
        "placement": request.placement.name,
        "attribute": point.attribute,
        "strategy": point.naming.strategy,
        **{key: value for key, value in joined.items() if value is not None},
        "channels": point.naming.channels.as_dict(),
        "readers": sorted({reader for one in named or instances for reader in one.facts.readers}),
        "already": point.naming.present,
    }


# Warnings -----------------------------------------------------------------------------------------

#: Of so few hidden units, all may be dead at one start of ten.
FEW_UNITS = 4


def warnings_of(
    task: Task, plan: Plan, proof: Proof | None, without: StitchError | None
) -> list[Warning]:
    """What the user has to know: each with a code, a place, and what to do."""
    found = [
        *not_proven(task, plan, without),
        *literal_channels(plan),
        *initialised_blocks(plan),
        *attached_blocks(plan),
        *passed_over(task, plan),
        *untrained(plan, proof),
        *optimized_in_parts(task, plan, proof),
        *not_unpickled(task, plan),
        *not_converted(plan),
        *batch_of_one(plan, proof),
        *plan.notes,
    ]
    found += narrow(task, plan)
    for point in plan.shown:
        found += neighbours(task, point)
        found += unseen(plan, point)
        found += uncalled(task, plan, point, proof)
        found += without_constructor(plan, point)
    found += left_out(task)
    found += uncommitted(plan)
    edited = [plan.workspace.relative(path) for path in plan.workspace.edits]
    from stitchgen.yolo.caveats import old_checkpoints  # what is for YAML is loaded late

    found += old_checkpoints(task.project.root, edited)
    # Where no key is new or gone, old weights load as they did.
    keys = proof.keys if proof is not None else None
    if plan.workspace.edits and (keys is None or keys.added or keys.lost or keys.reshaped):
        classes = {point.class_name for point in plan.shown}
        called = proof.called if proof is not None else frozenset[str]()
        graph = plan.workspace.imports
        reported = for_project(graph, task.model.file, classes, called, parts_of(plan))
        found += [through_loader(plan, one) for one in reported]
    return [one for number, one in enumerate(found) if one not in found[:number]]


def parts_of(plan: Plan) -> Parts | None:
    """The parts of the models that were built; None where none was."""
    names: set[str] = set()
    holding: set[str] = set()
    for point in plan.shown:
        if point.calls.variable is not None:
            return None
        for one in point.calls.instances:
            names.update(name for path in one.configuration.layers for name in path.split("."))
            holding.update(point.block_path(one).split(".")[:-1])
    return Parts(frozenset(names), frozenset(holding)) if names else None


def through_loader(plan: Plan, warning: Warning) -> Warning:
    """The warning of a strict load, with the function that takes old keys to where they are by now."""
    files = [point.inside.loader for point in plan.fresh if point.inside is not None]
    if warning["code"] != "strict-load" or not any(files):
        return warning
    module = files[0].removesuffix(".py").replace("/", ".")
    call = re.sub(
        r"(.+)\.load_state_dict\((.*), strict=False\)", r"load_before(\1, \2)", warning["hint"]
    )
    message = warning["message"].replace(
        "lack the block's keys", "have other keys behind the block"
    )
    return {**warning, "message": message, "hint": f"from {module} import load_before; {call}"}


def not_proven(task: Task, plan: Plan, without: StitchError | None) -> list[Warning]:
    if without is not None:
        message = f"not proven, since {without.message}"
        return [{"code": "not-proven", "message": message, "hint": without.hint or ""}]
    if not task.request.prove and plan.workspace.edits:
        message = "not proven, as --no-prove asks: the source was read and not run"
        return [{"code": "not-proven", "message": message}]
    return []


def literal_channels(plan: Plan) -> list[Warning]:
    found: list[Warning] = []
    for point in plan.shown:
        channels = point.naming.channels
        if channels.reason:
            text = f"{channels.expression} channels is a literal: {channels.reason}"
            where = f"{plan.workspace.relative(point.file)}:{point.definition.point.line}"
            found.append({"code": "literal-channels", "where": where, "message": text})
    return found


def initialised_blocks(plan: Plan) -> list[Warning]:
    found: list[Warning] = []
    for point in plan.shown:
        line = point.definition.initialised_at
        if line is not None:
            text = f"the model's own initialisation reaches {point.attribute} and sets its weights"
            where = f"{plan.workspace.relative(point.file)}:{line}"
            found.append({"code": "init-loop", "where": where, "message": text})
    return found


def unseen(plan: Plan, point: InsertionPoint) -> list[Warning]:
    """Methods that may run the layer without the block."""
    if point.naming.present or point.calls.under or not point.calls.sites:
        return []
    path = plan.workspace.relative(point.calls.sites[0].file)
    outside: list[Warning] = [
        {
            "code": "unseen-call",
            "where": one.where,
            "message": f"{one.function} {one.does}, where the block is not run",
            "hint": (
                f"To have it there as well: --after {one.instead}"
                if one.instead
                else "If that is this model, run the block there as well."
            ),
        }
        for one in outside_calls(plan.workspace, point.calls, point.class_name)
    ]
    switched: list[Warning] = [
        {
            "code": "unseen-call",
            "where": f"{path}:{use.line}",
            "message": f"{use.function} asks {point.target} for something else there, where the block is not run",
            "hint": "No forward that was run gets there. Run the block there as well, if what it gives is the same.",
        }
        for use in (() if point.calls.number else switched_calls(plan.workspace, point.calls))
    ]
    others: list[Warning] = [
        {
            "code": "unseen-call",
            "where": f"{path}:{use.line}",
            "message": f"{use.function} runs {point.target} too, where the block is not run",
            "hint": "One call alone was asked for. Run the block there as well, if features of there are used.",
        }
        for use in (
            calls_of_other_methods(plan.workspace, point.calls) if point.calls.number else ()
        )
    ]
    return [*outside, *switched, *others] + [
        {
            "code": "unseen-call",
            "where": f"{path}:{use.line}",
            "message": f"{use.function} may run {point.target} by its name, where the block is not run",
            "hint": "No forward that was run gets there. Run the block there as well, if it matters.",
        }
        for use in unseen_by_name(plan.workspace, point.calls)
        if not use.function.endswith("__init__")
    ]


def uncalled(task: Task, plan: Plan, point: InsertionPoint, proof: Proof | None) -> list[Warning]:
    """Methods that run the block as well, and that no run has called."""
    found: list[Warning] = []
    for site in point.calls.sites if proof is not None and not point.naming.present else ():
        method = method_of(site)
        if proof is not None and str(method) in proof.uncalled and not site.numbers:
            called_at = called_by_forward(plan, site, method)
            target = f"'{point.calls.resolved.named(plan.workspace)}@1'"
            found.append(
                {
                    "code": "uncalled-method",
                    "where": place_of(plan, site),
                    "message": f"{method} has the block as well, and nothing shows that it fits there: "
                    + (
                        f"line {called_at} calls it, and in no configuration that was run"
                        if called_at
                        else "no forward calls it, and it does not take what a forward takes"
                    ),
                    "hint": (
                        "Pass a construction in which it is called, and its input, with --build and --input."
                        if called_at
                        else f"To leave that call as it is: --{task.request.placement} {target}"
                    ),
                }
            )
    return found


def called_by_forward(plan: Plan, site: Site, method: Method) -> int | None:
    """The line of the forward of its class, or of one that inherits it, that calls a method; None where none does."""
    syntax = plan.workspace.syntax(site.file)
    for node in syntax.tree.body:
        if isinstance(node, ast.ClassDef) and method.class_name in syntax.lineage(node.name):
            forward = syntax.method(node.name, "forward")
            for part in nodes_in(forward or ast.Pass()):
                match part:
                    case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=method.name)):
                        return part.lineno
    return None


def without_constructor(plan: Plan, point: InsertionPoint) -> list[Warning]:
    """Classes that inherit the edited method, and make their layers themselves: they lack the block."""
    if point.naming.present or point.calls.variable is not None:
        return []
    methods = {
        method.name
        for method in map(method_of, point.calls.sites)
        if method.class_name == point.class_name and method.name != "__init__"
    }
    return [
        {
            "code": "own-constructor",
            "where": one.where,
            "message": f"{one.class_name} inherits {point.class_name}.{one.method}, and its constructor does not call "
            f"that of {point.class_name}: it lacks {point.attribute}",
            "hint": f"Make {point.attribute} there as well, or call super().__init__.",
        }
        for one in own_constructors(plan.workspace.files, point.class_name, methods)
    ]


def attached_blocks(plan: Plan) -> list[Warning]:
    found: list[Warning] = []
    for point in plan.fresh:
        if point.calls.variable is not None:
            model = f"{plan.workspace.relative(point.file)}::{point.calls.variable}"
            text = f"the block is attached to {model}, and to no other model of its class"
            hint = "A trainer that builds the model anew, as from a configuration file, drops it."
            found.append({"code": "attached", "message": text, "hint": hint})
    return found


def untrained(plan: Plan, proof: Proof | None) -> list[Warning]:
    """The blocks that would not be trained, or twice in a step, as a method hands the optimizer its parameters."""
    alike: dict[tuple[str, str, bool], list[LeftOut]] = {}
    for one in proof.left_out if proof is not None else ():
        alike.setdefault((one.where, one.method, one.twice), []).append(one)
    found: list[Warning] = []
    for (where, method, twice), these in alike.items():
        more = f" and {len(these) - 1} more" if len(these) > 1 else ""
        layer, block = f"{these[0].layer}{more}", f"{these[0].block}{more}"
        message = (
            f"{method} hands the optimizer the parameters of {layer}, and not those of {block}, which would not be "
            "trained"
        )
        hint = f"Add {block} there."
        if twice:
            message = (
                f"{method} gives parameters of {block} twice: torch refuses them in two groups, and steps them twice "
                "in one"
            )
            hint = "Let it pass over modules that have others inside, or take parameters(recurse=False) of each."
        place = plan.workspace.relative_place(where)
        found.append({"code": "optimizer-groups", "where": place, "message": message, "hint": hint})
    return found


def optimized_in_parts(task: Task, plan: Plan, proof: Proof | None) -> list[Warning]:
    """Optimizers that a script makes of the parts of the model that it names."""
    new = [point for point in plan.fresh if point.calls.variable is None]
    layers = {
        path for point in new for one in point.calls.instances for path in one.configuration.layers
    }
    known = {one.block for one in (proof.left_out if proof is not None else ())}
    paths = [point.block_path(one) for point in new for one in point.calls.instances]
    blocks = {path: None for path in paths if path not in known}
    if not plan.workspace.edits or not blocks:
        return []
    return [*optimizers_of_parts(plan.workspace.imports, task.model.file, layers, blocks)]


def not_unpickled(task: Task, plan: Plan) -> list[Warning]:
    """Lists of the classes that may be unpickled, with the model's and without the block's."""
    workspace = plan.workspace
    model = {*module_classes(task.model.syntax), *(point.class_name for point in plan.fresh)}
    created = workspace.overlay()
    made = [
        name
        for file in sorted(workspace.root / one for one in plan.uses)
        for name in classes_of_block(ast.parse(created.get(file) or workspace.read(file)))
    ]
    trees = trees_around(workspace.imports, task.model.file) if plan.fresh and made else {}
    return [
        {
            "code": "safe-globals",
            "where": f"{workspace.relative(path)}:{one.line}",
            "message": f"torch.load unpickles the classes of this list alone, and {missing[0]} is not among them",
            "hint": f"Add {', '.join(missing)}.",
        }
        for path, tree in trees.items()
        if b"safe_globals" in workspace.imports.contents[path]
        for one in lists_of_classes(tree, model)
        if (missing := [name for name in made if name.rpartition(".")[2] not in one.known])
    ]


def not_converted(plan: Plan) -> list[Warning]:
    """Methods that convert or move the layer by its name, and not the block beside it."""
    found: list[Warning] = []
    for point in plan.fresh:
        owner = plan.workspace.syntax(point.file).class_named(point.class_name)
        instance = next(iter(point.calls.instances), None)
        if owner is None or instance is None:
            continue
        above = len(instance.root) + 1 if instance.root else 0
        layer, block = instance.path[above:], point.block_path(instance)[above:]
        for one in conversions(owner, Path(point.file), plan.workspace.imports):
            if one.leaves_out(layer, block):
                found.append(
                    {
                        "code": "part-converted",
                        "where": f"{plan.workspace.relative(point.file)}:{one.line}",
                        "message": f"{one.method} converts self.{one.part} by {one.call}, and self.{block} stays as it is",
                        "hint": f"Do the same to the block: self.{block}.{one.call}",
                    }
                )
    return found


def batch_of_one(plan: Plan, proof: Proof | None) -> list[Warning]:
    """A block that cannot be trained on one sample, in a model that could."""
    failure = proof.on_one if proof is not None else None
    if failure is None:
        return []
    return [
        {
            "code": "batch-of-one",
            "where": plan.workspace.relative_place(failure.where or ""),
            "message": f"in training, the model took a batch of one sample, and no longer does: {failure.message}",
            "hint": "Train with batches of two or more, and have the loader drop a smaller last one: "
            "DataLoader(..., drop_last=True).",
        }
    ]


def passed_over(task: Task, plan: Plan) -> list[Warning]:
    if not plan.passed_over:
        return []
    few = ", ".join(plan.passed_over[:6])
    rest = f" and {len(plan.passed_over) - 6} more" if len(plan.passed_over) > 6 else ""
    text = f"{few}{rest} of class {task.request.every} got no block, being called nowhere"
    return [{"code": "never-called", "message": text}]


def narrow(task: Task, plan: Plan) -> list[Warning]:
    """Bottlenecks that are so narrow that their ReLU may pass nothing on, and the block learn nothing.

    One warning for all layers of a run: what its hint sets holds for all of them.
    """
    block = task.block
    if block is None:
        return []
    found: dict[int, InsertionPoint] = {}
    units: dict[int, int] = {}
    reducible = False
    fed = [(point, channels) for point in plan.shown for channels in fed_with(task, point)]
    for point, channels in fed:
        if channels in found:
            continue
        values = numbers(task.request, block, channels, channels)
        width = block.hidden_width(values)
        if width is not None and width < min(FEW_UNITS, channels):
            found[channels], units[channels] = point, width
            reducible = "reduction" in values
    if not found:
        return []
    first, *others = found
    place = found[first]
    where = f"{plan.workspace.relative(place.file)}:{place.definition.point.line}"
    text = f"{block.name} has {hidden_units(units[first])} for {first} channels"
    if others:
        text += ", " + " and ".join(f"{units[channels]} for {channels}" for channels in others)
    one = {"code": "narrow", "where": where}
    one["message"] = f"{text}, which a ReLU may leave dead for good"
    if reducible:
        one["hint"] = f"--set reduction={max(1, min(found) // FEW_UNITS)}"
    return [one]


def fed_with(task: Task, point: InsertionPoint) -> list[int]:
    """The counts of channels that a block is fed: one, or, where they differ, those of all configurations."""
    channels = point.naming.channels.value
    if channels is not None:
        return [channels]
    side, calls = task.request.placement.fed, point.calls
    counts = {
        one.feature(side, calls.number).channels for one in calls.instances if one.facts.features
    }
    return sorted(one for one in counts if one is not None)


def hidden_units(width: int) -> str:
    return "one hidden unit" if width == 1 else f"{width} hidden units"


def neighbours(task: Task, point: InsertionPoint) -> list[Warning]:
    """The blocks that earlier runs put at the same target: the new one comes before them."""
    found: list[Warning] = []
    book = ledger.load(task.project.root)
    for entry in book.entries:
        record = entry.record
        if record.strategy == "inside" and _has_moved(task.project.root, book, entry):
            continue  # by these words another layer was meant
        if record.target == point.target and record.attribute != point.attribute:
            prefix = point.target[: -len(point.calls.resolved.path)]
            other = f"{prefix}{join(point.calls.owner, record.attribute)}"
            text = f"{record.attribute} is at this target too; {point.attribute} comes before it"
            hint = f"To put a block after it, name it: --after {other}"
            found.append({"code": "other-block", "message": text, "hint": hint})
    return found


def _has_moved(root: Path, book: ledger.Ledger, entry: Entry) -> bool:
    """Whether elements have been put in front of the layer that an element was put beside."""
    file = root / entry.record.target.partition("::")[0]
    if not file.is_file():
        return False
    element = element_of(
        book, entry, Document(file.read_bytes(), file.relative_to(root).as_posix())
    )
    return element is not None and not is_next_to_its_target(entry, element)


def left_out(task: Task) -> list[Warning]:
    model = task.model
    if not model.left_out:
        return []
    lines = [str(first) for first, _ in model.left_out]
    rest = f" and {len(lines) - 5} more" if len(lines) > 5 else ""
    text = f"only definitions were run; left out: lines {', '.join(lines[:5])}{rest}"
    where = f"{model.syntax.document.path}:{lines[0]}"
    return [{"code": "left-out", "where": where, "message": text}]


def uncommitted(plan: Plan) -> list[Warning]:
    """The files of the plan that have changes which git does not have yet."""
    root = plan.workspace.root
    edited = [plan.workspace.relative(file) for file in plan.workspace.edits]
    return [
        {
            "code": "uncommitted",
            "where": path,
            "message": f"{path} has changes that git does not have yet; undo keeps what is yours of them",
        }
        for path in git.uncommitted(root, edited)
    ]
