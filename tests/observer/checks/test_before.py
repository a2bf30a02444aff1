"""Blocks before a layer: fed what the layer was fed, and the layer is fed what they give."""

import pytest
from torch import nn
from torch.nn import functional as F

from tests.support.proving import CHANNELS, Cases, Net, assert_caught, assert_passes, splice

cases = Cases()


@cases.breaks("position", "eval", "not fed what layer was fed")
class FedSomethingElse(Net):
    """The block is fed something else than the layer was."""

    splice = {"placement": "before"}

    def middle(self, x):
        return self.layer(self.layer_gate(x.clone().mul_(2)) / 2 if self.spliced else x)


@cases.breaks("position", "eval", "layer is not fed what layer_gate gave")
class LayerFedSomethingElse(Net):
    """The layer is not fed the block's output as it is."""

    splice = {"placement": "before"}

    def middle(self, x):
        if self.spliced:
            # As identity the block leaves x, so nothing else shows it.
            y = self.layer_gate(x)
            return self.layer(y if y is x else (x + y) / 2)
        return self.layer(x)


@cases.breaks("elsewhere", "eval", "stem")
class ChangesFurtherUp(Net):
    """The edit changed something further up."""

    splice = {"placement": "before"}

    def forward(self, x):
        return super().forward(x + 1 if self.spliced else x)

    def middle(self, x):
        return self.layer(self.layer_gate(x) if self.spliced else x)


@cases.holds
class BeforeTheLayer(Net):
    """Before a layer."""

    splice = {"placement": "before"}

    def middle(self, x):
        if self.spliced:
            x = self.layer_gate(x)
        return self.layer(x)


@cases.holds
class ByKeywordWithMore(Net):
    """Before a layer that takes its input by keyword and something else with it."""

    splice = {"placement": "before"}

    class Scaled(nn.Conv2d):
        def forward(self, *, scale, features):
            return super().forward(features) * scale

    def define(self):
        self.layer = self.Scaled(CHANNELS, CHANNELS, 1)
        super().define()

    def middle(self, x):
        return self.layer(scale=2, features=self.layer_gate(x) if self.spliced else x)


@cases.holds
class BeforeAndAfter(Net):
    """Before one layer and after another, in one run."""

    splices = [splice(), splice(placement="before", target="head", block="head_gate")]

    def define(self):
        super().define()
        if self.spliced:
            self.head_gate = nn.Sequential(nn.Linear(CHANNELS, CHANNELS), nn.Tanh())

    def tail(self, x):
        x = F.relu(self.later(x)).mean((2, 3))
        return self.head(self.head_gate(x) if self.spliced else x)


@pytest.mark.parametrize(("case", "check", "mode", "saying"), cases.broken)
def test_a_wrong_splice_is_caught(case, check, mode, saying):
    assert_caught(case, check, mode, saying)


@pytest.mark.parametrize("case", cases.right)
def test_a_right_splice_passes(case):
    assert_passes(case)
