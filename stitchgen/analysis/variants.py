"""Other configurations of a model, by reading: one argument of its class is another than it was.

    booleans                turned
    strings and numbers     those that the class compares the argument with, or looks up by it
    lists                   one longer, one shorter

What holds by accident in the configuration that was built does not hold in all of these.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from stitchgen.source.syntax import Syntax

#: So many are built, the first in the order of the arguments; each costs a build and a run.
MOST = 6
#: So many values of one argument.
MOST_VALUES = 2

Constant = bool | int | float | str | None


@dataclass(frozen=True)
class Variant:
    """A construction with one argument of the class changed."""

    build: str
    class_key: str
    argument: str
    change: Literal["value", "longer", "shorter"] = "value"
    value: Constant = None

    @property
    def resizes(self) -> bool:
        """Whether it makes a list longer or shorter, and so perhaps the model."""
        return self.change != "value"

    @property
    def name(self) -> str:
        """What stands for it where a build is named, in reports as well."""
        if self.change == "value":
            return f"{self.build} with {self.argument}={self.value!r}"
        more = "one more" if self.change == "longer" else "one fewer"
        return f"{self.build} with {more} in {self.argument}"

    @property
    def expression(self) -> str | None:
        """The same as an expression for `--build`; None where it does not call the class itself."""
        try:
            node = ast.parse(self.build, mode="eval").body
        except SyntaxError:
            return None
        own = self.class_key.partition(":")[2]
        if self.resizes or not isinstance(node, ast.Call) or ast.unparse(node.func) != own:
            return None
        others = [one for one in node.keywords if one.arg != self.argument]
        node.keywords = [*others, ast.keyword(self.argument, ast.Constant(self.value))]
        return ast.unparse(node)

    def as_request(self) -> dict[str, object]:
        return {
            "build": self.build,
            "class_key": self.class_key,
            "argument": self.argument,
            "change": self.change,
            "value": self.value,
        }


def variants_of(syntax: Syntax, class_name: str, class_key: str, build: str) -> list[Variant]:
    """The variants of a construction, by the constructor of its class in a file."""
    function = next(
        (
            method
            for name in syntax.lineage(class_name)
            if (method := syntax.method(name, "__init__")) is not None
        ),
        None,
    )
    if function is None:
        return []
    given = given_in(build, class_name, function.args)
    compared = compared_with(syntax, class_name)
    found: list[Variant] = []
    flags: list[Variant] = []
    lists: list[Variant] = []
    for name, default in defaults_of(function.args).items():
        value = given.get(name, default)
        if isinstance(value, ast.Constant) and isinstance(value.value, bool):
            flags.append(Variant(build, class_key, name, value=not value.value))
            continue
        own = value.value if isinstance(value, ast.Constant) else None
        others = [one for one in compared.get(name, {}) if one != own]
        found += [Variant(build, class_key, name, value=one) for one in others[:MOST_VALUES]]
        if not others and may_be_list(value):
            lists.append(Variant(build, class_key, name, "longer"))
            lists.append(Variant(build, class_key, name, "shorter"))
    # Of the arguments of which nothing is known, those that are no lists end at once.
    # What a class compares with parts its code more often than a flag that is only handed on.
    return [*[*found, *flags][:MOST], *lists[: 2 * MOST]]


def may_be_list(value: ast.expr | None) -> bool:
    """Whether an argument may have a list: one is written, or nothing is known of it."""
    return value is None or not isinstance(value, ast.Constant)


def defaults_of(arguments: ast.arguments) -> dict[str, ast.expr | None]:
    """The arguments but `self`, each with its default if it has one."""
    positional = [*arguments.posonlyargs, *arguments.args]
    missing = len(positional) - len(arguments.defaults)
    found: dict[str, ast.expr | None] = {
        one.arg: arguments.defaults[number - missing] if number >= missing else None
        for number, one in enumerate(positional)
    }
    found |= {one.arg: value for one, value in zip(arguments.kwonlyargs, arguments.kw_defaults)}
    return dict(list(found.items())[1:]) if positional else found


def given_in(build: str, class_name: str, arguments: ast.arguments) -> Mapping[str, ast.expr]:
    """What the construction itself passes, where it calls the class."""
    try:
        node = ast.parse(build, mode="eval").body
    except SyntaxError:
        return {}
    if not isinstance(node, ast.Call) or ast.unparse(node.func) != class_name:
        return {}
    names = [one.arg for one in (*arguments.posonlyargs, *arguments.args)][1:]
    return dict(zip(names, node.args)) | {one.arg: one.value for one in node.keywords if one.arg}


def compared_with(syntax: Syntax, class_name: str) -> dict[str, dict[Constant, None]]:
    """The constants that a class and its bases in the file tell its arguments apart by, by name."""
    found: dict[str, dict[Constant, None]] = {}
    for name in syntax.lineage(class_name):
        for node in ast.walk(syntax.class_named(name) or ast.Pass()):
            for argument, constant in comparisons(node):
                found.setdefault(argument, {})[constant] = None
    return found


def comparisons(node: ast.AST) -> Iterator[tuple[str, Constant]]:
    """`kind == "bn"`, `kind in ("bn", "gn")`, `{"bn": ...}[kind]`, `match kind`, of an argument or attribute."""
    match node:
        case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq()], comparators=[right]):
            for one, other in ((left, right), (right, left)):
                if (name := name_of(one)) is not None and isinstance(other, ast.Constant):
                    yield from constants(name, other)
        case ast.Compare(left=left, ops=[ast.In() | ast.NotIn()], comparators=[right]):
            if (name := name_of(left)) is not None and isinstance(
                right, (ast.Tuple, ast.List, ast.Set)
            ):
                for one in right.elts:
                    yield from constants(name, one)
        case ast.Subscript(value=ast.Dict(keys=keys), slice=index):
            if (name := name_of(index)) is not None:
                for key in keys:
                    yield from constants(name, key)
        case ast.Match(subject=subject, cases=cases):
            if (name := name_of(subject)) is not None:
                for case in cases:
                    if isinstance(case.pattern, ast.MatchValue):
                        yield from constants(name, case.pattern.value)


def constants(name: str, node: ast.expr | None) -> Iterator[tuple[str, Constant]]:
    if isinstance(node, ast.Constant) and isinstance(node.value, (str, int, float)):
        if not isinstance(node.value, bool):
            yield name, node.value


def name_of(node: ast.expr) -> str | None:
    """`kind` of `kind` and of `self.kind`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(value=ast.Name(id="self"), attr=name):
            return name
    return None
