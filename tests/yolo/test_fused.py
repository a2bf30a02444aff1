"""What a fused model gives, beside what it gave before."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from stitchgen.observer.checks.failed import CheckFailed
from stitchgen.observer.rows.fused import check_close, fused_run, is_close
from stitchgen.observer.tensors.values import frozen


class Model(nn.Module):
    def __init__(self, *, whole: bool) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Flatten(), nn.Sigmoid())
        self.whole = whole

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x) if self.whole else self.model[0](x)


def test_what_the_head_is_fed_and_what_it_gives() -> None:
    image = torch.rand(2, 3, 4, 4)
    model = Model(whole=True)
    [(_, fed)], [(_, gives)] = fused_run(model, image)
    assert torch.equal(fed, image.flatten(1)) and torch.equal(gives, torch.sigmoid(fed))
    assert not model.model[1]._forward_pre_hooks


def test_a_head_that_is_not_reached_is_said() -> None:
    with pytest.raises(CheckFailed, match="the last row is not run"):
        fused_run(Model(whole=False), torch.rand(1, 3, 4, 4))


VALUES = torch.arange(12.0).view(3, 4)


@pytest.mark.parametrize(
    ("now", "close"),
    [
        (VALUES * (1 + 1e-5), True),
        (VALUES * 1.01, False),
        (VALUES.flip(0), False),  # the same candidates in another order
        (VALUES[:2], False),
        ({"one2one": VALUES}, False),
        (torch.full((3, 4), float("nan")), False),
    ],
)
def test_the_last_bits_alone_are_close(now: Any, *, close: bool) -> None:
    assert is_close(frozen(VALUES), frozen(now)) is close


def test_another_value_is_refused_with_how_much() -> None:
    check_close(frozen([VALUES]), frozen([VALUES * (1 + 1e-5)]))
    with pytest.raises(CheckFailed, match=r"fed\[0\] differs by up to 0.11"):
        check_close(frozen([VALUES]), frozen([VALUES * 1.01]))
