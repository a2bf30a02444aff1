"""What a script does to its search path: the folders that `sys.path.insert(0, ...)` adds, where they can be read."""

from __future__ import annotations

import ast
import os.path
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from stitchgen.source.tree import nodes_in

#: Calls that leave a path what it is, as far as folders are concerned,
SAME = {"expanduser", "str", "absolute", "fspath", "as_posix"}
#: and those that take `..` away.
NORMALISED = {"abspath", "realpath", "normpath", "resolve", "relpath"}
CURRENT = {"os.getcwd", "getcwd", "os.curdir", "Path.cwd", "pathlib.Path.cwd"}
#: What stands for the file itself, where it is the script that was started.
ITSELF = {"sys.argv[0]", "inspect.getfile(inspect.currentframe())"}
SEARCH_PATH = {"sys.path", "os.sys.path"}
#: So many names are followed from one to the next.
DEEPEST = 12


@dataclass(frozen=True)
class Addition:
    """An expression whose value is put on the search path."""

    value: ast.expr
    front: bool


def added_folders(tree: ast.Module, file: Path, current: Path) -> tuple[list[Path], list[Path]]:
    """The folders that a file puts at the front of its search path, and those at the end.

    `current` is the folder that it is started in. What cannot be read is left out.
    """
    reader = PathReader(tree, file, current)
    front: list[Path] = []
    back: list[Path] = []
    for one in additions(tree):
        found = front if one.front else back
        for folder in reader.folders(one.value):
            if folder not in found:
                found.append(folder)
    return front[::-1], back


def additions(tree: ast.Module) -> Iterator[Addition]:
    """What is put on the search path, by the file's own functions as well: `add_path(ROOT)`."""
    adders = {
        node.name: parameters
        for node in nodes_in(tree)
        if isinstance(node, ast.FunctionDef) and (parameters := added_parameters(node))
    }
    for node in nodes_in(tree):
        yield from added_by(node)
        match node:
            case ast.Call(func=ast.Name(id=name), args=arguments) if name in adders:
                for number, argument in enumerate(arguments):
                    if number in adders[name]:
                        yield Addition(argument, adders[name][number])


def added_by(node: ast.AST) -> Iterator[Addition]:
    """What one call or assignment puts on the search path."""
    match node:
        case ast.Call(func=ast.Attribute(attr="insert", value=where), args=[at, value]):
            if is_search_path(where):
                yield Addition(value, ast.unparse(at) in ("0", "1"))
        case ast.Call(func=ast.Attribute(attr="append", value=where), args=[value]):
            if is_search_path(where):
                yield Addition(value, False)
        case ast.Call(func=ast.Attribute(attr="extend", value=where), args=[values]):
            if is_search_path(where):
                yield from each(values, front=False)
        case ast.Call(func=function, args=[value, *_]):
            if ast.unparse(function) in ("site.addsitedir", "addsitedir"):
                yield Addition(value, False)
        case ast.AugAssign(target=where, op=ast.Add(), value=values) if is_search_path(where):
            yield from each(values, front=False)
        case ast.Assign(targets=[ast.Subscript(value=where, slice=ast.Slice())], value=values):
            if is_search_path(where):
                yield from each(values, front=True)
        case ast.Assign(targets=[where], value=ast.BinOp(left=left, op=ast.Add(), right=right)):
            if is_search_path(where):
                yield from each(left, front=True)
                yield from each(right, front=False)


def each(values: ast.expr, *, front: bool) -> Iterator[Addition]:
    if isinstance(values, (ast.List, ast.Tuple)):
        # The first of several at the front comes first: as if it were inserted last.
        for value in reversed(values.elts) if front else values.elts:
            yield Addition(value, front)


def is_search_path(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and ast.unparse(node) in SEARCH_PATH


def added_parameters(function: ast.FunctionDef) -> Mapping[int, bool]:
    """The numbers of the parameters that a function puts on the search path, each with whether at the front."""
    names = [one.arg for one in function.args.args]
    return {
        names.index(one.value.id): one.front
        for node in nodes_in(function)
        for one in added_by(node)
        if isinstance(one.value, ast.Name) and one.value.id in names
    }


class PathReader:
    """Evaluates the expressions in which programs write paths of their own folders."""

    def __init__(self, tree: ast.Module, file: Path, current: Path):
        self.file, self.current = file, current
        #: What each name is bound to, with the line, in the order of the text.
        self.values: dict[str, list[tuple[int, ast.expr]]] = {}
        #: The elements that a loop gives its name.
        self.loops: dict[str, list[ast.expr]] = {}
        for node in nodes_in(tree):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self.values.setdefault(name, []).append((node.lineno, value))
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    self.values.setdefault(name, []).append((node.lineno, value))
                case ast.For(target=ast.Name(id=name), iter=ast.List() | ast.Tuple() as values):
                    self.loops[name] = values.elts
        for bindings in self.values.values():
            bindings.sort(key=lambda one: one[0])

    def folders(self, node: ast.expr) -> Iterator[Path]:
        loop = next(
            (
                one.id
                for one in nodes_in(node)
                if isinstance(one, ast.Name) and one.id in self.loops
            ),
            None,
        )
        if loop is None:
            path = self.path(node, 0)
            if path is not None:
                # Not resolved by the disk: a link stands for the folder that it is in.
                yield Path(os.path.normpath(self.current / path))
            return
        for element in self.loops.pop(loop):
            self.values[loop] = [(0, element)]
            yield from self.folders(node)

    def bound(self, name: ast.Name) -> ast.expr | None:
        """What a name is bound to where it is read: by the last assignment before that line."""
        before = [value for line, value in self.values.get(name.id, ()) if line < name.lineno]
        return before[-1] if before else None

    def path(self, node: ast.expr, depth: int) -> Path | None:
        """The path that an expression means, relative to the current folder; None where it is not clear."""
        if depth > DEEPEST:
            return None
        below = depth + 1
        if ast.unparse(node) in ITSELF:
            return self.file
        match node:
            case ast.Constant(value=str(text)):
                return Path(text or ".")
            case ast.Name(id="__file__"):
                return self.file
            case ast.Name():
                bound = self.bound(node)
                return self.path(bound, below) if bound is not None else None
            case ast.JoinedStr(values=values):
                return self.joined(values, below)
            case ast.FormattedValue(value=value):
                return self.path(value, below)
            case ast.Attribute(attr="pardir"):
                return Path("..")
            case ast.Subscript(
                value=ast.Call(func=ast.Attribute(attr="split"), args=[first, *_]),
                slice=ast.Constant(value=0),
            ) if "path.split" in ast.unparse(node):
                return parent(self.path(first, below))
            case ast.Attribute(value=value, attr="parent"):
                return parent(self.path(value, below))
            case ast.Subscript(
                value=ast.Attribute(value=value, attr="parents"),
                slice=ast.Constant(value=int(number)),
            ):
                above = self.path(value, below)
                for _ in range(number + 1):
                    above = parent(above)
                return above
            case ast.BinOp(left=left, op=ast.Div() | ast.Add(), right=right):
                start, end = self.path(left, below), self.path(right, below)
                if start is None or end is None:
                    return None
                joined = isinstance(node.op, ast.Div)
                return start / end if joined else Path(f"{start}{as_text(right, end)}")
            case ast.Attribute() if ast.unparse(node) in CURRENT:
                return self.current
            case ast.Call(func=function, args=arguments):
                return self.called(ast.unparse(function), function, arguments, below)
        return None

    def joined(self, values: list[ast.expr], depth: int) -> Path | None:
        """The path that the parts of an f-string make together."""
        text = ""
        for value in values:
            path = self.path(value, depth)
            if path is None:
                return None
            text += as_text(value, path)
        return Path(text or ".")

    def called(
        self, name: str, function: ast.expr, arguments: list[ast.expr], depth: int
    ) -> Path | None:
        last = name.rpartition(".")[2]
        if name in CURRENT:
            return self.current
        if last in SAME or last in NORMALISED:
            inner = arguments[0] if arguments else None
            if inner is None and isinstance(function, ast.Attribute):
                inner = function.value
            path = self.path(inner, depth) if inner is not None else None
            if path is None or last in SAME:
                return path
            return Path(os.path.normpath(self.current / path))
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
