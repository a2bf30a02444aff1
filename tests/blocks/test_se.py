"""SE against timm's SEModule."""

import pytest
from timm.layers import SEModule


@pytest.mark.parametrize("channels, reduction", [(64, 16), (32, 4), (33, 2), (8, 16)])
def test_equals_timm(block, agree, channels, reduction):
    theirs = SEModule(channels, rd_channels=max(1, channels // reduction))
    shapes = [(2, channels, 7, 5), (1, channels, 8, 8), (4, channels, 1, 3)]
    agree(block("se")(channels, reduction), theirs, *shapes)


@pytest.mark.parametrize("dims", [1, 3])
def test_other_dims_follow_the_formula(block, agree, dims):
    def formula(se, x):
        z = x.flatten(2).mean(2)
        first, second = se.fc[0], se.fc[2]
        hidden = (z @ first.weight.flatten(1).T + first.bias).relu()
        gate = (hidden @ second.weight.flatten(1).T + second.bias).sigmoid()
        return x * gate.reshape(*gate.shape, *[1] * dims)

    agree(block("se", dims)(12, 4), formula, (2, 12, *(5, 4, 3)[:dims]))


def test_bad_arguments(block, raises):
    raises(block("se"), "channels", 0)
    raises(block("se"), "reduction", 0, 16)
