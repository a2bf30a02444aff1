"""Two models of a proof that have their weights in one memory: what is computed with them once, and who writes to them."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from stitchgen.observer.checks.failed import CheckFailed
from stitchgen.observer.forwards.models import Original
from stitchgen.observer.proof import prove
from stitchgen.observer.tensors import convolutions
from stitchgen.observer.tensors.convolutions import Convolutions
from stitchgen.observer.tensors.state import separate, warm_up
from tests.support.proving import CHANNELS, Gate, Net, images, splice


@pytest.fixture(autouse=True)
def all_convolutions(monkeypatch):
    """However small they are."""
    monkeypatch.setattr(convolutions, "LEAST", 0)


@pytest.fixture
def computed(monkeypatch):
    """The weights of the convolutions that are really computed."""
    found, convolve = [], F.conv2d

    def noted(input, weight, *others):
        found.append(weight)
        return convolve(input, weight, *others)

    monkeypatch.setattr(F, "conv2d", noted)
    return found


def original_of(case):
    torch.manual_seed(7)
    model = case(False)
    warm_up(model, *images(0))
    return Original(model)


def proven(original, case):
    edited = case(True)
    prove(original.model, edited, [splice()], images, warm=True, known=original)
    return edited


def test_only_what_follows_the_block_is_computed_for_a_further_edit(computed):
    original = original_of(Net)
    proven(original, Net)
    computed.clear()
    edited = proven(original, Net)
    # The warm-up of the edited model; behind the block there is no convolution.
    assert [weight is edited.stem.weight for weight in computed] == [True, False]
    assert edited.stem.weight.data_ptr() == original.model.stem.weight.data_ptr()


class Wrong(Net):
    """Feeds the layer something else where it is edited."""

    def middle(self, x):
        if self.spliced:
            return self.layer_gate(self.layer(x * 1.001))
        return self.layer(x)


def test_a_wrong_edit_is_found_after_a_right_one():
    original = original_of(Net)
    proven(original, Net)
    with pytest.raises(CheckFailed):
        proven(original, Wrong)
    proven(original, Net)


class Clamped(Net):
    """Keeps its weights small, as a critic does: `.data` hides the write from autograd."""

    def forward(self, x):
        self.layer.weight.data.mul_(0.5)
        return super().forward(x)


class Decayed(Net):
    def forward(self, x):
        with torch.no_grad():
            self.layer.weight.mul_(0.5)
        return super().forward(x)


class ForgetsToClamp(Net):
    def forward(self, x):
        if not self.spliced:
            self.layer.weight.data.mul_(0.5)
        return super().forward(x)


class ClampsMore(Net):
    def forward(self, x):
        if self.spliced:
            self.stem.weight.data.mul_(0.5)
        return super().forward(x)


class WritesFromItsBlock(Net):
    class block(Gate):
        def forward(self, x):
            with torch.no_grad():
                self.others[0].weight.mul_(0.5)
            return super().forward(x)

    def define(self):
        super().define()
        if self.spliced:
            self.layer_gate.others = (self.norm,)


@pytest.mark.parametrize("case", [Clamped, Decayed])
def test_a_model_that_writes_to_its_weights_is_proven(case):
    original = original_of(case)
    proven(original, case)
    assert not original.shares
    proven(original, case)


@pytest.mark.parametrize("case", [ForgetsToClamp, ClampsMore, WritesFromItsBlock])
def test_an_edit_that_writes_otherwise_is_found(case):
    original = original_of(case)
    with pytest.raises(CheckFailed) as caught:
        proven(original, case)
    assert caught.value.check == "elsewhere"


def test_two_models_are_separate_again_before_one_is_fused():
    original = original_of(Net)
    edited = proven(original, Net)
    separate(original.model, edited)
    with torch.no_grad():
        original.model.stem.weight.zero_()
    assert edited.stem.weight.abs().sum() > 0


class Tied(Net):
    """One memory under two parameters."""

    def define(self):
        super().define()
        self.again = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.again.weight.data = self.layer.weight.data

    def middle(self, x):
        return super().middle(x) + self.again(x)


def test_what_lies_in_another_ones_memory_keeps_lying_there():
    original = original_of(Tied)
    edited = proven(original, Tied)
    assert edited.stem.weight.data_ptr() == original.model.stem.weight.data_ptr()
    assert edited.layer.weight.data_ptr() != original.model.layer.weight.data_ptr()
    assert edited.layer.weight.data_ptr() == edited.again.weight.data_ptr()


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1}, {"groups": 4, "dilation": 2}])
@pytest.mark.parametrize("dims", [1, 2, 3])
def test_what_is_known_has_the_values_and_gradients_of_what_is_computed(dims, options, bias):
    layer = getattr(nn, f"Conv{dims}d")(8, 8, 3, bias=bias, **options)
    x = torch.randn(2, 8, *[9] * dims, requires_grad=True)
    known = Convolutions()
    known.know(layer.parameters())
    found = []
    for _ in range(2):
        with known.reused(lasting=False):
            result = layer(x)
        loss = (result * torch.linspace(0, 1, result.numel()).view_as(result)).sum()
        found.append((result, torch.autograd.grad(loss, [x, *layer.parameters()])))
    (result, gradients), (again, others) = found
    assert type(again.grad_fn).__name__ == "GivenBackward"
    assert torch.equal(result, again)
    assert all(torch.equal(a, b) for a, b in zip(gradients, others))


def test_what_is_given_can_be_written_to():
    layer = nn.Conv2d(3, 4, 3)
    x = torch.randn(1, 3, 8, 8)
    known = Convolutions()
    known.know(layer.parameters())
    with known.reused(lasting=False), torch.no_grad():
        first = layer(x).clone()
        layer(x).zero_()
        assert torch.equal(layer(x), first)


def test_other_weights_are_computed_with(computed):
    layer = nn.Conv2d(3, 4, 3)
    x = torch.randn(1, 3, 8, 8)
    known = Convolutions()
    known.know(layer.parameters())
    with known.reused(lasting=True), torch.no_grad():
        layer(x)
        known.know([nn.Parameter(torch.ones(1))])
        layer(x)
        layer(x)
    assert len(computed) == 3
