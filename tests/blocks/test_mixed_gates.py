"""Attention over channels and space: coordinate attention against timm, others by formula."""

import pytest
import torch
from timm.layers.coord_attn import CoordAttn
from torch import nn
from torch.nn import functional as F

SIZES = [(7, 5), (8, 8), (1, 3)]


def shapes(channels, sizes=SIZES):
    return [(n, channels, *size) for n, size in zip((2, 1, 3), sizes)]


@pytest.mark.parametrize("channels, reduction", [(64, 4), (256, 16), (32, 32)])
def test_coord_attention_equals_timm(block, agree, channels, reduction):
    hidden = max(8, channels // reduction)
    theirs = CoordAttn(channels, rd_channels=hidden, bias=True)
    ours = block("coord-attention")(channels, reduction)
    agree(ours, theirs, *shapes(channels))


def ela_formula(kernel_size=7, groups=16, depthwise=True):
    def formula(ela, x):
        def gate(line):
            conv_groups = line.shape[1] if depthwise else groups
            y = F.conv1d(line, ela.conv.weight, padding=kernel_size // 2, groups=conv_groups)
            parts = y.reshape(y.shape[0], groups, -1)
            mean, var = parts.mean(2, keepdim=True), parts.var(2, unbiased=False, keepdim=True)
            y = ((parts - mean) / (var + 1e-5).sqrt()).view(y.shape)
            return (y * ela.norm.weight[:, None] + ela.norm.bias[:, None]).sigmoid()

        rows, columns = gate(x.sum(3) / x.shape[3]), gate(x.sum(2) / x.shape[2])
        return torch.einsum("nchw,nch,ncw->nchw", x, rows, columns)

    return formula


@pytest.mark.parametrize(
    "kernel_size, groups, depthwise", [(7, 16, True), (5, 4, False), (1, 1, True)]
)
def test_ela(block, agree, kernel_size, groups, depthwise):
    agree(
        block("ela")(32, kernel_size, groups, depthwise),
        ela_formula(kernel_size, groups, depthwise),
        *shapes(32, SIZES[:2]),
    )


def triplet_formula(kernel_size=7):
    def formula(triplet, x):
        total = 0
        for gate, order in (
            (triplet.height_width, (0, 1, 2, 3)),
            (triplet.channel_width, (0, 2, 1, 3)),
            (triplet.channel_height, (0, 3, 2, 1)),
        ):
            y = x.permute(order)
            pooled = torch.stack([y.max(1).values, y.mean(1)], 1)
            pooled = F.conv2d(pooled, gate.conv.weight, padding=kernel_size // 2)
            norm = gate.norm
            pooled = F.batch_norm(
                pooled, norm.running_mean, norm.running_var, norm.weight, norm.bias, norm.training
            )
            total = total + (y * pooled.sigmoid()).permute(order)
        return total / 3

    return formula


@pytest.mark.parametrize("kernel_size", [3, 7])
def test_triplet(block, agree, kernel_size):
    agree(block("triplet")(kernel_size), triplet_formula(kernel_size), *shapes(6))


def shuffle_attention_formula(groups):
    def formula(sa, x):
        c = x.shape[1]
        a, b = x.flatten(2).unflatten(1, (groups, -1)).chunk(2, 2)
        gate = sa.channel_weight[:, None] * a.mean(3, keepdim=True) + sa.channel_bias[:, None]
        mean, var = b.mean(3, keepdim=True), b.var(3, unbiased=False, keepdim=True)
        normed = (b - mean) / (var + 1e-5).sqrt()
        normed = normed * sa.norm.weight[:, None] + sa.norm.bias[:, None]
        normed = sa.spatial_weight[:, None] * normed + sa.spatial_bias[:, None]
        y = torch.cat([a * gate.sigmoid(), b * normed.sigmoid()], 2).flatten(1, 2)
        order = [i // 2 + (i % 2) * (c // 2) for i in range(c)]  # ChannelShuffle of two groups
        return y[:, order].view(x.shape)

    return formula


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 3])
def test_shuffle_attention(block, agree, dims, groups):
    size = (5, 4, 3)[:dims]
    agree(
        block("shuffle-attention", dims)(12, groups),
        shuffle_attention_formula(groups),
        (2, 12, *size),
        (1, 12, *size),
    )
    x = torch.arange(12.0).view(1, 12, 1, 1)
    assert torch.equal(
        nn.ChannelShuffle(2)(x).flatten(),
        torch.tensor([i // 2 + (i % 2) * 6 for i in range(12)], dtype=torch.float),
    )


def scse_formula(scse, x):
    flat = x.flatten(2)
    first, _, second = scse.channel
    hidden = (flat.mean(2) @ first.weight.flatten(1).T + first.bias).relu()
    channel = (hidden @ second.weight.flatten(1).T + second.bias).sigmoid()
    spatial = (scse.spatial.weight.flatten() @ flat + scse.spatial.bias).sigmoid()
    return (flat * channel[..., None] + flat * spatial[:, None]).view(x.shape)


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("reduction", [2, 16])
def test_scse(block, agree, dims, reduction):
    size = (5, 4, 3)[:dims]
    agree(block("scse", dims)(12, reduction), scse_formula, (2, 12, *size), (1, 12, *size))


def ema_formula(factor):
    def formula(ema, x):
        part = x.unflatten(1, (factor, -1)).flatten(0, 1)
        weight, bias = ema.conv1.weight[:, :, 0, 0], ema.conv1.bias[:, None]
        rows = (weight @ part.mean(3) + bias).sigmoid()
        columns = (weight @ part.mean(2) + bias).sigmoid()
        axial = part * rows[..., None] * columns[:, :, None]
        mean = axial.mean((2, 3), keepdim=True)
        var = axial.var((2, 3), unbiased=False, keepdim=True)
        axial = (axial - mean) / (var + 1e-5).sqrt()
        axial = axial * ema.norm.weight.view(1, -1, 1, 1) + ema.norm.bias.view(1, -1, 1, 1)
        local = F.conv2d(part, ema.conv3.weight, ema.conv3.bias, padding=1)
        gate = torch.einsum("nc,nchw->nhw", axial.mean((2, 3)).softmax(1), local)
        gate = gate + torch.einsum("nc,nchw->nhw", local.mean((2, 3)).softmax(1), axial)
        return (part * gate[:, None].sigmoid()).view(x.shape)

    return formula


@pytest.mark.parametrize("factor", [1, 4])
def test_ema(block, agree, factor):
    agree(block("ema")(12, factor), ema_formula(factor), *shapes(12))


def double_attention_formula(da, x):
    def conv(layer):
        return torch.einsum("oc,ncl->nol", layer.weight.flatten(1), x.flatten(2)) + (
            layer.bias[:, None]
        )

    gather = conv(da.gather).exp()
    gather = gather / gather.sum(2, keepdim=True)
    distribute = conv(da.distribute).exp()
    distribute = distribute / distribute.sum(1, keepdim=True)
    descriptors = torch.einsum("nml,nkl->nmk", conv(da.feature), gather)
    y = torch.einsum("nmk,nkl->nml", descriptors, distribute)
    y = torch.einsum("om,nml->nol", da.out.weight.flatten(1), y) + da.out.bias[:, None]
    return y.view(x.shape)


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("reduction", [4, 16])
def test_double_attention(block, agree, dims, reduction):
    size = (5, 4, 3)[:dims]
    agree(
        block("double-attention", dims)(12, reduction),
        double_attention_formula,
        (2, 12, *size),
        (1, 12, *size),
    )


def polarized_sa_formula(psa, x):
    flat = x.flatten(2)

    def conv(layer):
        return layer.weight.flatten(1) @ flat + layer.bias[:, None]

    query = conv(psa.channel_query).exp()
    query = query / query.sum(2, keepdim=True)
    z = torch.einsum("ncl,nl->nc", conv(psa.channel_value), query[:, 0])
    z = z @ psa.channel_out.weight.T + psa.channel_out.bias
    mean, var = z.mean(1, keepdim=True), z.var(1, unbiased=False, keepdim=True)
    z = (z - mean) / (var + 1e-5).sqrt() * psa.norm.weight + psa.norm.bias
    query = conv(psa.spatial_query).mean(2).exp()
    query = query / query.sum(1, keepdim=True)
    positions = torch.einsum("nc,ncl->nl", query, conv(psa.spatial_value)).sigmoid()
    return (flat * z.sigmoid()[..., None] + flat * positions[:, None]).view(x.shape)


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("channels", [12, 7])
def test_polarized_sa(block, agree, dims, channels):
    size = (5, 4, 3)[:dims]
    ours = block("polarized-sa", dims)(channels)
    agree(ours, polarized_sa_formula, (2, channels, *size), (1, channels, *size), rtol=1e-8)
