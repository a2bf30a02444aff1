"""CondConv: the convolution against timm's with given routing, the routing against section 3."""

import pytest
import torch
from timm.layers import CondConv2d
from torch import nn
from torch.nn import functional as F

NAMES = {"weight": "conv.weight", "bias": "conv.bias", "routing.": "routing."}


class Routed(nn.Module):
    """The paper's r(x) = sigmoid(GlobalAveragePool(x) R) in front of timm's convolution."""

    def __init__(self, *args, num_experts, **options):
        super().__init__()
        self.routing = nn.Linear(args[0], num_experts, bias=False)
        self.conv = CondConv2d(*args, num_experts=num_experts, **options)

    def forward(self, x):
        pooled = x.flatten(2).sum(2) / x[0, 0].numel()
        scores = torch.einsum("nc,ec->ne", pooled, self.routing.weight)
        return self.conv(x, 1 / (1 + (-scores).exp()))


@pytest.mark.parametrize(
    "kernel_size, stride, dilation", [(3, 1, 1), (1, 1, 1), (5, 2, 1), (3, 2, 2)]
)
@pytest.mark.parametrize("groups, bias, num_experts", [(1, False, 8), (2, True, 3), (4, False, 1)])
def test_equals_timm(block, agree, kernel_size, stride, dilation, groups, bias, num_experts):
    ours = block("cond-conv")(8, 12, kernel_size, stride, dilation, groups, bias, num_experts)
    options = {"dilation": dilation, "groups": groups, "bias": bias, "num_experts": num_experts}
    padding = dilation * (kernel_size // 2)  # timm's own is that of TensorFlow for a stride
    theirs = Routed(8, 12, kernel_size, stride, padding, **options)
    shapes = [(2, 8, 7, 5), (1, 8, 9, 4), (3, 8, 8, 8), (2, 8, 17, 20), (1, 8, 1, 1)]
    agree(ours, theirs, *shapes, names=NAMES)


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("stride, groups, bias", [(1, 1, True), (2, 2, False)])
def test_is_the_mixture_of_its_experts(block, agree, dims, stride, groups, bias):
    """The paper's equation 1 from the right: every expert convolves, the results are mixed."""
    conv = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[dims]

    def formula(layer, x):
        routing = (x.mean(tuple(range(2, dims + 2))) @ layer.routing.weight.T).sigmoid()
        total = 0
        for i in range(3):
            weight = layer.weight[i].view(6, 4 // groups, *[3] * dims)
            y = conv(x, weight, layer.bias[i] if bias else None, stride, 1, 1, groups)
            total = total + y * routing[:, i].view(-1, 1, *[1] * dims)
        return total

    ours = block("cond-conv", dims)(4, 6, 3, stride, 1, groups, bias, num_experts=3)
    agree(ours, formula, (2, 4, *(7, 5, 4)[:dims]), (1, 4, *(4, 4, 3)[:dims]))


def test_bad_arguments(block, raises):
    raises(block("cond-conv"), "in_channels", 6, out_channels=8, groups=4)
    raises(block("cond-conv"), "out_channels", 6, in_channels=8, groups=4)
    raises(block("cond-conv"), "kernel_size", 4, 8, 8)
    raises(block("cond-conv"), "num_experts", 0, 8, 8)
