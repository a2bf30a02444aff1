"""CrossAttention against nn.MultiheadAttention with keys and values of another width."""

import pytest
import torch
from torch import nn


@pytest.mark.parametrize("channels, context, num_heads", [(32, 12, 8), (12, 5, 3), (8, 16, 1)])
@pytest.mark.parametrize("bias", [True, False])
def test_equals_torch(block, agree, channels, context, num_heads, bias):
    def theirs(ours, x, y):
        mha = nn.MultiheadAttention(
            channels, num_heads, bias=bias, kdim=context, vdim=context, batch_first=True
        )
        mha.double().train(ours.training)
        key, value = ours.key_value.weight.chunk(2)
        state = {
            "q_proj_weight": ours.query.weight,
            "k_proj_weight": key,
            "v_proj_weight": value,
            "out_proj.weight": ours.proj.weight,
        }
        if bias:
            state["in_proj_bias"] = torch.cat([ours.query.bias, ours.key_value.bias])
            state["out_proj.bias"] = ours.proj.bias
        mha.load_state_dict(state)
        return mha(x, y, y, need_weights=False)[0]

    ours = block("cross-attention")(channels, context, num_heads, bias)
    agree(ours, theirs, [(2, 7, channels), (2, 5, context)], [(1, 1, channels), (1, 40, context)])


@pytest.mark.parametrize("length, tokens", [(9, 3), (10, 4), (4, 6)])
def test_a_long_context_is_averaged_to_few_tokens(block, length, tokens):
    ours = block("cross-attention")(16, 8, 4, context_tokens=tokens).double()
    x, context = torch.randn(2, 5, 16).double(), torch.randn(2, length, 8).double()
    size = min(length, tokens)
    parts = [
        context[:, i * length // size : -(-(i + 1) * length // size)].mean(1) for i in range(size)
    ]
    whole = block("cross-attention")(16, 8, 4).double()
    whole.load_state_dict(ours.state_dict())
    torch.testing.assert_close(ours(x, context), whole(x, torch.stack(parts, 1)))


def test_a_context_of_no_tokens_is_refused(block):
    with pytest.raises(ValueError, match="context_tokens"):
        block("cross-attention")(16, 8, context_tokens=0)
