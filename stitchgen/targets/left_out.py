"""Which lines of the project's files are not run when the model is built: those that train, load or parse arguments."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping, Sequence
from pathlib import Path

from stitchgen.analysis import import_safety
from stitchgen.analysis.scope import imported_names
from stitchgen.project.modules import ProjectFiles, files_beside
from stitchgen.project.python_files import in_project
from stitchgen.source.syntax import all_statements
from stitchgen.source.tree import nodes_in


def lines_left_out(
    tree: ast.Module,
    file: Path,
    own: Sequence[tuple[int, int]],
    builders: Mapping[Path, tuple[ast.Module, set[str]]],
    root: Path,
    paths: Sequence[Path],
) -> dict[str, list[int]]:
    """The first lines of what is not run, of the files that have any.

    Of the model file and of the `builders`, in which constructions are evaluated, the definitions alone are
    run; of the files that they import, all but what trains.
    """
    found = {file: own}
    imported = imported_files(file, tree, root, paths)
    for path, (other, names) in builders.items():
        if path != file and in_project(path, root):
            found[path] = import_safety.left_out(other, names, rebound=True)
            imported |= imported_files(path, other, root, paths)
    for path in imported.keys() - found.keys():
        found[path] = import_safety.acting(imported[path])
        if found[path]:
            taken = names_taken_from(path, imported, paths)
            found[path] = import_safety.acting(imported[path], taken)
    return {str(path): [first for first, _ in lines] for path, lines in found.items() if lines}


def files_of_builds(
    builds: Sequence[str], files: ProjectFiles
) -> dict[Path, tuple[ast.Module, set[str]]]:
    """The files of `package.module:expression`, with what the expressions read there."""
    found: dict[Path, tuple[ast.Module, set[str]]] = {}
    for text in builds:
        module, colon, expression = text.partition(":")
        other = files(module) if colon and module.replace(".", "").isidentifier() else None
        if other is None:
            continue
        try:
            tree = found[other[0]][0] if other[0] in found else ast.parse(other[1])
        except (SyntaxError, ValueError):
            continue  # importing it says what is wrong
        names = found[other[0]][1] if other[0] in found else set()
        found[other[0]] = tree, names | names_in(expression)
    return found


def names_in(expression: str) -> set[str]:
    """The names that an expression reads, without those of Python itself."""
    try:
        tree = ast.parse(expression, mode="eval")
    except SyntaxError:
        return set()
    names = {node.id for node in nodes_in(tree) if isinstance(node, ast.Name)}
    return names - set(vars(builtins))


def names_taken(
    file: Path,
    builders: Mapping[Path, tuple[ast.Module, set[str]]],
    root: Path,
    paths: Sequence[Path],
) -> set[str]:
    """The names of the model file that the `builders`, and the project's files that they import, take from it:
    `from net import CONFIGS`, `net.CONFIGS`."""
    trees: dict[Path, ast.Module] = {}
    for path, (tree, _) in builders.items():
        if in_project(path, root):
            trees |= imported_files(path, tree, root, paths)
    return names_taken_from(file, trees, paths)


def names_taken_from(
    file: Path, trees: Mapping[Path, ast.Module], paths: Sequence[Path]
) -> set[str]:
    """The names that other files, by their path, take from this one."""
    found: set[str] = set()
    for path, tree in trees.items():
        if path != file:
            found |= names_taken_by(tree, file, files_beside(path, *paths))
    return found


def names_taken_by(tree: ast.Module, file: Path, files: ProjectFiles) -> set[str]:
    """The same of one file, which finds the `files` of its imports."""

    def is_model(module: str) -> bool:
        other = files(module) if module.strip(".") else None
        return other is not None and other[0] == file

    found: set[str] = set()
    modules: set[str] = set()  # the names that stand for the model file
    for node in all_statements(tree):
        if isinstance(node, ast.Import):
            modules |= {one.asname or one.name for one in node.names if is_model(one.name)}
        for bound, origin in imported_names(node):
            module, _, name = origin.rpartition(".")
            modules |= {bound} if is_model(origin) else set()
            found |= {name} if is_model(module) else set()
    for part in nodes_in(tree) if modules else ():
        if isinstance(part, ast.Attribute) and ast.unparse(part.value) in modules:
            found.add(part.attr)
    return found


def imported_files(
    file: Path, tree: ast.Module, root: Path, paths: Sequence[Path]
) -> dict[Path, ast.Module]:
    """The model file and the project's files that it imports: one of them may train, too."""
    found, todo = {file: tree}, [(file, tree)]
    while todo:
        here, tree = todo.pop()
        files = files_beside(here, *paths)
        for node in all_statements(tree):
            for _, origin in imported_names(node):
                for module in (origin, origin.rpartition(".")[0] or origin):
                    other = files(module)
                    if other is None or other[0] in found or not in_project(other[0], root):
                        continue
                    try:
                        found[other[0]] = ast.parse(other[1])
                    except (SyntaxError, ValueError):
                        continue  # importing it says what is wrong
                    todo.append((other[0], found[other[0]]))
    return found
