"""What the last row is fed, in a model that was fused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from stitchgen.observer.checks.failed import CheckFailed
from stitchgen.observer.rows.fused import fed_to_head


class Head(nn.Module):
    def forward(self, x: Any) -> Any:
        raise AssertionError("the head was run")


class Model(nn.Module):
    def __init__(self, *, whole: bool) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Flatten(), Head())
        self.whole = whole

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x) if self.whole else self.model[0](x)


def test_the_head_is_left_out() -> None:
    image = torch.rand(2, 3, 4, 4)
    model = Model(whole=True)
    [(_, fed)] = fed_to_head(model, image)
    assert torch.equal(fed, image.flatten(1))
    assert not model.model[1]._forward_pre_hooks


def test_a_head_that_is_not_reached_is_said() -> None:
    with pytest.raises(CheckFailed, match="the last row is not run"):
        fed_to_head(Model(whole=False), torch.rand(1, 3, 4, 4))
