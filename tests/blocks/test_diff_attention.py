"""DiffAttention against timm's, and against the paper's equations head by head."""

import math

import pytest
import torch
from timm.layers import DiffAttention
from torch.nn import functional as F

NAMES = {
    "qkv.": "qkv.",
    "proj.": "proj.",
    "norm_weight": "sub_norm.weight",
    **{f"lambda_{name}": f"lambda_{name}" for name in ("q1", "k1", "q2", "k2")},
}


@pytest.fixture
def in_float64(monkeypatch):
    """timm takes the factor in float32: here in what arrives."""
    monkeypatch.setattr(torch.Tensor, "float", lambda tensor: tensor)


def shapes(channels):
    return (2, 7, channels), (1, 1, channels), (3, 50, channels), (1, 121, channels)


@pytest.mark.parametrize("channels, num_heads", [(32, 8), (12, 3), (8, 1)])
@pytest.mark.parametrize("depth, bias", [(0, False), (5, True)])
@pytest.mark.parametrize("fused", [True, False])
def test_equals_timm(
    block, agree, in_float64, monkeypatch, channels, num_heads, depth, bias, fused
):
    theirs = DiffAttention(channels, num_heads, depth=depth, qkv_bias=bias, proj_bias=bias)
    theirs.fused_attn = fused
    if not fused:
        monkeypatch.delattr(F, "scaled_dot_product_attention")
    ours = block("diff-attention")(channels, num_heads, depth, bias)
    agree(ours, theirs, *shapes(channels), names=NAMES)


def formula(num_heads, depth):
    """The paper's equations 1 to 3, with the first layer at 0."""

    def forward(attention, x):
        start = 0.8 - 0.6 * math.exp(-0.3 * depth)
        first = (attention.lambda_q1 * attention.lambda_k1).sum().exp()
        second = (attention.lambda_q2 * attention.lambda_k2).sum().exp()
        factor = first - second + start
        query, key, value = attention.qkv(x).chunk(3, -1)
        heads, width = [], x.shape[-1] // num_heads
        for q, k, v in zip(*(each.split(width, -1) for each in (query, key, value))):
            (q1, q2), (k1, k2) = q.chunk(2, -1), k.chunk(2, -1)
            d = q1.shape[-1]
            map1 = (torch.einsum("nld,nmd->nlm", q1, k1) / math.sqrt(d)).softmax(-1)
            map2 = (torch.einsum("nld,nmd->nlm", q2, k2) / math.sqrt(d)).softmax(-1)
            y = torch.einsum("nlm,nmd->nld", map1 - factor * map2, v)
            y = y / ((y * y).mean(-1, keepdim=True) + 1e-5).sqrt() * attention.norm_weight
            heads.append((1 - start) * y)
        return attention.proj(torch.cat(heads, -1))

    return forward


@pytest.mark.parametrize("num_heads, depth", [(1, 0), (3, 2)])
def test_follows_the_equations(block, agree, num_heads, depth):
    ours = block("diff-attention")(12, num_heads, depth)
    agree(ours, formula(num_heads, depth), *shapes(12))


def test_starts_at_the_papers_factor(block):
    ours = block("diff-attention")(32, 4, depth=3)
    assert ours.lambda_init == pytest.approx(0.8 - 0.6 * math.exp(-0.9))


def test_bad_arguments(block, raises):
    raises(block("diff-attention"), "channels", 24)  # 3 for each of 8 heads: no two halves
    raises(block("diff-attention"), "num_heads", 0, 32)
    raises(block("diff-attention"), "depth", -1, 32)
