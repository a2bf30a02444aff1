"""How many threads torch takes: one, and more only where a forward is long enough to be shared.

Threads that wait for each other spin, and on a busy machine they do little else. The number stays the same
within one proof, whose runs are compared bit for bit.
"""

from __future__ import annotations

import os
from typing import Optional

import torch

#: Seconds that a forward takes on one thread before more are taken.
WORTH_SHARING = 1.0
#: Where Linux says how much of the processors a container may use: quota and period, in microseconds.
QUOTA = "/sys/fs/cgroup/cpu.max"


def take(number: int) -> None:
    torch.set_num_threads(number)


def take_one() -> None:
    take(1)


def take_what_pays(seconds: float) -> None:
    """More than one thread where a forward took that long on one, and processors are idle."""
    if seconds < WORTH_SHARING:
        return
    idle = usable() - max(0, round(load()) - 1)  # this process is part of the load
    torch.set_num_threads(max(1, min(idle, usable())))


def usable() -> int:
    """The processors that this process may use, or as many as OMP_NUM_THREADS says, where that is less."""
    found = [os.cpu_count() or 1]
    if hasattr(os, "sched_getaffinity"):
        found.append(len(os.sched_getaffinity(0)))
    quota = granted()
    if quota is not None:
        found.append(max(1, int(quota)))
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    if asked.isdigit() and int(asked):
        found.append(int(asked))
    return min(found)


def granted(file: str = QUOTA) -> Optional[float]:
    """How many processors' time the control group grants; None for no limit."""
    try:
        with open(file) as stream:
            quota, period = stream.read().split()
        return float(quota) / float(period)
    except (OSError, ValueError):  # "max 100000", or another system
        return None


def load() -> float:
    """How many processes want a processor, over the last minute; 0 where that is not known."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
