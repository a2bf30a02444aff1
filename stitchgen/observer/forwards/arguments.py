"""Where in a call the feature is, and the call with another one there."""

from __future__ import annotations

from typing import Any, NamedTuple, Optional, Tuple, Union

import torch

from stitchgen.observer.tensors.intercept import Args, Kwargs, by_key
from stitchgen.observer.tensors.values import leaves

#: Which tensor of a tuple, list or dict; None: the value itself.
Element = Union[None, int, str]


class Argument(NamedTuple):
    """Where in a call the feature is: an argument, and the element of it if it is a tuple."""

    key: Union[int, str]  # of a positional argument, of a keyword
    element: Element


def find(args: Args, kwargs: Kwargs, element: Element) -> Optional[Argument]:
    """The first argument that holds a tensor; `element` of it, or of the arguments themselves."""
    for key, value in by_key(args, kwargs):
        if leaves(value):
            if element is None or not isinstance(value, torch.Tensor):
                return Argument(key, element)
            among = isinstance(element, int) and element < len(args)
            return Argument(element, None) if among else None
    return None


def take(args: Args, kwargs: Kwargs, argument: Argument) -> Any:
    """The feature."""
    return pick(whole(args, kwargs, argument), argument.element)


def whole(args: Args, kwargs: Kwargs, argument: Argument) -> Any:
    """The argument that holds the feature."""
    return args[argument.key] if isinstance(argument.key, int) else kwargs[argument.key]


def put(args: Args, kwargs: Kwargs, argument: Argument, new: Any) -> Tuple[Args, Kwargs]:
    """The call with another feature."""
    new = exchange(whole(args, kwargs, argument), argument.element, new)
    if isinstance(argument.key, int):
        return args[: argument.key] + (new,) + args[argument.key + 1 :], kwargs
    return args, dict(kwargs, **{argument.key: new})


def pick(value: Any, element: Element) -> Any:
    return value if element is None else value[element]


def picked(value: Any, element: Element) -> Any:
    """The element of a value; None where it has none such."""
    try:
        return pick(value, element)
    except (TypeError, KeyError, IndexError):
        return None


def exchange(value: Any, element: Element, new: Any) -> Any:
    """The value with another element; a copy, since a model may keep the old one."""
    if element is None:
        return new
    if isinstance(value, tuple):
        assert isinstance(element, int)
        items = list(value)
        items[element] = new
        return value._make(items) if hasattr(value, "_make") else type(value)(items)
    copied = value.copy()
    copied[element] = new
    return copied


def swapped(value: Any, old: Any, new: Any) -> Any:
    """The value with another tensor for one that it holds, in lists, tuples and dicts."""
    if value is old:
        return new
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(swapped(item, old, new) for item in value)
    if isinstance(value, dict):
        return {key: swapped(item, old, new) for key, item in value.items()}
    return value
