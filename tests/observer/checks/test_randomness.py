"""Random numbers: those of the model and of the block are told from those that an edit draws."""

import random

import pytest
import torch
from torch.nn import functional as F

from tests.support.proving import (
    Cases,
    DropBlock,
    Gate,
    Net,
    assert_caught,
    assert_passes,
)

cases = Cases()


@cases.breaks("elsewhere", "train", "differs")
class DrawsARandomNumber(Net):
    """The edit draws a random number, which shifts the next dropout."""

    def middle(self, x):
        x = super().middle(x)
        if self.spliced:
            torch.rand(1)
        return F.dropout(x, 0.5, self.training)


@cases.breaks("elsewhere", "eval", "not deterministic")
class NotDeterministic(Net):
    """A model that is not deterministic by itself cannot be proven."""

    source = random.SystemRandom()

    def tail(self, x):
        return super().tail(x) + self.source.random()


@cases.breaks("consumed", "eval", "it is not used")
class DiscardedAndRandom(Net):
    """A discarded block that draws random numbers does not look consumed."""

    def middle(self, x):
        x = self.layer(x)
        if self.spliced:
            F.dropout(self.layer_gate(x), 0.5)
        return F.dropout(x, 0.5, self.training)


@cases.holds
class DropoutEverywhere(Net):
    """Dropout before and after, in the block and around it."""

    class block(Gate):
        def forward(self, x):
            return F.dropout(super().forward(x), 0.3, self.training)

    def middle(self, x):
        x = super().middle(F.dropout(x, 0.5, self.training))
        return F.dropout(x, 0.5, self.training)


@cases.holds
class RandomInTrain(Net):
    """DropBlock, random and only active in train."""

    block = DropBlock


@cases.holds
class KeepsAllAtFirst(Net):
    """DropBlock whose schedule starts with keeping all."""

    @staticmethod
    def block():
        return DropBlock(1)


@cases.holds
class GeneratorOfItsOwn(Net):
    """A generator of the model's own."""

    def define(self):
        super().define()
        self.source = torch.Generator().manual_seed(3)

    def middle(self, x):
        return super().middle(x + torch.randn(x.shape, generator=self.source))


@cases.holds
class StochasticDepth(Net):
    """Stochastic depth multiplies the branch by zero for some seeds."""

    def middle(self, x):
        keep = 1.0 if not self.training else float(torch.rand(1) < 0.3)
        return x + super().middle(x) * keep


@cases.holds
class LayerDrop(Net):
    """Layer drop does not call the layer for some seeds."""

    def middle(self, x):
        if self.training and random.random() < 0.6:
            return x
        return x + super().middle(x)


@cases.holds
class InputsWithoutASeed(Net):
    """The inputs are drawn from the random module, with no seed."""

    @staticmethod
    def inputs(index):
        return (torch.tensor([random.random() for _ in range(384)]).view(2, 3, 8, 8),), {}


@pytest.mark.parametrize(("case", "check", "mode", "saying"), cases.broken)
def test_a_wrong_splice_is_caught(case, check, mode, saying):
    assert_caught(case, check, mode, saying)


@pytest.mark.parametrize("case", cases.right)
def test_a_right_splice_passes(case):
    assert_passes(case)
