"""Every tensor that a model keeps: parameters, buffers, and those in its attributes."""

from __future__ import annotations

import collections
import contextlib
import types
from typing import Any, Dict, FrozenSet, Iterator, List, NamedTuple, Set, Union

import torch
from torch import nn

#: What every module has in its `__dict__` by itself; the rest was put there by the model's author.
OWN_ATTRIBUTES: FrozenSet[str] = frozenset(vars(nn.Module())) | {"forward"}
#: The types of most attributes, which hold no tensor.
PLAIN = frozenset({int, float, bool, str, bytes, type(None), torch.dtype, types.FunctionType})
#: How deep the search for tensors goes into lists, dicts and objects.
DEPTH = 4


class Slot(NamedTuple):
    """Where a model keeps a tensor; another build of the model has it at the same path."""

    path: str
    kind: str  # "parameter" | "buffer" | "attribute"
    tensor: torch.Tensor
    #: The container to write a new tensor into; None where it cannot be replaced.
    holder: Union[Dict[str, Any], List[Any], None]


def slots(model: nn.Module) -> Iterator[Slot]:
    """Every tensor of the model under every path: tied weights come once for each name."""
    registered = {id(module) for module in model.modules()}
    for name, module in model.named_modules(remove_duplicate=False):
        for slot in _module_slots(module, name + "." if name else "", registered, 0):
            yield slot


def _module_slots(module: nn.Module, prefix: str, known: Set[int], depth: int) -> Iterator[Slot]:
    for key, parameter in module._parameters.items():
        if parameter is not None:
            yield Slot(prefix + key, "parameter", parameter, module._parameters)
    for key, tensor in module._buffers.items():
        if tensor is not None:
            yield Slot(prefix + key, "buffer", tensor, module._buffers)
    for key, value in list(vars(module).items()):
        if key not in OWN_ATTRIBUTES and type(value) not in PLAIN:
            for slot in _held(value, prefix + key, vars(module), known, depth):
                yield slot


def _held(
    value: Any,
    path: str,
    holder: Union[Dict[str, Any], List[Any], None],
    known: Set[int],
    depth: int,
) -> Iterator[Slot]:
    if isinstance(value, torch.Tensor):
        yield Slot(path, "attribute", value, holder)
    elif depth >= DEPTH:
        return
    elif isinstance(value, nn.Module):
        # A module that the author keeps in a plain list: `named_modules` does not see it, its
        # weights count all the same.
        if id(value) not in known:
            inner = known | {id(value)}
            for name, module in value.named_modules(remove_duplicate=False):
                prefix = path + "." + (name + "." if name else "")
                for slot in _module_slots(module, prefix, inner, depth + 1):
                    yield slot
    elif isinstance(value, (list, tuple, collections.deque)):
        for index, item in enumerate(value):
            if type(item) in PLAIN:
                continue
            into = value if isinstance(value, list) else None
            for slot in _held(item, "%s.%d" % (path, index), into, known, depth + 1):
                yield slot
    elif isinstance(value, dict):
        for key, item in list(value.items()):
            for slot in _held(item, "%s.%s" % (path, key), value, known, depth + 1):
                yield slot
    elif type(value).__module__ == "numpy" and type(value).__name__ == "ndarray":
        # Arrays of objects and read-only ones stay as they are.
        with contextlib.suppress(TypeError, ValueError):
            if value.flags.writeable:
                yield Slot(path, "attribute", torch.from_numpy(value), None)
