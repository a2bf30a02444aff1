"""Other configurations of a model, by reading: one argument of its class is another than it was.

    booleans                turned
    strings and numbers     those that the class compares the argument with, or looks up by it; another one,
                            where that is the argument's own
    counts                  of what a loop makes: 1, and one more
    lists                   one longer, one shorter, the first element alone
    configuration objects   the same of their attributes and keys: `opt.backbone == "vgg"`, `if cfg["pool"]:`

What holds by accident in the configuration that was built does not hold in all of these.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stitchgen.analysis.compared_arguments import Constant, Fields, compared_with, name_of
from stitchgen.project.ways_in import ImportGraph
from stitchgen.source.syntax import Function, Syntax
from stitchgen.source.tree import nodes_in

#: So many are built, the first in the order of the arguments; each costs a build and a run.
MOST = 6
#: So many values of one argument.
MOST_VALUES = 2
#: Stands for whatever else a text may be, where a class asks for one value alone.
OTHER = "other"

#: A list of numbers, where a constructor fills in its own.
Numbers = tuple[int | float, ...]


@dataclass(frozen=True)
class Variant:
    """A construction with one argument of the class changed."""

    build: str
    class_key: str
    argument: str
    change: Literal["value", "longer", "shorter", "first", "turned"] = "value"
    value: Constant | Numbers = None
    counts: bool = False  # the argument says how many layers there are
    key: str | None = (
        None  # the attribute or key of the argument that is changed, or a path of such
    )

    @property
    def resizes(self) -> bool:
        """Whether it makes a list longer or shorter, and so perhaps the model."""
        return self.counts or self.change in ("longer", "shorter", "first")

    @property
    def name(self) -> str:
        """What stands for it where a build is named, in reports as well."""
        changed = self.argument if self.key is None else f"{self.argument}.{self.key}"
        if self.change == "value":
            return f"{self.build} with {changed}={self.passed!r}"
        if self.change == "turned":
            return f"{self.build} with {changed} turned"
        changes = {"longer": "one more", "shorter": "one fewer", "first": "the first alone"}
        return f"{self.build} with {changes[self.change]} in {self.argument}"

    @property
    def expression(self) -> str | None:
        """The same as an expression for `--build`; None where it does not call the class itself."""
        try:
            node = ast.parse(self.build, mode="eval").body
        except SyntaxError:
            return None
        own = self.class_key.partition(":")[2]
        if (
            self.change != "value"
            or self.key is not None
            or not isinstance(node, ast.Call)
            or ast.unparse(node.func) != own
        ):
            return None
        others = [one for one in node.keywords if one.arg != self.argument]
        value = ast.parse(repr(self.passed), mode="eval").body
        node.keywords = [*others, ast.keyword(self.argument, value)]
        return ast.unparse(node)

    def as_request(self) -> dict[str, object]:
        return {
            "build": self.build,
            "class_key": self.class_key,
            "argument": self.argument,
            "change": self.change,
            "value": self.passed,
            "key": self.key,
        }

    @property
    def passed(self) -> Constant | list[int | float]:
        return list(self.value) if isinstance(self.value, tuple) else self.value


def variants_of(
    syntax: Syntax,
    class_name: str,
    class_key: str,
    build: str,
    file: Path | None = None,
    project: ImportGraph | None = None,
) -> list[Variant]:
    """The variants of a construction, by the constructor of its class in a file, and by what it hands its arguments to
    in the files of the project."""
    constructors = (syntax.method(name, "__init__") for name in syntax.lineage(class_name))
    function = next((one for one in constructors if one is not None), None)
    if function is None:
        return []
    compared = compared_with(syntax, class_name, file, project)
    reading = Reading(syntax, class_name, function, class_key, build, compared)
    arguments = defaults_of(function.args)
    values = [one for name in arguments for one in reading.values(name, arguments[name])]
    flags = [one for name in arguments for one in reading.flags(name, arguments[name])]
    fields = [one for name in arguments for one in reading.fields(name, arguments[name])]
    counts = [one for name in arguments for one in reading.counts(name, arguments[name])]
    lists = [one for name in arguments for one in reading.lists(name, arguments[name])]
    # Of the arguments of which nothing is known, those that are no lists end at once.
    # What a class compares with parts its code more often than a flag that is only handed on.
    return [*[*values, *flags, *fields][:MOST], *counts[:MOST], *lists[: 3 * MOST]]


class Reading:
    """What a class does with the arguments of its constructor, and so what else they may be."""

    def __init__(
        self,
        syntax: Syntax,
        class_name: str,
        function: Function,
        class_key: str,
        build: str,
        compared: Mapping[str, Fields],
    ) -> None:
        self.function, self.class_key, self.build = function, class_key, build
        self.given = given_in(build, class_name, function.args)
        same = fields_kept(function)
        self.compared: dict[str, dict[Constant, None]] = {}
        for name, values in compared.items():
            self.compared.setdefault(kept_as(name, same), {}).update(values)
        self.tested = tested_fields(syntax, class_name, same)
        self.bounds = compared_by_size(syntax, class_name)
        self.counted = counting_arguments(syntax, class_name)

    def with_value(self, name: str, value: Constant | Numbers, *, counts: bool = False) -> Variant:
        return Variant(self.build, self.class_key, name, value=value, counts=counts)

    def flags(self, name: str, default: ast.expr | None) -> Iterator[Variant]:
        value = constant_of(self.given.get(name, default))
        if isinstance(value, bool):
            yield self.with_value(name, not value)

    def others(self, name: str, default: ast.expr | None) -> list[Constant]:
        """The other constants that an argument may be."""
        own, usual = constant_of(self.given.get(name, default)), constant_of(default)
        if isinstance(own, bool):
            return []  # see flags
        others = [one for one in self.compared.get(name, {}) if one != own]
        if name in self.given and usual not in (None, own) and not isinstance(usual, bool):
            others = [usual, *(one for one in others if one != usual)]
        if name in self.compared and not others:
            others = another_than(own)
        return others + [one for one in across(own, self.bounds.get(name, ())) if one not in others]

    def values(self, name: str, default: ast.expr | None) -> Iterator[Variant]:
        for one in self.others(name, default)[:MOST_VALUES]:
            yield self.with_value(name, one)

    def fields(self, name: str, default: ast.expr | None) -> Iterator[Variant]:
        """The attributes and keys of a configuration object."""
        if constant_of(self.given.get(name, default)) is not None:
            return
        for key, values in fields_of(name, self.compared).items():
            # What it is now is not known: that value is one of those.
            for one in [*values][: MOST_VALUES + 1]:
                yield Variant(self.build, self.class_key, name, value=one, key=key)
        for key in fields_of(name, self.tested):
            yield Variant(self.build, self.class_key, name, "turned", key=key)

    def counts(self, name: str, default: ast.expr | None) -> Iterator[Variant]:
        """Of an argument that says how many layers there are."""
        if name not in self.counted:
            return
        value = self.given.get(name, default)
        own = constant_of(value)
        if isinstance(own, int) and not isinstance(own, bool):
            known = self.others(name, default)
            for one in dict.fromkeys((1, own + 1)):
                if one != own and one not in known:
                    yield self.with_value(name, one, counts=True)
        depths = numbers_in(value) or (filled_in(self.function, name) if own is None else [])
        if max(depths, default=1) > 1:
            yield self.with_value(name, tuple(1 for _ in depths), counts=True)

    def lists(self, name: str, default: ast.expr | None) -> Iterator[Variant]:
        value = self.given.get(name, default)
        if isinstance(value, ast.Constant) and value.value is None:
            for one in other_lengths(filled_in(self.function, name)):
                yield self.with_value(name, one, counts=True)
        if may_be_list(value) and not self.others(name, default):
            yield Variant(self.build, self.class_key, name, "longer")
            yield Variant(self.build, self.class_key, name, "shorter")
            yield Variant(self.build, self.class_key, name, "first")


def fields_of(argument: str, read: Mapping[str, Fields]) -> dict[str, Fields]:
    """What is read of an argument's attributes and keys, by their names."""
    return {
        key: found
        for name, found in read.items()
        for owner, _, key in [name.partition(".")]
        if owner == argument and key
    }


def constant_of(node: ast.expr | None) -> Constant:
    """The value of a constant that an argument may have; None for every other expression."""
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, (bool, int, float, str)) else None


def another_than(value: Constant) -> list[Constant]:
    """Some other value, where a class compares an argument with the one that it has: `if depth == 2`."""
    if isinstance(value, str):
        return [OTHER]
    return [value + 1] if isinstance(value, int) else []


def filled_in(function: Function, argument: str) -> list[int | float]:
    """The list that a constructor takes where an argument is None: `if widths is None: widths = [8, 16]`."""
    for node in nodes_in(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name == argument:
                if isinstance(value, ast.BoolOp):
                    value = value.values[-1]
                if found := numbers_in(value):
                    return found
    return []


def numbers_in(node: ast.expr | None) -> list[int | float]:
    """The elements of a list of numbers that is written out; [] for every other expression."""
    if not isinstance(node, (ast.List, ast.Tuple)):
        return []
    elements = [constant_of(one) for one in node.elts]
    numbers = [one for one in elements if isinstance(one, (int, float))]
    return numbers if len(numbers) == len(elements) else []


def other_lengths(values: list[int | float]) -> list[Numbers]:
    """A list with one more and with one fewer."""
    if len(values) < 2:
        return []
    before, last = values[-2:]
    return [(*values, 2 * last - before if last > before else last), tuple(values[:-1])]


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


def fields_kept(function: Function) -> dict[str, str]:
    """The names and attributes in which a constructor keeps those of its arguments: `options.task` by `task`, of
    `self.task = options.task`; of what is kept under another such name as well."""
    kept: dict[str, str] = {}
    for node in function.body:
        match node:
            case ast.Assign(targets=[target], value=value):
                name, source = name_of(target), name_of(value)
                if name is not None and source is not None and "." in source:
                    first, _, rest = source.partition(".")
                    kept[name] = f"{kept.get(first, first)}.{rest}"
    return kept


def kept_as(name: str, same: Mapping[str, str]) -> str:
    """A name, or the attribute of an argument that it stands for: `cfg.task` of `cfg.model.task`."""
    first, _, rest = name.partition(".")
    if name in same or first not in same:
        return same.get(name, name)
    return f"{same[first]}.{rest}"


def tested_fields(
    syntax: Syntax, class_name: str, same: Mapping[str, str]
) -> dict[str, dict[Constant, None]]:
    """The attributes and keys that a class and its bases in the file test alone, as flags: `if opt.pool:`."""
    found: dict[str, dict[Constant, None]] = {}
    for name in syntax.lineage(class_name):
        for node in nodes_in(syntax.class_named(name) or ast.Pass()):
            match node:
                case ast.If(test=test) | ast.IfExp(test=test):
                    if isinstance(test, ast.UnaryOp):
                        test = test.operand
                    tested = kept_as(name_of(test) or "", same)
                    if "." in tested:
                        found[tested] = {}
    return found


SIZES: Mapping[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
}


@dataclass(frozen=True)
class Bound:
    """A number that a class compares an argument with by size: `if layers > 1`."""

    holds: Callable[[float, float], bool]
    number: int | float


def compared_by_size(syntax: Syntax, class_name: str) -> dict[str, list[Bound]]:
    found: dict[str, list[Bound]] = {}
    for name in syntax.lineage(class_name):
        for node in nodes_in(syntax.class_named(name) or ast.Pass()):
            match node:
                case ast.Compare(
                    left=left,
                    ops=[operation],
                    comparators=[ast.Constant(value=int() | float() as number)],
                ):
                    argument, holds = name_of(left), SIZES.get(type(operation))
                    if argument is not None and holds is not None:
                        found.setdefault(argument, []).append(Bound(holds, number))
    return found


def across(own: Constant, bounds: Iterable[Bound]) -> Iterator[Constant]:
    """For each bound a value on its other side."""
    if not isinstance(own, (int, float)) or isinstance(own, bool):
        return
    step = 1 if isinstance(own, int) else 0.5  # a rate of 1 would drop everything
    for bound in bounds:
        for value in (bound.number, bound.number + step, bound.number - step):
            if bound.holds(value, bound.number) != bound.holds(own, bound.number):
                yield type(own)(value)
                break


def counting_arguments(syntax: Syntax, class_name: str) -> set[str]:
    """The arguments by which a class and its bases in the file count what they make: `range(depth)`,
    `[Block()] * depth`, in the methods that they are handed to as well."""
    methods: dict[str, ast.FunctionDef] = {}
    for name in reversed(syntax.lineage(class_name)):
        definition = syntax.class_named(name)
        for node in definition.body if definition is not None else ():
            if isinstance(node, ast.FunctionDef):
                methods[node.name] = node
    counted = {name: counted_in(method) for name, method in methods.items()}
    for _ in methods:  # as deep as methods can call each other
        before = {name: set(names) for name, names in counted.items()}
        for name, method in methods.items():
            for call in (one for one in nodes_in(method) if isinstance(one, ast.Call)):
                match call.func:
                    case ast.Attribute(value=ast.Name(id="self"), attr=called):
                        if called in methods:
                            counted[name] |= handed_on(call, methods[called], counted[called])
        if counted == before:
            break
    return set().union(*counted.values())


def counted_in(method: ast.FunctionDef) -> set[str]:
    """The names in what a method's loops and repeated lists count by."""
    found: set[str] = set()
    for node in nodes_in(method):
        match node:
            case ast.Call(func=ast.Name(id="range"), args=arguments):
                counts = arguments
            case ast.BinOp(left=ast.List(), op=ast.Mult(), right=right):
                counts = [right]
            case ast.BinOp(left=left, op=ast.Mult(), right=ast.List()):
                counts = [left]
            case _:
                continue
        for count in counts:
            found |= {name for part in nodes_in(count) if (name := name_of_expression(part))}
    return found


def handed_on(call: ast.Call, method: ast.FunctionDef, counted: set[str]) -> set[str]:
    """The names that a call hands on as arguments by which the method counts."""
    parameters = [one.arg for one in method.args.args][1:]
    given = [*zip(parameters, call.args), *((one.arg, one.value) for one in call.keywords)]
    return {
        name
        for parameter, value in given
        if parameter in counted and (name := name_of(value)) is not None
    }


def name_of_expression(node: ast.AST) -> str | None:
    return name_of(node) if isinstance(node, ast.expr) else None
