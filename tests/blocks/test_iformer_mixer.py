"""IFormerMixer against the authors' Mixer, written out in plain tensor operations."""

import pytest
import torch
from torch.nn import functional as F


def formula(num_heads, attention_heads, pool_size):
    def forward(mixer, x):
        n, height, width, c = x.shape
        head = c // num_heads
        low = attention_heads * head
        high = c - low
        x = x.permute(0, 3, 1, 2)
        conv, pool = mixer.high_mixer.conv, mixer.high_mixer.pool
        a = F.conv2d(x[:, : high // 2], conv[0].weight)
        a = F.gelu(F.conv2d(a, conv[1].weight, padding=1, groups=high))
        b = F.max_pool2d(x[:, high // 2 : high], 3, 1, 1)
        b = F.gelu(F.conv2d(b, pool[1].weight, pool[1].bias))

        rows = torch.arange(height) // pool_size
        columns = torch.arange(width) // pool_size
        tall, wide = int(rows[-1]) + 1, int(columns[-1]) + 1
        cell = rows[:, None] * wide + columns  # which pooled position each position belongs to
        member = F.one_hot(cell.flatten(), tall * wide).to(x)
        tokens = (x[:, high:].flatten(2) @ (member / member.sum(0))).transpose(1, 2)
        qkv = tokens @ mixer.low_mixer.qkv.weight.T
        if mixer.low_mixer.qkv.bias is not None:
            qkv = qkv + mixer.low_mixer.qkv.bias
        heads = []
        for h in range(attention_heads):
            q, k, v = (qkv[..., i * low + h * head :][..., :head] for i in range(3))
            heads.append(torch.softmax(q @ k.transpose(1, 2) / head**0.5, -1) @ v)
        mixed = torch.cat(heads, -1).transpose(1, 2) @ member.T
        y = torch.cat([a, b, mixed.view(n, low, height, width)], 1)
        y = y + F.conv2d(y, mixer.fuse.weight, padding=1, groups=y.shape[1])
        return F.conv2d(y, mixer.proj.weight, mixer.proj.bias).permute(0, 2, 3, 1)

    return forward


@pytest.mark.parametrize(
    "options", [(32, 8, 1, 2, True), (24, 6, 4, 2, False), (12, 3, 2, 1, True)]
)
@pytest.mark.parametrize("size", [(8, 8), (6, 4), (7, 5), (1, 3)])
def test_follows_the_formula(block, agree, options, size):
    """Also at sizes that are not square or not even, where the authors' code fails."""
    channels, *heads, _ = options
    ours = block("iformer-mixer")(*options)
    agree(ours, formula(*heads), (2, *size, channels), (1, *size, channels), modes=["eval"])


def test_bad_arguments(block, raises):
    mixer = block("iformer-mixer")
    raises(mixer, "channels", 30)
    raises(mixer, "attention_heads", 8, 32)
    raises(mixer, "channels", 8, num_heads=8)  # seven channels cannot be halved
