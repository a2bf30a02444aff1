"""The engine of this machine: so many runs at once, each on a GPU of its own where GPUs are the slots."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence

from stitchgen.sweep.command import supervisor
from stitchgen.sweep.folders import SweepFolder
from stitchgen.sweep.spec import Run

#: How long a supervisor may take to end its training.
PATIENCE = 25.0


class LocalEngine:
    """Each run is a process of its own session: Ctrl-C reaches it through `stop` alone."""

    def __init__(self, folder: SweepFolder, jobs: int, gpus: Sequence[str] = ()):
        self.folder = folder
        self.slots: list[str | None] = [*gpus] if gpus else [None] * jobs
        self.going: dict[Run, tuple[subprocess.Popen[bytes], str | None]] = {}

    def start(self, runs: Sequence[Run]) -> list[Run]:
        started = []
        for run in runs:
            if not self.slots:
                break
            slot = self.slots.pop(0)
            environment = (
                dict(os.environ) if slot is None else {**os.environ, "STITCHGEN_GPU": slot}
            )
            place = self.folder.run(run)
            place.path.mkdir(parents=True, exist_ok=True)
            with open(place.said, "wb") as said:
                process = subprocess.Popen(
                    supervisor(place.path),
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                    start_new_session=True,
                )
            self.going[run] = (process, slot)
            started.append(run)
        return started

    def poll(self) -> list[Run]:
        ended = [run for run, (process, _) in self.going.items() if process.poll() is not None]
        for run in ended:
            self.slots.append(self.going.pop(run)[1])
        return ended

    def stop(self) -> None:
        for process, _ in self.going.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process, _ in self.going.values():
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
        self.going.clear()
