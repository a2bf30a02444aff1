"""AddCoords and CoordConv against the paper's coordinates, and the faults of copies around."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F


def coordinates(sizes, with_r, dtype=torch.float64):
    """x, y, z (last axis first), then r, each (1, 1, *sizes), from the paper's description."""
    lines = [torch.linspace(-1, 1, n, dtype=dtype) if n > 1 else torch.zeros(1) for n in sizes]
    grids = list(torch.meshgrid(*(line.to(dtype) for line in lines), indexing="ij"))[::-1]
    if with_r:
        grids.append(sum(g**2 for g in grids) ** 0.5)
    return torch.stack(grids)[None]


def add_coords_formula(with_r=False):
    def formula(_, x):
        coords = coordinates(x.shape[2:], with_r, x.dtype)
        return torch.cat([x, coords.expand(x.shape[0], *coords.shape[1:])], 1)

    return formula


def coordconv_formula(with_r=False, groups=1, **plain):
    def formula(ours, x):
        coords = coordinates(x.shape[2:], with_r, x.dtype)
        coords = coords.expand(x.shape[0], *coords.shape[1:])
        x = torch.cat([part for group in x.chunk(groups, 1) for part in (group, coords)], 1)
        conv = {3: F.conv1d, 4: F.conv2d, 5: F.conv3d}[x.ndim]
        return conv(x, ours.conv.weight, ours.conv.bias, groups=groups, **plain)

    return formula


@pytest.mark.parametrize("sizes", [(5,), (7, 5), (1, 6), (1, 1), (4, 3, 5)])
@pytest.mark.parametrize("with_r", [False, True])
def test_add_coords_follows_the_paper(block, agree, sizes, with_r):
    formula = add_coords_formula(with_r)
    agree(block("add-coords")(with_r), formula, (2, 3, *sizes), (1, 3, *sizes))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"padding": 1, "with_r": True},
        {"stride": 2, "padding": 1, "bias": False},
        {"dilation": 2, "padding": 2},
        {"groups": 4, "padding": 1},
    ],
)
@pytest.mark.parametrize("dims", [1, 2, 3])
def test_coordconv_follows_the_paper(block, agree, dims, options):
    formula = coordconv_formula(**{k: v for k, v in options.items() if k != "bias"})
    ours = block("coordconv", dims)(8, 12, 3, **options)
    agree(ours, formula, (2, 8, *(7, 6, 5)[:dims]), (1, 8, *(9, 5, 6)[:dims]))


@pytest.mark.parametrize("groups", [1, 8])
def test_old_weights_give_the_old_convolution(block, groups):
    """Also of a depthwise convolution."""
    old = nn.Conv2d(8, 16, 3, padding=1, groups=groups)
    new = block("coordconv")(8, 16, 3, padding=1, groups=groups)
    with torch.no_grad():
        new.conv.weight.zero_()
        new.conv.weight[:, : 8 // groups].copy_(old.weight)
        new.conv.bias.copy_(old.bias)
    x = torch.randn(2, 8, 6, 5)
    torch.testing.assert_close(new(x), old(x))


def test_no_known_fault(block, raises):
    add = block("add-coords")
    x = torch.zeros(1, 1, 3, 4)
    assert add()(x)[0, 1, 0].tolist() == pytest.approx([-1, -1 / 3, 1 / 3, 1])  # x, to the edge
    assert add()(x)[0, 2, :, 0].tolist() == [-1, 0, 1]  # y; H is not taken for W
    assert add()(torch.zeros(1, 1, 1, 1))[0, :, 0, 0].tolist() == [0, 0, 0]  # one position
    assert add(with_r=True)(x)[0, 3, 0, 0].item() == pytest.approx(2**0.5)
    for dtype in (torch.float16, torch.bfloat16):
        assert (
            block("coordconv")(4, 4, 3).to(dtype)(torch.ones(1, 4, 5, 5).to(dtype)).dtype == dtype
        )
    wide = add()(torch.zeros(1, 1, 1, 5001, dtype=torch.float16))[0, 1, 0]
    expected = torch.linspace(-1, 1, 5001, dtype=torch.float64)
    assert (wide.double() - expected).abs().max() < 5e-4  # half cannot count to 5001
    raises(block("coordconv"), "in_channels", 6, out_channels=8, kernel_size=3, groups=4)
    raises(block("coordconv"), "out_channels", 6, in_channels=8, kernel_size=3, groups=4)


def test_empty_batch(block):
    assert block("coordconv")(4, 6, 3, padding=1)(torch.zeros(0, 4, 5, 5)).shape == (0, 6, 5, 5)
