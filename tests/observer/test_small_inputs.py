"""The input that a proof runs on."""

import pytest
import torch
from torch import nn

from stitchgen.observer.small_inputs import small_input


class Upscaler(nn.Module):
    """Maps as large as the image and larger, with an attention of channels by averages of 1 x 1."""

    def __init__(self, width, depth=2):
        super().__init__()
        self.first = nn.Conv2d(3, width, 3, padding=1)
        self.body = nn.Sequential(*[nn.Conv2d(width, width, 3, padding=1) for _ in range(depth)])
        self.squeeze = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(width, width, 1))
        self.last = nn.Conv2d(width, 12, 3, padding=1)

    def forward(self, x):
        x = self.body(self.first(x))
        x = x * self.squeeze(x).sigmoid()
        return nn.functional.pixel_shuffle(self.last(x), 2)


class Halving(Upscaler):
    """Halves its maps by a function, which no module shows."""

    def forward(self, x):
        x = nn.functional.interpolate(self.first(x), scale_factor=0.25)
        return self.last(self.body(x))


class OfSide(Upscaler):
    def forward(self, x):
        assert x.shape[-1] >= 32
        return super().forward(x)


@pytest.mark.parametrize(
    ("model", "side"),
    [
        (Upscaler(8), 64),  # it computes little
        (Upscaler(200, 4), 16),
        (OfSide(200, 4), 64),
        (Halving(200, 4), 64),  # its maps would have 4 x 4
        (nn.Sequential(Upscaler(200, 4), nn.MaxPool2d(2)), 64),
        (nn.Sequential(nn.Conv2d(3, 256, 3, stride=2, padding=1), nn.Conv2d(256, 256, 3)), 64),
    ],
)
def test_what_computes_much_on_large_maps_runs_on_tiny_images(model, side):
    torch.manual_seed(0)
    source = small_input(None, model, [])
    assert [sizes for sizes, _ in source.shapes] == [[2, 3, side, side]]
    assert not any(module._forward_hooks for module in model.modules())
