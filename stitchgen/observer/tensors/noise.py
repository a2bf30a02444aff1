"""Noise of any shape from one pool: drawing it anew costs more than a forward."""

from __future__ import annotations

import contextlib
import functools
from typing import Any, Callable, Iterator

import torch

#: How many values are drawn. A prime, so that the rows of no weight come to be the same.
SIZE = 262_139
#: How many values a pool keeps: four million, the weights of a large layer.
MOST_KEPT = 1 << 22
#: Tensors of fewer elements are filled as torch does it.
SMALL = 1_024


class Pool:
    """What was drawn, again and again, as long as was needed."""

    def __init__(self, drawn: torch.Tensor) -> None:
        self.drawn = drawn
        self.values = drawn

    def until(self, end: int) -> torch.Tensor:
        if end <= self.values.numel():
            return self.values
        longer = self.drawn.repeat(end // SIZE + 1)
        if longer.numel() <= MOST_KEPT:
            self.values = longer
        return longer


class Noise:
    """Values from a pool, the next ones each time."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.offset = 0

    def next(self, like: torch.Tensor) -> torch.Tensor:
        """Not to be written to: others have the same memory."""
        self.offset = (self.offset + 7919) % SIZE
        end = self.offset + like.numel()
        values = self.pool.until(end)[self.offset : end]
        return values.view(like.shape).to(like.device, like.dtype)


def normal(seed: int) -> Noise:
    return Noise(pool_of(seed, torch.randn))


def uniform(seed: int) -> Noise:
    """Between 0 and 1."""
    return Noise(pool_of(seed, torch.rand))


@functools.lru_cache(maxsize=8)
def pool_of(seed: int, draw: Callable[..., torch.Tensor]) -> Pool:
    """The pool of a seed: builds and proofs ask for the same few again and again."""
    generator = torch.Generator().manual_seed(seed)
    return Pool(draw(SIZE, generator=generator, dtype=torch.float32, device="cpu"))


@contextlib.contextmanager
def quick_fills(seed: int) -> Iterator[None]:
    """Large tensors are filled from a pool, by `normal_` and `uniform_`: most of a build's time is spent there."""
    pools = {"normal_": normal(seed), "uniform_": uniform(seed + 1)}
    saved = {name: getattr(torch.Tensor, name) for name in pools}

    def normal_(tensor: torch.Tensor, mean: float = 0, std: float = 1, **kwargs: Any) -> Any:
        if not is_quick(tensor, kwargs):
            return saved["normal_"](tensor, mean, std, **kwargs)
        return scaled(tensor, pools["normal_"].next(tensor), std, mean)

    def uniform_(tensor: torch.Tensor, start: float = 0, end: float = 1, **kwargs: Any) -> Any:
        if not is_quick(tensor, kwargs) or not start < end:
            return saved["uniform_"](tensor, start, end, **kwargs)
        return scaled(tensor, pools["uniform_"].next(tensor), end - start, start)

    setattr(torch.Tensor, "normal_", normal_)  # noqa: B010
    setattr(torch.Tensor, "uniform_", uniform_)  # noqa: B010
    try:
        yield
    finally:
        for name in saved:
            delattr(torch.Tensor, name)  # torch has them one class above


def scaled(tensor: torch.Tensor, noise: torch.Tensor, scale: float, start: float) -> torch.Tensor:
    torch.mul(noise, scale, out=tensor)
    return tensor.add_(start) if start else tensor


def is_quick(tensor: torch.Tensor, kwargs: Any) -> bool:
    plain = {"from", "to", "a", "b"}.isdisjoint(kwargs) and kwargs.get("generator") is None
    dense = tensor.device.type == "cpu" and tensor.is_contiguous()
    return plain and dense and tensor.is_floating_point() and tensor.numel() >= SMALL
