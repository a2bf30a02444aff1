"""What a run costs: multiply-accumulates, counted layer by layer."""

import pytest
import torch
from torch import nn

from stitchgen.observer.cost import Counter


@pytest.mark.parametrize(
    "module, shape, macs",
    [
        (nn.Conv2d(8, 16, 3, stride=2, padding=1, groups=4), (1, 8, 9, 9), 16 * 2 * 9 * 25),
        (nn.ConvTranspose2d(8, 4, 2, stride=2), (1, 8, 5, 5), 25 * 8 * 4 * 4),
        (nn.Conv1d(3, 5, 3), (1, 3, 10), 8 * 5 * 3 * 3),
        (nn.Conv3d(2, 3, 1), (1, 2, 4, 4, 4), 64 * 6),
        (nn.Linear(7, 9), (1, 6, 7), 6 * 63),
        (nn.MultiheadAttention(8, 2, batch_first=True), None, 4 * 5 * 64 + 2 * 2 * 25 * 4),
        (nn.BatchNorm2d(3), (1, 3, 4, 4), 0),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_multiply_accumulates_are_those_of_the_textbook(module, shape, macs):
    with Counter() as counter:
        if shape is None:
            x = torch.randn(1, 5, 8)
            module(x, x, x, need_weights=False)
        else:
            module(torch.randn(shape))
    assert counter.macs == macs
