"""Res2NetBlock against timm's Bottle2neck, and against the paper's equation 1 in other dims."""

import pytest
import torch
from timm.models.res2net import Bottle2neck
from torch import nn
from torch.nn import functional as F


@pytest.mark.parametrize(
    "scale, base_width, cardinality", [(4, 26, 1), (8, 14, 1), (2, 48, 1), (1, 64, 1), (4, 4, 8)]
)
@pytest.mark.parametrize("channels", [64, 80])
def test_equals_timm(block, agree, channels, scale, base_width, cardinality):
    theirs = Bottle2neck(
        channels,
        channels // 4,
        scale=scale,
        base_width=base_width,
        cardinality=cardinality,
        norm_layer=nn.BatchNorm2d,
    )
    ours = block("res2net-block")(channels, scale, base_width, cardinality)
    # Deep and with large random weights: the numbers are large too.
    bounds = {"rtol": 1e-8, "atol": 1e-9}
    agree(ours, theirs, (2, channels, 7, 5), (3, channels, 8, 8), **bounds)
    agree(ours, theirs, (1, channels, 9, 4), (1, channels, 1, 1), modes=["eval"], **bounds)


@pytest.mark.parametrize("dims", [1, 3])
def test_other_dims_follow_equation_1(block, agree, dims):
    conv = {1: F.conv1d, 3: F.conv3d}[dims]

    def formula(res2net, x):
        def normalised(x, norm):
            return F.batch_norm(x, None, None, norm.weight, norm.bias, training=True)

        def k(i, x):
            return normalised(conv(x, res2net.convs[i].weight, padding=1), res2net.norms[i]).relu()

        x1, x2, x3 = normalised(conv(x, res2net.conv1.weight), res2net.norm1).relu().chunk(3, 1)
        # The paper gives the first split no convolution, its code the last: the same but for names.
        y1 = k(0, x1)
        y2 = k(1, x2 + y1)
        y = torch.cat([y1, y2, x3], 1)
        return (x + normalised(conv(y, res2net.conv3.weight), res2net.norm3)).relu()

    ours = block("res2net-block", dims)(16, scale=3, base_width=32)
    agree(ours, formula, (2, 16, *(7, 5, 4)[:dims]), modes=["train"])


def test_the_default_is_res2net50_of_26w_4s(block):
    """The 26w x 4s of the paper: 26 channels to a part where the input has 256."""
    assert block("res2net-block")(256).conv1.out_channels == 4 * 26


def test_bad_arguments(block, raises):
    raises(block("res2net-block"), "channels", 6)
    raises(block("res2net-block"), "scale", 0, 64)
