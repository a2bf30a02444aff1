"""Models that recompute in the backward pass: a block there runs once more, and counts once."""

import pytest
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from tests.support.proving import Cases, Gate, Net, assert_caught, assert_passes

cases = Cases()


@cases.breaks("position", "train", "0 times in train")
class CheckpointWithoutTheBlock(Net):
    """The checkpointed branch of training goes without the block."""

    def middle(self, x):
        if self.training:
            return checkpoint(self.layer, x, use_reentrant=False)
        return super().middle(x)


class Checkpointed(Net):
    def middle(self, x):
        if self.training:
            return checkpoint(super().middle, x, use_reentrant=self.reentrant)
        return super().middle(x)


@cases.holds
class NotReentrant(Checkpointed):
    """A checkpoint with use_reentrant=False runs the block again in backward."""

    reentrant = False


@cases.holds
class Reentrant(Checkpointed):
    """A checkpoint with use_reentrant=True hides the block from the graph."""

    reentrant = True


@cases.holds
class ReentrantWithDropout(Checkpointed):
    """A checkpoint around dropout in the block."""

    reentrant = True

    class block(Gate):
        def forward(self, x):
            return F.dropout(super().forward(x), 0.4, self.training)


@cases.holds
class LayerAlone(Checkpointed):
    """A checkpoint around the layer only."""

    reentrant = False

    def middle(self, x):
        x = checkpoint(self.layer, x, use_reentrant=False) if self.training else self.layer(x)
        return self.layer_gate(x) if self.spliced else x


@pytest.mark.parametrize(("case", "check", "mode", "saying"), cases.broken)
def test_a_wrong_splice_is_caught(case, check, mode, saying):
    assert_caught(case, check, mode, saying)


@pytest.mark.parametrize("case", cases.right)
def test_a_right_splice_passes(case):
    assert_passes(case)
