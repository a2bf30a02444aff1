"""Constructions in other files of the project of classes that inherit from or contain an edited class.

Read from the source; a file that does more than define things is left alone, since running a construction in it
means to import it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from stitchgen.analysis import import_safety
from stitchgen.analysis.factories import configurations
from stitchgen.project.modules import files_beside, import_name
from stitchgen.project.parsed_files import ParsedFile, ParsedFiles
from stitchgen.source.imports import has_relative_imports
from stitchgen.targets.build_offers import imported


def constructions_elsewhere(
    files: ParsedFiles, edited: Iterable[tuple[str, Path]], most: int
) -> list[str]:
    """`zoo.wide:WideNet()` for at most so many classes of other files, the nearest files first."""
    names: dict[Path, set[str]] = {}
    for name, path in edited:
        names.setdefault(path.resolve(), set()).add(name)
    words = {word for path, wanted in names.items() for word in (path.stem, *wanted)}
    folders = {path.parent for path in names}
    others = [one for one in files.having(*words) if one.path.resolve() not in names]
    found: dict[str, None] = {}
    for other in sorted(others, key=lambda one: one.path.resolve().parent not in folders):
        for path, wanted in names.items():
            aliases = set(imported(other.tree, wanted, path))
            related = related_classes(other.tree, aliases) if aliases else set()
            found |= dict.fromkeys(constructions_in(files.root, other, related))
        if len(found) >= most:
            break
    return list(found)[:most]


def constructions_in(root: Path, other: ParsedFile, related: set[str]) -> Iterator[str]:
    """Those of some classes of one file, one a class."""
    path, tree = other.path, other.tree
    if not related or import_safety.left_out(tree):
        return
    name = import_name(path, root, relative_imports=has_relative_imports(tree))
    found = configurations(
        tree, other.raw.decode("utf-8-sig", "replace"), files_beside(path, *name.paths)
    )
    for made, expressions in found.items():
        if made in related:
            yield from (f"{name.module}:{one}" for one in expressions[:1])


def related_classes(tree: ast.Module, aliases: set[str]) -> set[str]:
    """The classes of a file that inherit from, or create, one of these names, or each other."""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    found: set[str] = set()
    known, before = set(aliases), -1
    while before != len(found):
        before = len(found)
        for node in classes:
            used = {ast.unparse(base) for base in node.bases}
            used |= {
                ast.unparse(part.func) for part in ast.walk(node) if isinstance(part, ast.Call)
            }
            if used & known:
                found.add(node.name)
                known.add(node.name)
    return found
