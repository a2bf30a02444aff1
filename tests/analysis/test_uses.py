"""Every use of a layer, or of an element of its result, found in the source."""

from __future__ import annotations

import ast
import textwrap

import pytest

from stitchgen.analysis.element_uses import element_uses
from stitchgen.analysis.uses import layer_uses

HEAD = "import torch\nfrom torch import nn\n"
USES = HEAD + textwrap.dedent("""
    from torch.nn import functional as F
    from torch.utils.checkpoint import checkpoint

    class Base(nn.Module):
        def forward(self, x):
            return self.l(x)  # overridden, never reached
        def helper(self, x):
            return self.l(x)

    class Net(Base):
        def __init__(self, name):
            super().__init__()
            self.l = nn.Conv2d(3, 4, 1)
            nn.init.zeros_(self.l.weight)
            self.features = nn.Sequential(nn.ReLU(), nn.Conv2d(3, 3, 1))
            self.name = name
            setattr(self, f"l{name}", nn.ReLU())
            for m in self.modules():
                m.eval()

        def forward(self, x, xs):
            y = self.l(x)
            y = self.l.forward(y)
            if self.training:
                y = checkpoint(self.l, y, use_reentrant=False)
            ys = list(map(self.l, xs))
            y = F.conv2d(x, self.l.weight, self.l.bias, stride=self.l.stride)
            if self.l is not None and isinstance(self.l, nn.Conv2d):
                y = getattr(self, self.name)(y)
            if self.l:
                y = getattr(self, "l")(y)
            y = getattr(self, f"bn{self.name}")(y)
            m = self.l
            return y

        def walk(self, x):
            for layer in self.features:
                x = layer(x)
            x = self.features[1](x) + self.features[0](x)
            x = self.features[:1](x)
            x = [f(x) for f in self.features]
            return self.features[1].weight, self.features(x), len(self.features)
    """)


def found_uses(path: str, source: str = USES) -> list[tuple[str, str]]:
    raw = source.encode()
    return [
        (use.kind, raw[slice(*use.span)].decode())
        for use in layer_uses(ast.parse(source), source, "Net", path)
    ]


def test_every_use_of_an_attribute_is_listed_in_order():
    assert found_uses("l") == [
        ("call", "self.l(x)"),  # Base.helper
        ("definition", "self.l = nn.Conv2d(3, 4, 1)"),
        ("init", "self.l.weight"),
        ("definition", 'setattr(self, f"l{name}", nn.ReLU())'),
        ("call", "self.l(x)"),
        ("forward-call", "self.l.forward(y)"),
        ("passed", "self.l"),
        ("passed", "self.l"),
        ("weight", "self.l.weight"),
        ("weight", "self.l.bias"),
        ("attribute", "self.l.stride"),
        ("none-test", "self.l is not None"),
        ("isinstance", "isinstance(self.l, nn.Conv2d)"),
        ("getattr", "getattr(self, self.name)"),
        ("none-test", "self.l"),
        ("call", 'getattr(self, "l")(y)'),
        ("other", "self.l"),
    ]


def test_a_child_of_a_sequential_is_used_through_its_container_too():
    assert found_uses("features.1") == [
        (
            "definition",
            "self.features = nn.Sequential(nn.ReLU(), nn.Conv2d(3, 3, 1))",
        ),
        ("getattr", "getattr(self, self.name)"),
        ("iteration", "self.features"),
        ("call", "self.features[1](x)"),
        ("slice-call", "self.features[:1](x)"),
        ("iteration", "self.features"),
        ("weight", "self.features[1].weight"),
        ("call", "self.features(x)"),
        ("attribute", "len(self.features)"),
    ]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("for m in self.children(): m.train(mode)", "attribute"),
        ("for n, m in self.named_children():\n            if n != 'a': m.eval()", "attribute"),
        (
            "for m in self.children():\n            if isinstance(m, nn.ReLU): m.inplace = True",
            "attribute",
        ),
        ("for m in self.children(): mode = m(mode)", "iteration"),
        ("for m in self.children(): mode = m.forward(mode)", "iteration"),
        ("for m in self.children(): kept.append(m)", "iteration"),
        ("return [m for m in self.children()]", "iteration"),
    ],
)
def test_a_loop_that_only_sets_layers_up_does_not_run_them(body: str, kind: str):
    source = HEAD + f"class Net(nn.Module):\n    def step(self, mode):\n        {body}\n"
    (use,) = layer_uses(ast.parse(source), source, "Net", "l")
    assert use.kind == kind


@pytest.mark.parametrize(
    ("line", "kinds"),
    [
        ("x = x.to(self.l.weight.dtype)", ["attribute"]),
        ("x = x.view(self.l.weight.size(0), -1)", ["attribute"]),
        ("x = x @ self.l.weight", ["weight"]),
        ("self.l = Scale(0.5, self.l)", ["definition", "definition"]),
        ("self.other = Scale(0.5, self.l)", ["passed"]),
        ("own = nn.Sequential(self.l, self.m)\n        own.load_state_dict(x)", ["attribute"]),
        ("own = nn.Sequential(self.l)\n        x = own.eval()(x)", ["passed"]),
        ("own = nn.Sequential(self.l)\n        x = own(x) + own.state_dict()", ["passed"]),
        ("own = Wrapper(self.l)\n        own.load_state_dict(x)", ["passed"]),
        ("x = self.l(x) if exists(self.l) else x", ["call", "none-test"]),
        ("x = self.l(x) if given(self.l) else x", ["call", "passed"]),
    ],
)
def test_what_is_asked_of_a_layer_and_what_replaces_it(line: str, kinds: list[str]):
    source = HEAD + "def exists(v): return v is not None\ndef given(v): return run(v)\n"
    source += f"class Net(nn.Module):\n    def step(self, x):\n        {line}\n"
    assert [use.kind for use in layer_uses(ast.parse(source), source, "Net", "l")] == kinds


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("for m in self.c: x = m(x)", ["m(x)"]),
        ("for i, m in enumerate(self.c[1:]): x = i * m(x)", ["m(x)"]),
        ("for n, m in zip(self.n, self.c): x = n(m(x))", ["m(x)"]),
        ("for i, (n, m) in enumerate(zip(self.n, self.c)): x = n(m(x))", ["m(x)"]),
        ("for k, m in self.c.items(): x = m.forward(x)", ["m.forward(x)"]),
        ("for m in self.c.values(): x = checkpoint(m, x)", ["checkpoint(m, x)"]),
        ("for m in reversed(self.c): x = other(m)", []),
        ("for i in range(3): x = self.c[i](x) + self.c[0](x)", ["self.c[i](x)"]),
        ("x = [m(x) for m in self.c] + [m(x) for m in self.n]", ["m(x)"]),
        ("for m in self.n: x = m(x)", []),
    ],
)
def test_the_calls_of_a_container_by_a_variable(body: str, found: list[str]):
    source = HEAD + f"class Net(nn.Module):\n    def step(self, x):\n        {body}\n"
    got = element_uses(ast.parse(source), source, "Net", "c.1")
    assert [source[slice(*(use.call or use.span))] for use in got] == found


def test_a_use_tells_its_function_and_what_is_passed_to_what():
    source = USES.replace("x = layer(x)", "x = 'ü' and checkpoint(self.l, x)")
    found = layer_uses(ast.parse(source), source, "Net", "l")
    passed = [use for use in found if use.kind == "passed"]
    raw = source.encode()
    assert [(use.function, use.detail) for use in passed] == [
        ("Net.forward", "checkpoint"),
        ("Net.forward", "map"),
        ("Net.walk", "checkpoint"),
    ]
    assert raw[slice(*passed[2].call)] == b"checkpoint(self.l, x)"
    assert raw[slice(*passed[2].span)] == b"self.l"


def test_spans_hold_with_crlf_and_form_feeds_and_wide_characters():
    source = "import torch.nn as nn\r\n\x0c\r\nclass Net(nn.Module):\r\n"
    source += "    def forward(self, x):  # é \u2028\r\n        return 'ü' , self.l(x)\r\n"
    (use,) = layer_uses(ast.parse(source), source, "Net", "l")
    assert source.encode()[slice(*use.span)] == b"self.l(x)"
    assert use.line == 5


def test_a_method_reached_by_super_is_read():
    source = HEAD + textwrap.dedent("""
        class Base(nn.Module):
            def forward(self, x):
                return self.l(x)
        class Net(Base):
            def forward(self, x):
                return super().forward(x) + 1
        """)
    (use,) = layer_uses(ast.parse(source), source, "Net", "l")
    assert (use.kind, use.function) == ("call", "Base.forward")
