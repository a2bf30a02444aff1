"""From the targets of `fuse` to a plan: one place, at which the other targets' outputs are read."""

from __future__ import annotations

from dataclasses import replace

from stitchgen.analysis.runtime_backend import Observer
from stitchgen.analysis.survey import Survey, first_place
from stitchgen.errors import StitchError
from stitchgen.planning.add import name_counts, settle
from stitchgen.planning.channel_expressions import feature_at
from stitchgen.planning.emit import Definition, write_calls, write_definitions
from stitchgen.planning.features import find_feature, later
from stitchgen.planning.fit import reduce_options
from stitchgen.planning.joins import LINEAR, Method, Widths
from stitchgen.planning.plan import Plan, Task
from stitchgen.planning.point import Feature, Place
from stitchgen.planning.pyramid import make_pyramid, only_place, require_first, sizes
from stitchgen.project.workspace import Workbench
from stitchgen.targets.request import FuseRequest
from stitchgen.targets.resolve import resolve


def make_fusion(task: Task, survey: Survey, observer: Observer | None, late: bool = False) -> Plan:
    """Decide where and how the outputs are fused; the edits are on a workbench of the plan's own."""
    request = task.request
    assert isinstance(request, FuseRequest)
    plan = Plan(Workbench(task.project.root, survey.modules))
    if task.block is not None:
        return make_pyramid(task, survey, observer, late)
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
    write_definitions(plan.bench, task.project, request, [Definition(place, None, widths)])
    write_calls(plan.bench, task.project, plan.fresh)
    return plan


def fusion_of(request: FuseRequest, place: Place, position: int) -> Method:
    """The method: which features have to be resized and projected."""
    feature = feature_at(request, place)
    layout = feature["layout"]
    place.features = [fitted(request, place, feature, layout) for feature in place.features]
    options = reduce_options(request)
    return Method(
        attribute=place.attribute,
        layout=layout,
        memory=feature.get("memory", "contiguous"),
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
    where = first_place(feature.spots[0].layer)
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
