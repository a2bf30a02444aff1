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
    found = {one.line: one for scope in scopes_of(tree) for one in checks_in(scope)}
    yield from sorted(found.values(), key=lambda one: one.line)


def scopes_of(tree: ast.Module) -> Iterator[list[ast.AST]]:
    """What stands in each function, and outside of all."""
    functions = [node for node in nodes_in(tree) if isinstance(node, ast.FunctionDef)]
    inside = {id(part) for one in functions for part in nodes_in(one)}
    yield [node for node in nodes_in(tree) if id(node) not in inside]
    for function in functions:
        yield list(nodes_in(function))


def checks_in(scope: Sequence[ast.AST]) -> Iterator[Checked]:
    """Assertions, and branches that raise, on what a load of the same scope gave."""
    given: dict[str, ast.expr] = {}  # what holds the missing keys, with what was loaded into
    bound: list[str] = []
    for node in scope:
        if isinstance(node, ast.Assign):
            receiver = loaded_into(node.value)
            for target in node.targets:
                match target:
                    case ast.Name(id=name):
                        bound.append(name)
                        if receiver is not None:
                            given[f"{name}.{ATTRIBUTE}"] = receiver
                    case ast.Tuple(elts=[ast.Name(id=name), *_]):
                        bound.append(name)
                        if receiver is not None:
                            given[name] = receiver
    for node in scope:
        match node:
            case ast.Assert(test=test, lineno=line):
                reached = [*nodes_in(test)]
            case ast.If(test=test, body=body, lineno=line) if raises(body):
                reached = [*nodes_in(test)]
                # `if unexpected and not missing: raise` is not reached with the block's keys missing.
                for part in nodes_in(test):
                    if isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.Not):
                        spared = {id(one) for one in nodes_in(part)}
                        reached = [one for one in reached if id(one) not in spared]
            case _:
                continue
        for part in reached:
            if isinstance(part, (ast.Name, ast.Attribute)):
                text = ast.unparse(part)
                receiver = given.get(text)
                if bound.count(text.partition(".")[0]) > 1:
                    receiver = None  # what was filtered, or another thing
                if isinstance(part, ast.Attribute) and part.attr == ATTRIBUTE:
                    receiver = receiver or loaded_into(part.value)
                if receiver is not None:
                    yield Checked(line, receiver, text)


def raises(body: Sequence[ast.stmt]) -> bool:
    return any(isinstance(one, ast.Raise) for one in body)


def loaded_into(node: ast.expr) -> ast.expr | None:
    """The model of a load that is not strict; a strict one fails by itself."""
    match node:
        case ast.Call(
            func=ast.Attribute(value=receiver, attr="load_state_dict"), args=args, keywords=keywords
        ):
            strict = [*args[1:2], *(one.value for one in keywords if one.arg == "strict")]
            lenient = any(not isinstance(one, ast.Constant) or one.value is False for one in strict)
            return receiver if lenient or any(one.arg is None for one in keywords) else None
    return None
