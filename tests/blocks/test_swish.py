"""Swish against nn.SiLU and its formula."""

import pytest
import torch
from torch import nn


def test_equals_silu(block, agree):
    agree(block("swish")(), nn.SiLU(), (2, 3, 5, 7), (4,), (1, 9, 6))


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.5])
@pytest.mark.parametrize("trainable", [False, True])
def test_follows_the_formula(block, agree, beta, trainable):
    def formula(swish, x):
        return x / (1 + torch.exp(-swish.beta * x))

    agree(block("swish")(beta, trainable), formula, (2, 3, 5, 7), (4,))


def test_beta_is_a_parameter_only_where_trained(block):
    assert not block("swish")(2.0).state_dict()
    swish = block("swish")(2.0, trainable=True)
    assert swish.beta.item() == 2.0
    x = torch.randn(9, dtype=torch.float64, requires_grad=True)
    swish.double()(x).sum().backward()
    sigmoid = torch.sigmoid(2 * x)
    expected = (x**2 * sigmoid * (1 - sigmoid)).sum()
    torch.testing.assert_close(swish.beta.grad, expected)
