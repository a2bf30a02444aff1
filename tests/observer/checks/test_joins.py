"""Blocks whose output is joined with the layer's, and blocks that read other layers as well."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.support.proving import CHANNELS, Cases, Net, assert_caught, assert_passes

cases = Cases()


def method(**changes):
    """A splice that joins the block's output with the layer's, as `joins.check` describes it."""
    given = {
        "fuse": None,
        "axis": 1,
        "linear": False,
        "position": 0,
        "features": False,
        "gated": False,
        "adapter": None,
        "parts": {},
        "sources": [],
        "projections": {},
        "resize": {},
    }
    return dict(given, **changes)


class Joined(Net):
    """stem, early (half the size), layer, head: what the cases join."""

    def __init__(self, spliced):
        super().__init__(spliced)
        self.early = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)

    def forward(self, x):
        x = F.relu(self.norm(self.stem(x)))
        early = self.early(x)
        x = F.avg_pool2d(x, 2)
        return self.tail(self.middle(x, early) + F.avg_pool2d(early, 2))


def gate_of(module):
    module.layer_gate_gate = nn.Parameter(torch.zeros(1))


@cases.holds
class Sum(Joined):
    """The sum of the layer's and the block's output."""

    splice = {"placement": "beside", "method": method(fuse="add")}

    def middle(self, x, early):
        return self.layer(x) + self.layer_gate(x) if self.spliced else self.layer(x)


@cases.breaks("elsewhere", "eval", "cannot be computed by hand")
class LayerWithAHook(Joined):
    """A layer with a hook of its own, around which nothing can be put from outside."""

    splice = {"placement": "beside", "method": method(fuse="add")}

    def define(self):
        super().define()
        self.layer.register_forward_hook(lambda layer, args, output: output * 1.0)

    def middle(self, x, early):
        return self.layer(x) + self.layer_gate(x) if self.spliced else self.layer(x)


@cases.breaks("position", "eval", "is not fed what layer was fed")
class BranchFedTheOutput(Joined):
    """The branch is fed the layer's output."""

    splice = {"placement": "beside", "method": method(fuse="add")}

    def middle(self, x, early):
        y = self.layer(x)
        return y + self.layer_gate(y) if self.spliced else y


@cases.breaks("elsewhere", "eval", "without effect")
class ProductForASum(Joined):
    """A product in the place of a sum."""

    splice = {"placement": "beside", "method": method(fuse="add")}

    def middle(self, x, early):
        return self.layer(x) * self.layer_gate(x) if self.spliced else self.layer(x)


@cases.holds
class Gated(Joined):
    """A residual branch with a gate."""

    splice = {
        "method": method(fuse="add", gated=True, parts={"gate": "layer_gate_gate"}),
    }

    def define(self):
        if self.spliced:
            super().define()
            gate_of(self)

    def middle(self, x, early):
        x = self.layer(x)
        return x + self.layer_gate_gate * self.layer_gate(x) if self.spliced else x


@cases.breaks("elsewhere", "eval", "its gate closed")
class GateOpenedByTheModel(Joined):
    """The model's own initialisation opens the gate."""

    splice = {
        "method": method(fuse="add", gated=True, parts={"gate": "layer_gate_gate"}),
    }

    def define(self):
        if self.spliced:
            super().define()
            gate_of(self)
            nn.init.constant_(self.layer_gate_gate, 0.3)

    def middle(self, x, early):
        x = self.layer(x)
        return x + self.layer_gate_gate * self.layer_gate(x) if self.spliced else x


@cases.breaks("elsewhere", "eval", "its gate closed, later gives something else")
class ClosedGateAndAChange(Joined):
    """The gate is closed, and a layer that follows is fed something else, if too little to see."""

    splice = {
        "method": method(fuse="add", gated=True, parts={"gate": "layer_gate_gate"}),
    }

    def define(self):
        if self.spliced:
            super().define()
            gate_of(self)

    def forward(self, x):
        early = self.early(F.relu(self.norm(self.stem(x))))
        y = self.layer(early)
        if self.spliced:
            y = y + self.layer_gate_gate * self.layer_gate(y)
        return 1e9 * y.sum() + self.tail(y * (1 + 1e-6) if self.spliced else y).sum()


class Concat(Joined):
    """R(cat(T(x), B(x)))"""

    splice = {
        "placement": "beside",
        "method": method(fuse="concat", parts={"reduce": "layer_gate_reduce"}),
    }

    def define(self):
        if self.spliced:
            super().define()
            self.layer_gate_reduce = nn.Conv2d(2 * CHANNELS, CHANNELS, 1)

    def middle(self, x, early):
        if not self.spliced:
            return self.layer(x)
        return self.layer_gate_reduce(torch.cat(self.both(x), 1))

    def both(self, x):
        return [self.layer(x), self.layer_gate(x)]


@cases.holds
class ConcatReduced(Concat):
    """The concatenation, reduced."""


@cases.breaks("elsewhere", "eval", "without effect")
class ConcatInAnotherOrder(Concat):
    """Concatenated in another order than the reduction is meant for."""

    def both(self, x):
        return [self.layer_gate(x), self.layer(x)]


class Both(nn.Module):
    """A block of two inputs."""

    def __init__(self):
        super().__init__()
        self.mix = nn.Conv2d(2 * CHANNELS, CHANNELS, 1)

    def forward(self, x, other):
        return x + self.mix(torch.cat([x, F.adaptive_avg_pool2d(other, x.shape[2:])], 1))


@cases.holds
class ReadsAnotherLayer(Joined):
    """The block reads another layer as well."""

    block = Both
    splice = {"method": method(sources=["early"])}

    def middle(self, x, early):
        x = self.layer(x)
        return self.layer_gate(x, early) if self.spliced else x


@cases.breaks("position", "eval", "is not fed what layer gave and what early gave")
class ReadsAChangedLayer(Joined):
    """What is read was changed in place in between."""

    block = Both
    splice = {"method": method(sources=["early"])}

    def middle(self, x, early):
        kept = early
        x = self.layer(x)
        early.mul_(0.5)
        return self.layer_gate(x, kept) if self.spliced else x


class Fused(Joined):
    """What early and layer give, at the layer's size"""

    splice = {
        "block": "",
        "method": method(
            fuse="concat",
            features=True,
            position=1,
            sources=["early"],
            resize={"early": "bilinear"},
            parts={"reduce": "layer_fuse"},
        ),
    }
    mode = {"mode": "bilinear", "align_corners": False}

    def define(self):
        if self.spliced:
            self.layer_fuse = nn.Conv2d(2 * CHANNELS, CHANNELS, 1)

    def middle(self, x, early):
        x = self.layer(x)
        if self.spliced:
            early = F.interpolate(early, size=x.shape[2:], **self.mode)
            x = self.layer_fuse(torch.cat([early, x], 1))
        return x


@cases.holds
class FusedScales(Fused):
    """The outputs of two scales."""


@cases.breaks("consumed", "eval", "by hand")
class ResizedOtherwise(Fused):
    """Resized in another way than was asked for."""

    mode = {"mode": "bilinear", "align_corners": True}


class TwoFeatures(nn.Module):
    """A block that gives as many features as it takes."""

    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(CHANNELS, 4, 1) for _ in range(2))

    def forward(self, *features):
        return tuple(conv(feature) for conv, feature in zip(self.convs, features))


class Pyramid(Joined):
    """Both features are bound anew behind the layer"""

    splice = {
        "method": method(
            sources=["early"],
            pyramid="layer",
            projections={"early": "layer_gate_early", "layer": "layer_gate_layer"},
            parts={"projections": ["layer_gate_early", "layer_gate_layer"]},
        )
    }
    everywhere = True

    def define(self):
        if self.spliced:
            self.layer_gate = TwoFeatures()
            self.layer_gate_early = nn.Conv2d(4, CHANNELS, 1)
            self.layer_gate_layer = nn.Conv2d(4, CHANNELS, 1)

    def forward(self, x):
        x = F.relu(self.norm(self.stem(x)))
        early = old = self.early(x)
        x = self.layer(F.avg_pool2d(x, 2))
        if self.spliced:
            early, x = self.layer_gate(early, x)
            early, x = self.layer_gate_early(early), self.layer_gate_layer(x)
        early = early if self.everywhere else 0.5 * early + 0.5 * old
        return self.tail(x + F.avg_pool2d(early, 2))


@cases.holds
class WholePyramid(Pyramid):
    """Whatever reads the features later reads the block's outputs."""


@cases.breaks("consumed", "eval", "by hand")
class PartOfAPyramid(Pyramid):
    """Something still reads a feature as it was."""

    everywhere = False


@cases.holds
class AxesInAnotherOrder(Joined):
    """An adapter: the block is fed the axes in another order, and gives them back."""

    splice = {"method": method(adapter=[0, 1, 3, 2])}

    def middle(self, x, early):
        x = self.layer(x)
        return self.layer_gate(x.permute(0, 1, 3, 2)).permute(0, 1, 3, 2) if self.spliced else x


@pytest.mark.parametrize(("case", "check", "mode", "saying"), cases.broken)
def test_a_wrong_splice_is_caught(case, check, mode, saying):
    assert_caught(case, check, mode, saying)


@pytest.mark.parametrize("case", cases.right)
def test_a_right_splice_passes(case):
    assert_passes(case)
