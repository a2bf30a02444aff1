"""What `itertools.chain` gives."""

from __future__ import annotations

from stitchgen.analysis.static.interpreter import Interpreter
from stitchgen.analysis.static.overlays.table import Handler, no_answer
from stitchgen.analysis.static.values import Value


def _chain(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    def produce() -> list[Value] | None:
        parts = [machine.iterate(value) for value in arguments]
        if any(part is None for part in parts):
            machine.escape(value for part in parts for value in part or ())
            return None
        return [value for part in parts for value in part or ()]

    return machine.iterator(produce, arguments)


FUNCTIONS: dict[str, Handler] = {"chain": _chain, "accumulate": no_answer}
