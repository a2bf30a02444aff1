"""What a script's argparse gives where nothing is typed: `Net(args.width)` is then `Net(64)`.

Read from the source by `ast`; nothing is run.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping
from dataclasses import dataclass

from stitchgen.source.tree import nodes_in

PARSES = ("parse_args", "parse_known_args")


@dataclass(frozen=True)
class ParsedArguments:
    """The options of a script with their defaults, and the names that hold them."""

    defaults: Mapping[str, ast.expr]
    names: frozenset[str]  # `args` of `args = parser.parse_args()`
    copies: Mapping[str, ast.expr]  # `WIDTHS` of `WIDTHS = [args.width] * 3`, with the default

    def filled(self, call: ast.Call, reads: frozenset[str]) -> ast.Call:
        """The call with the defaults in the place of what was parsed.

        A model that takes all options, `Net(args)`, gets those of them that its file reads.
        """
        arguments = [self.value(one, reads) for one in call.args]
        keywords = [ast.keyword(one.arg, self.value(one.value, reads)) for one in call.keywords]
        return ast.Call(call.func, arguments, keywords)

    def value(self, node: ast.expr, reads: frozenset[str]) -> ast.expr:
        if isinstance(node, ast.Name) and node.id in self.names:
            return namespace({one: value for one, value in self.defaults.items() if one in reads})
        return substituted(node, self.names, self.defaults, self.copies)


class Substitution(ast.NodeTransformer):
    """Puts the options' defaults, and what names are bound to, into an expression."""

    def __init__(
        self,
        names: frozenset[str],
        defaults: Mapping[str, ast.expr],
        copies: Mapping[str, ast.expr],
    ) -> None:
        self.names, self.defaults, self.copies = names, defaults, copies

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id in self.names:
            return self.defaults.get(node.attr, node)
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self.copies.get(node.id, node)


def substituted(
    node: ast.expr,
    names: frozenset[str],
    defaults: Mapping[str, ast.expr],
    copies: Mapping[str, ast.expr],
) -> ast.expr:
    """A copy of the expression, with what is known put in."""
    result = Substitution(names, defaults, copies).visit(copy.deepcopy(node))
    assert isinstance(result, ast.expr)
    return result


def is_known(node: ast.expr) -> bool:
    """Whether an expression has nothing in it but literals, and what is computed of them."""
    allowed = (ast.Constant, ast.List, ast.Tuple, ast.Dict, ast.BinOp, ast.UnaryOp)
    parts = [part for part in nodes_in(node) if isinstance(part, ast.expr)]
    return all(isinstance(part, allowed) for part in parts)


def namespace(values: Mapping[str, ast.expr]) -> ast.expr:
    """An expression for an object with these attributes, which needs no import."""
    of = ast.parse("__import__('types').SimpleNamespace", mode="eval").body
    return ast.Call(of, [], [ast.keyword(name, value) for name, value in values.items()])


def is_namespace(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).endswith("').SimpleNamespace")


def parsed_arguments(tree: ast.Module) -> ParsedArguments:
    """What a script parses; nothing where it has no argparse."""
    defaults: dict[str, ast.expr] = {}
    names: set[str] = set()
    assigned: dict[str, list[ast.expr]] = {}
    for node in nodes_in(tree):
        if isinstance(node, ast.Call) and called(node) == "add_argument":
            defaults |= option_of(node)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Tuple) and called(node.value) == PARSES[1]:
                    target = target.elts[0]
                if isinstance(target, ast.Name):
                    assigned.setdefault(target.id, []).append(node.value)
                    if called(node.value) in PARSES:
                        names.add(target.id)
    copies: dict[str, ast.expr] = {}
    for name, values in assigned.items():  # in the order in which they are written
        if len(values) == 1:
            value = substituted(values[0], frozenset(names), defaults, copies)
            if is_known(value):
                copies[name] = value
    return ParsedArguments(defaults, frozenset(names), copies)


def option_of(call: ast.Call) -> dict[str, ast.expr]:
    """The name of an option with its default, `...` where there is none; nothing where it is computed."""
    given = {one.arg: one.value for one in call.keywords if one.arg}
    flags = [text for one in call.args if (text := text_of(one)) is not None]
    long = [one for one in flags if one.startswith("--")] or flags
    name = text_of(given.get("dest")) or (long[0].lstrip("-").replace("-", "_") if long else None)
    if name is None:
        return {}
    action = text_of(given.get("action"))
    if "default" in given:
        return {name: given["default"]} if is_known(given["default"]) else {}
    if action in ("store_true", "store_false"):
        return {name: ast.Constant(action == "store_false")}
    needed = "required" in given or not long[0].startswith("-")
    return {name: ast.Constant(... if needed else None)}


def text_of(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def called(node: ast.expr) -> str | None:
    """`parse_args` of `parser.parse_args()`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr
    return None
