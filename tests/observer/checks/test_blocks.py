"""Blocks of every kind: what they compute and keep is their own affair."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.support.proving import CHANNELS, Cases, Gate, Net, assert_passes

cases = Cases()


@cases.holds
class StartsAsIdentity(Net):
    """A block that starts as identity."""

    class block(nn.Module):
        def __init__(self):
            super().__init__()
            self.gate = nn.Parameter(torch.zeros(1))
            self.inner = Gate()

        def forward(self, x):
            return x + self.gate * self.inner(x)


@cases.holds
class ClosedByAZeroConvolution(Net):
    """A zero-initialised convolution closes the block."""

    class block(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Conv2d(CHANNELS, CHANNELS, 1)
            self.b = nn.Conv2d(CHANNELS, CHANNELS, 1)
            nn.init.zeros_(self.b.weight)
            nn.init.zeros_(self.b.bias)

        def forward(self, x):
            return x + self.b(F.relu(self.a(x)))


@cases.holds
class ActivationWithoutParameters(Net):
    """An activation without parameters."""

    block = nn.SiLU


@cases.holds
class WorksInPlace(Net):
    """A block that works in place."""

    @staticmethod
    def block():
        return nn.ReLU(inplace=True)


@cases.holds
class BatchNormInside(Net):
    """BatchNorm inside the block moves in train."""

    class block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(CHANNELS, CHANNELS, 1, bias=False)
            self.norm = nn.BatchNorm2d(CHANNELS)

        def forward(self, x):
            return x + F.relu(self.norm(self.conv(x)))


@cases.holds
class TokensThroughAnAdapter(Net):
    """The block takes tokens, through an adapter."""

    splice = {"adapter": True}

    class block(nn.Module):
        def __init__(self):
            super().__init__()
            self.mix = nn.Linear(CHANNELS, CHANNELS)

        def forward(self, x):
            return x + self.mix(x)

    def middle(self, x):
        x = self.layer(x)
        if self.spliced:
            shape = x.shape
            x = self.layer_gate(x.flatten(2).transpose(1, 2)).transpose(1, 2).reshape(shape)
        return x


@pytest.mark.parametrize("case", cases.right)
def test_a_right_splice_passes(case):
    assert_passes(case)
