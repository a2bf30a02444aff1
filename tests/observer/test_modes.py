"""What a class calls `train`, `eval` or `model` may be something else than nn.Module's."""

import pytest
import torch
from torch import nn

from stitchgen.observer.modes import Held, as_module, set_mode


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)

    def forward(self, x):
        return self.norm(self.conv(x))


class Frozen(Net):
    """As those of detection libraries: it gives nothing back."""

    def train(self, mode=True):
        super().train(mode)
        self.norm.eval()


class Quick(Net):
    def eval(self):
        self.quick = True
        return super().eval()


class Trains(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = Net()

    def train(self, data, epochs=3):
        raise AssertionError("a training was started")

    def forward(self, source):
        raise AssertionError("a prediction was made")


class Distils(Trains):
    """It has a layer of its own, so it is run itself."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return self.model(self.stem(x))


class Evaluates(Net):
    def eval(self, loader=()):
        raise AssertionError("an evaluation was started")


class Flagged(Net):
    def __init__(self):
        super().__init__()
        self.train = True


class Estimator:
    """No module."""

    def __init__(self):
        self.model = Net()

    def __call__(self, x):
        raise AssertionError("a prediction was made")


def modes(module):
    return [one.training for one in module.modules()]


@pytest.mark.parametrize("kind", [Net, Quick, Distils, Evaluates, Flagged])
def test_a_mode_is_set_and_nothing_else_is_called(kind):
    for around in (kind(), nn.Sequential(kind())):
        set_mode(around, training=False)
        assert not any(modes(around))
        set_mode(around, training=True)
        assert all(modes(around))


def test_methods_that_set_the_mode_do_so():
    frozen, quick = Frozen(), Quick()
    set_mode(frozen, training=True)
    set_mode(quick, training=False)
    assert modes(frozen) == [True, True, False] and quick.quick


@pytest.mark.parametrize("kind", [Estimator, Trains])
def test_the_model_of_what_is_not_to_be_run_is(kind):
    model = as_module(kind())
    assert isinstance(model, Held)
    assert "model.conv" in dict(model.named_modules())
    assert model(torch.rand(2, 3, 4, 4)).shape == (2, 4, 4, 4)


@pytest.mark.parametrize("value", [Net(), Distils(), nn.Sequential(Net()), object(), 3])
def test_others_stay_as_they_are(value):
    assert as_module(value) is value
