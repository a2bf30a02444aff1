"""The check `position`: the block is called as often as its layer, and fed what the layer gave."""

import pytest
from torch import nn
from torch.nn import functional as F

from tests.support.proving import (
    CHANNELS,
    Branches,
    Cases,
    Gate,
    Net,
    assert_caught,
    assert_passes,
    splice,
)

cases = Cases()


@cases.breaks("position", "train", "layer_gate was called 0 times in train, layer once")
class InEvalOnly(Net):
    """The block runs in eval only."""

    def middle(self, x):
        x = self.layer(x)
        return self.layer_gate(x) if self.spliced and not self.training else x


@cases.breaks("position", "eval", "layer_gate was called 0 times in eval, layer once")
class InTrainOnly(Net):
    """The block runs in train only."""

    def middle(self, x):
        x = self.layer(x)
        return self.layer_gate(x) if self.spliced and self.training else x


@cases.breaks("position", "eval", "2 times")
class FedTwice(Net):
    """The block is fed right, but twice."""

    def middle(self, x):
        x = self.layer(x)
        return (self.layer_gate(x) + self.layer_gate(x)) / 2 if self.spliced else x


@cases.breaks("position", "eval", "2 times")
class FedItsOwnOutput(Net):
    """The block runs on its own output once more."""

    def middle(self, x):
        x = super().middle(x)
        return self.layer_gate(x) if self.spliced else x


@cases.breaks("position", "eval", "not fed what layer gave")
class FedTheInputOfTheLayer(Net):
    """The block is fed the layer's input."""

    def middle(self, x):
        y = self.layer(x)
        return y + self.layer_gate(x) - x if self.spliced else y


@cases.breaks("position", "eval", "not fed what layer gave")
class FedAStaleTensor(Net):
    """The block is fed a stale tensor."""

    def middle(self, x):
        outputs = [self.layer(x), self.layer(x + 1)]
        if self.spliced:
            stale = outputs[0]
            outputs = [self.layer_gate(outputs[0]), self.layer_gate(stale) - stale + outputs[1]]
        return outputs[0] + outputs[1]


@cases.breaks("position", "eval", "not fed what layer gave")
class FedAfterAnInPlaceOperation(Net):
    """The block is fed what an in-place operation left of the output."""

    def middle(self, x):
        x = self.layer(x)
        x.relu_()
        return self.layer_gate(x) if self.spliced else x


@cases.breaks("position", "eval", "not fed what layer gave")
class BehindTheNorm(Net):
    """The block stands after the norm that follows the layer."""

    def tail(self, x):
        x = self.later(x)
        if self.spliced:
            x = self.layer_gate(x)
        return self.head(F.relu(x).mean((2, 3)))

    def middle(self, x):
        return self.layer(x)


@cases.breaks("position", "eval", "branches.a_gate is not fed what branches.a gave")
class OneMoreBranch(Branches):
    """A child added to a ModuleDict that is iterated runs as one more branch."""


@cases.breaks("position", "eval", "branches.a_gate was called 2 times")
class InItsPlaceAndOneMoreBranch(Branches):
    """A child added to a ModuleDict that is iterated runs there as well as where it should."""

    def middle(self, x):
        outputs = {}
        for name, branch in self.branches.items():
            outputs[name] = branch(x)
        a = outputs["a"]
        return outputs["b"] + (self.branches["a_gate"](a) if self.spliced else a)


@cases.breaks("position", None, "neither in eval nor in train")
class LayerNeverCalled(Net):
    """The layer is never called."""

    def middle(self, x):
        return x


@cases.breaks("position", "eval", "not fed what layer gave")
class FedTheWrongElement(Net):
    """The block is fed the wrong element of a tuple."""

    splice = {"element": 0}

    class Two(nn.Conv2d):
        def forward(self, x):
            y = super().forward(x)
            return y, y * 2

    def define(self):
        self.layer = self.Two(CHANNELS, CHANNELS, 1)
        super().define()

    def middle(self, x):
        a, b = self.layer(x)
        if self.spliced:
            b = self.layer_gate(b)
        return a + b


@cases.holds
class Plain(Net):
    """A plain splice."""


@cases.holds
class NestedInACall(Net):
    """Nested in a call."""

    def middle(self, x):
        return F.relu(self.layer_gate(self.layer(x)) if self.spliced else self.layer(x))


@cases.holds
class InPlaceBehindTheBlock(Net):
    """An in-place operation follows the layer and the block."""

    def middle(self, x):
        return F.relu_(super().middle(x))


@cases.holds
class ForwardByName(Net):
    """Forward is called by name."""

    def middle(self, x):
        x = self.layer.forward(x)
        return self.layer_gate.forward(x) if self.spliced else x


@cases.holds
class FirstOfATuple(Net):
    """The layer gives a tuple."""

    splice = {"element": 0}

    class Two(nn.Conv2d):
        def forward(self, x):
            y = super().forward(x)
            return y, [y * 2, {"more": y + 1}]

    def define(self):
        self.layer = self.Two(CHANNELS, CHANNELS, 1)
        super().define()

    def middle(self, x):
        a, b = self.layer(x)
        if self.spliced:
            a = self.layer_gate(a)
        return a + b[0] + b[1]["more"]


@cases.holds
class LayerInTrainOnly(Net):
    """An auxiliary head runs in train only."""

    def middle(self, x):
        return super().middle(x) if self.training else x


@cases.holds
class LayerInEvalOnly(Net):
    """The layer runs in eval only."""

    def middle(self, x):
        return x if self.training else super().middle(x)


@cases.holds
class ReadInTrainOnly(Net):
    """The layer runs in eval too, where nobody reads it."""

    def middle(self, x):
        y = super().middle(x)
        return x + y if self.training else x


@cases.holds
class WholePattern(Net):
    """A whole pattern at once, in a Sequential that is now a loop."""

    splices = [splice(target=f"features.{i}", block=f"features_{i}_gate") for i in (0, 2)]

    def define(self):
        self.features = nn.Sequential(
            nn.Conv2d(CHANNELS, CHANNELS, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(CHANNELS, CHANNELS, 1),
        )
        if self.spliced:
            self.features_0_gate = Gate()
            self.features_2_gate = Gate()

    def middle(self, x):
        if not self.spliced:
            return self.features(x)
        for layer in self.features:
            x = layer(x)
            if layer is self.features[0]:
                x = self.features_0_gate(x)
            if layer is self.features[2]:
                x = self.features_2_gate(x)
        return x


@cases.holds
class InAForwardHook(Net):
    """The block sits under its layer, called by a forward hook."""

    splice = {"block": "layer.gate"}

    def define(self):
        if self.spliced:
            self.layer.gate = Gate()
            self.layer.register_forward_hook(lambda module, args, out: module.gate(out))

    def middle(self, x):
        return self.layer(x)


@cases.holds
class InTheForwardOfTheLayer(Net):
    """The block is called in the layer's own forward."""

    class Layer(nn.Module):
        def __init__(self, spliced):
            super().__init__()
            self.conv = nn.Conv2d(CHANNELS, CHANNELS, 1)
            if spliced:
                self.gate = Gate()

        def forward(self, x):
            x = x + self.conv(x)
            return self.gate(x) if hasattr(self, "gate") else x

    splice = {"block": "layer.gate"}

    def define(self):
        self.layer = self.Layer(self.spliced)

    def middle(self, x):
        return self.layer(x)


@pytest.mark.parametrize(("case", "check", "mode", "saying"), cases.broken)
def test_a_wrong_splice_is_caught(case, check, mode, saying):
    assert_caught(case, check, mode, saying)


@pytest.mark.parametrize("case", cases.right)
def test_a_right_splice_passes(case):
    assert_passes(case)
