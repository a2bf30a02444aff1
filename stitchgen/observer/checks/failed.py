"""A check that does not hold."""

from __future__ import annotations

from typing import Optional


class CheckFailed(Exception):
    """A check does not hold. `message` is for the user: which layer, what was seen.

    `check` is the check's name; `mode` is eval or train where it fails in one of them.
    """

    def __init__(self, check: str, message: str, mode: Optional[str] = None) -> None:
        super().__init__(message)
        self.check = check
        self.message = message
        self.mode = mode


class Unstable(Exception):
    """The perturbed model left the finite numbers: perturb it less."""
