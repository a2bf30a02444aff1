"""Activations, normalisations, regularisers and resamplers against torch.nn and timm."""

import pytest
import torch
from timm.layers import (
    BlurPool2d,
    DropPath,
    FilterResponseNormTlu2d,
    LayerNorm2d,
    LayerScale2d,
    SwiGLU,
)
from timm.layers.grn import GlobalResponseNorm
from torch import nn
from torch.nn import functional as F

MAPS = [(2, 6, 7, 5), (1, 6, 8, 8), (3, 6, 1, 3)]
TOKENS = [(2, 7, 6), (1, 1, 6), (3, 4, 5, 6)]


def test_mish(block, agree):
    agree(block("mish")(), nn.Mish(), *MAPS, (9,))
    agree(block("mish")(), lambda _, x: x * torch.tanh(torch.log(1 + x.exp())), *MAPS, rtol=1e-8)


def test_hard_swish(block, agree):
    agree(block("hard-swish")(), nn.Hardswish(), *MAPS, (9,), scale=3)
    agree(block("hard-swish")(), lambda _, x: x * (x + 3).clip(0, 6) / 6, *MAPS, scale=3)


@pytest.mark.parametrize("hidden", [5, 16])
@pytest.mark.parametrize("bias", [True, False])
def test_swiglu(block, agree, hidden, bias):
    theirs = SwiGLU(6, hidden, 6, bias=bias)
    agree(block("swiglu")(6, hidden, bias), theirs, *TOKENS)
    assert block("swiglu")(96).gate.out_features == 256


@pytest.mark.parametrize("drop_prob", [0.1, 0.5, 0.0])
def test_drop_path_equals_timm_with_the_same_seed(block, drop_prob):
    x = torch.randn(16, 3, 4)
    torch.manual_seed(3)
    theirs = DropPath(drop_prob)(x)
    torch.manual_seed(3)
    torch.testing.assert_close(block("drop-path")(drop_prob)(x), theirs)


@pytest.mark.parametrize("shape", [(4, 16, 5), (4, 16, 5, 6), (4, 16, 2, 3, 4)])
def test_spatial_dropout_equals_torch_with_the_same_seed(block, shape):
    x = torch.randn(shape)
    layer = {3: nn.Dropout1d, 4: nn.Dropout2d, 5: nn.Dropout3d}[len(shape)](0.3)
    torch.manual_seed(3)
    theirs = layer(x)
    torch.manual_seed(3)
    torch.testing.assert_close(block("spatial-dropout")(0.3)(x), theirs)


def test_probabilities_are_checked(block, raises):
    for p in (-0.1, 1.0):
        raises(block("drop-path"), "drop_prob", p)
        raises(block("spatial-dropout"), "p", p)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_layer_scale(block, agree, dims):
    shape = (2, 6, *(7, 5, 3)[:dims])
    agree(
        block("layer-scale", dims)(6),
        lambda m, x: torch.einsum("nc...,c->nc...", x, m.gamma),
        shape,
    )
    if dims == 2:
        agree(block("layer-scale")(6), LayerScale2d(6), *MAPS)
    assert block("layer-scale", dims)(6).gamma.tolist() == pytest.approx([1e-5] * 6)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_grn(block, agree, dims):
    def formula(grn, x):
        flat = x.flatten(2)
        norm = (flat**2).sum(2).sqrt()
        scale = norm / (norm.mean(1, keepdim=True) + 1e-6)
        y = grn.gamma[:, None] * (flat * scale[..., None]) + grn.beta[:, None] + flat
        return y.view(x.shape)

    agree(block("grn", dims)(6), formula, (2, 6, *(7, 5, 3)[:dims]), (1, 6, *(4, 3, 3)[:dims]))
    if dims == 2:
        agree(block("grn")(6), GlobalResponseNorm(6, channels_last=False), *MAPS)


@pytest.mark.parametrize("eps", [1e-6, 1e-2])
def test_layer_norm2d(block, agree, eps):
    agree(block("layer-norm2d")(6, eps), LayerNorm2d(6, eps=eps), *MAPS)


@pytest.mark.parametrize("eps", [1e-6, 1e-2])
def test_rms_norm(block, agree, eps):
    agree(block("rms-norm")(6, eps), nn.RMSNorm(6, eps=eps), *TOKENS)


def test_rms_norm_does_not_overflow_in_half(block):
    y = block("rms-norm")(4).half()(torch.full((1, 4), 300.0, dtype=torch.float16))
    assert y.tolist() == [[1, 1, 1, 1]]


def rezero_formula(gate, x):
    return x * gate.alpha


def test_rezero_gate(block, agree):
    agree(block("rezero-gate")(), rezero_formula, *MAPS)
    assert not block("rezero-gate")()(torch.randn(3)).any()


def pixel_shuffle_up_formula(scale=2, kernel_size=3):
    def formula(up, x):
        y = F.conv2d(x, up.conv.weight, up.conv.bias, padding=kernel_size // 2)
        n, c, h, w = y.shape
        out = y.new_zeros(n, c // scale**2, h * scale, w * scale)
        for i in range(scale):
            for j in range(scale):
                out[:, :, i::scale, j::scale] = y[:, i * scale + j :: scale**2]
        return out

    return formula


@pytest.mark.parametrize("scale, kernel_size", [(2, 3), (3, 1)])
def test_pixel_shuffle_up(block, agree, scale, kernel_size):
    agree(
        block("pixel-shuffle-up")(6, 4, scale, kernel_size),
        pixel_shuffle_up_formula(scale, kernel_size),
        *MAPS,
    )


def spd_conv_formula(scale=2, kernel_size=3):
    def formula(spd, x):
        slices = [x[:, :, i::scale, j::scale] for i in range(scale) for j in range(scale)]
        stacked = torch.stack(slices, 2).flatten(1, 2)
        return F.conv2d(stacked, spd.conv.weight, spd.conv.bias, padding=kernel_size // 2)

    return formula


@pytest.mark.parametrize("scale, kernel_size", [(2, 3), (3, 1)])
def test_spd_conv(block, agree, scale, kernel_size):
    """The paper concatenates the slices; nn.PixelUnshuffle interleaves them by channel."""

    agree(
        block("spd-conv")(6, 4, scale, kernel_size),
        spd_conv_formula(scale, kernel_size),
        (2, 6, 12, 6),
        (1, 6, 6, 18),
    )


def frn_formula(frn, x):
    dims = x.ndim - 2
    y = x / ((x.flatten(2) ** 2).mean(2)[(..., *[None] * dims)] + 1e-6).sqrt()
    form = (-1, *[1] * dims)
    y = y * frn.gamma.view(form) + frn.beta.view(form)
    return torch.where(y > frn.tau.view(form), y, frn.tau.view(form).expand_as(y))


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_frn(block, agree, dims):
    agree(block("frn", dims)(6), frn_formula, (2, 6, *(7, 5, 3)[:dims]), (1, 6, *(4, 3, 3)[:dims]))
    if dims == 2:
        theirs = FilterResponseNormTlu2d(6, eps=1e-6, rms=False)
        names = {"gamma": "weight", "beta": "bias", "tau": "tau"}
        # timm takes the mean in float32.
        agree(block("frn")(6), theirs, *MAPS, names=names, rtol=1e-5, atol=1e-6)


def frelu_formula(kernel_size=3):
    def formula(frelu, x):
        conv = {3: F.conv1d, 4: F.conv2d, 5: F.conv3d}[x.ndim]
        y = conv(x, frelu.conv.weight, padding=kernel_size // 2, groups=x.shape[1])
        norm = frelu.norm
        y = F.batch_norm(
            y, norm.running_mean, norm.running_var, norm.weight, norm.bias, norm.training
        )
        return torch.where(x > y, x, y)

    return formula


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("kernel_size", [3, 5])
def test_frelu(block, agree, dims, kernel_size):
    agree(
        block("frelu", dims)(6, kernel_size), frelu_formula(kernel_size), (2, 6, *(7, 5, 3)[:dims])
    )


@pytest.mark.parametrize("filter_size, stride", [(3, 2), (5, 2), (3, 1)])
def test_blur_pool_equals_timm(block, filter_size, stride):
    theirs = BlurPool2d(6, filter_size, stride).double()
    for shape in ((2, 6, 9, 7), (1, 6, 8, 8)):
        x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
        got, wanted = block("blur-pool")(filter_size, stride)(x), theirs(x)
        torch.testing.assert_close(got, wanted, rtol=1e-6, atol=1e-7)  # its filter is float32
        weights = torch.randn_like(got)
        one, other = (torch.autograd.grad(y, x, weights)[0] for y in (got, wanted))
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("filter_size, stride", [(2, 2), (4, 2), (4, 3)])
def test_blur_pool_with_an_even_filter(block, agree, filter_size, stride):
    """The authors pad by one more behind; timm pads both sides alike."""
    taps = {2: [1, 1], 4: [1, 3, 3, 1]}[filter_size]

    def formula(_, x):
        front, back = (filter_size - 1) // 2, filter_size // 2
        x = nn.ReflectionPad2d((front, back, front, back))(x)
        for axis in (2, 3):
            windows = x.unfold(axis, filter_size, stride)
            x = sum(tap * windows[..., k] for k, tap in enumerate(taps)) / sum(taps)
        return x

    agree(block("blur-pool")(filter_size, stride), formula, (2, 6, 9, 7), (1, 6, 8, 8))
