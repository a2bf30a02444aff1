"""The check `consumed`: whatever reads the layer gets what the block gave."""

import pytest
from torch import nn
from torch.nn import functional as F

from tests.support.proving import CHANNELS, Cases, Net, assert_caught, assert_passes, splice

cases = Cases()


@cases.breaks("consumed", "eval", "changes nothing: it is not used")
class Discarded(Net):
    """The block's output is discarded."""

    def middle(self, x):
        x = self.layer(x)
        if self.spliced:
            self.layer_gate(x)
        return x


@cases.breaks("consumed", "train", "not used")
class DiscardedInTrain(Net):
    """The block's output is discarded in train."""

    def middle(self, x):
        x = self.layer(x)
        if self.spliced:
            y = self.layer_gate(x)
            x = x if self.training else y
        return x


@cases.breaks("consumed", "eval", "Not all that reads layer")
class OneReaderWithout(Net):
    """One reader of the layer goes without the block."""

    def middle(self, x):
        y = self.layer(x)
        return y + (self.layer_gate(y) if self.spliced else y)


@cases.breaks("consumed", "eval", "changes nothing")
class IntoNobody(Net):
    """Only one reader was to get the block's output, and none does."""

    splice = {"into": "later"}

    def middle(self, x):
        y = self.layer(x)
        if self.spliced:
            self.layer_gate(y)
        return y


@cases.breaks("consumed", "eval", "by hand")
class IntoAnotherToo(Net):
    """Only one reader was to get the block's output, and another one gets it as well."""

    splice = {"into": "later"}

    def middle(self, x):
        y = self.layer(x)
        if self.spliced:
            y = self.layer_gate(y)
        self.kept = y
        return y

    def tail(self, x):
        return self.head(F.relu(self.later(x) + self.kept).mean((2, 3)))


@cases.breaks("consumed", "eval", "Not all that reads")
class OneOfTwoDiscarded(Net):
    """One of two blocks is discarded."""

    splices = [splice(), splice(target="head", block="head_gate")]

    def define(self):
        super().define()
        if self.spliced:
            self.head_gate = nn.Linear(5, 5)

    def tail(self, x):
        x = super().tail(x)
        if self.spliced:
            self.head_gate(x)
        return x


@cases.breaks("consumed", "train", "Nothing in the model reads")
class NobodyReadsTheLayer(Net):
    """Nobody reads the layer."""

    def middle(self, x):
        super().middle(x)
        return x


@cases.breaks("consumed", "eval", "does not reach")
class DiscardedBehindIntegers(Net):
    """A discarded block in a model that gives integers, which hide it."""

    def middle(self, x):
        x = self.layer(x)
        if self.spliced:
            self.layer_gate(x)
        return x

    def forward(self, x):
        return (super().forward(x) > 1e9).long()


@cases.holds
class HiddenByAZeroNorm(Net):
    """A zero-initialised norm hides the branch of the layer."""

    def define(self):
        super().define()
        self.hiding = nn.BatchNorm2d(CHANNELS)
        nn.init.zeros_(self.hiding.weight)

    def middle(self, x):
        return x + self.hiding(super().middle(x))


@cases.holds
class IntoOne(Net):
    """Only one reader of the layer was to get the block's output."""

    splice = {"into": "later"}

    def middle(self, x):
        self.kept = y = self.layer(x)
        return self.layer_gate(y) if self.spliced else y

    def tail(self, x):
        return self.head(F.relu(self.later(x) + self.kept).mean((2, 3)))


@pytest.mark.parametrize(("case", "check", "mode", "saying"), cases.broken)
def test_a_wrong_splice_is_caught(case, check, mode, saying):
    assert_caught(case, check, mode, saying)


@pytest.mark.parametrize("case", cases.right)
def test_a_right_splice_passes(case):
    assert_passes(case)
