"""Constructions like one that the user named: of a class that shares its code, with another class or case.

What is edited is edited for them as well. Read from the source; nothing is run.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping
from typing import Any

from stitchgen.analysis.compared_arguments import (
    Tables,
    comparisons,
    constants,
    looked_up,
    name_of,
    tables_of,
)
from stitchgen.analysis.variants import defaults_of
from stitchgen.source.syntax import Syntax
from stitchgen.source.tree import nodes_in


def relatives_of(syntax: Syntax, expression: str) -> list[str]:
    """The constructions that share code with one, those that differ most from it first."""
    try:
        node = ast.parse(expression, mode="eval").body
    except SyntaxError:
        return []
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return []
    return [*of_other_cases(syntax, node), *with_other_classes(syntax, node), *alike(syntax, node)]


def alike(syntax: Syntax, call: ast.Call) -> list[str]:
    """The same with each other class of the file that shares code with its own: what one of them inherits
    is edited for all."""
    own = syntax.lineage(ast.unparse(call.func))
    classes = [node.name for node in syntax.tree.body if isinstance(node, ast.ClassDef)]
    others = [one for one in classes if one not in own and set(own) & set(syntax.lineage(one))]
    return [ast.unparse(ast.Call(ast.Name(name), call.args, call.keywords)) for name in others]


def with_other_classes(syntax: Syntax, call: ast.Call) -> list[str]:
    """The same with another class passed: `Net(Bottleneck, ...)` beside `Net(BasicBlock, ...)`."""
    found = []
    for place in passed(call):
        if isinstance(place, ast.Name) and syntax.class_named(place.id) is not None:
            for other in standing_in(syntax, place.id):
                found.append(with_replaced(call, place, ast.Name(other, ast.Load())))
    return found


def standing_in(syntax: Syntax, name: str) -> list[str]:
    """The classes of the file that are made and asked like one: equal arguments and class attributes."""
    own = outside_of(syntax, name)
    if own is None or not own[1]:
        return []
    others = [node.name for node in syntax.tree.body if isinstance(node, ast.ClassDef)]
    return [other for other in others if other != name and outside_of(syntax, other) == own]


def outside_of(syntax: Syntax, name: str) -> tuple[list[str], set[str]] | None:
    """What a class looks like to who makes it: its constructor's arguments, and its own attributes."""
    function = syntax.method(name, "__init__")
    node = syntax.class_named(name)
    if function is None or node is None:
        return None
    attributes = {
        target.id
        for statement in node.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name) and not target.id.startswith("__")
    }
    return list(defaults_of(function.args)), attributes


def of_other_cases(syntax: Syntax, call: ast.Call) -> list[str]:
    """The calls of the same function in other cases that it tells apart: `resnet(50)` beside `resnet(18)`.

    Of the cases that read the same names one is enough: they differ in a number.
    """
    function = syntax.function(ast.unparse(call.func))
    if function is None:
        return []
    names = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
    given = dict(zip(names, call.args)) | {one.arg: one.value for one in call.keywords if one.arg}
    found = []
    tables = tables_of(syntax.tree)
    for parameter, place in given.items():
        if not isinstance(place, ast.Constant):
            continue
        cases = cases_of(function, parameter, tables)
        seen = [cases.get(place.value, frozenset())]
        for constant, read in cases.items():
            if read not in seen:
                seen.append(read)
                found.append(with_replaced(call, place, ast.Constant(constant)))
    return found


def cases_of(function: ast.AST, parameter: str, tables: Tables) -> Mapping[Any, frozenset[str]]:
    """The constants that a function tells a parameter apart by, with the names that each case reads."""
    found: dict[Any, frozenset[str]] = {}
    for node in nodes_in(function):
        for name, constant, parts in cases_at(node, tables):
            if name == parameter:
                read = {text for part in parts for text in names_of(part)}
                found[constant] = found.get(constant, frozenset()) | read
    return found


def cases_at(node: ast.AST, tables: Tables) -> Iterator[tuple[str, Any, list[ast.AST]]]:
    """`if depth == 50: ...`, `SPEC[depth]` of `SPEC = {50: ...}`, `match depth: case 50: ...`."""
    table = looked_up(node, tables)
    if table is not None:
        for key, value in zip(table[0].keys, table[0].values):
            for name, constant in constants(name_of(table[1]) or "", key):
                yield name, constant, [value]
        return
    match node:
        case ast.If(test=test, body=body) | ast.IfExp(test=test, body=body):
            parts: list[ast.AST] = [*body] if isinstance(body, list) else [body]
            for name, constant in comparisons(test):
                yield name, constant, parts
        case ast.Match(subject=subject, cases=cases):
            for case in cases:
                if isinstance(case.pattern, ast.MatchValue):
                    for name, constant in constants(name_of(subject) or "", case.pattern.value):
                        yield name, constant, [*case.body]


def names_of(node: ast.AST) -> Iterator[str]:
    """The names and attributes that are read."""
    for part in nodes_in(node):
        if isinstance(part, (ast.Name, ast.Attribute)) and isinstance(part.ctx, ast.Load):
            yield part.id if isinstance(part, ast.Name) else part.attr


def passed(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def with_replaced(call: ast.Call, place: ast.expr, other: ast.expr) -> str:
    """The call with one of its arguments replaced."""
    changed = copy.copy(call)
    changed.args = [other if one is place else one for one in call.args]
    changed.keywords = [
        ast.keyword(one.arg, other if one.value is place else one.value) for one in call.keywords
    ]
    return ast.unparse(changed)
