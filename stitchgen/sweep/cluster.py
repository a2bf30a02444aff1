"""What the engines of clusters share: what a node carries out, and when its end is believed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from stitchgen.errors import StitchError
from stitchgen.sweep.folders import SweepFolder
from stitchgen.sweep.spec import Run
from stitchgen.sweep.state import Kind, state_of

CarriesOut = Callable[[Sequence[str], str, Mapping[str, str], bool], int]

#: So long a shared folder may take to show what another machine wrote there, in seconds.
SETTLES = 15.0


def carries_out() -> CarriesOut:
    """What a node does with a run. It is pickled as it stands and needs the standard library alone."""

    def carry_out(
        words: Sequence[str],
        said: str,
        environment: Mapping[str, str],
        signals: bool,  # noqa: FBT001  # Ray and submitit call it with what they pickled
    ) -> int:
        """Run a supervisor, whose words go to the file `said`; its exit status.

        Where this is told to end (Ray: KeyboardInterrupt; with `signals` SIGTERM), the supervisor is told.
        """
        import os
        import signal
        import subprocess

        def interrupt(number: int, frame: object) -> None:
            raise KeyboardInterrupt

        if signals:
            signal.signal(signal.SIGTERM, interrupt)
        os.makedirs(os.path.dirname(said), exist_ok=True)
        with open(said, "wb") as stream:
            process = subprocess.Popen(
                words,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        try:
            while True:
                # In turns: Ray's KeyboardInterrupt is not a signal, which would end a wait.
                try:
                    return process.wait(1)
                except subprocess.TimeoutExpired:
                    continue
        except BaseException:
            process.terminate()
            try:
                process.wait(25)
            except subprocess.TimeoutExpired:
                process.kill()
            raise

    return carry_out


class Endings:
    """Which runs have ended, as their folders show it: the engine's word comes first, the files may follow."""

    def __init__(self, folder: SweepFolder):
        self.folder = folder
        self.before: dict[Run, int] = {}
        self.since: dict[Run, float] = {}

    def begun(self, run: Run) -> None:
        self.before[run] = self._written(run)
        self.since.pop(run, None)

    def has_settled(self, run: Run) -> bool:
        """Whether to look at the folder of a run that the engine says has ended."""
        first = self.since.setdefault(run, time.monotonic())
        refresh(self.folder.run(run).path)
        if state_of(self.folder.run(run)).kind is Kind.DONE:
            return True
        return self._written(run) > self.before.get(run, 0) or time.monotonic() > first + SETTLES

    def _written(self, run: Run) -> int:
        return sum(one.exit.exists() for one in self.folder.run(run).tries())


def refresh(path: Path) -> None:
    """Have a network file system look again at what is in a folder."""
    with suppress(OSError):  # not there yet, or another's
        path.chmod(path.stat().st_mode & 0o7777)


def say_in(said: Path, line: str) -> None:
    """Add a line of the engine to what the run's supervisor said."""
    said.parent.mkdir(parents=True, exist_ok=True)
    with open(said, "a", encoding="utf-8") as stream:
        stream.write(line + "\n")


def no_cluster(message: str, hint: str) -> StitchError:
    return StitchError("no-cluster", message, hint=hint)
