"""What functions of torch and methods of tensors do to channels and layouts.

Everything that is not in these tables is unknown. The tables say what holds for every use: a
function that only sometimes keeps the number of channels is not in the list of those that do.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence

from stitchgen.analysis.static import operators
from stitchgen.analysis.static.heap import Heap
from stitchgen.analysis.static.interpreter import Interpreter
from stitchgen.analysis.static.overlays.table import Handler
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
SAME_SHAPE = frozenset(
    "relu relu_ relu6 leaky_relu leaky_relu_ prelu rrelu elu elu_ celu selu gelu silu mish hardswish "
    "hardsigmoid hardtanh hardtanh_ sigmoid tanh softplus softsign softmax log_softmax logsigmoid "
    "dropout dropout1d dropout2d dropout3d alpha_dropout feature_dropout normalize batch_norm "
    "instance_norm group_norm layer_norm local_response_norm exp sqrt rsqrt abs neg square log "
    "clamp clip zeros_like ones_like rand_like randn_like empty_like full_like sin cos erf "
    "nan_to_num pow reciprocal tanh_ sigmoid_ clone detach contiguous cuda cpu to float half "
    "double bfloat16 type type_as add_ mul_ sub_ div_ clamp_ requires_grad_ fill_ zero_ masked_fill "
    "masked_fill_ round floor ceil roll flip threshold hardshrink softshrink".split()
)
SAME_CHANNELS = re.compile(
    r"(max|avg|lp|adaptive_avg|adaptive_max|fractional_max)_pool([123]d)|interpolate|upsample"
    r"|upsample_(nearest|bilinear)"
)
#: Functions whose other tensors are parameters, or give only their type.
_OF_PARAMETERS = frozenset(
    {"prelu", "batch_norm", "instance_norm", "group_norm", "layer_norm", "type_as"}
)


def call(
    machine: Interpreter, name: str, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """A function of torch, or a method of a tensor, which then is the first argument."""
    made = _FUNCTIONS.get(name)
    if made is not None:
        return made(machine, arguments, keywords)
    x = arguments[0] if arguments else keywords.get("input")
    if isinstance(x, Array) and name in SAME_SHAPE:
        return x
    if not isinstance(x, Tensor):
        reason = x.reason if isinstance(x, Unknown) else f"what {name} gives is not known"
        return Unknown(reason)
    rest = arguments[1:]
    if name in SAME_SHAPE:
        return _same_shape(name, x, rest)
    spatial = SAME_CHANNELS.fullmatch(name)
    if spatial:
        return _resized(machine, name, spatial[2], x, rest, keywords)
    method = _OF_TENSORS.get(name)
    if method is not None:
        return method(machine, x, rest, keywords)
    return Unknown(f"what {name} gives is not known")


def _same_shape(name: str, x: Tensor, rest: list[Value]) -> Value:
    """What a function gives that keeps the shape of a tensor, unless a second one stretches it."""
    if name == "to" or name.endswith("_") or name in _OF_PARAMETERS:
        return Tensor(x.channels, x.layout, x.squeezed)
    if any(isinstance(value, Tensor) for value in rest):
        return Tensor(Unknown(f"{name} takes several tensors"))
    return Tensor(x.channels, x.layout, x.squeezed)


def _resized(
    machine: Interpreter,
    name: str,
    dims: str | None,
    x: Tensor,
    rest: list[Value],
    keywords: dict[str, Value],
) -> Value:
    """What a function gives that changes the spatial sizes alone."""
    if "return_indices" in keywords:
        return Unknown("it may return indices too")
    if dims and x.layout not in {None, LAYOUTS[dims]}:
        return Unknown("it works on other axes")
    layout = LAYOUTS[dims] if dims else x.layout
    size = rest[0] if rest else keywords.get("output_size")
    one = name.startswith("adaptive") and is_one_size(machine, size)
    if layout not in {"NCL", "NCHW", "NCDHW"}:
        return Tensor(Unknown("its axes cannot be determined"))
    return Tensor(x.channels, layout, x.squeezed or one)


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


def _flatten(heap: Interpreter, x: Tensor, rest: list[Value], keywords: dict[str, Value]) -> Value:
    start = rest[0] if rest else keywords.get("start_dim", Known(0))
    end = rest[1] if len(rest) > 1 else keywords.get("end_dim", Known(-1))
    return flatten(x, start, end)


def _broadcast(
    heap: Interpreter, x: Tensor, rest: list[Value], keywords: dict[str, Value]
) -> Value:
    return operators.broadcast(heap, x, rest[0]) if rest else Unknown("it is added to something")


def _dim(heap: Interpreter, x: Tensor, rest: list[Value], keywords: dict[str, Value]) -> Value:
    return Known(len(x.layout)) if x.layout else Unknown("its number of axes is not known")


def _squeeze(heap: Interpreter, x: Tensor, rest: list[Value], keywords: dict[str, Value]) -> Value:
    return Tensor(Unknown("axes are dropped"))


def _weighted(heap: Interpreter, x: Tensor, rest: list[Value], keywords: dict[str, Value]) -> Value:
    return Tensor(Unknown("a weight is applied without its layer"))


def _array(heap: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
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


def _size(heap: Interpreter, x: Tensor, rest: list[Value], keywords: dict[str, Value]) -> Value:
    whole = sizes(heap, x)
    if not rest or isinstance(whole, Unknown):
        return whole
    axis = _axis(x, rest[0])
    items = heap.items(whole)
    return Unknown() if axis is None or items is None else items[axis]


def _view(heap: Interpreter, x: Tensor, rest: list[Value], keywords: dict[str, Value]) -> Value:
    """A tensor in another shape: known where its axes follow from the sizes that it is given."""
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
        return Tensor(Unknown("what is concatenated cannot be determined"))
    tensors = [v for v in values if isinstance(v, Tensor)]
    layouts = {tensor.layout for tensor in tensors if tensor.layout is not None}
    if len(layouts) != 1:
        return Tensor(Unknown("the axes of what is concatenated cannot be determined"))
    layout = layouts.pop()
    position = _axis(Tensor(NONE, layout), axis)
    counts = [machine.resolve(tensor.channels) for tensor in tensors]
    if position is None:
        return Tensor(Unknown("the axis of a concatenation cannot be determined"))
    if layout[position] != "C":
        # On the other axes the parts have the same sizes, so one that is known is that of all.
        known = next((c for c in counts if isinstance(c, (Known, Opaque))), counts[0])
        return Tensor(known, layout)
    if len(tensors) != len(values):
        return Tensor(Unknown("what is concatenated cannot be determined"), layout)
    total = counts[0]
    for count in counts[1:]:
        if not isinstance(total, (Known, Opaque)) or not isinstance(count, (Known, Opaque)):
            return Tensor(Unknown("the channels of what is concatenated are not known"), layout)
        total = operators.binary(machine, ast.Add(), total, count)
    return Tensor(as_count(total), layout, all(tensor.squeezed for tensor in tensors))


def _reduce(heap: Interpreter, x: Tensor, rest: list[Value], keywords: dict[str, Value]) -> Value:
    if not rest and not keywords.keys() & {"dim", "axis"}:
        return Unknown("it is reduced to a number")
    axes_value = rest[0] if rest else keywords.get("dim", keywords.get("axis"))
    keep = rest[1] if len(rest) > 1 else keywords.get("keepdim", Known(False))
    items = heap.items(axes_value) if axes_value is not None else None
    values = [axes_value] if items is None else items
    axes = [_axis(x, value) for value in values]
    if x.layout is None or None in axes or not isinstance(keep, Known):
        return Tensor(Unknown("the axes of a reduction cannot be determined"))
    if any(x.layout[axis] in "CN" for axis in axes if axis is not None):
        return Tensor(Unknown("the channels are reduced"))
    spatial = [index for index, letter in enumerate(x.layout) if letter not in "NC"]
    every = sorted(axis for axis in axes if axis is not None) == spatial
    if keep.value:
        return Tensor(x.channels, x.layout, x.squeezed or every)
    if every:
        return Tensor(x.channels, "NC", True)
    return Tensor(Unknown("some axes are reduced"))


def _permute(heap: Interpreter, x: Tensor, rest: list[Value], keywords: dict[str, Value]) -> Value:
    items = heap.items(rest[0]) if len(rest) == 1 else rest
    axes = [_axis(x, value) for value in items or ()]
    if x.layout is None or None in axes or len(axes) != len(x.layout):
        return Tensor(Unknown("axes are moved"))
    letters = "".join(x.layout[axis] for axis in axes if axis is not None)
    if letters not in DIMENSIONS:
        return Tensor(Unknown("axes are moved"))
    return Tensor(x.channels, letters, x.squeezed)


def _transpose(
    heap: Interpreter, x: Tensor, rest: list[Value], keywords: dict[str, Value]
) -> Value:
    if len(rest) != 2:
        return Tensor(Unknown("axes are moved"))
    one, other = (_axis(x, value) for value in rest)
    if x.layout is None or one is None or other is None:
        return Tensor(Unknown("axes are moved"))
    letters = list(x.layout)
    letters[one], letters[other] = letters[other], letters[one]
    if "".join(letters) not in DIMENSIONS:
        return Tensor(Unknown("axes are moved"))
    return Tensor(x.channels, "".join(letters), x.squeezed)


def _chunk(heap: Interpreter, x: Tensor, rest: list[Value], keywords: dict[str, Value]) -> Value:
    number = rest[0] if rest else keywords.get("chunks")
    axis = _axis(x, rest[1] if len(rest) > 1 else keywords.get("dim", Known(0)))
    count = heap.resolve(x.channels)
    if isinstance(number, Known) and x.layout and axis is not None and x.layout[axis] == "C":
        divides = isinstance(number.value, int) and number.value > 0
        if isinstance(count, Known) and divides and count.value % number.value == 0:
            part = Known(count.value // number.value)
            return heap.sequence([Tensor(part, x.layout, x.squeezed)] * number.value, "tuple")
    return Unknown("it is a part of a tensor")


def _pad(heap: Interpreter, x: Tensor, rest: list[Value], keywords: dict[str, Value]) -> Value:
    items = heap.items(rest[0]) if rest else None
    spatial = {"NCL": 1, "NCHW": 2, "NCDHW": 3}.get(x.layout or "")
    if items is not None and spatial is not None and len(items) <= 2 * spatial:
        return Tensor(x.channels, x.layout)
    return Tensor(Unknown("it is padded on axes that cannot be determined"))


_FUNCTIONS: dict[str, Handler] = {
    **dict.fromkeys(("cat", "concat", "concatenate"), _concatenate),
    **dict.fromkeys(("zeros", "ones", "empty", "rand", "randn", "full"), _array),
}
#: Functions of a tensor, and of what comes after it.
_OF_TENSORS: dict[str, Callable[[Interpreter, Tensor, list[Value], dict[str, Value]], Value]] = {
    **dict.fromkeys(("add", "sub", "mul", "div", "subtract", "multiply", "divide"), _broadcast),
    **dict.fromkeys(("mean", "sum", "amax", "amin"), _reduce),
    **dict.fromkeys(("transpose", "swapaxes"), _transpose),
    **dict.fromkeys(("view", "reshape"), _view),
    **dict.fromkeys(("conv1d", "conv2d", "conv3d", "linear"), _weighted),
    "flatten": _flatten,
    "permute": _permute,
    "chunk": _chunk,
    "size": _size,
    "dim": _dim,
    "squeeze": _squeeze,
    "pad": _pad,
}
