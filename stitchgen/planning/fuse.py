"""From the targets of `fuse` to a plan: one point, at which the other targets' outputs are read."""

from __future__ import annotations

from dataclasses import replace

from stitchgen.errors import StitchError
from stitchgen.planning.add import initialised, named_points
from stitchgen.planning.channel_expressions import feature_at
from stitchgen.planning.emit import Construction, write_calls, write_definitions
from stitchgen.planning.features import reading
from stitchgen.planning.fit import reduce_options, sizes
from stitchgen.planning.joins import LINEAR, Method, Widths
from stitchgen.planning.plan import Plan, Planning
from stitchgen.planning.point import InsertionPoint, OtherLayer
from stitchgen.planning.pyramid import make_pyramid, only_point, require_first
from stitchgen.targets.request import FuseRequest
from stitchgen.targets.resolve import resolve


def make_fusion(planning: Planning) -> Plan:
    """Decide where and how the outputs are fused; the edits are in the planning's workspace."""
    request = planning.request
    assert isinstance(request, FuseRequest)
    if planning.task.block is not None:
        return make_pyramid(planning, request)
    position = request.targets.index(request.fused_at)
    resolved = [resolve(planning.surveyed, one) for one in planning.task.model.located]
    point = only_point(planning, request, position)
    taken: set[str] = set()
    for number, other in enumerate(resolved):
        if number != position:
            point = reading(planning, point, other, taken)
    require_first(planning, point)
    point = fused(planning, request, point, position)
    point = initialised(planning, point)
    [(point, named)] = named_points(planning, [point])
    sources = {other.source.name: named[other.source.name] for other in point.join.others}
    widths = Widths(value=named["value"], sources=sources)
    write_definitions(planning, [Construction(point, None, widths)])
    return Plan(planning.workspace, tuple(write_calls(planning, [point])))


def fused(
    planning: Planning, request: FuseRequest, point: InsertionPoint, position: int
) -> InsertionPoint:
    """The point with its method: which features have to be resized and projected."""
    feature = feature_at(planning, point)
    layout = feature.layout or ""
    others = tuple(fitted(request, point, other, layout) for other in point.join.others)
    options = reduce_options(request)
    reduces = request.fuse is not None and request.fuse.reduces
    method = Method(
        attribute=point.attribute,
        layout=layout,
        memory=feature.memory,
        fuse=request.fuse,
        reduce=request.reduce or "conv",
        norm=options["norm"],
        activation=options["activation"],
        gate=request.gate,
        sources=tuple(other.source for other in others),
        features=True,
        # A reduction that starts as identity does so on the first of what it reads.
        position=0 if request.gate and reduces else position,
    )
    return point.with_join(method=method, others=others)


def fitted(
    request: FuseRequest, point: InsertionPoint, other: OtherLayer, layout: str
) -> OtherLayer:
    """How another layer's output is brought to the size and channels of the point's."""
    where = other.instances[0].facts.where
    reduces = request.fuse is not None and request.fuse.reduces
    resize, project = False, False
    for own, one in zip(point.calls.instances, other.instances):
        mine = own.feature("output", point.calls.number)
        theirs = one.feature("output", other.number)
        if theirs.layout != layout:
            raise StitchError(
                "layout-mismatch",
                f"{point.target} gives {layout}, {other.target} "
                f"{theirs.layout or 'axes that cannot be determined'}",
                where=where,
                hint="Fuse layers of one layout.",
            )
        resize |= sizes(own, "output", mine) != sizes(one, "output", theirs)
        project |= not reduces and mine.channels != theirs.channels
    if resize and layout in ("NLC", "LNC", "NC"):
        raise StitchError(
            "layout-mismatch",
            f"{other.target} and {point.target} are sequences of different lengths, which have no "
            "grid to be resized on",
            where=where,
            hint="Fuse layers of one resolution, or read the other one by --with: cross-attention.",
        )
    dims = max(1, len(layout) - 2)
    mode = {"bilinear": LINEAR[dims]}.get(request.resize, request.resize) if resize else None
    return replace(other, source=replace(other.source, resize=mode, project=project))
