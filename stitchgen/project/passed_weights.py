"""Where a script of the project passes the weights of one class to another.

Read from the source by `ast`; nothing is run.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from stitchgen.project.parsed_files import ParsedFiles
from stitchgen.source.tree import nodes_in


@dataclass(frozen=True)
class Passed:
    """`receiver.load_state_dict(giver.state_dict())`, with the classes that the two may be of."""

    where: str
    receiver: str
    giver: str
    receivers: frozenset[str]
    givers: frozenset[str]


def weights_passed(files: ParsedFiles, classes: set[str]) -> list[Passed]:
    """The strict loads of one model's state into another, of those that a script builds of these classes."""
    found: list[Passed] = []
    for file in files.having("load_state_dict"):
        built: dict[str, set[str]] | None = None
        for node in nodes_in(file.tree):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=receiver, attr="load_state_dict"),
                    args=[
                        ast.Call(func=ast.Attribute(value=giver, attr="state_dict"), args=[]),
                    ],
                    keywords=[],
                ):
                    built = constructions(file.tree, classes) if built is None else built
                    to, of = ast.unparse(receiver), ast.unparse(giver)
                    where = f"{file.path.relative_to(files.root).as_posix()}:{node.lineno}"
                    receivers = frozenset(built.get(to, ()))
                    givers = frozenset(built.get(of, ()))
                    found.append(Passed(where, to, of, receivers, givers))
    return found


def constructions(tree: ast.Module, classes: set[str]) -> dict[str, set[str]]:
    """By variable, the classes that are constructed for it: `{"model": {"Net"}}`."""
    found: dict[str, set[str]] = {}
    for node in nodes_in(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            name = ast.unparse(node.value.func).rpartition(".")[2]
            for target in node.targets if name in classes else ():
                found.setdefault(ast.unparse(target), set()).add(name)
    return found
