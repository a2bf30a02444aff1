"""Small models with a splice, and their proof: what the tests of the observer's checks share.

A case is a model class: built with `spliced=True` it is the edited model, else the original. A file
of cases registers them with `Cases`, each with the check that it breaks, or as right.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from stitchgen.observer.checks.failed import CheckFailed
from stitchgen.observer.forwards.models import Original
from stitchgen.observer.proof import prove
from stitchgen.observer.tensors import convolutions
from stitchgen.observer.tensors.state import warm_up

CHANNELS = 8


class Gate(nn.Module):
    """Squeeze and excitation: a block as they come."""

    def __init__(self, channels=CHANNELS, hidden=4):
        super().__init__()
        self.reduce = nn.Linear(channels, hidden)
        self.expand = nn.Linear(hidden, channels)

    def forward(self, x):
        scale = torch.sigmoid(self.expand(F.relu(self.reduce(x.mean((2, 3))))))
        return x * scale[:, :, None, None]


class DropBlock(nn.Module):
    """A block that is random in train, and nothing in eval."""

    def __init__(self, keep=0.8):
        super().__init__()
        self.keep = keep

    def forward(self, x):
        if not self.training or self.keep == 1:
            return x
        mask = (torch.rand_like(x[:, :1]) < (1 - self.keep) / 9).to(x)
        mask = 1 - F.max_pool2d(mask, 3, 1, 1)
        return x * mask * mask.numel() / mask.sum().clamp(min=1)


class Net(nn.Module):
    """Stem, layer, head; a case overrides what it is about.

    A case may also have `block` (its class), `splice` (changes of the one splice) or `splices`, and
    `inputs`.
    """

    block = Gate

    def __init__(self, spliced):
        super().__init__()
        self.spliced = spliced
        self.stem = nn.Conv2d(3, CHANNELS, 3, padding=1)
        self.norm = nn.BatchNorm2d(CHANNELS)
        self.layer = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.define()
        self.later = nn.BatchNorm2d(CHANNELS)
        self.head = nn.Linear(CHANNELS, 5)

    def define(self):
        """What stands in the constructor: the block, or also another layer."""
        if self.spliced:
            self.layer_gate = self.block()

    def forward(self, x):
        x = F.relu(self.norm(self.stem(x)))
        x = self.middle(x)
        return self.tail(x)

    def middle(self, x):
        """The call of the layer, and of the block."""
        x = self.layer(x)
        if self.spliced:
            x = self.layer_gate(x)
        return x

    def tail(self, x):
        return self.head(F.relu(self.later(x)).mean((2, 3)))


class Branches(Net):
    """Runs the children of a ModuleDict in turn."""

    splice = {"target": "branches.a", "block": "branches.a_gate"}

    def define(self):
        self.branches = nn.ModuleDict(
            OrderedDict((name, nn.Conv2d(CHANNELS, CHANNELS, 1)) for name in "ab")
        )
        if self.spliced:
            self.branches["a_gate"] = Gate()

    def middle(self, x):
        for branch in self.branches.values():
            x = branch(x)
        return x


def images(index):
    """The input with this number, as `prove` asks for it."""
    generator = torch.Generator().manual_seed(1000 + index)
    return (torch.randn(2, 3, 8, 8, generator=generator),), {}


def splice(**changes):
    """A splice of `layer_gate` after `layer`, as the observer is told of it, but for the changes."""
    given = {"placement": "after", "target": "layer", "block": "layer_gate"}
    return dict({"calls": None, "element": None}, **dict(given, **changes))


def proof(case, seed=0, *, known=False):
    """Prove a case: the two models are built as the observer builds them, from one seed.

    `known`: as the observer proves further edits of an original, with weights in one memory.
    """
    models = []
    for spliced in (False, True):
        torch.manual_seed(7)
        random.seed(7)
        models.append(case(spliced))
    inputs = getattr(case, "inputs", images)
    if getattr(case, "ran", False):  # as it is where its input was looked for
        models[0].eval()(*images(0)[0])
    splices = getattr(case, "splices", None) or [splice(**getattr(case, "splice", {}))]
    original = None
    if known:
        args, kwargs = inputs(0)
        warm_up(models[0], args, kwargs)
        original = Original(models[0])
    return prove(models[0], models[1], splices, inputs, seed, warm=known, known=original)


class Cases:
    """The cases of one file, for `parametrize`; each is called by the name of its class."""

    def __init__(self) -> None:
        self.broken: list[Any] = []
        self.right: list[Any] = []

    def breaks(self, check: str, mode: str | None, saying: str) -> Callable[[type], type]:
        """The case breaks this check, seen in this mode (None: without a run), saying so."""

        def register(case: type) -> type:
            self.broken.append(pytest.param(case, check, mode, saying, id=case.__name__))
            return case

        return register

    def holds(self, case: type) -> type:
        """The case is a right splice."""
        self.right.append(pytest.param(case, id=case.__name__))
        return case


def assert_caught(case: type, check: str, mode: str | None, saying: str) -> None:
    """The proof finds the check broken that the case says, in its mode, and says so."""
    for known in (False, True):
        with pytest.raises(CheckFailed) as caught, pytest.MonkeyPatch.context() as patch:
            patch.setattr(convolutions, "LEAST", 0)
            proof(case, known=known)
        broken = caught.value
        assert (broken.check, broken.mode) == (check, mode), broken.message
        assert saying in broken.message


def assert_passes(case: type) -> None:
    """With two seeds, since a proof that depends on luck is none."""
    for seed in range(2):
        proved = proof(case, seed)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(convolutions, "LEAST", 0)
            again = proof(case, seed, known=True)
        assert again["macs_added"] == proved["macs_added"]
        assert again["notes"] == proved["notes"]
