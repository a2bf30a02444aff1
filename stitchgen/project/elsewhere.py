"""Where other code of a project depends on a class whose layers change: it runs one of them itself, or passes
weights to and from another class.

Read from the source by `ast`; nothing is run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stitchgen.project.python_files import python_files


@dataclass(frozen=True)
class Passed:
    """`receiver.load_state_dict(giver.state_dict())`, with the classes that the two may be of."""

    where: str
    receiver: str
    giver: str
    receivers: frozenset[str]
    givers: frozenset[str]


def trees(root: Path) -> Iterator[tuple[Path, ast.Module]]:
    for path in python_files(root):
        try:
            yield path, ast.parse(path.read_bytes())
        except (OSError, SyntaxError, ValueError):
            continue


def run_from_outside(root: Path, layer: str) -> list[tuple[Path, int, str]]:
    """The calls of the layer of another object, `self.detr.input_proj(x)`: file, line, what is called.

    Empty where several classes of the project have a layer of that name: whose is called is not known then.
    """
    owners: set[tuple[Path, str]] = set()
    found: list[tuple[Path, int, str]] = []
    for path, tree in trees(root):
        for node in ast.walk(tree):
            match node:
                case ast.ClassDef(name=name) if assigns(node, layer):
                    owners.add((path, name))
                case ast.Call(func=ast.Attribute(value=ast.Name(id="self"))):
                    pass
                case ast.Call(func=ast.Attribute(value=ast.Name() | ast.Attribute(), attr=attr)):
                    if attr == layer:
                        found.append((path, node.lineno, ast.unparse(node.func)))
    return found if len(owners) == 1 else []


def assigns(node: ast.ClassDef, layer: str) -> bool:
    return any(
        isinstance(part, ast.Attribute)
        and isinstance(part.ctx, ast.Store)
        and part.attr == layer
        and isinstance(part.value, ast.Name)
        and part.value.id == "self"
        for part in ast.walk(node)
    )


def weights_passed(root: Path, classes: set[str]) -> list[Passed]:
    """The strict loads of one model's state into another, of those that a script builds of these classes."""
    found: list[Passed] = []
    for path, tree in trees(root):
        built: dict[str, set[str]] | None = None
        for node in ast.walk(tree):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=receiver, attr="load_state_dict"),
                    args=[
                        ast.Call(func=ast.Attribute(value=giver, attr="state_dict"), args=[]),
                    ],
                    keywords=[],
                ):
                    built = constructions(tree, classes) if built is None else built
                    to, of = ast.unparse(receiver), ast.unparse(giver)
                    where = f"{path.relative_to(root).as_posix()}:{node.lineno}"
                    receivers = frozenset(built.get(to, ()))
                    givers = frozenset(built.get(of, ()))
                    found.append(Passed(where, to, of, receivers, givers))
    return found


def constructions(tree: ast.Module, classes: set[str]) -> dict[str, set[str]]:
    """By variable, the classes that are constructed for it: `{"model": {"Net"}}`."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            name = ast.unparse(node.value.func).rpartition(".")[2]
            for target in node.targets if name in classes else ():
                found.setdefault(ast.unparse(target), set()).add(name)
    return found
