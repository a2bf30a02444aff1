"""The random states of torch, random and numpy."""

from __future__ import annotations

import contextlib
import random
import sys
from typing import Callable, Iterator, cast

import torch


def seed_torch(seed: int) -> None:
    """Seed torch's generators: that of the CPU alone where no other device has been used.

    `torch.manual_seed` formats the stack for each device that may be used later, which takes as long as a small forward.
    """
    devices = (getattr(torch, name, None) for name in ("cuda", "xpu"))
    used = any(device.is_initialized() for device in devices if device is not None)
    if used or torch.backends.mps.is_available():
        torch.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)


def seed_all(seed: int) -> None:
    """Seed all generators that a model may draw from without naming one."""
    seed_torch(seed)
    random.seed(seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(seed % (1 << 32))


@contextlib.contextmanager
def forked_randomness(seed: int) -> Iterator[None]:
    """Draws made inside start from `seed` and leave no trace outside."""
    numpy = sys.modules.get("numpy")
    cuda_has_begun = cast(Callable[[], bool], torch.cuda.is_initialized)
    cuda = torch.cuda.is_available() and cuda_has_begun()
    states = (torch.get_rng_state(), random.getstate())
    on_cuda = torch.cuda.get_rng_state_all() if cuda else None
    of_numpy = numpy.random.get_state() if numpy is not None else None
    seed_all(seed)
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        random.setstate(states[1])
        if on_cuda is not None:
            torch.cuda.set_rng_state_all(on_cuda)
        if numpy is not None:
            numpy.random.set_state(of_numpy)
