"""Layers that are called several times: the block goes with the calls that were meant."""

import pytest

from tests.support.proving import Cases, Gate, Net, assert_caught, assert_passes, splice

cases = Cases()


@cases.breaks("position", "eval", "once in eval, layer 3 times")
class BehindTheLoop(Net):
    """A layer called in a loop, the block after the loop."""

    def middle(self, x):
        for _ in range(3):
            x = self.layer(x)
        return self.layer_gate(x) if self.spliced else x


@cases.breaks("position", "eval", "not fed what layer gave")
class SwapsTwoCalls(Net):
    """Two calls are swapped."""

    def middle(self, x):
        a, b = self.layer(x), self.layer(-x)
        if self.spliced:
            b, a = self.layer_gate(b), self.layer_gate(a)
        return a - 2 * b


@cases.breaks("position", None, "no call number 2")
class NoSuchCall(Net):
    """The call that was named does not exist."""

    splice = {"calls": [2]}

    def middle(self, x):
        return self.layer(x)


@cases.breaks("position", "eval", "not fed what layer gave")
class WithAnotherCall(Net):
    """The block goes with another call than the one named."""

    splice = {"calls": [2]}

    def middle(self, x):
        a = self.layer(x)
        if self.spliced:
            a = self.layer_gate(a)
        return self.layer(a)


@cases.holds
class InTheLoop(Net):
    """A layer called in a loop, its block with it."""

    def middle(self, x):
        for _ in range(3):
            x = super().middle(x)
        return x


@cases.holds
class AllCallsThenAllBlocks(Net):
    """All calls of the layer first, then all of the block."""

    def middle(self, x):
        outputs = [self.layer(x), self.layer(x.flip(0)), self.layer(-x)]
        if self.spliced:
            outputs = [self.layer_gate(y) for y in outputs]
        return sum(outputs)


@cases.holds
class SecondCallOnly(Net):
    """Only the second call was asked for."""

    splice = {"calls": [2]}

    def middle(self, x):
        x = self.layer(self.layer(x))
        if self.spliced:
            x = self.layer_gate(x)
        return self.layer(x)


@cases.holds
class ABlockForEachCall(Net):
    """Two blocks, one for each call."""

    splices = [splice(calls=[1]), splice(calls=[2], block="layer_gate_2")]

    def define(self):
        super().define()
        if self.spliced:
            self.layer_gate_2 = Gate()

    def middle(self, x):
        x = super().middle(x)
        x = self.layer(x)
        return self.layer_gate_2(x) if self.spliced else x


@pytest.mark.parametrize(("case", "check", "mode", "saying"), cases.broken)
def test_a_wrong_splice_is_caught(case, check, mode, saying):
    assert_caught(case, check, mode, saying)


@pytest.mark.parametrize("case", cases.right)
def test_a_right_splice_passes(case):
    assert_passes(case)
