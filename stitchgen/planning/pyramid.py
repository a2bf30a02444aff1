"""`fuse --block fpn`: the variables of several features get the outputs of one block.

Right after the last target's call each feature is bound anew, so that whatever reads it from there on
reads the pyramid's output, projected back to the feature's own channels.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from stitchgen.analysis.runtime_backend import Observer
from stitchgen.analysis.survey import Spot, Survey, first_place
from stitchgen.errors import StitchError, unsupported
from stitchgen.planning import block_file
from stitchgen.planning.add import name_counts, settle
from stitchgen.planning.channel_expressions import feature_at
from stitchgen.planning.emit import Definition, import_modules, write_calls, write_definitions
from stitchgen.planning.existing import constructions, names_before
from stitchgen.planning.features import find_feature, later
from stitchgen.planning.fit import reduce_options
from stitchgen.planning.joins import Method, Source, Widths
from stitchgen.planning.plan import Plan, Task
from stitchgen.planning.point import Place
from stitchgen.planning.points import find_places
from stitchgen.project.workspace import Workbench
from stitchgen.source.syntax import CallContext
from stitchgen.targets.request import FuseRequest
from stitchgen.targets.resolve import resolve


def make_pyramid(task: Task, survey: Survey, observer: Observer | None, late: bool = False) -> Plan:
    """Decide where the features are bound anew; the edits are on a workbench of the plan's own."""
    request, block = task.request, task.block
    assert isinstance(request, FuseRequest) and block is not None
    if not block.variadic:
        raise StitchError(
            "bad-argument",
            f"{block.name} does not take several features and give as many",
            hint="Blocks that do: fpn, pan.",
            suggestions=["--block fpn", "--block pan"],
        )
    plan = Plan(Workbench(task.project.root, survey.modules))
    bench = plan.bench
    *others, _ = [resolve(task.session, one, survey, bench) for one in task.session.located]
    place = only_place(plan, request, survey, task, len(others))
    plan.places.append(place)
    require_first(bench, request, place)
    for other in others:
        feature = find_feature(bench, request, survey, place, other, set())
        if feature.sites:
            raise nobody_reads(bench, place, feature.target)
        source = replace(feature.source, project=True)
        place.features.append(replace(feature, source=source))
        place.anchor = later(place.anchor, feature.anchor)
    layout = feature_at(request, place)["layout"]
    own = Source(variable_of(bench, place), place.resolved.path, project=True)
    require_read_later(bench, place, [*(feature.source for feature in place.features), own])
    require_finest_first(place, layout)
    place.method = Method(
        attribute=place.attribute,
        layout=layout,
        gate=request.gate,
        sources=tuple(feature.source for feature in place.features),
        pyramid=own,
    )
    reduce_options(request)
    settle(task, plan, place, late)
    [named] = name_counts(task, plan, survey, observer)
    sources = {feature.source.name: named[feature.source.name] for feature in place.features}
    counts = [*sources.values(), named["fed"]]
    given = {"in": f"({', '.join(counts)})", "channels": f"({', '.join(counts)})"}
    arguments = block_file.arguments(block, given, task.settings)
    dims = block_file.dims_at(block, layout, place.target, None)
    import_modules(bench, place)
    placed = block_file.place(bench, task.project, block, dims, Path(place.anchor.file))
    plan.uses.add(bench.relative(placed.file))
    construction = f"{placed.class_name}({', '.join(arguments)})"
    defaults = {parameter.name: parameter.default for parameter in block.parameters}
    out = task.settings.get("out_channels") or defaults["out_channels"] or ""
    widths = Widths(value=named["fed"], branch=out, sources=sources)
    defined = [Definition(place, construction, widths)]
    write_definitions(bench, task.project, request, defined)
    write_calls(bench, task.project, plan.fresh)
    return plan


def variable_of(bench: Workbench, place: Place) -> str:
    """The variable that has the last target's output."""
    site = place.sites[0]
    context = bench.syntax(site.file).context(site.span)
    if context is None or context.name is None or len(place.sites) != 1:
        line = bench.syntax(site.file).document.line_of(site.span[0])
        where = f"{bench.relative(site.file)}:{line}"
        raise unsupported(
            f"the output of {place.target} has no variable of its own at {where}",
            where,
            "Write the call as a statement of its own: x = self.layer(x).",
        )
    return context.name


def require_read_later(bench: Workbench, place: Place, sources: list[Source]) -> None:
    """Refuse a feature that nobody reads behind the last target: it would get no gradient."""
    site = place.sites[0]
    context = bench.syntax(site.file).context(site.span)
    assert context is not None
    for source in sources:
        if not read_later(context, source.name):
            raise nobody_reads(bench, place, source.path)


def read_later(context: CallContext, name: str) -> bool:
    """Whether the function reads the variable after the statement, before it is bound anew."""
    assert context.function is not None
    end = context.statement.end_lineno or 0
    uses = [
        node
        for node in ast.walk(context.function)
        if isinstance(node, ast.Name) and node.id == name and node.lineno > end
    ]
    stores = [node.lineno for node in uses if isinstance(node.ctx, ast.Store)]
    first = min(stores, default=None)
    # `x = f(x)` reads before it binds.
    return any(
        isinstance(node.ctx, ast.Load) and (first is None or node.lineno <= first) for node in uses
    )


def nobody_reads(bench: Workbench, place: Place, name: str) -> StitchError:
    site = place.sites[0]
    document = bench.syntax(site.file).document
    return StitchError(
        "bad-argument",
        f"nothing reads the output of {name} after {place.target}, so the pyramid's output for it "
        "would get no gradient",
        where=f"{document.path}:{document.line_of(site.span[0])}",
        hint="Leave it out, or fuse into one: leave out --block.",
    )


def require_finest_first(place: Place, layout: str) -> None:
    for number, own in enumerate(place.spots):
        spots = [*(feature.spots[number] for feature in place.features), own]
        every = [sizes(spot, layout) for spot in spots]
        if any(one < other for one, other in pairwise(every)):
            order = sorted(zip(every, [*(f.target for f in place.features), place.target]))
            raise StitchError(
                "bad-argument",
                "a pyramid takes the finest feature first, and these are not in that order",
                where=first_place(own.layer),
                hint="The order: " + " ".join(name for _, name in reversed(order)),
            )


def only_place(
    plan: Plan, request: FuseRequest, survey: Survey, task: Task, position: int
) -> Place:
    """The place at which the features are fused: at the one call of its layer."""
    resolved = resolve(task.session, task.session.located[position], survey, plan.bench)
    found = find_places(plan.bench, request, request.block or "fuse", survey, resolved)
    if len(found) != 1:
        raise unsupported(
            f"{found[0].target} means {len(found)} calls; features are fused at one",
            first_place(found[0].spots[0].layer),
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


def sizes(spot: Spot, layout: str) -> list[int]:
    """The spatial sizes of what a layer gave."""
    shape = spot.layer["output"]["shape"]
    return [size for size, axis in zip(shape, layout) if axis not in "NC"]
