"""From the targets of `fuse` to a plan: one place, at which the other targets' outputs are read. Floor 5."""

from __future__ import annotations

import ast
from dataclasses import replace

from stitchgen import observed
from stitchgen.already import constructions, names_before
from stitchgen.counts import feature_at
from stitchgen.errors import StitchError, unsupported
from stitchgen.features import find_feature, later
from stitchgen.joining import reduce_options
from stitchgen.methods import LINEAR, Method, Widths
from stitchgen.observe import Observer
from stitchgen.observed import Spot, Survey
from stitchgen.places import Feature, Place, find_places
from stitchgen.plan import Plan, Task
from stitchgen.planning import name_counts, settle
from stitchgen.request import FuseRequest
from stitchgen.resolve import resolve
from stitchgen.workbench import Workbench
from stitchgen.writing import write_calls, write_definition


def make_fusion(task: Task, survey: Survey, observer: Observer | None, late: bool = False) -> Plan:
    """Decide where and how the outputs are fused; the edits are on a workbench of the plan's own."""
    request = task.request
    assert isinstance(request, FuseRequest)
    plan = Plan(Workbench(task.project.root))
    position = request.targets.index(request.place)
    resolved = [resolve(task.session, one, survey, plan.bench) for one in task.session.located]
    place = only_place(plan, request, survey, task, position)
    plan.places.append(place)
    taken: set[str] = set()
    for number, other in enumerate(resolved):
        if number != position:
            feature = find_feature(plan.bench, request, survey, place, other, taken)
            taken.add(feature.source.name)
            place.features.append(feature)
            place.anchor = later(place.anchor, feature.anchor)
    require_first(plan.bench, request, place)
    place.method = fusion_of(request, place, position)
    settle(task, plan, place, late)
    [named] = name_counts(task, plan, survey, observer)
    sources = {feature.source.name: named[feature.source.name] for feature in place.features}
    widths = Widths(value=named["value"], sources=sources)
    write_definition(plan.bench, task.project, request, place, None, widths)
    write_calls(plan.bench, task.project, plan.fresh)
    return plan


def only_place(
    plan: Plan, request: FuseRequest, survey: Survey, task: Task, position: int
) -> Place:
    """The place at which the features are fused: at the one call of its layer."""
    resolved = resolve(task.session, task.session.located[position], survey, plan.bench)
    found = find_places(plan.bench, request, "fuse", survey, resolved)
    if len(found) != 1:
        raise unsupported(
            f"{found[0].target} means {len(found)} calls; features are fused at one",
            observed.first_place(found[0].spots[0].layer),
            "Name one call: @1.",
        )
    return found[0]


def require_first(bench: Workbench, request: FuseRequest, place: Place) -> None:
    """Refuse where the layer has a fusion already, unless it is to be a second one."""
    for name in names_before(place):
        for where, call in constructions(bench, place, f"{place.definition_owner}.{name}"):
            if request.name is None:
                raise StitchError(
                    "already-there",
                    f"{where} has self.{name} = {ast.unparse(call)} at {place.target} already",
                    where=where,
                    hint=f"Edit those lines, or pass --name {place.attribute} for a second fusion.",
                )


def fusion_of(request: FuseRequest, place: Place, position: int) -> Method:
    """The method: which features have to be resized and projected."""
    layout = feature_at(request, place)["layout"]
    place.features = [fitted(request, place, feature, layout) for feature in place.features]
    options = reduce_options(request)
    return Method(
        attribute=place.attribute,
        layout=layout,
        fuse=request.fuse,
        reduce=request.reduce or "conv",
        norm=options["norm"],
        activation=options["activation"],
        gate=request.gate,
        sources=tuple(feature.source for feature in place.features),
        features=True,
        # A reduction that starts as identity does so on the first of what it reads.
        position=0 if request.gate and request.fuse == "concat" else position,
    )


def fitted(request: FuseRequest, place: Place, feature: Feature, layout: str) -> Feature:
    """How another layer's output is brought to the size and channels of the place's."""
    where = observed.first_place(feature.spots[0].layer)
    resize, project = False, False
    for own, other in zip(place.spots, feature.spots):
        mine, theirs = own.feature("after", place.call), other.feature("after", feature.call)
        if theirs["layout"] != layout:
            raise StitchError(
                "layout-mismatch",
                f"{place.target} gives {layout}, {feature.target} "
                f"{theirs['layout'] or 'axes that cannot be told apart'}",
                where=where,
                hint="Fuse layers of one layout.",
            )
        resize |= sizes(own, layout) != sizes(other, layout)
        project |= request.fuse != "concat" and mine["channels"] != theirs["channels"]
    if resize and layout in ("NLC", "LNC", "NC"):
        raise StitchError(
            "layout-mismatch",
            f"{feature.target} and {place.target} are sequences of different lengths, which have no "
            "grid to be resized on",
            where=where,
            hint="Fuse layers of one resolution, or read the other one by --with: cross-attention.",
        )
    dims = max(1, len(layout) - 2)
    mode = {"bilinear": LINEAR[dims]}.get(request.resize, request.resize) if resize else None
    return replace(feature, source=replace(feature.source, resize=mode, project=project))


def sizes(spot: Spot, layout: str) -> list[int]:
    """The spatial sizes of what a layer gave."""
    shape = spot.layer["output"]["shape"]
    return [size for size, axis in zip(shape, layout) if axis not in "NC"]
