"""Which axis of a value is that of a layer's channels, read from what autograd recorded between the two.

A sum, a product or an activation leaves each axis where it is, a permutation says where it went, a linear map takes
an axis to its own kind, attention takes the channels of the values, and a reshape splits and merges axes. So nothing
has to be computed for skip connections, activations, windows of tokens and heads. Needs the shapes that torch keeps of
each recorded result, from 2.1 on; before that nothing is said.
"""

from __future__ import annotations

import collections
import re
from typing import Any, Deque, Dict, Iterator, List, Optional, Sequence, Set, Tuple

import torch

#: So many results are looked at on the way, and so many of the layers that gave them, the nearest first.
MOST_RESULTS, MOST_FOUND = 128, 5

#: Each element of the result comes from those at its place, in operands of its shape.
ELEMENTWISE = {
    *("Add", "Sub", "Rsub", "Mul", "Div", "Neg", "Abs", "Exp", "Pow", "Sqrt", "Where", "Clamp"),
    *("Relu", "Gelu", "Silu", "Mish", "Sigmoid", "Tanh", "Elu", "Softplus", "LeakyRelu"),
    *("Hardtanh", "Hardswish", "Hardsigmoid", "NativeDropout"),
    *("Clone", "ToCopy", "Alias", "Expand"),
}
#: The axes stay in their order, whatever becomes of their sizes.
IN_ORDER = {
    *("Slice", "Roll", "ConstantPadNd", "Cat", "Split", "SplitWithSizes"),
    *("Softmax", "LogSoftmax", "NativeLayerNorm"),
}
RESHAPES = {"View", "UnsafeView", "ReshapeAlias", "Unsqueeze", "Squeeze"}
#: One axis is taken out.
TAKES_OUT = {"Select", "Unbind"}

#: The operand that a linear map is applied to, by its place.
LINEAR = {"Addmm": 1, "Mm": 0}
#: What the names of all ways to compute attention begin with.
ATTENTION = "ScaledDotProduct"
#: By the place of an operand of a product of matrices, or of attention: the axis that is summed over.
SUMMED = {"Bmm": {0: -1, 1: -2}, ATTENTION: {0: -1, 2: -2}}

#: Instead of an axis of the value: it may be of any; there is nothing to know of it, as one index was taken.
UNKNOWN, NONE = -1, -2

#: What autograd recorded, and which of its results.
Result = Tuple[Any, int]
#: A part of an axis, the outer ones first: its size, and the axis of the value that it is, or is a part of.
Part = Tuple[int, int]
#: The parts of each axis of a result; () for one of size 1.
Axes = Tuple[Tuple[Part, ...], ...]


def aligned_axis(
    value: torch.Tensor, producers: Sequence[Tuple[torch.Tensor, int]]
) -> Optional[int]:
    """The axis of a value that the axis of a producer's channels has become.

    `producers` are tensors with the axes of their channels. None where the value does not come from one in a way
    that leaves the axes known, or where two of them disagree.
    """
    given: Dict[Result, int] = {
        (tensor.grad_fn, tensor.output_nr): axis for tensor, axis in producers
    }
    waiting: Deque[Tuple[Result, Axes]] = collections.deque()
    own = tuple(whole(size, axis) for axis, size in enumerate(value.shape))
    waiting.append(((value.grad_fn, value.output_nr), own))
    # A result is met again with more known of its axes: queries, keys and values are cut out of one.
    seen: Set[Tuple[Result, Axes]] = set()
    found: List[int] = []
    while waiting and len(seen) < MOST_RESULTS and len(found) < MOST_FOUND:
        result, axes = waiting.popleft()
        if result[0] is None or (result, axes) in seen:
            continue
        seen.add((result, axes))
        if result not in given:
            waiting.extend(operands(result, axes))
        elif (axis := kind_of(axes[given[result]])) >= 0:
            found.append(axis)
    return found[0] if len(set(found)) == 1 else None


def operands(result: Result, axes: Axes) -> Iterator[Tuple[Result, Axes]]:
    """What a result was computed from, with what is known of the axes."""
    node, _ = result
    name, shape = re.sub(r"Backward\d*$", "", node.name()), shape_of(result)
    if shape is None or len(shape) != len(axes):
        return
    for place, operand in enumerate(node.next_functions):
        before = None if operand[0] is None else shape_of(operand)
        if before is None:
            continue
        if name in RESHAPES:
            yield operand, reshaped(before, axes)
        elif name in TAKES_OUT and len(before) == len(shape) + 1:
            taken = signed(node._saved_dim) % len(before)
            yield operand, (*axes[:taken], whole(before[taken], NONE), *axes[taken:])
        elif len(before) != len(shape):
            continue
        elif name in ("Permute", "Transpose", "T"):
            order = order_of(name, node, len(shape))
            yield operand, tuple(axes[order.index(axis)] for axis in range(len(order)))
        elif name in ELEMENTWISE and before == shape:
            yield operand, axes
        elif name in IN_ORDER or place == LINEAR.get(name):
            yield operand, resized(before, shape, axes)
        elif place in (summed := SUMMED.get(name[: len(ATTENTION)], {})):
            # Along the axis that is summed over, an operand has another kind of index.
            other = len(axes) + summed[place]
            yield operand, (*axes[:other], whole(before[other], UNKNOWN), *axes[other + 1 :])


def whole(size: int, kind: int) -> Tuple[Part, ...]:
    return () if size == 1 else ((size, kind),)


def kind_of(axis: Sequence[Part]) -> int:
    """The axis of the value that all parts of an axis belong to."""
    kinds = {kind for _, kind in axis if kind != NONE}
    return kinds.pop() if len(kinds) == 1 else UNKNOWN


def shape_of(result: Result) -> Optional[List[int]]:
    """The shape of a recorded result; None where torch does not keep it."""
    kept = getattr(result[0], "_input_metadata", None)
    if kept is None or result[1] >= len(kept):
        return None
    return [int(size) for size in kept[result[1]].shape]


def resized(before: Sequence[int], shape: Sequence[int], axes: Axes) -> Axes:
    """The axes where some have another size, but are in their order."""
    return tuple(
        axis if old == new else whole(old, kind_of(axis))
        for old, new, axis in zip(before, shape, axes)
    )


def reshaped(before: Sequence[int], axes: Axes) -> Axes:
    """The axes of what was reshaped, by the parts that they have in common with those of the result."""
    parts = [part for axis in axes for part in axis]
    found: List[Tuple[Part, ...]] = []
    for size in before:
        own: List[Part] = []
        while size > 1:
            inner, kind = parts.pop(0) if parts else (0, UNKNOWN)
            if inner and size % inner == 0:
                own.append((inner, kind))
                size //= inner
            elif inner and inner % size == 0:
                own.append((size, kind))
                parts.insert(0, (inner // size, kind))
                size = 1
            else:  # the parts have nothing in common
                return tuple(whole(one, UNKNOWN) for one in before)
        found.append(tuple(own))
    return tuple(found)


def order_of(name: str, node: Any, rank: int) -> List[int]:
    """For each axis of a permuted result, the axis that it was."""
    if name == "Permute":
        return [signed(axis) % rank for axis in node._saved_dims]
    order = list(range(rank))
    one, other = (0, 1) if name == "T" else (node._saved_dim0, node._saved_dim1)
    one, other = signed(one) % rank, signed(other) % rank
    order[one], order[other] = other, one
    return order


def signed(number: int) -> int:
    """A negative axis, which torch keeps as if it had no sign."""
    return number - 2**64 if number >= 2**63 else number
