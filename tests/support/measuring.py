"""Coverage of the observer, which is killed when it is no longer needed, and its figures with it.

While coverage is measured it is let come to its end instead.
"""

from __future__ import annotations

import os
import subprocess

import pytest

from stitchgen.analysis.runtime_backend import Observer


def is_measured() -> bool:
    """Whether coverage hands itself on to the processes that are started (`patch` in pyproject)."""
    return "COVERAGE_PROCESS_CONFIG" in os.environ


def let_observers_end(patch: pytest.MonkeyPatch) -> None:
    kill = Observer.close

    def close(self: Observer) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.close()  # no further requests
            self.process.wait(timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            pass  # it is gone already, or busy with a model that does not end
        kill(self)

    patch.setattr(Observer, "close", close)
