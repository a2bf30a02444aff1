"""What a script does to its search path: the folders that `sys.path.insert(0, ...)` adds, where they can be read."""

from __future__ import annotations

import ast
import os.path
from collections.abc import Iterator
from pathlib import Path

#: Calls that leave a path what it is, as far as folders are concerned.
SAME = {"abspath", "realpath", "normpath", "expanduser", "str", "resolve", "absolute", "fspath"}
CURRENT = {"os.getcwd", "getcwd", "os.curdir", "Path.cwd", "pathlib.Path.cwd"}


def added_folders(tree: ast.Module, file: Path, current: Path) -> tuple[list[Path], list[Path]]:
    """The folders that a file puts at the front of its search path, and those at the end.

    `current` is the folder that it is started in. What cannot be read is left out.
    """
    reader = PathReader(tree, file, current)
    front: list[Path] = []
    back: list[Path] = []
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="insert", value=where), args=[_, value]):
                found = front
            case ast.Call(func=ast.Attribute(attr="append", value=where), args=[value]):
                found = back
            case _:
                continue
        if ast.unparse(where) != "sys.path":
            continue
        for folder in reader.folders(value):
            if folder not in found:
                found.append(folder)
    return front[::-1], back


class PathReader:
    """Evaluates the expressions in which programs write paths of their own folders."""

    def __init__(self, tree: ast.Module, file: Path, current: Path):
        self.file, self.current = file, current
        self.values: dict[str, ast.expr] = {}
        for node in ast.walk(tree):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self.values[name] = value

    def folders(self, node: ast.expr) -> Iterator[Path]:
        path = self.path(node, 0)
        if path is not None:
            # Not resolved by the disk: a link stands for the folder that it is in.
            yield Path(os.path.normpath(self.current / path))

    def path(self, node: ast.expr, depth: int) -> Path | None:
        """The path that an expression means, relative to the current folder; None where it is not clear."""
        if depth > 12:
            return None
        below = depth + 1
        match node:
            case ast.Constant(value=str(text)):
                return Path(text or ".")
            case ast.Name(id="__file__"):
                return self.file
            case ast.Name(id=name) if name in self.values:
                return self.path(self.values[name], below)
            case ast.Attribute(value=value, attr="parent"):
                return parent(self.path(value, below))
            case ast.Subscript(
                value=ast.Attribute(value=value, attr="parents"),
                slice=ast.Constant(value=int(number)),
            ):
                found = self.path(value, below)
                for _ in range(number + 1):
                    found = parent(found)
                return found
            case ast.BinOp(left=left, op=ast.Div() | ast.Add(), right=right):
                first, second = self.path(left, below), self.path(right, below)
                if first is None or second is None:
                    return None
                joined = isinstance(node.op, ast.Div)
                return first / second if joined else Path(f"{first}{as_text(right, second)}")
            case ast.Attribute() if ast.unparse(node) in CURRENT:
                return self.current
            case ast.Call(func=function, args=arguments):
                return self.called(ast.unparse(function), function, arguments, below)
        return None

    def called(
        self, name: str, function: ast.expr, arguments: list[ast.expr], depth: int
    ) -> Path | None:
        last = name.rpartition(".")[2]
        if name in CURRENT:
            return self.current
        if last in SAME:
            if not arguments and isinstance(function, ast.Attribute):
                return self.path(function.value, depth)
            return self.path(arguments[0], depth) if arguments else None
        if last == "dirname" and arguments:
            return parent(self.path(arguments[0], depth))
        if last in ("join", "Path", "PurePath", "joinpath"):
            parts = [self.path(part, depth) for part in arguments]
            if last == "joinpath" and isinstance(function, ast.Attribute):
                parts.insert(0, self.path(function.value, depth))
            if not parts or None in parts:
                return None
            return Path(*(part for part in parts if part is not None))
        return None


def parent(path: Path | None) -> Path | None:
    if path is None:
        return None
    return Path("..") / path if path in (Path("."), Path("..")) else path.parent


def as_text(node: ast.expr, path: Path) -> str:
    """The text that `+` puts behind a path: `"/.."` begins with its slash."""
    return (
        node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else str(path)
    )
