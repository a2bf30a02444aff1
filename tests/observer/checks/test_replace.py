"""Blocks in the place of a layer: the rest of the model is as it was, and the report says what went."""

from collections import OrderedDict

import pytest
from torch import nn
from torch.nn import functional as F

from tests.support.proving import (
    CHANNELS,
    Cases,
    DropBlock,
    Net,
    assert_caught,
    assert_passes,
    proof,
    splice,
)

cases = Cases()


class Replaced(Net):
    splice = {"placement": "replace", "block": "layer"}

    def define(self):
        if self.spliced:
            self.layer = self.block()

    def middle(self, x):
        return self.layer(x)


@cases.breaks("position", "train", "the new layer was called 2 times in train, layer once")
class RunsTwiceInTrain(Net):
    """The new module runs once more in train."""

    splice = {"placement": "replace", "block": "layer"}

    def define(self):
        if self.spliced:
            self.layer = nn.Conv2d(CHANNELS, CHANNELS, 1)

    def middle(self, x):
        if self.training and self.spliced:
            self.layer(x)
        return self.layer(x)


@cases.breaks("elsewhere", "eval", "With the old module put back")
class ChangesSomethingElse(Net):
    """The edit changed something else too."""

    splice = {"placement": "replace", "block": "layer"}

    def define(self):
        if self.spliced:
            self.layer = nn.Conv2d(CHANNELS, CHANNELS, 1)

    def middle(self, x):
        return self.layer(x)

    def tail(self, x):
        return super().tail(F.relu(x) if self.spliced else x)


@cases.holds
class ConvolutionOfOtherKeys(Replaced):
    """A convolution by another of other keys and shapes."""

    @staticmethod
    def block():
        return nn.Sequential(
            OrderedDict(
                weightless=nn.Conv2d(CHANNELS, 4, 1, bias=False), out=nn.Conv2d(4, CHANNELS, 1)
            )
        )


@cases.holds
class DropoutByDropBlock(Net):
    """A dropout by DropBlock."""

    splice = {"placement": "replace", "target": "drop", "block": "drop"}

    def define(self):
        self.drop = DropBlock() if self.spliced else nn.Dropout(0.5)

    def middle(self, x):
        return F.dropout(self.drop(self.layer(x)), 0.2, self.training)


@cases.holds
class UnderTwoNames(Net):
    """An activation that is registered under two names."""

    splice = {"placement": "replace", "target": "act", "block": "act"}

    def define(self):
        self.act = nn.SiLU() if self.spliced else nn.ReLU(inplace=True)
        self.stages = nn.ModuleList([self.layer, self.act])

    def middle(self, x):
        for stage in self.stages:
            x = stage(x)
        return x


@cases.holds
class EveryActivation(Net):
    """Every activation of the model at once."""

    names = ("act1", "act2", "act3")
    splices = [splice(placement="replace", target=name, block=name) for name in names]

    def define(self):
        for name in self.names:
            setattr(self, name, nn.SiLU() if self.spliced else nn.ReLU(inplace=True))

    def middle(self, x):
        return self.act3(self.layer(self.act2(self.act1(x) - 0.5)))


@pytest.mark.parametrize(("case", "check", "mode", "saying"), cases.broken)
def test_a_wrong_splice_is_caught(case, check, mode, saying):
    assert_caught(case, check, mode, saying)


@pytest.mark.parametrize("case", cases.right)
def test_a_right_splice_passes(case):
    assert_passes(case)


def test_a_replacement_reports_what_its_layer_lost_and_the_difference_in_cost():
    class Replacing(Replaced):
        @staticmethod
        def block():
            return nn.Sequential(OrderedDict(weight=nn.Conv2d(CHANNELS, CHANNELS, 1, bias=False)))

    report = proof(Replacing)
    assert report["keys"] == {
        "added": ["layer.weight.weight"],
        "lost": ["layer.weight", "layer.bias"],
        "reshaped": [],
    }
    assert report["params_added"] == 64 - (64 * 9 + 8)
    assert report["macs_added"] == 64 * 64 - 64 * 9 * 64


def test_a_replacement_of_the_same_keys_reports_their_new_shapes():
    class Replacing(Replaced):
        @staticmethod
        def block():
            return nn.Conv2d(CHANNELS, CHANNELS, 1)

    assert proof(Replacing)["keys"] == {"added": [], "lost": [], "reshaped": ["layer.weight"]}
