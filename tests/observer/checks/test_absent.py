"""Configurations that lack the layer: nothing may change for them."""

import pytest

from tests.support.proving import Cases, Net, assert_caught, assert_passes

cases = Cases()


@cases.breaks("keys", None, "lacks layer")
class AbsentGetsParameters(Net):
    """A configuration without the layer gets dead parameters."""

    splice = {"absent": True}

    def middle(self, x):
        return x


@cases.breaks("elsewhere", "eval", "Without the layer nothing should change")
class AbsentBehavesOtherwise(Net):
    """A configuration without the layer behaves otherwise."""

    splice = {"absent": True}

    def define(self):
        pass

    def middle(self, x):
        return x * 2 if self.spliced else x


@cases.holds
class AbsentStaysAsItIs(Net):
    """Another configuration lacks the layer and stays as it is."""

    splice = {"absent": True}

    def define(self):
        pass

    def middle(self, x):
        return x


@pytest.mark.parametrize(("case", "check", "mode", "saying"), cases.broken)
def test_a_wrong_splice_is_caught(case, check, mode, saying):
    assert_caught(case, check, mode, saying)


@pytest.mark.parametrize("case", cases.right)
def test_a_right_splice_passes(case):
    assert_passes(case)
