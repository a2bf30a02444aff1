"""Involution against the paper's equations 4 to 6, one position after the other."""

import pytest
import torch
from torch.nn import functional as F


def formula(kernel_size=7, stride=1, group_channels=16):
    def forward(involution, x):
        channels, height, width = x.shape[1:]
        each, reach = min(group_channels, channels), kernel_size // 2
        groups = channels // each
        padded = F.pad(x, [reach] * 4)

        def mean(i, j):  # of what the stride skips; of x itself at stride 1
            return x[:, :, i : i + stride, j : j + stride].mean((2, 3))

        starts = [(i, j) for i in range(0, height, stride) for j in range(0, width, stride)]
        pixels = torch.stack([mean(i, j) for i, j in starts], 2)  # N, C, positions

        # Equation 6: H = W1 sigma(W0 X), where sigma is BatchNorm and ReLU.
        first, norm, _, last = involution.kernel
        hidden = torch.einsum("rc,ncl->nrl", first.weight.flatten(1), pixels)
        state = (norm.running_mean, norm.running_var, norm.weight, norm.bias)
        hidden = F.batch_norm(hidden, *state, training=norm.training).relu()
        kernels = torch.einsum("kr,nrl->nkl", last.weight.flatten(1), hidden)
        kernels = kernels + last.bias.view(-1, 1)

        # Equation 4: Y[i, j, k] = sum over u, v of H[i, j, u, v, kG // C] X[i + u, j + v, k].
        results = []
        for position, (i, j) in enumerate(starts):
            kernel = kernels[:, :, position].reshape(-1, groups, 1, kernel_size, kernel_size)
            patch = padded[:, :, i : i + kernel_size, j : j + kernel_size]
            patch = patch.reshape(-1, groups, each, kernel_size, kernel_size)
            results.append((kernel * patch).sum((3, 4)).flatten(1))
        return torch.stack(results, 2).unflatten(2, (-(-height // stride), -1))

    return forward


@pytest.mark.parametrize("kernel_size, stride", [(7, 1), (3, 1), (1, 1), (3, 2), (7, 2), (5, 3)])
@pytest.mark.parametrize(
    "channels, group_channels, reduction", [(32, 16, 4), (6, 16, 4), (6, 2, 1), (4, 1, 8)]
)
def test_follows_the_equations(
    block, agree, kernel_size, stride, channels, group_channels, reduction
):
    ours = block("involution")(channels, kernel_size, stride, group_channels, reduction)
    shapes = [(2, channels, 7, 5), (3, channels, 8, 8), (2, channels, 13, 10)]
    bounds = {"rtol": 1e-8, "atol": 1e-10}
    agree(ours, formula(kernel_size, stride, group_channels), *shapes, **bounds)
    shapes = [(1, channels, 9, 4), (1, channels, 1, 1)]
    agree(ours, formula(kernel_size, stride, group_channels), *shapes, modes=["eval"], **bounds)


def test_bad_arguments(block, raises):
    raises(block("involution"), "channels", 24)
    raises(block("involution"), "kernel_size", 4, 32)
    raises(block("involution"), "group_channels", 0, 32)
