"""An edit is held in the form in which a model is deployed, too."""

import pytest
import torch
from torch import nn

from stitchgen.observer.checks.failed import CheckFailed
from stitchgen.observer.fused import check_fused


class Conv(nn.Module):
    """A convolution and a norm, which `fuse` makes one; the block runs where `spliced` names the forward."""

    def __init__(self, spliced=()):
        super().__init__()
        self.spliced = spliced
        self.conv = nn.Conv2d(3, 4, 3, bias=False)
        self.bn = nn.BatchNorm2d(4)
        self.bn.running_mean.uniform_()
        if spliced:
            self.block = nn.Conv2d(4, 4, 1)

    def forward(self, x):
        x = self.bn(self.conv(x))
        return self.block(x) if "forward" in self.spliced else x

    def forward_fuse(self, x):
        x = self.conv(x)
        return self.block(x) if "forward_fuse" in self.spliced else x

    def fuse(self):
        scale = self.bn.weight / (self.bn.running_var + self.bn.eps).sqrt()
        fused = nn.Conv2d(3, 4, 3)
        fused.weight.data = self.conv.weight.data * scale.data[:, None, None, None]
        fused.bias.data = (self.bn.bias - self.bn.running_mean * scale).data
        self.conv = fused
        self.forward = self.forward_fuse
        del self.bn


class Deployed(nn.Module):
    """A model whose layers are deployed one by one."""

    def __init__(self, spliced=()):
        super().__init__()
        self.first = Conv(spliced)
        self.first.switch_to_deploy = self.first.fuse

    def forward(self, x):
        return self.first(x)


class InPlace(Conv):
    """Its `fuse` writes to a parameter, as yolov7's does, whose scripts fuse without gradients."""

    def fuse(self):
        super().fuse()
        self.conv.bias += 0


class Unfusable(Conv):
    def fuse(self):
        raise RuntimeError("prepare it for quantization first")


class Raising(Conv):
    def forward_fuse(self, x):
        if self.spliced:
            raise AttributeError("bn")
        return self.conv(x)


def inputs(number):
    generator = torch.Generator().manual_seed(number)
    return (torch.rand(2, 3, 8, 8, generator=generator),), {}


@pytest.mark.parametrize(
    ("kind", "notes"),
    [
        (Conv, ["Holds after fuse() as well."]),
        (Deployed, ["Holds after fuse() as well."]),
        (InPlace, ["Holds after fuse() as well."]),
        (Unfusable, ["Not looked at after fuse(), which does not leave the original as it was."]),
    ],
)
def test_a_block_in_both_forms_holds(kind, notes):
    assert check_fused(kind(), kind(("forward", "forward_fuse")), inputs) == notes


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Conv, r"After fuse\(\) the edited model no longer gives"),
        (Raising, r"does not run after fuse\(\): AttributeError: bn"),
    ],
)
def test_a_block_that_fusing_loses_is_caught(kind, message):
    with pytest.raises(CheckFailed, match=message) as caught:
        check_fused(kind(), kind(("forward",)), inputs)
    assert caught.value.check == "elsewhere"


def test_a_model_without_another_form_has_nothing_to_hold():
    assert check_fused(nn.Linear(3, 3), nn.Linear(3, 3), inputs) == []


class OwnLayer(nn.Module):
    """Its `fuse` is a layer, and no method that fuses it."""

    def __init__(self):
        super().__init__()
        self.fuse = nn.Conv2d(3, 4, 1)

    def forward(self, x):
        return self.fuse(x)


def test_a_layer_of_that_name_is_not_called():
    assert check_fused(OwnLayer(), OwnLayer(), inputs) == []
