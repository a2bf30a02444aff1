"""Which axis is that of the channels, read from what autograd recorded."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from stitchgen.observer.aligned_axes import aligned_axis

if not hasattr(torch.ones(1, requires_grad=True).exp().grad_fn, "_input_metadata"):
    pytest.skip("this torch keeps no shapes of what it recorded", allow_module_level=True)


def tokens():
    """N x L x C of a convolution's map, and the map."""
    made = nn.Conv2d(3, 24, 1)(torch.randn(2, 3, 6, 10))
    return made.flatten(2).transpose(1, 2), made


def windows(x):
    """Cut N x (6 x 10) x C into windows of 3 x 5, shifted, and put together again."""
    n, _, c = x.shape
    x = torch.roll(x.reshape(n, 6, 10, c), (1, 2), (1, 2))
    x = x.view(n, 2, 3, 2, 5, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, 15, c)
    x = functional.gelu(x) + x
    return x.view(n, 2, 2, 3, 5, c).permute(0, 1, 3, 2, 4, 5).reshape(n, 60, c)


def heads(x, *, fused):
    n, length, c = x.shape
    qkv = functional.linear(
        x, nn.Parameter(torch.randn(3 * c, c)), nn.Parameter(torch.zeros(3 * c))
    )
    q, k, v = qkv.reshape(n, length, 3, 4, c // 4).permute(2, 0, 3, 1, 4).unbind(0)
    if fused:
        out = functional.scaled_dot_product_attention(q, k, v)
    else:
        out = (q @ k.transpose(-2, -1)).softmax(-1) @ v
    out = out.transpose(1, 2).reshape(n, length, c)
    return functional.linear(out, nn.Parameter(torch.randn(c, c)))


@pytest.mark.parametrize(
    ("change", "axis"),
    [
        (lambda x: x, 2),
        (windows, 2),
        (lambda x: heads(x, fused=True), 2),
        (lambda x: heads(x, fused=False), 2),
        (lambda x: x + heads(windows(x), fused=False), 2),
        (lambda x: torch.cat([torch.zeros(2, 1, 24), x], 1)[:, 1:], 2),
        (lambda x: functional.layer_norm(x, (24,)).transpose(0, 1), 2),
        (lambda x: x.transpose(1, 2).reshape(2, 24, 6, 10), 1),
        (lambda x: x.unflatten(1, (6, 10)).movedim(-1, 0), 0),
        (lambda x: x.unsqueeze(1).squeeze(1).mT, 1),
        (lambda x: x[:, 0], 1),
        (lambda x: functional.pad(x, (0, 0, 1, 1)).chunk(2, 1)[1], 2),
        (lambda x: x * torch.sigmoid(x), 2),
        (lambda x: x.reshape(2, -1), 1),  # positions and channels in one: still the only axis
        # Of these nothing is said.
        (lambda x: x.reshape(2, 24, 60), None),  # torn apart
        (lambda x: x.unflatten(2, (4, 6)), None),  # as heads: two axes of channels
        (lambda x: x + x.reshape(2, 24, 60).transpose(1, 2), 2),  # the other operand says nothing
        (lambda x: torch.fft.fft(x).real, None),
        (lambda x: x.detach() + 0.0, None),
    ],
)
def test_the_axis_is_followed(change, axis):
    torch.manual_seed(0)
    x, made = tokens()
    assert aligned_axis(change(x), [(made, 1)]) == axis


def test_two_layers_that_disagree_say_nothing():
    x, made = tokens()
    other = nn.Linear(24, 24)(x)
    assert aligned_axis(x + other, [(made, 1), (other, 2)]) == 2
    assert aligned_axis(x + other, [(made, 1), (other, 1)]) is None


def test_of_two_results_of_one_operation_the_right_one_is_taken():
    x, _ = tokens()
    first, second = x.chunk(2, 2)
    assert aligned_axis(second * 2, [(first, 1), (second, 2)]) == 2


def permuted(x, data):
    return x.permute(data.draw(st.permutations(range(x.dim()))))


def split(x, data):
    axis = data.draw(st.integers(0, x.dim() - 1))
    size = x.shape[axis]
    inner = data.draw(st.sampled_from([n for n in range(1, size + 1) if size % n == 0]))
    return x.unflatten(axis, (size // inner, inner))


def merged(x, data):
    axis = data.draw(st.integers(0, max(0, x.dim() - 2)))
    return x.flatten(axis, min(axis + 1, x.dim() - 1)).clone()


def rolled(x, data):
    return torch.roll(x, 1, data.draw(st.integers(0, x.dim() - 1)))


@given(st.data())
def test_what_is_said_is_what_the_gradient_shows(data):
    """However axes are permuted, split and merged: along the axis that is named the index alone tells the channels,
    and along no other axis of several indices."""
    channels = 6
    made = nn.Conv2d(1, channels, 1)(torch.randn(2, 1, 4, 3))
    value = made
    for _ in range(data.draw(st.integers(0, 6))):
        value = data.draw(st.sampled_from([permuted, split, merged, rolled]))(value, data)
    axis = aligned_axis(value, [(made, 1)])
    if axis is None:
        return
    for other in range(value.dim()):
        of_index = []
        for index in range(value.shape[other]):
            along = value.select(other, index).sum()
            (gradient,) = torch.autograd.grad(along, made, retain_graph=True)
            of_index.append({int(c) for c in gradient.abs().sum((0, 2, 3)).nonzero()})
        if other != axis:
            assert all(seen == set(range(channels)) for seen in of_index)
