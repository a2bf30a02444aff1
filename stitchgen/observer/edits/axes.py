"""Along which axis a module takes the channels, found by trying it: its weights fix the size of that axis."""

from __future__ import annotations

import warnings
from typing import List, Optional

import torch
from torch import nn

from stitchgen.observer.forwards.arguments import find, put, take
from stitchgen.observer.tensors.intercept import Args, Kwargs

#: Letters for the axes that are neither of samples nor of channels.
OTHERS = "HWDUVT"
#: How much larger the size of an axis is made: what is halved or split into heads is still whole.
FACTOR = 2


def layout_of(module: nn.Module, args: Args, kwargs: Kwargs) -> str:
    """The axes of what a module takes, `NCHW`; "" where its weights fix no axis, or several."""
    argument = find(args, kwargs, None)
    value = take(args, kwargs, argument) if argument else None
    if not isinstance(value, torch.Tensor) or value.dim() < 3:
        return ""
    fixed: List[int] = []
    for axis in range(1, value.dim()):
        larger = torch.cat([value.detach()] * FACTOR, dim=axis)
        assert argument is not None
        if not runs(module, *put(args, kwargs, argument, larger)):
            fixed.append(axis)
    if len(fixed) != 1:
        return ""
    others = iter(OTHERS)
    return "N" + "".join(
        "C" if axis == fixed[0] else next(others) for axis in range(1, value.dim())
    )


def runs(module: nn.Module, args: Args, kwargs: Kwargs) -> bool:
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module(*args, **kwargs)
    except Exception:
        return False
    return True


def axis_of(layout: str) -> Optional[int]:
    return layout.index("C") if layout else None
