"""Move the weights of a model as training would, so that no change hides behind starting values."""

from __future__ import annotations

import math
from typing import Iterable, Set

import torch

from stitchgen.observer.tensors.noise import normal
from stitchgen.observer.tensors.slots import Slot


def perturb(slots: Iterable[Slot], scale: float, seed: int, lift: float = 0.0) -> None:
    """Move parameters and normalisation statistics a little, as training would.

    A freshly built model hides changes behind starting values: a norm whose weight is zero, a gate
    at zero. The steps are relative to what is there, so that deep models stay finite. `lift`
    raises the biases, which wakes dead ReLUs.
    """
    noise_of = normal(seed)
    seen: Set[int] = set()
    with torch.no_grad():
        for slot in slots:
            tensor, name = slot.tensor, slot.path.rpartition(".")[2]
            if id(tensor) in seen or not tensor.is_floating_point() or not tensor.numel():
                continue
            seen.add(id(tensor))
            noise = noise_of.next(tensor)
            if slot.kind == "parameter":
                spread = _spread(tensor)
                if spread > 0:
                    tensor.data.add_(noise, alpha=0.1 * scale * spread)
                else:
                    tensor.data.add_(_step(tensor, noise, scale))
                if lift and tensor.dim() <= 1:
                    tensor.data.add_(lift * noise.abs())
            elif slot.kind == "buffer" and name == "running_mean":
                tensor.add_(noise, alpha=0.1 * scale)
            elif slot.kind == "buffer" and name == "running_var":
                tensor.mul_(1 + 0.25 * scale * noise.abs())


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


def _spread(tensor: torch.Tensor) -> float:
    """The standard deviation of the values."""
    return float(tensor.detach().float().std()) if tensor.numel() > 1 else 0.0


def _step(tensor: torch.Tensor, noise: torch.Tensor, scale: float) -> torch.Tensor:
    """A step for values that are all the same."""
    # A layer scale of 1e-6 hides a branch from float32 as well as zero does.
    if abs(float(tensor.detach().flatten()[0])) > 1e-2:
        return tensor.detach() * noise.clamp(-2, 2) * (0.1 * scale)
    if tensor.dim() >= 2:
        return noise * (0.5 * scale / math.sqrt(tensor.numel() / tensor.shape[0]))
    return (noise.abs() + 0.5) * (0.1 * scale)
