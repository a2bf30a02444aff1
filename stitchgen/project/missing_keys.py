"""Where a script checks which keys a load that is not strict left out, which the keys of a block are then.

    missing, _ = model.load_state_dict(weights, strict=False)
    assert set(missing) == {"head.weight", "head.bias"}

Read from the source by `ast`; nothing is run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stitchgen.source.tree import nodes_in

ATTRIBUTE = "missing_keys"


@dataclass(frozen=True)
class Checked:
    """A check of what a load left out."""

    line: int
    receiver: ast.expr  # into which was loaded
    text: str  # what is checked: `msg.missing_keys`


def checks_of_missing_keys(tree: ast.Module) -> Iterator[Checked]:
    scopes = [tree, *(node for node in nodes_in(tree) if isinstance(node, ast.FunctionDef))]
    found = {one.line: one for scope in scopes for one in checks_in(scope)}
    yield from sorted(found.values(), key=lambda one: one.line)


def checks_in(scope: ast.AST) -> Iterator[Checked]:
    """Assertions, and branches that raise, on what a load of the same scope gave."""
    given: dict[str, ast.expr] = {}  # what holds the missing keys, with what was loaded into
    for node in nodes_in(scope):
        if isinstance(node, ast.Assign) and (receiver := loaded_into(node.value)) is not None:
            for target in node.targets:
                match target:
                    case ast.Name(id=name):
                        given[f"{name}.{ATTRIBUTE}"] = receiver
                    case ast.Tuple(elts=[ast.Name(id=name), *_]):
                        given[name] = receiver
    for node in nodes_in(scope):
        match node:
            case ast.Assert(test=test, lineno=line):
                pass
            case ast.If(test=test, body=body, lineno=line) if raises(body):
                pass
            case _:
                continue
        for part in nodes_in(test):
            if isinstance(part, (ast.Name, ast.Attribute)):
                receiver = given.get(ast.unparse(part))
                if isinstance(part, ast.Attribute) and part.attr == ATTRIBUTE:
                    receiver = receiver or loaded_into(part.value)
                if receiver is not None:
                    yield Checked(line, receiver, ast.unparse(part))


def raises(body: Sequence[ast.stmt]) -> bool:
    return any(isinstance(one, ast.Raise) for one in body)


def loaded_into(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.Call(func=ast.Attribute(value=receiver, attr="load_state_dict")):
            return receiver
    return None
