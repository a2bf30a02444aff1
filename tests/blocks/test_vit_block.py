"""ViTBlock against timm's Block."""

import pytest
from timm.models.vision_transformer import Block
from torch import nn
from torch.nn import functional as F


@pytest.mark.parametrize("channels, num_heads, mlp_ratio", [(32, 8, 4), (12, 3, 2), (8, 1, 1)])
def test_equals_timm(block, agree, channels, num_heads, mlp_ratio):
    theirs = Block(
        channels,
        num_heads,
        mlp_ratio,
        qkv_bias=True,
        norm_layer=lambda c, **_: nn.LayerNorm(c, eps=1e-6),
    )
    shapes = [(2, 7, channels), (1, 1, channels), (3, 50, channels)]
    agree(block("vit-block")(channels, num_heads, mlp_ratio), theirs, *shapes)


def test_without_the_fused_kernel(block, agree, monkeypatch):
    theirs = Block(16, 4, qkv_bias=True, norm_layer=lambda c, **_: nn.LayerNorm(c, eps=1e-6))
    for layer in theirs.modules():
        if hasattr(layer, "fused_attn"):
            layer.fused_attn = False
    monkeypatch.delattr(F, "scaled_dot_product_attention")
    agree(block("vit-block")(16, 4), theirs, (2, 7, 16))
