"""Where in a call the feature is, and the call with another one in its place.

Part of the observer: runs in the user's Python (3.8 or later, torch 1.13 or later); imports only
torch, the standard library and `compare`.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Optional, Tuple

import torch

from stitchgen.observer import compare


class Place(NamedTuple):
    """Where in a call the feature is: an argument, and the element of it if it is a tuple."""

    key: Any  # an int for a positional argument, a str for a keyword
    element: Any


def find(args: tuple, kwargs: dict, element: Any) -> Optional[Place]:
    """The first argument that holds a tensor; `element` of it, or of the arguments themselves."""
    items = list(enumerate(args)) + list(kwargs.items())
    holding = [(key, value) for key, value in items if compare.leaves(value)]
    if not holding:
        return None
    key, value = holding[0]
    if element is None or not isinstance(value, torch.Tensor):
        return Place(key, element)
    return Place(element, None) if isinstance(element, int) and element < len(args) else None


def take(args: tuple, kwargs: dict, place: Place) -> Any:
    value = args[place.key] if isinstance(place.key, int) else kwargs[place.key]
    return pick(value, place.element)


def put(args: tuple, kwargs: dict, place: Place, new: Any) -> Tuple[tuple, dict]:
    new = exchange(take(args, kwargs, Place(place.key, None)), place.element, new)
    if isinstance(place.key, int):
        return args[: place.key] + (new,) + args[place.key + 1 :], kwargs
    return args, dict(kwargs, **{place.key: new})


def pick(value: Any, element: Any) -> Any:
    return value if element is None else value[element]


def exchange(value: Any, element: Any, new: Any) -> Any:
    """The value with another element; a copy, since a model may keep the old one."""
    if element is None:
        return new
    if isinstance(value, tuple):
        items = list(value)
        items[element] = new
        return value._make(items) if hasattr(value, "_make") else type(value)(items)
    copied = value.copy()
    copied[element] = new
    return copied


def swapped(value: Any, old: Any, new: Any) -> Any:
    """The value with another tensor in the place of one that it holds."""
    if value is old:
        return new
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(swapped(item, old, new) for item in value)
    if isinstance(value, dict):
        return {key: swapped(item, old, new) for key, item in value.items()}
    return value
