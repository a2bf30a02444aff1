"""What models keep from one forward to the next: buffers, caches, hooks, normed weights."""

import pytest
import torch
from torch import nn

from tests.support.proving import CHANNELS, Cases, Net, assert_passes

cases = Cases()


@cases.holds
class TensorsOfNoStateDict(Net):
    """Buffers and tensor attributes that no state_dict has."""

    def define(self):
        super().define()
        self.register_buffer("offset", torch.randn(1, CHANNELS, 1, 1), persistent=False)
        self.table = torch.randn(1, CHANNELS, 1, 1)
        self.several = [torch.randn(1), {"a": torch.randn(1)}]
        self.hidden = [nn.Conv2d(CHANNELS, CHANNELS, 1)]

    def middle(self, x):
        x = super().middle(x + self.offset) * self.table
        return self.hidden[0](x) * self.several[0] + self.several[1]["a"]


@cases.holds
class CountsAndCaches(Net):
    """The model counts its steps and keeps a cache."""

    def define(self):
        super().define()
        self.steps = 0
        self.history = []
        self.cache = None

    def middle(self, x):
        self.steps += 1
        self.history.append(self.steps)
        if self.cache is None:
            self.cache = torch.linspace(0, 1, x.shape[-1])
        self.cache = self.cache + 0.1
        return super().middle(x) * self.cache + len(self.history)


@cases.holds
class LayerWithAHook(Net):
    """The layer has a hook of its own."""

    def define(self):
        super().define()
        self.layer.register_forward_hook(
            lambda module, args, out: setattr(self, "seen", out.detach())
        )


@cases.holds
class WeightNorm(Net):
    """Weight_norm recomputes the layer's weight."""

    def define(self):
        super().define()
        self.layer = nn.utils.weight_norm(self.layer)


@cases.holds
class SpectralNorm(Net):
    """Spectral_norm moves a vector of its own in train."""

    def define(self):
        super().define()
        self.layer = nn.utils.spectral_norm(self.layer)


@cases.holds
class LazyModules(Net):
    """Lazy modules take their shapes from the first forward."""

    def define(self):
        self.layer = nn.LazyConv2d(CHANNELS, 1)
        super().define()


@cases.holds
class HookAtTheFirstForward(Net):
    """Hooks that the model registers at its first forward, and marks as registered."""

    ran = True
    hooked = False

    def middle(self, x):
        if not self.hooked:
            self.layer.register_forward_hook(lambda module, args, y: self.kept.append(y))
            self.hooked = True
        self.kept = []
        x = super().middle(x)
        return x + sum(self.kept)


@cases.holds
class InputChangedInPlace(Net):
    """The inputs are changed in place."""

    def forward(self, x):
        return super().forward(x.mul_(2))


@pytest.mark.parametrize("case", cases.right)
def test_a_right_splice_passes(case):
    assert_passes(case)
