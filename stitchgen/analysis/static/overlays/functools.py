"""What `functools.partial` and `functools.reduce` give."""

from __future__ import annotations

from stitchgen.analysis.static.interpreter import Interpreter
from stitchgen.analysis.static.overlays.table import Handler
from stitchgen.analysis.static.values import Partial, Unknown, Value


def _partial(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if not arguments:
        return Unknown()
    return Partial(arguments[0], tuple(arguments[1:]), tuple(keywords.items()))


def _reduce(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    values = machine.iterate(arguments[1]) if len(arguments) > 1 else None
    if values is None:
        return Unknown()
    values = [*arguments[2:3], *values]
    if not values:
        return Unknown()
    result = values[0]
    for value in values[1:]:
        result = machine.call(arguments[0], [result, value], {})
    return result


FUNCTIONS: dict[str, Handler] = {"partial": _partial, "reduce": _reduce}
