"""MultiheadSelfAttention against nn.MultiheadAttention."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

NAMES = {"qkv.": "in_proj_", "proj.": "out_proj."}


class SelfAttention(nn.MultiheadAttention):
    def forward(self, x):
        return super().forward(x, x, x, need_weights=False)[0]


@pytest.mark.parametrize("channels, num_heads", [(32, 8), (12, 3), (8, 1)])
@pytest.mark.parametrize("bias", [True, False])
def test_equals_torch(block, agree, channels, num_heads, bias):
    ours = block("mhsa")(channels, num_heads, bias)
    theirs = SelfAttention(channels, num_heads, bias=bias, batch_first=True)
    agree(ours, theirs, (2, 7, channels), (1, 1, channels), (3, 50, channels), names=NAMES)


def test_without_the_fused_kernel(block, agree, monkeypatch):
    """torch 1.13 has none."""
    monkeypatch.delattr(F, "scaled_dot_product_attention")
    ours, x = block("mhsa")(16, 4), torch.randn(2, 5, 16)
    got = ours(x)
    monkeypatch.undo()
    torch.testing.assert_close(got, ours(x))


def test_bad_arguments(block, raises):
    raises(block("mhsa"), "channels", 30)
    raises(block("mhsa"), "num_heads", 0, 32)
