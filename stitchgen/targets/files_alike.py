"""Constructions with another configuration file than one that is named: `Net("cfg/tiny.cfg")`.

Such a file says which layers a model has, so what is an edit by index in one may be another layer in the next.
Files are alike by the words that their lines begin with, in whatever language they are written: the keys.
"""

from __future__ import annotations

import ast
import copy
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from stitchgen.project.python_files import files_ending
from stitchgen.source.syntax import Syntax
from stitchgen.source.tree import nodes_in

#: So many files are looked at, none larger than this (in bytes).
MOST_FILES, LARGEST = 400, 200_000
#: The part of its keys that a file has in common with one of its kind.
ALIKE = 0.5
KEY = re.compile(r"^\W*([A-Za-z_]\w*)", re.MULTILINE)


@dataclass(frozen=True)
class Named:
    """A file that a construction names."""

    call: ast.Call
    text: str  # as it is written, or as the constructor's default has it
    folder: Path  # that a relative path is of
    place: (
        ast.Constant | None
    )  # None: the default, which the first argument would take the place of

    @property
    def path(self) -> Path:
        return self.folder / self.text

    def with_file(self, path: Path) -> str:
        """The construction with another file, by its path from the same folder."""
        name = ast.Constant(Path(os.path.relpath(path, self.folder)).as_posix())
        if self.place is None:
            changed = copy.copy(self.call)
            changed.args = [name, *self.call.args]
            return ast.unparse(changed)
        whole = ast.unparse(self.call)
        return ast.unparse(Renamed(self.place.value, name).visit(ast.parse(whole, mode="eval")))


class Renamed(ast.NodeTransformer):
    """Puts one constant in the place of those of a value."""

    def __init__(self, value: object, other: ast.Constant) -> None:
        self.value, self.other = value, other

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return self.other if node.value == self.value else node


def with_other_files(
    syntax: Syntax, expression: str, folders: Sequence[Path], root: Path, most: int
) -> list[str]:
    """The construction with other files of the project that are of the named one's kind, at most so many.

    `folders` are those that a relative path may be of.
    """
    named = file_named(syntax, expression, folders)
    if named is None:
        return []
    return [
        named.with_file(path) for path in unlike(named.path, of_the_kind(named.path, root), most)
    ]


def file_named(syntax: Syntax, expression: str, folders: Sequence[Path]) -> Named | None:
    """The file that a construction names, as an argument, inside of one, or by its first one's default."""
    try:
        call = ast.parse(expression, mode="eval").body
    except SyntaxError:
        return None
    if not isinstance(call, ast.Call):
        return None
    for node in nodes_in(call):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            folder = folder_of(node.value, folders)
            if folder is not None:
                return Named(call, node.value, folder, node)
    default = None if call.args or call.keywords else first_default(syntax, call)
    folder = folder_of(default, folders) if default is not None else None
    return None if default is None or folder is None else Named(call, default, folder, None)


def folder_of(text: str, folders: Sequence[Path]) -> Path | None:
    """The folder from which a text is the path of a file."""
    if not text or len(text) > 200 or not Path(text).suffix:
        return None
    return next((one for one in folders if (one / text).is_file()), None)


def first_default(syntax: Syntax, call: ast.Call) -> str | None:
    """The default of a constructor's first argument, where that is a text."""
    name = ast.unparse(call.func)
    for one in syntax.lineage(name):
        function = syntax.method(one, "__init__")
        if function is not None:
            arguments = [*function.args.posonlyargs, *function.args.args]
            defaults = function.args.defaults
            if len(arguments) < 2 or len(defaults) < len(arguments) - 1:
                return None
            value = defaults[-(len(arguments) - 1)]
            return (
                value.value
                if isinstance(value, ast.Constant) and isinstance(value.value, str)
                else None
            )
    return None


def of_the_kind(path: Path, root: Path) -> Iterator[Path]:
    """The project's other files of a suffix that have most of their keys in common with one of them."""
    keys = keys_of(path)
    for other in files_ending(root, path.suffix, MOST_FILES):
        if other.resolve() == path.resolve():
            continue
        found = keys_of(other)
        if found and len(keys & found) >= ALIKE * len(keys | found):
            yield other


def keys_of(path: Path) -> set[str]:
    return set(KEY.findall(text_of(path)))


def text_of(path: Path) -> str:
    """The text of a file; "" of one that is large, or no text."""
    if path.stat().st_size > LARGEST:
        return ""
    raw = path.read_bytes()
    return "" if b"\0" in raw else raw.decode("utf-8", "replace")


def unlike(path: Path, others: Iterator[Path], most: int) -> list[Path]:
    """Those files first that are least like the named one and each other, by their lines."""
    lines = {other: lines_of(other) for other in others}
    chosen = [lines_of(path)]
    found: list[Path] = []
    while lines and len(found) < most:
        best = max(lines, key=lambda other: min(distance(lines[other], one) for one in chosen))
        chosen.append(lines.pop(best))
        found.append(best)
    return found


def lines_of(path: Path) -> frozenset[str]:
    """The lines of a file by what they say: without comments and blanks."""
    return frozenset("".join(line.partition("#")[0].split()) for line in text_of(path).splitlines())


def distance(one: frozenset[str], other: frozenset[str]) -> float:
    """0 for the same lines, 1 for none in common."""
    return 1 - len(one & other) / max(1, len(one | other))
