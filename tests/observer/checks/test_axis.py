"""The check `axis`: a block is fed the channels along the axis that it takes for them.

In each wrong edit the two axes have one size, so that no shape tells them apart.
"""

import pytest
import torch
from torch import nn

from tests.support.proving import CHANNELS, Cases, assert_caught, assert_passes, proof

cases = Cases()


class Scale(nn.Module):
    """Scales each channel of N x C x L by what the others give."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(CHANNELS, CHANNELS)

    def forward(self, x):
        return x * torch.sigmoid(self.fc(x.mean(2))).unsqueeze(2)


class Tokens(nn.Module):
    """As many tokens as each has channels; the block takes N x C x L."""

    splice = {"target": "embed", "block": "embed_scale", "layout": "NCL"}

    def __init__(self, spliced):
        super().__init__()
        self.spliced = spliced
        self.embed = Embed()
        self.norm = nn.LayerNorm(CHANNELS)
        self.head = nn.Linear(CHANNELS, 5)
        if spliced:
            self.embed_scale = Scale()

    def forward(self, x):
        x = self.embed(x)
        if self.spliced:
            x = self.block(x)
        return self.head(self.norm(x).mean(1))

    def block(self, x):
        return self.embed_scale(x)

    @staticmethod
    def inputs(index):
        generator = torch.Generator().manual_seed(index)
        return (torch.randn(2, 3, CHANNELS, generator=generator),), {}


class Embed(nn.Module):
    """N x L x C of a convolution: its type says nothing of its axes."""

    def __init__(self):
        super().__init__()
        self.cut = nn.Conv1d(3, CHANNELS, 1)

    def forward(self, x):
        return self.cut(x).transpose(1, 2)


@cases.breaks("axis", "eval", "takes axis 1 for the channels, and is fed them along axis 2")
class ChannelsOfTokens(Tokens):
    """A block of N x C x L behind N x L x C."""


@cases.holds
class LastAxis(Tokens):
    """The same with a block of N x L x C."""

    splice = {**Tokens.splice, "layout": "NLC"}


@cases.breaks("axis", "eval", "takes axis 1 for the channels, and is fed them along axis 3")
class ChannelsOfRows(Tokens):
    """A map of channels last, as high as it has channels."""

    splice = {**Tokens.splice, "layout": "NCHW"}

    def __init__(self, spliced):
        super().__init__(spliced)
        self.embed = Windows()
        if spliced:
            self.embed_scale = nn.Conv2d(CHANNELS, CHANNELS, 1)

    def forward(self, x):
        x = self.embed(x)
        if self.spliced:
            x = self.block(x)
        return self.head(self.norm(x).mean((1, 2)))

    @staticmethod
    def inputs(index):
        generator = torch.Generator().manual_seed(index)
        return (torch.randn(2, 3, CHANNELS, CHANNELS, generator=generator),), {}


class Windows(nn.Module):
    """N x H x W x C of a convolution, shifted by half."""

    def __init__(self):
        super().__init__()
        self.cut = nn.Conv2d(3, CHANNELS, 1)

    def forward(self, x):
        return torch.roll(self.cut(x).permute(0, 2, 3, 1), (2, 2), (1, 2))


@cases.holds
class ThereAndBack(ChannelsOfRows):
    """The same fed through a permutation, as an adapter does it."""

    splice = {**ChannelsOfRows.splice, "adapter": True}

    def block(self, x):
        return self.embed_scale(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


@pytest.mark.parametrize("case, check, mode, saying", cases.broken)
def test_a_wrong_axis_is_caught(case, check, mode, saying):
    assert_caught(case, check, mode, saying)


@pytest.mark.parametrize("case", cases.right)
def test_the_right_axis_passes(case):
    assert_passes(case)


class Inputs(Tokens):
    """What the block is fed comes from no layer."""

    splice = {**Tokens.splice, "layout": "NLC"}

    def __init__(self, spliced):
        super().__init__(spliced)
        self.embed = nn.Identity()

    @staticmethod
    def inputs(index):
        return (torch.randn(2, CHANNELS, CHANNELS),), {}


def test_what_nothing_tells_is_said():
    proven = proof(Inputs)
    notes = proven["notes"]
    assert proven["unshown"] == ["axis"]
    assert any("which axis" in note and "axis 2" in note for note in notes), notes
