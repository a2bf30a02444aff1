"""Mamba and U-Mamba's layer against the recurrence, token by token."""

import pytest
import torch
from torch.nn import functional as F


def recurrence(mamba, x):
    n, length, _ = x.shape
    inner, state = mamba.log_rate.shape
    x, gate = (x @ mamba.in_proj.weight.T).split(inner, -1)
    kernel = mamba.conv.weight.shape[-1]
    padded = torch.cat([x.new_zeros(n, kernel - 1, inner), x], 1)
    x = mamba.conv.bias + sum(
        padded[:, k : k + length] * mamba.conv.weight[:, 0, k] for k in range(kernel)
    )
    x = x * x.sigmoid()
    rank = mamba.dt_proj.weight.shape[1]
    parameters = x @ mamba.x_proj.weight.T
    dt, b, c = parameters.split([rank, state, state], -1)
    dt = F.softplus(dt @ mamba.dt_proj.weight.T + mamba.dt_proj.bias)
    a = -mamba.log_rate.exp()
    h, outputs = x.new_zeros(n, inner, state), []
    for t in range(length):
        h = (
            torch.exp(dt[:, t, :, None] * a) * h
            + dt[:, t, :, None] * b[:, t, None] * x[:, t, :, None]
        )
        outputs.append((h * c[:, t, None]).sum(-1) + mamba.skip * x[:, t])
    y = torch.stack(outputs, 1) * gate * gate.sigmoid()
    return y @ mamba.out_proj.weight.T


@pytest.mark.parametrize("options", [(8, 4, 4, 2), (20, 3, 2, 1), (4, 16, 1, 3)])
def test_equals_the_recurrence(block, agree, options):
    """At lengths around squares, where the chunks change."""
    lengths = (1, 2, 3, 4, 5, 15, 16, 17, 30)
    shapes = [(2, length, options[0]) for length in lengths]
    agree(block("mamba")(*options), recurrence, *shapes, (1, 7, options[0]), modes=["eval"])


def norm_and_recurrence(layer, x):
    tokens = x.flatten(2).transpose(1, 2)
    mean, var = tokens.mean(-1, keepdim=True), tokens.var(-1, unbiased=False, keepdim=True)
    tokens = (tokens - mean) / (var + 1e-5).sqrt() * layer.norm.weight + layer.norm.bias
    return recurrence(layer.mamba, tokens).transpose(1, 2).unflatten(2, x.shape[2:])


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_u_mamba_layer_is_norm_and_mamba_over_positions(block, agree, dims):
    size = (4, 3, 5)[:dims]
    ours = block("u-mamba-layer", dims)(6)
    agree(ours, norm_and_recurrence, (2, 6, *size), (1, 6, *size), modes=["eval"])


def test_mamba_is_causal(block):
    mamba, x = block("mamba")(8).eval(), torch.randn(1, 20, 8)
    y = mamba(x)
    x[:, 12:] = 0
    torch.testing.assert_close(mamba(x)[:, :12], y[:, :12])


def test_start_is_the_papers(block):
    mamba = block("mamba")(64)
    dt = F.softplus(mamba.dt_proj.bias)
    assert dt.min() >= 1e-3 and dt.max() <= 0.1001
    assert mamba.log_rate.exp()[5].tolist() == pytest.approx(list(range(1, 17)))
    parameters = sum(p.numel() for p in mamba.parameters())
    assert parameters == 64 * 256 + 128 * 4 + 128 + 128 * 36 + 4 * 128 + 128 + 128 * 17 + 128 * 64
