"""The check `keys`: every key of the old state_dict stays, and only blocks bring new ones."""

import pytest
import torch
from torch import nn

from tests.support.proving import CHANNELS, Cases, Gate, Net, assert_caught, assert_passes

cases = Cases()


@cases.breaks("keys", None, "layer.weight of the old state_dict is lost")
class WrapsTheLayer(Net):
    """The layer was wrapped in a Sequential."""

    def define(self):
        if self.spliced:
            super().define()
            self.stage = nn.Sequential(self.layer, self.layer_gate)
            del self.layer
            # The path is there still, as a name that no module is registered under.
            self._modules["layer"] = self.stage

    def middle(self, x):
        return self.stage(x) if self.spliced else self.layer(x)


@cases.breaks("keys", None, "had the shape")
class ReshapesAKey(Net):
    """An old key changes its shape."""

    def define(self):
        super().define()
        self.scale = nn.Parameter(torch.ones(1, 1, 1) if self.spliced else torch.ones(1))

    def middle(self, x):
        return super().middle(x) * self.scale


@cases.breaks("keys", None, "features.1.weight of the old state_dict is lost")
class ShiftsTheElementsBehind(Net):
    """An element inserted in a Sequential shifts the keys behind it."""

    splice = {"target": "features.0", "block": "features.1"}

    def define(self):
        self.features = nn.Sequential(nn.Conv2d(CHANNELS, CHANNELS, 1), nn.BatchNorm2d(CHANNELS))
        if self.spliced:
            self.features.insert(1, Gate())

    def middle(self, x):
        return self.features(self.layer(x))


@cases.breaks("keys", None, "belongs to a block")
class TakesAnOldKey(Net):
    """Old weights would load into the block that took an index."""

    splice = {"target": "features.0", "block": "features.1"}

    def define(self):
        self.features = nn.Sequential(*[nn.Conv2d(CHANNELS, CHANNELS, 1) for _ in range(2)])
        if self.spliced:
            self.features.insert(1, nn.Conv2d(CHANNELS, CHANNELS, 1))
            self.features[1].also = self.features[2]
            del self.features[2]

    def middle(self, x):
        if self.spliced:
            x = self.features[1].also(self.features[1](self.features[0](x)))
            return x
        return self.features(x)


@cases.breaks("keys", None, "does not belong to a block")
class BringsAStrayParameter(Net):
    """A parameter that is not the block's came along."""

    def define(self):
        super().define()
        if self.spliced:
            self.stray = nn.Parameter(torch.zeros(3))


@cases.breaks("keys", None, "tied weights")
class UntiesWeights(Net):
    """Tied weights come apart."""

    def define(self):
        super().define()
        self.twin = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.twin.weight = (
            nn.Parameter(self.layer.weight.detach()) if self.spliced else self.layer.weight
        )

    def middle(self, x):
        return self.twin(super().middle(x))


@cases.holds
class KeepsWeightsTied(Net):
    """Tied weights stay tied."""

    def define(self):
        super().define()
        self.twin = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.twin.weight = self.layer.weight

    def middle(self, x):
        return self.twin(super().middle(x))


@pytest.mark.parametrize(("case", "check", "mode", "saying"), cases.broken)
def test_a_wrong_splice_is_caught(case, check, mode, saying):
    assert_caught(case, check, mode, saying)


@pytest.mark.parametrize("case", cases.right)
def test_a_right_splice_passes(case):
    assert_passes(case)
