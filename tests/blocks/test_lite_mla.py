"""LiteMLA against timm's, and against the paper's attention written out position by position."""

import pytest
import torch
from timm.models.efficientvit_mit import LiteMLA
from torch.nn import functional as F


@pytest.fixture
def in_float64(monkeypatch):
    """timm attends in float32: here in what arrives."""
    monkeypatch.setattr(torch.Tensor, "float", lambda tensor: tensor)


@pytest.mark.parametrize("channels, dim", [(16, 8), (12, 4), (6, 6)])
@pytest.mark.parametrize("scales", [(5,), (3, 5), ()])
@pytest.mark.parametrize("eps", [1e-5, 0.1])
def test_equals_timm(block, agree, in_float64, channels, dim, scales, eps):
    ours = block("lite-mla")(channels, dim, scales, eps)
    theirs = LiteMLA(channels, channels, dim=dim, scales=scales, eps=eps)
    shapes = (2, channels, 7, 5), (1, channels, 8, 8), (3, channels, 1, 3), (1, channels, 20, 13)
    agree(ours, theirs, *shapes)


def formula(dim, eps):
    """The paper's equation 1, with all the weights, over any number of axes."""

    def forward(mla, x):
        dims = x.ndim - 2
        conv = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[dims]
        qkv = conv(x, mla.qkv.weight)
        scales = [qkv]
        for wide, mix in mla.scales:
            reach = wide.weight.shape[-1] // 2
            y = conv(qkv, wide.weight, padding=reach, groups=qkv.shape[1])
            scales.append(conv(y, mix.weight, groups=qkv.shape[1] // dim))
        heads = []
        for scale in scales:
            for head in scale.flatten(2).split(3 * dim, 1):
                query, key, value = head.split(dim, 1)
                weights = torch.einsum("ndl,ndm->nlm", query.relu(), key.relu())
                weights = weights / (weights.sum(-1, keepdim=True) + eps)
                heads.append(torch.einsum("nlm,ndm->ndl", weights, value))
        y = conv(torch.cat(heads, 1).view(len(x), -1, *x.shape[2:]), mla.proj.weight)
        norm = mla.norm
        return F.batch_norm(
            y, norm.running_mean, norm.running_var, norm.weight, norm.bias, norm.training
        )

    return forward


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_follows_the_formula(block, agree, dims):
    ours = block("lite-mla", dims)(8, 4, (3,))
    agree(ours, formula(4, 1e-5), (2, 8, *(7, 5, 3)[:dims]), (1, 8, *(4, 1, 8)[:dims]))


def test_half_does_not_overflow(block):
    ours = block("lite-mla")(16).half().eval()
    x = torch.randn(1, 16, 64, 64).half() * 30
    assert ours(x).isfinite().all()


def test_bad_arguments(block, raises):
    raises(block("lite-mla"), "channels", 30)
    raises(block("lite-mla"), "scales", (4,), 32)
    raises(block("lite-mla"), "eps", 0.0, 32)
