"""FocalModulation against timm's."""

import pytest
import torch
from timm.models.focalnet import FocalModulation
from torch.nn import functional as F


def theirs(channels, focal_level=2, focal_window=3, focal_factor=2, bias=True, normalize=False):
    """timm's, whose depthwise convolutions lie one level deeper."""
    module = FocalModulation(
        channels,
        focal_window,
        focal_level,
        focal_factor,
        bias,
        normalize_modulator=normalize,
    ).double()

    def forward(ours, x):
        state = dict(ours.named_parameters())
        for level in range(focal_level):
            state[f"focal_layers.{level}.0.weight"] = state.pop(f"layers.{level}.weight")
        return torch.func.functional_call(module, state, (x,))

    return forward


@pytest.mark.parametrize("level, window, factor", [(2, 3, 2), (3, 3, 2), (1, 5, 0), (4, 1, 4)])
@pytest.mark.parametrize("bias, normalize", [(True, False), (False, True)])
def test_equals_timm(block, agree, level, window, factor, bias, normalize):
    ours = block("focal-modulation")(6, level, window, factor, bias, normalize)
    shapes = (2, 6, 7, 5), (1, 6, 8, 8), (3, 6, 1, 3), (1, 6, 20, 13)
    agree(ours, theirs(6, level, window, factor, bias, normalize), *shapes)


def formula(focal, x):
    """The paper's equations 3 to 7, level by level, over any number of axes."""
    dims, channels = x.ndim - 2, x.shape[1]
    conv = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[dims]
    levels = len(focal.layers)

    def gelu(x):
        return x * 0.5 * (1 + torch.erf(x / 2**0.5))

    projected = conv(x, focal.f.weight, focal.f.bias)
    query, context = projected[:, :channels], projected[:, channels : 2 * channels]
    gates = projected[:, 2 * channels :]
    modulator = torch.zeros_like(x)
    for level in range(levels):
        weight = focal.layers[level].weight
        context = gelu(conv(context, weight, padding=weight.shape[-1] // 2, groups=channels))
        modulator = modulator + gates[:, [level]] * context
    everywhere = gelu(context.flatten(2).mean(-1)).view(*x.shape[:2], *[1] * dims)
    modulator = modulator + gates[:, [levels]] * everywhere
    y = query * conv(modulator, focal.h.weight, focal.h.bias)
    return conv(y, focal.proj.weight, focal.proj.bias)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_follows_the_equations(block, agree, dims):
    ours = block("focal-modulation", dims)(4)
    agree(ours, formula, (2, 4, *(7, 5, 3)[:dims]), (1, 4, *(4, 1, 8)[:dims]))


def test_bad_arguments(block, raises):
    raises(block("focal-modulation"), "focal_window", 4, 8)
    raises(block("focal-modulation"), "focal_factor", 1, 8)
    raises(block("focal-modulation"), "focal_level", 0, 8)
