"""How the outputs of blocks and layers are joined, computed by hand: what an edit has to equal.

Written apart from the snippets that the edits are made of, from the definitions alone: with T(x)
the layer's output and B the block,

    serial      B(T(x))
    beside      T(x) + B(x), T(x) * B(x), R(cat(T(x), B(x)))
    after       the same with B(T(x))
    features    the same with the outputs of other layers, brought to the size of T(x)
    gate        T(x) + a * (f - T(x)), f being any of these

Part of the observer: runs in the user's Python (3.8 or later, torch 1.13 or later); imports only
torch and the standard library.
"""

from __future__ import annotations

from typing import Any, Callable, List, Optional, Sequence

import torch
from torch.nn import functional as F

Tensor = torch.Tensor


def joined(method: Any, part: Callable[[str], Any], value: Tensor, others: Sequence[Tensor]) -> Any:
    """What goes on in the place of `value`.

    `others` are what it is joined with, in order; `method["position"]` tells where the value stands
    among them. `part(role)` gives the modules and parameters that were added.
    """
    fusion = method.get("fuse")
    if fusion is None:
        [result] = others
    elif fusion == "concat":
        result = concatenated(method, part("reduce"), value, others)
    else:
        # In the order in which they are named: rounding depends on it.
        result, *rest = in_order(method, value, others)
        for other in rest:
            result = result + other if fusion == "add" else result * other
    gate = part("gate")
    if gate is None:
        return result
    if fusion == "add":
        [only, *rest] = others
        total = only
        for other in rest:
            total = total + other
        return value + gate * total
    return value + gate * (result - value)


def concatenated(method: Any, reduce: Any, value: Tensor, others: Sequence[Tensor]) -> Any:
    axis = method["axis"]
    both = torch.cat(in_order(method, value, others), dim=axis)
    if method.get("linear") and axis != -1:
        # What follows rounds in another way where the axes lie otherwise in memory.
        reduced = reduce(both.movedim(axis, -1)).movedim(-1, axis)
        return reduced.contiguous() if method.get("memory") == "contiguous" else reduced
    return reduce(both)


def in_order(method: Any, value: Tensor, others: Sequence[Tensor]) -> List[Tensor]:
    tensors = list(others)
    tensors.insert(method.get("position", 0), value)
    return tensors


def resized(feature: Tensor, like: Tensor, mode: Optional[str], axis: int) -> Tensor:
    """The feature at the size of another; `mode` is one of F.interpolate, None leaves it."""
    if mode is None:
        return feature
    if axis == -1:
        feature, like = feature.movedim(-1, 1), like.movedim(-1, 1)
    corners = {"align_corners": False} if "linear" in mode else {}
    result = F.interpolate(feature, size=like.shape[2:], mode=mode, **corners)
    return result.movedim(1, -1) if axis == -1 else result


def strided(feature: Tensor, step: int) -> Tensor:
    """Every so many positions of a map whose channels are last."""
    return feature[(slice(None),) + (slice(None, None, step),) * (feature.dim() - 2)]


def adapted(feature: Tensor, order: Any) -> Tensor:
    """The axes in another order, or a map as the sequence of its positions."""
    if order is None:
        return feature
    if order == "tokens":
        return feature.flatten(2).movedim(2, 1)
    if order == "positions":
        return feature.flatten(1, -2)
    if isinstance(order, dict):
        feature = feature[:, order["prefix"] :].movedim(1, 2)
        return feature.reshape(list(feature.shape[:2]) + order["sizes"])
    return feature.permute(order)


def back(feature: Tensor, order: Any, like: Tensor) -> Tensor:
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
    return feature.permute(sorted(range(len(order)), key=order.__getitem__))
