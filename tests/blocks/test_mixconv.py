"""MixConv against timm's MixedConv2d, in other dims against its convolutions one by one."""

import pytest
import torch
from timm.layers import MixedConv2d
from torch.nn import functional as F


@pytest.mark.parametrize("kernel_sizes", [(3, 5, 7), (3,), (9, 1)])
@pytest.mark.parametrize("channels, stride", [(12, 1), (11, 2), (7, 2)])
def test_equals_timm(block, agree, kernel_sizes, channels, stride):
    ours = block("mixconv")(channels, kernel_sizes, stride)
    theirs = MixedConv2d(channels, channels, list(kernel_sizes), stride, depthwise=True)
    agree(ours, theirs, *[(n, channels, *s) for n, s in ((2, (7, 5)), (1, (8, 8)), (3, (4, 9)))])


@pytest.mark.parametrize("dims", [1, 3])
def test_other_dims_follow_the_formula(block, agree, dims):
    conv = {1: F.conv1d, 3: F.conv3d}[dims]

    def formula(mix, x):
        parts, start = [], 0
        for width, k, one in zip((4, 3, 3), (3, 5, 7), mix.convs):
            part = x[:, start : start + width]
            parts.append(conv(part, one.weight, padding=k // 2, groups=width))
            start += width
        return torch.cat(parts, 1)

    agree(block("mixconv", dims)(10), formula, (2, 10, *(9, 6, 5)[:dims]))


def test_bad_arguments(block, raises):
    raises(block("mixconv"), "kernel_sizes", (3, 4), 8)
    raises(block("mixconv"), "channels", 2)
