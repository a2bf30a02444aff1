"""Commits in processes of their own, each of which meets a fault at one of its steps.

They are forked from a small process that holds stitchgen.project alone: a fork of the one that runs the tests, which
holds torch, takes a hundred times as long.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from multiprocessing.forkserver import ensure_running
from pathlib import Path

import pytest

from stitchgen.errors import StitchError
from stitchgen.project.transaction import commit, recover
from stitchgen.source.edits import FileChange
from tests.support.faults import inject

#: How a process ends that refused with a StitchError, was interrupted, or met anything else.
REFUSED, INTERRUPTED, CRASHED = 3, 4, 5
#: Files that a commit leaves when it is over.
PRUNED = ("gone",)


@dataclass(frozen=True)
class Fault:
    """What happens at a step: a signal to the process, or else the error of a call."""

    step: int
    signal: signal.Signals | None = None
    error: int = 0
    late: bool = False
    ignored: bool = False  # the signal, from the start, as under nohup

    def arm(self) -> None:
        if self.signal is not None and self.signal != signal.SIGKILL:
            # In the background an interrupt is ignored from the start.
            usual = signal.default_int_handler if self.signal == signal.SIGINT else signal.SIG_DFL
            signal.signal(self.signal, signal.SIG_IGN if self.ignored else usual)
        inject(self.step, self.strike, self.late)

    def strike(self, name: str) -> None:
        if self.signal is None:
            raise OSError(self.error, os.strerror(self.error), "some/file")
        os.kill(os.getpid(), self.signal)


def server(patch: pytest.MonkeyPatch) -> ForkServerContext:
    """The small process; it and what it forks find this module."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.support.faulty_commits"])
    patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    ensure_running()
    return context


def status_of_commit(
    context: ForkServerContext, root: Path, changes: Sequence[FileChange], fault: Fault
) -> int:
    """The exit status of a commit that meets a fault; below zero, the signal that ended it."""
    return _status(context, _commit, root, changes, fault)


def status_of_recovery(context: ForkServerContext, root: Path, fault: Fault) -> int:
    """The exit status of what settles an earlier commit, and meets a fault itself."""
    return _status(context, _recover, root, fault)


def steps_of_commit(context: ForkServerContext, root: Path, changes: Sequence[FileChange]) -> int:
    """How many calls that change the disk a commit makes."""
    reader, writer = context.Pipe(duplex=False)
    _status(context, _count, root, changes, writer)
    return int(reader.recv())


def _status(context, work, *arguments) -> int:
    process = context.Process(target=_ended, args=(work, *arguments))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _ended(work, *arguments) -> None:
    status = CRASHED
    try:
        # A killed process loses nothing that it wrote, so the disk need not be waited for.
        os.fsync = lambda handle: None
        work(*arguments)
        status = 0
    except StitchError:
        status = REFUSED
    except KeyboardInterrupt:
        status = INTERRUPTED
    finally:
        os._exit(status)


def _commit(root: Path, changes: Sequence[FileChange], fault: Fault) -> None:
    fault.arm()
    commit(root, changes, prune=PRUNED)


def _recover(root: Path, fault: Fault) -> None:
    fault.arm()
    recover(root)


def _count(root: Path, changes: Sequence[FileChange], writer) -> None:
    counted = inject(-1, lambda name: None, late=False)
    commit(root, changes, prune=PRUNED)
    writer.send(counted())
