"""What attributes mean: of instances, of classes, of what `super()` gives; and when they are set."""

from __future__ import annotations

import ast
import re
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from stitchgen.analysis.scope import Scope
from stitchgen.analysis.static import modules
from stitchgen.analysis.static.frames import Frame
from stitchgen.analysis.static.lookup import Lookup
from stitchgen.analysis.static.names import canonical, is_module_class, is_transparent
from stitchgen.analysis.static.tensors import sizes
from stitchgen.analysis.static.values import (
    UNBOUND,
    Choice,
    ClassRef,
    Function,
    Known,
    Library,
    Method,
    Opaque,
    Own,
    Partial,
    Ref,
    Super,
    Tensor,
    Unknown,
    Value,
    bound,
    compound,
)

#: The `__init__` that `dataclass` gives a class.
FIELDS = "dataclasses.__init__"


@dataclass(frozen=True)
class Definition:
    """When and where an attribute was set: the running statements of the `__init__`s around."""

    order: int
    inits: tuple[tuple[str, str, ast.stmt, Scope], ...]  # (class, function, statement, file)


@dataclass
class Attributes(Lookup):
    """The attributes of everything that has any."""

    definitions: dict[tuple[int, str], Definition] = field(default_factory=dict)

    @abstractmethod
    def call_function(
        self, function: Function, arguments: Sequence[Value], keywords: dict[str, Value]
    ) -> Value:
        """What a function of the project returns."""

    def attribute(self, owner: Value, name: str) -> Value:
        match owner:
            case Choice(values=values):
                found = []
                for choice in values:
                    if choice is UNBOUND or (isinstance(choice, Known) and choice.value is None):
                        continue  # would raise
                    found.append(self.attribute(choice, name))
                return self.merge(found) if found else Unknown()
            case Ref() if self.kinds[owner.id] in {"instance", "module"}:
                return self.instance_attribute(owner, name)
            case Ref() | Known():
                return Method(owner, name)
            case ClassRef():
                return self._class_member(owner, name, None)
            case Library(origin=origin):
                return self.imported_member(origin, name)
            case Super(receiver=receiver, scope=scope, owner=owner_class):
                return self._super_attribute(receiver, scope, owner_class, name)
            case Tensor():
                return sizes(self, owner) if name == "shape" else Method(owner, name)
            case Opaque():
                return Opaque(term=compound(".", owner.term, name) or self.fresh().term)
            case Partial():
                return Method(owner, name)
            case Function():
                return Unknown("it is an attribute of a function")
        return Unknown(getattr(owner, "reason", "it is an attribute of something unknown"))

    def imported_member(self, origin: str, name: str) -> Value:
        if self.frames:
            return self.imported(f"{origin}.{name}", self.frames[-1].scope)
        return Library(f"{origin}.{name}")

    def instance_attribute(self, owner: Ref, name: str) -> Value:
        if self.get(owner.id, "tainted"):
            return Unknown("the object went through a function that reading does not know")
        value = self.get(owner.id, f".{name}")
        if value is not None:
            return self.element(owner, bound(value), ".", name)
        kind = self.class_of(owner)
        if isinstance(kind, ClassRef):
            found = self.class_attribute(kind, name)
            if found is not None:
                return self._class_member(kind, name, owner)
            if name == "__class__":
                return kind
            if self.class_attribute(kind, "__getattr__") is not None:
                return Unknown("the class has a __getattr__")
        return modules.attribute(self, owner, name)

    def _class_member(self, kind: ClassRef, name: str, owner: Ref | None) -> Value:
        found = self.class_attribute(kind, name)
        if found is None:
            if name == "__name__":
                return Known(kind.name)
            for base in self.mro(kind):
                if isinstance(base, Library) and owner is None:
                    return Library(f"{base.origin}.{name}")
            return Unknown("the class does not have the attribute")
        base, statement = found
        if isinstance(statement, ast.FunctionDef):
            decorators = {ast.unparse(decorator) for decorator in statement.decorator_list}
            function = Function(statement, base.scope, owner=base.name)
            if decorators == {"staticmethod"}:
                return Function(statement, base.scope, owner=base.name)
            if decorators == {"classmethod"}:
                return Function(statement, base.scope, own=kind, owner=base.name)
            if decorators == {"property"} and owner is not None:
                bound_function = Function(statement, base.scope, own=owner, owner=base.name)
                return self.call_function(bound_function, [], {})
            if any(not is_transparent(d) for d in statement.decorator_list):
                return Unknown(f"{name} is decorated")
            if owner is not None:
                return Function(statement, base.scope, own=owner, owner=base.name)
            return function
        if self.is_enum(kind):
            return Unknown(f"{kind.name} is an enumeration")
        value = statement.value  # type: ignore[attr-defined]
        frame = Frame(self.new("frame"), base.scope, "<class>")
        first = len(self.kinds)
        result = self.evaluate(value, frame)
        self.lasting.update(range(first, len(self.kinds)))
        if owner is not None and owner.id == self.root:
            return result.having(compound(".", Own(), name))
        term = kind.term if owner is None else self.get(owner.id, "class term")
        return result.having(compound(".", term, name))

    def _super_attribute(self, receiver: Value, scope: Scope, owner_class: str, name: str) -> Value:
        if not isinstance(receiver, Ref):
            return Unknown()
        kind = self.class_of(receiver)
        if not isinstance(kind, ClassRef):
            return Unknown()
        order = self.mro(kind)
        start = next(
            (
                index
                for index, base in enumerate(order)
                if isinstance(base, ClassRef) and base.scope is scope and base.name == owner_class
            ),
            None,
        )
        if start is None:
            return Unknown()
        for base in order[start + 1 :]:
            if isinstance(base, ClassRef):
                for statement in base.scope.classes[base.name].body:
                    if isinstance(statement, ast.FunctionDef) and statement.name == name:
                        return Function(statement, base.scope, own=receiver, owner=base.name)
                if name == "__init__" and is_data_class(base):
                    return Partial(Library(FIELDS), (receiver, base), ())
            elif isinstance(base, Library):
                if is_module_class(base.origin) or base.origin == "builtins.object":
                    return Method(receiver, f"{canonical(base.origin)}:{name}")
                return Unknown(f"{base.origin} is not known")
            else:
                return Unknown()
        return Method(receiver, f"builtins.object:{name}")

    def set_attribute(self, ref: Ref, name: str, value: Value) -> None:
        place = f".{name}"
        if self.get(ref.id, place) is None or self.get(ref.id, place) is UNBOUND:
            order = self.get(ref.id, "order") or ()
            if name not in order:
                self.put(ref.id, "order", (*order, name))
        self.put(ref.id, place, value)
        if self.root is None:
            return
        inits = tuple(
            (frame.owner or "", frame.function, frame.statement, frame.scope)
            for frame in self.frames
            if isinstance(frame.own, Ref)
            and frame.own.id == self.root
            and frame.function.endswith(".__init__")
            and frame.statement is not None
        )
        if inits:
            self.definitions[ref.id, name] = Definition(len(self.definitions) + self.steps, inits)

    def class_setter(self, ref: Ref, name: str) -> bool:
        kind = self.class_of(ref)
        if not isinstance(kind, ClassRef):
            return False
        if self.class_attribute(kind, "__setattr__") is not None:
            return True
        found = self.class_attribute(kind, name)
        return found is not None and isinstance(found[1], ast.FunctionDef)

    def children(self, ref: Ref) -> list[tuple[str, Value]]:
        """The registered children of a module, in order."""
        found = []
        if self.get(ref.id, "grown"):
            return []
        for name in self.get(ref.id, "order") or ():
            value = self.get(ref.id, f".{name}")
            if isinstance(value, Choice):
                value = next((v for v in value.values if self.is_module(v)), value)
            if value is not None and self.is_module(value):
                found.append((name, value))
        return found


def is_data_class(kind: ClassRef) -> bool:
    names = (ast.unparse(d) for d in kind.scope.classes[kind.name].decorator_list)
    return any(re.fullmatch(r"(dataclasses\.)?dataclass(\(.*\))?", name) for name in names)
