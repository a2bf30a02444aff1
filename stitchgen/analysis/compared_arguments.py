"""The constants that a class tells its arguments apart by: in its methods, and in the functions, methods and
constructors that it hands them to, as far as these are in the project."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from stitchgen.project.model_functions import Names, definition_in
from stitchgen.project.ways_in import ImportGraph
from stitchgen.source.syntax import Syntax
from stitchgen.source.tree import nodes_in

Constant = bool | int | float | str | None
#: The constants that something is compared with, in the order in which they are written.
Fields = Mapping[Constant, None]
#: Dictionaries that have a name.
Tables = Mapping[str, ast.Dict]
NO_TABLES: Tables = {}
#: How far an argument is followed, from function to function.
DEEPEST = 4


@dataclass(frozen=True)
class File:
    """A file whose functions are followed, and the project in which its imports are looked up."""

    tree: ast.Module
    path: Path | None = None
    project: ImportGraph | None = None

    def called(self, name: str) -> tuple[File, ast.FunctionDef | ast.ClassDef] | None:
        """What a plain name stands for: a function or class of the file, or one that it imports from the project."""
        for node in self.tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
                return self, node
        if self.project is None or self.path is None:
            return None
        imported = Names.of(self.tree).imported.get(name)
        found = definition_in(self.project, self.path, *imported) if imported is not None else None
        tree = self.project.tree(found[0]) if found is not None else None
        if found is None or tree is None:
            return None
        return File(tree, found[0], self.project), found[1]


def compared_with(
    syntax: Syntax, class_name: str, file: Path | None = None, project: ImportGraph | None = None
) -> dict[str, dict[Constant, None]]:
    """The constants that a class and its bases in the file tell its arguments apart by, by name."""
    found: dict[str, dict[Constant, None]] = {}
    reading = Reading(File(syntax.tree, file, project))
    for name in syntax.lineage(class_name):
        definition = syntax.class_named(name)
        if definition is not None:
            merge(found, reading.of(definition, definition, DEEPEST))
    return found


def merge(found: dict[str, dict[Constant, None]], more: Mapping[str, Fields]) -> None:
    for name, values in more.items():
        found.setdefault(name, {}).update(values)


class Reading:
    """What the functions of one file compare their arguments with."""

    def __init__(self, file: File, others: dict[int, Reading] | None = None) -> None:
        self.file = file
        self.tables = tables_of(file.tree)
        #: Of the other files, by their trees, which the project keeps.
        self.others = {} if others is None else others
        self.others[id(file.tree)] = self
        self.known: dict[int, dict[str, dict[Constant, None]]] = {}

    def of(
        self, node: ast.AST, owner: ast.ClassDef | None, depth: int
    ) -> dict[str, dict[Constant, None]]:
        """By the names in a function or class, whose methods are those of `owner`."""
        found: dict[str, dict[Constant, None]] = {}
        for part in nodes_in(node):
            for name, constant in comparisons(part, self.tables):
                found.setdefault(name, {})[constant] = None
            if isinstance(part, ast.Call) and depth and has_name(part):
                merge(found, self.handed_on(part, owner, depth - 1))
        return found

    def handed_on(
        self, call: ast.Call, owner: ast.ClassDef | None, depth: int
    ) -> dict[str, dict[Constant, None]]:
        """What a call's arguments are compared with in what is called, by their names here."""
        reading, inner = self, owner
        match call.func:
            case ast.Attribute(value=ast.Name(id="self"), attr=method) if owner is not None:
                function = method_of(owner, method)
            case ast.Name(id=name):
                located = self.file.called(name)
                if located is None:
                    return {}
                file, definition = located
                reading = self.others.get(id(file.tree)) or Reading(file, self.others)
                if isinstance(definition, ast.ClassDef):
                    function, inner = method_of(definition, "__init__"), definition
                else:
                    function, inner = definition, None
            case _:
                return {}
        if function is None:
            return {}
        if id(function) not in reading.known:
            reading.known[id(function)] = {}  # a function that calls itself hands nothing new on
            reading.known[id(function)] = reading.of(function, inner, depth)
        compared = reading.known[id(function)]
        parameters = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
        given: list[tuple[str | None, ast.expr]] = [
            *zip(parameters[inner is not None :], call.args),
            *((one.arg, one.value) for one in call.keywords),
        ]
        return {
            own: compared[parameter]
            for parameter, value in given
            if parameter in compared and (own := name_of(value)) is not None
        }


def has_name(call: ast.Call) -> bool:
    """Whether an argument is a name or an attribute."""
    return any(name_of(one) for one in (*call.args, *(one.value for one in call.keywords)))


def method_of(definition: ast.ClassDef, name: str) -> ast.FunctionDef | None:
    methods = (node for node in definition.body if isinstance(node, ast.FunctionDef))
    return next((one for one in methods if one.name == name), None)


def tables_of(tree: ast.Module) -> dict[str, ast.Dict]:
    """The dictionaries that a file writes out, by the last name: `SPEC = {18: ..., 50: ...}`, `self.sizes = {...}`."""
    found: dict[str, ast.Dict] = {}
    for statement in nodes_in(tree):
        match statement:
            case ast.Assign(targets=[target], value=ast.Dict() as value):
                found[name_last(target)] = value
            case ast.AnnAssign(target=target, value=ast.Dict() as value):
                found[name_last(target)] = value
    return found


def looked_up(node: ast.AST, tables: Tables) -> tuple[ast.Dict, ast.expr] | None:
    """The dictionary and the key of `{...}[kind]`, `SPEC[kind]`, `self.SPEC[kind]`, `SPEC.get(kind)`."""
    match node:
        case ast.Subscript(value=value, slice=key):
            pass
        case ast.Call(func=ast.Attribute(value=value, attr="get"), args=[key, *_]):
            pass
        case _:
            return None
    table = value if isinstance(value, ast.Dict) else tables.get(name_last(value))
    return None if table is None else (table, key)


def name_last(node: ast.expr) -> str:
    return str(getattr(node, "id", "") or getattr(node, "attr", ""))


def comparisons(node: ast.AST, tables: Tables = NO_TABLES) -> Iterator[tuple[str, Constant]]:
    """`kind == "bn"`, `kind in ("bn", "gn")`, `{"bn": ...}[kind]`, `match kind`, of an argument or attribute.

    `tables` are dictionaries that have a name.
    """
    table = looked_up(node, tables)
    if table is not None and (name := name_of(table[1])) is not None:
        for key in table[0].keys:
            yield from constants(name, key)
        return
    match node:
        case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq()], comparators=[right]):
            for one, other in ((left, right), (right, left)):
                if (name := name_of(one)) is not None and isinstance(other, ast.Constant):
                    yield from constants(name, other)
        case ast.Compare(left=left, ops=[ast.In() | ast.NotIn()], comparators=[right]):
            if (name := name_of(left)) is not None and isinstance(
                right, (ast.Tuple, ast.List, ast.Set)
            ):
                for one in right.elts:
                    yield from constants(name, one)
        case ast.Match(subject=subject, cases=cases):
            if (name := name_of(subject)) is not None:
                for case in cases:
                    if isinstance(case.pattern, ast.MatchValue):
                        yield from constants(name, case.pattern.value)


def constants(name: str, node: ast.expr | None) -> Iterator[tuple[str, Constant]]:
    if isinstance(node, ast.Constant) and isinstance(node.value, (str, int, float)):
        if not isinstance(node.value, bool):
            yield name, node.value


def name_of(node: ast.expr) -> str | None:
    """`kind` of `kind` and of `self.kind`; `opt.kind` of `opt.kind`, of `self.opt.kind` and of `opt["kind"]`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(value=ast.Name(id="self"), attr=name):
            return name
        case ast.Attribute(value=owner, attr=name) | ast.Subscript(
            value=owner, slice=ast.Constant(value=str(name))
        ):
            around = name_of(owner)
            return None if around is None else f"{around}.{name}"
    return None
