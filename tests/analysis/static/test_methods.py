"""What methods of containers, texts and modules do to the layers of a model is what CPython does.

Each program is run with torch, and read. What is read of a layer must be so; in the programs of
`READ` each layer must be read.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from stitchgen.analysis.static.layers import read_layers  # noqa: E402

HEAD = """\
import functools
import inspect
import zlib
from collections import OrderedDict
import torch
from torch import nn
UNKNOWN = zlib.crc32(b"a") % 2
def conv(width):
    return nn.Conv2d(3, width, 1)
"""


def program(source: str) -> str:
    """A program from what stands above the class and, after `---`, what stands in `__init__`."""
    above, _, inside = textwrap.dedent(source).partition("---\n")
    init = textwrap.indent("super().__init__()\n" + inside, " " * 8)
    forward = "    def forward(self, x):\n        return x\n"
    return f"{HEAD}{above}\nclass Net(nn.Module):\n    def __init__(self, c=16):\n{init}{forward}"


def run(text: str) -> dict[str, int]:
    """The widths of the convolutions of `Net()`."""
    found: dict[str, object] = {}
    exec(compile(text, "m.py", "exec"), found)
    model = found["Net"]()  # type: ignore[operator]
    return {
        path: layer.out_channels
        for path, layer in model.named_modules(remove_duplicate=False)
        if isinstance(layer, torch.nn.Conv2d)
    }


def read(text: str) -> dict[str, int]:
    """Those of them that the reader is certain of."""
    return {
        layer.path: layer.channels.value
        for layer in read_layers(Path("m.py"), text, "Net")
        if layer.class_name == "Conv2d" and isinstance(layer.channels.value, int)
    }


READ = {
    "insert, copy, reverse and pop of a list": """
        ---
        some = [3, 4, 5]
        some.insert(1, 9)
        other = some.copy()
        other.reverse()
        self.a = conv(some[1] + 2 * other[0] + len(some))
        self.b = conv(some.pop(0) + 4 * some.pop(-1) + 7 * some.pop())
        self.c = conv(len(some) + 8 * len(other))
    """,
    "extend by other containers": """
        ---
        some = [1, 2]
        some.extend((3, 4))
        some.extend({"x": 1})
        some.extend("ab")
        some.extend(some)
        self.a = conv(len(some))
    """,
    "a copy of a list holds the same lists": """
        ---
        some = [[1], [2]]
        other = some.copy()
        other[0].append(9)
        other.append([3])
        self.a = conv(len(some[0]) + 4 * len(some))
    """,
    "get, setdefault and pop of a dict": """
        ---
        some = {"a": 3, "n": None}
        self.a = conv(some.setdefault("b", 7) + some["b"] + len(some))
        self.b = conv(some.get("n") or 4)
        self.c = conv(some.setdefault("n", 5) or 6)
        self.d = conv(some.pop("a") + some.pop("z", 4) + some.get("a", 8) + len(some))
    """,
    "equal keys of a dict": """
        ---
        some = {1: 3}
        self.a = conv(some.get(True, 5) + some.get(1.0, 5))
        some[True] = 8
        self.b = conv(some[1] + len(some))
    """,
    "update of a dict": """
        ---
        some = {"a": 3}
        some.update({"a": 4, "b": 5}, d=6)
        other = some.copy()
        other.update(a=9)
        self.a = conv(10 * some["a"] + other["a"])
        self.b = conv(sum(some.values()) + len(other))
    """,
    "methods of texts": """
        ---
        self.a = conv(len("a,b,c".split(",")))
        self.b = conv(int("-".join(["1", "2"]).replace("-", "")))
        self.c = conv("abc".find("c"))
        self.d = conv(len("{a}{b}".format(a=12, b="xyz")))
        self.e = conv(4 if "ab".endswith("b") else 8)
    """,
    "methods that raise": """
        ---
        widths = []
        try:
            [1].pop(7)
        except IndexError:
            widths.append(3)
        try:
            "x".index("y")
        except ValueError:
            widths.append(4)
        try:
            {}.pop("y")
        except KeyError:
            widths.append(5)
        try:
            ",".join([1])
        except TypeError:
            widths.append(6)
        self.a = conv(sum(widths))
    """,
    "functions and classes": """
        def plain(x): return x
        @functools.lru_cache
        def cached(x): return x
        class Some:
            @classmethod
            def of_class(cls): pass
            @staticmethod
            def alone(): pass
            def method(self): pass
        ---
        ask = inspect.isfunction
        self.a = conv(1 + sum([ask(plain), 2 * ask(cached), 4 * ask(lambda: 3), 8 * ask(5)]))
        self.b = conv(1 + sum([ask(Some.of_class), 2 * ask(Some.alone), 4 * ask(Some.method)]))
        self.c = conv(1 + sum([ask(Some().method), 2 * ask(object=plain), 4 * ask(nn.ReLU)]))
        ask = inspect.isclass
        self.d = conv(1 + sum([ask(Some), 2 * ask(nn.ReLU), 4 * ask(plain), 8 * ask(Some())]))
        self.e = conv(1 + sum([ask(object=Some), 2 * ask([Some]), 4 * ask(None)]))
    """,
    "containers by keyword": """
        ---
        self.a = nn.ModuleList(modules=[conv(4), conv(8)])
        self.b = nn.ModuleDict(modules={"x": conv(4)})
        self.a.append(module=conv(9))
        self.a.extend(modules=[conv(5), conv(6)])
        self.c = conv(len(self.a) + 8 * len(self.b))
    """,
    "names that containers give": """
        ---
        self.a = nn.Sequential(OrderedDict([("1", conv(4)), ("x", nn.ReLU())]))
        self.a.append(conv(8))
        self.b = nn.Sequential(conv(3), nn.ReLU(), conv(5))[1:]
        self.b.append(conv(7))
        self.b.add_module(module=conv(6), name="y")
        self.b.register_module("z", module=conv(2))
        self.b.add_module("z", conv(9))
        self.d = conv(len(self.a) + 8 * len(self.b))
    """,
    "a container with attributes of its own": """
        class Layers(nn.ModuleList):
            def __init__(self, width):
                super().__init__()
                self.width = width
                self.append(conv(width))
                self.append(conv(len(self) + 1))
        ---
        self.a = Layers(5)
    """,
    "an element that is set": """
        ---
        self.a = nn.ModuleList([conv(4), conv(5)])
        self.a[-1] = conv(8)
        self.b = nn.ModuleDict([("x", conv(4))])
        self.b["x"] = conv(9)
        self.b["y"] = conv(self.a[-1].out_channels + self.b["x"].out_channels)
        self.c = nn.Sequential(conv(3))
        setattr(self.c, "0", conv(7))
        self.__setattr__("d", conv(len(self.b)))
    """,
    "an element that is not there": """
        ---
        self.a = nn.ModuleList([conv(4)])
        self.b = nn.ModuleDict({"x": conv(4)})
        widths = []
        for get in (lambda: self.a[1], lambda: self.b["y"]):
            try:
                get()
            except (IndexError, KeyError):
                widths.append(4)
        try:
            self.a[3] = conv(2)
        except IndexError:
            widths.append(3)
        self.c = conv(sum(widths))
    """,
    "children, each once": """
        ---
        one = nn.ReLU()
        self.a = nn.Sequential(one, conv(4), one)
        self.a.none = None
        self.b = conv(10 * len(list(self.a.children())) + len(self.a))
        self.c = conv(sum(len(name) for name, _ in self.a.named_children()))
        self.d = conv(1 + len([m for m in self.children() if isinstance(m, nn.Conv2d)]))
    """,
    "what layers keep of their arguments": """
        ---
        self.a = conv(nn.Linear(3, 4).out_features)
        self.b = conv(nn.BatchNorm2d(5).num_features)
        self.c = conv(nn.GroupNorm(5, 10).num_channels + nn.GroupNorm(5, 10).num_groups)
        self.d = conv(nn.Conv2d(4, 4, 1, groups=4).groups)
        self.e = conv(nn.Embedding(4, embedding_dim=7).embedding_dim)
        self.f = conv(nn.LazyConv2d(6, 1).out_channels)
        self.g = conv(nn.Conv2d(**dict(in_channels=3, out_channels=5, kernel_size=1)).out_channels)
    """,
    "layers whose weights are set": """
        def initialise(one):
            if isinstance(one, nn.Conv2d):
                nn.init.zeros_(one.weight)
                one.bias.data.fill_(0.5)
                one.eps = 0.1
        ---
        self.a = nn.Sequential(conv(4), nn.ReLU())
        widths = [3, 5]
        for one in self.modules():
            if isinstance(one, nn.Conv2d):
                nn.init.kaiming_normal_(one.weight, mode="fan_out")
                one.bias = nn.Parameter(torch.zeros(4))
        self.apply(initialise)
        self.b = conv(widths[1] + len(self.a))
    """,
    "methods that give the module": """
        ---
        self.a = conv(4).eval().train(False).to("cpu").float().requires_grad_(False)
        self.b = conv(5).apply(lambda m: None)
        self.c = conv(self.b.out_channels + self.get_submodule("a").out_channels)
    """,
}

OPEN = {
    "elements that are None": """
        ---
        self.a = nn.ModuleList([conv(4), None, conv(5)])
        self.b = nn.Sequential(conv(4), nn.ReLU())
        self.b.add_module("y", None)
        self.c = nn.ModuleList([conv(4), conv(5)])
        self.c[1] = None
        self.d = nn.Sequential(OrderedDict(x=conv(4), y=conv(5)))
        self.d.y = None
        for name, some in zip("efgh", (self.a, self.b, self.c, self.d)):
            setattr(self, name, conv(1 + len(some)))
            setattr(self, name + "s", conv(1 + len(list(some.children()))))
    """,
    "_modules of a container": """
        ---
        self.a = nn.Sequential(conv(4), conv(5))
        self.a._modules["0"] = conv(9)
        self.b = nn.Sequential(conv(len(self.a)), conv(self.a[0].out_channels))
        self.b._modules.pop("0")
    """,
    "_modules of the model": """
        ---
        self.a = nn.Sequential(conv(4))
        self._modules["a"] = conv(9)
    """,
    "_modules under another name": """
        ---
        self.a = nn.Sequential(conv(4))
        table = self._modules
        table.pop("a")
        self.b = conv(5)
    """,
    "methods by their special names": """
        ---
        self.a = nn.Sequential(conv(4), conv(5))
        self.a.__delitem__(0)
        self.b = nn.Sequential(conv(4))
        self.b.__iadd__(nn.Sequential(conv(9)))
        self.c = conv(len(self.a) + 4 * len(self.b))
        self.d = nn.Sequential(conv(4))
        self.__delattr__("d")
    """,
    "an attribute set by __setattr__": """
        ---
        self.a = nn.Sequential(conv(4))
        self.__setattr__("a", conv(9))
    """,
    "set_submodule": """
        ---
        self.a = nn.Sequential(nn.Sequential(conv(4)))
        self.a.set_submodule("0.0", conv(9))
        self.b = conv(self.a[0][0].out_channels)
    """,
    "set_submodule of the model": """
        ---
        self.a = nn.Sequential(conv(4))
        self.set_submodule("a.0", conv(9))
    """,
    "a container with a __len__": """
        class Layers(nn.ModuleList):
            def __len__(self):
                return 7
        ---
        self.a = Layers([conv(4)])
        self.b = conv(1 + len(self.a))
    """,
    "a container with an __iter__": """
        class Layers(nn.Sequential):
            def __iter__(self):
                return iter([conv(9)])
            def __getitem__(self, index):
                return conv(8)
        ---
        self.a = Layers(conv(4))
        for one in self.a:
            self.b = one
        self.c = self.a[0]
        self.d = Layers(*self.a)
    """,
    "keywords that are not known": """
        ---
        some = {"a": 3}
        some.update(**{str(zlib.crc32(b"a") % 5): 4, str(zlib.crc32(b"ab") % 5): 4})
        self.a = conv(len(some))
    """,
    "a list that came into a dict by pairs": """
        ---
        one, two = [1], [1]
        some = {}
        some.update([("a", one)])
        some["a"].append(4)
        some.setdefault("ab"[UNKNOWN], two).append(3)
        self.a = conv(len(one))
        self.b = conv(len(two))
    """,
    "a list somewhere in another": """
        ---
        one, two, three = [1], [2], [3]
        some, more = [[], []], [two]
        some.insert(UNKNOWN, one)
        some[0].append(5)
        some[1].append(5)
        self.a = conv(len(one))
        (more.copy() if UNKNOWN else more)[0].append(3)
        self.b = conv(len(two))
        {"a": three}.popitem()[1].append(3)
        self.c = conv(len(three))
    """,
    "modules() changes layers": """
        ---
        self.a = nn.Sequential(conv(4))
        for one in self.modules():
            if isinstance(one, nn.Sequential):
                one[0] = conv(9)
    """,
    "named_modules() changes layers": """
        ---
        self.a = nn.Sequential(conv(4))
        for name, one in self.named_modules():
            if name == "a":
                setattr(one, "0", conv(9))
    """,
    "apply changes layers and what is around it": """
        ---
        self.a = nn.Sequential(conv(4))
        seen = [1]
        def change(one):
            seen.append(one)
            if isinstance(one, nn.Sequential):
                one[0] = conv(9)
        self.apply(change)
        self.b = conv(len(seen))
    """,
    "layers of a container that is not known": """
        ---
        one, two, three = nn.Sequential(conv(4)), nn.Sequential(conv(4)), nn.Sequential(conv(4))
        self.a = nn.ModuleList([one])
        self.b = nn.ModuleList([two, nn.ReLU()])
        self.c = nn.ModuleList([three, three])
        self.one, self.two, self.three = one, two, three
        self.a.insert(0, nn.ReLU())
        self.a[1][0] = conv(9)
        del self.b[1]
        self.b[0][0] = conv(9)
        self.c[UNKNOWN][0] = conv(9)
    """,
    "a layer that a container gave away": """
        ---
        one = nn.Sequential(conv(4))
        self.a = one
        self.b = nn.ModuleDict({"x": one})
        self.b.pop("x")[0] = conv(9)
    """,
    "an element that is not known": """
        ---
        self.a = nn.ModuleList([conv(4), conv(5)])
        self.a[UNKNOWN] = conv(9)
        self.b = nn.ModuleList([conv(4), conv(5)])
        setattr(self.b, "01"[UNKNOWN], conv(9))
    """,
}


@pytest.mark.parametrize("source", READ.values(), ids=READ.keys())
def test_each_layer_is_read_as_torch_has_it(source: str) -> None:
    text = program(source)
    assert read(text) == run(text)


@pytest.mark.parametrize("source", OPEN.values(), ids=OPEN.keys())
def test_no_layer_is_read_that_torch_does_not_have(source: str) -> None:
    text = program(source)
    there = run(text)
    assert {
        path: (n, there.get(path)) for path, n in read(text).items() if there.get(path) != n
    } == {}
