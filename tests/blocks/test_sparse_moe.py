"""SparseMoE against its definition: every expert on every token, weights zero where not chosen."""

import pytest
import torch
from torch.nn import functional as F


def sparse_moe_formula(top_k=2):
    def formula(moe, x):
        scores = x @ moe.gate.weight.T
        kth = scores.sort(-1, descending=True).values[..., top_k - 1 : top_k]
        gates = scores.masked_fill(scores < kth, -torch.inf).softmax(-1)
        outputs = []
        for first, _, second in moe.experts:
            hidden = (x @ first.weight.T + first.bias).relu()
            outputs.append(hidden @ second.weight.T + second.bias)
        return (torch.stack(outputs, -1) * gates[..., None, :]).sum(-1)

    return formula


@pytest.mark.parametrize(
    "channels, experts, top_k, expansion", [(8, 4, 2, 4), (6, 5, 1, 2), (4, 3, 3, 1)]
)
def test_follows_the_formula(block, agree, channels, experts, top_k, expansion):
    ours = block("sparse-moe")(channels, experts, top_k, expansion)
    agree(
        ours,
        sparse_moe_formula(top_k),
        (2, 7, channels),
        (1, 1, channels),
        (3, 20, channels),
        modes=["eval"],
    )


def test_noise_follows_the_formula(block):
    moe = block("sparse-moe")(8, 4, 4).double()
    torch.nn.init.normal_(moe.gate.weight)
    torch.nn.init.normal_(moe.noise.weight)
    x = torch.randn(2, 5, 8, dtype=torch.float64)
    torch.manual_seed(3)
    got = moe(x)
    torch.manual_seed(3)
    tokens = x.reshape(10, 8)
    noise = torch.randn(10, 4, dtype=torch.float64) * F.softplus(moe.noise(tokens))
    gates = (moe.gate(tokens) + noise).softmax(-1)
    expected = sum(expert(tokens) * gates[:, i, None] for i, expert in enumerate(moe.experts))
    torch.testing.assert_close(got, expected.view(2, 5, 8))


def test_load_balance_is_least_where_the_experts_share(block):
    moe = block("sparse-moe")(8, 4)
    x = torch.randn(2, 50, 8)
    assert moe.load_balance(x).item() == pytest.approx(0, abs=1e-6)  # the gate starts at zero
    torch.nn.init.normal_(moe.gate.weight)
    assert moe.load_balance(x).item() > 0.01


def test_bad_arguments(block, raises):
    raises(block("sparse-moe"), "top_k", 9, 8)
    raises(block("sparse-moe"), "top_k", 0, 8)
