"""From a task and a survey to the plan of `add`: every point decided, every edit made in memory."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from stitchgen.analysis.steps import free_name
from stitchgen.catalog.own_class import is_own
from stitchgen.errors import StitchError, unsupported
from stitchgen.planning import block_file, inside
from stitchgen.planning.block_lists import find_lists
from stitchgen.planning.channel_expressions import (
    Count,
    as_number,
    channel_expressions,
    channels_read,
    given,
)
from stitchgen.planning.container_loops import find_loops, in_one_loop
from stitchgen.planning.definitions import defined_after, initialising_loop, names_of_elements
from stitchgen.planning.emit import Construction, import_modules, write_calls, write_definitions
from stitchgen.planning.existing import replaced_already, stands_already
from stitchgen.planning.features import for_reader, reading
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
from stitchgen.planning.plan import Plan, Planning, Warning
from stitchgen.planning.point import InsertionPoint, NamedChannels
from stitchgen.planning.points import find_points
from stitchgen.rewrite.constructor import creation
from stitchgen.targets.resolve import Resolved, resolve
from stitchgen.targets.select import select


def make_plan(planning: Planning) -> Plan:
    """Decide every target; the edits are in the planning's workspace."""
    points, passed_over = points_of_targets(planning)
    if planning.request.inside:
        return made_inside(planning, points)
    check_names(planning, points)
    if planning.request.placement.replaces:
        points = [initialised(planning, point) for point in points]
        named = named_replacements(planning, points)
        drafts = drafted(planning, [Replacing(planning, *one) for one in named])
        points = written(planning, drafts)
    else:
        fitted = [fitted_point(planning, point) for point in points]
        named = named_points(planning, [point for point, _ in fitted])
        drafts = drafted(
            planning,
            [
                Splicing(planning, point, fit, names)
                for (point, names), (_, fit) in zip(named, fitted)
            ],
        )
        points = written(planning, drafts)
        calls = iter(write_calls(planning, [point for point in points if not point.naming.present]))
        points = [point if point.naming.present else next(calls) for point in points]
    return Plan(
        planning.workspace,
        tuple(points),
        frozenset().union(*(one.uses for one in drafts)),
        passed_over,
        tuple(note for one in drafts for note in one.notes),
        frozenset(point.target for point in points if planning.is_further(point)),
    )


def made_inside(planning: Planning, points: Sequence[InsertionPoint]) -> Plan:
    """The plan of a block that becomes an element of the Sequential which its layer is in."""
    point = inside.only_point(planning, points)
    place = inside.place_of(planning, point)
    point, fit = fitted_point(planning, inside.defined_at(planning, point, place))
    loop = initialising_loop(planning.workspace, point.definition.point)
    point = inside.defined_at(planning, point, place)
    point = point.with_definition(initialised_at=loop.lineno if loop is not None else None)
    inside.check_alone(point)
    [(point, names)] = named_points(planning, [point])
    container = f"self.{point.calls.below[0].name}"
    if container in names.get("fed", ""):
        point, names = without(point, names, container)
    # It is run by the Sequential: no call is written, and none has to be accounted for.
    point = replace(point, calls=replace(point.calls, sites=()))
    draft = Splicing(planning, point, fit, names).draft(point)
    point = draft.point
    before = planning.request.placement.value == "input"
    if not point.naming.present and inside.stands_there(place, draft.construction, before=before):
        point = point.with_naming(present=True, strategy="inside")
    if not point.naming.present:
        taken = names_of_elements(planning.workspace, point.target)
        point = point.with_naming(attribute=free_name(point.attribute, set(taken)))
        point = inside.write(planning, point, place, draft.construction)
    return Plan(planning.workspace, (point,), draft.uses, (), draft.notes)


# Calls and definitions ----------------------------------------------------------------------------


def points_of_targets(planning: Planning) -> tuple[list[InsertionPoint], tuple[str, ...]]:
    """The points of all targets, and the layers that `--every` passed over, being called nowhere."""
    points: list[InsertionPoint] = []
    passed_over: list[str] = []
    for located in planning.task.model.located:
        selected = select(planning.surveyed, planning.request, located)
        passed_over += selected.never_called
        for resolved in selected.targets:
            points += points_at(planning, resolved)
    return points, tuple(passed_over)


def points_at(planning: Planning, resolved: Resolved) -> list[InsertionPoint]:
    """The points of one target; a refusal of one of many says how to take all calls, or fewer."""
    request = planning.request
    try:
        return find_points(planning, planning.block.name, resolved)
    except StitchError as error:
        if request.every is not None and error.code == "many-calls":
            every = resolved.located.target.text
            error.hint = f"A block at each call of every layer: --{request.placement} '{every}@all'"
            error.suggestions = [f"{every}@all"]
        raise


def check_names(planning: Planning, points: Sequence[InsertionPoint]) -> None:
    """Refuse two blocks that would get one attribute: `--name`, or `a_b.c` and `a.b_c`."""
    taken: dict[tuple[str, ...], InsertionPoint] = {}
    for point in points:
        there = point.definition.point
        key = there.file, there.function, point.definition_owner, point.attribute
        other = taken.setdefault(key, point)
        if other is not point:
            where = f"{planning.workspace.relative(there.file)}:{there.line}"
            raise StitchError(
                "bad-argument",
                f"{point.attribute} would be the block of {other.target} and of {point.target}",
                where=where,
                hint="Run the command once for each of them, or leave out --name.",
            )


def initialised(planning: Planning, point: InsertionPoint) -> InsertionPoint:
    """The point with its definition behind the model's initialisation of its modules, if need be."""
    request, block = planning.request, planning.task.block
    starts = request.gate or (block is not None and block.identity)
    loop = initialising_loop(planning.workspace, point.definition.point, parameters=request.gate)
    if loop is not None and (planning.late or starts):
        # Its starting values are what makes the block an identity: nothing may overwrite them.
        return defined_after(planning.workspace, point, loop)
    if loop is not None and not request.placement.replaces:
        return point.with_definition(initialised_at=loop.lineno)
    return point


# Joins --------------------------------------------------------------------------------------------


def fitted_point(planning: Planning, point: InsertionPoint) -> tuple[InsertionPoint, Fit]:
    """How the block fits and is joined; refused, if at all, before the model is built again."""
    point = with_other_layers(planning, point)
    point, fit = fit_of(planning, point)
    point = point.with_join(method=method_of(planning, point, fit))
    return initialised(planning, point), fit


def with_other_layers(planning: Planning, point: InsertionPoint) -> InsertionPoint:
    """The point with the other layers that it reads, or at whose call it stands."""
    model = planning.task.model
    if (model.with_ or model.into) and (point.calls.hooked or not point.calls.sites):
        raise unsupported(
            f"{point.target} is run by a forward hook, which sees no other layer",
            point.calls.where,
            "Leave out --attach, and name a layer that your own code calls.",
        )
    if model.into is not None:
        point = for_reader(planning, point, resolve(planning.surveyed, model.into))
    taken: set[str] = set()
    for located in model.with_:
        point = reading(planning, point, resolve(planning.surveyed, located), taken)
    return point


# Channels -----------------------------------------------------------------------------------------


def named_points(
    planning: Planning, points: Sequence[InsertionPoint]
) -> list[tuple[InsertionPoint, dict[str, str]]]:
    """Each point with its channels, and the expressions of its counts by what they are to it."""
    known: list[dict[str, NamedChannels]] = [{} for _ in points]
    asked: list[tuple[int, str, Count]] = []
    for number, point in enumerate(points):
        wanted = counts_of(planning, point)
        for role, count in wanted.items():
            channels = known_channels(planning, point, role, count, alone=[*wanted] == ["fed"])
            if channels is None:
                asked.append((number, role, count))
            else:
                known[number][role] = channels
    found = channel_expressions(planning, [count for _, _, count in asked])
    for (number, role, _), channels in zip(asked, found):
        known[number][role] = channels
    return [
        (
            point.with_naming(channels=channels_of(roles)),
            {role: channels.expression or "" for role, channels in roles.items()},
        )
        for point, roles in zip(points, known)
    ]


def named_replacements(
    planning: Planning, points: Sequence[InsertionPoint]
) -> list[tuple[InsertionPoint, dict[str, str]]]:
    """Each point with the expressions of its counts, where the block does not take over the layer's
    own arguments: what replaces a layer of any class has to give what that gave."""
    block = planning.block
    others = [
        number
        for number, point in enumerate(points)
        if not block_file.takes_arguments_of(block, point)
        and not block_file.stands_in(block, point)
    ]
    for number in others:
        block_file.check_same_shapes(block, points[number])
    named = dict(zip(others, named_points(planning, [points[number] for number in others])))
    return [
        (beside_its_layer(*named[number]) if number in named else (point, {}))
        for number, point in enumerate(points)
    ]


def beside_its_layer(
    point: InsertionPoint, names: dict[str, str]
) -> tuple[InsertionPoint, dict[str, str]]:
    """The expressions that do not read the layer itself, where there are such: it will be gone."""
    return without(point, names, f"{point.layer_text}.")


def without(
    point: InsertionPoint, names: dict[str, str], own: str
) -> tuple[InsertionPoint, dict[str, str]]:
    """The expressions that do not read what is not there yet, where there are such."""
    channels = point.naming.channels
    text = next((text for text in channels.kept or () if own not in text), None)
    if text is None:
        return point, names
    return point.with_naming(channels=replace(channels, expression=text)), {**names, "fed": text}


def known_channels(
    planning: Planning, point: InsertionPoint, role: str, count: Count, *, alone: bool
) -> NamedChannels | None:
    """A count that needs no expression to be found; None where the backend has to be asked.

    `alone`: it is the only count of its point.
    """
    request, block, runs = planning.request, planning.task.block, planning.backend.runs
    # Where the block is not made for a number of channels, that only goes into the report.
    only_reported = block is not None and not block.channel_parameters and alone
    if not only_reported:
        check_same_at_all_calls(count)
    if role == "fed" and request.channels is not None:
        return given(planning, point)
    if point.calls.variable is not None or (only_reported and runs):
        # A script makes its model for one configuration.
        return as_number(count)
    if runs:
        return None
    if role == "fed":
        return channels_read(planning, point)
    raise StitchError(
        "channels-unknown",
        f"the source alone does not tell the channels of {count.name} well enough",
        hint="Let the model run: leave out --no-prove.",
    )


def channels_of(roles: Mapping[str, NamedChannels]) -> NamedChannels:
    """What the report tells of a point: the channels of what is fed to the block, else the first."""
    return roles.get("fed") or next(iter(roles.values()))


# Drafts -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Draft:
    """What is to be constructed at a point."""

    point: InsertionPoint
    construction: str
    widths: Widths
    uses: frozenset[str] = frozenset()  # block files
    notes: tuple[Warning, ...] = ()


class Drafting(Protocol):
    """Makes the draft of one point, with or without a loop around its definition."""

    @property
    def point(self) -> InsertionPoint: ...

    def draft(self, point: InsertionPoint) -> Draft: ...


@dataclass(frozen=True)
class Splicing:
    """A block beside its layer, from which the draft of its construction is made."""

    planning: Planning
    point: InsertionPoint
    fit: Fit
    names: Mapping[str, str]  # the expressions of its counts

    def draft(self, point: InsertionPoint) -> Draft:
        """The block at the point, by itself or in a loop; its file and its import are planned."""
        planning, block = self.planning, self.planning.block
        names = dict(self.names)
        if point.definition.loop is not None and "fed" in names:
            names["fed"] = point.naming.channels.expression or ""
        facts = facts_of(block, point, self.fit, names)
        arguments = block_file.arguments(block, facts, planning.task.settings)
        import_modules(planning, point)
        placed = block_file.plan_block(planning, self.fit.dims, Path(point.file))
        construction = f"{placed.class_name}({', '.join(arguments)}){point.calls.moved}"
        present = stands_already(planning, point, placed.class_name, construction)
        if present is not None:
            point = named_as(point, present)
        root = f"{planning.project.root}{os.sep}"
        return Draft(
            point.with_naming(
                made_of=block.class_for(self.fit.dims),
                layout="" if block.elementwise else self.fit.layout,
            ),
            construction,
            widths_of(block, point, self.fit, names),
            uses_of(planning, placed),
            tuple(
                {key: text.replace(root, "") for key, text in note.items()}
                for note in (*self.fit.notes, *placed.notes)
                if present is None
            ),
        )


def named_as(point: InsertionPoint, present: str) -> InsertionPoint:
    """The point with the name of the block, or of the list of blocks, that is there already."""
    loop = point.definition.loop
    if loop is not None and loop.blocks is not None:
        present = f"{present}.{point.attribute.rpartition('.')[2]}"
    return point.with_naming(attribute=present, present=True)


@dataclass(frozen=True)
class Replacing:
    """A block that is assigned to its layer's own place."""

    planning: Planning
    point: InsertionPoint
    names: Mapping[str, str]  # the expressions of its counts; none where the layer's own serve

    def draft(self, point: InsertionPoint) -> Draft:
        """The block at the point, by itself or in a loop; its file and its import are planned."""
        planning, block = self.planning, self.planning.block
        settings = planning.task.settings
        if block_file.stands_in(block, point):
            if replaced_already(planning.workspace, point, settings):
                return Draft(point.with_naming(present=True), "", Widths(""))
        if self.names:
            facts = facts_of(block, point, Fit(0), self.names)
            arguments = block_file.arguments(block, facts, settings)
        else:
            syntax = planning.workspace.syntax(point.file)
            made_by = creation(syntax, point.definition.creating, point.calls.below)
            arguments = block_file.replacement_arguments(block, point, settings, made_by)
        _, fit = fit_of(planning, point)
        placed = block_file.plan_block(planning, fit.dims, Path(point.file))
        construction = f"{placed.class_name}({', '.join(arguments)})"
        point = point.with_naming(made_of=block.class_for(fit.dims))
        uses = uses_of(planning, placed)
        return Draft(point, construction, Widths(""), uses, placed.notes)


def uses_of(planning: Planning, placed: block_file.Placed) -> frozenset[str]:
    if is_own(planning.request.block):
        return frozenset()
    return frozenset({planning.workspace.relative(placed.file)})


def drafted(planning: Planning, makers: Sequence[Drafting]) -> list[Draft]:
    """The drafts of all points, those of a whole container in one loop where they are alike."""
    points = [maker.point for maker in makers]
    looped: dict[int, InsertionPoint] = {}
    groups: list[tuple[int, ...]] = []
    loops = {**find_loops(planning, points), **find_lists(planning, points)}
    for numbers, loop in loops.items():
        group = in_one_loop([points[number] for number in numbers], loop)
        if group is not None:
            looped |= dict(zip(numbers, group))
            groups.append(numbers)
    drafts = [maker.draft(looped.get(number, maker.point)) for number, maker in enumerate(makers)]
    for numbers in groups:
        mine = [drafts[number] for number in numbers]
        if len({(one.construction, one.point.naming.present) for one in mine}) > 1:
            for number in numbers:
                drafts[number] = makers[number].draft(points[number])
                del looped[number]
    return [
        draft
        for number, draft in enumerate(drafts)
        if number in looped or not planning.is_further(draft.point)
    ]


def written(planning: Planning, drafts: Sequence[Draft]) -> list[InsertionPoint]:
    """Define the blocks that are not there yet; the points as they are then."""
    write_definitions(
        planning,
        [
            Construction(one.point, one.construction, one.widths)
            for one in drafts
            if not one.point.naming.present
        ],
    )
    return [one.point for one in drafts]
