"""What `typing.cast` gives back."""

from __future__ import annotations

from stitchgen.analysis.static.interpreter import Interpreter
from stitchgen.analysis.static.overlays.table import Handler
from stitchgen.analysis.static.values import Unknown, Value


def _second(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """What `typing.cast` and its like give back."""
    return arguments[1] if len(arguments) > 1 else Unknown()


FUNCTIONS: dict[str, Handler] = {"cast": _second}
