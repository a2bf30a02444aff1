"""Channel attention: ECA and eSE against timm, GCT against its equations."""

import pytest
import torch
from timm.layers import EcaModule, EffectiveSEModule, GatherExcite

SIZES = {1: [(7,), (8,)], 2: [(7, 5), (8, 8), (1, 3)], 3: [(3, 4, 5)]}


def shapes(channels, dims=2):
    return [(n, channels, *size) for n, size in zip((2, 1, 3), SIZES[dims])]


@pytest.mark.parametrize("channels", [8, 16, 64, 100, 256, 512])
def test_eca_equals_timm(block, agree, channels):
    """With the kernel that the paper's rule gives."""
    agree(block("eca")(channels), EcaModule(channels), *shapes(channels))


def test_eca_with_its_own_kernel(block, agree, raises):
    agree(block("eca")(16, 7), EcaModule(kernel_size=7), *shapes(16))
    assert block("eca")(4).conv.kernel_size == (1,)  # the paper's rule; timm goes no lower than 3
    raises(block("eca"), "kernel_size", 4, 16)


@pytest.mark.parametrize("channels", [8, 33])
def test_ese_equals_timm(block, agree, channels):
    agree(block("ese")(channels), EffectiveSEModule(channels), *shapes(channels), scale=5)


def gct_formula(gct, x):
    c = x.shape[1]
    embedding = gct.alpha * ((x.flatten(2) ** 2).sum(2) + 1e-5).sqrt()
    norm = c**0.5 * embedding / ((embedding**2).sum(1, keepdim=True) + c * 1e-5).sqrt()
    gate = 1 + torch.tanh(gct.gamma * norm + gct.beta)
    return x * gate.view(*gate.shape, *[1] * (x.ndim - 2))


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_gct_follows_the_paper(block, agree, dims):
    agree(block("gct", dims)(12), gct_formula, *shapes(12, dims))


@pytest.mark.parametrize("extent", [0, 2, 4])  # timm takes even ones only
def test_gather_excite_equals_timm(block, agree, extent):
    theirs = GatherExcite(8, extra_params=False, extent=extent, use_mlp=False)
    agree(block("gather-excite")(extent), theirs, *shapes(8))
