"""CrissCross against the paper's equations, position by position."""

import pytest
import torch
from torch.nn import functional as F


def formula(recurrence=2):
    """Affinity, softmax over the H + W - 1 positions of the cross, aggregation; R times."""

    def once(cross, x):
        query, key, value = (
            F.conv2d(x, conv.weight, conv.bias) for conv in (cross.query, cross.key, cross.value)
        )
        height, width = x.shape[2:]
        rows = []
        for i in range(height):
            row = []
            for j in range(width):
                path = [(i, k) for k in range(width)]
                path += [(k, j) for k in range(height) if k != i]
                down, along = [k for k, _ in path], [k for _, k in path]
                affinity = torch.einsum("nc,nck->nk", query[:, :, i, j], key[:, :, down, along])
                weights = affinity.exp() / affinity.exp().sum(1, keepdim=True)
                row.append(torch.einsum("nk,nck->nc", weights, value[:, :, down, along]))
            rows.append(torch.stack(row, 2))
        # The authors' code has gamma, which starts at 0; the paper's equation has none.
        return x + cross.gamma * torch.stack(rows, 2)

    def forward(cross, x):
        for _ in range(recurrence):
            x = once(cross, x)
        return x

    return forward


@pytest.mark.parametrize("recurrence", [1, 2, 3])
@pytest.mark.parametrize("reduction", [8, 2, 100])
def test_follows_the_equations(block, agree, reduction, recurrence):
    ours = block("criss-cross")(8, reduction, recurrence)
    sizes = (2, 5, 4), (1, 6, 6), (3, 1, 3), (1, 4, 1), (1, 1, 1), (1, 9, 13)
    shapes = [(n, 8, *size) for n, *size in sizes]
    agree(ours, formula(recurrence), *shapes, scale=0.3, modes=["eval"])


@pytest.mark.parametrize("recurrence, reached", [(1, 5 + 7 - 1), (2, 5 * 7)])
def test_one_pass_sees_the_cross_and_two_see_everything(block, recurrence, reached):
    ours = block("criss-cross")(4, 1, recurrence).double()
    torch.nn.init.ones_(ours.gamma)
    x = torch.randn(1, 4, 5, 7, dtype=torch.float64, requires_grad=True)
    ours(x)[0, :, 2, 3].sum().backward()
    seen = x.grad[0].abs().sum(0) > 0
    assert seen[2].all() and seen[:, 3].all() and seen.sum() == reached


def test_bad_arguments(block, raises):
    raises(block("criss-cross"), "channels", 0)
    raises(block("criss-cross"), "reduction", 0, 8)
    raises(block("criss-cross"), "recurrence", 0, 8)
