"""Which functions of a project are taken for ones that are given its model."""

import ast

import pytest

from stitchgen.project.model_functions import takes_model


def function(text):
    return ast.parse(text).body[0]


@pytest.mark.parametrize(
    "text",
    [
        "def init(net):\n    for m in net.modules():\n        m.reset()",
        "def groups(model):\n    net = model.module if hasattr(model, 'module') else model\n    return net.parameters()",
        "def groups(net):\n    return [p for stage in list(net.stages) for p in stage.parameters()]",
        "def groups(net, lr):\n    return [{'params': net.head.parameters(), 'lr': lr}]",
        "def init(net):\n    net.apply(weights_init)",
        "def groups(net):\n    for part in [net.stem, net.head]:\n        yield from part.parameters()",
        "def groups(net):\n    parts = [net.a, net.b]\n    for i in range(2):\n        yield from parts[i].parameters()",
    ],
)
def test_what_goes_through_the_layers_of_its_argument(text):
    assert takes_model(function(text))


@pytest.mark.parametrize(
    "text",
    [
        "def main(args):\n    model = build(args.arch)\n    opt = SGD(model.parameters(), args.lr)",
        "def run(cfg):\n    model = Net(cfg)\n    for p in model.parameters():\n        p.zero()\n    print(cfg.name)",
        "def train(model):\n    model.train()\n    return model.parameters()",
        "def build(kind):\n    return kind(3).parameters()",
        "def step(self):\n    return self.parameters()",
        "def clip(value):\n    return value.clamp(0, 1)",
    ],
)
def test_what_makes_the_model_or_does_more_with_it(text):
    assert not takes_model(function(text))
