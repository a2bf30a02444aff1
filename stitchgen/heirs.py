"""Which classes of a project inherit or use a class, and so run what is edited in it (floor 3).

By name alone, from the source: more may be found than there are, which costs a slot and no harm.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

from stitchgen.advice import python_files

#: More than are read for advice: one that is not seen would fail.
MOST_FILES = 10_000


def has_other_heirs(root: Path, class_name: str, own: str) -> bool:
    """Whether a class below `root` but `own` names `class_name` among its bases."""
    for _, node in classes_of_files_with(root, class_name):
        if node.name not in (own, class_name) and class_name in names_in(node.bases):
            return True
    return False


def users(root: Path, class_name: str, file: Path) -> set[tuple[str, Path]]:
    """The classes below `root`, with their files, whose source mentions the class of that file.

    Another file that defines a class of the name means its own.
    """
    found: dict[Path, list[ast.ClassDef]] = {}
    for path, node in classes_of_files_with(root, class_name):
        found.setdefault(path, []).append(node)
    return {
        (node.name, path)
        for path, nodes in found.items()
        if path == file or all(node.name != class_name for node in nodes)
        for node in nodes
        if class_name in names_in([*node.bases, *node.body])
    }


def classes_of_files_with(root: Path, name: str) -> Iterator[tuple[Path, ast.ClassDef]]:
    """The classes of the files that have a word in them."""
    word = name.encode()
    for path in python_files(root, MOST_FILES):
        try:
            raw = path.read_bytes()
            tree = ast.parse(raw) if word in raw else None
        except (OSError, SyntaxError, ValueError):
            continue
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.ClassDef):
                yield path, node


def names_in(nodes: Sequence[ast.AST]) -> set[str]:
    """The names that some source mentions, with or without a module before them."""
    parts = [part for node in nodes for part in ast.walk(node)]
    names = {part.attr for part in parts if isinstance(part, ast.Attribute)}
    return names | {part.id for part in parts if isinstance(part, ast.Name)}
