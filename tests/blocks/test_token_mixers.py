"""Self-attention and its relatives: against timm where it has them, else by formula."""

import pytest
import torch
from timm.layers import Attention2d, GlobalContext, NonLocalAttn
from timm.models.metaformer import Pooling
from timm.models.xcit import XCA
from torch.nn import functional as F

SIZES = [(7, 5), (8, 8), (1, 3)]


def shapes(channels):
    return [(n, channels, *size) for n, size in zip((2, 1, 3), SIZES)]


@pytest.mark.parametrize("channels, num_heads", [(32, 8), (12, 3)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("fused", [True, False])
def test_attention2d_equals_timm(block, agree, monkeypatch, channels, num_heads, bias, fused):
    theirs = Attention2d(channels, num_heads=num_heads, bias=bias)
    theirs.fused_attn = fused
    if not fused:
        monkeypatch.delattr(F, "scaled_dot_product_attention")
    agree(block("attention2d")(channels, num_heads, bias), theirs, *shapes(channels))


@pytest.mark.parametrize("reduction", [2, 4])
def test_non_local_equals_timm(block, agree, reduction):
    theirs = NonLocalAttn(16, use_scale=False, rd_channels=16 // reduction)
    agree(block("non-local")(16, reduction), theirs, *shapes(16), rtol=1e-8)


def test_non_local_in_3d_equals_2d_on_the_flattened_feature(block):
    flat, deep = block("non-local")(8), block("non-local", 3)(8)
    torch.nn.init.ones_(flat.norm.weight)
    deep.load_state_dict(
        {k: v.reshape(deep.state_dict()[k].shape) for k, v in flat.state_dict().items()}
    )
    x = torch.randn(2, 8, 3, 4, 5)
    torch.testing.assert_close(deep(x).flatten(2), flat(x.flatten(2, 3)).flatten(2))


@pytest.mark.parametrize("reduction", [16, 4, 100])
def test_global_context_equals_timm(block, agree, reduction):
    theirs = GlobalContext(32, fuse_add=True, fuse_scale=False, rd_channels=max(1, 32 // reduction))
    theirs.mlp_add.norm.eps = 1e-5  # as in the authors' code
    agree(block("global-context")(32, reduction), theirs, *shapes(32))


def external_attention_formula(ea, x):
    scores = torch.einsum("nlc,sc->nls", x, ea.key.weight)
    weights = scores.exp() / scores.exp().sum(1, keepdim=True)
    weights = weights / weights.abs().sum(2, keepdim=True)
    return torch.einsum("nls,cs->nlc", weights, ea.value.weight)


@pytest.mark.parametrize("memory", [64, 3])
def test_external_attention(block, agree, memory):
    agree(
        block("external-attention")(8, memory),
        external_attention_formula,
        (2, 7, 8),
        (1, 1, 8),
        (3, 20, 8),
    )


@pytest.mark.parametrize("channels, num_heads, bias", [(32, 8, False), (12, 3, True)])
def test_xca_equals_timm(block, agree, channels, num_heads, bias):
    theirs = XCA(channels, num_heads, qkv_bias=bias)
    ours = block("xca")(channels, num_heads, bias)
    agree(ours, theirs, (2, 7, channels), (1, 1, channels), (3, 50, channels))


@pytest.mark.parametrize("kernel_size", [3, 5])
def test_pool_mixer_equals_timm(block, agree, kernel_size):
    agree(block("pool-mixer")(kernel_size), Pooling(kernel_size), (2, 3, 7, 5), (1, 3, 8, 8))
