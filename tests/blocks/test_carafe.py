"""CARAFE against its equations, one offset of the neighbourhood after the other."""

import pytest
import torch
from torch.nn import functional as F


def formula(scale=2, up_kernel=5, encoder_kernel=3):
    def forward(carafe, x):
        height, width = x.shape[2:]
        encoded = F.conv2d(x, carafe.compress.weight, carafe.compress.bias)
        encoded = F.conv2d(
            encoded, carafe.encode.weight, carafe.encode.bias, padding=encoder_kernel // 2
        )
        reach = up_kernel // 2
        padded = F.pad(x, [reach] * 4)
        weights = F.pixel_shuffle(encoded, scale).exp()
        weights = weights / weights.sum(1, keepdim=True)
        total = 0
        for i in range(up_kernel):
            for j in range(up_kernel):
                moved = padded[:, :, i : i + height, j : j + width]
                moved = moved.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
                k = i * up_kernel + j
                total = total + moved * weights[:, k : k + 1]
        return total

    return forward


@pytest.mark.parametrize(
    "scale, up_kernel, encoder_kernel, compressed", [(2, 5, 3, 64), (3, 3, 1, 4), (1, 1, 5, 2)]
)
def test_follows_the_formula(block, agree, scale, up_kernel, encoder_kernel, compressed):
    ours = block("carafe")(6, scale, up_kernel, encoder_kernel, compressed)
    shapes = [(2, 6, 7, 5), (1, 6, 8, 8), (3, 6, 1, 3)]
    agree(ours, formula(scale, up_kernel, encoder_kernel), *shapes, rtol=1e-8, scale=0.5)


def test_keeps_a_constant_inside(block):
    """The weights sum to one; at the border the zeros around take part."""
    y = block("carafe")(3)(torch.ones(1, 3, 9, 9))
    torch.testing.assert_close(y[:, :, 4:-4, 4:-4], torch.ones(1, 3, 10, 10))


def test_bad_arguments(block, raises):
    raises(block("carafe"), "up_kernel", 4, 8)
    raises(block("carafe"), "encoder_kernel", 2, 8)
