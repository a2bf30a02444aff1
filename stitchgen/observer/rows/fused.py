"""Models that are fused for inference: their convolutions take in the norms behind them."""

from __future__ import annotations

import inspect
from typing import Any

import torch

from stitchgen.observer.checks.failed import CheckFailed
from stitchgen.observer.rows.twins import layers_of
from stitchgen.observer.tensors.values import finite, frozen

#: Fusing a convolution with its norm changes the last bits.
FUSED = 1e-3


def fuse(model: Any) -> None:
    quiet = "verbose" in inspect.signature(model.fuse).parameters
    model.fuse(**({"verbose": False} if quiet else {}))


def fed_to_head(model: Any, image: torch.Tensor) -> Any:
    """What the last row is fed, which itself is not run.

    A head may choose the best of its candidates, whose order the last bits change, or give another form
    once it is fused; all new rows stand before it.
    """

    def stop(module: Any, inputs: Any) -> None:
        raise Reached(frozen(inputs[0]))

    handle = layers_of(model)[-1].register_forward_pre_hook(stop)
    try:
        model(image)
    except Reached as reached:
        return reached.args[0]
    finally:
        handle.remove()
    raise CheckFailed("position", "Fused, the last row is not run.", "eval")


class Reached(Exception):
    """The last row, with what it is fed."""


def check_close(whole: Any, fused: Any) -> None:
    """Refuse where the spliced model computes something else once it is fused."""
    for (path, one), (_, two) in zip(whole, fused):
        if not isinstance(one, torch.Tensor) or not finite([one]):
            continue
        gap = float((one - two).abs().max()) if one.numel() else 0.0
        if gap > FUSED * max(1.0, float(one.abs().max())):
            message = "Fused, what the last row is fed%s differs by up to %.3g."
            raise CheckFailed("elsewhere", message % (path, gap), "eval")
