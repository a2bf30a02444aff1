"""A construction with one argument of a class changed: what another configuration may pass."""

from __future__ import annotations

import copy
import functools
import inspect
import numbers
from typing import Any, Callable, List

from torch import nn

from stitchgen.observer.protocol import Variant


class NoVariant(Exception):
    """There is no such argument, it is that already, or it is no list."""


class OtherArgument:
    """Calls the constructor of a class with one argument changed, for a while.

    `change` gives the other value, or raises what ends the build.
    """

    def __init__(self, kind: Any, name: str, change: Callable[[Any], Any]) -> None:
        self.kind = owner_of(kind, name)  # whatever has that name in the user's file
        self.name = name
        self.change = change
        self.called = False

    def __enter__(self) -> OtherArgument:
        self.original = original = self.kind.__init__
        signature = inspect.signature(original)
        outer = self

        @functools.wraps(original)  # so that its signature is seen by whoever changes another one
        def __init__(instance: Any, *args: Any, **kwargs: Any) -> None:
            outer.called = True
            bound = signature.bind(instance, *args, **kwargs)
            bound.apply_defaults()
            if outer.name not in bound.arguments:
                raise NoVariant
            bound.arguments[outer.name] = outer.change(bound.arguments[outer.name])
            original(*bound.args, **bound.kwargs)

        self.kind.__init__ = __init__
        return self

    def __exit__(self, *exception: object) -> None:
        self.kind.__init__ = self.original


def owner_of(kind: Any, name: str) -> Any:
    """The class or the base of it whose constructor names the argument: others may only pass it on."""
    for one in getattr(kind, "__mro__", ()):
        own = vars(one).get("__init__")
        if own is not None and name in inspect.signature(own).parameters:
            return one
    return kind


def change_of(variant: Variant) -> Callable[[Any], Any]:
    """What a variant makes of its argument."""

    def change(value: Any) -> Any:
        if variant["change"] == "turned":
            if not isinstance(value, bool):
                raise NoVariant
            return not value
        if variant["change"] == "value":
            if value == variant["value"] and type(value) is type(variant["value"]):
                raise NoVariant
            return copy.copy(variant["value"])  # a list may be changed by the constructor
        # Of two elements, one fewer is the first alone.
        least = 3 if variant["change"] == "first" else 2
        if not isinstance(value, (list, tuple)) or len(value) < least:
            raise NoVariant
        items = list(value)
        if variant["change"] == "longer":
            items.append(next_of(items))
        else:
            items = items[: 1 if variant["change"] == "first" else -1]
        return type(value)(items) if type(value) in (list, tuple) else items

    key = variant["key"]
    return change if key is None else lambda value: with_field(value, key, change)


def with_field(value: Any, name: str, change: Callable[[Any], Any]) -> Any:
    """A copy of a configuration object, or of a dictionary, with one of its values changed: that of an attribute or
    key, or of one of such an object in it, `model.backbone`.

    Raises NoVariant where it has no such value, or cannot be changed, and what `change` raises.
    """
    first, _, rest = name.partition(".")
    if rest and not has_field(value, name):
        return with_field(value, first, lambda inner: with_field(inner, rest, change))
    if isinstance(value, nn.Module) or not has_field(value, name):
        raise NoVariant
    other = copy.copy(value)
    if isinstance(value, dict):
        other[name] = change(value[name])
        return other
    changed = change(getattr(value, name))
    try:
        setattr(other, name, changed)
    except AttributeError:
        try:
            object.__setattr__(other, name, changed)  # of a frozen dataclass
        except AttributeError:
            raise NoVariant from None
    return other


def has_field(value: Any, name: str) -> bool:
    return name in value if isinstance(value, dict) else hasattr(value, name)


def next_of(items: List[Any]) -> Any:
    """What goes on a list: 48 after 16 and 32; else its last element again."""
    before, last = items[-2:]
    if is_integer(before) and is_integer(last) and last > before:
        return 2 * last - before
    return last


def is_integer(value: object) -> bool:
    """An int, or one of numpy's."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)
