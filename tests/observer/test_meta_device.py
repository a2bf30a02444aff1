"""A result given by its shape is what torch gives on the meta device: shape, type, layout."""

import pytest
import torch
from torch import nn

from stitchgen.observer.meta_device import RULES, PlainShapes, fills_left_out

IMAGE = (2, 8, 6, 5)
LAYERS = {
    "BatchNorm2d": (nn.BatchNorm2d(8), IMAGE),
    "BatchNorm2d in eval": (nn.BatchNorm2d(8).eval(), IMAGE),
    "BatchNorm2d without weights": (nn.BatchNorm2d(8, affine=False), IMAGE),
    "GroupNorm": (nn.GroupNorm(2, 8), IMAGE),
    "InstanceNorm2d": (nn.InstanceNorm2d(8), IMAGE),
    "LayerNorm": (nn.LayerNorm(5), IMAGE),
    "LayerNorm of two axes": (nn.LayerNorm((6, 5)), IMAGE),
    "Linear": (nn.Linear(5, 3), IMAGE),
    "Linear without bias": (nn.Linear(8, 3, bias=False), (4, 8)),
    "LSTM": (nn.LSTM(8, 4), (3, 2, 8)),
    "PReLU": (nn.PReLU(8), IMAGE),
    "MultiheadAttention": (nn.TransformerEncoderLayer(8, 2, 16), (3, 2, 8)),
    "bilinear": (nn.Upsample(scale_factor=2, mode="bilinear"), IMAGE),
    "bicubic": (nn.Upsample(size=(3, 7), mode="bicubic"), IMAGE),
    "Conv2d": (nn.Conv2d(8, 3, 3), IMAGE),
}
ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.SiLU, nn.GELU, nn.Hardswish, nn.Hardsigmoid, nn.LeakyReLU)
ACTIVATIONS += (nn.ELU, nn.Mish, nn.Sigmoid, nn.Tanh)
for kind in ACTIVATIONS:
    LAYERS[kind.__name__] = (kind(), IMAGE)
for kind in ACTIVATIONS[:6]:
    LAYERS[f"{kind.__name__} in place"] = (kind(inplace=True) if kind != nn.GELU else kind(), IMAGE)

LAYOUTS = {
    "contiguous": lambda value: value,
    "channels last": lambda value: (
        value.to(memory_format=torch.channels_last) if value.dim() == 4 else value
    ),
    "transposed": lambda value: value.transpose(0, 1).contiguous().transpose(0, 1),
}


def about(value):
    if isinstance(value, (tuple, list)):
        return [about(one) for one in value]
    return value.shape, value.dtype, value.stride(), value.device


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_gives_what_it_gives_without(name, layout):
    layer, shape = LAYERS[name]
    layer = layer.to("meta")

    def fed():
        return LAYOUTS[layout](torch.empty(shape, device="meta"))

    with torch.no_grad():
        expected = about(layer(fed()))
        with PlainShapes():
            assert about(layer(fed())) == expected


PAIRS = [
    ((2, 8, 6, 5), (2, 8, 6, 5)),
    ((2, 8, 6, 5), (2, 8, 1, 1)),
    ((2, 8, 1, 1), (2, 8, 6, 5)),
    ((2, 8), (8,)),
    ((8,), (2, 8)),
    ((3, 1), (1, 4)),
]


@pytest.mark.parametrize("operation", [torch.add, torch.sub, torch.mul, torch.div])
@pytest.mark.parametrize(("one", "other"), PAIRS)
@pytest.mark.parametrize(
    "types", [("float32", "float32"), ("float32", "float64"), ("int64", "float32")]
)
def test_two_operands_give_what_they_give_without(operation, one, other, types):
    values = [
        torch.empty(shape, dtype=getattr(torch, kind), device="meta")
        for shape, kind in zip((one, other), types)
    ]
    expected = about(operation(*values))
    with PlainShapes():
        assert about(operation(*values)) == expected


@pytest.mark.parametrize(
    ("shapes", "axis"),
    [
        ([(2, 3, 4), (2, 5, 4)], 1),
        ([(2, 3, 4), (2, 3, 1)], -1),
        ([(2, 3)], 0),
        ([(0,), (2, 3)], 0),
    ],
)
@pytest.mark.parametrize("types", [("float32", "float32"), ("float32", "float64")])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_joined_tensors_are_what_they_are_without(shapes, axis, types, layout):
    values = [
        (
            LAYOUTS[layout](torch.empty(shape, dtype=getattr(torch, kind), device="meta"))
            if len(shape) > 1
            else torch.empty(shape, dtype=getattr(torch, kind), device="meta")
        )
        for shape, kind in zip(shapes, types)
    ]
    expected = about(torch.cat(values, axis))
    with PlainShapes():
        assert about(torch.cat(values, axis)) == expected


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.BatchNorm2d(8), (2, 7, 6, 5)),
        (nn.LayerNorm(8), (2, 7)),
        (nn.Linear(8, 3), (2, 7)),
        (nn.GroupNorm(2, 8), (2, 6, 4, 4)),
        (nn.PReLU(8), (2, 7, 6, 5)),
    ],
)
def test_what_does_not_fit_fails_as_well(layer, shape):
    layer = layer.to("meta")
    with PlainShapes(), pytest.raises(RuntimeError):
        layer(torch.empty(shape, device="meta"))


def test_operands_that_do_not_fit_fail_as_well():
    with PlainShapes(), pytest.raises(RuntimeError):
        torch.empty(2, 3, device="meta") + torch.empty(2, 4, device="meta")
    with PlainShapes(), pytest.raises(RuntimeError):
        torch.empty(2, 3, device="meta").add_(torch.empty(4, 2, 3, device="meta"))
    with PlainShapes(), pytest.raises(RuntimeError):
        torch.cat([torch.empty(2, 3, device="meta"), torch.empty(3, 2, device="meta")])


def test_every_rule_belongs_to_an_operation_of_this_torch():
    assert len(RULES) > 50


def test_fills_are_left_out_on_the_meta_device_alone():
    value = torch.zeros(100)
    with fills_left_out():
        nn.init.normal_(torch.empty(3, device="meta"))
        value.normal_()
    assert value.std() > 0.5
    assert "normal_" not in vars(torch.Tensor)
