"""Questions about a parsed file that need no more than its tree."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Mapping, Sequence

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


#: A command goes through the same files dozens of times. So many are kept, which nobody changes.
FILES_KEPT = 64


def nodes_in(root: ast.AST) -> Sequence[ast.AST]:
    """The nodes that `ast.walk` gives, in its order, but the contexts of names: in a third of the time, and
    those of a whole file once."""
    return _nodes_of_file(root) if isinstance(root, ast.Module) else _nodes(root)


@functools.lru_cache(FILES_KEPT)
def _nodes_of_file(tree: ast.Module) -> tuple[ast.AST, ...]:
    return tuple(_nodes(tree))


def _nodes(root: ast.AST) -> list[ast.AST]:
    found = [root]
    for node in found:  # it grows meanwhile
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, ast.AST):
                if name != "ctx":
                    found.append(value)
            elif isinstance(value, list):
                found.extend(part for part in value if isinstance(part, ast.AST))
    return found


@functools.lru_cache(FILES_KEPT)
def parents(tree: ast.AST) -> Mapping[ast.AST, ast.AST]:
    """Each node's parent."""
    return {child: node for node in nodes_in(tree) for child in ast.iter_child_nodes(node)}


def top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when the file is imported, compound ones included and entered."""
    for statement in body:
        yield statement
        if isinstance(statement, DEFINITIONS):
            continue
        for name in ("body", "orelse", "finalbody"):
            yield from top_level(getattr(statement, name, []))
        for handler in getattr(statement, "handlers", []):
            yield from top_level(handler.body)
        for case in getattr(statement, "cases", []):
            yield from top_level(case.body)


def imported_names(statement: ast.stmt) -> Iterator[tuple[str, str]]:
    """The names that an import binds, each with its origin as written."""
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            # `import torch.nn` binds `torch`; `import torch.nn as nn` binds the submodule.
            if alias.asname:
                yield alias.asname, alias.name
            else:
                yield alias.name.split(".")[0], alias.name.split(".")[0]
    elif isinstance(statement, ast.ImportFrom):
        module = "." * statement.level + (statement.module or "")
        for alias in statement.names:
            if alias.name != "*":
                yield alias.asname or alias.name, joined(module, alias.name)


def joined(package: str, name: str) -> str:
    """The dotted name of something in a package; `.` and `..` are packages, too."""
    return f"{package}{name}" if package.endswith(".") or not package else f"{package}.{name}"


def dotted(node: ast.expr) -> list[str] | None:
    """The names of `a.b.c`; None for what is no such name."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    return [node.id, *names] if isinstance(node, ast.Name) else None
