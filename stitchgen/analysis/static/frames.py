"""The functions that are running, and how far reading goes."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from stitchgen.analysis.scope import Scope
from stitchgen.analysis.static.interpreter import Interpreter
from stitchgen.analysis.static.values import Value

#: Evaluations after which the models of a file are too large to be read; some seconds.
BUDGET = 1_000_000
#: Calls inside one another after which reading stops.
DEEPEST = 60


class TooLarge(Exception):
    """Reading takes too long."""


@dataclass
class Budget:
    """What may still be evaluated, by one machine or by several."""

    left: int = BUDGET


@dataclass
class Frame:
    """One activation of a function; its names are in cells of the heap."""

    id: int
    scope: Scope
    function: str  # qualified name
    parent: int | None = None
    own: Value | None = None
    owner: str | None = None
    own_name: str | None = None
    statement: ast.stmt | None = None  # of the function's own body, that is running
    outermost: frozenset[int] = frozenset()
    loops: int = 0  # how many loops of the function are running
    outer: dict[str, int] = field(default_factory=dict)  # names that are `nonlocal`, by frame
    binds_in: Frame | None = None  # of a comprehension: the function whose names `:=` binds
    is_class: bool = False  # the body of a class


@dataclass
class Running(Interpreter):
    """The stack of frames, and what has been evaluated so far."""

    budget: Budget = field(default_factory=Budget)
    steps: int = 0
    depth: int = 0
    frames: list[Frame] = field(default_factory=list)

    def count(self, steps: int = 1) -> None:
        """Note that something more is evaluated."""
        self.steps += steps
        self.budget.left -= steps
        if self.budget.left < 0:
            raise TooLarge
