"""`stitchgen add`: from a target text to a proven plan. Floor 5.

resolve the target -> survey the configurations -> decide the places -> find the channel
expression -> plan the edits -> prove them -> hand over the changes, the ledger among them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stitchgen import blocks, catalog, files, observed
from stitchgen.again import done_already
from stitchgen.already import replaced_already, stands_already
from stitchgen.catalog import Block
from stitchgen.config import Project
from stitchgen.counts import channel_expressions, channels_read, count_at, feature_at, given
from stitchgen.errors import StitchError, shown_below
from stitchgen.methods import Method, Widths
from stitchgen.observe import Observer
from stitchgen.observed import Survey
from stitchgen.outcome import Outcome, outcome_of
from stitchgen.own_block import is_own, read_own
from stitchgen.places import Place, define_after, find_places, initialising_loop
from stitchgen.plan import Plan, Task
from stitchgen.proof import prove
from stitchgen.read_survey import read_survey
from stitchgen.request import AddRequest
from stitchgen.resolve import Resolved, check_given, no_builds, open_session, search_folders
from stitchgen.selections import select
from stitchgen.workbench import Workbench
from stitchgen.writing import write_calls, write_definition

#: Refusals that may be due to a configuration that the user did not name.
DUE_TO_OTHERS = {"configuration-dependent", "channels-unknown", "unsupported", "layout-ambiguous"}


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
    done = done_already(project, request, dry_run)
    if done is not None:
        return done
    block = find_block(project, request.block)
    settings = blocks.check_settings(block, request.settings)
    session = open_session(project, request, Workbench(project.root))
    task = Task(project, request, block, settings, session)
    if not request.prove:
        return outcome_of(task, by_reading(task), None, dry_run)
    try:
        with Observer(session.python, session.subject) as observer:
            plan, proof = by_observing(task, observer)
    except StitchError as error:
        if error.code != "no-torch":
            raise
        return outcome_of(task, by_reading(task, error), None, dry_run, without=error)
    return outcome_of(task, plan, proof, dry_run)


def find_block(project: Project, text: str) -> Block:
    """The block of a catalog, or the user's own class."""
    if is_own(text):
        return read_own(text, search_folders(project.root))
    return catalog.get(text, project.catalogs)


def by_observing(task: Task, observer: Observer) -> tuple[Plan, dict[str, Any] | None]:
    """The plan for all configurations of the file, else for those that the user named; its proof."""
    session = task.session
    if not session.builds:
        raise no_builds(session.syntax)
    given = session.given
    survey = Survey.of(
        observer.ask(
            "survey",
            builds=list(session.builds),
            inputs=list(session.inputs),
            brief=[text for text in session.builds if given and text not in given],
        )
    )
    check_given(session, survey)
    try:
        return proven_plan(task, survey, observer)
    except StitchError as error:
        named = survey.only(given)
        fewer = 0 < len(named.configurations) < len(survey.configurations)
        if error.code not in DUE_TO_OTHERS or not fewer:
            raise
    return proven_plan(task, named, observer)


def proven_plan(
    task: Task, survey: Survey, observer: Observer, late: bool = False
) -> tuple[Plan, dict[str, Any] | None]:
    """The plan for these configurations with its proof; None where there is nothing to prove."""
    plan = make_plan(task, survey, observer, late)
    try:
        return plan, prove(task, observer, plan) if plan.fresh else None
    except StitchError as error:
        # The model's loop over its modules may not be able to initialise the block.
        if late or not plan.initialised or error.details.get("law") != "builds":
            raise
    return proven_plan(task, survey, observer, late=True)


def by_reading(task: Task, without: StitchError | None = None) -> Plan:
    """The plan where the source alone is certain; `without` is why the model was not run."""
    if task.request.every is not None:
        raise StitchError(
            "unsupported",
            "--every needs the model to run: the source alone does not tell all layers of a class"
            + (f" ({without.message})" if without is not None else ""),
            hint=(without.hint if without is not None else None) or "Leave out --no-prove.",
        )
    survey = read_survey(task.session, Workbench(task.project.root))
    try:
        return make_plan(task, survey, None)
    except StitchError as error:
        if without is not None:
            error.hint = f"{error.hint or ''} {without.message}: {without.hint}".strip()
        raise


def make_plan(task: Task, survey: Survey, observer: Observer | None, late: bool = False) -> Plan:
    """Decide every target; the plan's edits are on a workbench of its own.

    With `late`, blocks are defined below the model's own initialisation of all its modules.
    """
    plan, request = Plan(Workbench(task.project.root)), task.request
    for located in task.session.located:
        selected = select(task.session, request, located, survey, plan.bench)
        plan.passed_over += selected.never_called
        for resolved in selected.targets:
            plan.places += places_at(plan, request, task.block.name, survey, resolved)
    for place in plan.places:
        if observer is None:
            place.channels = channels_read(request, place)
        settle(task, plan, place, late)
    if observer is not None and task.request.placement != "replace":
        find_channels(task, plan, survey, observer)
    for place in plan.places:
        write_at(task, plan, place)
    write_calls(plan.bench, task.project, plan.fresh)
    return plan


def find_channels(task: Task, plan: Plan, survey: Survey, observer: Observer) -> None:
    """Name the channels at all places, with the model's help where they are not given."""
    asked = []
    for place in plan.places:
        if task.request.channels is not None:
            place.channels = given(task.request, place)
        else:
            asked.append(count_at(place, task.request.placement))
    found = channel_expressions(plan.bench, survey, observer, task.session, asked)
    for count, channels in zip(asked, found):
        count.place.channels = channels


def places_at(
    plan: Plan, request: AddRequest, block: str, survey: Survey, resolved: Resolved
) -> list[Place]:
    """The places of one target; a refusal of one of many says how to take all calls, or fewer."""
    try:
        return find_places(plan.bench, request, block, survey, resolved)
    except StitchError as error:
        if request.every is not None and error.code == "many-calls":
            every = resolved.located.target.text
            error.hint = f"A block at each call of every layer: --{request.placement} '{every}@all'"
            error.suggestions = [f"{every}@all"]
        raise


def settle(task: Task, plan: Plan, place: Place, late: bool) -> None:
    """Decide the method, and move the definition behind the model's initialisation if need be."""
    place.method = Method(place.attribute, task.request.placement)
    loop = initialising_loop(plan.bench, place.anchor)
    if loop is not None and (late or task.block.identity):
        # Its starting values are what makes the block an identity: nothing may overwrite them.
        define_after(plan.bench, place, loop)
    elif loop is not None and task.request.placement != "replace":
        plan.initialised.append((place, loop.lineno))
    if task.request.placement != "replace":
        dims_at(task, place)  # refused, if at all, before the model is built for the channels


def dims_at(task: Task, place: Place) -> int:
    """For how many dimensions the block is rendered."""
    layout = feature_at(task.request, place)["layout"]
    where = observed.first_place(place.spots[0].layer)
    return blocks.dims_at(task.block, layout, place.target, where)


def write_at(task: Task, plan: Plan, place: Place) -> None:
    """Plan one place: the block's file and import, its definition, its calls."""
    bench, request, block = plan.bench, task.request, task.block
    if request.placement == "replace":
        place.channels = {"expression": None, "value": None, "evidence": "observed"}
        if blocks.stands_in(block, place) and replaced_already(bench, place, task.settings):
            plan.already.append(place)
            return
        arguments = blocks.replacement_arguments(block, place, task.settings)
    else:
        arguments = blocks.arguments(block, place.channels["expression"], task.settings)
    placed = blocks.place(bench, task.project, block, dims_at(task, place), Path(place.anchor.file))
    if not is_own(request.block):
        plan.uses.add(bench.relative(placed.file))
    construction = f"{placed.class_name}({', '.join(arguments)})"
    present = stands_already(bench, request, place, placed.class_name, construction)
    if present is not None:
        place.attribute = present
        plan.already.append(place)
        return
    write_definition(bench, task.project, request, place, construction, Widths(""))
