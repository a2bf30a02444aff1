"""What the overlays have in common: how a function of a library is described."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from stitchgen.analysis.static import operators
from stitchgen.analysis.static.interpreter import Interpreter
from stitchgen.analysis.static.values import Known, Opaque, Raised, Term, Unknown, Value, compound

#: What a function of a library gives, by its positional and keyword arguments.
Handler = Callable[[Interpreter, list[Value], dict[str, Value]], Value]


def is_number(value: Value) -> bool:
    return isinstance(value, Known) and isinstance(value.value, (int, float))


def call_term(origin: str, arguments: Sequence[Value]) -> Term | None:
    """The term of a call of one of Python's own functions."""
    if all(value.term is not None for value in arguments) and origin.startswith("builtins."):
        return compound("()", origin.removeprefix("builtins."), *(v.term for v in arguments))
    return None


def no_answer(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """Of a function that changes nothing that it is given."""
    return Unknown("what it gives is not known")


def computed(
    origin: str, function: Callable[..., Any], arguments: list[Value], keywords: dict[str, Value]
) -> Value | None:
    """The result of a function of numbers and texts; None where it is given something else."""
    if keywords or not arguments:
        return None
    if all(isinstance(value, Known) for value in arguments):
        values = [value.value for value in arguments if isinstance(value, Known)]
        if not _stays_small(origin, values):
            return Unknown("it is large")
        try:
            result = function(*values)
        except Exception:  # whatever it is, the code that is read would raise it
            raise Raised from None
        if not operators.is_small(result):
            return Unknown("it is large")
        if isinstance(result, (int, float, str, bool)):
            return Known(result, term=call_term(origin, arguments))
        return Known(result) if isinstance(result, tuple) else None
    if all(isinstance(value, (Known, Opaque)) for value in arguments):
        return Opaque(term=call_term(origin, arguments))
    return None


_LARGEST_FACTORIAL = 500
_SYMBOLS = {"pow": "**", "mul": "*", "lshift": "<<", "mod": "%"}


def _stays_small(origin: str, values: list[Any]) -> bool:
    """Whether a function of numbers gives something small, before it is called."""
    package, _, name = origin.rpartition(".")
    numbers = [value for value in values if isinstance(value, int)]
    if package == "math":
        return name not in {"factorial", "comb", "perm"} or all(
            abs(number) <= _LARGEST_FACTORIAL for number in numbers
        )
    if origin == "builtins.round":
        return len(values) < 2 or all(abs(number) <= 1000 for number in numbers[-1:])
    symbol = _SYMBOLS.get(name.strip("_").removeprefix("i") if package == "operator" else name)
    return symbol is None or len(values) != 2 or operators.stays_small(symbol, *values)
