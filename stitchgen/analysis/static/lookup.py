"""What names mean: those of a function, of a file, of the files it imports from, and of classes.

Classes are looked at as their text stands; the order of their bases is that in which Python looks
attributes up.
"""

from __future__ import annotations

import ast
import functools
import re
from abc import abstractmethod
from dataclasses import dataclass, field

from stitchgen.analysis.scope import Scope
from stitchgen.analysis.static.changes import changes_in
from stitchgen.analysis.static.decorators import is_memoised, leave_alone
from stitchgen.analysis.static.frames import Frame, Running
from stitchgen.analysis.static.names import (
    is_builtin,
    is_known_package,
    is_module_class,
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
from stitchgen.source.tree import imported_names, nodes_in


@dataclass
class Lookup(Running):
    """Names, and the classes they are of."""

    globals: dict[tuple[int, str], Value] = field(default_factory=dict)
    orders: dict[tuple[int, str], list[Value]] = field(default_factory=dict)  # of base classes
    module_classes: dict[tuple[int, str], bool] = field(default_factory=dict)
    defaults: dict[int, tuple[Value | None, ...]] = field(default_factory=dict)
    overridden: set[tuple[int, str, str]] = field(default_factory=set)  # attributes of classes
    bodies: dict[int, int] = field(default_factory=dict)  # frames of class bodies that have run

    @abstractmethod
    def body_of(self, kind: ClassRef) -> int:
        """The frame in which the body of a class has run."""

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
            if not leave_alone(function.decorator_list, scope):
                return Unknown(f"{name} is decorated")
            return Function(function, scope, memoised=is_memoised(function.decorator_list, scope))
        if name in scope.classes:
            return ClassRef(scope, name, term=Global(id(scope), name))
        if name in scope.imports:
            value = self.imported(scope.imports[name], scope)
            if isinstance(value, (Ref, Unknown)) and name in changes_in(scope.tree).names:
                return Unknown(f"{name} is changed in the file")
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
            value = self._evaluate_apart(scope.constants[name], scope, f"{name} raises")
            if not isinstance(value, Known) and name in changes_in(scope.tree).names:
                value = Unknown(f"{name} is changed after it is bound")
            if not isinstance(value, Unknown):
                value = value.having(Global(id(scope), name))
            self.globals[place] = value
        return self.globals[place]

    def _body_around(self, function: Function) -> int | None:
        """The frame of the class body in which a method's defaults are evaluated."""
        arguments = function.node.args
        given = [node for node in (*arguments.defaults, *arguments.kw_defaults) if node]
        if function.owner is None or function.owner not in function.scope.classes:
            return None
        if all(isinstance(node, ast.Constant) for node in given):
            return None
        return self.body_of(ClassRef(function.scope, function.owner))

    def _evaluate_apart(
        self, node: ast.expr, scope: Scope, reason: str, around: int | None = None
    ) -> Value:
        """The value of an expression that is evaluated when the file is imported."""
        first, mark = len(self.kinds), len(self.log)
        undecided, self.undecided = self.undecided, 0
        frame = Frame(self.new("frame"), scope, "<module>")
        if around is not None:
            self.put(frame.id, "^", around)
        try:
            return self.evaluate(node, frame)
        except Raised:
            self.undo(mark)
            return Unknown(reason)
        finally:
            self.undecided = undecided
            self.keep(first, mark)

    def defaults_of(self, function: Function) -> tuple[Value | None, ...]:
        """The defaults of a function's parameters: one object each for all its calls."""
        if function.defaults is not None:
            return function.defaults
        arguments = function.node.args
        if not arguments.defaults and not arguments.kw_defaults:
            return ()
        if id(function.node) not in self.defaults:
            self.defaults[id(function.node)] = tuple(
                (
                    None
                    if default is None
                    else self._evaluate_apart(
                        default, function.scope, "a default raises", self._body_around(function)
                    )
                )
                for default in (*arguments.defaults, *arguments.kw_defaults)
            )
        return self.defaults[id(function.node)]

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
            found = self.own_attribute(base, name)
            if found is not None:
                return base, found
        return None

    def own_attribute(self, kind: ClassRef, name: str) -> ast.stmt | None:
        """The same of the class itself; a `pass` where another place of the code sets it."""
        found = _bound_by(kind.scope.classes[kind.name]).get(name)
        if (id(kind.scope), kind.name, name) in self.overridden:
            return ast.Pass()
        if found is not None:
            changed = changes_in(kind.scope.tree).attributes
            if name in changed or "*" in changed:
                return ast.Pass()
        return found

    def override(self, kind: ClassRef, name: str) -> None:
        """Note that running code sets an attribute of a class."""
        self.overridden.add((id(kind.scope), kind.name, name))


@functools.lru_cache(maxsize=1024)
def _bound_by(node: ast.ClassDef) -> dict[str, ast.stmt]:
    """The names of a class with the last statement of its body that binds each."""
    found: dict[str, ast.stmt] = {}
    for statement in node.body:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found[name] = statement
            case ast.ClassDef(name=name):
                found[name] = statement
            case ast.AnnAssign(value=None):
                pass
            case ast.Import() | ast.ImportFrom():
                found.update((name, statement) for name, _ in imported_names(statement))
            case _:
                for inner in nodes_in(statement):
                    match inner:
                        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                            found[name] = statement
                        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                            found[name] = statement
    return found
