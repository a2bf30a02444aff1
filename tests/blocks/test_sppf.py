"""SPPF against the three windows side by side."""

import pytest
import torch
from torch.nn import functional as F


def formula(kernel_size=5):
    def forward(sppf, x):
        dims = x.ndim - 2
        conv = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[dims]
        pool = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}[dims]

        def step(x, layers):
            bn = layers[1]
            x = conv(x, layers[0].weight)
            x = F.batch_norm(x, bn.running_mean, bn.running_var, bn.weight, bn.bias, bn.training)
            return x * x.sigmoid()

        x = step(x, sppf.reduce)
        reach = kernel_size // 2
        windows = [pool(x, 2 * k * reach + 1, 1, k * reach) for k in (1, 2, 3)]
        return step(torch.cat([x, *windows], 1), sppf.project)

    return forward


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("kernel_size", [5, 3])
def test_follows_the_formula(block, agree, dims, kernel_size):
    ours = block("sppf", dims)(6, 5, kernel_size)
    agree(ours, formula(kernel_size), (2, 6, *(9, 7, 5)[:dims]), (3, 6, *(8, 8, 4)[:dims]))
    agree(ours, formula(kernel_size), (1, 6, *(7, 3, 2)[:dims]), modes=["eval"])


def test_bad_arguments(block, raises):
    raises(block("sppf"), "kernel_size", 4, 8, 8)
    raises(block("sppf"), "in_channels", 1, out_channels=8)
