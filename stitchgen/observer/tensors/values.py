"""The results of models: the tensors in them, whether two are the same, in what they differ."""

from __future__ import annotations

import collections
import dataclasses
import types
from typing import Any, Dict, List, Mapping, Optional, Tuple

import torch
from torch import nn

Tensors = List[torch.Tensor]
#: A nested result as a flat list of paths and leaves.
Flat = List[Tuple[str, Any]]


def leaves(value: Any, _depth: int = 0, _seen: Optional[Dict[int, Any]] = None) -> Tensors:
    """The tensors in a result, in order: of tuples, dicts, dataclasses and objects like them."""
    value = _plain(value)
    if isinstance(value, torch.Tensor):
        return [value]
    children = _children(value)
    seen = {} if _seen is None else _seen  # holds the objects, since a temporary's id is used again
    if children is None or _depth > 8 or id(value) in seen:
        return []
    seen[id(value)] = value
    return [leaf for _, child in children for leaf in leaves(child, _depth + 1, seen)]


def _plain(value: Any) -> Any:
    """A numpy array or scalar as a tensor or number."""
    if type(value).__module__ != "numpy":
        return value
    try:
        return torch.from_numpy(value) if hasattr(value, "ndim") and value.ndim else value.item()
    except (TypeError, ValueError, AttributeError):
        return value


def _children(value: Any) -> Optional[List[Tuple[str, Any]]]:
    if isinstance(value, Mapping):
        return [("[%r]" % (key,), item) for key, item in value.items()]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return [("." + name, item) for name, item in zip(value._fields, value)]
    if isinstance(value, (list, tuple, collections.deque)):
        return [("[%d]" % index, item) for index, item in enumerate(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [
            ("." + field.name, getattr(value, field.name, None))
            for field in dataclasses.fields(value)
        ]
    if isinstance(value, (type, nn.Module, types.ModuleType, types.FunctionType, types.MethodType)):
        return None
    if hasattr(value, "__dict__"):
        return [("." + name, item) for name, item in vars(value).items()]
    return None


def grab(value: Any) -> Tensors:
    """Copies of a value's tensors as they are now: an in-place operation may overwrite them."""
    return [leaf.detach().clone() for leaf in leaves(value)]


def same(a: Tensors, b: Tensors) -> bool:
    return len(a) == len(b) and all(same_tensor(x, y) for x, y in zip(a, b))


def same_tensor(a: torch.Tensor, b: torch.Tensor) -> bool:
    if a.shape != b.shape or a.dtype != b.dtype or a.layout != b.layout:
        return False
    a, b = a.detach(), b.detach()
    if a.layout != torch.strided:
        a, b = a.to_dense(), b.to_dense()
    if torch.equal(a, b):
        return True
    if not (a.is_floating_point() or a.is_complex()):
        return False
    return bool(((a == b) | ((a != a) & (b != b))).all())


def frozen(
    value: Any,
    *,
    copy: bool = True,
    _path: str = "",
    _depth: int = 0,
    _seen: Optional[Dict[int, Any]] = None,
) -> Flat:
    """A nested result as a flat list of paths, leaves and types; `copy` keeps it as it is now."""
    value = _plain(value)
    if isinstance(value, torch.Tensor):
        return [(_path, value.detach().clone() if copy else value.detach())]
    if isinstance(value, (bool, int, float, complex, str, bytes, type(None))):
        return [(_path, value)]
    seen = {} if _seen is None else _seen  # holds the objects, since a temporary's id is used again
    children = _children(value) if _depth <= 8 and id(value) not in seen else None
    seen[id(value)] = value
    kind = "a " + type(value).__name__
    if isinstance(value, (Mapping, list, tuple)):
        kind += " with %d %s" % (len(value), "entry" if len(value) == 1 else "entries")
    flat: Flat = [(_path, KindOfObject(kind))]
    for name, child in children or []:
        flat.extend(frozen(child, copy=copy, _path=_path + name, _depth=_depth + 1, _seen=seen))
    return flat


class KindOfObject(str):
    """Stands for an object that is no leaf: by name, for the edited model has other classes."""


def difference(a: Flat, b: Flat) -> Optional[str]:
    """The first thing in which two frozen results differ, in words; None for equal bits."""
    for (path, before), (other, now) in zip(a, b):
        what = "the output" + path
        if path != other:
            return "the output has %s in place of %s" % (other or "an entry", path or "an entry")
        if isinstance(before, torch.Tensor) and isinstance(now, torch.Tensor):
            if before.shape != now.shape:
                return "%s has the shape %s, not %s" % (what, tuple(now.shape), tuple(before.shape))
            if before.dtype != now.dtype:
                return "%s is of %s, not %s" % (what, now.dtype, before.dtype)
            if not same_tensor(before, now):
                return "%s differs%s" % (what, _by(before, now))
        elif (
            isinstance(before, torch.Tensor)
            or isinstance(now, torch.Tensor)
            or type(before) is not type(now)
        ):
            return "%s is %s, not %s" % (what, _kind(now), _kind(before))
        elif before != now and not (before != before and now != now):
            return "%s is %s, not %s" % (what, now, before)
    if len(a) != len(b):
        return "the output has %d entries, not %d" % (len(b), len(a))
    return None


def _kind(value: Any) -> str:
    return value if isinstance(value, KindOfObject) else "a " + type(value).__name__


def _by(a: torch.Tensor, b: torch.Tensor) -> str:
    if not a.is_floating_point() or a.layout != torch.strided:
        return ""
    gap = (a.double() - b.double()).abs()
    known = gap[gap == gap]
    return " by up to %.3g" % float(known.max()) if known.numel() else ""


def floats(tensors: Tensors) -> Tensors:
    return [tensor for tensor in tensors if tensor.is_floating_point() or tensor.is_complex()]


def finite(tensors: Tensors) -> bool:
    return all(
        bool(torch.isfinite(tensor.detach()).all())
        for tensor in floats(tensors)
        if tensor.layout == torch.strided
    )


def checksum(value: Any) -> Tuple[Any, ...]:
    """A short stand-in for the float tensors of a value, where copies would fill the memory."""
    sums: List[float] = []
    for tensor in floats(leaves(value)):
        flat = tensor.detach()
        flat = flat.to_dense() if flat.layout != torch.strided else flat
        flat = torch.view_as_real(flat) if flat.is_complex() else flat
        flat = flat.double().flatten()  # in one order, however the axes lie in memory
        sums.extend((float(flat.sum()), float(flat.abs().sum()), float(flat.numel())))
        if flat.numel():
            sums.append(float((flat * torch.arange(1, flat.numel() + 1, device=flat.device)).sum()))
    return tuple("nan" if number != number else number for number in sums)
