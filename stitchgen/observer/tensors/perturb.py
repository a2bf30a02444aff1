"""Move the weights of a model as training would, so that no change hides behind starting values."""

from __future__ import annotations

import math
from typing import Iterable, Set

import torch

from stitchgen.observer.tensors.slots import Slot


def perturb(slots: Iterable[Slot], scale: float, seed: int, lift: float = 0.0) -> None:
    """Move parameters and normalisation statistics a little, as training would.

    A freshly built model hides changes behind starting values: a norm whose weight is zero, a gate
    at zero. The steps are relative to what is there, so that deep models stay finite. `lift`
    raises the biases, which wakes dead ReLUs.
    """
    generator = torch.Generator().manual_seed(seed)
    pool = torch.randn(1 << 18, generator=generator)
    offset = 0
    seen: Set[int] = set()
    with torch.no_grad():
        for slot in slots:
            tensor, name = slot.tensor, slot.path.rpartition(".")[2]
            if id(tensor) in seen or not tensor.is_floating_point() or not tensor.numel():
                continue
            seen.add(id(tensor))
            offset = (offset + 7919) % pool.numel()
            if slot.kind == "parameter":
                noise = _take(pool, offset, tensor)
                step = _step(tensor, noise, scale)
                if lift and tensor.dim() <= 1:
                    step = step + lift * noise.abs()
                tensor.data.add_(step)
            elif slot.kind == "buffer" and name == "running_mean":
                tensor.add_(_take(pool, offset, tensor), alpha=0.1 * scale)
            elif slot.kind == "buffer" and name == "running_var":
                tensor.mul_(1 + 0.25 * scale * _take(pool, offset, tensor).abs())


def turn_units(slots: Iterable[Slot], seed: int) -> None:
    """Change the sign of the weights of half the output units, chosen by the seed."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for slot in slots:
            tensor = slot.tensor
            if slot.kind == "parameter" and tensor.dim() > 1 and tensor.is_floating_point():
                signs = torch.randint(0, 2, (tensor.shape[0],), generator=generator) * 2 - 1
                shape = [-1] + [1] * (tensor.dim() - 1)
                tensor.data.mul_(signs.view(shape).to(tensor.device, tensor.dtype))


def _take(pool: torch.Tensor, offset: int, like: torch.Tensor) -> torch.Tensor:
    """Noise of a tensor's shape from one pool: drawing it anew costs more than a forward."""
    count = like.numel()
    if offset + count > pool.numel():
        times = (offset + count) // pool.numel() + 1
        pool = pool.repeat(times)
    return pool[offset : offset + count].view(like.shape).to(like.device, like.dtype)


def _step(tensor: torch.Tensor, noise: torch.Tensor, scale: float) -> torch.Tensor:
    spread = float(tensor.detach().float().std()) if tensor.numel() > 1 else 0.0
    if spread > 0:
        return noise * (0.1 * scale * spread)
    # A layer scale of 1e-6 hides a branch from float32 as well as zero does.
    if abs(float(tensor.detach().flatten()[0])) > 1e-2:
        return tensor.detach() * noise.clamp(-2, 2) * (0.1 * scale)
    if tensor.dim() >= 2:
        return noise * (0.5 * scale / math.sqrt(tensor.numel() / tensor.shape[0]))
    return (noise.abs() + 0.5) * (0.1 * scale)
