"""Where a script lists the classes that `torch.load` may unpickle, those of a block not among them.

    with torch.serialization.safe_globals([Net, torch.nn.Conv2d]):
        model = torch.load("model.pt")

Read from the source by `ast`; nothing is run.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from stitchgen.source.tree import dotted, nodes_in

CALLS = ("safe_globals", "add_safe_globals")


@dataclass(frozen=True)
class Allowed:
    """A list of classes that may be unpickled."""

    line: int
    known: frozenset[str]  # the last names of the classes in all such lists of the file


def lists_of_classes(tree: ast.Module, model: Collection[str]) -> Iterator[Allowed]:
    """The lists of a file that name one of the classes of a model; none where a list is not written out."""
    assigned = {
        target.id: node.value
        for node in nodes_in(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found: list[tuple[int, set[str]]] = []
    for node in nodes_in(tree):
        match node:
            case ast.Call(func=function, args=[given, *_]) if last_name(function) in CALLS:
                if isinstance(given, ast.Name):
                    given = assigned.get(given.id, given)
                if not isinstance(given, (ast.List, ast.Tuple)):
                    return
                names = [last_name(class_in(one)) for one in given.elts]
                if None in names:
                    return
                found.append((given.lineno, {name for name in names if name}))
    known = frozenset(name for _, names in found for name in names)
    for line, names_there in found:
        if not names_there.isdisjoint(model):
            yield Allowed(line, known)


def class_in(element: ast.expr) -> ast.expr:
    """The class of an element, which may be a pair with the name under which it was pickled."""
    return element.elts[0] if isinstance(element, ast.Tuple) and element.elts else element


def last_name(node: ast.expr) -> str | None:
    names = dotted(node)
    return names[-1] if names else None


def classes_of_block(tree: ast.Module) -> list[str]:
    """What instances of a block's classes are made of: its own classes, and those of torch that it constructs."""
    own = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    imported = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "torch.nn"
        for alias in node.names
    }
    of_torch = [
        f"torch.{text}" if text.startswith("nn.") else text
        for node in nodes_in(tree)
        if isinstance(node, ast.Call)
        for called in [ast.unparse(node.func)]
        for text in [f"nn.{called}" if called in imported else called]
        if text.startswith(("nn.", "torch.nn.")) and text.rpartition(".")[2][:1].isupper()
    ]
    return list(dict.fromkeys((*own, *(one for one in of_torch if "Parameter" not in one))))
