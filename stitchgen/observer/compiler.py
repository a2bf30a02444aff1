"""Keeps torch's compiler from being imported where nothing is compiled.

On the meta device, torch imports its compiler at the first operation, which takes as long as importing torch:
to tell it to stay away from a function, which is marked so, and to ask it whether something that was checked
is true, though it is no symbol. Before anything else imports it, neither is of use.
"""

from __future__ import annotations

import contextlib
import sys
from types import FunctionType
from typing import Any, Callable, Iterator, Tuple

import torch

COMPILER = "torch._dynamo"
#: Where the functions are that find the shapes of results on the meta device, beside torch's table of them.
FOR_SHAPES = ("torch._refs", "torch._prims", "torch._decomp", "torch._meta_registrations")


def code_of_mark() -> Any:
    """The code that all marked functions share; None where torch marks none."""
    mark = getattr(torch, "_disable_dynamo", None)
    return None if mark is None else getattr(mark(code_of_mark), "__code__", None)


CODE_OF_MARK = code_of_mark()


def import_no_compiler_for(*functions: Callable[..., Any]) -> None:
    """Let functions that torch marked, and those that they are made of, be called without the compiler while
    that is not imported. Functions without the mark are left alone."""
    found = [function for function in functions if isinstance(function, FunctionType)]
    seen = {id(function) for function in found}
    while found:
        function = found.pop()
        is_marked = CODE_OF_MARK is not None and function.__code__ is CODE_OF_MARK
        for name, inside in closure_of(function):
            if is_marked and name == "fn":
                decide_when_called(function, inside)
            if id(inside) not in seen:
                seen.add(id(inside))
                found.append(inside)


def closure_of(function: FunctionType) -> Iterator[Tuple[str, FunctionType]]:
    """The functions that a function refers to, by their names in it."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        with contextlib.suppress(ValueError):  # nothing is bound to it yet
            if isinstance(cell.cell_contents, FunctionType):
                yield name, cell.cell_contents


def decide_when_called(function: FunctionType, wrapped: FunctionType) -> None:
    """`function` is `wrapped` with torch's mark."""

    def undecided(*args: Any, **kwargs: Any) -> Any:
        if COMPILER not in sys.modules:
            return wrapped(*args, **kwargs)
        del wrapped.__dynamo_disable  # type: ignore[attr-defined]
        return function(*args, **kwargs)

    # Where torch keeps what the compiler made of the function.
    wrapped.__dynamo_disable = undecided  # type: ignore[attr-defined]


def import_no_compiler_for_shapes() -> None:
    """The same for all functions by which torch finds the shapes of results on the meta device."""
    namespaces = [
        vars(module) for name, module in sys.modules.items() if name.startswith(FOR_SHAPES)
    ]
    decompositions = sys.modules.get("torch._decomp")
    namespaces += getattr(decompositions, "global_decomposition_table", {}).values()
    import_no_compiler_for(*(value for namespace in namespaces for value in namespace.values()))


def import_no_symbols_for_checks() -> None:
    """Let a check of torch whose condition is plainly true pass without the compiler's symbols."""
    check = getattr(torch, "_check_with", None)
    if check is None:
        return

    def check_with(error_type: Any, cond: Any, message: Any = None) -> None:
        if cond is not True:
            check(error_type, cond, message)

    torch._check_with = check_with
