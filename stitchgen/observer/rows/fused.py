"""Models that are fused for inference: their convolutions take in the norms behind them."""

from __future__ import annotations

import inspect
from typing import Any, List, Tuple

import torch

from stitchgen.observer.checks.failed import CheckFailed
from stitchgen.observer.rows.quick import fusing
from stitchgen.observer.rows.twins import layers_of
from stitchgen.observer.tensors.values import Flat, finite, frozen

#: Fusing a convolution with its norm changes the last bits.
FUSED = 1e-3


def fuse(model: Any) -> None:
    quiet = "verbose" in inspect.signature(model.fuse).parameters
    with fusing(type(model)):
        model.fuse(**({"verbose": False} if quiet else {}))


def fused_run(model: Any, image: torch.Tensor) -> Tuple[Flat, Flat]:
    """What the last row is fed, and what the model gives."""
    fed: List[Flat] = []
    handle = layers_of(model)[-1].register_forward_pre_hook(
        lambda module, inputs: fed.append(frozen(inputs[0]))
    )
    try:
        gives = frozen(model(image))
    finally:
        handle.remove()
    if not fed:
        raise CheckFailed("position", "Fused, the last row is not run.", "eval")
    return fed[0], gives


def check_close(whole: Flat, fused: Flat) -> None:
    """Refuse where the spliced model computes something else once it is fused."""
    for (path, one), (_, two) in zip(whole, fused):
        gap = gap_between(one, two)
        if gap != 0:
            message = "Fused, what the last row is fed%s differs by up to %.3g."
            raise CheckFailed("elsewhere", message % (path, gap), "eval")


def is_close(whole: Flat, fused: Flat) -> bool:
    """Whether two results have the same form and values, but for their last bits.

    A head may choose the best of its candidates, whose order these change, or give another form once it is fused.
    """
    if [path for path, _ in whole] != [path for path, _ in fused]:
        return False
    for (_, one), (_, two) in zip(whole, fused):
        if isinstance(one, torch.Tensor) and isinstance(two, torch.Tensor):
            if one.shape != two.shape or gap_between(one, two) != 0:
                return False
        elif one != two:
            return False
    return True


def gap_between(one: Any, two: Any) -> float:
    """By how much two tensors differ at most; 0 where that is no more than fusing makes."""
    if not isinstance(one, torch.Tensor) or not finite([one]) or not one.numel():
        return 0.0
    gap = float((one - two).abs().max())
    return gap if not gap <= FUSED * max(1.0, float(one.abs().max())) else 0.0
