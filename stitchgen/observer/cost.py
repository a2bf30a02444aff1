"""What a block costs: parameters, and multiply-accumulates of a forward.

Counted are convolutions, matrix products and scaled dot-product attention, whether called as
modules or as functions. Elementwise operations, normalisation, pooling and recurrent kernels are
not.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, Optional, Sequence, Tuple

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from stitchgen.observer.compiler import import_no_compiler_for

COUNTED = "convolutions, matrix products and attention"


def parameters(modules: Iterable[nn.Module]) -> int:
    """Parameters of the modules, tied ones once."""
    unique = {id(p): p for module in modules for p in module.parameters()}
    return sum(p.numel() for p in unique.values())


class Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types for it
    """Adds up the multiply-accumulates of what runs inside it; it changes nothing."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has no types for it
        self.macs = 0
        self.paused = False

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Tuple[Any, ...] = (),
        kwargs: Optional[Dict[str, Any]] = None,
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        if not self.paused:
            self.macs += _macs(func.__name__.split(".")[0], args, out)
        return out


import_no_compiler_for(Counter.__torch_dispatch__)


def _macs(operation: str, args: Tuple[Any, ...], out: Any) -> int:
    """Of one operation of ATen, by its name."""
    if operation in (
        "convolution",
        "_convolution",
        "mkldnn_convolution",
        "convolution_overrideable",
    ):
        source: torch.Tensor = args[0]
        weight: torch.Tensor = args[1]
        transposed = bool(args[6]) if len(args) > 6 else False
        # Every weight of a channel is used once a position: of the output, or transposed of the
        # input.
        positions: torch.Tensor = source if transposed else out
        return positions.numel() * (weight.numel() // weight.shape[0])
    if operation in ("mm", "bmm", "mv", "dot"):
        return _product(args[0], args[1])
    if operation in ("addmm", "baddbmm", "addmv", "addbmm"):
        return _product(args[1], args[2])
    if operation.startswith("_scaled_dot_product"):
        query: torch.Tensor = args[0]
        key: torch.Tensor = args[1]
        value: torch.Tensor = args[2]
        pairs = query.numel() // query.shape[-1] * key.shape[-2]
        return pairs * (query.shape[-1] + value.shape[-1])
    return 0


def _product(a: torch.Tensor, b: torch.Tensor) -> int:
    columns = b.shape[-1] if b.dim() == a.dim() and b.dim() > 1 else 1
    return a.numel() * columns
