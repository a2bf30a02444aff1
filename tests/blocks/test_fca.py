"""FCA against the paper's equations, with every sum of the discrete cosine transform written out."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

#: The best of the 7x7 frequencies, first the best, as (row, column): what the authors found.
BEST = list(
    zip(
        [0, 0, 6, 0, 0, 1, 1, 4, 5, 1, 3, 0, 0, 0, 3, 2, 4, 6, 3, 5, 5, 2, 6, 5, 5, 3, 3, 4],
        [0, 1, 0, 5, 2, 0, 2, 0, 0, 6, 0, 4, 6, 3, 5, 2, 6, 3, 3, 3, 5, 1, 1, 2, 4, 2, 1, 1],
    )
) + [(2, 3), (2, 0), (6, 5), (1, 3)]


def basis(frequency, n):
    """The orthonormal cosines of one frequency."""
    scale = math.sqrt((1 if frequency == 0 else 2) / n)
    return [scale * math.cos(math.pi * frequency / n * (i + 0.5)) for i in range(n)]


def formula(num_freq=16):
    def forward(fca, x):
        channels, height, width = x.shape[1:]
        parts = num_freq  # equal ones
        while channels % parts:
            parts -= 1
        weights = []
        for u, v in BEST[:parts]:
            # (2, 2) of 14x14 is what (1, 1) is of 7x7.
            rows, columns = basis(u * height // 7, height), basis(v * width // 7, width)
            weights.append(x.new_tensor([[row * column for column in columns] for row in rows]))
        parts_of = [channel * parts // channels for channel in range(channels)]
        sums = [(x[:, c] * weights[part]).sum((1, 2)) for c, part in enumerate(parts_of)]
        hidden = F.linear(torch.stack(sums, 1), fca.fc[0].weight).relu()
        return x * F.linear(hidden, fca.fc[2].weight).sigmoid()[..., None, None]

    return forward


@pytest.mark.parametrize("channels", [32, 64, 40, 5])
@pytest.mark.parametrize("num_freq, reduction", [(16, 16), (1, 4), (2, 100), (32, 4), (7, 1)])
def test_follows_the_equations(block, agree, channels, num_freq, reduction):
    ours = block("fca")(channels, reduction, num_freq)
    sizes = [(2, 7, 7), (2, 7, 5), (1, 9, 4), (3, 8, 8), (2, 14, 21), (1, 1, 1), (1, 3, 1)]
    agree(ours, formula(num_freq), *[(n, channels, *size) for n, *size in sizes], scale=0.3)


@pytest.mark.parametrize("size", [(7, 7), (14, 28), (6, 11), (3, 4)])
def test_the_parts_are_coefficients_of_the_transform(block, size):
    """An image of one frequency alone is seen by the part that has it, and by no other."""
    height, width = size
    ours = block("fca")(16, num_freq=16).double()
    seen = []
    ours.fc = nn.Sequential(nn.Identity())
    ours.fc.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    found = {(u * height // 7, v * width // 7) for u, v in BEST[:16]}
    for u, v in found:
        image = torch.DoubleTensor(basis(u, height))[:, None] * torch.DoubleTensor(basis(v, width))
        ours(image.expand(1, 16, height, width))
        expected = [float((a * height // 7, b * width // 7) == (u, v)) for a, b in BEST[:16]]
        torch.testing.assert_close(seen.pop()[0], torch.DoubleTensor(expected), atol=1e-12, rtol=0)


def test_one_frequency_is_the_average_of_se(block):
    """The lowest frequency is the mean, but for a factor: the paper's theorem 1."""
    ours = block("fca")(8, 2, num_freq=1).double()
    x = torch.randn(2, 8, 9, 4, dtype=torch.float64)
    gate = torch.sigmoid(ours.fc(x.mean((2, 3)) * math.sqrt(9 * 4)))
    torch.testing.assert_close(ours(x), x * gate[..., None, None])


def test_bad_arguments(block, raises):
    raises(block("fca"), "num_freq", 33, 64)
    raises(block("fca"), "num_freq", 0, 64)
    raises(block("fca"), "reduction", 0, 64)
