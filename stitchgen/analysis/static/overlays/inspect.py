"""What `inspect.isfunction` and `inspect.isclass` give."""

from __future__ import annotations

import functools

from stitchgen.analysis.static.interpreter import Interpreter
from stitchgen.analysis.static.names import is_module_class
from stitchgen.analysis.static.overlays.table import Handler
from stitchgen.analysis.static.values import (
    Choice,
    ClassRef,
    Function,
    Known,
    Library,
    Opaque,
    Raised,
    Unknown,
    Value,
)


def _is_kind(
    question: str, machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """What `inspect.isfunction` or `inspect.isclass` gives."""
    given = [*arguments, *keywords.values()]
    if len(given) != 1:
        raise Raised
    value = given[0]
    if isinstance(value, (Unknown, Opaque, Choice)) or (
        isinstance(value, Library) and not is_module_class(value.origin)
    ):
        return Unknown("its kind cannot be determined")
    if question == "isfunction":
        return Known(isinstance(value, Function) and value.own is None and not value.memoised)
    return Known(isinstance(value, (ClassRef, Library)))


FUNCTIONS: dict[str, Handler] = {
    "isfunction": functools.partial(_is_kind, "isfunction"),
    "isclass": functools.partial(_is_kind, "isclass"),
}
