"""DualAttention against pytorchcv's two attentions, and in other dims against itself."""

import pytest
import torch
from pytorchcv.models.danet import ChaAttBlock, PosAttBlock
from torch import nn
from torch.nn import functional as F


class Sum(nn.Module):
    """The two branches of DANet's head, without its convolutions."""

    def __init__(self, channels, reduction=8):
        super().__init__()
        self.position, self.channel = PosAttBlock(channels, reduction), ChaAttBlock()
        for branch in (self.position, self.channel):  # in float32 as made, and not random
            branch.scale.alpha.data = torch.zeros(1)

    def forward(self, x):
        return self.position(x) + self.channel(x)


@pytest.mark.parametrize("channels, reduction", [(16, 8), (12, 3)])
@pytest.mark.parametrize("fused", [True, False])
def test_equals_pytorchcv(block, agree, monkeypatch, channels, reduction, fused):
    if not fused:
        monkeypatch.delattr(F, "scaled_dot_product_attention")
    names = {
        "position.alpha": "position.scale.alpha",
        "channel.beta": "channel.scale.alpha",
        **{f"position.{n}.": f"position.{n}_conv." for n in ("query", "key", "value")},
    }
    ours, theirs = block("danet")(channels, reduction), Sum(channels, reduction)
    shapes = [(n, channels, *size) for n, size in zip((2, 1, 3), [(7, 5), (8, 8), (1, 3)])]
    agree(ours, theirs, *shapes, names=names, rtol=1e-8, scale=0.5)


@pytest.mark.parametrize("dims", [1, 3])
def test_other_dims_equal_2d_on_the_flattened_feature(block, dims):
    flat, other = block("danet")(8, 2), block("danet", dims)(8, 2)
    for value in flat.parameters():
        torch.nn.init.normal_(value)
    state = {k: v.reshape(other.state_dict()[k].shape) for k, v in flat.state_dict().items()}
    other.load_state_dict(state)
    x = torch.randn(2, 8, *(6, 5, 4)[:dims])
    y = flat(x.flatten(2).unsqueeze(2)).squeeze(2)
    torch.testing.assert_close(other(x).flatten(2), y, rtol=1e-4, atol=1e-5)
