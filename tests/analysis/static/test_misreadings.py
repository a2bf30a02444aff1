"""Small programs that were read wrong, or could be: CPython says what their layers have.

A count is read as CPython computes it, or it is not read at all. Those of `READ` are read.
"""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

from reader_programs import HEAD, compare  # noqa: E402


def program(source: str) -> str:
    """A program from what stands above the class and, after `---`, what stands in `__init__`."""
    above, _, inside = textwrap.dedent(source).partition("---\n")
    init = textwrap.indent("super().__init__()\n" + inside, " " * 8)
    forward = "    def forward(self, x):\n        return x\n"
    return f"{HEAD}{above}\nclass Net(nn.Module):\n    def __init__(self, c=16):\n{init}{forward}"


# Each layer of these has a count that can be determined.
READ = {
    "a dataclass that equals its default": """
        @dataclass
        class Config:
            width: int = 16
        ---
        self.m1 = nn.Conv2d(3, 16 if Config() == Config(16) else 8, 1)
        self.m2 = nn.Conv2d(3, 16 if Config() != Config(8) else 8, 1)
        self.m3 = nn.Conv2d(3, 4 if Config() in [Config(16)] else 8, 1)
    """,
    "a field that is not compared": """
        @dataclass
        class Config:
            width: int = 16
            name: str = field(default="a", compare=False)
        ---
        self.m1 = nn.Conv2d(3, 4 if Config(16, "a") == Config(16, "b") else 8, 1)
    """,
    "a dataclass without comparison": """
        @dataclass(eq=False)
        class Config:
            width: int = 16
        ---
        self.m1 = nn.Conv2d(3, 4 if Config() == Config() else 8, 1)
    """,
    "a derived class is another class": """
        @dataclass
        class Config:
            width: int = 16
        class Special(Config):
            pass
        ---
        self.m1 = nn.Conv2d(3, 4 if Special() == Config() else 8, 1)
        self.m2 = nn.Conv2d(3, 4 if Special() == Special() else 8, 1)
    """,
    "a field of the class alone": """
        @dataclass
        class Config:
            ratio: typing.ClassVar[int] = 4
            width: int = 16
        ---
        self.m1 = nn.Conv2d(3, Config(8).width * Config.ratio, 1)
    """,
    "annotations of a base that is no dataclass": """
        class Base:
            ratio: int = 4
        @dataclass
        class Config(Base):
            width: int = 16
        ---
        self.m1 = nn.Conv2d(3, Config(8).width, 1)
    """,
    "a list that each instance makes": """
        @dataclass
        class Config:
            widths: list = field(default_factory=list)
        ---
        one, two = Config(), Config()
        one.widths.append(5)
        self.m1 = nn.Conv2d(3, len(one.widths), 1)
        self.m2 = nn.Conv2d(3, 1 + len(two.widths), 1)
    """,
    "plain instances are equal to themselves": """
        class Config:
            pass
        ---
        one = Config()
        self.m1 = nn.Conv2d(3, 4 if Config() == one else 8, 1)
        self.m2 = nn.Conv2d(3, 4 if one == one else 8, 1)
        self.m3 = nn.Conv2d(3, 4 if one in [one] else 8, 1)
    """,
    "a tuple and a list": """
        ---
        self.m1 = nn.Conv2d(3, 4 if (1, 2) == [1, 2] else 8, 1)
        self.m2 = nn.Conv2d(3, 4 if [(1, 2)] == [[1, 2]] else 8, 1)
        self.m3 = nn.Conv2d(3, 4 if (1, 2) in [[1, 2]] else 8, 1)
        self.m4 = nn.Conv2d(3, 4 if [1, 2] == [1, 2] else 8, 1)
    """,
    "two lists are two objects": """
        ---
        one = [1]
        self.m1 = nn.Conv2d(3, 4 if one is [1] else 8, 1)
        self.m2 = nn.Conv2d(3, 4 if one is one else 8, 1)
    """,
    "a set holds each element once": """
        ---
        self.m1 = nn.Conv2d(3, len({8, 8, 4}), 1)
        self.m2 = nn.Conv2d(3, sum({8, 8, 4}), 1)
        self.m3 = nn.Conv2d(3, len({True, 1, 1.0}), 1)
        self.m4 = nn.Conv2d(3, len({n % 2 for n in range(8)}), 1)
        self.m5 = nn.Conv2d(3, len(set([3, 3, 5]) | {7}), 1)
    """,
    "a copy shares its parts": """
        ---
        one = [[1], [2]]
        two = copy.copy(one)
        two[0].append(5)
        self.m1 = nn.Conv2d(3, len(one[0]), 1)
        three = copy.deepcopy(one)
        three[0].append(5)
        self.m2 = nn.Conv2d(3, len(one[0]), 1)
        two.append([7])
        self.m3 = nn.Conv2d(3, len(one), 1)
    """,
    "a copy of an instance": """
        class Config:
            def __init__(self):
                self.widths = [4]
        ---
        one = Config()
        two = copy.copy(one)
        two.widths.append(8)
        self.m1 = nn.Conv2d(3, len(one.widths), 1)
        two.widths = []
        self.m2 = nn.Conv2d(3, len(one.widths), 1)
    """,
    "nonlocal": """
        ---
        count = 1
        def step():
            nonlocal count
            count += 2
            return count
        step()
        step()
        self.m1 = nn.Conv2d(3, count, 1)
        self.m2 = nn.Conv2d(3, step(), 1)
    """,
    "a default is evaluated once": """
        ---
        steps = [lambda n=n: n + 1 for n in range(3)]
        late = [lambda: n + 1 for n in range(3)]
        self.m1 = nn.Conv2d(3, steps[0](), 1)
        self.m2 = nn.Conv2d(3, late[0](), 1)
    """,
    "a name that a class body binds": """
        width = 3
        class Config:
            width = 8
            double = width * 2
            def make(self, n=width):
                return n
        ---
        self.m1 = nn.Conv2d(3, Config.double, 1)
        self.m2 = nn.Conv2d(3, Config().make(), 1)
    """,
    "a class body that binds a name twice": """
        class Config:
            a = b = 4
            a += 3
            c, d = 5, 6
        ---
        self.m1 = nn.Conv2d(3, Config.a + Config.b, 1)
        self.m2 = nn.Conv2d(3, Config.c + Config.d, 1)
    """,
    "an iterator gives its elements once": """
        ---
        doubled = (2 * n for n in [1, 2, 3])
        self.m1 = nn.Conv2d(3, sum(doubled) + 1, 1)
        self.m2 = nn.Conv2d(3, sum(doubled) + 1, 1)
        pairs = zip([1, 2], [3, 4])
        first = next(pairs)
        self.m3 = nn.Conv2d(3, first[1] + len(list(pairs)), 1)
    """,
    "a view of a dict follows the dict": """
        ---
        table = {"a": 1}
        values = table.values()
        table["b"] = 4
        self.m1 = nn.Conv2d(3, sum(values), 1)
    """,
    "an exception after half of the body": """
        ---
        n = 1
        try:
            n = 5
            raise ValueError
        except ValueError:
            pass
        self.m1 = nn.Conv2d(3, n, 1)
    """,
    "a value that is one of two": """
        ---
        self.m1 = nn.Conv2d(3, 4 if (zlib.crc32(b"a") % 2 or 5) else 8, 1)
    """,
    "the other representation": """
        ---
        name = "ab"
        self.m1 = nn.Conv2d(3, len(f"{name!r}"), 1)
    """,
    "an alias of a list that grows": """
        ---
        one = [1]
        two = one
        two += [2, 3]
        self.m1 = nn.Conv2d(3, len(one), 1)
        two = two + [4]
        self.m2 = nn.Conv2d(3, len(one), 1)
    """,
    "a decorator that gives back what it is given": """
        registry = {}
        def register_width(function):
            registry[function.__name__] = function
            return function
        def named(name):
            def register(function):
                registry[name] = function
                return function
            return register
        @register_width
        def width():
            return 8
        @named("b")
        def other():
            return 9
        ---
        self.m1 = nn.Conv2d(3, width(), 1)
        self.m2 = nn.Conv2d(3, other(), 1)
    """,
    "caching by functools": """
        @functools.lru_cache(maxsize=None)
        def width(n):
            return n * 2
        ---
        self.m1 = nn.Conv2d(3, width(4) + width(4), 1)
    """,
    "a match": """
        ---
        for n in range(5):
            match n:
                case 3:
                    break
        self.m1 = nn.Conv2d(3, n, 1)
    """,
    "a static method and a class method through super": """
        class Base:
            @staticmethod
            def twice(n):
                return 2 * n
            @property
            def width(self):
                return 4
        class Config(Base):
            def make(self):
                return super().twice(3) + super().width
        ---
        self.m1 = nn.Conv2d(3, Config().make(), 1)
    """,
    "the name that a comprehension binds around it": """
        ---
        found = [last := n for n in (3, 4, 5)]
        self.m1 = nn.Conv2d(3, last, 1)
    """,
}

# A count of these depends on how often something was done before, or on code that is not followed.
OPEN = {
    "a default that all calls share": """
        def count(n, seen=[]):
            seen.append(n)
            return len(seen)
        ---
        self.m1 = nn.Conv2d(3, count(1), 1)
        self.m2 = nn.Conv2d(3, count(1), 1)
    """,
    "a list of the class": """
        class Config:
            widths = []
            def add(self):
                self.widths.append(4)
                return len(self.widths)
        ---
        Config().add()
        self.m1 = nn.Conv2d(3, Config().add(), 1)
        self.m2 = nn.Conv2d(3, len(Config.widths), 1)
    """,
    "a number of the class": """
        class Config:
            count = 0
            def __init__(self):
                Config.count += 1
        ---
        Config()
        Config()
        self.m1 = nn.Conv2d(3, Config.count, 1)
    """,
    "a number of the class, set through another name": """
        class Config:
            width = 4
        ---
        kind = Config
        kind.width = 8
        self.m1 = nn.Conv2d(3, Config.width, 1)
    """,
    "an attribute that the file sets": """
        class Config:
            width = 4
        Config.width = 8
        ---
        self.m1 = nn.Conv2d(3, Config.width, 1)
    """,
    "a method that the file sets": """
        class Config:
            def width(self):
                return 4
        Config.width = lambda self: 8
        ---
        self.m1 = nn.Conv2d(3, Config().width(), 1)
    """,
    "a list that the file fills": """
        WIDTHS = [4]
        WIDTHS.append(8)
        ---
        self.m1 = nn.Conv2d(3, sum(WIDTHS), 1)
    """,
    "a table that the file fills": """
        WIDTHS = {"a": 4}
        for key in "bc":
            WIDTHS[key] = 8
        ---
        self.m1 = nn.Conv2d(3, sum(WIDTHS.values()), 1)
    """,
    "a list that the file fills through another name": """
        WIDTHS = [4]
        OTHER = WIDTHS
        OTHER += [8]
        def fill(some):
            some.append(16)
        fill(WIDTHS)
        ---
        self.m1 = nn.Conv2d(3, sum(WIDTHS), 1)
    """,
    "an instance that the file changes": """
        class Config:
            def __init__(self):
                self.width = 4
        config = Config()
        config.width = 8
        ---
        self.m1 = nn.Conv2d(3, config.width, 1)
    """,
    "a table that a decorator fills": """
        TABLE = {}
        def register_width(function):
            TABLE[function.__name__] = function
            return function
        @register_width
        def width():
            return 8
        ---
        self.m1 = nn.Conv2d(3, len(TABLE), 1)
    """,
    "a closure of the file with a memory": """
        def make():
            count = 0
            def step():
                nonlocal count
                count += 3
                return count
            return step
        step = make()
        step()
        ---
        self.m1 = nn.Conv2d(3, step(), 1)
    """,
    "a decorator that is called cache": """
        def cache(function):
            return lambda *args: 5
        @cache
        def width():
            return 8
        ---
        self.m1 = nn.Conv2d(3, width(), 1)
    """,
    "a decorator that is called register_width": """
        def register_width(function):
            def inner(*args):
                return 2 * function(*args)
            return inner
        @register_width
        def width():
            return 8
        class Config:
            @register_width
            def width(self):
                return 8
        ---
        self.m1 = nn.Conv2d(3, width(), 1)
        self.m2 = nn.Conv2d(3, Config().width(), 1)
    """,
    "a decorator of the file called dataclass": """
        def dataclass(kind):
            kind.width = 3
            return kind
        @dataclass
        class Config:
            width: int = 16
        ---
        self.m1 = nn.Conv2d(3, Config().width, 1)
    """,
    "a decorator of the file called property": """
        def property(function):
            return 7
        class Config:
            @property
            def width(self):
                return 16
        ---
        self.m1 = nn.Conv2d(3, Config().width, 1)
    """,
    "a decorator of the function called final": """
        ---
        def final(function):
            return lambda: 5
        @final
        def width():
            return 8
        self.m1 = nn.Conv2d(3, width(), 1)
    """,
    "a cache that remembers a list": """
        @functools.cache
        def widths():
            return [4]
        ---
        widths().append(8)
        self.m1 = nn.Conv2d(3, len(widths()), 1)
    """,
    "a cache around what changes something": """
        seen = []
        @functools.cache
        def width():
            seen.append(1)
            return 4
        ---
        width()
        width()
        self.m1 = nn.Conv2d(3, len(seen), 1)
    """,
    "a loop over what it changes": """
        ---
        some = [1, 2]
        for n in some:
            if len(some) < 6:
                some.append(n)
        self.m1 = nn.Conv2d(3, len(some), 1)
        other = [1, 2, 3]
        for index, n in enumerate(other):
            if n < 3:
                other.append(n + 1)
        self.m2 = nn.Conv2d(3, len(other), 1)
    """,
    "an instance that compares itself": """
        class Config:
            def __eq__(self, other):
                return False
        ---
        one = Config()
        self.m1 = nn.Conv2d(3, 4 if one == one else 8, 1)
        self.m2 = nn.Conv2d(3, 4 if one == None else 8, 1)
    """,
    "a loop that may be left": """
        ---
        n = 0
        for i in range(3):
            if zlib.crc32(b"b") % 2:
                break
        else:
            n = 8
        self.m1 = nn.Conv2d(3, n + 1, 1)
    """,
    "a function that changes a name in a loop of unknown length": """
        ---
        n, m = 1, 1
        def step():
            nonlocal n, m
            n += 1
            if n > 2:
                m = 9
        for i in range(zlib.crc32(b"b") % 7):
            step()
        self.m1 = nn.Conv2d(3, m, 1)
    """,
    "a global that functions count": """
        count = 1
        def step():
            global count
            count += 1
            return count
        ---
        step()
        self.m1 = nn.Conv2d(3, count, 1)
        self.m2 = nn.Conv2d(3, step(), 1)
    """,
    "an attribute by a __dict__": """
        class Config:
            def __init__(self, **given):
                self.width = 4
                self.__dict__.update(given)
        ---
        self.m1 = nn.Conv2d(3, Config(width=8).width, 1)
    """,
    "a named tuple is a tuple": """
        class Size(typing.NamedTuple):
            width: int
            height: int = 4
        ---
        self.m1 = nn.Conv2d(3, 4 if Size(1, 4) == (1, 4) else 8, 1)
        self.m2 = nn.Conv2d(3, 4 if Size(1) == Size(1, 4) else 8, 1)
        self.m3 = nn.Conv2d(3, 4 if isinstance(Size(1), tuple) else 8, 1)
    """,
    "a class of the file that is a list": """
        class Widths(list):
            pass
        ---
        self.m1 = nn.Conv2d(3, 4 if Widths() else 8, 1)
        self.m2 = nn.Conv2d(3, 4 if isinstance(Widths(), list) else 8, 1)
    """,
    "the classes of libraries that containers are of": """
        ---
        self.m1 = nn.Conv2d(3, 4 if isinstance([], object) else 8, 1)
        self.m2 = nn.Conv2d(3, 4 if isinstance({}, collections.OrderedDict) else 8, 1)
        self.m3 = nn.Conv2d(3, 4 if isinstance({}, collections.abc.Mapping) else 8, 1)
        self.m4 = nn.Conv2d(3, 4 if isinstance(frozenset(), set) else 8, 1)
    """,
    "an owner that is evaluated once": """
        class Config:
            def __init__(self):
                self.width = 1
        ---
        some = [Config(), Config()]
        some.pop().width += 4
        self.m1 = nn.Conv2d(3, len(some), 1)
    """,
    "a metaclass of a base": """
        class Meta(type):
            def __call__(cls, *args):
                made = super().__call__(*args)
                made.width = 9
                return made
        class Base(metaclass=Meta):
            pass
        class Config(Base):
            def __init__(self):
                self.width = 4
        ---
        self.m1 = nn.Conv2d(3, Config().width, 1)
    """,
    "an __init__ that is decorated": """
        def wrapped(function):
            def inner(self, *args):
                function(self, *args)
                self.width = 9
            return inner
        class Config:
            @wrapped
            def __init__(self):
                self.width = 4
        ---
        self.m1 = nn.Conv2d(3, Config().width, 1)
    """,
    "a context that swallows an exception": """
        ---
        n = 1
        class Ignore:
            def __enter__(self): return self
            def __exit__(self, *args): return True
        with Ignore():
            n = 5
            raise ValueError
        self.m1 = nn.Conv2d(3, n, 1)
    """,
    "a generator of the file": """
        def widths(some):
            some.append(5)
            yield 4
        ---
        some = []
        found = list(widths(some))
        self.m1 = nn.Conv2d(3, len(some) + len(found), 1)
    """,
    "a frozen dataclass": """
        @dataclass(frozen=True)
        class Config:
            width: int = 4
        ---
        config = Config()
        try:
            config.width = 8
        except Exception:
            pass
        self.m1 = nn.Conv2d(3, config.width, 1)
    """,
    "an exception somewhere in a long body": """
        ---
        n = 5
        try:
            a = list("ab")
            b = list("cd")
            d = list("ef")
            e = list("gh")
            n = len("abc")
            raise ValueError
        except ValueError:
            pass
        self.m1 = nn.Conv2d(3, n, 1)
    """,
    "an iterator that is used in part": """
        ---
        one = iter([1, 2, 3])
        found = any(one)
        self.m1 = nn.Conv2d(3, 1 + len(list(one)), 1)
        two = iter([1, 2, 3])
        found = 2 in two
        self.m2 = nn.Conv2d(3, 1 + len(list(two)), 1)
        three = iter([1, 2, 3])
        for n in three:
            break
        self.m3 = nn.Conv2d(3, 1 + len(list(three)), 1)
        four = iter([1, 2, 3])
        found = list(zip(four, [1]))
        self.m4 = nn.Conv2d(3, 1 + len(list(four)), 1)
        five = iter([1, 2, 3, 4])
        self.m5 = nn.Conv2d(3, 1 + len(list(zip(five, five))), 1)
    """,
    "what a loop does not come to": """
        ---
        seen = []
        for n in map(seen.append, [1, 2, 3]):
            break
        self.m1 = nn.Conv2d(3, 1 + len(seen), 1)
    """,
    "a list in a list of unknown order": """
        ---
        one = [3]
        found = sorted([one])
        found[0].append(4)
        self.m1 = nn.Conv2d(3, sum(one), 1)
    """,
    "a list in a list of unknown length": """
        ---
        one, two = [3], [5]
        found = [two]
        if zlib.crc32(b"a") % 2 == zlib.crc32(b"a") % 2:
            found.append(one)
        found[-1].append(4)
        self.m1 = nn.Conv2d(3, sum(one), 1)
    """,
    "an unknown element of a list": """
        ---
        some = [[1], [2], [3]]
        some[zlib.crc32(b"a") % 3].append(9)
        self.m1 = nn.Conv2d(3, sum(len(one) for one in some), 1)
        table = {"a": [1], "b": [2]}
        table.get("ab"[zlib.crc32(b"a") % 2]).append(9)
        self.m2 = nn.Conv2d(3, sum(len(one) for one in table.values()), 1)
    """,
    "one of two lists": """
        ---
        one, two = [1], [2]
        three = one if zlib.crc32(b"a") % 2 else two
        three[0] = 9
        self.m1 = nn.Conv2d(3, one[0] + two[0], 1)
        four = zlib.crc32(b"a") % 2 or one
        five = [4] or two
        five += [5]
        self.m2 = nn.Conv2d(3, len(two), 1)
    """,
    "a decorated function that changes what is around it": """
        ---
        def twice(function):
            return lambda: (function(), function())
        some = []
        count = 1
        @twice
        def step():
            nonlocal count
            count += 1
            some.append(4)
        step()
        self.m1 = nn.Conv2d(3, 1 + len(some), 1)
        self.m2 = nn.Conv2d(3, count, 1)
    """,
    "a decorated method that changes its instance": """
        def twice(function):
            return lambda self: (function(self), function(self))
        class Config:
            def __init__(self):
                self.width, self.some = 1, []
            @twice
            def step(self):
                self.width += 1
                self.some.append(1)
        ---
        config = Config()
        config.step()
        self.m1 = nn.Conv2d(3, config.width, 1)
        self.m2 = nn.Conv2d(3, 1 + len(config.some), 1)
    """,
    "the order of a set": """
        ---
        self.m1 = nn.Conv2d(3, list({8, 1})[0], 1)
        self.m2 = nn.Conv2d(3, next(iter({33, 2, 1})), 1)
    """,
}


@pytest.mark.parametrize("source", READ.values(), ids=READ.keys())
def test_is_read_as_it_is_run(source: str) -> None:
    text = program(source)
    found = compare(text)
    assert not found.raises, text
    assert not found.wrong, f"{found.wrong}\n{text}"
    assert found.equal == text.count("self.m"), text


@pytest.mark.parametrize("source", OPEN.values(), ids=OPEN.keys())
def test_is_not_read_wrong(source: str) -> None:
    text = program(source)
    found = compare(text)
    assert not found.raises, text
    assert not found.wrong, f"{found.wrong}\n{text}"


# Whole programs with two constructions of the model: what one of them hides is not read from the other.
OF_TWO = {
    "a default that grows": """
        class Net(nn.Module):
            def __init__(self, widths=[1]):
                super().__init__()
                widths += [2, 2]
                self.m1 = nn.Sequential(*[nn.Conv2d(3, width, 1) for width in widths])
        def small():
            return Net([0])
    """,
    "a default that grows, of other numbers": """
        class Net(nn.Module):
            def __init__(self, widths=[4]):
                super().__init__()
                widths.append(8)
                self.m1 = nn.ModuleList([nn.Conv2d(3, width, 1) for width in widths])
        def small():
            return Net([6])
    """,
    "an order that is not known": """
        class Net(nn.Module):
            def __init__(self, widths=(4, 2)):
                super().__init__()
                known = [7] if widths == (3,) else list({*widths})
                self.m1 = nn.Sequential(*[nn.Conv2d(3, width, 1) for width in known])
        def small():
            return Net((3,))
    """,
    "no channels at all": """
        class Net(nn.Module):
            def __init__(self, width=0):
                super().__init__()
                self.m1 = nn.Conv2d(3, width, 1)
        def small():
            return Net(5)
    """,
}


@pytest.mark.parametrize("source", OF_TWO.values(), ids=OF_TWO.keys())
def test_what_one_construction_hides_is_not_read_from_another(source: str) -> None:
    forward = "\n    def forward(self, x):\n        return x\n\ndef small"
    text = HEAD + textwrap.dedent(source).replace("\ndef small", forward)
    found = compare(text)
    assert not found.raises, text
    assert not found.wrong, f"{found.wrong}\n{text}"
