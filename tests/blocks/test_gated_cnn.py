"""GatedCNN against timm's GatedConvBlock."""

import pytest
import torch
from timm.models.mambaout import GatedConvBlock
from torch.nn import functional as F

NAMES = {"norm.": "norm.", "expand.": "fc1.", "conv.": "conv.", "proj.": "fc2."}
SIZES = [(2, 7, 5), (1, 8, 8), (3, 1, 3), (1, 20, 13)]


def shapes(channels):
    return [(*size, channels) for size in SIZES]


@pytest.mark.parametrize("channels", [12, 7, 64])
@pytest.mark.parametrize("kernel_size, conv_ratio", [(7, 1.0), (3, 0.5), (5, 2.0)])
def test_equals_timm(block, agree, channels, kernel_size, conv_ratio):
    ours = block("gated-cnn")(channels, None, kernel_size, conv_ratio)
    theirs = GatedConvBlock(channels, kernel_size=kernel_size, conv_ratio=conv_ratio)
    agree(ours, theirs, *shapes(channels), names=NAMES)


@pytest.mark.parametrize("hidden_channels", [8, 20])
def test_other_widths_equal_timm(block, agree, hidden_channels):
    ours = block("gated-cnn")(8, hidden_channels)
    theirs = GatedConvBlock(8, expansion_ratio=hidden_channels / 8)
    agree(ours, theirs, *shapes(8), names=NAMES)


def test_the_usual_width_is_that_of_timm(block):
    """Whole numbers where timm rounds 8 / 3 times the channels down."""
    for channels in range(8, 600, 7):
        ours = block("gated-cnn")(channels).to("meta")
        theirs = GatedConvBlock(channels, device="meta")
        assert ours.proj.in_features == theirs.fc2.in_features


def formula(gated, x):
    """The paper's equation for a gated CNN block, over any number of axes."""
    y = F.layer_norm(x, x.shape[-1:], gated.norm.weight, gated.norm.bias, 1e-6)
    y = F.linear(y, gated.expand.weight, gated.expand.bias)
    width = gated.proj.in_features
    gate, value = y[..., :width], y[..., width:]
    kept, mixed = value[..., : width - x.shape[-1]], value[..., width - x.shape[-1] :]
    mixed = gated.conv(mixed.movedim(-1, 1)).movedim(1, -1)
    gate = gate * 0.5 * (1 + torch.erf(gate / 2**0.5))
    y = F.linear(gate * torch.cat([kept, mixed], -1), gated.proj.weight, gated.proj.bias)
    return x + y


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_follows_the_formula(block, agree, dims):
    ours = block("gated-cnn", dims)(6)
    agree(ours, formula, (2, *(7, 5, 3)[:dims], 6), (1, *(4, 1, 8)[:dims], 6))


def test_bad_arguments(block, raises):
    raises(block("gated-cnn"), "kernel_size", 4, 8)
    raises(block("gated-cnn"), "hidden_channels", 4, 8)  # fewer than the convolution takes
    raises(block("gated-cnn"), "conv_ratio", 0.01, 8)
    raises(block("gated-cnn"), "conv_ratio", 3.0, 8)
