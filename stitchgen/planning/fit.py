"""How a block fits at a point: adapters, projections, and which counts have to be named for all that.

Decided from what was observed, before the model is built again.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from stitchgen.analysis.layer_facts import Feature, Side, Value
from stitchgen.analysis.survey import LayerInstance
from stitchgen.catalog.block import Block
from stitchgen.errors import StitchError, unsupported
from stitchgen.layouts import ALONG, CHANNELS_LAST, FEATURES, PERMUTED
from stitchgen.planning import block_file
from stitchgen.planning.channel_expressions import Count, count_at, feature_at
from stitchgen.planning.joins import POSITIONS, TOKENS, Adapter, Grid, Method, Widths
from stitchgen.planning.plan import Planning, Warning
from stitchgen.planning.point import InsertionPoint
from stitchgen.targets.request import SpliceRequest

#: Options of a reduction, in `--set reduce.norm=true`.
REDUCE_OPTIONS = {"norm", "activation"}

#: One number, or one for each axis.
Stride = int | tuple[int, ...]


@dataclass(frozen=True)
class Fit:
    """How a block fits at a point."""

    dims: int  # that the block is rendered for
    layout: str = ""  # of what the block is fed, behind its adapter
    adapter: Adapter = None
    stride: Stride = 1  # of the branch, so that it has the size of what the layer gives
    own_stride: bool = False  # which the block itself takes as an argument
    project: bool = False
    notes: tuple[Warning, ...] = ()


def fit_of(planning: Planning, point: InsertionPoint) -> tuple[InsertionPoint, Fit]:
    """How the block fits at the point, which gets the adapters of what else it reads; refuses where it
    does not fit."""
    request, block = planning.request, planning.block
    layout = layout_at(planning, point)
    where = point.calls.where
    adapter = (
        adapter_to(block, layout)
        or grid_at(planning, point, layout)
        or along_at(planning, point, layout)
    )
    seen = seen_through(layout, adapter)
    dims = block_file.dims_at(block, seen, point.target, where)
    fit = Fit(dims, seen, adapter, notes=grid_note(block, point, adapter))
    point = with_adapters(planning, point)
    if request.joined:
        fit = fit_branch(request, block, point, fit)
    return point, fit


def layout_at(planning: Planning, point: InsertionPoint) -> str:
    """The layout of what the block is fed; "" where it does not matter and is not known."""
    alone = not planning.request.joined
    feature = feature_at(planning, point, any_layout=alone and planning.block.elementwise)
    return feature.layout or ""


def grid_note(block: Block, point: InsertionPoint, adapter: Adapter) -> tuple[Warning, ...]:
    if not isinstance(adapter, Grid) or adapter.names is not None:
        return ()
    note = {
        "code": "grid",
        "where": point.calls.where or "",
        "message": f"{point.target} gives a sequence, which {block.name} sees as a map of "
        f"{by(adapter.sizes)}: true for this input size",
    }
    return (note,)


def adapter_to(block: Block, layout: str) -> Adapter:
    """What brings a feature to a layout that the block takes; None where it takes it as it is."""
    if block.dims_for(layout) is not None:
        return None
    order = PERMUTED[layout][1] if layout in PERMUTED else None
    for adapter in (order, TOKENS, POSITIONS):
        if adapter is not None and block.dims_for(seen_through(layout, adapter)) is not None:
            return adapter
    return None


def grid_at(planning: Planning, point: InsertionPoint, layout: str) -> Grid | None:
    """The map of which a sequence is the positions: that of a layer that ran before, by the names that the code around
    has for its sizes, else by its sizes as they were seen.

    A class token may stand before them. None where the block takes sequences, and where several maps would do.
    Raises `layout-mismatch` where the sizes are those of an input that nobody gave.
    """
    block, calls = planning.block, point.calls
    if layout != "NLC" or block.dims_for(layout) is not None or block.dims_for("NCHW") is None:
        return None
    side = planning.request.placement.fed
    grids = [
        feature.grid
        for one in calls.instances
        for feature in (
            one.features(side) if calls.number is None else [one.feature(side, calls.number)]
        )
    ]
    known = [grid for grid in grids if grid is not None]
    if not known or len(known) < len(grids) or len({grid.prefix for grid in known}) > 1:
        return None
    first = known[0]
    names = {grid.names for grid in known}
    in_scope = all(not site.chain and site.how in ("call", "forward") for site in calls.sites)
    if in_scope and len(names) == 1 and first.names is not None:
        return Grid(first.sizes, first.prefix, first.names)
    if len({grid.sizes for grid in known}) > 1:
        return None
    if any(grid.varies for grid in known) and not planning.task.model.subject.inputs:
        raise StitchError(
            "layout-mismatch",
            f"{point.target} gives a sequence, which is a map of {by(first.sizes)} for the guessed input "
            f"{calls.first.configuration.input}; the model takes other sizes too, and the function that calls the "
            "layer has no names for the height and the width",
            where=calls.where,
            hint="Pass the input that you train with (--input 1x3x512x512), which fixes them; or name a layer that "
            "gives a map, or a block for sequences: stitchgen list --layout NLC.",
        )
    return Grid(first.sizes, first.prefix)


def along_at(planning: Planning, point: InsertionPoint, layout: str) -> Adapter:
    """The order of axes in which a block of maps goes along a sequence, in a model that has no maps: of others a
    sequence may be the positions of one, whose rows it would run together."""
    block = planning.block
    if layout not in ALONG or block.dims_for(layout) is not None:
        return None
    seen, order = ALONG[layout]
    if block.dims_for(seen) is None:
        return None
    layouts = {
        feature.layout
        for one in point.calls.instances
        for layer in one.configuration.layers.values()
        for call in layer.features
        for feature in (call.output, call.input)
    }
    has_maps = any(FEATURES.get(one or "", ("", 0))[1] > 1 for one in layouts)
    return None if has_maps else order


def by(sizes: tuple[int, int]) -> str:
    return f"{sizes[0]}x{sizes[1]}"


def seen_through(layout: str, adapter: Adapter) -> str:
    """The layout that comes out of an adapter."""
    if isinstance(adapter, Grid):
        return "NCHW"
    if adapter == TOKENS:
        return "NLC" if layout in ("NCL", "NCHW", "NCDHW") else ""
    if adapter == POSITIONS:
        return "NLC" if layout in CHANNELS_LAST else ""
    if adapter is None:
        return layout
    return next(
        seen
        for seen, order in (PERMUTED.get(layout, ("", ())), ALONG.get(layout, ("", ())))
        if order == adapter
    )


def with_adapters(planning: Planning, point: InsertionPoint) -> InsertionPoint:
    """The point with the further inputs of the block as it takes them: as many, in its layouts."""
    block = planning.block
    others, wanted = point.join.others, block.inputs - 1
    check_inputs(block, point, len(others), wanted)
    inputs = [*block.inputs_[1:], *[block.inputs_[-1]] * (len(others) - wanted)]
    adapted = []
    for other, taken in zip(others, inputs):
        first = other.instances[0]
        layout = first.feature("output", other.number).layout
        where = first.facts.where
        if layout is None or (taken.layout or "") == "NC" != layout:
            raise StitchError(
                "layout-mismatch",
                f"{block.name} takes {taken.name} as {taken.layout or block.layouts[0]}, and "
                f"{other.target} gives {layout or 'axes that cannot be determined'}",
                where=where,
            )
        adapter: Adapter = None
        if taken.layout is None:
            adapter = adapter_to(block, layout)
            if block.dims_for(seen_through(layout, adapter)) is None:
                raise StitchError(
                    "layout-mismatch",
                    f"{block.name} works on {', '.join(block.layouts)}, and {other.target} gives "
                    f"{layout}",
                    where=where,
                )
        adapted.append(replace(other, source=replace(other.source, adapter=adapter)))
    point = point.with_join(others=(*adapted, *others[len(adapted) :]))
    check_equal_counts(block, point)
    return point


def check_inputs(block: Block, point: InsertionPoint, given: int, wanted: int) -> None:
    """Refuse more or fewer further inputs than the block takes."""
    if given == wanted or (block.variadic and given >= wanted):
        return
    fitting = block_file.fitting_inputs(given + 1)
    takes = "one input" if wanted == 0 else f"{wanted + 1} inputs"
    hint = f"stitchgen show {block.name} tells what they are. One --with S for each but the first."
    if wanted == 0:
        hint = f"Blocks that take {given + 1}: {', '.join(fitting) or 'none'}"
    raise StitchError(
        "bad-argument",
        f"{block.name} takes {takes}, and this command gives it {given + 1}",
        where=point.calls.where,
        hint=hint,
        suggestions=fitting if wanted == 0 else [],
    )


def check_equal_counts(block: Block, point: InsertionPoint) -> None:
    """A block may want its inputs to have equal channels."""
    for other, taken in zip(point.join.others, block.inputs_[1:]):
        if taken.channels not in (None, block.inputs_[0].channels):
            continue
        if taken.channels is None or block.channel_parameters == ():
            continue
        for own, one in zip(point.calls.instances, other.instances):
            mine = own.feature("output", point.calls.number).channels
            theirs = one.feature("output", other.number).channels
            if mine != theirs:
                raise StitchError(
                    "bad-argument",
                    f"{block.name} takes features of the same channels, and {point.target} has "
                    f"{mine}, {other.target} {theirs}",
                    where=one.facts.where,
                    hint="Choose layers of the same width, or a block that takes two: "
                    "attention-gate, cross-attention, film.",
                )


def fit_branch(request: SpliceRequest, block: Block, point: InsertionPoint, fit: Fit) -> Fit:
    """A branch has to give what the layer gives: by its own arguments, else by a projection."""
    branches = [branch_at(request, block, point, one) for one in point.calls.instances]
    strides = {branch.stride for branch in branches}
    if len(strides) > 1:
        raise StitchError(
            "configuration-dependent",
            f"{point.target} has a stride of its own in each of several configurations: "
            + ", ".join(sorted(map(str, strides))),
            where=point.calls.where,
            hint="Name the configuration that you use: --build EXPR",
        )
    stride = strides.pop()
    takes_stride = any(parameter.name == "stride" for parameter in block.parameters)
    own_stride = (
        takes_stride
        and stride != 1
        and isinstance(stride, int)
        and "stride" not in request.settings
    )
    project = any(branch.other_channels for branch in branches) or (stride != 1 and not own_stride)
    notes = fit.notes
    if project:
        note = {
            "code": "projected",
            "where": point.calls.where or "",
            "message": f"{block.name} at {point.target} does not give what the layer gives: "
            f"a 1x1 convolution with stride {1 if own_stride else stride} brings it there",
        }
        notes = (*notes, note)
    return replace(fit, stride=stride, own_stride=own_stride, project=project, notes=notes)


@dataclass(frozen=True)
class Branch:
    """What the block gives beside a layer of one configuration, compared with what the layer gives."""

    stride: Stride  # of a 1x1 convolution that brings it to the layer's size
    other_channels: bool


def branch_at(
    request: SpliceRequest, block: Block, point: InsertionPoint, instance: LayerInstance
) -> Branch:
    side, where = request.placement.fed, point.calls.where
    gives = instance.feature("output", point.calls.number)
    takes = instance.feature(side, point.calls.number)
    if takes.layout != gives.layout or gives.layout is None:
        raise unsupported(
            f"{point.target} takes {takes.layout} and gives {gives.layout}, so a branch "
            "beside it does not fit",
            where,
            "Put the block --after it, or beside a layer inside of it.",
        )
    after = sizes(instance, "output", gives)
    before = sizes(instance, side, takes)
    arguments = numbers(request, block, takes.channels, gives.channels)
    branch = [size_after(block, n, arguments) for n in before]
    stride = stride_of(branch, after)
    if stride is None or (isinstance(stride, tuple) and gives.layout.endswith("C")):
        raise StitchError(
            "bad-argument",
            f"{block.name} makes {shown(branch)} of {shown(before)}, and {point.target} gives "
            f"{shown(after)} in {instance.configuration.expression}: the two do not fit together",
            where=where,
            hint="Another --set may keep the size; else put the block --after the layer alone.",
        )
    try:
        given = block.output_channels(takes.channels, arguments)
    except (StitchError, KeyError, AssertionError):
        given = takes.channels or 0
    return Branch(stride, given != gives.channels)


def sizes(instance: LayerInstance, side: Side, feature: Feature) -> list[int]:
    """The spatial sizes of what the layer gave or was fed."""
    return spatial_sizes(instance.facts.value(side), feature.layout or "")


def spatial_sizes(value: Value, layout: str) -> list[int]:
    return [size for size, axis in zip(value.shape or (), layout) if axis not in "NC"]


def size_after(block: Block, n: int, arguments: Mapping[str, Any]) -> int:
    try:
        return block.output_size(n, arguments)
    except (StitchError, KeyError, AssertionError):
        return n


def shown(sizes: list[int]) -> str:
    return "x".join(map(str, sizes)) or "1"


def stride_of(branch: list[int], after: list[int]) -> Stride | None:
    """The stride of a 1x1 convolution that brings the branch to the layer's size, if there is one.

    One number where all axes have the same.
    """
    if len(branch) != len(after):
        return None
    found = []
    for size, wanted in zip(branch, after):
        steps = [step for step in range(1, 65) if (size - 1) // step + 1 == wanted]
        if not steps:
            return None
        found.append(steps)
    common = [step for step in (found[0] if found else [1]) if all(step in s for s in found)]
    return common[0] if common else tuple(steps[0] for steps in found)


def numbers(
    request: SpliceRequest, block: Block, channels: int | None, out: int | None
) -> dict[str, Any]:
    """The block's arguments as values, as far as they are known."""
    found: dict[str, Any] = {}
    for parameter in block.parameters:
        if parameter.fact in ("channels", "in"):
            found[parameter.name] = channels
        elif parameter.fact == "out":
            found[parameter.name] = out
        text = request.settings.get(parameter.name, parameter.default)
        if text is not None and (parameter.name in request.settings or parameter.name not in found):
            try:
                found[parameter.name] = ast.literal_eval(text)
            except (ValueError, SyntaxError):
                continue
    return found


def method_of(planning: Planning, point: InsertionPoint, fit: Fit) -> Method:
    """How the block's output is joined with the layer's."""
    request = planning.request
    options = reduce_options(request)
    feature = point.calls.first.feature(request.placement.value, point.calls.number)
    return Method(
        attribute=point.attribute,
        placement=request.placement,
        layout=feature.layout or "",
        memory=feature.memory,
        fuse=request.fuse,
        reduce=request.reduce or "conv",
        norm=options["norm"],
        activation=options["activation"],
        gate=request.gate,
        project=fit.project,
        stride=1 if fit.own_stride else fit.stride,
        adapter=fit.adapter,
        sources=tuple(other.source for other in point.join.others),
    )


def reduce_options(request: SpliceRequest) -> dict[str, bool]:
    found = dict.fromkeys(REDUCE_OPTIONS, False)
    for name, value in request.reduce_settings.items():
        if name not in REDUCE_OPTIONS or value.lower() not in ("true", "false"):
            raise StitchError(
                "bad-argument",
                f"--set reduce.{name}={value}: a reduction has norm and activation, true or false",
                hint="--set reduce.norm=true",
            )
        found[name] = value.lower() == "true"
    if request.gate and any(found.values()):
        raise StitchError(
            "bad-argument",
            "a gated concatenation starts as identity, which norm and activation undo",
            hint="Leave out --gate or reduce.norm and reduce.activation.",
        )
    return found


def counts_of(planning: Planning, point: InsertionPoint) -> dict[str, Count]:
    """The counts that have to be named at a point, by what they are to it."""
    placement, method = planning.request.placement, point.join.method
    wanted = {} if method.features else {"fed": count_at(point, placement.fed)}
    if placement.replaces:
        if planning.block.channels == "in-out" and block_file.changes_channels(point):
            wanted["value"] = count_at(point, "output")
        return wanted
    if method.features or method.reduces or method.project or placement.fed != placement.value:
        wanted["value"] = count_at(point, placement.value)
    for other in point.join.others:
        wanted[other.source.name] = Count(
            point, other.target, other.instances, "output", other.creating, other.number
        )
    return wanted


def check_same_at_all_calls(count: Count) -> None:
    """Refuse one block, made for one count, at calls of several counts."""
    for one in count.instances:
        counts = count.by_call(one)
        if len(set(counts)) > 1:
            others = block_file.of_any_width(one.feature(count.side).layout or "")
            raise StitchError(
                "many-calls",
                f"the calls of {count.name} have {', '.join(map(str, counts))} channels, and one "
                "block would be run at all of them",
                where=one.facts.where,
                hint=f"Blocks for any number of channels: {block_file.a_few(others)}",
                suggestions=others[: block_file.FEW],
            )


def facts_of(
    block: Block, point: InsertionPoint, fit: Fit, named: Mapping[str, str]
) -> dict[str, str]:
    """What fills the block's arguments, by fact, as expressions."""
    fed = named["fed"]
    facts = {"channels": fed, "in": fed, "out": named.get("value", fed)}
    if block.variadic:
        every = [fed, *(named[other.source.name] for other in point.join.others)]
        facts["channels"] = facts["in"] = f"({', '.join(every)})"
    for other in point.join.others[:1]:
        facts["context"] = named[other.source.name]
    if fit.own_stride:
        facts["stride"] = str(fit.stride)
    return facts


def widths_of(block: Block, point: InsertionPoint, fit: Fit, named: Mapping[str, str]) -> Widths:
    """The channels of what is joined, as expressions."""
    fed = named.get("fed", "")
    value = named.get("value", fed)
    branch = fed
    if block.channels != "same":
        branch = value
    return Widths(
        value=value,
        branch=branch,
        sources={one.source.name: named[one.source.name] for one in point.join.others},
        stride="1" if fit.own_stride else str(fit.stride),
    )
