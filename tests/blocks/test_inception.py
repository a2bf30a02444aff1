"""Inception against torchvision's, whose 5x5 branch has a kernel of 3 (a bug it keeps)."""

import pytest
from torch import nn
from torchvision.models.googlenet import BasicConv2d, Inception

WIDTHS = (6, 5, 8, 3, 4, 7)


@pytest.mark.parametrize("norm", [True, False])
def test_equals_torchvision(block, agree, norm):
    ours = block("inception")(10, *WIDTHS, norm=norm)
    theirs = Inception(10, *WIDTHS)
    theirs.branch3[1] = BasicConv2d(3, 4, kernel_size=5, padding=2)
    if not norm:
        for conv in [m for m in theirs.modules() if isinstance(m, BasicConv2d)]:
            conv.bn = nn.Identity()
            conv.conv.bias = nn.Parameter(conv.conv.weight.new_zeros(conv.conv.out_channels))
    agree(ours, theirs, (2, 10, 7, 5), (3, 10, 4, 4))
    agree(ours, theirs, (1, 10, 1, 6), modes=["eval"])


def test_the_defaults_are_those_of_module_3a(block):
    module = block("inception")(192)
    assert (
        sum(p.numel() for p in module.parameters()) == 163_696
    )  # the paper's 159K weights, biases
