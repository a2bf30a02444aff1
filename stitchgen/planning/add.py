"""From a task and a survey to the plan: every place decided, every edit made in memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from stitchgen.analysis.runtime_backend import Observer
from stitchgen.analysis.survey import Survey, first_place
from stitchgen.catalog.own_class import is_own
from stitchgen.errors import StitchError, unsupported
from stitchgen.planning import block_file
from stitchgen.planning.channel_expressions import (
    as_number,
    channel_expressions,
    channels_read,
    given,
)
from stitchgen.planning.container_loops import agree, find_loops, release
from stitchgen.planning.definitions import define_after, initialising_loop
from stitchgen.planning.emit import Definition, import_modules, write_calls, write_definitions
from stitchgen.planning.existing import replaced_already, stands_already
from stitchgen.planning.features import find_feature, find_reader, later
from stitchgen.planning.fit import (
    Fit,
    check_same_at_all_calls,
    counts_of,
    facts_of,
    fit_of,
    method_of,
    widths_of,
)
from stitchgen.planning.joins import Widths
from stitchgen.planning.plan import Plan, Task
from stitchgen.planning.point import Place
from stitchgen.planning.points import find_places
from stitchgen.project.workspace import Workbench
from stitchgen.targets.request import AddRequest
from stitchgen.targets.resolve import Resolved, resolve
from stitchgen.targets.select import select


def make_plan(task: Task, survey: Survey, observer: Observer | None, late: bool = False) -> Plan:
    """Decide every target; the plan's edits are on a workbench of its own.

    With `late`, blocks are defined below the model's own initialisation of all its modules.
    """
    plan, request = Plan(Workbench(task.project.root, survey.modules)), task.request
    assert task.block is not None
    for located in task.session.located:
        selected = select(task.session, request, located, survey, plan.bench)
        plan.passed_over += selected.never_called
        for resolved in selected.targets:
            plan.places += places_at(plan, request, task.block.name, survey, resolved)
    check_names(plan)
    if request.placement == "replace":
        for place in plan.places:
            settle(task, plan, place, late)
        write_drafts(
            task, plan, survey, [partial(replacement_at, task, plan, one) for one in plan.places]
        )
        return plan
    fits = []
    for place in plan.places:
        find_others(task, plan, survey, place)
        fits.append(decide(task, place))
        settle(task, plan, place, late)
    named = name_counts(task, plan, survey, observer)
    write_drafts(
        task,
        plan,
        survey,
        [
            partial(block_at, task, plan, place, fit, names)
            for place, fit, names in zip(plan.places, fits, named)
        ],
    )
    write_calls(plan.bench, task.project, plan.fresh)
    return plan


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


def check_names(plan: Plan) -> None:
    """Refuse two blocks that would get one attribute: `--name`, or `a_b.c` and `a.b_c`."""
    taken: dict[tuple[str, str, str, str], Place] = {}
    for place in plan.places:
        file, function = place.anchor.file, place.anchor.function
        key = file, function, place.definition_owner, place.attribute
        other = taken.setdefault(key, place)
        if other is not place:
            where = f"{plan.bench.relative(file)}:{place.anchor.line}"
            raise StitchError(
                "bad-argument",
                f"{place.attribute} would be the block of {other.target} and of {place.target}",
                where=where,
                hint="Run the command once for each of them, or leave out --name.",
            )


def find_others(task: Task, plan: Plan, survey: Survey, place: Place) -> None:
    """The other layers that a place reads or whose call it stands at."""
    request, session = task.request, task.session
    if (session.with_ or session.into) and (place.hooked or not place.sites):
        raise unsupported(
            f"{place.target} is run by a forward hook, which sees no other layer",
            first_place(place.spots[0].layer),
            "Leave out --attach, and name a layer that your own code calls.",
        )
    if session.into is not None:
        resolved = resolve(session, session.into, survey, plan.bench)
        find_reader(plan.bench, request, survey, place, resolved)
    taken: set[str] = set()
    for located in session.with_:
        resolved = resolve(session, located, survey, plan.bench)
        feature = find_feature(plan.bench, request, survey, place, resolved, taken)
        taken.add(feature.source.name)
        place.features.append(feature)
        place.anchor = later(place.anchor, feature.anchor)


def decide(task: Task, place: Place) -> Fit:
    """How the block fits and is joined; refused, if at all, before the model is built again."""
    assert task.block is not None
    fit = fit_of(task.request, task.block, place)
    place.method = method_of(task.request, task.block, place, fit)
    return fit


def settle(task: Task, plan: Plan, place: Place, late: bool) -> None:
    """Move the definition behind the model's initialisation of its modules, if need be."""
    request = task.request
    starts = request.gate or (task.block is not None and task.block.identity)
    loop = initialising_loop(plan.bench, place.anchor, parameters=request.gate)
    if loop is not None and (late or starts):
        # Its starting values are what makes the block an identity: nothing may overwrite them.
        define_after(plan.bench, place, loop)
    elif loop is not None and request.placement != "replace":
        plan.initialised.append((place, loop.lineno))


def name_counts(
    task: Task, plan: Plan, survey: Survey, observer: Observer | None
) -> list[dict[str, str]]:
    """For each place the expressions of its counts, by what they are to it."""
    request, block = task.request, task.block
    named: list[dict[str, str]] = [{} for _ in plan.places]
    asked = []
    for number, place in enumerate(plan.places):
        wanted = counts_of(place, request)
        told = block is not None and not block.channel_parameters and list(wanted) == ["fed"]
        for role, count in wanted.items():
            if not told:
                check_same_at_all_calls(count)
            if role == "fed" and request.channels is not None:
                place.channels = given(request, place)
            elif place.variable is not None or (told and observer is not None):
                # A script makes its model for one configuration, and what is only told needs no name.
                place.channels = as_number(count)
            elif role == "fed" and observer is None:
                place.channels = channels_read(request, place)
            elif observer is None:
                raise StitchError(
                    "channels-unknown",
                    f"the source alone does not tell the channels of {count.name} well enough",
                    hint="Let the model run: leave out --no-prove.",
                )
            else:
                asked.append((number, role, count))
                continue
            named[number][role] = place.channels["expression"] or ""
    if observer is not None:
        counts = [count for _, _, count in asked]
        found = channel_expressions(plan.bench, survey, observer, task.session, counts)
        for (number, role, count), channels in zip(asked, found):
            named[number][role] = channels["expression"]
            if role == "fed" or not count.place.channels:
                count.place.channels = channels
    return named


@dataclass(frozen=True)
class Draft:
    """What is to be constructed at a place."""

    construction: str
    widths: Widths
    present: str | None  # the attribute (or place) where this very block stands already


def write_drafts(
    task: Task, plan: Plan, survey: Survey, draft: Sequence[Callable[[], Draft]]
) -> None:
    """Define the blocks of all places, those of a whole container by one loop.

    `draft` makes that of each place anew, with or without the loop.
    """
    bench, request, places = plan.bench, task.request, plan.places
    loops = find_loops(bench, survey, places, request.placement == "replace")
    for group in loops:
        if not agree(group):
            release(group)
    drafts = [make() for make in draft]
    by_place = {id(place): one for place, one in zip(places, drafts)}
    for group in loops:
        mine = [by_place[id(place)] for place in group]
        if group[0].each and len({(one.construction, one.present is None) for one in mine}) > 1:
            release(group)
            for number, place in enumerate(places):
                if any(place is other for other in group):
                    drafts[number] = draft[number]()  # without the loop
    fresh = []
    for place, one in zip(places, drafts):
        if one.present is not None:
            place.attribute = one.present
            plan.already.append(place)
        else:
            fresh.append(Definition(place, one.construction, one.widths))
    write_definitions(bench, task.project, request, fresh)


def block_at(task: Task, plan: Plan, place: Place, fit: Fit, named: Mapping[str, str]) -> Draft:
    """The block at one place; its file and its import are planned."""
    bench, request, block = plan.bench, task.request, task.block
    assert block is not None
    if place.each is not None and "fed" in named:
        named = {**named, "fed": place.channels["expression"] or ""}
    arguments = block_file.arguments(block, facts_of(block, place, fit, named), task.settings)
    import_modules(bench, place)
    placed = block_file.place(bench, task.project, block, fit.dims, Path(place.anchor.file))
    if not is_own(request.block):
        plan.uses.add(bench.relative(placed.file))
    construction = f"{placed.class_name}({', '.join(arguments)}){place.moved}"
    present = stands_already(bench, request, place, placed.class_name, construction)
    root = f"{task.project.root}{os.sep}"
    for note in fit.notes if present is None else ():
        plan.notes.append({key: text.replace(root, "") for key, text in note.items()})
    return Draft(construction, widths_of(block, place, fit, named), present)


def replacement_at(task: Task, plan: Plan, place: Place) -> Draft:
    """The block that is assigned to a layer's own place."""
    bench, block = plan.bench, task.block
    assert block is not None
    place.channels = {"expression": None, "value": None, "evidence": "observed"}
    if block_file.stands_in(block, place) and replaced_already(bench, place, task.settings):
        return Draft("", Widths(""), place.attribute)
    arguments = block_file.replacement_arguments(block, place, task.settings)
    dims = fit_of(task.request, block, place).dims
    placed = block_file.place(bench, task.project, block, dims, Path(place.anchor.file))
    if not is_own(task.request.block):
        plan.uses.add(bench.relative(placed.file))
    return Draft(f"{placed.class_name}({', '.join(arguments)})", Widths(""), None)
