"""`stitchgen add`: from a target text to a proven plan. Floor 5.

resolve the target -> survey the configurations -> decide the places -> find the channel
expression -> plan the edits -> prove them -> hand over the changes, the ledger among them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stitchgen import advice, blocks, catalog, files, ledger, observed
from stitchgen.catalog import Block
from stitchgen.config import Project
from stitchgen.counts import channel_expression, channels_read, feature_at
from stitchgen.edits import FileChange
from stitchgen.errors import StitchError, shown_below
from stitchgen.observe import Observer
from stitchgen.observed import Survey, join
from stitchgen.own_block import is_own, read_own
from stitchgen.places import Place, define_after, find_places, initialising_loop
from stitchgen.proof import prove
from stitchgen.request import AddRequest
from stitchgen.read_survey import read_survey
from stitchgen.resolve import (
    Session,
    check_given,
    no_builds,
    open_session,
    resolve,
    search_folders,
)
from stitchgen.workbench import Workbench
from stitchgen.writing import write_calls, write_definition

#: Refusals that may be due to a configuration that the user did not name.
DUE_TO_OTHERS = {"configuration-dependent", "channels-unknown", "unsupported", "layout-ambiguous"}


@dataclass(frozen=True)
class Outcome:
    """What a command did or would do: the `--json` object, and the changes to the files."""

    result: dict[str, Any]
    changes: list[FileChange]


@dataclass
class Plan:
    """Everything decided, before anything is written."""

    bench: Workbench
    places: list[Place]
    uses: set[str]  # block files, relative to the root
    settings: dict[str, str]
    already: list[Place]  # those at which the very block stands
    initialised: list[tuple[Place, int]]  # those whose block a line of the model initialises


def run(project: Project, request: AddRequest, mode: str = "apply") -> Outcome:
    """Put a block at the targets; with `mode="apply"` the changes are written.

    Raises StitchError where it cannot be done and proven; then nothing is written.
    """
    with shown_below(project.root):
        outcome = propose(project, request, dry_run=mode != "apply")
    if mode == "apply":
        files.commit(project.root, outcome.changes)
    return outcome


def propose(project: Project, request: AddRequest, dry_run: bool) -> Outcome:
    """The proven plan of a request, as an outcome that nothing has been done about yet."""
    block = find_block(project, request.block)
    settings = blocks.check_settings(block, request.settings)
    session = open_session(project, request, Workbench(project.root))
    if not request.prove:
        return by_reading(project, request, block, settings, session, dry_run)
    try:
        observer = Observer(session.python, session.subject)
        with observer:
            plan, proof = by_observing(project, request, block, settings, session, observer)
    except StitchError as error:
        if error.code != "no-torch":
            raise
        return by_reading(project, request, block, settings, session, dry_run, without=error)
    return outcome_of(project, request, session, plan, proof, dry_run)


def find_block(project: Project, text: str) -> Block:
    """The block of a catalog, or the user's own class."""
    if is_own(text):
        return read_own(text, search_folders(project.root))
    return catalog.get(text, project.catalogs)


def by_observing(
    project: Project,
    request: AddRequest,
    block: Block,
    settings: dict[str, str],
    session: Session,
    observer: Observer,
) -> tuple[Plan, dict[str, Any] | None]:
    """The plan for all configurations of the file, else for those that the user named; its proof."""
    if not session.builds:
        raise no_builds(session.syntax)
    survey = Survey.of(
        observer.ask(
            "survey",
            builds=list(session.builds),
            inputs=list(session.inputs),
            brief=[text for text in session.builds if session.given and text not in session.given],
        )
    )
    check_given(session, survey)
    named = survey.only(session.given)

    def attempt(configurations: Survey, late: bool = False) -> tuple[Plan, dict[str, Any] | None]:
        plan = make_plan(
            project, request, block, settings, session, configurations, observer, late
        )
        fresh = [place for place in plan.places if place not in plan.already]
        try:
            return plan, prove(request, observer, session, fresh, plan.bench) if fresh else None
        except StitchError as error:
            # The model's loop over its modules may not be able to initialise the block.
            if late or not plan.initialised or error.details.get("law") != "builds":
                raise
        return attempt(configurations, late=True)

    try:
        return attempt(survey)
    except StitchError as error:
        fewer = 0 < len(named.configurations) < len(survey.configurations)
        if error.code not in DUE_TO_OTHERS or not fewer:
            raise
    return attempt(named)


def by_reading(
    project: Project,
    request: AddRequest,
    block: Block,
    settings: dict[str, str],
    session: Session,
    dry_run: bool,
    without: StitchError | None = None,
) -> Outcome:
    """The plan where the source alone is certain, not proven; else a refusal."""
    survey = read_survey(session, Workbench(project.root))
    try:
        plan = make_plan(project, request, block, settings, session, survey, None)
    except StitchError as error:
        if without is None:
            raise
        error.hint = f"{error.hint or ''} {without.message}: {without.hint}".strip()
        raise
    return outcome_of(project, request, session, plan, None, dry_run, without)


def make_plan(
    project: Project,
    request: AddRequest,
    block: Block,
    settings: dict[str, str],
    session: Session,
    survey: Survey,
    observer: Observer | None,
    late: bool = False,
) -> Plan:
    """Decide every target; the plan's edits are on a workbench of its own.

    With `late`, blocks are defined below the model's own initialisation of all its modules.
    """
    bench = Workbench(project.root)
    plan = Plan(bench, [], set(), settings, [], [])
    for located in session.located:
        resolved = resolve(session, located, survey, bench)
        for place in find_places(bench, project, request, block.name, survey, resolved):
            work_at(plan, project, request, block, survey, session, observer, place, late)
    return plan


def work_at(
    plan: Plan,
    project: Project,
    request: AddRequest,
    block: Block,
    survey: Survey,
    session: Session,
    observer: Observer | None,
    place: Place,
    late: bool,
) -> None:
    """Plan one place: the block's file and import, its definition, its calls."""
    bench = plan.bench
    if observer is None:
        place.channels = channels_read(request, place)
    feature = feature_at(request, place)
    loop = initialising_loop(bench, place.anchor)
    if loop is not None and (late or block.identity):
        # Its starting values are what makes the block an identity: nothing may overwrite them.
        define_after(bench, place, loop)
    elif loop is not None and request.placement != "replace":
        plan.initialised.append((place, loop.lineno))
    if request.placement == "replace":
        place.channels = {"expression": None, "value": None, "evidence": "observed"}
        if blocks.stands_in(block, place) and replaced_already(bench, place, plan.settings):
            plan.places.append(place)
            plan.already.append(place)
            return
        arguments = blocks.replacement_arguments(block, place, plan.settings)
    where = observed.first_place(place.spots[0].layer)
    dims = blocks.dims_at(block, feature["layout"], place.target, where)
    if request.placement != "replace":
        if observer is not None:
            place.channels = channel_expression(bench, request, survey, observer, session, place)
        expression = place.channels["expression"]
        arguments = blocks.arguments(block, expression, plan.settings)
    file = place.anchor.file
    placed = blocks.place(bench, project, block, dims, Path(file))
    if not is_own(request.block):
        plan.uses.add(bench.relative(placed.file))
    construction = f"{placed.class_name}({', '.join(arguments)})"
    plan.places.append(place)
    if stands_already(bench, request, place, placed.class_name, construction):
        place.attribute = place.wish
        plan.already.append(place)
        return
    write_definition(bench, project, request, place, construction)
    write_calls(bench, project, request, place)


def stands_already(
    bench: Workbench, request: AddRequest, place: Place, class_name: str, construction: str
) -> bool:
    """Whether the source has this very block at the target; refuses one with other arguments."""
    if not place.wish or place.wish == place.attribute:
        return False
    for where, call in constructions(bench, place, f"{place.definition_owner}.{place.wish}"):
        if ast.unparse(call.func) != class_name:
            continue
        written = ast.unparse(call)
        if written == ast.unparse(ast.parse(construction)):
            return True
        if request.name is not None:
            continue
        raise StitchError(
            "already-there",
            f"{where} has {written} at {place.target} already; this command would write "
            f"{construction}",
            where=where,
            hint=f"Edit that line, or pass --name {place.attribute} for a second block.",
        )
    return False


def replaced_already(bench: Workbench, place: Place, settings: Mapping[str, str]) -> bool:
    """Whether the source puts a block at the layer's own place; refuses one with other arguments."""
    for where, call in reversed(list(constructions(bench, place, place.layer_text))):
        written = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        for name, value in settings.items():
            if written.get(name) != value:
                raise StitchError(
                    "already-there",
                    f"{where} has {ast.unparse(call)} in the place of {place.target} already",
                    where=where,
                    hint=f"Edit that line: {name}={value}",
                )
        return True
    return False


def constructions(bench: Workbench, place: Place, name: str) -> Iterator[tuple[str, ast.Call]]:
    """The calls that the constructor assigns to `name`, each with its place."""
    syntax = bench.syntax(place.anchor.file)
    function = syntax.method(*place.anchor.function.rsplit(".", 1))
    for node in ast.walk(function) if function is not None else ():
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            if ast.unparse(node.targets[0]) == name:
                yield f"{syntax.document.path}:{node.lineno}", node.value


def outcome_of(
    project: Project,
    request: AddRequest,
    session: Session,
    plan: Plan,
    proof: dict[str, Any] | None,
    dry_run: bool,
    without: StitchError | None = None,
) -> Outcome:
    """The changes with the ledger's, and the `--json` object of `add`."""
    bench = plan.bench
    changes = bench.changes()
    if changes:
        records = [
            ledger.SpliceRecord(
                block=request.block,
                target=place.target,
                placement=request.placement,
                attribute=place.attribute,
                strategy=place.strategy,
                arguments=place.channels["expression"] or "",
                uses=tuple(sorted(plan.uses)),
            )
            for place in plan.places
            if place not in plan.already
        ]
        book = ledger.load(project.root).with_run(request.command_line(), records, changes)
        changes = [*changes, book.change()]
    keys = proof.pop("keys") if proof else {"added": [], "lost": [], "reshaped": []}
    result = {
        "ok": True,
        "command": "add",
        "block": request.block,
        "dry_run": dry_run,
        "splices": [
            splice_report(request, place) | {"already": place in plan.already}
            for place in plan.places
        ],
        "files": [{"path": c.path, "action": c.action} for c in bench.changes()],
        "proof": proof,
        "keys": keys,
        "warnings": warnings_of(project, request, session, plan, without),
    }
    return Outcome(result, changes)


def neighbours(project: Project, place: Place) -> list[dict[str, str]]:
    """The blocks that earlier runs put at the same target: the new one comes before them."""
    found = []
    for entry in ledger.load(project.root).entries:
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
    return {
        "target": place.target,
        "placement": request.placement,
        "attribute": place.attribute,
        "strategy": place.strategy,
        "channels": channels,
        "readers": sorted({reader for spot in place.spots for reader in spot.layer["readers"]}),
    }


def warnings_of(
    project: Project,
    request: AddRequest,
    session: Session,
    plan: Plan,
    without: StitchError | None,
) -> list[dict[str, str]]:
    """What the author has to know: each with a code, a place, and what to do."""
    found: list[dict[str, str]] = []
    bench = plan.bench
    if without is not None:
        message = f"not proven, since {without.message}"
        found.append({"code": "not-proven", "message": message, "hint": without.hint or ""})
    elif not request.prove and bench.edits:
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
    for place in plan.places:
        found += neighbours(project, place)
    if session.left_out:
        first, last = session.left_out[0][0], session.left_out[-1][1]
        path = session.syntax.document.path
        text = f"only definitions were run; lines {first} to {last} hold statements that were not"
        found.append({"code": "left-out", "where": f"{path}:{first}", "message": text})
    if plan.bench.edits:
        found += advice.for_project(project.root, session.file)
    return found
