"""What names mean: those of a function, of a file, of the files it imports from, and of classes.

Classes are looked at as their text stands;
the order of their bases is that in which Python looks attributes up.
"""

from __future__ import annotations

import ast
import re
from abc import abstractmethod
from dataclasses import dataclass, field

from stitchgen.analysis.scope import Scope
from stitchgen.analysis.static.frames import Frame, Running
from stitchgen.analysis.static.names import (
    is_builtin,
    is_known_package,
    is_module_class,
    is_transparent,
)
from stitchgen.analysis.static.values import (
    ClassRef,
    Function,
    Global,
    Known,
    Library,
    Raised,
    Ref,
    Unknown,
    Value,
    bound,
)


@dataclass
class Lookup(Running):
    """Names, and the classes they are of."""

    globals: dict[tuple[int, str], Value] = field(default_factory=dict)
    orders: dict[tuple[int, str], list[Value]] = field(default_factory=dict)  # of base classes
    module_classes: dict[tuple[int, str], bool] = field(default_factory=dict)

    @abstractmethod
    def evaluate(self, node: ast.expr, frame: Frame) -> Value:
        """The value of an expression."""

    # Names ----------------------------------------------------------------------------------

    def lookup(self, name: str, frame: Frame) -> Value:
        current: int | None = frame.id
        while current is not None:
            value = self.get(current, name)
            if value is not None:
                return bound(value)
            current = self.get(current, "^")
        return self.global_value(name, frame.scope)

    def global_value(self, name: str, scope: Scope) -> Value:
        if name in scope.functions:
            function = scope.functions[name]
            if any(not is_transparent(d) for d in function.decorator_list):
                return Unknown(f"{name} is decorated")
            return Function(function, scope)
        if name in scope.classes:
            return ClassRef(scope, name, term=Global(id(scope), name))
        if name in scope.imports:
            value = self.imported(scope.imports[name], scope)
            if isinstance(value, (ClassRef, Known)):
                return value.having(Global(id(scope), name))
            return value
        if name in scope.constants:
            return self.constant(name, scope)
        if is_builtin(name) and name not in scope.ambiguous:
            return Library(f"builtins.{name}")
        return Unknown(f"{name} is not defined at one place of the file")

    def imported(self, origin: str, scope: Scope) -> Value:
        if scope.project is not None and not is_known_package(origin):
            located = scope.project.locate(origin)
            if located is not None:
                return self.global_value(located[1], located[0]).having(None)
        return Library(origin)

    def constant(self, name: str, scope: Scope) -> Value:
        place = (id(scope), name)
        if place not in self.globals:
            self.globals[place] = Unknown(f"{name} is defined by itself")
            frame = Frame(self.new("frame"), scope, "<module>")
            first = len(self.kinds)
            try:
                value = self.evaluate(scope.constants[name], frame)
            except Raised:
                value = Unknown(f"{name} raises")
            self.lasting.update(range(first, len(self.kinds)))
            if not isinstance(value, Unknown):
                value = value.having(Global(id(scope), name))
            self.globals[place] = value
        return self.globals[place]

    # Classes --------------------------------------------------------------------------------

    def class_named(self, expression: ast.expr, scope: Scope) -> Value:
        origin = scope.origin(expression)
        if isinstance(expression, ast.Name):
            return self.global_value(expression.id, scope)
        if origin is not None:
            return self.imported(origin, scope)
        return Unknown()

    def mro(self, kind: ClassRef) -> list[Value]:
        """The classes in which attributes are looked up; those of other packages as `Library`."""
        place = (id(kind.scope), kind.name)
        if place in self.orders:
            return self.orders[place]
        order: list[Value] = [kind]
        self.orders[place] = order
        for base in kind.scope.classes[kind.name].bases:
            if isinstance(base, ast.Subscript):
                base = base.value
            value = self.class_named(base, kind.scope)
            for found in self.mro(value) if isinstance(value, ClassRef) else [value]:
                if found in order:
                    order.remove(found)
                order.append(found)
        return order

    def is_enum(self, kind: ClassRef) -> bool:
        return any(
            isinstance(base, Library) and re.search(r"(^|\.)\w*(Enum|Flag)$", base.origin)
            for base in self.mro(kind)
        )

    def is_module(self, value: Value) -> bool:
        if not isinstance(value, Ref) or self.kinds[value.id] != "instance":
            return isinstance(value, Ref) and self.kinds[value.id] == "module"
        kind = self.class_of(value)
        if not isinstance(kind, ClassRef):
            return False
        key = (id(kind.scope), kind.name)
        if key not in self.module_classes:
            self.module_classes[key] = any(
                isinstance(base, Library) and is_module_class(base.origin)
                for base in self.mro(kind)
            )
        return self.module_classes[key]

    def class_attribute(self, kind: ClassRef, name: str) -> tuple[ClassRef, ast.stmt] | None:
        """The statement of a class body that gives an attribute, and the class it is in."""
        for base in self.mro(kind):
            if not isinstance(base, ClassRef):
                continue
            found: list[ast.stmt] = []
            for statement in base.scope.classes[base.name].body:
                match statement:
                    case ast.FunctionDef(name=defined) | ast.AsyncFunctionDef(name=defined):
                        if defined == name:
                            found.append(statement)
                    case ast.Assign(targets=[ast.Name(id=defined)]) if defined == name:
                        found.append(statement)
                    case ast.AnnAssign(target=ast.Name(id=defined), value=ast.expr()) if (
                        defined == name
                    ):
                        found.append(statement)
            if found:
                return base, found[-1]
        return None
