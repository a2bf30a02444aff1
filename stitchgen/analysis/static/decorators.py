"""What decorators do to the functions and classes they stand above.

A decorator of the file or of the project is looked at: it leaves what it is given alone if it
gives it back. One of a library is known by its name.
"""

from __future__ import annotations

import ast
import functools
import re
import sys
from collections.abc import Container, Mapping
from pathlib import Path

from stitchgen.analysis.scope import Scope, split_origin
from stitchgen.analysis.static.names import MUTATORS
from stitchgen.source.tree import nodes_in, parents, top_level

#: Decorators of libraries that leave alone what the function or class computes.
_TRANSPARENT = re.compile(
    r"register\w*|handle_legacy_interface|no_grad|(torch\.)?jit\.(unused|export|ignore|\w*overload\w*)"
    r"|_overload_method|unused|export|lru_cache|cache|override|overload|kwonly_to_pos_or_kw"
    r"|dataclass|amp\.\w+|autocast|custom_fwd|torch\.compiler\.disable|disable|final|typing\.\w+"
)
#: Packages that are read themselves, and whose decorators are known as if they were not.
_LIBRARIES = frozenset({"torch", "torchvision", "timm"})
_MEMOISES = frozenset({"functools.cache", "functools.lru_cache"})
#: Attributes of functions and classes that say nothing of what they do.
_NOTES = frozenset("__name__ __qualname__ __doc__ __module__ __annotations__".split())
#: Functions that look at what they are given.
_ASKS = frozenset(
    "callable getattr hasattr id isinstance issubclass len print repr str type".split()
)
_BUILTIN = frozenset({"staticmethod", "classmethod", "property"})
DATA_CLASS = "dataclasses.dataclass"


def decorator_origin(decorator: ast.expr, scope: Scope) -> str | None:
    """The dotted origin of a decorator that is imported: `functools.cache`."""
    if isinstance(decorator, ast.Call):
        decorator = decorator.func
    return scope.origin(decorator)


def is_memoised(decorators: list[ast.expr], scope: Scope) -> bool:
    return any(decorator_origin(one, scope) in _MEMOISES for one in decorators)


def is_data_class(node: ast.ClassDef, scope: Scope) -> bool:
    return any(decorator_origin(one, scope) == DATA_CLASS for one in node.decorator_list)


def binding_of(node: ast.FunctionDef, scope: Scope) -> str | None:
    """`property`, `staticmethod` or `classmethod` where that is the only decorator."""
    if len(node.decorator_list) == 1:
        only = node.decorator_list[0]
        if isinstance(only, ast.Name) and only.id in _BUILTIN and not scope.binds(only.id):
            return only.id
    return None


def leave_alone(
    decorators: list[ast.expr], scope: Scope, local: frozenset[str] = frozenset()
) -> bool:
    """Whether what is decorated does what its own source says; `local` are names of a function."""
    return all(_leaves_alone(one, scope, local) for one in decorators)


def _leaves_alone(decorator: ast.expr, scope: Scope, local: frozenset[str]) -> bool:
    called = isinstance(decorator, ast.Call)
    function = decorator.func if isinstance(decorator, ast.Call) else decorator
    root = function
    while isinstance(root, (ast.Attribute, ast.Call)):
        root = root.value if isinstance(root, ast.Attribute) else root.func
    if not isinstance(root, ast.Name) or root.id in local:
        return False
    name = ast.unparse(function)
    origin = scope.origin(function)
    if origin is not None:
        located = scope.project.locate(origin) if scope.project is not None else None
        if located is None:
            return _is_transparent(origin) or _is_transparent(name)
        home, found = located
        if _package(home) in _LIBRARIES:
            return _is_transparent(found)
        return _gives_back(home, found, called=called)
    if root.id in scope.imports:
        return _is_transparent(name)
    if isinstance(function, ast.Name):
        return _gives_back(scope, function.id, called=called)
    return _gives_back_method(scope, root.id, function, called=called, name=name)


def _is_transparent(name: str) -> bool:
    return _TRANSPARENT.fullmatch(name.removeprefix("torch.")) is not None or (
        _TRANSPARENT.fullmatch(name.rpartition(".")[2]) is not None
    )


@functools.lru_cache(maxsize=256)
def _package_of(path: Path) -> str:
    top = ""
    for folder in path.parents:
        if not (folder / "__init__.py").is_file():
            break
        top = folder.name
    return top


def _package(scope: Scope) -> str:
    """The top-level package that a file belongs to, `""` for a file on its own."""
    return _package_of(scope.path) if scope.path is not None else ""


def _gives_back(scope: Scope, name: str, *, called: bool) -> bool:
    """Whether a function of a file gives back the function or class that it is given."""
    if name in scope.functions:
        function = scope.functions[name]
        return not function.decorator_list and gives_back(function, called=called)
    # Of several definitions, as in two branches of an `if`, each must.
    found = [
        statement
        for statement in top_level(scope.tree.body)
        if isinstance(statement, ast.FunctionDef) and statement.name == name
    ]
    if found and all(not one.decorator_list and gives_back(one, called=called) for one in found):
        return name not in scope.classes and name not in scope.constants
    if name in scope.ambiguous and not found and _only_imported(scope, name):
        return _is_transparent(name)
    value = scope.constants.get(name)
    return value is not None and _of_library(value, scope) and _is_transparent(name)


def _only_imported(scope: Scope, name: str) -> bool:
    for node in nodes_in(scope.tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == name:
            return False
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store):
            return False
    return True


def _gives_back_method(
    scope: Scope, root: str, function: ast.expr, *, called: bool, name: str
) -> bool:
    """The same for a method of a constant: `@REGISTRY.register()`."""
    value = scope.constants.get(root)
    if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Name):
        return False
    if not isinstance(value, ast.Call):
        return root in scope.ambiguous and _only_imported(scope, root) and _is_transparent(name)
    made: tuple[Scope, str] | None = None
    if isinstance(value.func, ast.Name) and value.func.id in scope.classes:
        made = (scope, value.func.id)
    else:
        origin = scope.origin(value.func)
        if origin is not None and scope.project is not None:
            made = scope.project.locate(origin)
    if made is None or split_origin(made[1])[1] not in made[0].classes:
        return _of_library(value, scope) and _is_transparent(name)
    method = made[0].method(made[1], function.attr)
    return (
        method is not None
        and not _sets(scope.tree, function.attr)
        and not method[1].decorator_list
        and gives_back(method[1], called=called, skipped=1)
    )


def _sets(tree: ast.Module, attribute: str) -> bool:
    """Whether a file sets an attribute of the name on anything."""
    return any(
        isinstance(node, ast.Attribute)
        and node.attr == attribute
        and not isinstance(node.ctx, ast.Load)
        for node in nodes_in(tree)
    )


def _of_library(value: ast.expr, scope: Scope) -> bool:
    """Whether a library makes it; of what Python's own make, only where that is known by name."""
    origin = scope.origin(value.func) if isinstance(value, ast.Call) else None
    if origin is None:
        return False
    return origin.split(".")[0] not in sys.stdlib_module_names or _is_transparent(origin)


def gives_back(function: ast.FunctionDef, *, called: bool, skipped: int = 0) -> bool:
    """Whether a decorator gives back what it is given; with `called`, the one that it makes does."""
    parameters = [*function.args.posonlyargs, *function.args.args][skipped:]
    own = parameters[0].arg if parameters else None
    optional = bool(parameters) and len(function.args.defaults) >= len(parameters)
    inner = {node.name: node for node in function.body if isinstance(node, ast.FunctionDef)}
    if not _always_returns(function.body) or _changes(function, own, inner, given=not called):
        return False
    for value in _returns(function.body):
        match value:
            case ast.Name(id=name) if name in inner and called:
                if inner[name].decorator_list or not gives_back(inner[name], called=False):
                    return False
            case ast.Name(id=name) if name == own and (optional or not called):
                pass
            case ast.Call(func=ast.Name(id=name), args=[ast.Name(id=given)]) if (
                name in inner and given == own
            ):
                # Used with and without arguments: `return wrapper(function)`.
                if inner[name].decorator_list or not gives_back(inner[name], called=False):
                    return False
            case _:
                return False
    return True


def _returns(body: list[ast.stmt]) -> list[ast.expr | None]:
    found: list[ast.expr | None] = []
    for statement in top_level(body):
        if isinstance(statement, ast.Return):
            found.append(statement.value)
    return found


def _always_returns(body: list[ast.stmt]) -> bool:
    """Whether it does not come to the end of a body, which gives None."""
    match body[-1]:
        case ast.Return() | ast.Raise():
            return True
        case ast.If(body=first, orelse=[_, *_] as other):
            return _always_returns(first) and _always_returns(other)
        case ast.With(body=inside):
            return _always_returns(inside)
    return False


def _changes(
    function: ast.FunctionDef, own: str | None, inner: Container[str], *, given: bool
) -> bool:
    """Whether the function binds its parameter anew, or is a generator.

    Where the parameter is what is decorated, whether it may be changed, by its text.
    """
    above = parents(function)
    for node in nodes_in(function):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) if name == own or name in inner:
                return True
            case ast.Name(id=name) if name == own and given and not _only_seen(node, above, inner):
                return True
            case ast.Yield() | ast.YieldFrom():
                return True
    return False


def _only_seen(
    node: ast.AST, above: Mapping[ast.AST, ast.AST], inner: Container[str], *, part: bool = False
) -> bool:
    """Whether what holds a name leaves alone what it means, or with `part` a part of that."""
    around = above[node]
    match around:
        case ast.Attribute(attr=attribute, ctx=ast.Store() | ast.Del()):
            # What is noted on a function, such as its name, does not change what it does.
            return not part and attribute in _NOTES
        case ast.Attribute(attr=attribute):
            user = above[around]
            if isinstance(user, ast.Call) and user.func is around:
                return attribute not in MUTATORS and not attribute.startswith("__")
            return attribute in _NOTES or _only_seen(around, above, inner, part=True)
        case ast.Subscript(ctx=ast.Load(), value=value) if value is node:
            return _only_seen(around, above, inner, part=True)
        case ast.Subscript(slice=key) if key is node:
            return True
        case ast.Tuple() | ast.List() | ast.Dict() | ast.keyword():
            return _only_seen(around, above, inner, part=part)
        case ast.Assign(targets=targets):
            return all(isinstance(target, ast.Subscript) for target in targets)
        case ast.Call(func=ast.Name(id=name)):
            return name in inner or name in _ASKS
        case ast.Call(func=ast.Attribute(attr=method)):
            return method in MUTATORS or "register" in method
        case ast.Return() | ast.Compare() | ast.BoolOp() | ast.UnaryOp() | ast.If() | ast.IfExp():
            return True
        case ast.FormattedValue() | ast.Assert():
            return True
    return False


def is_pure(function: ast.FunctionDef | ast.Lambda, mutators: frozenset[str]) -> bool:
    """Whether a function changes nothing, by its text, so that it may be run once for all."""
    for node in nodes_in(function):
        match node:
            case ast.Attribute(ctx=ast.Store() | ast.Del()):
                return False
            case ast.Subscript(ctx=ast.Store() | ast.Del()):
                return False
            case ast.Global() | ast.Nonlocal():
                return False
            case ast.Call(func=ast.Attribute(attr=name)) if name in mutators:
                return False
    return True
