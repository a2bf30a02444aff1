"""What the layers of torch make of their input: its channels and its layout afterwards.

A layer that is not in these tables gives something unknown, and so does one that only sometimes
keeps the number of channels.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from stitchgen.analysis.static import operators
from stitchgen.analysis.static.heap import Heap
from stitchgen.analysis.static.interpreter import Interpreter
from stitchgen.analysis.static.modules import argument, members
from stitchgen.analysis.static.names import layer_name
from stitchgen.analysis.static.overlays.torch import as_count, flatten, is_one_size
from stitchgen.analysis.static.values import LAYOUTS, Known, Opaque, Ref, Tensor, Unknown, Value

_CONVOLUTION = re.compile(r"(Lazy)?Conv(Transpose)?([123]d)")
_NORM = re.compile(r"(BatchNorm|InstanceNorm)([123]d)|SyncBatchNorm|GroupNorm")
#: Layers whose output has the shape of their input.
SAME_SHAPE = frozenset(
    "ReLU ReLU6 LeakyReLU PReLU RReLU ELU CELU SELU GELU SiLU Mish Hardswish Hardsigmoid Hardtanh "
    "Hardshrink Softshrink Tanhshrink Softplus Softsign Sigmoid LogSigmoid Tanh Threshold Softmax "
    "Softmax2d LogSoftmax Softmin Identity Dropout Dropout1d Dropout2d Dropout3d AlphaDropout "
    "FeatureAlphaDropout LocalResponseNorm CrossMapLRN2d ChannelShuffle RMSNorm".split()
)
#: Layers that change the spatial size only, with the dimensions they work on.
_SPATIAL = re.compile(
    r"(Max|Avg|LP|AdaptiveAvg|AdaptiveMax|FractionalMax)Pool([123]d)"
    r"|(ZeroPad|ReflectionPad|ReplicationPad|ConstantPad|CircularPad)([123]d)"
    r"|Upsample|UpsamplingNearest2d|UpsamplingBilinear2d"
)
_POOL_TO_ONE = re.compile(r"Adaptive(Avg|Max)Pool[123]d")


def has_own_count(origin: str) -> bool:
    """Whether a layer gives the same number of channels whatever it is fed."""
    name = layer_name(origin) or ""
    return (
        _CONVOLUTION.fullmatch(name) is not None
        or name in {"Linear", "LazyLinear", "GroupNorm", "SyncBatchNorm"}
        or name.startswith("BatchNorm")
    )


def forward(
    machine: Interpreter,
    ref: Ref,
    origin: str,
    arguments: list[Value],
    keywords: dict[str, Value],
) -> Value:
    """What a layer of torch makes of its input."""
    name = layer_name(origin)
    if name == "Sequential":
        return _sequential(machine, ref, arguments, keywords)
    x = arguments[0] if arguments else keywords.get("input", keywords.get("x"))
    if x is None or name is None:
        return Unknown("its forward is not known")
    convolution = _CONVOLUTION.fullmatch(name)
    if convolution:
        machine.note_count(x, argument(machine, ref, "in_channels"))
        return Tensor(as_count(argument(machine, ref, "out_channels")), LAYOUTS[convolution[3]])
    norm = _NORM.fullmatch(name)
    if norm:
        return _norm(machine, ref, name, norm, x)
    if name == "Linear" or name == "LazyLinear":
        layout = x.layout if isinstance(x, Tensor) else None
        if layout in {"NLC", "LNC", "NHWC", "NDHWC", "NC"}:
            machine.note_count(x, argument(machine, ref, "in_features"))
        else:
            layout = None  # the last axis, which may not be where the channels were
        return Tensor(as_count(argument(machine, ref, "out_features")), layout)
    if name in SAME_SHAPE:
        return x if isinstance(x, (Tensor, Unknown)) else Unknown()
    spatial = _SPATIAL.fullmatch(name)
    if spatial:
        if not isinstance(x, Tensor):
            return Unknown("its input is not known")
        indices = argument(machine, ref, "return_indices", Known(False))
        if not isinstance(indices, Known) or indices.value:
            return Unknown("it may return indices too")
        dims = spatial[2] or spatial[4]
        fitting = {LAYOUTS[dims]} if dims else set(LAYOUTS.values())
        if x.layout is not None and x.layout not in fitting:
            return Unknown("it works on other axes")
        layout = LAYOUTS[dims] if dims else x.layout
        one = _POOL_TO_ONE.fullmatch(name) is not None and is_one_size(
            machine, machine.get(ref.id, "=output_size")
        )
        return Tensor(x.channels, layout, x.squeezed or one)
    if name == "LayerNorm":
        return _layer_norm(machine, ref, x)
    if name == "Flatten":
        start = argument(machine, ref, "start_dim", Known(1))
        end = argument(machine, ref, "end_dim", Known(-1))
        return flatten(x, start, end)
    if name == "PixelShuffle" and isinstance(x, Tensor) and x.layout in {None, "NCHW"}:
        factor = argument(machine, ref, "upscale_factor")
        count = machine.resolve(x.channels)
        square = operators.binary(machine, ast.Mult(), factor, factor)
        if isinstance(count, (Known, Opaque)) and isinstance(square, (Known, Opaque)):
            return Tensor(
                as_count(operators.binary(machine, ast.FloorDiv(), count, square)), "NCHW"
            )
    if name == "MultiheadAttention":
        query = x if isinstance(x, Tensor) else Unknown()
        return machine.sequence([query, Unknown()], "tuple")
    return Unknown(f"what {name} gives is not known")


def _sequential(
    machine: Interpreter, ref: Ref, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    found = members(machine, ref)
    values: Sequence[Value] = [*arguments, *keywords.values()]
    if found is None:
        return Unknown("the layers of the Sequential cannot be determined")
    for name, value in found:
        assert isinstance(value, Ref)
        values = [machine.through(name, value, values)]
    return values[0] if values else Unknown()


def _norm(heap: Heap, ref: Ref, name: str, match: re.Match[str], x: Value) -> Value:
    parameter = "num_channels" if name == "GroupNorm" else "num_features"
    count = as_count(argument(heap, ref, parameter))
    layout = LAYOUTS[match[2]] if match[2] else None
    given = x.layout if isinstance(x, Tensor) else None
    if name == "BatchNorm1d":
        layout = given  # (N, C) or (N, C, L)
    if layout is None:
        layout = given
    elif given not in {None, layout}:
        return Unknown("it normalises other axes")
    if match[1] == "InstanceNorm":
        affine = argument(heap, ref, "affine", Known(False))
        if not (isinstance(affine, Known) and affine.value):
            # Without parameters it accepts any number of channels.
            if isinstance(x, Tensor):
                return Tensor(x.channels, layout)
            return Unknown("its input is not known")
    heap.note_count(x, count)
    squeezed = isinstance(x, Tensor) and x.squeezed
    return Tensor(count, layout, squeezed)


def _layer_norm(heap: Heap, ref: Ref, x: Value) -> Value:
    if isinstance(x, Tensor):
        if x.layout in {"NLC", "LNC", "NHWC", "NDHWC", "NC"}:
            heap.note_count(x, argument(heap, ref, "normalized_shape"))
        return x
    return Unknown("its input is not known")
