"""How the outputs of blocks and layers are joined, computed by hand: what an edit has to equal.

Written apart from the snippets that the edits are made of, from the definitions alone: with T(x)
the layer's output and B the block,

    serial      B(T(x))
    beside      T(x) + B(x), T(x) * B(x), R(cat(T(x), B(x)))
    after       the same with B(T(x))
    features    the same with the outputs of other layers, brought to the size of T(x)
    gate        T(x) + a * (f - T(x)), f being any of these
"""

from __future__ import annotations

import math
import operator
from typing import Callable, List, Mapping, NamedTuple, Optional, Sequence, Union

import torch
from torch import nn
from torch.nn import functional as F

from stitchgen.observer.protocol import Adapter, Method

Tensor = torch.Tensor


class Elementwise(NamedTuple):
    """A fusion that joins features position by position."""

    join: Callable[[Tensor, Tensor], Tensor]
    neutral: float  # what leaves the other feature as it is


#: By the name that `--fuse` has for it.
ELEMENTWISE = {
    "add": Elementwise(operator.add, 0.0),
    "mul": Elementwise(operator.mul, 1.0),
    "max": Elementwise(torch.maximum, float("-inf")),
}


class Join(NamedTuple):
    """How the block's output is joined with those of layers: a `protocol.Method` with its defaults."""

    fuse: Optional[str] = None  # add, mul, concat
    axis: int = 1  # of the channels: 1 or -1
    linear: bool = False  # the reduction is a Linear
    memory: str = ""  # how the layer's output lies in memory
    step: int = 1  # of the projection's stride
    position: int = 0  # of the layer's own value among those that are joined
    features: bool = False
    pyramid: Optional[str] = None
    gated: bool = False
    adapter: Adapter = None
    adapters: Mapping[str, Adapter] = {}
    parts: Mapping[str, Union[str, List[str]]] = {}
    sources: Sequence[str] = ()
    projections: Mapping[str, str] = {}
    resize: Mapping[str, Optional[str]] = {}

    @classmethod
    def of(cls, method: Method) -> Join:
        return cls(
            fuse=method.get("fuse"),
            axis=method.get("axis", 1),
            linear=method.get("linear", False),
            memory=method.get("memory", ""),
            step=method.get("step", 1),
            position=method.get("position", 0),
            features=method.get("features", False),
            pyramid=method.get("pyramid"),
            gated=method.get("gated", False),
            adapter=method.get("adapter"),
            adapters=method.get("adapters") or {},
            parts=method.get("parts") or {},
            sources=method.get("sources") or (),
            projections=method.get("projections") or {},
            resize=method.get("resize") or {},
        )

    @property
    def reduced_axis(self) -> int:
        """The axis of the channels as the reduction takes its input."""
        return -1 if self.linear else self.axis


def joined(
    join: Join,
    value: Tensor,
    others: Sequence[Tensor],
    reduce: Optional[nn.Module],
    gate: Optional[Tensor],
) -> Tensor:
    """What replaces `value`.

    `others` are what it is joined with, in order; `join.position` is where the value stands among
    them. `reduce` takes what is concatenated; `gate` is None where there is none.
    """
    if join.fuse is None:
        [result] = others
    elif join.fuse == "concat":
        assert reduce is not None
        result = concatenated(join, reduce, value, others)
    else:
        # In the order in which they are named: rounding depends on it.
        result, *rest = in_order(join, value, others)
        for other in rest:
            result = ELEMENTWISE[join.fuse].join(result, other)
    if gate is None:
        return result
    if join.fuse == "add":
        total, *rest = others
        for other in rest:
            total = total + other
        return value + gate * total
    return value + gate * (result - value)


def concatenated(join: Join, reduce: nn.Module, value: Tensor, others: Sequence[Tensor]) -> Tensor:
    both = torch.cat(in_order(join, value, others), dim=join.axis)
    result: Tensor
    if join.linear and join.axis != -1:
        # What follows rounds in another way where the axes lie otherwise in memory.
        result = reduce(both.movedim(join.axis, -1)).movedim(-1, join.axis)
        return result.contiguous() if join.memory == "contiguous" else result
    result = reduce(both)
    return result


def in_order(join: Join, value: Tensor, others: Sequence[Tensor]) -> List[Tensor]:
    tensors = list(others)
    tensors.insert(join.position, value)
    return tensors


def resized(feature: Tensor, like: Tensor, mode: Optional[str], axis: int) -> Tensor:
    """The feature at the size of another; `mode` is one of F.interpolate, None leaves it."""
    if mode is None:
        return feature
    if axis == -1:
        feature, like = feature.movedim(-1, 1), like.movedim(-1, 1)
    corners = False if "linear" in mode else None
    result = F.interpolate(feature, size=list(like.shape[2:]), mode=mode, align_corners=corners)
    return result.movedim(1, -1) if axis == -1 else result


def strided(feature: Tensor, step: int) -> Tensor:
    """Every so many positions of a map whose channels are last."""
    return feature[(slice(None),) + (slice(None, None, step),) * (feature.dim() - 2)]


def adapted(feature: Tensor, order: Adapter) -> Tensor:
    """The axes in another order, or a map as the sequence of its positions."""
    if order is None:
        return feature
    if order == "tokens":
        return feature.flatten(2).movedim(2, 1)
    if order == "positions":
        return feature.flatten(1, -2)
    if isinstance(order, dict):
        feature = feature[:, order["prefix"] :].movedim(1, 2)
        return feature.reshape(list(feature.shape[:2]) + scaled(order["sizes"], feature.shape[2]))
    assert not isinstance(order, str), order
    return feature.permute(order)


def scaled(sizes: Sequence[int], positions: int) -> List[int]:
    """The sizes of a map of so many positions: in the proportions of another, else of a square image, on which further
    configurations are proven."""
    factor = math.sqrt(positions / math.prod(sizes))
    proportional = [round(size * factor) for size in sizes]
    side = math.isqrt(positions)
    return [side, side] if math.prod(proportional) != positions == side * side else proportional


def back(feature: Tensor, order: Adapter, like: Tensor) -> Tensor:
    """The inverse; `like` has the shape that comes out."""
    if order is None:
        return feature
    if order == "tokens":
        return feature.movedim(1, 2).reshape(like.shape)
    if order == "positions":
        return feature.reshape(like.shape)
    if isinstance(order, dict):
        sequence = feature.flatten(2).movedim(2, 1)
        before = like[:, : order["prefix"]]
        return torch.cat([before, sequence], dim=1) if order["prefix"] else sequence
    assert not isinstance(order, str), order
    return feature.permute(sorted(range(len(order)), key=order.__getitem__))
