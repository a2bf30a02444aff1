"""Constructions of the classes of other files that are made of those of the model file.

A backbone, a neck or a layer in a file of its own is built by the model that imports it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from stitchgen.analysis import import_safety
from stitchgen.project.modules import named_in_project
from stitchgen.project.parsed_files import ParsedFile, ParsedFiles
from stitchgen.source.document import Document
from stitchgen.source.syntax import Syntax
from stitchgen.source.tree import nodes_in
from stitchgen.targets.build_offers import Offer, classes_around, imported, signature
from stitchgen.targets.relatives import arguments_for, offers_of, related_classes

#: A head is imported by a decoder, that by a model, that by a task.
DEEPEST = 3


def constructions_around(root: Path, file: Path, names: set[str]) -> list[Offer]:
    """`net.model:Net(10)` for classes of other files that create one of these, the nearest files first.

    A file that does more than define things is passed over, since building what is in it means to import it.
    """
    files = ParsedFiles(root)
    for around in users(files, file, names):
        found = [
            offer
            for other, classes in around
            for offer in (*offers_of(files, other, classes), *told_classes(files, other, classes))
        ]
        if found:
            return found
    return []


def user_of(root: Path, file: Path, names: set[str]) -> Offer | None:
    """The outermost of these classes, with the names of the arguments that it needs, where it is defined.

    None where its constructor does not name them.
    """
    files = ParsedFiles(root)
    levels = [around for around in users(files, file, names) if around]
    found = [
        (other, node)
        for around in reversed(levels)
        for other, classes in around
        for node in reversed(other.tree.body)
        if isinstance(node, ast.ClassDef) and node.name in classes and derives(node)
    ]
    if not found:
        return None
    other, node = found[0]
    shown = other.path.relative_to(root).as_posix()
    syntax = Syntax(Document(other.raw, shown))
    name = signature(syntax, node.name)
    if "..." in name:  # it hands on what it is given, and tells nothing
        return None
    return Offer(f"{module_of(files, other)}:{name}", f"{shown}:{node.lineno}")


def derives(node: ast.ClassDef) -> bool:
    """Whether a class has a base: one that has none trains a model, and is none."""
    return any(ast.unparse(base) != "object" for base in node.bases)


def users(
    files: ParsedFiles, file: Path, names: set[str]
) -> Iterator[list[tuple[ParsedFile, set[str]]]]:
    """The files with classes that create one of these, then those with classes that create those."""
    own = Syntax(Document(file.read_bytes(), file.name))
    inside = names | classes_around(own, names)
    wanted = [(file, inside | functions_with(own.tree, inside))]
    seen = {file}
    for _ in range(DEEPEST):
        around = [one for path, inside in wanted for one in importing(files, path, inside, seen)]
        around.sort(key=lambda pair: pair[0].path.parent != file.parent)
        yield around
        wanted = [(other.path, classes) for other, classes in around]


def module_of(files: ParsedFiles, other: ParsedFile) -> str:
    return named_in_project(other.path, files.root, other.tree)[0]


def functions_with(tree: ast.Module, names: set[str]) -> set[str]:
    """The functions of a file that create one of these, whatever they return with it."""
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        for part in nodes_in(node)
        if isinstance(part, ast.Call) and ast.unparse(part.func) in names
    }


def told_classes(files: ParsedFiles, other: ParsedFile, names: set[str]) -> Iterator[Offer]:
    """Constructions of the classes of a file that need nothing but a number of classes."""
    module = module_of(files, other)
    shown = other.path.relative_to(files.root).as_posix()
    for node in other.tree.body:
        if isinstance(node, ast.ClassDef) and node.name in names:
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and method.name == "__init__":
                    given = arguments_for(method)
                    if given:
                        text = f"{module}:{node.name}({given})"
                        yield Offer(text, f"{shown}:{method.lineno}")


def importing(
    files: ParsedFiles, file: Path, names: set[str], seen: set[Path]
) -> Iterator[tuple[ParsedFile, set[str]]]:
    """The files that import one of a file's classes into a class of their own, with these classes."""
    for other in files.having(file.stem, *names):
        if other.path in seen:
            continue
        aliases = set(imported(other.tree, names, file))
        related = related_classes(other.tree, aliases) if aliases else set()
        if related and not import_safety.left_out(other.tree):
            seen.add(other.path)
            yield other, related
