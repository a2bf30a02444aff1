"""EvoNorm-B0 against timm's EvoNorm2dB0."""

import pytest
import torch
from timm.layers import EvoNorm2dB0


@pytest.fixture
def in_float64(monkeypatch):
    """timm takes the variances in float32: here in what arrives."""
    monkeypatch.setattr(torch.Tensor, "float", lambda tensor: tensor)


@pytest.mark.parametrize("eps, momentum", [(1e-3, 0.1), (0.1, 0.25)])
def test_equals_timm(block, agree, in_float64, eps, momentum):
    shapes = (2, 6, 7, 5), (1, 6, 8, 8), (3, 6, 1, 3), (2, 6, 1, 1), (2, 6, 20, 31)
    ours = block("evo-norm-b0")(6, eps, momentum)
    agree(ours, EvoNorm2dB0(6, eps=eps, momentum=momentum), *shapes)


def test_running_variance_equals_timm(block, in_float64):
    ours, theirs = block("evo-norm-b0")(6).double(), EvoNorm2dB0(6).double()
    for _ in range(3):
        x = torch.randn(3, 6, 5, 4, dtype=torch.float64) * 2 + 1
        ours(x), theirs(x)
    torch.testing.assert_close(ours.running_var, theirs.running_var, rtol=1e-12, atol=0)
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x), rtol=1e-12, atol=1e-14)


def formula(norm, x):
    """The paper's table 2: x / max(s_bwh, v1 x + s_wh) gamma + beta, over any axes."""
    axes = tuple(range(2, x.ndim))
    shape = 1, -1, *[1] * len(axes)
    batch = x.var((0, *axes), unbiased=False) if norm.training else norm.running_var
    batch = (batch + norm.eps).sqrt().view(shape)
    instance = (x.var(axes, unbiased=False, keepdim=True) + norm.eps).sqrt()
    y = x / torch.max(batch, norm.v.view(shape) * x + instance)
    return y * norm.gamma.view(shape) + norm.beta.view(shape)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_follows_the_formula(block, agree, dims):
    ours = block("evo-norm-b0", dims)(5)
    agree(ours, formula, *[(n, 5, *size[:dims]) for n, size in ((2, (7, 5, 3)), (1, (4, 1, 2)))])


def test_a_single_position_leaves_finite_statistics(block):
    ours = block("evo-norm-b0")(4)
    assert ours(torch.randn(1, 4, 1, 1)).isfinite().all() and ours.running_var.isfinite().all()


def test_half_does_not_overflow(block):
    ours = block("evo-norm-b0")(4).half().eval()
    assert ours(torch.randn(2, 4, 9, 9).half() * 3000).isfinite().all()


def test_bad_arguments(block, raises):
    raises(block("evo-norm-b0"), "channels", 0)
    raises(block("evo-norm-b0"), "momentum", 1.5, 8)
    raises(block("evo-norm-b0"), "eps", -1.0, 8)
