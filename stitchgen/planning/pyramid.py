"""`fuse --block fpn`: the variables of several features get the outputs of one block.

Right after the last target's call each feature is bound anew, so that whatever reads it from there on
reads the pyramid's output, projected back to the feature's own channels.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from stitchgen.errors import StitchError, unsupported
from stitchgen.planning import block_file
from stitchgen.planning.add import initialised, named_points
from stitchgen.planning.channel_expressions import feature_at
from stitchgen.planning.emit import Construction, import_modules, write_calls, write_definitions
from stitchgen.planning.existing import constructions, names_before
from stitchgen.planning.features import find_other, with_other
from stitchgen.planning.fit import reduce_options, spatial_sizes
from stitchgen.planning.joins import Method, Source, Widths
from stitchgen.planning.plan import Plan, Planning
from stitchgen.planning.point import InsertionPoint
from stitchgen.planning.points import find_points
from stitchgen.project.workspace import Workspace
from stitchgen.source.syntax import CallContext
from stitchgen.source.tree import nodes_in
from stitchgen.targets.request import FuseRequest
from stitchgen.targets.resolve import resolve


def make_pyramid(planning: Planning, request: FuseRequest) -> Plan:
    """Decide where the features are bound anew; the edits are in the planning's workspace."""
    block, workspace = planning.block, planning.workspace
    if not block.variadic:
        raise StitchError(
            "bad-argument",
            f"{block.name} does not take several features and give as many",
            hint="Blocks that do: fpn, pan.",
            suggestions=["--block fpn", "--block pan"],
        )
    *others, _ = [resolve(planning.surveyed, one) for one in planning.task.model.located]
    point = only_point(planning, request, len(others))
    require_first(planning, point)
    for resolved in others:
        other = find_other(planning, point, resolved, set())
        if other.sites:
            raise nobody_reads(workspace, point, other.target)
        source = replace(other.source, project=True)
        point = with_other(point, replace(other, source=source))
    layout = feature_at(planning, point).layout or ""
    own = Source(variable_of(workspace, point), point.calls.resolved.path, project=True)
    sources = tuple(other.source for other in point.join.others)
    require_read_later(workspace, point, [*sources, own])
    require_finest_first(point, layout)
    method = Method(
        attribute=point.attribute,
        layout=layout,
        gate=request.gate,
        sources=sources,
        pyramid=own,
    )
    point = point.with_join(method=method)
    reduce_options(request)
    point = initialised(planning, point)
    [(point, named)] = named_points(planning, [point])
    counts = {source.name: named[source.name] for source in sources}
    every = f"({', '.join([*counts.values(), named['fed']])})"
    settings = planning.task.settings
    arguments = block_file.arguments(block, {"in": every, "channels": every}, settings)
    dims = block_file.dims_at(block, layout, point.target, None)
    import_modules(planning, point)
    placed = block_file.plan_block(planning, dims, Path(point.file))
    construction = f"{placed.class_name}({', '.join(arguments)})"
    defaults = {parameter.name: parameter.default for parameter in block.parameters}
    out = settings.get("out_channels") or defaults["out_channels"] or ""
    widths = Widths(value=named["fed"], branch=out, sources=counts)
    write_definitions(planning, [Construction(point, construction, widths)])
    points = tuple(write_calls(planning, [point]))
    return Plan(workspace, points, frozenset({workspace.relative(placed.file)}), (), placed.notes)


def variable_of(workspace: Workspace, point: InsertionPoint) -> str:
    """The variable that has the last target's output."""
    site = point.calls.sites[0]
    context = workspace.syntax(site.file).context(site.span)
    if context is None or context.name is None or len(point.calls.sites) != 1:
        line = workspace.syntax(site.file).document.line_of(site.span[0])
        where = f"{workspace.relative(site.file)}:{line}"
        raise unsupported(
            f"the output of {point.target} has no variable of its own at {where}",
            where,
            "Write the call as a statement of its own: x = self.layer(x).",
        )
    return context.name


def require_read_later(
    workspace: Workspace, point: InsertionPoint, sources: Sequence[Source]
) -> None:
    """Refuse a feature that nobody reads behind the last target: it would get no gradient."""
    site = point.calls.sites[0]
    context = workspace.syntax(site.file).context(site.span)
    assert context is not None
    for source in sources:
        if not read_later(context, source.name):
            raise nobody_reads(workspace, point, source.path)


def read_later(context: CallContext, name: str) -> bool:
    """Whether the function reads the variable after the statement, before it is bound anew."""
    assert context.function is not None
    end = context.statement.end_lineno or 0
    uses = [
        node
        for node in nodes_in(context.function)
        if isinstance(node, ast.Name) and node.id == name and node.lineno > end
    ]
    stores = [node.lineno for node in uses if isinstance(node.ctx, ast.Store)]
    first = min(stores, default=None)
    # `x = f(x)` reads before it binds.
    return any(
        isinstance(node.ctx, ast.Load) and (first is None or node.lineno <= first) for node in uses
    )


def nobody_reads(workspace: Workspace, point: InsertionPoint, name: str) -> StitchError:
    site = point.calls.sites[0]
    document = workspace.syntax(site.file).document
    return StitchError(
        "bad-argument",
        f"nothing reads the output of {name} after {point.target}, so the pyramid's output for it "
        "would get no gradient",
        where=f"{document.path}:{document.line_of(site.span[0])}",
        hint="Leave it out, or fuse into one: leave out --block.",
    )


def require_finest_first(point: InsertionPoint, layout: str) -> None:
    others = point.join.others
    for number, own in enumerate(point.calls.instances):
        instances = [*(other.instances[number] for other in others), own]
        every = [spatial_sizes(one.facts.output, layout) for one in instances]
        if any(one < other for one, other in pairwise(every)):
            order = sorted(zip(every, [*(other.target for other in others), point.target]))
            raise StitchError(
                "bad-argument",
                "a pyramid takes the finest feature first, and these are not in that order",
                where=own.facts.where,
                hint="The order: " + " ".join(name for _, name in reversed(order)),
            )


def only_point(planning: Planning, request: FuseRequest, position: int) -> InsertionPoint:
    """The point at which the features are fused: at the one call of its layer."""
    resolved = resolve(planning.surveyed, planning.task.model.located[position])
    found = find_points(planning, request.block or "fuse", resolved)
    if len(found) != 1:
        raise unsupported(
            f"{found[0].target} means {len(found)} calls; features are fused at one",
            found[0].calls.where,
            "Name one call: @1.",
        )
    return found[0]


def require_first(planning: Planning, point: InsertionPoint) -> None:
    """Refuse where the layer has a fusion already, unless it is to be a second one."""
    for name in names_before(point):
        for where, call in constructions(
            planning.workspace, point, f"{point.definition_owner}.{name}"
        ):
            if planning.request.name is None:
                raise StitchError(
                    "already-there",
                    f"{where} has self.{name} = {ast.unparse(call)} at {point.target} already",
                    where=where,
                    hint=f"Edit those lines, or pass --name {point.attribute} for a second fusion.",
                )
