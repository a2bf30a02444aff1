"""Have the backend hold the checks against the edited model."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stitchgen.analysis.backend import (
    TOO_LARGE,
    Backend,
    BrokenCheck,
    KeyChanges,
    LeftOut,
    Method,
    Proposal,
    ProvenConfiguration,
    TriedImport,
)
from stitchgen.analysis.layer_facts import Failure
from stitchgen.analysis.steps import Site
from stitchgen.analysis.survey import Configuration, LayerInstance, Survey, join
from stitchgen.analysis.variants import Variant
from stitchgen.catalog.block import Block
from stitchgen.errors import StitchError
from stitchgen.planning import joins
from stitchgen.planning.definitions import class_around
from stitchgen.planning.plan import Plan, Planning
from stitchgen.planning.point import InsertionPoint
from stitchgen.project.model_functions import functions_of_models
from stitchgen.project.ways_in import WayIn
from stitchgen.project.workspace import Workspace
from stitchgen.targets.placement import Placement
from stitchgen.targets.relatives import constructions_elsewhere

#: The checks, as the report names them, and what to do in an edit by hand that one does not hold for.
CHECKS = {
    "builds": "Take what the module is built with from what it is fed in every configuration: an argument "
    "of the constructor, not a number.",
    "keys": "Give the new module an attribute of its own beside the old layers, and leave their names.",
    "position": "Call it once wherever its layer is called, in every branch.",
    "axis": "Permute what it is fed, or use a module for this layout.",
    "elsewhere": "Take out what is not the new module's, or prove that change by itself.",
    "consumed": "Let all that read the layer read the new module's output, without detach or no_grad.",
}
#: How many configurations are proven, the smallest first; the rest are named as not proven.
PROVEN = 4
#: What the original itself fails with.
OF_THE_ORIGINAL = ("does-not-build", "does-not-run")
#: A configuration of so many times the parameters is not run with values.
MUCH_LARGER = 4
#: How many variants that have no such layer are run.
WITHOUT_LAYER = 2
#: How many constructions of other files, of what inherits from or contains an edited class.
MOST_RELATIVES = 4


@dataclass(frozen=True)
class Proof:
    """What was proven, and in which configurations."""

    builds: tuple[str, ...]
    unchanged: tuple[str, ...]  # they run the edited classes and have no target
    not_proven: tuple[str, ...]
    params_added: int
    macs_added: int
    input: str
    notes: tuple[str, ...]
    keys: KeyChanges
    configurations: Mapping[str, int] = field(
        default_factory=dict
    )  # in which it holds, by where they come from
    unshown: frozenset[str] = frozenset()  # the checks that nothing could be shown of
    imports: tuple[WayIn, ...] = ()  # the ways in which the edited files were imported
    left_out: tuple[LeftOut, ...] = ()  # blocks that a method does not hand to the optimizer
    #: Methods with the block that could not be called, `Class.method`.
    uncalled: tuple[str, ...] = ()
    #: Where the project's methods and functions are defined that ran on both models, `path:line`.
    called: frozenset[str] = frozenset()
    #: What the edited model alone fails with, trained on one sample.
    on_one: Failure | None = None

    def as_dict(self) -> dict[str, Any]:
        """The `proof` of `--json`."""
        return {
            "laws": [check for check in CHECKS if check not in self.unshown],
            "build": list(self.builds),
            "unchanged": list(self.unchanged),
            "not_proven": list(self.not_proven),
            "configurations": sum(self.configurations.values()),
            "variants": self.configurations.get("variants", 0),
            "params_added": self.params_added,
            "macs_added": self.macs_added,
            "input": self.input,
            "notes": list(self.notes),
            "imports": [
                {"from": importer, "as": way.module}
                for way in self.imports
                for importer in way.importers
            ],
        }


def all_proven(proofs: Sequence[Proof | None]) -> Proof | None:
    """The proofs of steps, each on the result of the one before, as that of the run; None if one is missing."""
    found = [proof for proof in proofs if proof is not None]
    if not found or len(found) < len(proofs):
        return None
    first, *rest = found
    for one in rest:
        builds = tuple(build for build in first.builds if build in one.builds)
        others = dict.fromkeys((*first.builds, *one.builds, *first.not_proven, *one.not_proven))
        both = first.configurations.keys() & one.configurations.keys()
        first = Proof(
            builds=builds,
            unchanged=tuple(dict.fromkeys((*first.unchanged, *one.unchanged))),
            not_proven=tuple(build for build in others if build not in builds),
            params_added=first.params_added + one.params_added,
            macs_added=first.macs_added + one.macs_added,
            input=first.input,
            notes=tuple(dict.fromkeys((*first.notes, *one.notes))),
            keys=KeyChanges(
                *(
                    [*getattr(first.keys, name), *getattr(one.keys, name)]
                    for name in ("added", "lost", "reshaped")
                )
            ),
            configurations={
                name: min(first.configurations[name], one.configurations[name])
                for name in sorted(both)
            },
            imports=one.imports,
            left_out=(*first.left_out, *one.left_out),
            uncalled=tuple(dict.fromkeys((*first.uncalled, *one.uncalled))),
            called=first.called & one.called,
            on_one=first.on_one or one.on_one,
        )
    return first


@dataclass(frozen=True)
class Chosen:
    """The configurations of a proof, by how closely they are looked at."""

    whole: Sequence[Configuration]  # all checks
    brief: Sequence[Configuration]  # as far as it is cheap
    unchanged: Sequence[Configuration]  # they run the edited classes, and have no target
    without_layer: Sequence[Configuration]  # variants of which the same is true
    left: Sequence[Configuration]

    @property
    def in_order(self) -> list[Configuration]:
        """Those that somebody may build, and the variants that have the layer, as they are tried."""
        return [*self.whole, *self.unchanged, *self.brief]


def chosen(planning: Planning, plan: Plan) -> Chosen:
    """Configurations that the user named are all proven, up to PROVEN; of those found in the file the smallest.

    Those that run the edited classes and have no target are proven to be unchanged: all that the user named,
    and the smallest of the others.
    """
    given, variants = planning.task.model.subject.given, planning.survey.variants
    wanted, others = concerned(planning, plan)
    named = len([one for one in others if one.expression in given])
    # Of those that have no such layer a few are run as well: they have to be what they were.
    without_layer = [one for one in others if one.expression in variants][:WITHOUT_LAYER]
    others = [one for one in others if one.expression not in variants]
    unchanged = others[: max(1, min(named, PROVEN))]
    whole = [one for one in wanted if one.expression not in variants][:PROVEN]
    brief: list[Configuration] = []
    if any(one.expression in given for one in whole):
        # What the user names is proven whole; what the project has besides, as far as it is cheap.
        brief = [one for one in whole if one.expression not in given]
        whole = [one for one in whole if one.expression in given]
    for one in wanted:
        if one.expression in variants:
            # Where no other configuration has the layer, one of them is proven whole.
            (brief if whole else whole).append(one)
    taken = [*whole, *brief, *unchanged]
    left = [one for one in wanted + others if one not in taken]
    return Chosen(whole, brief, unchanged, without_layer, left)


def prove(planning: Planning, plan: Plan) -> Proof:
    """The proof of a plan; raises `law-broken`, and then nothing may be written."""
    choice, methods = chosen(planning, plan), uncalled_methods(plan)
    found, notes = proven_of(planning, plan, choice, [*methods, *forwards(plan)])
    related = prove_relatives(planning, plan)
    first = next(iter(found.values()))
    imports, broken = imported(planning, plan)
    ran = (*found.values(), *related.values())
    notes |= {note for proven in ran for note in proven.notes} | set(broken)
    return Proof(
        builds=tuple(one.expression for one in choice.whole if one.expression in found),
        unchanged=tuple(one.expression for one in choice.unchanged if one.expression in found),
        not_proven=tuple(
            one.expression
            for one in (*choice.left, *choice.whole, *choice.unchanged)
            if one in choice.left or one.expression not in found
        ),
        configurations=counted(
            [*found, *(name for name, proven in related.items() if proven.input)],
            planning.survey.variants,
        ),
        params_added=first.params_added,
        macs_added=first.macs_added,
        input=first.input,
        notes=tuple(sorted(notes)),
        keys=moved_keys(plan, first.keys),
        unshown=frozenset(check for proven in found.values() for check in proven.unshown),
        imports=imports,
        left_out=tuple(dict.fromkeys(one for proven in found.values() for one in proven.left_out)),
        called=frozenset(place for proven in ran for place in proven.called),
        on_one=next((proven.on_one for proven in found.values() if proven.on_one), None),
        uncalled=tuple(
            str(method)
            for method in methods
            if all(
                str(method) in found[one.expression].uncalled
                for one in choice.whole
                if one.expression in found
            )
        ),
    )


def proven_of(
    planning: Planning, plan: Plan, choice: Chosen, methods: Sequence[Method]
) -> tuple[dict[str, ProvenConfiguration], set[str]]:
    """What was seen of each configuration, and notes on those that fail where that does no harm."""
    placement, variants = planning.request.placement, planning.survey.variants
    proposals = [
        Proposal(
            one.expression,
            splices_in(placement, one, plan.fresh),
            extent(planning, one, choice.whole),
            one.expression in planning.task.model.subject.given,
        )
        for one in choice.in_order
    ]
    proposals += [Proposal(one.expression, (), "relative", False) for one in choice.without_layer]
    found: dict[str, ProvenConfiguration] = {}
    notes: set[str] = set()
    not_tried = 0
    subject = planning.task.model.subject
    functions = functions_of_models(subject.file, plan.workspace.imports)
    # The backend ends with the first that fails; where that does no harm, the rest are still to be proven.
    while proposals:
        overlay = plan.workspace.overlay()
        answers = planning.backend.prove(proposals, overlay, functions, elements(plan), methods)
        for proposal, proven in zip(proposals, answers):
            if not isinstance(proven, BrokenCheck):
                if proposal.extent == "relative" and not proven.input:
                    continue  # nothing ran, so nothing was seen of it
                found[proposal.expression] = proven
            elif proposal.expression in variants and found and proven.code in OF_THE_ORIGINAL:
                continue  # nobody asked for it, and it does not run as it is
            elif proven.not_tried:
                not_tried += 1
            elif proposal.expression not in subject.given and found and proven.code == "too-large":
                notes.add(f"{proven.message}: not proven.")
            elif proposal.expression in variants and found and is_harmless(planning, proven):
                notes.add(f"{proposal.expression}: {proven.message}")
            else:
                raise refusal(planning, plan, proposal.expression, proven)
        proposals = proposals[len(answers) :]
    if not_tried:
        others = (
            "one further configuration" if not_tried == 1 else f"{not_tried} further configurations"
        )
        notes.add(f"Not tried, since no time was left: {others}.")
    return found, notes


def uncalled_methods(plan: Plan) -> list[Method]:
    """The methods that have a call with the block, and none that was made in a run."""
    ran: set[Method] = set()
    found: dict[Method, None] = {}
    for point in plan.fresh:
        for site in point.calls.sites:
            method = method_of(site)
            if method.class_name and method.name not in ("forward", "__init__"):
                ran |= {method} if site.numbers else set()
                found[method] = None
    return [method for method in found if method not in ran]


def forwards(plan: Plan) -> list[Method]:
    """The forwards that have a call with the block, whose flags may change what is called."""
    sites = [site for point in plan.fresh for site in point.calls.sites]
    return [one for one in dict.fromkeys(map(method_of, sites)) if one.name == "forward"]


def method_of(site: Site) -> Method:
    """The method in which a call stands; with no class for a function."""
    around, _, name = site.function.rpartition(".")
    return Method(around.rpartition(".")[2], name)


def place_of(plan: Plan, site: Site) -> str:
    """The line of a call, as `path:line`."""
    document = plan.workspace.syntax(site.file).document
    return f"{plan.workspace.relative(site.file)}:{document.line_of(site.span[0])}"


def elements(plan: Plan) -> list[Mapping[str, Any]]:
    """The blocks that are elements of a Sequential, as the observer takes them (`protocol.Inside`)."""
    return [
        {
            "file": str(point.file),
            "class_name": point.class_name,
            "container": point.inside.container,
            "index": point.inside.index,
            "key": point.inside.proven_as.rpartition(".")[2],
            "loader": str(plan.workspace.root / point.inside.loader),
        }
        for point in plan.fresh
        if point.inside is not None and point.inside.moves
    ]


def moved_keys(plan: Plan, keys: KeyChanges) -> KeyChanges:
    """The new keys as the edited model has them, where the proof calls the elements of a Sequential by their
    old names."""
    added = list(keys.added)
    for point in plan.fresh:
        if point.inside is not None and point.inside.moves:
            old, new = f"{point.inside.proven_as}.", f"{point.inside.path}."
            added = [key.replace(old, new) for key in added]
    return replace(keys, added=added)


def prove_relatives(planning: Planning, plan: Plan) -> dict[str, ProvenConfiguration]:
    """The constructions in other files of what inherits from or contains an edited class, as far as they
    were built before the edit; refuses where one of them no longer is, or gives something else."""
    workspace = plan.workspace
    edited = {(name, workspace.root / file) for name, file in edited_classes(plan)}
    builds = constructions_elsewhere(workspace.files, edited, MOST_RELATIVES)
    return check_relatives(planning.backend, plan, builds)


def check_not_planned(
    planning: Planning, plan: Plan, survey: Survey, left: Sequence[Configuration]
) -> None:
    """Refuse a plan that breaks configurations of the project for which it was not made."""
    edited = edited_classes(plan)
    sharing = [
        one.expression
        for one in sorted(left, key=lambda one: one.parameters)
        if one.expression not in survey.variants
        and any(survey.roots(one, name, file) for name, file in edited)
    ]
    # An input that was guessed may be one that nobody feeds them.
    if planning.task.model.subject.inputs:
        check_relatives(planning.backend, plan, sharing[:MOST_RELATIVES], "given")


def breaks_variant(
    planning: Planning, plan: Plan, survey: Survey, left: Sequence[Configuration]
) -> bool:
    """Whether a plan breaks the construction with another argument for which it was not made, where the user has
    named neither a construction nor the channels."""
    if planning.task.model.subject.given or planning.request.channels is not None:
        return False
    edited = edited_classes(plan)
    proposals = [
        Proposal(one.expression, (), "relative", False)
        for one in sorted(left, key=lambda one: one.parameters)
        if one.expression in survey.variants
        and any(survey.roots(one, name, file) for name, file in edited)
    ]
    overlay = plan.workspace.overlay()
    answers = planning.backend.prove(proposals, overlay, inside=elements(plan)) if proposals else []
    return any(isinstance(one, BrokenCheck) and not one.not_tried for one in answers)


def check_relatives(
    backend: Backend, plan: Plan, builds: Sequence[str], extent: str = "relative"
) -> dict[str, ProvenConfiguration]:
    """Those of the constructions that run, as they did before the edit, and those of which there is something to
    say; refuses where one no longer does."""
    proposals = [Proposal(one, (), extent) for one in builds]
    answers: Sequence[ProvenConfiguration | BrokenCheck] = []
    if proposals:
        answers = backend.prove(proposals, plan.workspace.overlay(), inside=elements(plan))
    for proposal, proven in zip(proposals, answers):
        if isinstance(proven, BrokenCheck):
            raise StitchError(
                proven.code,
                f"{proposal.expression} shares what is edited: {proven.message}",
                where=proven.where,
                hint="Put the block into a class that is yours alone: inherit from the shared one, and name "
                "your class in the target.",
                details={"law": proven.check} if proven.check else {},
            )
    return {
        one.expression: proven
        for one, proven in zip(proposals, answers)
        if not isinstance(proven, BrokenCheck) and (proven.input or proven.notes or proven.called)
    }


def edited_classes(plan: Plan) -> set[tuple[str, str]]:
    """The name and the file of each class that the plan edits."""
    edited = {
        (name, str(site.file))
        for point in plan.fresh
        for site in point.calls.sites
        if point.calls.variable is None and (name := class_around(plan.workspace, site)) is not None
    }
    return edited | {(point.class_name, str(point.file)) for point in plan.fresh}


def is_harmless(planning: Planning, broken: BrokenCheck) -> bool:
    """Whether what does not hold in a configuration that nobody asked for is no reason to refuse: a block
    that nothing reads there, or channels that the user gives."""
    return broken.check == "consumed" or planning.request.channels is not None


def extent(planning: Planning, one: Configuration, whole: Sequence[Configuration]) -> str:
    """How much is proven of a configuration (`protocol.EXTENTS`)."""
    if one in whole or one.expression in planning.task.model.subject.given:
        return "whole"
    variant = planning.survey.variants.get(one.expression)
    if variant is None:
        largest = max((other.parameters for other in whole), default=one.parameters)
        return "small" if one.parameters <= MUCH_LARGER * largest else "shapes"
    # Where a list has another length, a block may come to stand elsewhere, or be read by nothing.
    if variant.change != "value":
        return "small"
    return "eval" if variant.resizes else "shapes"


def counted(proven: Collection[str], variants: Mapping[str, Variant]) -> dict[str, int]:
    """In how many configurations the edit was seen to hold, with one argument changed and without."""
    changed = len([name for name in proven if name in variants])
    return {"project": len(proven) - changed, "variants": changed}


def imported(planning: Planning, plan: Plan) -> tuple[tuple[WayIn, ...], list[str]]:
    """The ways in which the project imports the edited files, and what is to be said of files that are no
    longer run by their paths; refuses where an import no longer works."""
    workspace = plan.workspace
    ways = ways_with_importers(workspace, map(Path, workspace.edits))
    tried = planning.backend.import_in(ways, workspace.overlay()) if ways else []
    return judged_imports(workspace, ways, tried)


def ways_with_importers(workspace: Workspace, files: Iterable[Path]) -> list[tuple[Path, WayIn]]:
    return [(file, way) for file in files for way in workspace.ways_into(file) if way.importer]


def judged_imports(
    workspace: Workspace, ways: Sequence[tuple[Path, WayIn]], tried: Sequence[TriedImport]
) -> tuple[tuple[WayIn, ...], list[str]]:
    """The ways that work, and what is to be said; refuses where one no longer works."""
    for (file, way), one in zip(ways, tried):
        # A file that is run itself can be run as a module as well, which its import may need.
        if one.after is not None and not way.itself:
            shown = workspace.relative(file)
            raise StitchError(
                "import-conflict",
                f"{shown} is imported as {way.module} by {way.importer}, which the edit breaks: "
                f"{one.after.message}",
                where=one.after.where or shown,
                hint="Name a folder for the blocks that is found in each way, in pyproject.toml: "
                '[tool.stitchgen] blocks = "..."',
                details={"law": "imports"},
            )
    works = [way for (_, way), one in zip(ways, tried) if one.before is one.after is None]
    broken = [
        f"{way.importer} itself does not find the block when it is run by its path; run it with python -m."
        for (_, way), one in zip(ways, tried)
        if one.after is not None
    ]
    return tuple(works), broken


def refusal(planning: Planning, plan: Plan, build: str, broken: BrokenCheck) -> StitchError:
    """A check that does not hold, or an argument of the block that its constructor refuses."""
    request, block = planning.request, planning.task.block
    details = {key: text for key, text in (("law", broken.check), ("mode", broken.mode)) if text}
    where = plan.workspace.place_on_disk(broken.where) if broken.where else None
    file = (where or "").rpartition(":")[0]
    in_block = any(file == str(plan.workspace.root / path) for path in plan.uses)
    given = request.channels is not None or bool(planning.task.settings)
    if broken.check == "builds" and (in_block or given):
        return StitchError(
            "bad-argument",
            f"{build}: {broken.message}",
            where=where,
            hint="The block's arguments come from --set name=value and --channels EXPR; see "
            f"stitchgen show {request.block}.",
            details=details,
        )
    own_line = broken.where is not None and plan.workspace.is_kept(broken.where)
    if broken.check == "builds" and broken.mode is None and own_line and not in_block:
        broken = replace(
            broken, code="function-fails" if broken.code == "law-broken" else broken.code
        )
    for point in plan.fresh if request.placement.replaces else ():
        for one in point.calls.instances:
            if others := one.configuration.other_names(one.path):
                return StitchError(
                    "unsupported",
                    f"{point.target} is the same module as {others[0]}, which stays the old one",
                    where=one.facts.where,
                    hint="Change the line that makes it, for all its names.",
                    details=details,
                )
    hint = hint_for(broken, request.block, block)
    if broken.code == "configuration-dependent":
        unexecuted = [
            (point, place_of(plan, site))
            for point in plan.fresh
            for site in point.calls.sites
            if not site.numbers and str(method_of(site)) == broken.method
        ]
        if unexecuted:
            point, where = unexecuted[0]
            named = point.calls.resolved.named(plan.workspace)
            hint = f"Nothing was written. To leave that call as it is: --{request.placement} '{named}@1'"
        else:
            hint = (
                "Nothing was written. Name a layer that gives the same whatever that argument is."
            )
    return StitchError(
        broken.code,
        broken.message if broken.code == "too-large" else f"{build}: {broken.message}",
        where=where,
        hint=hint,
        details=details,
    )


def hint_for(broken: BrokenCheck, name: str, block: Block | None) -> str:
    """What can be done about a check that does not hold."""
    if broken.code == "function-fails":
        return (
            f"Nothing was written. Take a block of other layers, or write this one first (stitchgen new-module "
            f"{name}), let that function know its class or pass over it, and run this again."
        )
    if broken.code == "too-large":
        return TOO_LARGE
    if broken.code == "strict-load":
        return "Nothing was written. Pass strict=False there, and run this again: all old keys still fit."
    if broken.code != "law-broken":
        return (
            "Both eval and train are run; pass the input that the model takes: --input SHAPE, and "
            "what it takes in train mode, where that is something else: --input-train SHAPE"
        )
    if broken.check == "consumed":
        return (
            "What the layer gives reaches no output here, or no gradient comes back (detach, "
            "no_grad). Splice after one that trains, or pass a configuration: --build EXPR"
        )
    changes = [what for what in ("channels", "size") if block and getattr(block, what) != "same"]
    if broken.check == "builds" and block is not None and changes:
        return (
            f"{block.name} changes {' and '.join(changes)}, which what follows does not "
            "take; choose its arguments by --set, or a place where it may."
        )
    return "Nothing was written. Please report this, with the model's source, if it is sound."


def concerned(planning: Planning, plan: Plan) -> tuple[list[Configuration], list[Configuration]]:
    """The configurations that have a target, and those that only share the edited classes."""
    survey, given = planning.survey, planning.task.model.subject.given
    wanted = {
        one.configuration.expression: one.configuration
        for point in plan.fresh
        for one in point.calls.instances
    }
    edited = edited_classes(plan)
    others = [
        configuration
        for configuration in survey.configurations
        if configuration.expression not in wanted
        and any(survey.roots(configuration, name, file) for name, file in edited)
    ]
    named = [wanted[text] for text in (*given, *survey.variants) if text in wanted]
    found = sorted(
        wanted.values(), key=lambda one: (one.expression in survey.variants, one.parameters)
    )
    others.sort(key=lambda one: (one.expression not in given, one.parameters))
    return named if given and named else found, others


def splices_in(
    placement: Placement, configuration: Configuration, points: Sequence[InsertionPoint]
) -> list[Mapping[str, Any]]:
    """The splices of one configuration, as the checks take them."""
    splices: list[Mapping[str, Any]] = []
    for point in points:
        for one in point.calls.instances:
            if one.configuration is configuration:
                splices.append(splice_in(placement, point, one))
        if not splices:
            splices.append(
                {
                    "placement": placement.name,
                    "target": point.calls.resolved.path,
                    "block": point.attribute,
                    "absent": True,
                }
            )
    return splices


def splice_in(
    placement: Placement, point: InsertionPoint, instance: LayerInstance
) -> Mapping[str, Any]:
    """A splice at one layer, as the checks take it."""
    calls, reader, method = point.calls, point.join.reader, point.join.method
    block = instance.path if placement.replaces else point.block_path(instance)
    return {
        "placement": placement.name,
        "target": instance.path,
        "block": "" if method.features else block,
        "made_of": point.naming.made_of,
        "layout": "" if placement.replaces else point.naming.layout,
        "calls": None if calls.number is None else [calls.number],
        "element": calls.element.value if calls.element is not None else None,
        "into": None if reader is None else join(instance.root, reader.path),
        "method": joins.check(method, block.rpartition(".")[0], instance.root),
    }
