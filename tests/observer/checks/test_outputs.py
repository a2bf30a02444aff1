"""What models give: any form, and numbers that hide a block."""

from collections import OrderedDict, namedtuple
from dataclasses import dataclass

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.support.proving import CHANNELS, Cases, Net, assert_passes, proof

cases = Cases()


@cases.holds
class DictOutput(Net):
    """The output is a dict with scalars and None."""

    def forward(self, x):
        y = super().forward(x)
        return OrderedDict(out=y, aux=None, count=3, nested={"also": [y * 2]})


@dataclass
class Output:
    logits: object
    hidden: object = None


@cases.holds
class DataclassOutput(Net):
    """The output is a dataclass."""

    def forward(self, x):
        y = super().forward(x)
        return Output(y, (y, y + 1))


Pair = namedtuple("Pair", "first second")


@cases.holds
class LossInTrain(Net):
    """The output is a loss in train and a namedtuple in eval."""

    def forward(self, x):
        y = super().forward(x)
        if self.training:
            return {"loss": F.cross_entropy(y, torch.zeros(len(y), dtype=torch.long))}
        return Pair(y, y.softmax(1))


@cases.holds
class ObjectOutput(Net):
    """The output is an object that refers to itself, with an array and a list that comes twice."""

    class Result:
        pass

    def forward(self, x):
        result = self.Result()
        result.itself = result
        result.logits = super().forward(x)
        result.array = result.logits.detach().numpy()
        result.first = result.second = [result.logits, ()]
        return result


@cases.holds
class GeneratorOutput(Net):
    """The output is a generator."""

    def forward(self, x):
        y = super().forward(x)
        return (part for part in (y, y * 2))


@cases.holds
class IntegerOutput(Net):
    """The output holds integers only."""

    def forward(self, x):
        return super().forward(x).argmax(1)


@cases.holds
class SoftmaxOutput(Net):
    """Softmax outputs sum to one."""

    def forward(self, x):
        return super().forward(x).softmax(1)


@cases.holds
class SaturatedSoftmax(Net):
    """The model starts from a saturated softmax."""

    def forward(self, x):
        return (super().forward(x) * 1e6).softmax(1)


@cases.holds
class NotFinite(Net):
    """The model's own values are not finite."""

    def forward(self, x):
        y = super().forward(x)
        return {"masked": y.masked_fill(torch.eye(5)[:2].bool(), float("-inf")), "plain": y}


@cases.holds
class VeryDeep(Net):
    """Very deep and without norms."""

    def define(self):
        super().define()
        self.deep = nn.ModuleList([nn.Conv2d(CHANNELS, CHANNELS, 1) for _ in range(60)])

    def middle(self, x):
        x = super().middle(x)
        for layer in self.deep:
            x = x + 3 * layer(x)
        return x


@pytest.mark.parametrize("case", cases.right)
def test_a_right_splice_passes(case):
    assert_passes(case)


NOTES = [
    ("argmax", lambda y, training: y.argmax(1), "hold no floating-point numbers"),
    ("inf", lambda y, training: [y, y[0] / 0], "not finite"),
    ("saturated", lambda y, training: (y * 1e7).softmax(1), "do not show it"),
]


@pytest.mark.parametrize("change, saying", [note[1:] for note in NOTES], ids=[n[0] for n in NOTES])
def test_what_was_judged_otherwise_is_said(change, saying):
    class Said(Net):
        def forward(self, x):
            return change(super().forward(x), self.training)

    assert any(saying in note for note in proof(Said)["notes"])
