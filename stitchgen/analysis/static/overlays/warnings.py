"""What is only said."""

from __future__ import annotations

from stitchgen.analysis.static.interpreter import Interpreter
from stitchgen.analysis.static.overlays.table import Handler
from stitchgen.analysis.static.values import NONE, Value


def _none(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    return NONE


FUNCTIONS: dict[str, Handler] = {"warn": _none}
