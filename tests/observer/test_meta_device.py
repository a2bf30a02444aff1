"""A result given by its shape is what torch gives on the meta device: shape, type, layout."""

import itertools
import subprocess
import sys

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
    "AdaptiveAvgPool2d": (nn.AdaptiveAvgPool2d((2, 3)), IMAGE),
    "AdaptiveAvgPool2d of one position": (nn.AdaptiveAvgPool2d(1), IMAGE),
    "AdaptiveAvgPool2d without a batch": (nn.AdaptiveAvgPool2d((2, 3)), IMAGE[1:]),
    "MaxPool2d": (nn.MaxPool2d(2), IMAGE),
    "MaxPool2d rounded up": (nn.MaxPool2d(3, 2, padding=1, ceil_mode=True), IMAGE),
    "MaxPool2d of one window more": (nn.MaxPool2d(2, 3, padding=1, ceil_mode=True), IMAGE),
    "MaxPool2d with all its options": (nn.MaxPool2d((2, 3), (1, 2), (1, 0), (2, 1)), IMAGE),
    "MaxPool2d with indices": (nn.MaxPool2d(3, 1, return_indices=True), IMAGE),
    "Conv2d": (nn.Conv2d(8, 3, 3), IMAGE),
    "Conv2d without a batch": (nn.Conv2d(8, 3, 3), IMAGE[1:]),
    "Conv2d of one position": (nn.Conv2d(8, 3, 1), (2, 8, 1, 1)),
    "Conv2d padded alike": (nn.Conv2d(8, 3, (3, 4), padding="same"), IMAGE),
    "Conv2d with all its options": (
        nn.Conv2d(8, 4, (3, 2), (2, 1), (1, 0), (1, 2), groups=4, bias=False),
        IMAGE,
    ),
    "Conv2d of reflected edges": (nn.Conv2d(8, 3, 3, padding=1, padding_mode="reflect"), IMAGE),
    "Conv1d": (nn.Conv1d(8, 3, 3, stride=2), (2, 8, 9)),
    "Conv3d": (nn.Conv3d(8, 3, (1, 3, 3), padding=(0, 1, 1)), (2, 8, 4, 6, 5)),
    "ConvTranspose1d": (nn.ConvTranspose1d(8, 6, 3, groups=2), (2, 8, 9)),
    "ConvTranspose2d": (
        nn.ConvTranspose2d(8, 3, (4, 3), (2, 3), 1, (1, 2), dilation=(1, 2)),
        IMAGE,
    ),
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
    "a part of the channels": lambda value: torch.cat([value, value], 1).chunk(2, 1)[1],
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


@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("axes", [1, (2, 3), (-1,), (0, 1, 2, 3), ()])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("operation", [torch.mean, torch.sum, torch.amax])
def test_a_reduction_gives_what_it_gives_without(operation, axes, keepdim, layout):
    value = LAYOUTS[layout](torch.empty(IMAGE, device="meta"))
    expected = about(operation(value, axes, keepdim))
    with PlainShapes():
        assert about(operation(value, axes, keepdim)) == expected


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


@pytest.mark.parametrize("operation", [torch.add, torch.mul, torch.Tensor.add_])
@pytest.mark.parametrize("layouts", list(itertools.product(LAYOUTS, LAYOUTS)))
@pytest.mark.parametrize("shape", [IMAGE, (1, 8, 6, 1)])
def test_two_operands_of_any_layout_give_what_they_give_without(operation, layouts, shape):
    def fed():
        return [LAYOUTS[layout](torch.empty(shape, device="meta")) for layout in layouts]

    expected = about(operation(*fed()))
    with PlainShapes():
        assert about(operation(*fed())) == expected


@pytest.mark.parametrize("numbers", [(5,), (0,), (2, 7), (7, 2, -2), (0.5, 3), (0, 1, 0.1)])
@pytest.mark.parametrize("dtype", [None, torch.float32, torch.int32])
def test_a_row_of_numbers_is_what_it_is_without(numbers, dtype):
    expected = about(torch.arange(*numbers, dtype=dtype, device="meta"))
    with PlainShapes():
        assert about(torch.arange(*numbers, dtype=dtype, device="meta")) == expected


@pytest.mark.parametrize("numbers", [(-1,), (2, 7, -1), (2, 7, 0)])
def test_a_row_of_numbers_that_does_not_end_fails_as_well(numbers):
    with PlainShapes(), pytest.raises(RuntimeError):
        torch.arange(*numbers, device="meta")


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
        (nn.MaxPool2d(7), IMAGE),
        (nn.MaxPool2d(2, padding=2), IMAGE),
        (nn.Conv2d(8, 3, 3), (2, 7, 6, 5)),
        (nn.Conv2d(8, 3, 3), (2, 8, 2, 5)),
        (nn.ConvTranspose2d(8, 3, 1, padding=2), (2, 8, 2, 5)),
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


WITHOUT_COMPILER = """
import sys
import torch
from torch import nn
from stitchgen.observer.cost import Counter
from stitchgen.observer.meta_device import PlainShapes

layers = [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1)]
with PlainShapes():
    (nn.Sequential(*layers).to("meta")(torch.zeros(2, 3, 8, 8, device="meta")) + 1).flatten(1).mean(1)
    one, other = torch.zeros(2, 8, 3, 3, device="meta").chunk(2, 1)
    torch.cat([one, other, other + other.contiguous()], 1) * torch.arange(3.0, device="meta")
print("sympy" in sys.modules)

class Operations(nn.Module):
    def forward(self, x):
        return (x / x.mean(0).clamp(min=1).sqrt().sum()).softmax(1).var()

for mode, device in ((PlainShapes(), "meta"), (Counter(), "cpu")):
    with mode:
        Operations()(torch.zeros(2, 3, device=device))
print("torch._dynamo" in sys.modules)
import torch._dynamo
with PlainShapes():
    Operations()(torch.zeros(2, 3, device="meta"))
"""


def test_nothing_imports_the_compiler_where_nothing_is_compiled():
    command = [sys.executable, "-c", WITHOUT_COMPILER]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (done.stdout, done.returncode) == ("False\nFalse\n", 0), done.stderr


def test_every_rule_belongs_to_an_operation_of_this_torch():
    assert len(RULES) > 50


def test_fills_are_left_out_on_the_meta_device_alone():
    value = torch.zeros(100)
    with fills_left_out():
        nn.init.normal_(torch.empty(3, device="meta"))
        value.normal_()
    assert value.std() > 0.5
    assert "normal_" not in vars(torch.Tensor)
