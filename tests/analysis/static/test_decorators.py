"""Decorated functions and classes are read as CPython has them after decorating, or not at all."""

from __future__ import annotations

import sys
import textwrap
import types
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from stitchgen.analysis.static.layers import read_layers  # noqa: E402

HELPERS = """
class Registry:
    def __init__(self):
        self.table = {}
    def register(self, one):
        self.table[one.__name__] = one
        return one
    def named(self, name):
        def inner(one):
            self.table[name] = one
            return one
        return inner
    def replace(self, one):
        return lambda: 9
    @staticmethod
    def static(one):
        return one
def register(name=None):
    def inner(one):
        one.__doc__ = f"{one.__name__} is registered"
        return one
    return inner
def nine(one):
    return lambda: 9
SHARED = Registry()
"""
HEAD = """\
import atexit
import functools
import types
import typing
import torch
from torch import nn
from helpers import Registry, SHARED, nine, register
REGISTRY = Registry()
"""

# What each `width` function or class gives, in the order of its name: all are read.
READ = {
    "gives back what it is given": """
        def plain(one):
            return one
        @plain
        def width(): return 4
    """,
    "gives back what it is given, in each branch": """
        def checked(one):
            if isinstance(one, type):
                print(one.__name__)
                return one
            else:
                assert callable(one)
                return one
        @checked
        def width(): return 4
    """,
    "notes a name": """
        NAMES, ALL = {}, []
        def noted(one):
            NAMES[one.__name__] = (one, 3)
            ALL.append(one)
            return one
        @noted
        def width(): return 4
    """,
    "is made by a call": """
        @register("a")
        def width(): return 4
    """,
    "is used with and without arguments": """
        def both(one=None, *, name=""):
            def inner(two):
                return two
            return inner(one)
        @both
        def width(): return 4
    """,
    "is one of two definitions": """
        if torch is not None:
            def plain(one): return one
        else:
            def plain(two): return two
        @plain
        def width(): return 4
    """,
    "is a method": """
        @REGISTRY.register
        def width(): return 4
    """,
    "is made by a method": """
        @REGISTRY.named("a")
        def width(): return 4
    """,
    "is of functools or torch": """
        @functools.lru_cache(maxsize=None)
        @torch.no_grad()
        @torch.jit.ignore
        def width(): return 4
    """,
    "is made by functools or torch": """
        cache = functools.lru_cache(maxsize=None)
        disable = torch.no_grad()
        @cache
        @disable
        def width(): return 4
    """,
    "is imported here or there": """
        try:
            from nowhere import final
        except ImportError:
            from typing import final
        @final
        def width(): return 4
    """,
    "is of typing or atexit": """
        @atexit.register
        @typing.no_type_check
        def width(): return 4
    """,
    "stands above a class": """
        @REGISTRY.register
        class Some:
            number = 4
        def width(): return Some.number
    """,
}
# What these do cannot be determined by their text, or is something else.
OPEN = {
    "gives something else": """
        @nine
        def width(): return 4
    """,
    "a method that gives something else": """
        @REGISTRY.replace
        def width(): return 4
    """,
    "a method of a derived class": """
        class Local(Registry):
            def register(self, one):
                return lambda: 9
        LOCAL = Local()
        @LOCAL.register
        def width(): return 4
    """,
    "a method that is set on an instance": """
        REGISTRY.register = nine
        @REGISTRY.register
        def width(): return 4
    """,
    "a partial function that is called register": """
        register = functools.partial(lambda n, one: lambda: n, 9)
        @register
        def width(): return 4
    """,
    "a namespace with something called register": """
        LOCAL = types.SimpleNamespace(register=nine)
        @LOCAL.register
        def width(): return 4
    """,
    "something else where an import fails": """
        try:
            from nowhere import no_grad
        except ImportError:
            def no_grad(one): return lambda: 9
        @no_grad
        def width(): return 4
    """,
    "another default": """
        def nines(one):
            one.__defaults__ = (9,)
            return one
        @nines
        def width(n=4): return n
    """,
    "comes to the end": """
        def some(one):
            if one.__name__ == "width":
                return one
        @some
        def other(): return 4
        def width(): return 4 if other is None else 8
    """,
    "a return in a finally": """
        def some(one):
            try:
                return one
            finally:
                return lambda: 9
        @some
        def width(): return 4
    """,
    "an inner function that gets something else": """
        def some(one):
            def inner(two): return two
            return inner(lambda: 9)
        @some
        def width(): return 4
    """,
    "an inner function that is another": """
        def some(one):
            def inner(two): return two
            inner = lambda two: lambda: 9
            return inner(one)
        @some
        def width(): return 4
    """,
    "a call that gives back its argument": """
        def some(one):
            return one
        @some(lambda one: lambda: 9)
        def width(): return 4
    """,
    "an inner function instead of what it gives": """
        def some(one):
            def inner(two): return two
            return inner
        @some
        def other(): return 4
        def width(): return other(lambda: 9)()
    """,
    "a parameter that is bound anew": """
        def some(one):
            one = lambda: 9
            return one
        @some
        def width(): return 4
    """,
    "a generator": """
        def some(one):
            yield lambda: 9
            return one
        @some
        def made(): return 4
        def width(): return next(made)()
    """,
    "functools.wraps": """
        @functools.wraps(len)
        def width(): return 4
    """,
    "functools.singledispatch": """
        @functools.singledispatch
        def kind(x): return 4
        @kind.register
        def other(x: int): return 9
        def width(): return kind(3)
    """,
}
# Decorators of `class Some`, which may have other attributes afterwards.
CLASSES = {
    "sets an attribute": "def some(one):\n    one.number = 9\n    return one\n",
    "sets an attribute by its name": (
        "def some(one):\n    setattr(one, 'number', 9)\n    return one\n"
    ),
    "sets an attribute by a method": (
        "def some(one):\n    type.__setattr__(one, 'number', 9)\n    return one\n"
    ),
    "sets an attribute through another name": (
        "def some(one):\n    two = one\n    two.number = 9\n    return one\n"
    ),
    "sets an attribute in a loop": (
        "def some(one):\n    for two in [one]:\n        two.number = 9\n    return one\n"
    ),
    "sets an attribute in another function": (
        "def patch(two):\n    two.number = 9\n" "def some(one):\n    patch(one)\n    return one\n"
    ),
    "sets an attribute through a default": (
        "def some(one):\n    def inner(two=one):\n        two.number = 9\n"
        "    inner()\n    return one\n"
    ),
    "fills a list and a dict": (
        "def some(one):\n    one.widths.append(9)\n    one.table['a'] = 9\n    return one\n"
    ),
    "sets a method": (
        "def some(one):\n    one.get = lambda self: 9\n    one.__len__ = lambda self: 9\n"
        "    return one\n"
    ),
    "sets the __init__": (
        "def init(self):\n    self.own = 9\n"
        "def some(one):\n    one.__init__ = init\n    return one\n"
    ),
    "gives another class": (
        "def some(one):\n    class Other(one):\n        number = 9\n    return Other\n"
    ),
}
SOME = """
@some
class Some:
    number, widths, table = 4, [4], {"a": 4}
    def __init__(self): self.own = 4
    def get(self): return 4
    def __len__(self): return 4
class Derived(Some):
    pass
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        one = Some()
        self.a = nn.Conv2d(3, Some.number, 1)
        self.b = nn.Conv2d(3, one.number, 1)
        self.c = nn.Conv2d(3, len(Some.widths), 1)
        self.d = nn.Conv2d(3, Some.table["a"], 1)
        self.e = nn.Conv2d(3, one.get(), 1)
        self.f = nn.Conv2d(3, one.own, 1)
        self.g = nn.Conv2d(3, len(one), 1)
        self.h = nn.Conv2d(3, Some.get(one), 1)
        self.j = nn.Conv2d(3, Derived.number, 1)
        self.k = nn.Conv2d(3, Derived().own + Derived().get(), 1)
        self.i = nn.Conv2d(3, [4][0], 1)
"""
MODEL = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, width(), 1)
"""


@pytest.fixture(autouse=True)
def helpers(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("helpers")
    exec(HELPERS, module.__dict__)
    monkeypatch.setitem(sys.modules, "helpers", module)


def run(text: str) -> dict[str, int]:
    found: dict[str, object] = {"__name__": "m"}
    exec(compile(text, "m.py", "exec"), found)
    model = found["Net"]()  # type: ignore[operator]
    return {name: layer.out_channels for name, layer in model.named_children()}


def read(text: str) -> dict[str, int]:
    def files(module: str) -> tuple[Path, str] | None:
        return (Path("helpers.py"), HELPERS) if module == "helpers" else None

    return {
        layer.path: layer.channels.value
        for layer in read_layers(Path("m.py"), text, "Net", files)
        if isinstance(layer.channels.value, int)
    }


@pytest.mark.parametrize("source", READ.values(), ids=READ.keys())
def test_is_read_through(source: str) -> None:
    text = HEAD + textwrap.dedent(source) + MODEL
    assert read(text) == run(text) == {"a": 4}


@pytest.mark.parametrize("source", OPEN.values(), ids=OPEN.keys())
def test_is_not_read_through(source: str) -> None:
    text = HEAD + textwrap.dedent(source) + MODEL
    assert run(text)["a"] in {4, 9}
    assert read(text) == {}


@pytest.mark.parametrize("source", CLASSES.values(), ids=CLASSES.keys())
def test_what_a_decorator_does_to_a_class(source: str) -> None:
    text = HEAD + source + SOME
    there, found = run(text), read(text)
    assert there != run(HEAD + "def some(one):\n    return one\n" + SOME)
    assert found.pop("i") == 4
    assert {name: (n, there[name]) for name, n in found.items() if there[name] != n} == {}
