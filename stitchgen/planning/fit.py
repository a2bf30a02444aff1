"""Which method a request means at a place, and what it needs to know for it.

Here are decided: the adapter between the layer's layout and the block's, whether a branch fits
beside its layer or has to be projected, and which counts have to be named for all that.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from stitchgen.analysis.survey import Spot, first_place
from stitchgen.catalog.block import Block
from stitchgen.errors import StitchError, unsupported
from stitchgen.planning import block_file
from stitchgen.planning.channel_expressions import Count, count_at, feature_at
from stitchgen.planning.joins import POSITIONS, TO_FIRST, TOKENS, Adapter, Grid, Method, Widths
from stitchgen.planning.point import Place
from stitchgen.targets.request import AddRequest

CHANNELS_LAST = {"NHWC": "NCHW", "NDHWC": "NCDHW"}
#: Options of a reduction, in `--set reduce.norm=true`.
REDUCE_OPTIONS = {"norm", "activation"}


#: One number, or one for each axis.
Stride = int | tuple[int, ...]


@dataclass
class Fit:
    """How a block fits at a place."""

    dims: int  # that the block is rendered for
    adapter: Adapter = None
    stride: Stride = 1  # of the branch, so that it has the size of what the layer gives
    own_stride: bool = False  # which the block itself takes as an argument
    project: bool = False
    notes: list[dict[str, str]] = field(default_factory=list)


def fit_of(request: AddRequest, block: Block, place: Place) -> Fit:
    """How the block fits at the place; refuses where it does not."""
    alone = request.placement != "beside" and request.fuse is None
    layout = feature_at(request, place, any_layout=alone and block.elementwise)["layout"]
    where = first_place(place.spots[0].layer)
    adapter = adapter_to(block, layout) or grid_at(request, block, place, layout)
    fit = Fit(
        block_file.dims_at(block, seen_through(layout, adapter), place.target, where), adapter
    )
    if isinstance(adapter, Grid):
        sizes = "x".join(map(str, adapter.sizes))
        fit.notes.append(
            {
                "code": "grid",
                "where": where or "",
                "message": f"{place.target} gives a sequence, which {block.name} sees as a map of "
                f"{sizes}: true for this input size",
            }
        )
    fit_sources(request, block, place, fit)
    if request.placement == "beside" or request.fuse is not None:
        fit_branch(request, block, place, fit)
    return fit


def adapter_to(block: Block, layout: str) -> Adapter:
    """What brings a feature to a layout that the block takes; None where it takes it as it is."""
    if block.dims_for(layout) is not None:
        return None
    order = TO_FIRST.get(len(layout)) if layout in CHANNELS_LAST else None
    for adapter in (order, TOKENS, POSITIONS):
        if adapter is not None and block.dims_for(seen_through(layout, adapter)) is not None:
            return adapter
    return None


def grid_at(request: AddRequest, block: Block, place: Place, layout: str) -> Grid | None:
    """The map of which a sequence is the positions: that of a layer that ran before.

    A class token may stand before them. None where the block takes sequences, and where several
    maps would do.
    """
    if layout != "NLC" or block.dims_for(layout) is not None or block.dims_for("NCHW") is None:
        return None
    found: set[Grid] = set()
    for spot in place.spots:
        side = "after" if request.placement == "after" else "before"
        value = spot.layer["output"] if side == "after" else spot.layer["inputs"][0]
        length, mine = value["shape"][1], set()
        for layer in spot.configuration.layers.values():
            if layer.get("order", 0) >= spot.layer["order"] or not layer.get("features"):
                continue
            if layer["features"][0]["gives"]["layout"] == "NCHW":
                height, width = layer["output"]["shape"][2:]
                if height * width > 1 and length - height * width in (0, 1):
                    mine.add(Grid((height, width), length - height * width))
        if len(mine) != 1:
            return None
        found |= mine
    return found.pop() if len(found) == 1 else None


def seen_through(layout: str, adapter: Adapter) -> str:
    """The layout that comes out of an adapter."""
    if isinstance(adapter, Grid):
        return "NCHW"
    if adapter == TOKENS:
        return "NLC" if layout in ("NCL", "NCHW", "NCDHW") else ""
    if adapter == POSITIONS:
        return "NLC" if layout in CHANNELS_LAST else ""
    return layout if adapter is None else CHANNELS_LAST[layout]


def fit_sources(request: AddRequest, block: Block, place: Place, fit: Fit) -> None:
    """The further inputs: as many as the block takes, with the layouts that it takes."""
    given, wanted = len(place.features), block.inputs - 1
    where = first_place(place.spots[0].layer)
    if given != wanted and not (block.variadic and given >= wanted):
        fitting = block_file.fitting_inputs(given + 1)
        takes = "one input" if wanted == 0 else f"{wanted + 1} inputs"
        hint = (
            f"stitchgen show {block.name} tells what they are. One --with S for each but the first."
        )
        if wanted == 0:
            hint = f"Blocks that take {given + 1}: {', '.join(fitting) or 'none'}"
        raise StitchError(
            "bad-argument",
            f"{block.name} takes {takes}, and this command gives it {given + 1}",
            where=where,
            hint=hint,
            suggestions=fitting if wanted == 0 else [],
        )
    inputs = [*block.inputs_[1:], *[block.inputs_[-1]] * (given - wanted)]
    for number, (feature, taken) in enumerate(zip(place.features, inputs)):
        layout = feature.spots[0].feature("after", feature.call)["layout"]
        adapter: Adapter = None
        if layout is None or (taken.layout or "") == "NC" != layout:
            raise StitchError(
                "layout-mismatch",
                f"{block.name} takes {taken.name} as {taken.layout or block.layouts[0]}, and "
                f"{feature.target} gives {layout or 'axes that cannot be told apart'}",
                where=first_place(feature.spots[0].layer),
            )
        if taken.layout is None:
            adapter = adapter_to(block, layout)
            if block.dims_for(seen_through(layout, adapter)) is None:
                raise StitchError(
                    "layout-mismatch",
                    f"{block.name} works on {', '.join(block.layouts)}, and {feature.target} gives "
                    f"{layout}",
                    where=first_place(feature.spots[0].layer),
                )
        place.features[number] = replace(feature, source=replace(feature.source, adapter=adapter))
    check_counts(request, block, place)


def check_counts(request: AddRequest, block: Block, place: Place) -> None:
    """A block may want its inputs to have equal channels."""
    for feature, taken in zip(place.features, block.inputs_[1:]):
        if taken.channels not in (None, block.inputs_[0].channels):
            continue
        if taken.channels is None or block.channel_parameters == ():
            continue
        for own, other in zip(place.spots, feature.spots):
            mine = own.feature("after", place.call)["channels"]
            theirs = other.feature("after", feature.call)["channels"]
            if mine != theirs:
                raise StitchError(
                    "bad-argument",
                    f"{block.name} takes features of the same channels, and {place.target} has "
                    f"{mine}, {feature.target} {theirs}",
                    where=first_place(other.layer),
                    hint="Choose layers of the same width, or a block that takes two: "
                    "attention-gate, cross-attention, film.",
                )


def fit_branch(request: AddRequest, block: Block, place: Place, fit: Fit) -> None:
    """A branch has to give what the layer gives: by its own arguments, else by a projection."""
    where = first_place(place.spots[0].layer)
    strides: set[Stride] = set()
    needed = set()
    own = any(parameter.name == "stride" for parameter in block.parameters)
    for spot in place.spots:
        gives = spot.feature("after", place.call)
        beside = request.placement == "beside"
        takes = spot.feature("before", place.call) if beside else gives
        if takes["layout"] != gives["layout"]:
            raise unsupported(
                f"{place.target} takes {takes['layout']} and gives {gives['layout']}, so a branch "
                "beside it does not fit",
                where,
                "Put the block --after it, or beside a layer inside of it.",
            )
        after = sizes(spot, "output", gives["layout"])
        before = sizes(spot, "inputs", takes["layout"]) if beside else after
        arguments = numbers(request, block, takes["channels"], gives["channels"])
        branch = [size_after(block, n, arguments) for n in before]
        stride = stride_of(branch, after)
        if stride is None or (isinstance(stride, tuple) and gives["layout"].endswith("C")):
            raise StitchError(
                "bad-argument",
                f"{block.name} makes {shown(branch)} of {shown(before)}, and {place.target} gives "
                f"{shown(after)} in {spot.configuration.expression}: the two do not fit together",
                where=where,
                hint="Another --set may keep the size; else put the block --after the layer alone.",
            )
        strides.add(stride)
        try:
            given = block.output_channels(takes["channels"], arguments)
        except (StitchError, KeyError, AssertionError):
            given = takes["channels"]
        needed.add(given != gives["channels"])
    if len(strides) > 1:
        raise StitchError(
            "configuration-dependent",
            f"{place.target} has a stride of its own in each of several configurations: "
            + ", ".join(sorted(map(str, strides))),
            where=where,
            hint="Name the configuration that you use: --build EXPR",
        )
    fit.stride = strides.pop()
    fit.own_stride = (
        own and fit.stride != 1 and isinstance(fit.stride, int) and "stride" not in request.settings
    )
    fit.project = True in needed or (fit.stride != 1 and not fit.own_stride)
    if fit.project:
        fit.notes.append(
            {
                "code": "projected",
                "where": where or "",
                "message": f"{block.name} at {place.target} does not give what the layer gives: "
                f"a 1x1 convolution with stride {1 if fit.own_stride else fit.stride} brings it there",
            }
        )


def sizes(spot: Spot, side: str, layout: str) -> list[int]:
    """The spatial sizes that the layer took or gave."""
    value = spot.layer[side]
    shape = (value[0] if side == "inputs" else value)["shape"]
    return [size for size, axis in zip(shape, layout) if axis not in "NC"]


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


def numbers(request: AddRequest, block: Block, channels: int, out: int) -> dict[str, Any]:
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


def method_of(request: AddRequest, block: Block, place: Place, fit: Fit) -> Method:
    """How the block's output is joined with the layer's."""
    after = "before" if request.placement == "before" else "after"
    options = reduce_options(request)
    feature = place.spots[0].feature(after, place.call)
    return Method(
        attribute=place.attribute,
        placement=request.placement,
        layout=feature["layout"],
        memory=feature.get("memory", "contiguous"),
        fuse=request.fuse,
        reduce=request.reduce or "conv",
        norm=options["norm"],
        activation=options["activation"],
        gate=request.gate,
        project=fit.project,
        stride=1 if fit.own_stride else fit.stride,
        adapter=fit.adapter,
        sources=tuple(source.source for source in place.features),
    )


def reduce_options(request: AddRequest) -> dict[str, bool]:
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


def counts_of(place: Place, request: AddRequest) -> dict[str, Count]:
    """The counts that have to be named at a place, by what they are to it."""
    method = place.method
    fed = "before" if request.placement in ("before", "beside") else "after"
    wanted = {} if method.features else {"fed": count_at(place, fed)}
    value = "before" if request.placement == "before" else "after"
    if (
        method.features
        or method.fuse == "concat"
        or method.project
        or request.placement == "beside"
    ):
        wanted["value"] = count_at(place, value)
    for feature in place.features:
        wanted[feature.source.name] = Count(
            place, feature.target, feature.spots, "after", feature.creating, feature.call
        )
    return wanted


def check_same_at_all_calls(count: Count) -> None:
    """Refuse one block, made for one count, at calls of several counts."""
    for spot in count.spots:
        counts = count.by_call(spot)
        if len(set(counts)) > 1:
            others = block_file.of_any_width(spot.feature(count.placement)["layout"] or "")
            raise StitchError(
                "many-calls",
                f"the calls of {count.name} have {', '.join(map(str, counts))} channels, and one "
                "block would be run at all of them",
                where=first_place(spot.layer),
                hint=f"Blocks for any number of channels: {block_file.a_few(others)}",
                suggestions=others[: block_file.FEW],
            )


def facts_of(block: Block, place: Place, fit: Fit, named: Mapping[str, str]) -> dict[str, str]:
    """What fills the block's arguments, by fact, as expressions."""
    fed = named["fed"]
    facts = {"channels": fed, "in": fed, "out": named.get("value", fed)}
    if block.variadic:
        every = [fed, *(named[feature.source.name] for feature in place.features)]
        facts["channels"] = facts["in"] = f"({', '.join(every)})"
    for feature in place.features[:1]:
        facts["context"] = named[feature.source.name]
    if fit.own_stride:
        facts["stride"] = str(fit.stride)
    return facts


def widths_of(block: Block, place: Place, fit: Fit, named: Mapping[str, str]) -> Widths:
    """The channels of what is joined, as expressions."""
    fed = named.get("fed", "")
    value = named.get("value", fed)
    branch = fed
    if block.channels != "same":
        branch = value
    return Widths(
        value=value,
        branch=branch,
        sources={f.source.name: named[f.source.name] for f in place.features},
        stride="1" if fit.own_stride else str(fit.stride),
    )
