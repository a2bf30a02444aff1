"""What functions of torch and methods of tensors do to channels and layouts.

Everything that is not in these tables is
unknown. The tables say what holds for every use: a function that only sometimes keeps the number
of channels is not in the list of those that do.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from stitchgen.analysis.static import operators
from stitchgen.analysis.static.heap import Heap
from stitchgen.analysis.static.interpreter import Interpreter
from stitchgen.analysis.static.values import (
    DIMENSIONS,
    LAYOUTS,
    NONE,
    Array,
    Axis,
    Known,
    Opaque,
    Tensor,
    Unknown,
    Value,
    same_count,
)

#: Functions of one tensor that keep its shape.
_SAME_SHAPE_FUNCTIONS = frozenset(
    "relu relu_ relu6 leaky_relu leaky_relu_ prelu rrelu elu elu_ celu selu gelu silu mish hardswish "
    "hardsigmoid hardtanh hardtanh_ sigmoid tanh softplus softsign softmax log_softmax logsigmoid "
    "dropout dropout1d dropout2d dropout3d alpha_dropout feature_dropout normalize batch_norm "
    "instance_norm group_norm layer_norm local_response_norm exp sqrt rsqrt abs neg square log "
    "clamp clip zeros_like ones_like rand_like randn_like empty_like full_like sin cos erf "
    "nan_to_num pow reciprocal tanh_ sigmoid_ silu_ clone detach contiguous cuda cpu to float half "
    "double bfloat16 type type_as add_ mul_ sub_ div_ clamp_ requires_grad_ fill_ zero_ masked_fill "
    "masked_fill_ round floor ceil roll flip threshold hardshrink softshrink".split()
)
_SAME_CHANNELS_FUNCTIONS = re.compile(
    r"(max|avg|lp|adaptive_avg|adaptive_max|fractional_max)_pool([123]d)|interpolate|upsample"
    r"|upsample_(nearest|bilinear)"
)
_MAKES_ARRAY = frozenset({"zeros", "ones", "empty", "rand", "randn", "full"})


def tensor_function(
    machine: Interpreter, name: str, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """A function of torch or a method of a tensor."""
    x = arguments[0] if arguments else keywords.get("input")
    rest = arguments[1:]
    if name in {"cat", "concat", "concatenate"}:
        return _concatenate(machine, arguments, keywords)
    if name in _MAKES_ARRAY:
        return _array(machine, arguments, keywords)
    if isinstance(x, Array) and name in _SAME_SHAPE_FUNCTIONS:
        return x
    if not isinstance(x, Tensor):
        if isinstance(x, Unknown) or x is None:
            return Unknown(x.reason if isinstance(x, Unknown) else f"{name} is not known")
        if name in {"arange", "linspace"} and all(isinstance(v, Known) for v in arguments):
            return Unknown()
        return Unknown(f"what {name} gives is not known")
    channels = x.channels
    if name in _SAME_SHAPE_FUNCTIONS:
        if name == "to" or name.endswith("_") or not any(isinstance(v, Tensor) for v in rest):
            return Tensor(channels, x.layout, x.squeezed)
        if name in {"prelu", "batch_norm", "instance_norm", "group_norm", "layer_norm", "type_as"}:
            return Tensor(channels, x.layout, x.squeezed)
        return Tensor(Unknown(f"{name} takes several tensors"))
    spatial = _SAME_CHANNELS_FUNCTIONS.fullmatch(name)
    if spatial:
        if "return_indices" in keywords:
            return Unknown("it may return indices too")
        if spatial[2] and x.layout not in {None, LAYOUTS[spatial[2]]}:
            return Unknown("it works on other axes")
        layout = LAYOUTS[spatial[2]] if spatial[2] else x.layout
        size = rest[0] if rest else keywords.get("output_size")
        one = name.startswith("adaptive") and is_one_size(machine, size)
        if layout not in {"NCL", "NCHW", "NCDHW"}:
            return Tensor(Unknown("its axes cannot be told"))
        return Tensor(channels, layout, x.squeezed or one)
    match name:
        case "add" | "sub" | "mul" | "div" | "subtract" | "multiply" | "divide" if rest:
            return operators.broadcast(machine, x, rest[0])
        case "flatten":
            start = rest[0] if rest else keywords.get("start_dim", Known(0))
            end = rest[1] if len(rest) > 1 else keywords.get("end_dim", Known(-1))
            return flatten(x, start, end)
        case "mean" | "sum" | "amax" | "amin" if rest or "dim" in keywords or "axis" in keywords:
            return _reduce(machine, x, rest, keywords)
        case "permute":
            return _permute(machine, x, rest)
        case "transpose" | "swapaxes" if len(rest) == 2:
            return _transpose(machine, x, rest)
        case "chunk" if rest or "chunks" in keywords:
            return _chunk(machine, x, rest, keywords)
        case "size":
            return _size(machine, x, rest)
        case "view" | "reshape":
            return _view(machine, x, rest)
        case "dim":
            return Known(len(x.layout)) if x.layout else Unknown()
        case "squeeze":
            axis = rest[0] if rest else keywords.get("dim")
            if x.squeezed and axis is None:
                return Tensor(Unknown("axes are dropped"))
            return Tensor(Unknown("axes are dropped"))
        case "pad":
            return _pad(machine, x, rest)
        case "conv1d" | "conv2d" | "conv3d" | "linear":
            return Tensor(Unknown("a weight is applied without its layer"))
    if name in {"item", "tolist", "numel", "ndim", "is_floating_point"}:
        return Unknown()
    return Unknown(f"what {name} gives is not known")


def as_count(value: Value) -> Value:
    """A value as a number of channels."""
    if isinstance(value, Known) and isinstance(value.value, int):
        return value
    if isinstance(value, Opaque) and value.term is not None:
        return value
    if isinstance(value, Unknown):
        return value
    return Unknown("its number of channels cannot be read")


def is_one_size(heap: Heap, size: Value | None) -> bool:
    """Whether a size that is asked for is one along every axis."""
    if isinstance(size, Known):
        return bool(size.value == 1)
    items = heap.items(size) if size is not None else None
    return bool(items) and all(isinstance(i, Known) and i.value == 1 for i in items or ())


def flatten(x: Value, start: Value, end: Value) -> Value:
    """A tensor whose axes from one to another are made one."""
    if (
        isinstance(x, Tensor)
        and isinstance(start, Known)
        and isinstance(end, Known)
        and start.value == 1
        and end.value == -1
    ):
        if x.squeezed or x.layout == "NC":
            return Tensor(x.channels, "NC", True)
        return Tensor(Unknown("axes are flattened into the channels"), "NC")
    if isinstance(x, Tensor) and isinstance(start, Known) and start.value == 2:
        if x.layout in {"NCHW", "NCL", "NCDHW"} and isinstance(end, Known) and end.value == -1:
            return Tensor(x.channels, "NCL", x.squeezed)
    return Tensor(Unknown("axes are flattened"))


def _array(heap: Heap, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """A tensor that is made with a shape."""
    sizes_given: Sequence[Value] = arguments
    first = arguments[0] if arguments else keywords.get("size")
    if first is not None and heap.kind(first) in {"list", "tuple"}:
        items = heap.items(first)
        if items is None:
            return Unknown()
        sizes_given = items
    if not all(isinstance(size, (Known, Opaque)) for size in sizes_given):
        return Unknown()
    return Array(tuple(sizes_given))


def _axis(x: Tensor, value: Value | None) -> int | None:
    """An axis counted from the front."""
    if x.layout is None or not isinstance(value, Known) or not isinstance(value.value, int):
        return None
    axis = value.value + len(x.layout) if value.value < 0 else value.value
    return axis if 0 <= axis < len(x.layout) else None


def sizes(heap: Heap, x: Tensor) -> Value:
    """The shape of a tensor: the count on its axis, symbols for the sizes of the others."""
    if x.layout is None:
        return Unknown("it is the shape of a tensor")
    found: list[Value] = []
    for letter in x.layout:
        count = heap.resolve(x.channels)
        if letter != "C":
            found.append(Opaque(term=Axis(letter)))
        elif isinstance(count, (Known, Opaque)):
            found.append(count)
        else:
            found.append(Unknown("it is the size of a tensor"))
    return heap.sequence(found, "tuple")


def _size(heap: Heap, x: Tensor, rest: list[Value]) -> Value:
    whole = sizes(heap, x)
    if not rest or isinstance(whole, Unknown):
        return whole
    axis = _axis(x, rest[0])
    items = heap.items(whole)
    return Unknown() if axis is None or items is None else items[axis]


def _view(heap: Heap, x: Tensor, rest: list[Value]) -> Value:
    """A tensor in another shape: known where the sizes that it is given tell its axes."""
    given = heap.items(rest[0]) if len(rest) == 1 and heap.items(rest[0]) else rest
    letters = [
        size.term.letter if isinstance(size, Opaque) and isinstance(size.term, Axis) else "?"
        for size in given or ()
    ]
    unknown = Tensor(Unknown("its shape is changed"))
    if not given or letters.count("N") != 1 or letters[0] != "N":
        return unknown
    if letters.count("?") == 1:
        layout = "".join(letters).replace("?", "C")
        size = given[letters.index("?")]
        if isinstance(size, Known) and size.value == -1:
            if letters == ["N", "?"] and (x.squeezed or x.layout == "NC"):
                return Tensor(x.channels, "NC", True)
            return Tensor(Unknown("axes are flattened"), "NC" if letters == ["N", "?"] else None)
        if layout in DIMENSIONS and isinstance(size, (Known, Opaque)):
            return Tensor(size, layout)
        return unknown
    count = heap.resolve(x.channels)
    if letters == ["N", "?", "?"] and x.layout in {"NCHW", "NCDHW", "NCL"}:
        rows, columns = given[1], given[2]
        minus = isinstance(columns, Known) and columns.value == -1
        if same_count(rows, count) and (minus or isinstance(columns, Opaque)):
            return Tensor(x.channels, "NCL")
    return unknown


def _concatenate(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    values = machine.iterate(arguments[0]) if arguments else None
    axis = keywords.get("dim", keywords.get("axis"))
    if axis is None:
        axis = arguments[1] if len(arguments) > 1 else Known(0)
    if values is None or not values:
        return Tensor(Unknown("what is concatenated cannot be told"))
    tensors = [v for v in values if isinstance(v, Tensor)]
    layouts = {tensor.layout for tensor in tensors if tensor.layout is not None}
    if len(layouts) != 1:
        return Tensor(Unknown("the axes of what is concatenated cannot be told"))
    layout = layouts.pop()
    position = _axis(Tensor(NONE, layout), axis)
    counts = [machine.resolve(tensor.channels) for tensor in tensors]
    if position is None:
        return Tensor(Unknown("the axis of a concatenation cannot be told"))
    if layout[position] != "C":
        # On the other axes the parts have the same sizes, so one that is known tells them all.
        told = next((c for c in counts if isinstance(c, (Known, Opaque))), counts[0])
        return Tensor(told, layout)
    if len(tensors) != len(values):
        return Tensor(Unknown("what is concatenated cannot be told"), layout)
    total = counts[0]
    for count in counts[1:]:
        if not isinstance(total, (Known, Opaque)) or not isinstance(count, (Known, Opaque)):
            return Tensor(Unknown("the channels of what is concatenated are not known"), layout)
        total = operators.binary(machine, ast.Add(), total, count)
    return Tensor(as_count(total), layout, all(tensor.squeezed for tensor in tensors))


def _reduce(heap: Heap, x: Tensor, rest: list[Value], keywords: dict[str, Value]) -> Value:
    axes_value = rest[0] if rest else keywords.get("dim", keywords.get("axis"))
    keep = rest[1] if len(rest) > 1 else keywords.get("keepdim", Known(False))
    items = heap.items(axes_value) if axes_value is not None else None
    values = [axes_value] if items is None else items
    axes = [_axis(x, value) for value in values]
    if x.layout is None or None in axes or not isinstance(keep, Known):
        return Tensor(Unknown("the axes of a reduction cannot be told"))
    if any(x.layout[axis] in "CN" for axis in axes if axis is not None):
        return Tensor(Unknown("the channels are reduced"))
    spatial = [index for index, letter in enumerate(x.layout) if letter not in "NC"]
    every = sorted(axis for axis in axes if axis is not None) == spatial
    if keep.value:
        return Tensor(x.channels, x.layout, x.squeezed or every)
    if every:
        return Tensor(x.channels, "NC", True)
    return Tensor(Unknown("some axes are reduced"))


def _permute(heap: Heap, x: Tensor, rest: list[Value]) -> Value:
    items = heap.items(rest[0]) if len(rest) == 1 else rest
    axes = [_axis(x, value) for value in items or ()]
    if x.layout is None or None in axes or len(axes) != len(x.layout):
        return Tensor(Unknown("axes are moved"))
    letters = "".join(x.layout[axis] for axis in axes if axis is not None)
    if letters not in DIMENSIONS:
        return Tensor(Unknown("axes are moved"))
    return Tensor(x.channels, letters, x.squeezed)


def _transpose(heap: Heap, x: Tensor, rest: list[Value]) -> Value:
    one, other = (_axis(x, value) for value in rest)
    if x.layout is None or one is None or other is None:
        return Tensor(Unknown("axes are moved"))
    letters = list(x.layout)
    letters[one], letters[other] = letters[other], letters[one]
    if "".join(letters) not in DIMENSIONS:
        return Tensor(Unknown("axes are moved"))
    return Tensor(x.channels, "".join(letters), x.squeezed)


def _chunk(heap: Heap, x: Tensor, rest: list[Value], keywords: dict[str, Value]) -> Value:
    number = rest[0] if rest else keywords.get("chunks")
    axis = _axis(x, rest[1] if len(rest) > 1 else keywords.get("dim", Known(0)))
    count = heap.resolve(x.channels)
    if isinstance(number, Known) and x.layout and axis is not None and x.layout[axis] == "C":
        if isinstance(count, Known) and count.value % number.value == 0:
            part = Known(count.value // number.value)
            return heap.sequence([Tensor(part, x.layout, x.squeezed)] * number.value, "tuple")
    return Unknown("it is a part of a tensor")


def _pad(heap: Heap, x: Tensor, rest: list[Value]) -> Value:
    items = heap.items(rest[0]) if rest else None
    spatial = {"NCL": 1, "NCHW": 2, "NCDHW": 3}.get(x.layout or "")
    if items is not None and spatial is not None and len(items) <= 2 * spatial:
        return Tensor(x.channels, x.layout)
    return Tensor(Unknown("it is padded on axes that cannot be told"))
