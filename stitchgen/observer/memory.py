"""How much memory there is, and how much a model takes: one that does not fit is not built.

A model that is shown on the meta device takes none there, and may be larger than the machine.
"""

from __future__ import annotations

import itertools
import os
from typing import Dict, Optional

from torch import nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from stitchgen.observer.failure import Failure

LAZY = (UninitializedBuffer, UninitializedParameter)
#: The part of the free memory that is left to others.
SPARED = 0.1
#: How many times a model's weights its proof takes: two models, and the gradients of both.
OF_A_PROOF = 4
#: The bytes of the models that were built without memory, by their expressions, for as long as the process runs.
SIZES: Dict[str, int] = {}


def available() -> Optional[int]:
    """The bytes that may still be taken, by the machine, the control group and STITCHGEN_MEMORY, which limits
    what this process has in all; None where none of them is known."""
    found = [free_on_machine(), free_in_group(), free_by_limit(os.environ.get("STITCHGEN_MEMORY"))]
    known = [one for one in found if one is not None]
    return min(known) if known else None


def free_by_limit(text: Optional[str]) -> Optional[int]:
    """What a number of bytes leaves, after what this process has."""
    return None if not text else max(0, int(text) - resident())


def resident() -> int:
    """The bytes of memory that this process has; 0 where that is not known."""
    try:
        with open("/proc/self/statm") as stream:
            return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def free_on_machine() -> Optional[int]:
    try:
        with open("/proc/meminfo") as stream:
            for line in stream:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        return None
    return None


def free_in_group() -> Optional[int]:
    """What the limit of a container leaves, by control groups of both versions."""
    folder = "/sys/fs/cgroup/"
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            with open(folder + limit) as stream:
                most = int(stream.read())
            with open(folder + used) as stream:
                return max(0, most - int(stream.read()))
        except (OSError, ValueError):  # no such group, or "max"
            continue
    return None


def size_of(model: nn.Module) -> int:
    """The bytes of a model's parameters and buffers, on whatever device; of lazy ones nothing is known."""
    tensors = {id(one): one for one in itertools.chain(model.parameters(), model.buffers())}
    known = (one for one in tensors.values() if not isinstance(one, LAZY))
    return sum(one.numel() * one.element_size() for one in known)


def check_fits(expression: str, size: int, times: int = 1) -> None:
    """Raises `Failure` (too-large) where so many times the bytes of a model are not free."""
    free = available()
    if free is None or size * times <= free * (1 - SPARED):
        return
    needed = "" if times == 1 else ", which its proof needs %d times" % (times + 1)
    message = "%s has %s of weights%s, and %s of memory are free"
    raise Failure("too-large", message % (expression, in_words(size), needed, in_words(free)))


def in_words(size: int) -> str:
    return "%.1f GB" % (size / 1e9) if size >= 1e8 else "%.1f MB" % (size / 1e6)
