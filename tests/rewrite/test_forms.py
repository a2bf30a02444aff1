"""The forms in which models define and call their layers: each is spliced and proven.

What the case files show line by line is not repeated here; each form names the line that it is
about, and the proof says that it is right.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from stitchgen.errors import StitchError
from stitchgen.history import undo
from stitchgen.pipeline import splice
from stitchgen.project import config
from tests.support.commands import request_of
from tests.support.spliced import tree

HEAD = """\
from collections import OrderedDict

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint, checkpoint_sequential


def conv_act(fed, width):
    return nn.Sequential(nn.Conv2d(fed, width, 3), nn.ReLU())


class Mix(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(2 * width, width, 1)

    def forward(self, a, b, *, scale=1.0):
        return scale * self.conv(torch.cat([a, b], 1))


class Dense(nn.Sequential):
    def __init__(self, width):
        super().__init__()
        for i in range(2):
            self.add_module(f"layer{i}", nn.Conv2d(width, width, 3, padding=1))

    def forward(self, x):
        for layer in self:
            x = x + layer(x)
        return x


class Residual(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)
"""
NET = """\


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        {init}

    def forward(self, x):
        {forward}
"""
LIST = "self.c = nn.ModuleList([nn.Conv2d(3, 3, 3) for _ in range(3)])"


def net(init: str, forward: str) -> str:
    indented = (text.replace("\n", "\n        ") for text in (init, forward))
    return HEAD + NET.replace("{init}", next(indented)).replace("{forward}", next(indented))


FORMS = {
    # definitions
    "a local function": (
        "def conv(fed, out):\n    return nn.Conv2d(fed, out, 3)\nself.a = conv(3, 2 * width)",
        "return self.a(x)",
        "a",
        "self.a_se = SE(channels=2 * width)",
    ),
    "a starred Sequential": (
        "layers = [nn.Conv2d(3, width, 3)]\nlayers += [nn.ReLU()]\nself.f = nn.Sequential(*layers)",
        "x = self.f(x)\nreturn x",
        "f.0",
        "if layer is self.f[0]:",
    ),
    "an OrderedDict": (
        "self.f = nn.Sequential(OrderedDict([('conv', nn.Conv2d(3, width, 3)), ('b', nn.ReLU())]))",
        "x = self.f(x)\nreturn x",
        "f.conv",
        "if layer is self.f.conv:",
    ),
    "a Sequential grown by append": (
        "self.f = nn.Sequential()\nself.f.append(nn.Conv2d(3, width, 3))\nself.f.append(nn.ReLU())",
        "x = self.f(x)\nreturn x",
        "f.0",
        "self.f_0_se = SE(channels=width)",
    ),
    "a Sequential grown by add_module": (
        "self.f = nn.Sequential()\nself.f.add_module('a', nn.Conv2d(3, width, 3))\n"
        "self.f.add_module('b', nn.ReLU())",
        "x = self.f(x)\nreturn x",
        "f.a",
        "if layer is self.f.a:",
    ),
    "add_module": (
        "self.add_module('conv', nn.Conv2d(3, width, 3))",
        "return self.conv(x)",
        "conv",
        "return self.conv_se(self.conv(x))",
    ),
    "setattr with names in a loop": (
        "for i in range(2):\n    setattr(self, f'conv{i}', nn.Conv2d(3, 3, 3))",
        "x = self.conv0(x)\nreturn self.conv1(x)",
        "conv0",
        "x = self.conv0_se(x)",
    ),
    "a ModuleList by append": (
        "self.c = nn.ModuleList()\nfor _ in range(3):\n    self.c.append(nn.Conv2d(3, 3, 3))",
        "for conv in self.c:\n    x = conv(x)\nreturn x",
        "c.2",
        "if conv is self.c[2]:",
    ),
    "a ModuleDict by comprehension": (
        "self.c = nn.ModuleDict({k: nn.Conv2d(3, width, 3) for k in ('a', 'b')})",
        "return self.c['a'](x) + self.c['b'](x)",
        "c.b",
        "self.c_b_se(self.c['b'](x))",
    ),
    "tuple unpacking": (
        "self.a, self.b = nn.Conv2d(3, width, 3), nn.Conv2d(width, width, 3)",
        "return self.b(self.a(x))",
        "a",
        "self.b(self.a_se(self.a(x)))",
    ),
    "a factory function": (
        "self.a = conv_act(3, width)",
        "x = self.a(x)\nreturn x",
        "a.0",
        "self.a_0_se = SE(channels=width)",
    ),
    "a lazy layer": (
        "self.a = nn.LazyConv2d(width, 3)",
        "return self.a(x)",
        "a",
        "self.a_se = SE(channels=width)",
    ),
    # calls
    "torch.cat": (
        "self.a = nn.Conv2d(3, width, 1)\nself.b = nn.Conv2d(3, width, 1)",
        "return torch.cat([self.a(x), self.b(x)], 1)",
        "b",
        "torch.cat([self.a(x), self.b_se(self.b(x))], 1)",
    ),
    "a comprehension": (
        LIST,
        "return torch.cat([c(x) for c in self.c], dim=1)",
        "c.1",
        "[self.c_1_se(c(x)) if c is self.c[1] else c(x) for c in self.c]",
    ),
    "enumerate": (
        LIST,
        "for i, conv in enumerate(self.c):\n    x = conv(x)\nreturn x",
        "c.1",
        "if conv is self.c[1]:",
    ),
    "zip": (
        LIST + "\nself.n = nn.ModuleList([nn.BatchNorm2d(3) for _ in range(3)])",
        "for conv, norm in zip(self.c, self.n):\n    x = norm(conv(x))\nreturn x",
        "n.1",
        "if norm is self.n[1]:",
    ),
    "slices": (
        LIST,
        "x = self.c[0](x)\nfor conv in self.c[1:]:\n    x = conv(x)\nreturn x",
        "c.2",
        "if conv is self.c[2]:",
    ),
    "reversed": (
        LIST,
        "for conv in reversed(self.c):\n    x = conv(x)\nreturn x",
        "c.0",
        "if conv is self.c[0]:",
    ),
    "by index": (
        LIST,
        "for i in range(len(self.c)):\n    x = self.c[i](x)\nreturn x",
        "c.1",
        "if self.c[i] is self.c[1]:",
    ),
    "by items": (
        "self.c = nn.ModuleDict({k: nn.Conv2d(3, 3, 3) for k in ('a', 'b')})",
        "for name, layer in self.c.items():\n    x = layer(x)\nreturn x",
        "c.b",
        "if layer is self.c['b']:",
    ),
    "by getattr": (
        "for i in range(3):\n    setattr(self, f'conv{i}', nn.Conv2d(3, 3, 3))",
        "for i in range(3):\n    x = getattr(self, f'conv{i}')(x)\nreturn x",
        "conv1",
        "if getattr(self, f'conv{i}') is self.conv1:",
    ),
    "a list of lists": (
        "self.s = nn.ModuleList([nn.ModuleList([nn.Conv2d(3, 3, 3)]) for _ in range(2)])",
        "for row in self.s:\n    for conv in row:\n        x = conv(x)\nreturn x",
        "s.1.0",
        "if conv is self.s[1][0]:",
    ),
    "branches of which one runs": (
        "self.a = nn.Conv2d(3, width, 3)",
        "if x.shape[0] > 100:\n    y = self.a(x * 2)\nelse:\n    y = self.a(x)\nreturn y",
        "a",
        "    y = self.a_se(y)\n        else:",
    ),
    "checkpoint": (
        "self.a = nn.Conv2d(3, width, 3)\nself.b = nn.Conv2d(width, width, 3)",
        "x = self.a(x)\nx = checkpoint(self.b, x, use_reentrant=False)\nreturn x",
        "b",
        "        x = self.b_se(x)",
    ),
    "several inputs and keywords": (
        "self.stem = nn.Conv2d(3, width, 3)\nself.mix = Mix(width)",
        "x = self.stem(x)\nreturn self.mix(x, b=x.relu(), scale=2.0)",
        "mix",
        "return self.mix_se(self.mix(x, b=x.relu(), scale=2.0))",
    ),
    "a Sequential with a loop of its own": (
        "self.stem = nn.Conv2d(3, width, 3)\nself.d = Dense(width)",
        "return self.d(self.stem(x))",
        "d.layer1",
        "self.d.layer1.se = SE(channels=width)",
    ),
    "an augmented assignment": (
        "self.a = nn.Conv2d(3, 3, 3, padding=1)",
        "x = x * 1\nx += self.a(x)\nreturn x",
        "a",
        "x += self.a_se(self.a(x))",
    ),
    "a loop with a checkpointed branch": (
        LIST + "\nself.saves = False",
        "for conv in self.c:\n    if self.saves and self.training:\n        x = checkpoint(conv, x)\n"
        "    else:\n        x = conv(x)\nreturn x",
        "c.1",
        "x = checkpoint(conv, x)\n                if conv is self.c[1]:\n"
        "                    x = self.c_1_se(x)\n            else:",
    ),
    "functools.reduce": (
        LIST,
        "import functools\nreturn functools.reduce(lambda y, conv: conv(y), self.c, x)",
        "c.1",
        "lambda y, conv: self.c_1_se(conv(y)) if conv is self.c[1] else conv(y)",
    ),
    "a comprehension of a dict": (
        "self.h = nn.ModuleDict({k: nn.Conv2d(3, width, 1) for k in ('a', 'b')})",
        "o = {k: head(x) for k, head in self.h.items()}\nreturn o['a'] + o['b']",
        "h.b",
        "{k: self.h_b_se(head(x)) if head is self.h['b'] else head(x) for",
    ),
    "a Sequential of attributes": (
        "self.a = nn.Conv2d(3, width, 3)\nself.b = nn.ReLU()\nself.f = nn.Sequential(self.a, self.b)",
        "return self.f(x)",
        "a",
        "return self.f[1:](self.a_se(self.f[:1](x)))",
    ),
    "a call several times by one place": (
        "self.a = nn.Conv2d(3, 3, 3, padding=1)",
        "for _ in range(3):\n    x = self.a(x)\nreturn x",
        "a@all",
        "            x = self.a_se(x)",
    ),
    "a walrus": (
        "self.a = nn.Conv2d(3, width, 3)",
        "if (y := self.a(x)).shape[1] > 2:\n    return y\nreturn y * 2",
        "a",
        "if (y := self.a_se(self.a(x))).shape[1] > 2:",
    ),
    "checkpoint_sequential": (
        "self.f = nn.Sequential(nn.Conv2d(3, 3, 3), nn.ReLU(), nn.Conv2d(3, 3, 3), nn.ReLU())",
        "return checkpoint_sequential(self.f, 2, x, use_reentrant=False)",
        "f.0",
        "[*self.f[:1], self.f_0_se, *self.f[1:]]",
    ),
    "checkpoint_sequential in slices": (
        "self.f = nn.Sequential(nn.Conv2d(3, 3, 3), nn.ReLU(), nn.Conv2d(3, 3, 3), nn.ReLU())",
        "return checkpoint_sequential([*self.f[:1], *self.f[1:]], 2, x, use_reentrant=False)",
        "f.2",
        "[*self.f[:1], *self.f[1:3], self.f_2_se, *self.f[3:]]",
    ),
    # no call that can be edited: attached
    "a call by map": (
        "self.a = nn.Conv2d(3, width, 3)",
        "return sum(map(self.a, [x]))",
        "a --attach",
        "self.a.register_forward_hook(run_se)",
    ),
    "a call of the inherited forward": (
        "self.d = Residual(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU())",
        "return self.d(x)",
        "d.0 --attach",
        "self.d[0].register_forward_hook(run_se)",
    ),
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> config.Project:
    monkeypatch.chdir(tmp_path)
    return config.find_project(tmp_path)


@pytest.mark.parametrize("form", FORMS)
def test_form(project: config.Project, form: str, python: str) -> None:
    init, forward, target, line = FORMS[form]
    (project.root / "model.py").write_text(net(init, forward))
    flags = f"se --build 'Net()' --input 2x3x12x14 --after model.py::Net.{target}"
    result = splice.run(project, request_of(flags, python)).result
    assert result["proof"]["build"] == ["Net()"]
    assert line in (project.root / "model.py").read_text()


def refusal(project: config.Project, source: str, flags: str, python: str) -> StitchError:
    (project.root / "model.py").write_text(source)
    before = tree(project.root)
    with pytest.raises(StitchError) as refused:
        splice.run(project, request_of(flags, python))
    assert tree(project.root) == before
    return refused.value


@pytest.mark.parametrize("form", ["a call by map", "a call of the inherited forward"])
def test_a_call_that_cannot_be_edited_asks_for_attach(
    project: config.Project, form: str, python: str
) -> None:
    init, forward, target, _ = FORMS[form]
    target = target.partition(" ")[0]
    flags = f"se --input 2x3x12x14 --after model.py::Net.{target}"
    error = refusal(project, net(init, forward), flags, python)
    assert error.code == "unsupported"
    assert error.hint == "Pass --attach to run the block from a forward hook."


DERIVED = """\


class Big(Net):
    def __init__(self):
        super().__init__(16)
        self.b = nn.Conv2d(16, 16, 3)

    def forward(self, x):
        return self.b(super().forward(x))
"""


def test_a_base_class_that_is_built_itself(project: config.Project, python: str) -> None:
    """The class that was named has the block, and its base an empty slot."""
    source = net("self.a = nn.Conv2d(3, width, 3)", "return self.a(x)") + DERIVED
    (project.root / "model.py").write_text(source)
    splice.run(project, request_of("se --after model.py::Big.a", python))
    text = (project.root / "model.py").read_text()
    base, _, derived = text.partition("class Big")
    assert "        self.a_se = nn.Identity()\n" in base
    assert "self.a_se = SE(" in derived and "SE(" not in base


def test_a_class_of_an_installed_model(project: config.Project, python: str) -> None:
    pytest.importorskip("torchvision")
    (project.root / "model.py").write_text("""\
import torch.nn as nn
from torchvision.models.resnet import BasicBlock, ResNet


class Mine(ResNet):
    def __init__(self):
        super().__init__(BasicBlock, [1, 1, 1, 1])
        self.extra = nn.Conv2d(64, 16, 1)

    def _forward_impl(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer1(x)
        return self.extra(x)
""")
    splice.run(project, request_of("se --after model.layer1 --input 1x3x32x32", python))
    assert "        x = self.layer1_se(x)\n" in (project.root / "model.py").read_text()


def test_one_name_for_two_blocks(project: config.Project, python: str) -> None:
    source = net(
        "self.a, self.b = nn.Conv2d(3, 3, 3), nn.Conv2d(3, 3, 3)", "return self.b(self.a(x))"
    )
    flags = "se --after model.py::Net.a model.py::Net.b --name attention"
    error = refusal(project, source, flags, python)
    assert error.code == "bad-argument"
    assert "attention would be the block of model.py::Net.a and of model.py::Net.b" in error.message


def test_a_layer_that_a_function_of_another_file_calls(
    project: config.Project, python: str
) -> None:
    """The block is the layer's own: the function knows nothing of the module that has it."""
    source = net("self.a = nn.Conv2d(3, width, 3)", "return run(self.a, x)")
    (project.root / "model.py").write_text("from running import run\n" + source)
    (project.root / "running.py").write_text("def run(layer, x):\n    x = layer(x)\n    return x\n")
    flags = "se --after model.py::Net.a --build Net() --input 2x3x12x14"
    before = tree(project.root)
    splice.run(project, request_of(flags, python))
    assert "self.a.se = SE(channels=width)" in (project.root / "model.py").read_text()
    assert (project.root / "running.py").read_text() == """\
def run(layer, x):
    x = layer(x)
    if hasattr(layer, "se"):
        x = layer.se(x)
    return x
"""
    undo.run(project)
    assert tree(project.root) == before
