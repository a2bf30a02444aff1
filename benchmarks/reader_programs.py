"""Random programs that build a small model, and what CPython and the static reader make of them.

A program is a file with constants, functions, decorators and classes, and one `nn.Module` whose
layers are built with integers that all of these compute. `write_program` makes one from a source of
random choices; `compare` runs it with CPython (torch is a stand-in of a few classes) and reads it,
and says of each layer whether the reader's count is equal, unknown or wrong.

The grammar keeps the types of the names in scope, so that most programs run; one that raises
says nothing.
"""

from __future__ import annotations

import ast
import contextlib
import io
import random
import signal
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from stitchgen.analysis.factories import configurations
from stitchgen.analysis.facts import Layer
from stitchgen.analysis.static.layers import read_classes

HEAD = """\
import collections
import copy
import dataclasses
import enum
import functools
import itertools
import math
import operator
import typing
import zlib
from dataclasses import dataclass, field
from torch import nn
"""
INT, LIST, TUPLE, DICT, SET, TEXT, ROWS = "int list tuple dict set text rows".split()
#: Names for decorators of the file's own that look like those of libraries.
DECORATORS = (
    "cache lru_cache final register_width override wraps no_grad dataclass_of export".split()
)


# The grammar ----------------------------------------------------------------------------------


@dataclass
class Kind:
    """A class of the program."""

    name: str
    parameters: list[str]  # their types; each may have a default
    needed: int
    attributes: dict[str, str] = field(default_factory=dict)
    methods: dict[str, tuple[list[str], str]] = field(default_factory=dict)
    statics: dict[str, str] = field(default_factory=dict)  # attributes of the class itself
    frozen: bool = False


@dataclass
class Names:
    """What is in scope: variables with their types; functions with those of their parameters."""

    variables: dict[str, str] = field(default_factory=dict)
    functions: dict[str, tuple[list[str], str]] = field(default_factory=dict)
    kinds: dict[str, Kind] = field(default_factory=dict)
    constant: frozenset[str] = frozenset()  # variables of the file: read, changed, not bound
    loops: int = 0
    result: str | None = None  # the type that the function returns
    own: Kind | None = None
    layers: bool = False

    def inner(self, **changes: Any) -> Names:
        settings = {
            "variables": dict(self.variables),
            "functions": dict(self.functions),
            "kinds": self.kinds,
            "constant": self.constant,
            "loops": self.loops,
            "result": self.result,
            "own": self.own,
            "layers": self.layers,
        }
        return Names(**{**settings, **changes})


class Writer:
    """Writes programs from random choices."""

    def __init__(self, choices: random.Random) -> None:
        self.random = choices
        self.count = 0
        self.made = 0  # layers

    # Choices

    def pick(self, options: Any) -> Any:
        options = list(options)
        return options[self.random.randint(0, len(options) - 1)]

    def chance(self, one_in: int) -> bool:
        return self.random.randint(1, one_in) == one_in

    def name(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def number(self) -> str:
        return str(self.pick([0, 1, 2, 3, 4, 5, 7, 8, 12, 16, 32]))

    def key(self) -> str:
        return self.pick(['"a"', '"b"', '"c"'])

    # Expressions

    def of_type(self, kind: str, names: Names, depth: int = 2) -> str:
        made = {
            INT: self.integer,
            LIST: self.list,
            TUPLE: self.tuple,
            DICT: self.dict,
            SET: self.set,
            TEXT: self.text,
            ROWS: self.rows,
        }.get(kind)
        if made is not None:
            return made(names, depth)
        return self.instance(names.kinds[kind], names, depth)

    def having(self, kind: str, names: Names) -> list[str]:
        """The names and attributes that have a type."""
        found = [name for name, one in names.variables.items() if one == kind]
        for name, one in names.variables.items():
            if one in names.kinds:
                for attribute, what in names.kinds[one].attributes.items():
                    if what == kind:
                        found.append(f"{name}.{attribute}")
        for one in names.kinds.values():
            found += [f"{one.name}.{name}" for name, what in one.statics.items() if what == kind]
        return found

    def existing(self, kind: str, names: Names, depth: int) -> str:
        """A name of the type, or a new value."""
        found = self.having(kind, names)
        return self.pick(found) if found else self.of_type(kind, names, min(depth, 1) - 1)

    def called(self, kind: str, names: Names, depth: int) -> str | None:
        """A call of something of the program that gives a value of the type."""
        options: list[Callable[[], str]] = []
        for name, (parameters, result) in names.functions.items():
            if result == kind:
                options.append(
                    lambda n=name, p=parameters: f"{n}({self.arguments(p, names, depth)})"
                )
        for name, one in names.variables.items():
            for method, (parameters, result) in (
                names.kinds[one].methods.items() if one in names.kinds else ()
            ):
                if result == kind:
                    options.append(
                        lambda n=name, m=method, p=parameters: (
                            f"{n}.{m}({self.arguments(p, names, depth)})"
                        )
                    )
        return self.pick(options)() if options else None

    def arguments(self, parameters: list[str], names: Names, depth: int) -> str:
        given = [self.of_type(kind, names, depth - 1) for kind in parameters]
        if given and all(kind == INT for kind in parameters) and self.chance(6):
            return f"*[{', '.join(given)}]"
        return ", ".join(given)

    def integer(self, names: Names, depth: int = 2) -> str:
        if depth <= 0:
            found = self.having(INT, names)
            return self.pick(found) if found and not self.chance(4) else self.number()

        def one() -> str:
            return self.integer(names, depth - 1)

        def some(kind: str) -> str:
            return self.existing(kind, names, depth)

        def made(kind: str) -> str:
            return self.of_type(kind, names, depth - 1)

        v = self.name("v")
        inner = names.inner(variables={**names.variables, v: INT})
        options: list[Callable[[], str]] = [
            one,
            lambda: f"({one()} {self.pick('+-*')} {one()})",
            lambda: f"({one()} {self.pick('+-*')} {one()})",
            lambda: f"{one()} {self.pick(['//', '%'])} {self.pick([2, 3, 5])}",
            lambda: f"({one()} {self.pick('&|^')} {one()})",
            lambda: f"({one()} {self.pick(['<<', '>>'])} {self.pick([1, 2])})",
            lambda: f"len({made(self.pick([LIST, TUPLE, DICT, SET, TEXT, ROWS]))})",
            lambda: f"sum({some(self.pick([LIST, TUPLE, SET]))})",
            lambda: f"{self.pick(['max', 'min'])}({one()}, {one()})",
            lambda: f"{self.pick(['max', 'min'])}({some(self.pick([LIST, TUPLE, SET]))})",
            lambda: f"{some(self.pick([LIST, TUPLE]))}[{self.pick([0, -1, 1])}]",
            lambda: f"{some(DICT)}[{self.key()}]",
            lambda: f"{some(DICT)}.get({self.key()}, {one()})",
            lambda: f"({one()} if {self.test(names, depth - 1)} else {one()})",
            lambda: f"({one()} if {self.test(names, depth - 1)} else {one()})",
            lambda: f"int({self.test(names, depth - 1)})",
            lambda: f"({one()} {self.pick(['or', 'and'])} {one()})",
            lambda: f"abs({one()})",
            lambda: f"-{one()}",
            lambda: f"~{one()}",
            lambda: f"round({one()} * 0.5)",
            lambda: f"math.ceil({one()} / {self.pick([2, 3])})",
            lambda: f"int({one()} / 2)",
            lambda: f"divmod({one()}, 3)[{self.pick([0, 1])}]",
            lambda: f"math.gcd({one()}, {one()})",
            lambda: f"operator.{self.pick(['add', 'mul', 'sub'])}({one()}, {one()})",
            lambda: f"functools.reduce(lambda p, q: p * 2 + q, {some(LIST)}, {one()})",
            lambda: f"functools.reduce(operator.add, {some(LIST)}, 0)",
            lambda: f"sum({made(LIST)})",
            lambda: f"sum({some(LIST)}[{self.slice()}])",
            lambda: f"(lambda {v}: {self.integer(inner, depth - 1)})({one()})",
            lambda: f"(lambda {v}={one()}: {self.integer(inner, depth - 1)})()",
            lambda: (
                f"sum({self.integer(inner, depth - 1)} for {v} in {made(LIST)}"
                f"{f' if {self.test(inner, depth - 1)}' if self.chance(2) else ''})"
            ),
            lambda: f"sum(i * {v} for i, {v} in enumerate({some(LIST)}))",
            lambda: f"sum(i * {v} for i, {v} in zip({some(LIST)}, {some(TUPLE)}))",
            lambda: f"sorted({some(LIST)}, reverse={self.pick([True, False])})[0]",
            lambda: f"sorted({some(LIST)}, key=lambda {v}: -{v})[0]",
            lambda: f"next(iter({some(self.pick([LIST, TUPLE]))}))",
            lambda: f"list({some(DICT)}.values())[{self.pick([0, -1])}]",
            lambda: f"sum({some(DICT)}.values())",
            lambda: f"{some(self.pick([LIST, TUPLE]))}.{self.pick(['count', 'index'])}({one()})",
            lambda: f"int({self.digits(names, depth)})",
            lambda: f"{some(TEXT)}.count({self.pick(['a', 'b', 'ab'])!r})",
            lambda: f"ord({some(TEXT)}[0])",
            lambda: f"{some(ROWS)}[{self.pick([0, -1])}][{self.pick([0, -1])}]",
            lambda: f"sum(sum({v}) for {v} in {some(ROWS)})",
            lambda: f"collections.Counter({some(LIST)})[{one()}]",
            lambda: f"sum(itertools.chain({some(LIST)}, {some(TUPLE)}))",
            lambda: f"(lambda *rest, **more: len(rest) + len(more))(*{some(LIST)}, **{some(DICT)})",
            lambda: f"functools.partial({self.pick(['max', 'min'])}, {one()})({one()})",
            lambda: f"zlib.crc32(b'{self.pick('abcd')}') % {self.pick([2, 3])}",
            lambda: f"({self.name('w')} := {one()})" if names.result else one(),
            lambda: self.called(INT, names, depth) or one(),
            lambda: self.called(INT, names, depth) or one(),
            lambda: self.called(INT, names, depth) or one(),
            lambda: self.of_instance(names, depth) or one(),
            lambda: self.of_instance(names, depth) or one(),
        ]
        return self.pick(options)()

    def of_instance(self, names: Names, depth: int) -> str | None:
        kinds = [kind for kind in names.kinds.values() if INT in kind.attributes.values()]
        if not kinds:
            return None
        kind = self.pick(kinds)
        attribute = self.pick([n for n, one in kind.attributes.items() if one == INT])
        owner = self.existing(kind.name, names, depth)
        return self.pick(
            [
                f"{owner}.{attribute}",
                f"getattr({owner}, {attribute!r})",
                f"getattr({owner}, 'missing', {self.integer(names, depth - 1)})",
                f"copy.{self.pick(['copy', 'deepcopy'])}({owner}).{attribute}",
                f"int(hasattr({owner}, {attribute!r}))",
            ]
        )

    def digits(self, names: Names, depth: int) -> str:
        one = self.integer(names, depth - 1)
        return self.pick(
            [
                (
                    f"f'{{{one}}}'"
                    if "'" not in one and '"' not in one and "\\" not in one
                    else f"str({one})"
                ),
                f"'%d' % ({one})",
                f"'{{}}'.format({one})",
                f"str({one})",
                f"'{{:03d}}'.format(abs({one}))",
            ]
        )

    def slice(self) -> str:
        return self.pick([":", "1:", ":-1", "::-1", "::2", "1:3"])

    def test(self, names: Names, depth: int = 1) -> str:
        def one() -> str:
            return self.integer(names, depth - 1)

        def some(kind: str) -> str:
            return self.existing(kind, names, depth)

        containers = [LIST, TUPLE, DICT, SET, TEXT, ROWS]
        order = ["==", "!=", "<", "<=", ">", ">="]
        options: list[Callable[[], str]] = [
            lambda: f"{one()} {self.pick(order)} {one()}",
            lambda: f"{one()} {self.pick(order)} {one()} {self.pick(order)} {one()}",
            lambda: f"{some(kind := self.pick(containers))} {self.pick(['==', '!='])} {some(kind)}",
            lambda: (
                f"{some(self.pick(containers))} {self.pick(['==', '!='])} {some(self.pick(containers))}"
            ),
            lambda: f"{some(LIST)} {self.pick(order)} {some(LIST)}",
            lambda: f"{one()} {self.pick(['in', 'not in'])} {some(self.pick([LIST, TUPLE, SET]))}",
            lambda: f"{self.key()} in {some(DICT)}",
            lambda: f"{some(self.pick(containers))}",
            lambda: f"not {some(self.pick(containers))}",
            lambda: f"isinstance({some(self.pick([*containers, INT]))}, {self.pick(['list', 'tuple', 'int', '(list, dict)', 'str', 'set'])})",
            lambda: f"{self.pick(['any', 'all'])}({some(self.pick([LIST, TUPLE, SET]))})",
            lambda: f"{some(kind := self.pick([LIST, DICT]))} is {some(kind)}",
            lambda: f"({self.test(names, 1)} {self.pick(['and', 'or'])} {self.test(names, 1)})",
            lambda: f"not ({self.test(names, 1)})",
            lambda: f"{some(TEXT)}.startswith({self.key()})",
            lambda: f"{some(SET)} {self.pick(['<=', '==', '>'])} {some(SET)}",
            lambda: f"zlib.crc32(b'{self.pick('abcd')}') % 2",
            lambda: self.of_kinds(names, depth) or f"{one()} == {one()}",
            lambda: self.of_kinds(names, depth) or f"{one()} == {one()}",
        ]
        return self.pick(options)()

    def of_kinds(self, names: Names, depth: int) -> str | None:
        """A comparison of instances."""
        if not names.kinds:
            return None
        kind = self.pick(names.kinds.values())
        other = kind if not self.chance(4) else self.pick(names.kinds.values())
        left, right = (self.existing(one.name, names, depth) for one in (kind, other))
        if self.chance(2):
            right = self.instance(other, names, 1)
        return self.pick(
            [
                f"{left} == {right}",
                f"{left} != {right}",
                f"{left} in [{right}]",
                f"{left} is {right}",
                f"isinstance({left}, {other.name})",
                f"type({left}) is {other.name}",
                f"issubclass({kind.name}, {other.name})",
                f"({left}, 1) == ({right}, 1)",
                f"bool({left})",
            ]
        )

    def list(self, names: Names, depth: int = 2) -> str:
        def one() -> str:
            return self.integer(names, depth - 1)

        def some(kind: str) -> str:
            return self.existing(kind, names, depth)

        literal = "[" + ", ".join(self.number() for _ in range(self.random.randint(1, 3))) + "]"
        if depth <= 0:
            found = self.having(LIST, names)
            return self.pick(found) if found and not self.chance(3) else literal
        v = self.name("v")
        inner = names.inner(variables={**names.variables, v: INT})
        options: list[Callable[[], str]] = [
            lambda: f"[{one()}, {one()}]",
            lambda: some(LIST),
            lambda: f"list({some(self.pick([LIST, TUPLE, DICT]))})",
            lambda: f"sorted({some(SET)})",
            lambda: f"{some(LIST)}[{self.slice()}]",
            lambda: f"{some(LIST)} + {some(LIST)}",
            lambda: f"{some(LIST)} * {self.pick([0, 1, 2])}",
            lambda: f"copy.{self.pick(['copy', 'deepcopy'])}({some(LIST)})",
            lambda: f"{some(LIST)}.copy()",
            lambda: f"sorted({some(LIST)})",
            lambda: f"list(reversed({some(LIST)}))",
            lambda: f"list(range({self.pick([1, 2, 3])}, {self.pick([4, 5])}))",
            lambda: f"[*{some(LIST)}, {one()}]",
            lambda: f"[{self.integer(inner, depth - 1)} for {v} in {some(LIST)}]",
            lambda: f"[{v} for {v} in {some(LIST)} if {self.test(inner, depth - 1)}]",
            lambda: f"list(map(lambda {v}: {self.integer(inner, depth - 1)}, {some(LIST)}))",
            lambda: f"list(filter(lambda {v}: {v} % 2, {some(LIST)}))",
            lambda: f"({some(LIST)} if {self.test(names, depth - 1)} else {some(LIST)})",
            lambda: f"list(itertools.accumulate({some(LIST)}))",
            lambda: f"[{v} for row in {some(ROWS)} for {v} in row]",
            lambda: f"{some(ROWS)}[0]",
            lambda: f"list({some(DICT)}.values())",
            lambda: f"({some(LIST)} or {some(LIST)})",
            lambda: f"list(dict.fromkeys({some(LIST)}))",
            lambda: self.called(LIST, names, depth) or literal,
            lambda: self.called(LIST, names, depth) or literal,
        ]
        return self.pick(options)()

    def tuple(self, names: Names, depth: int = 2) -> str:
        if depth <= 0:
            return f"({self.number()}, {self.number()})"
        one, two = self.integer(names, depth - 1), self.integer(names, depth - 1)
        options = [
            f"({one}, {two})",
            f"({one},)",
            self.existing(TUPLE, names, depth),
            f"tuple({self.existing(LIST, names, depth)})",
            f"{self.existing(TUPLE, names, depth)} + ({one},)",
            f"{self.existing(TUPLE, names, depth)}[{self.slice()}]",
        ]
        return self.pick(options)

    def dict(self, names: Names, depth: int = 2) -> str:
        if depth <= 0:
            return f"{{'a': {self.number()}, 'b': {self.number()}}}"
        one, two = self.integer(names, depth - 1), self.integer(names, depth - 1)
        some = self.existing(DICT, names, depth)
        options = [
            f"{{{self.key()}: {one}, {self.key()}: {two}}}",
            some,
            f"dict({some})",
            f"dict({some}, c={one})",
            f"dict(a={one}, b={two})",
            f"{some}.copy()",
            f"copy.{self.pick(['copy', 'deepcopy'])}({some})",
            f"{{**{some}, {self.key()}: {one}}}",
            f"{{k: v + {one} for k, v in {some}.items()}}",
            f"dict(zip('abc', {self.existing(LIST, names, depth)}))",
            f"collections.OrderedDict(a={one}, b={two})",
            f"({some} | {{'b': {one}}})",
            f"dict.fromkeys('ab', {one})",
        ]
        return self.pick(options)

    def set(self, names: Names, depth: int = 2) -> str:
        if depth <= 0:
            return f"{{{self.number()}, {self.number()}}}"
        one, two = self.integer(names, depth - 1), self.integer(names, depth - 1)
        some = self.existing(SET, names, depth)
        v = self.name("v")
        options = [
            f"{{{one}, {two}}}",
            f"{{{one}, {two}, {one}}}",
            some,
            f"set({self.existing(self.pick([LIST, TUPLE]), names, depth)})",
            f"frozenset({self.existing(LIST, names, depth)})",
            f"({some} {self.pick('|&-^')} {{{one}, {two}}})",
            f"{{{v} % 3 for {v} in {self.existing(LIST, names, depth)}}}",
            f"set({some})",
            f"{some}.union([{one}])",
        ]
        return self.pick(options)

    def text(self, names: Names, depth: int = 2) -> str:
        literal = self.pick(["'a'", "'ab'", "'abc'", "'a-b'"])
        if depth <= 0:
            return literal
        some = self.existing(TEXT, names, depth)
        options = [
            literal,
            some,
            f"({some} + {literal})",
            f"{literal} * {self.pick([1, 2])}",
            f"{some}.upper()",
            f"','.join(map(str, {self.existing(LIST, names, depth)}))",
            f"{some}.replace('a', 'bb')",
            f"str({self.integer(names, depth - 1)})",
            f"'%s-%s' % ({some}, {self.integer(names, depth - 1)})",
            f"'{{:>5}}'.format({some})",
            f"{some}[::-1]",
            f"repr({self.existing(self.pick([LIST, TUPLE, DICT]), names, depth)})",
        ]
        return self.pick(options)

    def rows(self, names: Names, depth: int = 2) -> str:
        if depth <= 0:
            return f"[[{self.number()}], [{self.number()}, {self.number()}]]"
        some = self.existing(ROWS, names, depth)
        options = [
            f"[{self.existing(LIST, names, depth)}, {self.list(names, depth - 1)}]",
            f"[{self.existing(LIST, names, depth)}] * 2",
            some,
            f"copy.{self.pick(['copy', 'deepcopy'])}({some})",
            f"list({some})",
            f"{some}[:]",
            f"[list(row) for row in {some}]",
            f"[row for row in {some}]",
        ]
        return self.pick(options)

    def instance(self, kind: Kind, names: Names, depth: int = 1) -> str:
        found = [name for name, one in names.variables.items() if one == kind.name]
        if found and not self.chance(3):
            return self.pick(found)
        number = self.random.randint(kind.needed, len(kind.parameters))
        given = [self.of_type(one, names, min(depth, 1) - 1) for one in kind.parameters[:number]]
        return f"{kind.name}({', '.join(given)})"

    # Statements

    def block(self, names: Names, most: int = 3, depth: int = 2) -> list[str]:
        lines: list[str] = []
        for _ in range(self.random.randint(1, most)):
            lines += self.statement(names, depth)
        return lines

    def bind(self, names: Names, kind: str, own: bool = True) -> str:
        """A name to bind: a new one, or one that has the type already."""
        found = [
            name
            for name, one in names.variables.items()
            if one == kind and name not in names.constant and "." not in name and name != "self"
        ]
        if found and self.chance(2):
            return self.pick(found)
        if names.own is not None and "self" in names.variables and self.chance(4) and own:
            attribute = self.pick([*names.own.attributes, self.name("a")])
            if names.own.attributes.get(attribute, kind) == kind and not names.own.frozen:
                if names.layers:
                    names.own.attributes[attribute] = kind
                    return f"self.{attribute}"
        name = self.name("n")
        names.variables[name] = kind
        return name

    def kind(self, names: Names) -> str:
        plain = [INT, INT, INT, LIST, LIST, TUPLE, DICT, SET, TEXT, ROWS]
        return self.pick([*plain, *names.kinds])

    def statement(self, names: Names, depth: int) -> list[str]:
        options = [
            self.assign,
            self.assign,
            self.alias,
            self.change,
            self.change,
            self.change,
            self.augment,
            self.unpack,
            self.call,
            self.lazy,
            self.share,
        ]
        if depth > 0:
            options += [self.branch, self.branch, self.loop, self.attempt, self.while_, self.match]
            options += [self.closure, self.context]
        if names.result is not None and self.chance(3):
            options += [self.returns]
        if names.layers:
            options += [self.layer, self.layer, self.layer]
        return self.pick(options)(names, depth)

    def assign(self, names: Names, depth: int) -> list[str]:
        kind = self.kind(names)
        value = self.of_type(kind, names)
        target = self.bind(names, kind)
        if self.chance(6):
            return [f"{target} = {self.bind(names, kind)} = {value}"]
        return [f"{target} = {value}"]

    def alias(self, names: Names, depth: int) -> list[str]:
        kind = self.pick([LIST, DICT, SET, ROWS, *names.kinds])
        found = self.having(kind, names)
        if not found:
            return self.assign(names, depth)
        value = self.pick(found)
        return [f"{self.bind(names, kind)} = {value}"]

    def change(self, names: Names, depth: int) -> list[str]:
        """Change an object in place."""
        kind = self.pick([LIST, LIST, DICT, SET, ROWS, *names.kinds])
        found = self.having(kind, names)
        if not found:
            return self.assign(names, depth)
        target = self.pick(found)
        one = self.integer(names, 1)
        if kind in names.kinds:
            owner = names.kinds[kind]
            if not owner.attributes or owner.frozen:
                return self.assign(names, depth)
            attribute, what = self.pick(owner.attributes.items())
            value = self.of_type(what, names, 1)
            options = [
                f"{target}.{attribute} = {value}",
                f"setattr({target}, {attribute!r}, {value})",
            ]
            if owner.statics and self.chance(3):
                attribute, what = self.pick(owner.statics.items())
                options = [f"{owner.name}.{attribute} = {self.of_type(what, names, 1)}"]
            return [self.pick(options)]
        options = {
            LIST: [
                f"{target}.append({one})",
                f"{target}.extend({self.existing(LIST, names, 1)})",
                f"{target}.insert({self.pick([0, 1])}, {one})",
                f"{target}.pop()",
                f"{target}.reverse()",
                f"{target}.sort()",
                f"{target}.clear()",
                f"{target}.remove({one})",
                f"{target}[{self.pick([0, -1])}] = {one}",
                f"{target}[1:] = [{one}]",
                f"del {target}[0]",
                (
                    f"{target} += [{one}]"
                    if "." in target or target not in names.constant
                    else f"{target}.append(1)"
                ),
            ],
            DICT: [
                f"{target}[{self.key()}] = {one}",
                f"{target}.update({self.key()[1:-1]}={one})",
                f"{target}.setdefault({self.key()}, {one})",
                f"{target}.pop({self.key()}, None)",
                f"del {target}[{self.key()}]",
                f"{target}.clear()",
            ],
            SET: [
                f"{target}.add({one})",
                f"{target}.discard({one})",
                f"{target}.update([{one}])",
            ],
            ROWS: [
                f"{target}[0].append({one})",
                f"{target}.append([{one}])",
                f"{target}[0] = [{one}]",
            ],
        }[kind]
        return [self.pick(options)]

    def augment(self, names: Names, depth: int) -> list[str]:
        kind = self.pick([INT, INT, LIST, TUPLE, SET, TEXT])
        found = [name for name in self.having(kind, names) if name not in names.constant]
        found = [
            name for name in found if names.own is None or name.partition(".")[0] not in names.kinds
        ]
        if not found:
            return self.assign(names, depth)
        target = self.pick(found)
        value = self.of_type(kind, names, 1)
        operator_ = {INT: self.pick("+-*"), SET: self.pick("|&-")}.get(kind, "+")
        return [f"{target} {operator_}= {value}"]

    def unpack(self, names: Names, depth: int) -> list[str]:
        one, two = self.integer(names, 1), self.integer(names, 1)
        a, b = self.bind(names, INT, own=False), self.bind(names, INT, own=False)
        if a == b or self.chance(3):
            rest = self.name("n")
            value = self.existing(self.pick([LIST, TUPLE]), names, 1)
            names.variables[rest] = LIST
            return [f"{a}, *{rest} = {value}"]
        return [f"{a}, {b} = {self.pick([f'{one}, {two}', f'[{one}, {two}]', f'({two}, {one})'])}"]

    def call(self, names: Names, depth: int) -> list[str]:
        """Call something for what it does."""
        call = self.called(self.pick([INT, LIST]), names, 1)
        return [call] if call else self.change(names, depth)

    def lazy(self, names: Names, depth: int) -> list[str]:
        """An iterator or a view, what it is made from changed, and then what it gives."""
        source, table = self.existing(LIST, names, 1), self.existing(DICT, names, 1)
        it, v = self.name("it"), self.name("v")
        inner = names.inner(variables={**names.variables, v: INT})
        made = self.pick(
            [
                f"({self.integer(inner, 1)} for {v} in {source})",
                f"map(lambda {v}: {self.integer(inner, 1)}, {source})",
                f"filter(lambda {v}: {v} % 2, {source})",
                f"iter({source})",
                f"reversed({source})",
                f"zip({source}, {source})",
                f"enumerate({source})",
                f"{table}.values()",
                f"{table}.keys()",
                f"itertools.chain({source}, {source})",
            ]
        )
        lines = [f"{it} = {made}"]
        if self.chance(2):
            lines += self.change(names, 0)
        if self.chance(2):
            lines.append(f"next({it}, None)")
        for _ in range(self.random.randint(1, 2)):
            target = self.bind(names, INT, own=False)
            lines.append(
                self.pick(
                    [
                        f"{target} = len(list({it}))",
                        f"{target} = sum(1 for {v} in {it})",
                        f"{target} = int(any({it}))",
                        f"{target} = len(tuple({it})) or {self.number()}",
                    ]
                )
            )
        return lines

    def share(self, names: Names, depth: int) -> list[str]:
        """A container in another one, and a change through one of them."""
        inner, outer = self.name("n"), self.name("n")
        value = self.list(names, 1)
        lines = [f"{inner} = {value}"]
        where = self.pick(
            [
                (f"[{inner}, {inner}]", "[0]"),
                (f"({inner},)", "[0]"),
                (f"{{'a': {inner}}}", "['a']"),
                (f"[{inner}] * 2", "[1]"),
                (f"copy.copy([{inner}])", "[0]"),
                (f"copy.deepcopy([{inner}])", "[0]"),
                (f"list(({inner},))", "[0]"),
                (f"dict(a={inner})", "['a']"),
                (f"[[{inner}]][0][:]", "[0]"),
                (f"{{**dict(a={inner})}}", "['a']"),
                (f"sorted([{inner}])", "[0]"),
                (f"[one for one in [{inner}]]", "[0]"),
            ]
        )
        lines.append(f"{outer} = {where[0]}")
        names.variables[inner] = LIST
        names.variables[f"{outer}{where[1]}"] = LIST
        names.constant |= {f"{outer}{where[1]}"}
        one = self.integer(names, 1)
        changed = self.pick([inner, f"{outer}{where[1]}"])
        lines.append(
            self.pick(
                [f"{changed}.append({one})", f"{changed} += [{one}]", f"{changed}[:] = [{one}]"]
            )
        )
        return lines

    def returns(self, names: Names, depth: int) -> list[str]:
        assert names.result is not None
        return [f"if {self.test(names)}:", f"    return {self.of_type(names.result, names, 1)}"]

    def branch(self, names: Names, depth: int) -> list[str]:
        one, other = names.inner(), names.inner()
        lines = [f"if {self.test(names)}:", *indented(self.block(one, 2, depth - 1))]
        if self.chance(2):
            lines += ["else:", *indented(self.block(other, 2, depth - 1))]
            for name in set(one.variables) & set(other.variables):
                names.variables.setdefault(name, one.variables[name])
        return lines

    def loop(self, names: Names, depth: int) -> list[str]:
        inner = names.inner(loops=names.loops + 1)
        v = self.name("i")
        inner.variables[v] = INT
        other = self.name("j")
        heads = [
            f"for {v} in range({self.pick([1, 2, 3])}):",
            f"for {v} in {self.existing(self.pick([LIST, TUPLE]), names, 1)}[:3]:",
            f"for {other}, {v} in enumerate({self.existing(LIST, names, 1)}[:3]):",
            f"for {other}, {v} in {self.existing(DICT, names, 1)}.items():",
            f"for {other}, {v} in zip({self.existing(LIST, names, 1)}[:2], {self.existing(TUPLE, names, 1)}):",
        ]
        body = self.block(inner, 2, depth - 1)
        if self.chance(2):
            body += [f"if {self.test(inner)}:", f"    {self.pick(['break', 'continue'])}"]
            body += self.block(inner, 1, 0)
        lines = [self.pick(heads), *indented(body)]
        if self.chance(4):
            lines += ["else:", *indented(self.block(names.inner(), 1, 0))]
        return lines

    def while_(self, names: Names, depth: int) -> list[str]:
        v = self.name("n")
        names.variables[v] = INT
        inner = names.inner(loops=names.loops + 1)
        del inner.variables[v]
        body = self.block(inner, 2, depth - 1)
        body = [*body, f"{v} += 1"]
        if self.chance(3):
            body = [*body, f"if {self.test(inner)}:", "    break"]
        return [f"{v} = 0", f"while {v} < {self.pick([1, 2, 3])}:", *indented(body)]

    def attempt(self, names: Names, depth: int) -> list[str]:
        body = self.block(names.inner(), 2, depth - 1)
        if self.chance(2):
            body += self.pick(
                [
                    [f"{self.existing(LIST, names, 1)}[{self.pick([2, 5])}]"],
                    [f"{self.existing(DICT, names, 1)}['c']"],
                    ["raise ValueError"],
                    [f"if {self.test(names)}:", "    raise KeyError"],
                    [f"1 // {self.integer(names, 1)}"],
                ]
            )
        caught = self.pick(["Exception", "(IndexError, KeyError)", "ValueError", "LookupError"])
        lines = ["try:", *indented(body), f"except {caught}:"]
        lines += indented(self.block(names.inner(), 2, depth - 1))
        if self.chance(4):
            lines += ["else:", *indented(self.block(names.inner(), 1, 0))]
        if self.chance(4):
            lines += ["finally:", *indented(self.block(names.inner(), 1, 0))]
        return lines

    def match(self, names: Names, depth: int) -> list[str]:
        lines = [f"match {self.integer(names, 1)}:"]
        for case in (self.number(), "_"):
            lines += [f"    case {case}:", *indented(indented(self.block(names.inner(), 1, 0)))]
        return lines

    def context(self, names: Names, depth: int) -> list[str]:
        return ["with nn.nothing():", *indented(self.block(names, 2, depth - 1))]

    def closure(self, names: Names, depth: int) -> list[str]:
        """A function inside the function, that may change what is around it."""
        name, parameter = self.name("inner"), self.name("p")
        mine = [n for n, one in names.variables.items() if one == INT and n not in names.constant]
        mine = [n for n in mine if "." not in n and not n.startswith(("i", "v"))]
        inner = names.inner(loops=0, result=INT, layers=False)
        lines: list[str] = []
        if mine and names.loops >= 0 and names.result != "file" and self.chance(2):
            changed = self.pick(mine)
            lines += [
                f"nonlocal {changed}",
                f"{changed} {self.pick('+*')}= {self.integer(inner, 1)}",
            ]
            inner = names.inner(loops=0, result=INT, layers=False)
        outside = frozenset(inner.variables)
        inner.constant = outside
        inner.variables[parameter] = INT
        lines += self.block(inner, 2, 0)
        lines += [f"return {self.integer(inner, 2)}"]
        default = f"={self.integer(names, 1)}" if self.chance(3) else ""
        head = [f"def {name}({parameter}{default}):", *indented(lines)]
        names.functions[name] = ([INT] if not default or self.chance(2) else [], INT)
        if self.chance(2):
            head += [
                f"{name}({', '.join(self.integer(names, 1) for _ in names.functions[name][0])})"
            ]
        return head

    def layer(self, names: Names, depth: int) -> list[str]:
        self.made += 1
        width = self.integer(names, 3)
        layer = f"nn.Conv2d(3, {width}, 1)"
        if names.loops:
            return (
                [f"self.m{self.made} = {layer}"]
                if self.chance(2)
                else [f"self.many.append({layer})"]
            )
        v = self.name("v")
        inner = names.inner(variables={**names.variables, v: INT})
        return [
            self.pick(
                [
                    f"self.m{self.made} = {layer}",
                    f"self.m{self.made} = {layer}",
                    f"self.m{self.made} = nn.Sequential({layer}, nn.ReLU())",
                    f"setattr(self, 'm{self.made}', {layer})",
                    f"self.m{self.made} = nn.Sequential(*[nn.Conv2d(3, {self.integer(inner, 2)}, 1)"
                    f" for {v} in {self.existing(LIST, names, 1)}])",
                ]
            )
        ]

    # Definitions

    def function(self, names: Names, decorators: list[str]) -> list[str]:
        name = self.name("f")
        result = self.pick([INT, INT, INT, LIST])
        kinds = [self.kind(names) for _ in range(self.random.randint(0, 2))]
        parameters = [self.name("p") for _ in kinds]
        inner = names.inner(result=result, constant=frozenset(names.variables), own=None)
        inner.variables |= dict(zip(parameters, kinds))
        head: list[str] = []
        if decorators and self.chance(3):
            head.append(f"@{self.pick(decorators)}")
        text = ", ".join(parameters)
        if self.chance(3):
            # An object that all calls share.
            shared = self.name("p")
            kind = self.pick([LIST, DICT, INT, SET])
            default = self.of_type(kind, names, 0 if self.chance(2) else 1)
            text = ", ".join([*parameters, f"{shared}={default}"])
            inner.variables[shared] = kind
        if self.chance(5):
            rest, more = self.name("p"), self.name("p")
            text = ", ".join([*([text] if text else []), f"*{rest}", f"**{more}"])
            inner.variables |= {rest: TUPLE, more: DICT}
        head.append(f"def {name}({text}):")
        ints = [n for n, one in names.variables.items() if one == INT and "." not in n]
        body: list[str] = []
        if ints and self.chance(6):
            changed = self.pick(ints)
            body += [f"global {changed}", f"{changed} += 1"]
        body += self.block(inner, 3, 2)
        if self.chance(12):
            body.append(f"yield {self.integer(inner, 1)}")
            return [*head, *indented(body)]
        body.append(f"return {self.of_type(result, inner)}")
        names.functions[name] = (kinds, result)
        return [*head, *indented(body)]

    def decorator(self, names: Names) -> tuple[str, list[str]]:
        name = self.pick(DECORATORS)
        body = self.pick(
            [
                ["return function"],
                ["return lambda *args, **kwargs: 5"],
                [
                    "@functools.wraps(function)",
                    "def inner(*args, **kwargs):",
                    f"    return function(*args, **kwargs) {self.pick(['+ 1', '* 2', ''])}",
                    "return inner",
                ],
                ["function.width = 9", "return function"],
            ]
        )
        return name, [f"def {name}(function):", *indented(body)]

    def maker(self, names: Names) -> list[str]:
        """A function that gives a function with a memory."""
        name = self.name("make")
        body = self.pick(
            [
                [
                    "def step(by=1):",
                    "    nonlocal start",
                    "    start += by",
                    "    return start",
                    "return step",
                ],
                [
                    "seen = []",
                    "def step(by=1):",
                    "    seen.append(by)",
                    "    return len(seen) + start",
                    "return step",
                ],
                ["return [lambda by=1: by * start for start in range(3)][1]"],
                [
                    "steps = []",
                    "for i in range(3):",
                    "    steps.append(lambda by=1: i + by)",
                    "return steps[0]",
                ],
            ]
        )
        step = self.name("step")
        names.functions[step] = (self.pick([[], [INT]]), INT)
        return [f"def {name}(start):", *indented(body), f"{step} = {name}({self.number()})"]

    def recursive(self, names: Names) -> list[str]:
        """A function that calls itself."""
        name = self.name("f")
        inner = names.inner(result=INT, constant=frozenset(names.variables), variables={"n": INT})
        again = self.pick(
            [f"n * {name}(n - 1)", f"1 + {name}(n // 2)", f"{name}(n - 2) + {name}(n - 3)"]
        )
        lines = [f"def {name}(n):", "    if n <= 1:", f"        return {self.integer(inner, 1)}"]
        names.functions[f"(lambda n: {name}(n % 7))"] = ([INT], INT)
        return [*lines, f"    return {again}"]

    def pair_of_classes(self, names: Names) -> list[str]:
        """Bases that share a base, and a class of both."""
        top, left, right, both = (self.name("B") for _ in range(4))
        one, two = self.integer(names, 1), self.integer(names, 1)
        kind = Kind(both, [], 0)
        kind.methods["go"] = ([], INT)
        kind.statics["s"] = INT
        kind.attributes["w"] = INT
        names.kinds[both] = kind
        super_go = "super().go()"
        return [
            f"class {top}:",
            "    s = 3",
            "    def __init__(self):",
            f"        self.w = {one}",
            "    def go(self):",
            "        return self.w",
            f"class {left}({top}):",
            *self.pick([["    s = 5"], ["    pass"]]),
            "    def go(self):",
            f"        return {super_go} + {two}",
            f"class {right}({top}):",
            *self.pick([["    s = 7"], ["    t = 1"]]),
            "    def __init__(self):",
            "        super().__init__()",
            f"        self.w {self.pick('+*')}= 2",
            "    def go(self):",
            f"        return {super_go} * 2",
            f"class {both}({left}, {right}):",
            *self.pick(
                [["    pass"], ["    def go(self):", f"        return {super_go} - {right}.s"]]
            ),
        ]

    def class_(self, names: Names, decorators: list[str]) -> list[str]:
        bases = [k for k in names.kinds.values() if not k.frozen]
        base = self.pick(bases) if bases and self.chance(2) else None
        return self.pick([self.plain_class, self.plain_class, self.data_class, self.other_class])(
            names, base, decorators
        )

    def plain_class(self, names: Names, base: Kind | None, decorators: list[str]) -> list[str]:
        kind = Kind(self.name("K"), [], 0)
        if base is not None:
            kind.attributes |= base.attributes
            kind.methods |= base.methods
            kind.parameters, kind.needed = base.parameters, base.needed
        lines: list[str] = []
        inner = names.inner()
        for _ in range(self.random.randint(0, 2)):
            name, what = self.name("s"), self.pick([INT, INT, LIST, DICT])
            value = self.of_type(what, inner, 1)
            lines.append(f"{name} = {value}")
            inner.variables[name] = what
            kind.statics[name] = what
        if base is None or self.chance(2):
            parameters = [self.name("p") for _ in range(self.random.randint(0, 2))]
            kinds = [self.pick([INT, INT, LIST]) for _ in parameters]
            own = names.inner(own=kind, result=None, constant=frozenset(names.variables))
            own.variables |= dict(zip(parameters, kinds))
            defaults = [self.of_type(one, names, 0) for one in kinds]
            needed = self.random.randint(0, len(kinds))
            text = [
                name if index < needed else f"{name}={default}"
                for index, (name, default) in enumerate(zip(parameters, defaults))
            ]
            body: list[str] = []
            if base is not None:
                given = [self.of_type(one, own, 0) for one in base.parameters]
                body.append(f"super().__init__({', '.join(given)})")
            for name, what in zip(parameters, kinds):
                attribute = self.name("a")
                body.append(f"self.{attribute} = {name}")
                kind.attributes[attribute] = what
            attribute, what = self.name("a"), self.pick([INT, LIST, DICT])
            body.append(f"self.{attribute} = {self.of_type(what, own, 1)}")
            kind.attributes[attribute] = what
            kind.parameters, kind.needed = kinds, needed
            lines += [f"def __init__({', '.join(['self', *text])}):", *indented(body)]
        for _ in range(self.random.randint(0, 2)):
            lines += self.method(kind, names, decorators)
        if self.chance(5) and INT in kind.attributes.values():
            attribute = self.pick([n for n, w in kind.attributes.items() if w == INT])
            body = [
                f"return isinstance(other, {kind.name}) and self.{attribute} == other.{attribute}"
            ]
            lines += ["def __eq__(self, other):", *indented(body)]
        if self.chance(8):
            special = self.pick(["__len__", "__bool__", "__call__", "__getattr__"])
            extra = ", name" if special == "__getattr__" else ""
            result = {"__bool__": "False", "__len__": "0"}.get(special, "3")
            lines += [f"def {special}(self{extra}):", f"    return {result}"]
        names.kinds[kind.name] = kind
        head = f"class {kind.name}({base.name}):" if base else f"class {kind.name}:"
        return [head, *indented(lines or ["pass"])]

    def method(self, kind: Kind, names: Names, decorators: list[str]) -> list[str]:
        result = self.pick([INT, INT, LIST])
        overridden = [n for n, (p, r) in kind.methods.items() if not p and r == result]
        name = self.pick(overridden) if overridden and self.chance(2) else self.name("do")
        own = names.inner(
            own=kind,
            result=result,
            constant=frozenset(names.variables),
            kinds={**names.kinds, kind.name: kind},
        )
        own.variables["self"] = kind.name
        form = self.pick(["plain", "plain", "plain", "property", "static", "class", "decorated"])
        head: list[str] = []
        if form == "decorated" and decorators:
            head = [f"@{self.pick(decorators)}"]
        body: list[str] = []
        if name in overridden and form == "plain" and result == INT and self.chance(2):
            body = [f"return super().{name}() + {self.integer(own, 1)}"]
        if form == "static":
            del own.variables["self"]
            kind.methods[name] = ([INT], result)
            own.variables["p"] = INT
            return [
                "@staticmethod",
                f"def {name}(p):",
                *indented([f"return {self.of_type(result, own, 1)}"]),
            ]
        if form == "class":
            del own.variables["self"]
            kind.methods[name] = ([], result)
            lines = [f"return {self.of_type(result, own, 1)}"]
            statics = [n for n, w in kind.statics.items() if w == result]
            if statics:
                lines = [f"return cls.{self.pick(statics)}"]
            return ["@classmethod", f"def {name}(cls):", *indented(lines)]
        own.variables.pop("self")
        own.variables["self"] = kind.name
        body = body or [*self.block(own, 2, 1), f"return {self.of_type(result, own, 2)}"]
        if form == "property" and name not in overridden:
            kind.attributes = {**kind.attributes}
            kind.statics = {**kind.statics}
            kind.methods.pop(name, None)
            self.properties = (kind.name, name)
            return ["@property", f"def {name}(self):", *indented(body)]
        kind.methods[name] = ([], result)
        return [*head, f"def {name}(self):", *indented(body)]

    def data_class(self, names: Names, base: Kind | None, decorators: list[str]) -> list[str]:
        kind = Kind(self.name("D"), [], 0)
        options = self.pick(
            ["", "", "(eq=False)", "(frozen=True)", "(order=True)", "()", "(kw_only=False)"]
        )
        kind.frozen = "frozen" in options
        lines = []
        if self.chance(2):
            kind.needed = 1
            name = self.name("a")
            lines.append(f"{name}: int")
            kind.parameters.append(INT)
            kind.attributes[name] = INT
        for _ in range(self.random.randint(1, 2)):
            name, what = self.name("a"), self.pick([INT, INT, LIST, TUPLE])
            value = self.of_type(what, Names(), 0)
            lines.append(
                self.pick(
                    [f"{name}: object = field(default_factory=lambda: {value})"]
                    if what == LIST
                    else [f"{name}: object = {value}"] * 3
                    + [
                        f"{name}: object = field(default={value})",
                        f"{name}: object = field(default={value}, compare=False)",
                        f"{name}: object = dataclasses.field(default={value})",
                    ]
                )
            )
            kind.parameters.append(what)
            kind.attributes[name] = what
        if self.chance(4):
            name = self.name("s")
            lines.append(f"{name}: typing.ClassVar[int] = {self.number()}")
            kind.statics[name] = INT
        if self.chance(4) and not kind.frozen:
            ints = [n for n, w in kind.attributes.items() if w == INT]
            if ints:
                body = [f"self.{self.pick(ints)} += {self.number()}"]
                lines += ["def __post_init__(self):", *indented(body)]
        if self.chance(3):
            lines += self.method(kind, names, decorators)
        names.kinds[kind.name] = kind
        decorator = self.pick(["dataclass", "dataclasses.dataclass"])
        return [f"@{decorator}{options}", f"class {kind.name}:", *indented(lines)]

    def other_class(self, names: Names, base: Kind | None, decorators: list[str]) -> list[str]:
        kind = Kind(self.name("T"), [INT, INT], 1, frozen=True)
        if self.chance(2):
            names.kinds[kind.name] = kind
            kind.attributes = {"x": INT, "y": INT}
            return [
                f"class {kind.name}(typing.NamedTuple):",
                "    x: int",
                f"    y: int = {self.number()}",
            ]
        lines = [f"A = {self.number()}", f"B = {self.number()}"]
        base_name = self.pick(["enum.Enum", "enum.IntEnum"])
        name = self.name("E")
        names.variables[f"{name}.A.value"] = INT
        names.variables[f"{name}.B.value"] = INT
        names.constant |= {f"{name}.A.value", f"{name}.B.value"}
        return [f"class {name}({base_name}):", *indented(lines)]

    # The file

    def program(self) -> str:
        names = Names(result="file")
        lines: list[str] = []
        decorators: list[str] = []
        for _ in range(self.random.randint(2, 6)):
            part = self.random.randint(0, 8)
            if part == 0:
                name, made = self.decorator(names)
                if name not in decorators:
                    decorators.append(name)
                    lines += made
            elif part in (1, 2):
                kind = self.pick([INT, LIST, LIST, TUPLE, DICT, SET, TEXT, ROWS, *names.kinds])
                value = self.of_type(kind, names, 1)
                name = self.name("G")
                names.variables[name] = kind
                names.constant |= {name}
                lines.append(f"{name} = {value}")
            elif part in (3, 4):
                lines += self.function(names, decorators)
            elif part in (5, 6):
                lines += self.class_(names, decorators)
            elif part == 7:
                lines += self.pick([self.maker, self.recursive, self.pair_of_classes])(names)
            elif self.chance(2):
                lines += self.top_level(names)
        lines += self.model(names)
        return HEAD + "\n".join(lines) + "\n"

    def top_level(self, names: Names) -> list[str]:
        """What the file does to its own names when it is imported."""
        kept = names.inner(variables={n: k for n, k in names.variables.items() if k != INT})
        lines = self.change(kept, 0)
        return (
            lines
            if all(
                " = " not in line or "[" in line.split(" = ")[0] or "." in line.split(" = ")[0]
                for line in lines
            )
            else []
        )

    def model(self, names: Names) -> list[str]:
        kind = Kind("Net", [], 0)
        lines: list[str] = []
        for _ in range(self.random.randint(0, 1)):
            name, what = self.name("s"), self.pick([INT, LIST])
            lines.append(f"{name} = {self.of_type(what, names, 1)}")
            kind.statics[name] = what
        parameters = [self.name("p") for _ in range(self.random.randint(0, 2))]
        kinds = [self.pick([INT, INT, LIST]) for _ in parameters]
        defaults = [self.of_type(one, names, 0) for one in kinds]
        text = ", ".join(f"{name}={default}" for name, default in zip(parameters, defaults))
        own = names.inner(
            own=kind,
            result=None,
            layers=True,
            constant=frozenset(names.variables),
            kinds={**names.kinds, "Net": kind},
        )
        own.variables |= dict(zip(parameters, kinds))
        body = ["super().__init__()", "self.many = nn.ModuleList()"]
        own.variables["self"] = "Net"
        if self.chance(2):
            name = self.name("do")
            inner = own.inner(result=INT, layers=False)
            inner.variables = {n: k for n, k in inner.variables.items() if n not in parameters}
            more = [*self.block(inner, 2, 1), f"return {self.integer(inner, 2)}"]
            kind.methods[name] = ([], INT)
            lines += [f"def {name}(self):", *indented(more)]
        own.kinds = names.kinds
        body += self.block(own, 6, 2)
        self.made += 1
        body.append(f"self.m{self.made} = nn.Conv2d(3, {self.integer(own, 3)}, 1)")
        lines += [f"def __init__(self{', ' if text else ''}{text}):", *indented(body)]
        lines += ["def forward(self, x):", "    return x"]
        found = ["class Net(nn.Module):", *indented(lines)]
        if parameters and self.chance(2):
            given = self.of_type(kinds[0], Names(), 0)
            found += ["def small():", f"    return Net({given})"]
        return found


def indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def write_program(choices: random.Random) -> str:
    """A program, or rather its text; it parses, but it may raise."""
    return Writer(choices).program()


# CPython --------------------------------------------------------------------------------------


class _Module:
    """As much of `nn.Module` as gives the layers their paths."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __repr__(self) -> str:
        return type(self).__name__


class _Conv2d(_Module):
    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        self.out_channels = out_channels


class _ReLU(_Module):
    pass


class _Sequential(_Module):
    def __init__(self, *layers: _Module) -> None:
        for index, layer in enumerate(layers):
            setattr(self, str(index), layer)


class _ModuleList(_Module):
    def append(self, layer: _Module) -> None:
        setattr(self, str(len(vars(self))), layer)


def _torch() -> dict[str, types.ModuleType]:
    torch, nn = types.ModuleType("torch"), types.ModuleType("torch.nn")
    for kind in (_Module, _Conv2d, _ReLU, _Sequential, _ModuleList):
        setattr(nn, kind.__name__[1:], kind)
    nn.nothing = contextlib.nullcontext  # type: ignore[attr-defined]
    torch.nn = nn  # type: ignore[attr-defined]
    return {"torch": torch, "torch.nn": nn}


def _layers(module: _Module, prefix: str = "") -> Iterator[tuple[str, int]]:
    for name, child in vars(module).items():
        if isinstance(child, _Conv2d):
            yield prefix + name, child.out_channels
        elif isinstance(child, _Module):
            yield from _layers(child, f"{prefix}{name}.")


class TooLong(Exception):
    """A program, or the reader, takes too long."""


@contextlib.contextmanager
def within(seconds: int) -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def run(text: str, expression: str) -> tuple[dict[str, int], dict[str, Any]]:
    """The counts of the layers of a model, and the other attributes of the model."""
    name = "program_that_is_run"
    module = types.ModuleType(name)
    with (
        mock.patch.dict(sys.modules, {**_torch(), name: module}),
        contextlib.redirect_stdout(io.StringIO()),
        within(5),
    ):
        exec(compile(text, "program.py", "exec", dont_inherit=True), vars(module))
        model = eval(expression, vars(module))
    return dict(_layers(model)), vars(model)


# Comparison -----------------------------------------------------------------------------------


@dataclass
class Comparison:
    """What the reader makes of the layers of one program."""

    equal: int = 0
    unknown: int = 0
    raises: bool = False  # CPython cannot run it
    wrong: list[str] = field(default_factory=list)


def compare(text: str) -> Comparison:
    """Run a program and read it."""
    found = Comparison()
    built: dict[str, dict[str, int]] = {}
    try:
        tree = ast.parse(text)
        for expression in ("Net()", "small()") if "def small" in text else ("Net()",):
            built[expression] = run(text, expression)[0]
    except Exception:
        found.raises = True
        return found
    try:
        with within(20):
            read = read_classes(Path("program.py"), text, class_names=["Net"])["Net"]
            complete = set(configurations(tree, text).get("Net", ())) == set(built)
    except TooLong:
        found.wrong.append("the reader does not come to an end")
        return found
    except Exception as error:
        found.wrong.append(f"the reader raises {error!r}")
        return found
    for layer in read.layers:
        counts = {name: counts.get(layer.path) for name, counts in built.items()}
        if layer.class_name != "Conv2d" or not layer.path.startswith("m"):
            continue
        wrong, certain = _judge(text, tree, layer, counts, complete)
        if wrong is not None:
            found.wrong.append(wrong)
        elif certain:
            found.equal += 1
        else:
            found.unknown += 1
    return found


def _judge(
    text: str, tree: ast.Module, layer: Layer, counts: dict[str, int | None], complete: bool
) -> tuple[str | None, bool]:
    """What is wrong about a layer, and whether the reader says anything certain of it."""
    channels = layer.channels
    there = {name: count for name, count in counts.items() if count is not None}
    if channels.value is not None and complete:
        if not there:
            return f"{layer.path} is read, and is not there", True
        for name, count in there.items():
            if count != channels.value:
                return f"{layer.path} of {name} has {count} channels, not {channels.value}", True
    if channels.expression is None or layer.definition is None:
        return None, channels.value is not None
    written = _with_expression(tree, layer.definition.line, channels.expression)
    if written is None:
        return None, channels.value is not None
    for name, count in there.items():
        try:
            said = run(written, name)[1]["expression_that_was_read"]
        except Exception as error:
            return f"{layer.path}: {channels.expression} raises {error!r}", True
        if said != count:
            return (
                f"{layer.path} of {name} has {count} channels, not {channels.expression} = {said}",
                True,
            )
    return None, True


def _with_expression(tree: ast.Module, line: int, expression: str) -> str | None:
    """The program with the expression evaluated right after the statement of that line."""
    copied = ast.parse(ast.unparse(tree))
    for mine, theirs in zip(ast.walk(tree), ast.walk(copied)):
        if isinstance(mine, ast.FunctionDef) and mine.name == "__init__":
            assert isinstance(theirs, ast.FunctionDef)
            for index, statement in enumerate(mine.body):
                if statement.lineno == line:
                    said = ast.parse(f"self.expression_that_was_read = {expression}").body
                    theirs.body[index + 1 : index + 1] = said
                    return ast.unparse(copied)
    return None


def reduced(text: str, fails: Callable[[str], bool]) -> str:
    """The program without the statements that the failure does not need."""
    text = ast.unparse(ast.parse(text))
    again = True
    while again:
        again = False
        number = sum(1 for node in ast.walk(ast.parse(text)) if isinstance(node, ast.stmt))
        for index in reversed(range(number)):
            for change in (_without, _flattened):
                shorter = change(text, index)
                if shorter is not None and len(shorter) < len(text) and fails(shorter):
                    text, again = shorter, True
                    break
    return text


def _suites(tree: ast.Module) -> Iterator[tuple[ast.AST, str, int]]:
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            suite = getattr(node, name, None)
            if isinstance(suite, list):
                for index in range(len(suite)):
                    yield node, name, index


def _without(text: str, number: int) -> str | None:
    """The program without one of its statements."""
    tree = ast.parse(text)
    for position, (node, name, index) in enumerate(_suites(tree)):
        if position == number:
            suite = getattr(node, name)
            if len(suite) == 1 and name == "body" and isinstance(suite[0], ast.Pass):
                return None
            del suite[index]
            if not suite and name == "body":
                suite.append(ast.Pass())
            return ast.unparse(tree)
    return None


def _flattened(text: str, number: int) -> str | None:
    """The program with the body of a statement in the statement's place."""
    tree = ast.parse(text)
    for position, (node, name, index) in enumerate(_suites(tree)):
        if position == number:
            suite = getattr(node, name)
            body = getattr(suite[index], "body", None)
            if not isinstance(body, list) or isinstance(
                suite[index], (ast.FunctionDef, ast.ClassDef)
            ):
                return None
            suite[index : index + 1] = body
            return ast.unparse(tree)
    return None
