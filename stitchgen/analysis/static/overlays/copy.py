"""What `copy.copy` and `copy.deepcopy` give: a new object, of the same parts or of copies of them."""

from __future__ import annotations

from stitchgen.analysis.static.interpreter import Interpreter
from stitchgen.analysis.static.overlays.table import Handler
from stitchgen.analysis.static.values import Choice, ClassRef, Ref, Unknown, Value


def _deep_copy(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    return _copied(machine, arguments[0], {}) if len(arguments) == 1 else Unknown()


def _copies_itself(machine: Interpreter, value: Ref) -> bool:
    """Whether the class of an object decides what a copy of it is."""
    kind = machine.class_of(value)
    return isinstance(kind, ClassRef) and any(
        machine.class_attribute(kind, name) is not None
        for name in ("__copy__", "__deepcopy__", "__reduce__", "__reduce_ex__", "__getstate__")
    )


def _copied(machine: Interpreter, value: Value, copies: dict[int, Ref]) -> Value:
    if not isinstance(value, Ref):
        if isinstance(value, Choice):
            return Unknown("it is a copy of what cannot be determined")
        return value
    if machine.kind(value) == "iterator" or _copies_itself(machine, value):
        return Unknown("it is a copy that its class makes")
    if value.id not in copies:
        twin = Ref(machine.new(machine.kinds[value.id]))
        copies[value.id] = twin
        for key, content in machine.contents(value.id):
            if key == "items" and content is not None:
                if machine.kinds[value.id] == "dict":
                    content = tuple((k, _copied(machine, v, copies)) for k, v in content)
                else:
                    content = tuple(_copied(machine, v, copies) for v in content)
            elif key.startswith(".") and isinstance(content, Value):
                content = _copied(machine, content, copies)
            machine.put(twin.id, key, content)
        if value.id in machine.arguments:
            machine.arguments[twin.id] = machine.arguments[value.id]
    return copies[value.id]


def _shallow_copy(
    machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """A new object with the same parts."""
    value = arguments[0] if len(arguments) == 1 else Unknown()
    if not isinstance(value, Ref):
        return (
            Unknown("it is a copy of what cannot be determined")
            if isinstance(value, Choice)
            else value
        )
    kind = machine.kinds[value.id]
    if kind == "tuple":
        return value
    if machine.is_module(value) or kind == "iterator" or _copies_itself(machine, value):
        return Unknown("it shares its parts with what it is a copy of")
    twin = Ref(machine.new(kind))
    for key, content in machine.contents(value.id):
        machine.put(twin.id, key, content)
    return twin


FUNCTIONS: dict[str, Handler] = {"copy": _shallow_copy, "deepcopy": _deep_copy}
