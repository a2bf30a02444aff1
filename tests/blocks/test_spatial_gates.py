"""Spatial attention: SimAM, SGE and LKA against the equations of their papers."""

import pytest
import torch
from torch.nn import functional as F

SIZES = {1: (9,), 2: (7, 5), 3: (3, 4, 5)}
DIMS = pytest.mark.parametrize("dims", [1, 2, 3])


def simam_formula(e_lambda=1e-4):
    def formula(_, x):
        flat = x.flatten(2)
        mean = flat.mean(2, keepdim=True)
        variance = flat.var(2, keepdim=True)  # over the other neurons: M - 1
        energy = (flat - mean) ** 2 / (4 * (variance + e_lambda)) + 0.5
        return (flat * energy.sigmoid()).view(x.shape)

    return formula


@DIMS
@pytest.mark.parametrize("e_lambda", [1e-4, 0.1])
def test_simam(block, agree, dims, e_lambda):
    agree(
        block("simam", dims)(e_lambda),
        simam_formula(e_lambda),
        (2, 3, *SIZES[dims]),
        (1, 4, *SIZES[dims]),
    )


def sge_formula(groups):
    def formula(sge, x):
        parts = x.unflatten(1, (groups, -1)).flatten(3)
        likeness = torch.einsum("ngcl,ngc->ngl", parts, parts.mean(3))
        deviation = likeness.std(2, unbiased=False, keepdim=True)
        normed = (likeness - likeness.mean(2, keepdim=True)) / (deviation + 1e-5)
        gate = (sge.weight * normed + sge.bias).sigmoid()
        return torch.einsum("ngcl,ngl->ngcl", parts, gate).reshape(x.shape)

    return formula


@DIMS
@pytest.mark.parametrize("groups", [1, 4])
def test_sge(block, agree, dims, groups):
    agree(
        block("sge", dims)(groups), sge_formula(groups), (2, 12, *SIZES[dims]), (1, 8, *SIZES[dims])
    )


def test_sge_is_finite_at_one_position(block):
    """A copy with the unbiased deviation gives NaN there."""
    assert block("sge")(4)(torch.randn(2, 8, 1, 1)).isfinite().all()


def lka_formula(lka, x):
    conv = {3: F.conv1d, 4: F.conv2d, 5: F.conv3d}[x.ndim]
    c = x.shape[1]
    y = conv(x, lka.conv0.weight, lka.conv0.bias, padding=2, groups=c)
    spatial = lka.conv_spatial
    y = conv(y, spatial.weight, spatial.bias, padding=9, dilation=3, groups=c)
    return x * conv(y, lka.conv1.weight, lka.conv1.bias)


@DIMS
def test_lka(block, agree, dims):
    agree(block("lka", dims)(6), lka_formula, (2, 6, *SIZES[dims]), (1, 6, *SIZES[dims]))


def lska_formula(kernel_size):
    def formula(lska, x):
        dilation = 2 if kernel_size < 23 else 3
        c, y = x.shape[1], x
        for conv in lska.conv0:
            y = F.conv2d(y, conv.weight, conv.bias, padding="same", groups=c)
        for conv in lska.conv_spatial:
            y = F.conv2d(y, conv.weight, conv.bias, padding="same", dilation=dilation, groups=c)
        return x * F.conv2d(y, lska.conv1.weight, lska.conv1.bias)

    return formula


@pytest.mark.parametrize("kernel_size", [7, 11, 23, 35])
def test_lska(block, agree, kernel_size):
    ours = block("lska")(6, kernel_size)
    agree(ours, lska_formula(kernel_size), (2, 6, 7, 5), (1, 6, 8, 8))
    near, far = ours.conv0[0].kernel_size[1], ours.conv_spatial[0].kernel_size[1]
    authors = {7: (3, 3), 11: (3, 5), 23: (5, 7), 35: (5, 11)}  # their table
    assert (near, far) == authors[kernel_size]
