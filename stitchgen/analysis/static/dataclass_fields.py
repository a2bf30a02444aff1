"""What `dataclass` and `NamedTuple` make of the annotations of a class: its fields."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from stitchgen.analysis.scope import Scope
from stitchgen.analysis.static.decorators import DATA_CLASS, decorator_origin, is_data_class
from stitchgen.analysis.static.values import ClassRef, Library, Value

_SPECIAL = re.compile(r"\b(InitVar|KW_ONLY)\b")
_FIELD_ARGUMENTS = frozenset(
    {"default", "default_factory", "init", "compare", "repr", "hash", "metadata"}
)


@dataclass(frozen=True)
class Field:
    name: str
    scope: Scope
    default: ast.expr | None
    factory: ast.expr | None = None
    given: bool = True  # a parameter of `__init__`
    compared: bool = True


def is_named_tuple(order: list[Value]) -> bool:
    return any(isinstance(base, Library) and base.origin == "typing.NamedTuple" for base in order)


def option(node: ast.ClassDef, scope: Scope, name: str) -> ast.expr | None:
    """An argument of the `dataclass` decorator: `eq`, `frozen`."""
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and decorator_origin(decorator, scope) == DATA_CLASS:
            for keyword in decorator.keywords:
                if keyword.arg == name:
                    return keyword.value
    return None


def fields_of(order: list[Value]) -> list[Field] | None:
    """The fields of a class by its bases, itself first; None where they cannot be determined."""
    found: dict[str, Field] = {}
    tuples = is_named_tuple(order)
    for base in reversed(order):
        if not isinstance(base, ClassRef):
            continue
        node = base.scope.classes[base.name]
        if not tuples and not is_data_class(node, base.scope):
            continue
        if option(node, base.scope, "init") is not None:
            return None
        for statement in node.body:
            if not isinstance(statement, ast.AnnAssign):
                continue
            if not isinstance(statement.target, ast.Name):
                continue
            annotation = ast.unparse(statement.annotation)
            if _SPECIAL.search(annotation):
                return None
            if "ClassVar" in annotation:
                continue
            field = _field(statement.target.id, statement.value, base.scope)
            if field is None:
                return None
            found[field.name] = field
    return list(found.values())


def _field(name: str, value: ast.expr | None, scope: Scope) -> Field | None:
    if not isinstance(value, ast.Call) or scope.origin(value.func) != "dataclasses.field":
        return Field(name, scope, value)
    given: dict[str, ast.expr] = {}
    for keyword in value.keywords:
        if keyword.arg not in _FIELD_ARGUMENTS:
            return None
        given[keyword.arg] = keyword.value
    flags = dict.fromkeys(("init", "compare"), True)
    for key in flags:
        one = given.get(key, ast.Constant(True))
        if not isinstance(one, ast.Constant):
            return None
        flags[key] = bool(one.value)
    return Field(
        name,
        scope,
        given.get("default"),
        given.get("default_factory"),
        flags["init"],
        flags["compare"],
    )
