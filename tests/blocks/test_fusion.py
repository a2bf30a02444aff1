"""The blocks that join features, against their formulas."""

import pytest
import torch
from torch.nn import functional as F

CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
SIZE = (5, 7, 3)


def shapes(batch, *widths, dims=2):
    return [(batch, c, *SIZE[:dims]) for c in widths]


def fusion_formula(name):
    def formula(ours, *features):
        conv = CONV[features[0].ndim - 2]
        if name == "fusion-concat":
            return conv(torch.cat(features, 1), ours.conv.weight, ours.conv.bias)
        parts = [conv(x, c.weight, c.bias) for x, c in zip(features, ours.convs)]
        stacked = torch.stack(parts)
        return stacked.sum(0) if name == "fusion-add" else stacked.prod(0)

    return formula


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("name", ["fusion-add", "fusion-mul", "fusion-concat"])
def test_fusions(block, agree, name, dims):
    ours = block(name, dims)((3, 4, 6), 5)
    every = shapes(2, 3, 4, 6, dims=dims), shapes(1, 3, 4, 6, dims=dims)
    agree(ours, fusion_formula(name), *every)


def unet_skip_formula(norm=True, odd=0):
    def formula(ours, x, skip):
        dims = x.ndim - 2
        up = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}[dims]

        def step(x, conv, bn):
            x = CONV[dims](x, conv.weight, conv.bias, padding=1)
            if norm:
                x = F.batch_norm(
                    x, bn.running_mean, bn.running_var, bn.weight, bn.bias, bn.training
                )
            return x.relu()

        x = up(x, ours.up.weight, ours.up.bias, stride=2, output_padding=odd)
        x = step(torch.cat([skip, x], 1), *ours.conv[:2])
        return step(x, *ours.conv[3:5])

    return formula


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("odd", [0, 1])
def test_unet_skip(block, agree, dims, norm, odd):
    ours = block("unet-skip", dims)(6, 4, 5, norm)
    size = SIZE[:dims]
    pair = [(2, 6, *size), (2, 4, *(2 * n + odd for n in size))]
    agree(ours, unet_skip_formula(norm, odd), pair, [(1, *shape[1:]) for shape in pair])


def attention_gate_formula(ours, x, gate):
    dims, ratio = x.ndim - 2, x.shape[2] // gate.shape[2]

    def part(x, layers):
        conv, bn = layers
        x = CONV[dims](x, conv.weight)
        return F.batch_norm(x, bn.running_mean, bn.running_var, bn.weight, bn.bias, bn.training)

    gate = part(gate, ours.phi)
    if ratio > 1:
        mode = {1: "linear", 2: "bilinear", 3: "trilinear"}[dims]
        gate = F.interpolate(gate, scale_factor=ratio, mode=mode)
    return x * part((part(x, ours.theta) + gate).relu(), ours.psi).sigmoid()


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("ratio", [1, 2])
def test_attention_gate(block, agree, dims, ratio):
    ours = block("attention-gate", dims)(6, 5, 3)
    size = (4, 6, 2)[:dims]
    pair = [(2, 6, *size), (2, 5, *(n // ratio for n in size))]
    agree(ours, attention_gate_formula, pair)
    batch1 = [(1, *shape[1:]) for shape in pair]
    agree(ours, attention_gate_formula, batch1, modes=["eval"])


def film_formula(ours, x, context):
    gamma, beta = (context @ ours.fc.weight.T + ours.fc.bias).chunk(2, 1)
    axes = (..., *[None] * (x.ndim - 2))
    return (1 + gamma[axes]) * x + beta[axes]


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_film(block, agree, dims):
    ours = block("film", dims)(6, 4)
    agree(ours, film_formula, *[[(n, 6, *SIZE[:dims]), (n, 4)] for n in (2, 1)])


def aff_weight(both, local_branch, global_branch):
    """The paper's multi-scale channel attention, M(.)."""
    dims = both.ndim - 2

    def branch(z, layers):
        first, bn1, _, second, bn2 = layers
        for conv, bn in ((first, bn1), (second, bn2)):
            z = CONV[dims](z, conv.weight, conv.bias)
            z = F.batch_norm(z, bn.running_mean, bn.running_var, bn.weight, bn.bias, bn.training)
            z = z.relu() if conv is first else z
        return z

    pooled = both.flatten(2).mean(2)[(..., *[None] * dims)]
    return torch.sigmoid(branch(both, local_branch) + branch(pooled, global_branch))


def aff_formula(ours, x, y):
    weight = aff_weight(x + y, ours.local_branch, ours.global_branch)
    return weight * x + (1 - weight) * y


def iaff_formula(ours, x, y):
    weight = aff_weight(x + y, ours.first.local_branch, ours.first.global_branch)
    both = weight * x + (1 - weight) * y
    weight = aff_weight(both, ours.second.local_branch, ours.second.global_branch)
    return weight * x + (1 - weight) * y


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("reduction", [4, 1])
@pytest.mark.parametrize("name, formula", [("aff", aff_formula), ("iaff", iaff_formula)])
def test_aff(block, agree, dims, reduction, name, formula):
    ours = block(name, dims)(8, reduction)
    agree(ours, formula, shapes(3, 8, 8, dims=dims), rtol=1e-7, atol=1e-9)
    agree(ours, formula, shapes(1, 8, 8, dims=dims), modes=["eval"])
