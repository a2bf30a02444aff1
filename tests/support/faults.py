"""Faults at any step of what changes the disk."""

from __future__ import annotations

import os
from collections.abc import Callable

CALLS = ("open", "write", "fsync", "replace", "mkdir", "unlink", "rmdir", "chmod", "chown", "close")


def inject(at: int, fault: Callable[[str], None], late: bool) -> Callable[[], int]:
    """From now on, the `at`-th call that changes the disk meets a fault, before it or after it."""
    count = 0
    real = {name: getattr(os, name) for name in CALLS}

    def wrap(name: str) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            nonlocal count
            count += 1
            mine = count == at
            if mine and not late:
                fault(name)
            try:
                return real[name](*arguments, **options)
            finally:
                if mine and late:
                    fault(name)

        return call

    for name in CALLS:
        setattr(os, name, wrap(name))
    return lambda: count
