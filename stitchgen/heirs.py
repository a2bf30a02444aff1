"""Which classes of a project inherit or use a class, and so run what is edited in it (floor 3).

By name alone, from the source: more may be found than there are, which costs a slot and no harm.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stitchgen.advice import python_files

#: More than are read for advice: one that is not seen would fail.
MOST_FILES = 10_000


@dataclass(frozen=True)
class Mentions:
    """The names that the source of a class mentions, with or without a module before them."""

    file: Path
    class_name: str
    in_bases: frozenset[str]
    in_body: frozenset[str]


class Sources:
    """The classes of the files below a folder, each file parsed once, when a word of it is asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._by_word: dict[str, list[Mentions]] = {}
        self._by_file: dict[Path, list[Mentions]] = {}

    def has_other_heirs(self, class_name: str, own: str) -> bool:
        """Whether a class but `own` names `class_name` among its bases."""
        return any(
            class_name in one.in_bases and one.class_name not in (own, class_name)
            for one in self.classes_with(class_name)
        )

    def users(self, class_name: str, file: Path) -> set[tuple[str, Path]]:
        """The classes, with their files, that mention the class of that file.

        Another file that defines a class of the name means its own.
        """
        found = self.classes_with(class_name)
        others = {one.file for one in found if one.class_name == class_name} - {file}
        return {
            (one.class_name, one.file)
            for one in found
            if class_name in one.in_bases | one.in_body and one.file not in others
        }

    def classes_with(self, word: str) -> list[Mentions]:
        """The classes of the files that have a word in them."""
        if word not in self._by_word:
            self._by_word[word] = []
            for path in python_files(self.root, MOST_FILES):
                try:
                    raw = path.read_bytes()
                except OSError:
                    continue
                if word.encode() in raw:
                    if path not in self._by_file:
                        self._by_file[path] = classes_of(path, raw)
                    self._by_word[word] += self._by_file[path]
        return self._by_word[word]


def classes_of(path: Path, raw: bytes) -> list[Mentions]:
    """The classes of a file; none where it does not parse."""
    try:
        tree = ast.parse(raw)
    except (SyntaxError, ValueError):
        return []
    return [
        Mentions(path, node.name, names_in(node.bases), names_in(node.body))
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    ]


def names_in(nodes: Iterable[ast.AST]) -> frozenset[str]:
    parts = [part for node in nodes for part in ast.walk(node)]
    names = {part.attr for part in parts if isinstance(part, ast.Attribute)}
    return frozenset(names | {part.id for part in parts if isinstance(part, ast.Name)})
