"""Convolutional blocks against timm."""

import pytest
from timm.layers import SeparableConv2d
from timm.models._efficientnet_blocks import InvertedResidual
from timm.models.convnext import ConvNeXtBlock
from timm.models.fasternet import Partial_conv3
from timm.models.inception_next import InceptionDWConv2d
from timm.models.starnet import Block
from torch import nn

SIZES = [(7, 5), (8, 8), (4, 9)]


def shapes(channels):
    return [(n, channels, *size) for n, size in zip((2, 1, 3), SIZES)]


@pytest.mark.parametrize("kernel_size", [7, 3])
def test_convnext_block(block, agree, kernel_size):
    names = {"conv.": "conv_dw.", "mlp.0.": "mlp.fc1.", "mlp.2.": "mlp.fc2.", "": ""}
    theirs = ConvNeXtBlock(12, kernel_size=kernel_size)
    agree(block("convnext-block")(12, kernel_size), theirs, *shapes(12), names=names)


@pytest.mark.parametrize("channels, square, band, ratio", [(32, 3, 11, 0.125), (10, 5, 7, 0.3)])
def test_inception_dwconv(block, agree, channels, square, band, ratio):
    theirs = InceptionDWConv2d(channels, square, band, ratio)
    agree(block("inception-dwconv")(channels, square, band, ratio), theirs, *shapes(channels))


@pytest.mark.parametrize("kernel_size, stride, dilation", [(3, 1, 1), (5, 2, 1), (3, 1, 2)])
@pytest.mark.parametrize("bias", [True, False])
def test_dw_separable(block, agree, kernel_size, stride, dilation, bias):
    theirs = SeparableConv2d(6, 10, kernel_size, stride, dilation, bias=bias)
    ours = block("dw-separable")(6, 10, kernel_size, stride, dilation, bias)
    agree(ours, theirs, *shapes(6))


@pytest.mark.parametrize(
    "width, expansion, kernel_size, stride", [(16, 6, 3, 1), (16, 2, 5, 2), (24, 4, 3, 1)]
)
def test_mbconv(block, agree, width, expansion, kernel_size, stride):
    theirs = InvertedResidual(
        16, width, kernel_size, stride, exp_ratio=expansion, act_layer=nn.ReLU6
    )
    ours = block("mbconv")(16, width, expansion, kernel_size, stride)
    agree(ours, theirs, *shapes(16))


@pytest.mark.parametrize("n_div", [4, 2, 1])
def test_pconv(block, agree, n_div):
    agree(block("pconv")(10, n_div), Partial_conv3(10, n_div, "split_cat"), *shapes(10))


@pytest.mark.parametrize("mlp_ratio", [3, 1])
def test_star_block(block, agree, mlp_ratio):
    names = {
        "conv1.": "dwconv.conv.",
        "norm1.": "dwconv.bn.",
        "fc1.": "f1.conv.",
        "fc2.": "f2.conv.",
        "fc3.": "g.conv.",
        "norm3.": "g.bn.",
        "conv2.": "dwconv2.conv.",
    }
    agree(block("star-block")(8, mlp_ratio), Block(8, mlp_ratio), *shapes(8), names=names)
