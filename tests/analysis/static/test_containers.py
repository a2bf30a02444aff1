"""The layers in containers are read under the names that torch gives them, or not at all."""

from __future__ import annotations

import ast
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from stitchgen.analysis.static.layers import read_layers  # noqa: E402

HEAD = "import copy\nfrom collections import OrderedDict\nimport torch\nfrom torch import nn\n"

LISTS = [
    "self.b = nn.ModuleList()",
    "self.b = nn.ModuleList([{conv}, {conv}])",
    "self.b = nn.ModuleList({conv} for i in range(3))",
    "self.b = nn.ModuleList([{conv} for n in ({n}, {n})])",
    "self.b = nn.ModuleList([self.b[0], {conv}])",
    "self.b.append({conv})",
    "self.b.extend([{conv}, {conv}])",
    "self.b += [{conv}]",
    "self.b.insert(0, {conv})",
    "self.b.pop(0)",
    "self.b[0] = {conv}",
    "self.b[-1] = {conv}",
    "del self.b[0]",
    "self.b = self.b[1:]",
    "self.b = self.b[:-1]",
    "self.b.add_module(str(len(self.b)), {conv})",
    "self.b.append(nn.Sequential({conv}, nn.ReLU()))",
    "for layer in self.b:\n    self.c = layer",
    "for i, layer in enumerate(self.b):\n    setattr(self, f'd{{i}}', layer)",
    "self.e = copy.deepcopy(self.b)",
    "self.f = {conv} if len(self.b) > 1 else None",
    "self.g = nn.Conv2d(3, len(self.b) + 1, 1)",
    "self.g = nn.Conv2d(3, self.b[0].out_channels, 1)",
    "self.h = nn.Sequential(*self.b)",
    "self.k = [layer for layer in self.b][0]",
]
SEQUENTIALS = [
    "self.b = nn.Sequential({conv}, nn.ReLU(), {conv})",
    "self.b = nn.Sequential(*[{conv} for n in ({n}, {n})])",
    "self.b = nn.Sequential(OrderedDict([('a', {conv}), ('c', {conv})]))",
    "self.b = nn.Sequential()",
    "self.b.add_module('x', {conv})",
    "self.b.append({conv})",
    "self.b.extend([{conv}])",
    "self.b.insert(0, {conv})",
    "self.b.x = {conv}",
    "self.b[0] = {conv}",
    "del self.b[0]",
    "self.b = self.b[:2]",
    "self.b = nn.Sequential(*list(self.b.children())[:-1])",
    "self.b = nn.Sequential(self.b, {conv})",
    "self.c = self.b[0]",
    "self.g = nn.Conv2d(3, len(self.b) + 1, 1)",
    "self.h = nn.ModuleDict({{name: layer for name, layer in self.b.named_children()}})",
]
DICTS = [
    "self.b = nn.ModuleDict()",
    "self.b = nn.ModuleDict({{'a': {conv}, 'c': {conv}}})",
    "self.b = nn.ModuleDict([['a', {conv}], ['c', {conv}]])",
    "self.b['a'] = {conv}",
    "self.b['d'] = {conv}",
    "self.b.update({{'a': {conv}}})",
    "del self.b['a']",
    "self.b.pop('a')",
    "self.b.clear()",
    "self.c = self.b['a']",
    "self.g = nn.Conv2d(3, len(self.b) + 1, 1)",
    "for name, layer in self.b.items():\n    setattr(self, 's' + name, layer)",
    "self.h = nn.ModuleList(self.b.values())",
    "self.k = nn.Conv2d(3, 4 if 'a' in self.b else 8, 1)",
]


@st.composite
def programs(draw: st.DrawFn, statements: list[str]) -> str:
    first = draw(st.sampled_from([one for one in statements if one.startswith("self.b = nn")][:3]))
    rest = draw(st.lists(st.sampled_from(statements), max_size=6))
    lines: list[str] = []
    for statement in (first, *rest):
        text = statement
        while "{conv}" in text:
            width = draw(st.sampled_from(["4", "8", "c", "c * 2"]))
            text = text.replace("{conv}", f"nn.Conv2d(3, {width}, 1)", 1)
        lines += text.format(n=draw(st.integers(1, 9))).splitlines()
    body = "".join(f"        {line}\n" for line in lines)
    return (
        f"{HEAD}class Net(nn.Module):\n    def __init__(self, c=16):\n        super().__init__()\n"
        f"{body}    def forward(self, x):\n        return x\n"
    )


@pytest.mark.parametrize(
    "statements", [LISTS, SEQUENTIALS, DICTS], ids="list sequential dict".split()
)
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_layers_of_containers(statements: list[str], data: st.DataObject) -> None:
    text = data.draw(programs(statements))
    ast.parse(text)
    found: dict[str, object] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(compile(text, "m.py", "exec"), found)
            model = found["Net"]()  # type: ignore[operator]
        except Exception:
            return
    counts = {
        path: layer.out_channels
        for path, layer in model.named_modules(remove_duplicate=False)
        if isinstance(layer, torch.nn.Conv2d)
    }
    for layer in read_layers(Path("m.py"), text, "Net"):
        if layer.class_name == "Conv2d" and layer.channels.value is not None:
            assert counts.get(layer.path) == layer.channels.value, f"{layer.path}\n{text}"
