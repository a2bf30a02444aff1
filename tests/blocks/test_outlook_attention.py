"""OutlookAttention against timm's."""

import pytest
import torch
from timm.models.volo import OutlookAttention

NAMES = {"value.": "v.", "weights.": "attn.", "proj.": "proj."}


@pytest.mark.parametrize("channels, num_heads", [(16, 8), (12, 3), (5, 1)])
@pytest.mark.parametrize("kernel_size, stride", [(3, 1), (3, 2), (5, 1), (5, 3), (1, 1), (3, 4)])
@pytest.mark.parametrize("bias", [False, True])
def test_equals_timm(block, agree, channels, num_heads, kernel_size, stride, bias):
    ours = block("outlook-attention")(channels, num_heads, kernel_size, stride, bias)
    theirs = OutlookAttention(
        channels, num_heads, kernel_size, kernel_size // 2, stride, qkv_bias=bias
    )
    sizes = (2, 7, 5), (1, 8, 8), (3, 1, 3), (1, 20, 13)
    agree(ours, theirs, *[(*size, channels) for size in sizes], names=NAMES)


def formula(num_heads, kernel_size):
    """The paper's equations 3 to 5, window by window; its code scales the weights, as here."""

    def forward(outlook, x):
        n, height, width, channels = x.shape
        head, reach = channels // num_heads, kernel_size // 2
        scores = outlook.weights(x) * head**-0.5
        scores = scores.view(n, height, width, num_heads, kernel_size**2, kernel_size**2)
        weights = scores.exp() / scores.exp().sum(-1, keepdim=True)
        value = outlook.value(x)
        around = [(i, j) for i in range(-reach, reach + 1) for j in range(-reach, reach + 1)]
        pixels = {}
        for row in range(height):
            for column in range(width):
                window = [(row + i, column + j) for i, j in around]
                for k, target in enumerate(window):
                    for m, (i, j) in enumerate(window):
                        if 0 <= i < height and 0 <= j < width:  # zeros beyond the border
                            weight = weights[:, row, column, :, k, m, None]
                            part = weight * value[:, i, j].view(n, num_heads, head)
                            pixels[target] = pixels.get(target, 0) + part
        rows = [[pixels[i, j].flatten(1) for j in range(width)] for i in range(height)]
        return outlook.proj(torch.stack([torch.stack(row, 1) for row in rows], 1))

    return forward


@pytest.mark.parametrize("num_heads", [1, 2])
def test_follows_the_equations(block, agree, num_heads):
    ours = block("outlook-attention")(4, num_heads)
    agree(ours, formula(num_heads, 3), (2, 4, 3, 4), (1, 1, 2, 4), modes=["eval"])


def test_bad_arguments(block, raises):
    raises(block("outlook-attention"), "channels", 30)
    raises(block("outlook-attention"), "kernel_size", 4, 32)
    raises(block("outlook-attention"), "stride", 0, 32)
