"""The check `consumed`, backwards: every parameter of the block gets a gradient."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.support.proving import CHANNELS, Cases, Gate, Net, assert_caught, assert_passes

cases = Cases()


@cases.breaks("consumed", "train", "The model itself runs layer without gradients")
class LayerWithoutGradients(Net):
    """The model runs the layer under no_grad, so the block would never train."""

    def forward(self, x):
        x = F.relu(self.norm(self.stem(x)))
        with torch.no_grad():
            x = self.middle(x)
        return self.tail(x)


@cases.breaks("consumed", "train", "No gradient reaches")
class DetachesTheOutput(Net):
    """The block's output is detached."""

    def middle(self, x):
        x = self.layer(x)
        return self.layer_gate(x).detach() if self.spliced else x


@cases.breaks("consumed", "train", "without gradients")
class BlockWithoutGradients(Net):
    """The block runs under no_grad."""

    def middle(self, x):
        x = self.layer(x)
        if self.spliced:
            with torch.no_grad():
                x = self.layer_gate(x)
        return x


@cases.breaks("consumed", "train", "no longer reaches layer.bias, layer.weight")
class DetachesTheInput(Net):
    """The block is fed a detached output."""

    def middle(self, x):
        x = self.layer(x)
        return self.layer_gate(x.detach()) if self.spliced else x


@cases.breaks("consumed", "train", "no longer reaches")
class DetachesABlockWithoutParameters(Net):
    """A block without parameters is detached."""

    block = nn.Tanh

    def middle(self, x):
        x = self.layer(x)
        return self.layer_gate(x).detach() if self.spliced else x


@cases.breaks("consumed", "train", "spare")
class SpareParameter(Net):
    """A parameter of the block takes no part."""

    class block(Gate):
        def __init__(self):
            super().__init__()
            self.spare = nn.Parameter(torch.ones(3))


@cases.breaks("consumed", "train", "zero or not finite")
class ZeroGradient(Net):
    """A parameter of the block has a gradient that is always zero."""

    class block(Gate):
        def __init__(self):
            super().__init__()
            self.spare = nn.Parameter(torch.ones(1))

        def forward(self, x):
            return super().forward(x) + 0 * self.spare


@cases.breaks("consumed", "train", "frozen")
class FrozenByTheModel(Net):
    """The model's own loop freezes the block."""

    def define(self):
        super().define()
        for parameter in self.parameters():
            parameter.requires_grad = False


@cases.breaks("consumed", "train", "backward pass fails")
class OverwrittenForTheBackward(Net):
    """An in-place operation overwrites what the block's backward needs."""

    class block(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))

        def forward(self, x):
            return torch.sigmoid(x * self.scale)

    def middle(self, x):
        x = super().middle(x)
        return x.mul_(2)


@cases.holds
class DeadReLU(Net):
    """A dead ReLU in the block stops the gradient for some inputs."""

    @staticmethod
    def block():
        block = Gate(hidden=1)
        nn.init.constant_(block.reduce.weight, -1.0)
        nn.init.constant_(block.reduce.bias, -0.2)
        return block


@cases.holds
class WholeModelWithoutGradients(Net):
    """The whole model is run without gradients."""

    @torch.no_grad()
    def forward(self, x):
        return super().forward(x)


@cases.holds
class FrozenUpstream(Net):
    """Upstream is frozen."""

    def define(self):
        for parameter in self.parameters():
            parameter.requires_grad = False
        super().define()


@cases.holds
class ExpertsThatAreNotChosen(Net):
    """Experts that the input does not choose get no gradient."""

    class block(nn.Module):
        def __init__(self):
            super().__init__()
            self.experts = nn.ModuleList([Gate(), Gate()])
            self.router = nn.Linear(CHANNELS, 2)

        def forward(self, x):
            scores = self.router(x.mean((0, 2, 3))).softmax(0)
            best = int(scores.argmax())
            return self.experts[best](x) * scores[best]


@pytest.mark.parametrize(("case", "check", "mode", "saying"), cases.broken)
def test_a_wrong_splice_is_caught(case, check, mode, saying):
    assert_caught(case, check, mode, saying)


@pytest.mark.parametrize("case", cases.right)
def test_a_right_splice_passes(case):
    assert_passes(case)
