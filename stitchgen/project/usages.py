"""What in a project inherits or uses a class, and so runs what is edited in it.

By name alone, from the source: more may be found than there are, which costs a slot and no harm.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from stitchgen.project.parsed_files import ParsedFiles
from stitchgen.source.tree import nodes_in


@dataclass(frozen=True)
class Mentions:
    """The names that a class, or a function that gives something back, mentions in its source."""

    file: Path
    name: str
    in_bases: frozenset[str]
    in_body: frozenset[str]
    is_class: bool = True


class Usages:
    """The classes and functions of a project, looked at when a word of them is asked for."""

    def __init__(self, files: ParsedFiles) -> None:
        self.files = files
        self._by_word: dict[str, list[Mentions]] = {}
        self._by_file: dict[Path, list[Mentions]] = {}

    def has_other_subclasses(self, class_name: str, own: str) -> bool:
        """Whether a class but `own` names `class_name` among its bases."""
        return any(
            class_name in one.in_bases and one.name not in (own, class_name)
            for one in self.mentions(class_name)
        )

    def has_subclasses_beside(self, class_name: str, lineage: Sequence[str]) -> bool:
        """Whether a class inherits `class_name` but not the first of the lineage: a class with its bases."""
        for one in self.mentions(class_name):
            if class_name not in one.in_bases or one.name in (class_name, lineage[0]):
                continue
            if one.name not in lineage or self.has_subclasses_beside(one.name, lineage):
                return True
        return False

    def has_other_users(self, class_name: str, file: Path, own: Set[tuple[str, Path]]) -> bool:
        """Whether anything but `own`, classes by name and file, may make instances of a class.

        Another file that defines a class of the name means its own, and a function that mentions
        one of `own` builds that.
        """
        found = self.mentions(class_name)
        others = {one.file for one in found if one.is_class and one.name == class_name} - {file}
        names = {name for name, _ in own if name != class_name}
        return any(
            class_name in one.in_bases | one.in_body
            and one.file not in others
            and ((one.name, one.file) not in own if one.is_class else not names & one.in_body)
            for one in found
        )

    def mentions(self, word: str) -> list[Mentions]:
        """What the files mention that have a word in them."""
        if word not in self._by_word:
            self._by_word[word] = []
            for file in self.files.having(word):
                if file.path not in self._by_file:
                    self._by_file[file.path] = mentions_in(file.path, file.tree)
                self._by_word[word] += self._by_file[file.path]
        return self._by_word[word]


def mentions_in(path: Path, tree: ast.Module) -> list[Mentions]:
    """Those of the classes, and of the functions outside of them."""
    found = [
        Mentions(path, node.name, names_in(node.bases), names_in(node.body))
        for node in nodes_in(tree)
        if isinstance(node, ast.ClassDef)
    ]
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            if any(isinstance(part, ast.Return) and part.value for part in nodes_in(node)):
                names = names_in(node.body)
                found.append(Mentions(path, node.name, frozenset(), names, is_class=False))
    return found


def names_in(nodes: Iterable[ast.AST]) -> frozenset[str]:
    parts = [part for node in nodes for part in nodes_in(node)]
    names = {part.attr for part in parts if isinstance(part, ast.Attribute)}
    return frozenset(names | {part.id for part in parts if isinstance(part, ast.Name)})
