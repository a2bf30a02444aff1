"""What the tables of other packages ask of the machine that reads the project's code.

A function such as `map` calls what it is given, `isinstance` looks at classes of the project: the
tables know the machine by this interface only, and stand below it.
"""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Sequence

from stitchgen.analysis.static.heap import Heap
from stitchgen.analysis.static.values import ClassRef, Ref, Unknown, Value


class Interpreter(Heap):
    """The heap, and what only the code of the project decides."""

    @abstractmethod
    def call(
        self, function: Value, arguments: Sequence[Value], keywords: dict[str, Value]
    ) -> Value:
        """The result of a call."""

    def call_unknown(self, function: Value) -> None:
        """Note that a function was called with what cannot be determined, if at all."""
        mark, first = len(self.log), len(self.kinds)
        try:
            self.branches(lambda: self.call(function, [Unknown()], {}), lambda: None)
        finally:
            self.forget_changes(first, mark)

    @abstractmethod
    def forget_changes(self, first: int, mark: int) -> None:
        """Make unknown what has changed since, of objects that were there before."""

    @abstractmethod
    def through(self, name: str, ref: Ref, arguments: Sequence[Value]) -> Value:
        """The result of a child of a Sequential, called from the Sequential's own forward."""

    @abstractmethod
    def truth(self, value: Value) -> bool | None:
        """Whether the value counts as true; None where that cannot be determined."""

    @abstractmethod
    def iterate(self, value: Value) -> list[Value] | None:
        """The values that a loop over it gives; None where they cannot be determined."""

    @abstractmethod
    def equality(self, kind: ClassRef) -> tuple[str, ...] | None:
        """The attributes by which instances of a class are equal, `()` where by identity alone.

        None where that cannot be determined.
        """

    @abstractmethod
    def elements(self, value: Value) -> list[Value] | None:
        """The same as `iterate`, in any order: those of sets, too."""

    @abstractmethod
    def attribute(self, owner: Value, name: str) -> Value:
        """What a name after a dot means."""

    @abstractmethod
    def set_attribute(self, ref: Ref, name: str, value: Value) -> None:
        """Set an attribute of an instance or register a child of a module."""

    @abstractmethod
    def mro(self, kind: ClassRef) -> list[Value]:
        """The classes in which attributes are looked up; those of other packages as `Library`."""

    @abstractmethod
    def class_attribute(self, kind: ClassRef, name: str) -> tuple[ClassRef, ast.stmt] | None:
        """The statement of a class body that gives an attribute, and the class it is in."""
