"""Code outside of a class that runs a layer of it by hand: `for stage in model.stages: x = stage(x)`; or
takes it out for another model: `nn.Sequential(resnet.layer1, resnet.layer2)`, `self.layer1 = resnet.layer1`; or
is a method of a class that inherits the layer.

The block, which the class's own methods run, is not run there. Found by names, from the source.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

from stitchgen.planning.definitions import class_around
from stitchgen.planning.point import Calls
from stitchgen.project.workspace import Workspace
from stitchgen.source.tree import nodes_in

CONTAINERS = ("Sequential", "ModuleList", "ModuleDict", "IntermediateLayerGetter")
THROUGH = ("enumerate", "zip", "reversed", "list", "tuple", "iter")


@dataclass(frozen=True)
class OutsideCall:
    """Where a layer may be run by hand, and by what."""

    where: str
    function: str
    layer: str  # `demucs.encoder`
    taken: bool  # it is taken out of the model, and not run there
    instead: str = ""  # the target that means the layer there: `net.py::Pyramid.layer1`

    @property
    def does(self) -> str:
        if self.taken:
            return f"takes {self.layer} out of its model"
        return f"runs or goes through {self.layer} by itself"


def outside_calls(workspace: Workspace, calls: Calls, class_name: str) -> list[OutsideCall]:
    """Those of the model's own file, and of the files that import it or mention its class; of all files where
    no other class of the project has a layer of that name."""
    if not calls.below or not calls.sites:
        return []
    first = calls.below[0].name
    files = list(workspace.files.having(first))
    owners = [node for file in files for node in nodes_in(file.tree) if assigns(node, first)]
    found: list[OutsideCall] = []
    #: The classes in whose methods the block is run.
    edited = {name for site in calls.sites if (name := class_around(workspace, site)) is not None}
    importing = workspace.imports.reaching(Path(calls.sites[0].file))
    for file in files:
        known = file.path in importing or class_name.encode() in file.raw
        if known or len(owners) == 1:
            shown = workspace.relative(file.path)
            heirs = classes_below(file.tree, class_name, first) - edited
            for function, node, taken in handled(file.tree, first, heirs):
                where = f"{shown}:{node.lineno}"
                holder = function.rpartition(".")[0]
                if taken and holder == class_name:
                    continue  # where the class itself keeps the layer
                name = kept_as(file.tree, node)
                instead = f"{shown}::{holder}.{name}" if taken and holder and name else ""
                found.append(OutsideCall(where, function, ast.unparse(node), taken, instead))
    return found


def assigns(node: ast.AST, attribute: str) -> bool:
    """Whether it is a class that assigns `self.attribute`."""
    return isinstance(node, ast.ClassDef) and any(
        isinstance(part, ast.Attribute)
        and isinstance(part.ctx, ast.Store)
        and part.attr == attribute
        and isinstance(part.value, ast.Name)
        and part.value.id == "self"
        for part in nodes_in(node)
    )


def classes_below(tree: ast.Module, class_name: str, attribute: str) -> set[str]:
    """The classes of a file that inherit from one, and have its layer: they do not make one of that name."""
    found, before = {class_name}, 0
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    while len(found) > before:
        before = len(found)
        for node in classes:
            bases = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
            if bases & found and not assigns(node, attribute):
                found.add(node.name)
    return found - {class_name}


def handled(
    tree: ast.Module, attribute: str, heirs: Collection[str] = ()
) -> Iterator[tuple[str, ast.expr, bool]]:
    """The places that call `model.attribute`, an element of it, or each in a loop, in any function; and those
    that take it out of the model. In the classes `heirs` it is `self.attribute` as well."""
    todo: list[tuple[str, ast.AST]] = [("", tree)]
    while todo:
        name, node = todo.pop(0)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            name = f"{name}.{node.name}" if name else node.name
        places = [(place, False) for place in run_by(node)]
        places += [(place, True) for place in taken_by(node)]
        for inner, taken in places:
            while isinstance(inner, (ast.Subscript, ast.Starred)):
                inner = inner.value
            if isinstance(inner, ast.Attribute) and inner.attr == attribute:
                own = isinstance(inner.value, ast.Name) and inner.value.id == "self"
                if not own or name.partition(".")[0] in heirs:
                    yield name or "the module", inner, taken
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


def taken_by(node: ast.AST) -> list[ast.expr]:
    """What a node makes a part of something else: the layers of a container, an attribute of another object."""
    match node:
        case ast.Call(func=func, args=args) if ast.unparse(func).rpartition(".")[2] in CONTAINERS:
            return [part for one in args for part in (one.elts if is_list(one) else [one])]
        case ast.Assign(targets=[ast.Attribute()], value=value):
            return [value]
    return []


def is_list(node: ast.expr) -> TypeGuard[ast.List | ast.Tuple]:
    return isinstance(node, (ast.List, ast.Tuple))


def kept_as(tree: ast.Module, value: ast.expr) -> str:
    """The attribute of `self` that a layer is assigned to as it is; "" for none."""
    for node in nodes_in(tree):
        match node:
            case ast.Assign(
                targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)], value=assigned
            ) if (assigned is value):
                return name
    return ""
