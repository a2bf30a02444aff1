"""The experiment that tells which axis of a feature holds its channels."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from stitchgen.observer.channel_axis import SEVERAL, ChannelAxes
from stitchgen.observer.inputs import Shapes


class Between(nn.Module):
    """A convolution, then what is tried, then an Identity that is asked about."""

    def __init__(self, change, first):
        super().__init__()
        self.first = first
        self.change = change
        self.seen = nn.Identity()

    def forward(self, x):
        return self.seen(self.change(self.first(x)))


def attention(x):
    """Of one head, without a projection at its end."""
    scores = (x @ x.transpose(1, 2)).softmax(-1)
    return scores @ x


def axis_of(change, first, shape=(2, 3, 8, 8), batch=0, seed=0):
    torch.manual_seed(seed)
    first = deepcopy(first)
    if hasattr(first, "reset_parameters"):
        first.reset_parameters()
    experiment = ChannelAxes(Between(change, first), Shapes([(list(shape), "float32")]))
    return experiment.channel_axis("seen", 0, "output", None, batch)


class Mixing(nn.Module):
    """An MLP over the tokens of N x L x C, with layers that are asked about."""

    def __init__(self):
        super().__init__()
        self.cut = nn.Conv1d(3, 16, 1)
        self.first = nn.Linear(9, 12)
        self.second = nn.Linear(12, 9)
        self.dropped = nn.Dropout(0.1)
        self.norm = nn.LayerNorm(16)

    def forward(self, x):
        x = self.cut(x).transpose(1, 2)
        y = self.second(self.first(x.transpose(1, 2)).relu())
        return self.norm(x + self.dropped(y.transpose(1, 2)))


@pytest.mark.parametrize(
    ("path", "axis"), [("first", 1), ("second", 1), ("dropped", 2), ("norm", 2)]
)
def test_a_layer_that_mixes_tokens_does_not_take_them_for_channels(path, axis):
    experiment = ChannelAxes(Mixing(), Shapes([([2, 3, 9], "float32")]))
    assert experiment.channel_axis(path, 0, "output", None, 0) == axis
    assert experiment.mixing == {"first", "second"}


def test_the_only_axis_with_several_indices_is_told_by_how_few_channels_each_comes_from():
    pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(16), nn.ReLU())
    assert axis_of(pooled, CONV) == 1
    assert axis_of(pooled, CONV, shape=(2, 3, 1, 1)) == 1
    assert axis_of(nn.Flatten(), CONV, shape=(2, 3, 1, 1)) == 1


@pytest.mark.parametrize("seed", range(40))
def test_channels_that_a_relu_sets_to_zero_do_not_hide_those_beside_them(seed):
    pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(16), nn.ReLU())
    assert axis_of(pooled, CONV, seed=seed) == 1


def test_the_only_axis_with_several_indices_may_be_one_of_positions():
    assert axis_of(MeanOfChannels(), CONV, shape=(2, 3, 9, 1)) is None


class MeanOfChannels(nn.Module):
    def forward(self, x):
        return x.relu().mean(1, keepdim=True)


class AskedOnce(torch.autograd.Function):
    """A derivative by hand, which gives free what it needs."""

    @staticmethod
    def forward(ctx, x):
        ctx.factor = 2
        return x * 2

    @staticmethod
    def backward(ctx, gradient):
        factor = ctx.factor
        del ctx.factor
        return gradient * factor


def test_a_derivative_that_can_be_asked_once_ends_in_no_error():
    assert axis_of(AskedOnce.apply, CONV) is None


class FirstAxisNorm(nn.LayerNorm):
    """The LayerNorm of N x C x H x W that many models have."""

    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def test_a_norm_with_a_forward_of_its_own_is_not_taken_by_its_type():
    assert axis_of(FirstAxisNorm(16), CONV) == 1


CONV = nn.Conv2d(3, 16, 1)
LINEAR = nn.Linear(6, 16)
CASES = {
    "tokens": (lambda x: x.flatten(2).transpose(1, 2), CONV, 2),
    "as many tokens as channels": (lambda x: x[:, :, :4, :4].flatten(2).transpose(1, 2), CONV, 2),
    "a map": (torch.relu, CONV, 1),
    "channels last": (lambda x: x.permute(0, 2, 3, 1), CONV, 3),
    "not transposed": (lambda x: x.flatten(2), CONV, 1),
    "a class token": (
        lambda x: torch.cat([torch.zeros(2, 1, 16), x.flatten(2).transpose(1, 2)], 1),
        CONV,
        2,
    ),
    "patches merged": (
        lambda x: nn.functional.pixel_unshuffle(x, 2).flatten(2).transpose(1, 2),
        CONV,
        2,
    ),
    "pooled": (lambda x: nn.functional.adaptive_avg_pool2d(x, 2), CONV, 1),
    "attention": (lambda x: attention(x.flatten(2).transpose(1, 2)), CONV, 2),
    "all of all": (lambda x: torch.fft.fft2(x.flatten(2)).real, CONV, None),
    "heads split": (lambda x: x.flatten(2).unflatten(1, (4, 4)).permute(0, 1, 3, 2), CONV, SEVERAL),
}


@pytest.mark.parametrize("name", CASES)
def test_the_axis_is_that_of_the_channels(name):
    change, first, axis = CASES[name]
    assert axis_of(change, first) == axis


def test_a_sequence_with_the_batch_second():
    assert axis_of(torch.relu, LINEAR, (7, 2, 6), batch=1) == 2


def test_nothing_is_said_without_a_layer_that_has_channels():
    assert axis_of(torch.relu, nn.Identity()) is None


class Gamma(nn.Module):
    """A norm of the tokens' channels whose parameters have names of their own."""

    def __init__(self, width):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))
        self.beta = nn.Parameter(torch.zeros(width))

    def forward(self, x):
        centred = x - x.mean(-1, keepdim=True)
        return self.gamma * centred / (centred.std(-1, keepdim=True) + 1e-6) + self.beta


class Spread(nn.Module):
    """The same with a weight that is spread over the tokens."""

    def __init__(self, width):
        super().__init__()
        self.g = nn.Parameter(torch.ones(1, 1, width))

    def forward(self, x):
        return nn.functional.normalize(x, dim=-1) * self.g


class Plain(nn.Module):
    """The same without parameters, so that only what reads it tells."""

    def forward(self, x):
        return (x - x.mean((1, 2), keepdim=True)) / (x.std((1, 2), keepdim=True) + 1e-6)


class Tokens(nn.Module):
    def __init__(self, norm, add):
        super().__init__()
        self.mix = nn.Linear(6, 16)
        self.norm = norm
        self.other = nn.Linear(6, 16)
        self.head = nn.Linear(16, 4)
        self.add = add

    def forward(self, x):
        y = self.norm(self.mix(x))
        return self.head(y.relu() + self.other(x) if self.add else y)


@pytest.mark.parametrize("add", [False, True])
@pytest.mark.parametrize("norm", [Gamma(16), Spread(16), Plain()])
def test_a_norm_of_the_project_is_known_by_its_parameters_or_by_what_reads_it(norm, add):
    torch.manual_seed(0)
    experiment = ChannelAxes(Tokens(norm, add), Shapes([([2, 9, 6], "float32")]))
    assert experiment.channel_axis("norm", 0, "output", None, 0) == 2
