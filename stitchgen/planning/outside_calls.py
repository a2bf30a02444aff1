"""Code outside of a class that runs a layer of it by hand: `for stage in model.stages: x = stage(x)`.

The block, which the class's own methods run, is not run there. Found by names, from the source.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from stitchgen.planning.point import Calls
from stitchgen.project.workspace import Workspace

THROUGH = ("enumerate", "zip", "reversed", "list", "tuple", "iter")


@dataclass(frozen=True)
class OutsideCall:
    """Where a layer may be run by hand, and by what."""

    where: str
    function: str
    layer: str  # `demucs.encoder`


def outside_calls(workspace: Workspace, calls: Calls, class_name: str) -> list[OutsideCall]:
    """Those of the model's own file and of the files that mention its class; of all files where no other
    class of the project has a layer of that name."""
    if not calls.below or not calls.sites:
        return []
    first = calls.below[0].name
    files = list(workspace.files.having(first))
    owners = [node for file in files for node in ast.walk(file.tree) if assigns(node, first)]
    found: list[OutsideCall] = []
    for file in files:
        own = str(file.path) == calls.sites[0].file
        if own or len(owners) == 1 or class_name.encode() in file.raw:
            shown = workspace.relative(file.path)
            for function, node in handled(file.tree, first):
                found.append(OutsideCall(f"{shown}:{node.lineno}", function, ast.unparse(node)))
    return found


def assigns(node: ast.AST, attribute: str) -> bool:
    """Whether it is a class that assigns `self.attribute`."""
    return isinstance(node, ast.ClassDef) and any(
        isinstance(part, ast.Attribute)
        and isinstance(part.ctx, ast.Store)
        and part.attr == attribute
        and isinstance(part.value, ast.Name)
        and part.value.id == "self"
        for part in ast.walk(node)
    )


def handled(tree: ast.Module, attribute: str) -> Iterator[tuple[str, ast.expr]]:
    """The places that call `model.attribute`, an element of it, or each in a loop, in any function."""
    todo: list[tuple[str, ast.AST]] = [("", tree)]
    while todo:
        name, node = todo.pop(0)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            name = f"{name}.{node.name}" if name else node.name
        for place in run_by(node):
            inner = place
            while isinstance(inner, ast.Subscript):
                inner = inner.value
            if isinstance(inner, ast.Attribute) and inner.attr == attribute:
                if not (isinstance(inner.value, ast.Name) and inner.value.id == "self"):
                    yield name or "the module", inner
        todo.extend((name, child) for child in ast.iter_child_nodes(node))


def run_by(node: ast.AST) -> list[ast.expr]:
    """What a node calls or goes through."""
    match node:
        case ast.Call(func=func):
            return [func]
        case ast.For(iter=ast.Call(func=ast.Name(id=name), args=args)) | ast.comprehension(
            iter=ast.Call(func=ast.Name(id=name), args=args)
        ) if (name in THROUGH):
            return args
        case ast.For(iter=place) | ast.comprehension(iter=place):
            return [place]
    return []
