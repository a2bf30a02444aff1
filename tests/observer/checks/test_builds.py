"""The check `builds`: the edited model is made and runs, in eval and in train."""

import pytest
from torch import nn

from tests.support.proving import CHANNELS, Cases, Net, assert_caught

cases = Cases()


@cases.breaks("builds", "eval", "RuntimeError")
class WidensForTheNext(Net):
    """What follows does not take the block's output."""

    class block(nn.Module):
        def __init__(self):
            super().__init__()
            self.wider = nn.Conv2d(CHANNELS, 2 * CHANNELS, 1)

        def forward(self, x):
            return self.wider(x)


@cases.breaks("builds", "train", "only in train")
class FailsInTrain(Net):
    """The edited forward fails in train."""

    def middle(self, x):
        if self.spliced and self.training:
            raise ValueError("only in train")
        return super().middle(x)


@cases.breaks("builds", None, "has no module layer_gate")
class NeverDefined(Net):
    """The block was never defined."""

    def define(self):
        pass

    def middle(self, x):
        return self.layer(x)


@cases.breaks("builds", None, "layer_gate of the edited model is a Identity, no Gate")
class SlotLeftEmpty(Net):
    """What stands for a block where none is wanted stands where one is."""

    splice = {"made_of": "Gate"}
    block = nn.Identity


@pytest.mark.parametrize(("case", "check", "mode", "saying"), cases.broken)
def test_a_wrong_splice_is_caught(case, check, mode, saying):
    assert_caught(case, check, mode, saying)
