"""Where runs are started: three calls. What has become of a run is read in its folder, not by the engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from stitchgen.sweep.spec import Run


class Engine(Protocol):
    """Starts `stitchgen sweep exec RUN` somewhere that sees the folder."""

    def start(self, runs: Sequence[Run]) -> list[Run]:
        """Start as many of them as there is room for, in their order; those that were started."""
        ...

    def poll(self) -> list[Run]:
        """Those that have ended since they were asked for last."""
        ...

    def stop(self) -> None:
        """End all that are going."""
        ...
