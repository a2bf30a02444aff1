"""What attributes mean: of instances, of classes, of what `super()` gives; and when they are set."""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from stitchgen.analysis.scope import Scope
from stitchgen.analysis.static import modules
from stitchgen.analysis.static.changes import changes_in
from stitchgen.analysis.static.dataclass_fields import fields_of, is_named_tuple, option
from stitchgen.analysis.static.decorators import binding_of, is_data_class, is_memoised, leave_alone
from stitchgen.analysis.static.lookup import Lookup
from stitchgen.analysis.static.names import canonical, is_module_class
from stitchgen.analysis.static.overlays.torch import sizes
from stitchgen.analysis.static.values import (
    NONE,
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
from stitchgen.source.tree import nodes_in

#: The `__init__` that `dataclass` gives a class.
FIELDS = "dataclasses.__init__"
#: Methods of a class by which its instances may have any attribute.
_LOOKS_UP = ("__getattr__", "__getattribute__")
#: Bases that leave comparisons as they are.
_PLAIN_BASES = frozenset({"builtins.object", "typing.Generic", "abc.ABC", "typing.Protocol"})


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
        if name == "__dict__":
            self.taint(owner)  # it may be filled through it
            return Unknown("it is a __dict__")
        if value is not None:
            return self.element(owner, bound(value), ".", name)
        kind = self.class_of(owner)
        if isinstance(kind, ClassRef):
            found = self.class_attribute(kind, name)
            if found is not None:
                return self._class_member(kind, name, owner)
            if name == "__class__":
                return kind
            if any(self.class_attribute(kind, special) for special in _LOOKS_UP):
                return Unknown("the class has a __getattr__")
        return modules.attribute(self, owner, name)

    def is_as_written(self, kind: ClassRef) -> bool:
        """Whether no decorator of a class, or of a base, may have changed it."""
        return all(
            leave_alone(base.scope.classes[base.name].decorator_list, base.scope)
            for base in self.mro(kind)
            if isinstance(base, ClassRef)
        )

    def _class_member(self, kind: ClassRef, name: str, owner: Ref | None) -> Value:
        if owner is None and not self.is_as_written(kind):
            return Unknown(f"{kind.name} is decorated")
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
            return self._method(base, statement, owner, kind)
        if self.is_enum(kind):
            return Unknown(f"{kind.name} is an enumeration")
        if isinstance(statement, ast.Pass):
            return Unknown(f"{name} of {base.name} is changed elsewhere")
        value = self.get(self.body_of(base), name)
        result = bound(value) if isinstance(value, Value) else Unknown(f"{name} cannot be read")
        if not isinstance(result, Known) and base.name in changes_in(base.scope.tree).names:
            return Unknown(f"{name} of {base.name} is changed in the file")
        if isinstance(result, (Function, Unknown)) or self._is_descriptor(result):
            return Unknown(f"{name} of {base.name} may be bound to the instance")
        if owner is not None and owner.id == self.root:
            return result.having(compound(".", Own(), name))
        term = kind.term if owner is None else self.get(owner.id, "class term")
        return result.having(compound(".", term, name))

    def _method(
        self, base: ClassRef, node: ast.FunctionDef, owner: Ref | None, kind: ClassRef
    ) -> Value:
        """A function of a class, bound as its decorators say."""
        binding = binding_of(node, base.scope)
        if binding == "staticmethod":
            return Function(node, base.scope, owner=base.name)
        if binding == "classmethod":
            return Function(node, base.scope, own=kind, owner=base.name)
        if binding == "property":
            if owner is None:
                return Unknown(f"{node.name} is a property")
            return self.call_function(
                Function(node, base.scope, own=owner, owner=base.name), [], {}
            )
        if not leave_alone(node.decorator_list, base.scope):
            if owner is not None:
                self._may_set(owner, node)
            return Unknown(f"{node.name} is decorated")
        memoised = is_memoised(node.decorator_list, base.scope)
        return Function(node, base.scope, own=owner, owner=base.name, memoised=memoised)

    def _may_set(self, owner: Ref, node: ast.FunctionDef) -> None:
        """Note that a method that is not read may change its instance."""
        self.escape([owner])
        for part in nodes_in(node):
            if isinstance(part, ast.Attribute):
                value = self.get(owner.id, f".{part.attr}")
                if isinstance(part.ctx, ast.Store):
                    self.put(owner.id, f".{part.attr}", Unknown("a decorated method may set it"))
                elif isinstance(value, Value):
                    self.escape([value])

    def _is_descriptor(self, value: Value) -> bool:
        kind = self.class_of(value) if isinstance(value, Ref) else None
        return isinstance(kind, ClassRef) and self.class_attribute(kind, "__get__") is not None

    def equality(self, kind: ClassRef) -> tuple[str, ...] | None:
        for base in self.mro(kind):
            if isinstance(base, ClassRef):
                node = base.scope.classes[base.name]
                if self.own_attribute(base, "__eq__") is not None:
                    return None
                if is_data_class(node, base.scope):
                    equal = option(node, base.scope, "eq")
                    if isinstance(equal, ast.Constant) and not equal.value:
                        continue
                    fields = fields_of(self.mro(base))
                    if equal is not None or fields is None:
                        return None
                    return tuple(field.name for field in fields if field.compared) or None
            elif not isinstance(base, Library) or not (
                base.origin in _PLAIN_BASES or is_module_class(base.origin)
            ):
                return None
        return ()

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
                own = self.own_attribute(base, name)
                if isinstance(own, ast.FunctionDef):
                    return self._method(base, own, receiver, kind)
                if own is not None:
                    return Unknown(f"{name} of {base.name} is no method")
                if name == "__init__" and is_data_class(base.scope.classes[base.name], base.scope):
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
        if value == NONE and self.is_module(self.get(ref.id, place) or NONE):
            self.put(ref.id, "holes", True)  # the place in a container stays
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
        """Whether the class decides what setting an attribute of an instance does."""
        kind = self.class_of(ref)
        if not isinstance(kind, ClassRef):
            return False
        order = self.mro(kind)
        if is_named_tuple(order) or any(
            isinstance(base, ClassRef)
            and option(base.scope.classes[base.name], base.scope, "frozen") is not None
            for base in order
        ):
            return True
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
