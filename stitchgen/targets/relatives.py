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
from stitchgen.project.modules import files_beside, named_in_project
from stitchgen.project.parsed_files import ParsedFile, ParsedFiles
from stitchgen.source.document import Document
from stitchgen.source.syntax import Syntax
from stitchgen.source.tree import nodes_in
from stitchgen.targets.build_offers import (
    CLASSES,
    Offer,
    constructions,
    factories_returning,
    imported,
    required_arguments,
)


def constructions_elsewhere(
    files: ParsedFiles, edited: Iterable[tuple[str, Path]], most: int
) -> list[str]:
    """`zoo.wide:WideNet()` for at most so many classes of other files, the nearest files first."""
    own = {path.resolve() for _, path in edited}
    folders = {path.parent for path in own}
    related = related_elsewhere(files, edited)
    found: dict[str, None] = {}
    for other in sorted(related, key=lambda one: one.path.resolve().parent not in folders):
        if other.path.resolve() not in own:
            found |= dict.fromkeys(constructions_of(files, other, related[other]))
        if len(found) >= most:
            break
    return list(found)[:most]


def related_elsewhere(
    files: ParsedFiles, edited: Iterable[tuple[str, Path]]
) -> dict[ParsedFile, set[str]]:
    """The classes of the project that inherit from, or create, an edited class, or another such class, and the
    functions that put such together, with their files: a wrapper of a model that is made of edited blocks has
    them as well."""
    known: dict[Path, set[str]] = {}
    for name, path in edited:
        known.setdefault(path.resolve(), set()).add(name)
    own = set(known)
    found: dict[ParsedFile, set[str]] = {}
    todo = set(known)
    while todo:
        words = {word for path in todo for word in (path.stem, *known[path])}
        given, todo = {path: set(known[path]) for path in todo}, set()
        for other in files.having(*words):
            here = other.path.resolve()
            aliases = set(known.get(here, ()))
            for path, names in given.items():
                if path != here:
                    aliases |= set(imported(other.tree, names, path))
            related = related_classes(other.tree, aliases) if aliases else set()
            related |= assemblers(other.tree, aliases) if here not in own else set()
            made = related | factories_returning(other.tree, aliases | related)
            if made - known.get(here, set()):
                known.setdefault(here, set()).update(made)
                found.setdefault(other, set()).update(related)
                todo.add(here)
    return found


def assemblers(tree: ast.Module, names: set[str]) -> set[str]:
    """The functions of a file that need no arguments but a number of classes, call one of these names, and do no
    more than to return what they construct: `def create_ssd(): return SSD(MobileNet().features)`.
    """
    found = set()
    for node in tree.body:
        if (
            not isinstance(node, ast.FunctionDef)
            or node.decorator_list
            or arguments_for(node) is None
        ):
            continue
        body = node.body[1:] if ast.get_docstring(node) is not None else node.body
        plain = body and all(isinstance(part, (ast.Assign, ast.Return)) for part in body)
        called = {ast.unparse(part.func) for part in nodes_in(node) if isinstance(part, ast.Call)}
        if plain and called & names and isinstance(body[-1], ast.Return):
            if isinstance(body[-1].value, (ast.Call, ast.Name)):
                found.add(node.name)
    return found


def arguments_for(node: ast.FunctionDef) -> str | None:
    """What a function has to be given: nothing, or a number for each count of classes; None for anything else.

    The `self` of a constructor is given.
    """
    needed = [name for part in required_arguments(node) for name in part]
    if any(name not in CLASSES for name in needed):
        return None
    return ", ".join(f"{name}=3" for name in needed)


def constructions_of(files: ParsedFiles, other: ParsedFile, classes: set[str]) -> list[str]:
    """Those of some classes of one file, one a class: its own, else one that another file has."""
    if import_safety.left_out(other.tree):
        return []
    found: dict[str, str] = {}
    offers = (offer.text for offer in offers_of(files, other, classes))
    module, _ = named_in_project(other.path, files.root, other.tree)
    functions = {node.name: node for node in other.tree.body if isinstance(node, ast.FunctionDef)}
    assembled = [
        f"{module}:{name}({arguments_for(node) or ''})"
        for name, node in sorted(functions.items())
        if name in classes
    ]
    for text in (*assembled, *constructions_in(files.root, other, classes), *offers):
        made = text.partition(":")[2].partition("(")[0]
        if made in classes and "..." not in text:
            found.setdefault(made, text)
    return list(found.values())


def offers_of(files: ParsedFiles, other: ParsedFile, classes: set[str]) -> Iterator[Offer]:
    """The constructions in the project of some classes of one file, which they name by its module."""
    shown = other.path.relative_to(files.root).as_posix()
    syntax = Syntax(Document(other.raw, shown))
    module, _ = named_in_project(other.path, files.root, other.tree)
    for offer in constructions(files.root, other.path, syntax, classes):
        elsewhere = ":" in offer.text.partition("(")[0]
        yield offer if elsewhere else Offer(f"{module}:{offer.text}", offer.where)
    for text in constructions_in(files.root, other, classes):
        yield Offer(text, f"{shown}:1")


def constructions_in(root: Path, other: ParsedFile, related: set[str]) -> Iterator[str]:
    """Those of some classes of one file, one a class."""
    path, tree = other.path, other.tree
    if not related or import_safety.left_out(tree):
        return
    module, paths = named_in_project(path, root, tree)
    found = configurations(
        tree, other.raw.decode("utf-8-sig", "replace"), files_beside(path, *paths)
    )
    for made, expressions in found.items():
        if made in related:
            yield from (f"{module}:{one}" for one in expressions[:1])


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
                ast.unparse(part.func) for part in nodes_in(node) if isinstance(part, ast.Call)
            }
            if used & known:
                found.add(node.name)
                known.add(node.name)
    return found
