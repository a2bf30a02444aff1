"""What a file changes in its own names after binding them: `TABLE["x"] = 3`, `Net.width = 4`.

Constants are read where they are bound, and classes where they are defined. What other statements
and functions of the file do to them is looked for in the text: such a name has no certain value.
"""

from __future__ import annotations

import ast
import builtins
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from stitchgen.analysis.scope import Function
from stitchgen.analysis.static.names import MUTATORS
from stitchgen.source.tree import nodes_in, top_level

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass
class Changes:
    """The names that a file changes in place, and the attributes that it sets on classes."""

    names: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)  # "*" where a name is computed


@functools.lru_cache(maxsize=256)
def changes_in(tree: ast.Module) -> Changes:
    """What a file changes after binding it, as far by its text."""
    found = Changes()
    classes = {node.name for node in nodes_in(tree) if isinstance(node, ast.ClassDef)}
    _collect(tree, frozenset(), classes, found)
    functions = {node.name: node for node in tree.body if isinstance(node, Function)}
    functions |= {
        node.name: method
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        for method in node.body
        if isinstance(method, Function) and method.name == "__init__"
    }
    edges: list[tuple[set[str], set[str]]] = []
    for statement in top_level(tree.body):
        if isinstance(statement, (*Function.__args__, ast.ClassDef)):
            continue
        for call in _calls(statement):
            if _may_change(call.func, functions, alone=isinstance(statement, ast.Expr)):
                arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
                found.names |= {name for one in arguments for name in _shared_by(one)}
        match statement:
            case ast.Assign(targets=targets, value=value):
                edges.append(({n for t in targets for n in _names(t)}, set(_shared_by(value))))
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                edges.append((set(_names(target)), set(_shared_by(value))))
            case ast.For(target=target, iter=value):
                edges.append((set(_names(target)), set(_names(value))))
    before = -1
    while before != len(found.names):
        before = len(found.names)
        for bound, shared in edges:
            if bound & found.names:
                found.names |= shared
    return found


def _collect(node: ast.AST, local: frozenset[str], classes: set[str], found: Changes) -> None:
    if isinstance(node, _SCOPES):
        local = local | _bound_in(node)
    match node:
        case ast.Attribute(value=owner, attr=name, ctx=ast.Store() | ast.Del()):
            _note(owner, local, found)
            if _is_class(owner, local, classes):
                found.attributes.add(name)
        case ast.Subscript(value=owner, ctx=ast.Store() | ast.Del()):
            _note(owner, local, found)
        case ast.AugAssign(target=ast.Name(id=name)) if name not in local:
            found.names.add(name)
        case ast.Call(func=ast.Attribute(value=owner, attr=name)) if name in MUTATORS:
            _note(owner, local, found)
        case ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[owner, name, *_]):
            _note(owner, local, found)
            if _is_class(owner, local, classes):
                known = isinstance(name, ast.Constant)
                found.attributes.add(str(name.value) if known else "*")  # type: ignore[attr-defined]
    for child in ast.iter_child_nodes(node):
        _collect(child, local, classes, found)


def _note(owner: ast.expr, local: frozenset[str], found: Changes) -> None:
    root = _root(owner)
    if root is not None and root not in local:
        found.names.add(root)


def _root(node: ast.AST) -> str | None:
    """The name that an expression starts with: `a` of `a.b[0].setdefault(c, [])`."""
    while True:
        match node:
            case ast.Attribute(value=value) | ast.Subscript(value=value):
                node = value
            case ast.Call(func=ast.Attribute(value=value)):
                node = value
            case ast.Name(id=name):
                return name
            case _:
                return None


def _is_class(owner: ast.expr, local: frozenset[str], classes: set[str]) -> bool:
    """Whether an expression may mean a class: `Net`, `cls`, `type(self)`, `self.__class__`."""
    match owner:
        case ast.Name(id=name):
            return name in classes or name == "cls" or name not in local
        case ast.Call(func=ast.Name(id="type")) | ast.Attribute(attr="__class__"):
            return True
    return False


def _bound_in(function: ast.AST) -> frozenset[str]:
    """The names that a function binds itself."""
    names: set[str] = set()
    outer: set[str] = set()
    for node in nodes_in(function):
        match node:
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.Global(names=declared):
                outer.update(declared)
    return frozenset(names - outer)


def _calls(statement: ast.stmt) -> Iterator[ast.Call]:
    """The calls of a statement itself, not those of statements in it."""
    for child in ast.iter_child_nodes(statement):
        if not isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            yield from (node for node in nodes_in(child) if isinstance(node, ast.Call))


def _may_change(called: ast.expr, functions: Mapping[str, ast.AST], *, alone: bool) -> bool:
    """Whether a call of the top level may change what it is given."""
    if isinstance(called, ast.Name):
        if called.id in functions:
            return _changes_something(called.id, functions)
        return alone and not hasattr(builtins, called.id)
    return alone and isinstance(called, ast.Attribute) and _root(called) != "self"


def _changes_something(name: str, functions: Mapping[str, ast.AST]) -> bool:
    """Whether a function, or one that it calls by name, changes anything but its own `self`."""
    todo, seen = [name], {name}
    while todo:
        for node in nodes_in(functions[todo.pop()]):
            match node:
                case ast.Attribute(value=owner, ctx=ast.Store() | ast.Del()):
                    if not (isinstance(owner, ast.Name) and owner.id == "self"):
                        return True
                case ast.Subscript(ctx=ast.Store() | ast.Del()) | ast.AugAssign():
                    return True
                case ast.Call(func=ast.Attribute(attr=method)) if method in MUTATORS:
                    return True
                case ast.Call(func=ast.Name(id="setattr" | "delattr")):
                    return True
                case ast.Name(id=called) if called in functions and called not in seen:
                    seen.add(called)
                    todo.append(called)
    return False


def _names(node: ast.AST) -> Iterator[str]:
    return (part.id for part in nodes_in(node) if isinstance(part, ast.Name))


def _shared_by(node: ast.expr) -> Iterator[str]:
    """The names whose objects, or parts of them, the value of an expression may hold."""
    match node:
        case ast.Name(id=name):
            yield name
        case ast.Attribute(value=value) | ast.Subscript(value=value) | ast.Starred(value=value):
            yield from _shared_by(value)
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.BoolOp(values=parts):
            for part in parts:
                yield from _shared_by(part)
        case ast.Dict(keys=keys, values=parts):
            for part in (*filter(None, keys), *parts):
                yield from _shared_by(part)
        case ast.IfExp(body=body, orelse=orelse):
            yield from _shared_by(body)
            yield from _shared_by(orelse)
        case ast.NamedExpr(target=target, value=value):
            yield target.id
            yield from _shared_by(value)
        case ast.BinOp(left=left, right=right):
            yield from _shared_by(left)
            yield from _shared_by(right)
        case ast.Call(func=function, args=arguments):
            # A method may give a part of its owner, and a function of what it is given.
            if isinstance(function, ast.Attribute):
                yield from _shared_by(function.value)
            if not (isinstance(function, ast.Name) and function.id in {"len", "sum", "int", "str"}):
                for argument in arguments:
                    yield from _shared_by(argument)
        case ast.ListComp(generators=generators) | ast.DictComp(generators=generators):
            for generator in generators:
                yield from _shared_by(generator.iter)
