"""The check `elsewhere`: but for the block everything gives and leaves what it did before."""

import pytest
import torch

from tests.support.proving import Branches, Cases, Gate, Net, assert_caught

cases = Cases()


@cases.breaks("elsewhere", "eval", "differs")
class ChangesWhatFollows(Net):
    """The edit changed something after the block."""

    def tail(self, x):
        return super().tail(x * (1.001 if self.spliced else 1.0))


@cases.breaks("elsewhere", "train", "differs")
class ChangesWhatGoesBeforeInTrain(Net):
    """The edit changed something before the block, in train."""

    def forward(self, x):
        return super().forward(x + 1 if self.spliced and self.training else x)


@cases.breaks("elsewhere", "eval", "a list with 3 entries, not a list with 2 entries")
class OneMoreOutput(Branches):
    """A child added to a ModuleDict gives one more output."""

    def middle(self, x):
        a = self.branches["a"](x)
        if self.spliced:
            a = self.branches["a_gate"](a)
        return self.branches["b"](a)

    def forward(self, x):
        y = super().forward(x)
        return [y * index for index, _ in enumerate(self.branches)]


@cases.breaks("elsewhere", "eval", "overwrites norm.running_mean")
class OverwritesABuffer(Net):
    """The block overwrites a buffer elsewhere."""

    class block(Gate):
        def forward(self, x):
            self.other[0].running_mean.mul_(0.5)
            return super().forward(x)

    def define(self):
        super().define()
        if self.spliced:
            self.layer_gate.other = [self.norm]


@cases.breaks("elsewhere", "train", "later.weight")
class OverwritesAParameterInTrain(Net):
    """The block overwrites a parameter elsewhere, in train."""

    class block(Gate):
        def forward(self, x):
            if self.training:
                with torch.no_grad():
                    self.other[0].weight.add_(0.01)
            return super().forward(x)

    def forward(self, x):
        if self.spliced:
            self.layer_gate.other = [self.later]
        return super().forward(x)


@cases.breaks("elsewhere", "train", "norm.running_mean")
class StatisticsMoveTwice(Net):
    """Statistics move twice in train."""

    def forward(self, x):
        if self.spliced and self.training:
            self.norm(self.stem(x))
        return super().forward(x)


@cases.breaks("elsewhere", "eval", "is a dict with 1 entry, not a tuple with 1 entry")
class OutputsOfAnotherForm(Net):
    """The outputs come in another form."""

    def forward(self, x):
        y = super().forward(x)
        return {"out": y} if self.spliced else (y,)


@pytest.mark.parametrize(("case", "check", "mode", "saying"), cases.broken)
def test_a_wrong_splice_is_caught(case, check, mode, saying):
    assert_caught(case, check, mode, saying)
