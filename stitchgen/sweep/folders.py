"""Where a sweep keeps its files. The state is these files; there is no other.

.stitchgen/sweeps/NAME/
  spec.json                     what was asked, the hashes of the sources
  variants/cbam/                the bytes that `add` wrote, its report, cbam.diff
  runs/cbam/seed-3/try-1/       tree/, output.txt, settings.json, events/, exit.json
  runs/cbam/seed-3/result.json  the run is done
  latency.json                  the time of a forward, of each variant against the baseline
  report/
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stitchgen.errors import StitchError
from stitchgen.sweep.spec import BASELINE, Run

STATE = ".stitchgen"


@dataclass(frozen=True)
class SweepFolder:
    """The files of one sweep."""

    root: Path  # of the project
    name: str

    @property
    def path(self) -> Path:
        return self.root / STATE / "sweeps" / self.name

    @property
    def spec(self) -> Path:
        return self.path / "spec.json"

    @property
    def report(self) -> Path:
        return self.path / "report"

    @property
    def latency(self) -> Path:
        """The times of the variants, or why there are none (`latency.py`)."""
        return self.path / "latency.json"

    def variant(self, name: str) -> Path:
        return self.path / "variants" / name

    def run(self, run: Run) -> RunFolder:
        return RunFolder(self.path / "runs" / run.variant / f"seed-{run.seed}")

    def baseline_of(self, run: Run) -> RunFolder:
        return self.run(Run(BASELINE, run.seed))

    def make(self) -> None:
        """The folder, which git never sees."""
        self.path.mkdir(parents=True, exist_ok=True)
        ignore = self.root / STATE / "sweeps" / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", "utf-8")


@dataclass(frozen=True)
class RunFolder:
    """The files of one run and its tries."""

    path: Path

    @property
    def result(self) -> Path:
        return self.path / "result.json"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def said(self) -> Path:
        """What the run's supervisor itself printed: nothing, unless it failed."""
        return self.path / "supervisor.txt"

    def tries(self) -> list[TryFolder]:
        """In the order in which they were begun."""
        found = [TryFolder(path) for path in self.path.glob("try-*") if path.is_dir()]
        return sorted(found, key=lambda one: one.number)

    def next_try(self) -> TryFolder:
        tries = self.tries()
        number = tries[-1].number + 1 if tries else 1
        return TryFolder(self.path / f"try-{number}")


@dataclass(frozen=True)
class TryFolder:
    """The files of one try."""

    path: Path

    @property
    def number(self) -> int:
        return int(self.path.name.removeprefix("try-"))

    @property
    def tree(self) -> Path:
        return self.path / "tree"

    @property
    def output(self) -> Path:
        return self.path / "output.txt"

    @property
    def events(self) -> Path:
        return self.path / "events"

    @property
    def settings(self) -> Path:
        return self.path / "settings.json"

    @property
    def exit(self) -> Path:
        return self.path / "exit.json"


def read_json(path: Path) -> Any:
    """The content; None where there is no such file."""
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None


def write_json(path: Path, content: Any) -> None:
    """The file is the old one or the new one, whenever the process or the machine stops."""
    write_bytes(path, (json.dumps(content, indent=1) + "\n").encode())


def write_bytes(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with open(draft, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(draft, path)


#: What a system says of a disk that is full, or of a user who has had the share of it.
FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def room_for(path: Path) -> Iterator[None]:
    """What is written within refuses a disk that is full by that name."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise disk_full(path, error.strerror or "it is full") from error


def disk_full(path: Path, why: str) -> StitchError:
    return StitchError(
        "disk-full",
        f"the sweep needs more room: {why}; what is done is kept",
        where=str(path),
        hint="make room, then run the same command again: it goes on",
    )


@contextmanager
def only_one(path: Path, message: str) -> Iterator[int]:
    """Hold a lock that ends with whoever has its descriptor: this process, and those it is passed on to."""
    descriptor = take_lock(path)
    if descriptor is None:
        raise StitchError(
            "locked",
            message,
            where=str(path.parent),
            hint="wait until it has ended, then run the same command again",
        )
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def take_lock(path: Path) -> int | None:
    """The descriptor of the lock; None where another process has it."""
    try:
        import fcntl
    except ImportError as error:  # Windows
        raise StitchError(
            "unsupported",
            "stitchgen sweep needs a system with flock, which Windows has not",
            hint="run it in the Windows Subsystem for Linux",
        ) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError as error:  # a network file system that is mounted without locks
        os.close(descriptor)
        raise StitchError(
            "unsupported",
            f"the file system of the sweep has no locks: {error.strerror or error}",
            where=str(path),
            hint="put the project on one that has (NFS 4, Lustre with -o flock, a local disk)",
        ) from error
    return descriptor


def is_busy(path: Path) -> bool:
    """Whether a process has the lock."""
    if not path.exists():
        return False
    descriptor = take_lock(path)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def size_of(path: Path) -> int:
    """The bytes of what is in a folder; what is linked there is somewhere else."""
    total = 0
    for folder, _, files in os.walk(path):
        for file in files:
            try:
                total += os.lstat(os.path.join(folder, file)).st_size
            except OSError:
                continue  # gone meanwhile
    return total
