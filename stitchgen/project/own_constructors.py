"""Classes that inherit an edited method and not the edited constructor: they lack what it makes.

Read from the source by `ast`; nothing is run.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from stitchgen.project.parsed_files import ParsedFiles
from stitchgen.source.tree import nodes_in


@dataclass(frozen=True)
class OwnConstructor:
    """A class, and its constructor, which does not call that of the class that it inherits."""

    class_name: str
    where: str  # of the constructor, as `path:line`
    method: str  # that it inherits


def own_constructors(
    files: ParsedFiles, class_name: str, methods: Collection[str]
) -> Iterator[OwnConstructor]:
    """Those of the project's classes that inherit one of the `methods` of a class."""
    for file in files.having(class_name):
        for node in nodes_in(file.tree):
            if not isinstance(node, ast.ClassDef):
                continue
            bases = [ast.unparse(base) for base in node.bases]
            if not any(base.rpartition(".")[2] == class_name for base in bases):
                continue
            own = {part.name: part for part in node.body if isinstance(part, ast.FunctionDef)}
            inherited = sorted(set(methods) - own.keys())
            constructor = own.get("__init__")
            if constructor is not None and inherited and not calls_base(node, constructor, bases):
                shown = file.path.relative_to(files.root).as_posix()
                yield OwnConstructor(node.name, f"{shown}:{constructor.lineno}", inherited[0])


def calls_base(node: ast.ClassDef, constructor: ast.FunctionDef, bases: Collection[str]) -> bool:
    """Whether a constructor calls those of its bases: `super(Base, self)` passes over that of Base."""
    known = {"super().__init__", f"super({node.name}, self).__init__"}
    known |= {f"{base}.__init__" for base in bases}
    known |= {"super(__class__, self).__init__", "super(self.__class__, self).__init__"}
    return any(
        isinstance(part, ast.Call) and ast.unparse(part.func) in known
        for part in nodes_in(constructor)
    )
