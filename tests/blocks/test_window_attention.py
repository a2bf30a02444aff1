"""WindowAttention against torchvision's ShiftedWindowAttention."""

import pytest
import torch
from torch.nn import functional as F
from torchvision.models.swin_transformer import ShiftedWindowAttention

NAMES = {"qkv.": "qkv.", "proj.": "proj.", "position_bias": "relative_position_bias_table"}


def theirs(channels, num_heads, window_size, shift_size, bias=True):
    module = ShiftedWindowAttention(
        channels, [window_size] * 2, [shift_size] * 2, num_heads, qkv_bias=bias
    ).double()

    def forward(ours, x):
        state = {NAMES.get(k, k): v for k, v in ours.named_parameters()}
        return torch.func.functional_call(module, state, (x,))

    return forward


@pytest.mark.parametrize("window_size, shift_size", [(4, 0), (4, 2), (3, 1), (7, 3), (1, 0)])
@pytest.mark.parametrize("num_heads, bias, fused", [(2, True, True), (4, False, False)])
def test_equals_torchvision(
    block, agree, monkeypatch, window_size, shift_size, num_heads, bias, fused
):
    """At sizes of whole windows, others, and below one window, where there is no shift."""
    if not fused:
        monkeypatch.delattr(F, "scaled_dot_product_attention")
    ours = block("window-attention")(8, num_heads, window_size, shift_size, bias)
    sizes = [(8, 12), (9, 7), (3, 10), (2, 3), (14, 14)]
    agree(ours, theirs(8, num_heads, window_size, shift_size, bias), *[(2, *s, 8) for s in sizes])


def test_shifted_windows_join_neighbours_and_nothing_else(block):
    ours = block("window-attention")(4, 1, 4, 2)
    x = torch.randn(1, 8, 8, 4, requires_grad=True)
    ours(x)[0, 0, 0].sum().backward()
    reached = x.grad[0].abs().sum(-1) > 0
    assert reached[:2, :2].all() and reached.sum() == 4  # not the opposite edge


def test_bad_arguments(block, raises):
    raises(block("window-attention"), "channels", 30)
    raises(block("window-attention"), "shift_size", 7, 32)
