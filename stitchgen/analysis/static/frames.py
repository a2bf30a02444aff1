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


@dataclass
class Running(Interpreter):
    """The stack of frames, and what has been evaluated so far."""

    budget: Budget = field(default_factory=Budget)
    steps: int = 0
    depth: int = 0
    frames: list[Frame] = field(default_factory=list)

    def count(self) -> None:
        """Note that something more is evaluated."""
        self.steps += 1
        self.budget.left -= 1
        if self.budget.left < 0:
            raise TooLarge
