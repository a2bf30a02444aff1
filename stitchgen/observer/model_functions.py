"""Functions of the project that are given its model: they initialise it, or sort its parameters.

They stand in scripts that do much else when they are imported, so of their files is run what they need.
"""

from __future__ import annotations

import ast
import os
import sys
import types
from typing import Any, Dict, List, Sequence, Set

from torch import nn

from stitchgen.observer.parameter_groups import FETCHES, Giver, function_giver, names_read
from stitchgen.observer.project import Project
from stitchgen.observer.protocol import ModelFunction

#: A package is not here, a constant is read from a file, or the function itself reads or fetches one.
NOT_CALLED = "%s of %s was not called on the model with the block: what it needs is not here, or it reads files."


def givers(
    project: Project, model: nn.Module, functions: Sequence[ModelFunction], notes: List[str]
) -> List[Giver]:
    """Those that can be had without running more than definitions; inside the project. `notes` names the others."""
    found: List[Giver] = []
    for one in functions:
        function = definition(project, one["file"], one["name"])
        if function is not None:
            found.append(function_giver(function, model, one["parts"], each=one["each"]))
        else:
            shown = os.path.relpath(os.path.realpath(one["file"]), project.root)
            notes.append(NOT_CALLED % (one["name"], shown.replace(os.sep, "/")))
    return found


def definition(project: Project, file: str, name: str) -> Any:
    """The function of a file, with the imports, definitions and constants that it needs; None where one fails."""
    path = os.path.realpath(file)
    try:
        if path in project.overlay:
            data = project.overlay[path]
        else:
            with open(path, "rb") as stream:
                data = stream.read()
        tree = ast.parse(data, path)
        namespace: Dict[str, Any] = {"__name__": "_functions_of_the_project", "__file__": path}
        sys.path.insert(0, os.path.dirname(path))
        try:
            for node in needed(tree, name):
                module = ast.Module(body=[node], type_ignores=[])
                exec(compile(module, path, "exec", dont_inherit=True), namespace)
        finally:
            sys.path.remove(os.path.dirname(path))
    except Exception:
        # A package that is not here, a constant that is read from a file: nothing is shown then.
        return None
    function = namespace.get(name)
    if not isinstance(function, types.FunctionType) or FETCHES & names_read(function.__code__):
        return None
    return function


def needed(tree: ast.Module, name: str) -> List[ast.stmt]:
    """The statements at the top of a file that bind what a function uses, itself included, in their order."""
    binding: Dict[str, List[ast.stmt]] = {}
    for node in tree.body:
        for bound in names_bound(node):
            binding.setdefault(bound, []).append(node)
    chosen: Set[int] = set()
    todo, seen = [name], {name}
    while todo:
        for node in binding.get(todo.pop(), []):
            chosen.add(id(node))
            for part in ast.walk(node):
                if isinstance(part, ast.Name) and part.id not in seen:
                    seen.add(part.id)
                    todo.append(part.id)
    return [node for node in tree.body if id(node) in chosen]


def names_bound(node: ast.stmt) -> List[str]:
    """What an import, a definition or a constant binds; nothing for every other statement."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [(alias.asname or alias.name).split(".")[0] for alias in node.names]
    if isinstance(node, ast.Assign) and is_constant(node.value):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return []


def is_constant(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except ValueError:
        return False
    return True
