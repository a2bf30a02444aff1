"""`remove` and `update`, killed at any step: the next command finds all done, or nothing."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from stitchgen.catalog import folders
from stitchgen.history import update
from stitchgen.pipeline import new_module, remove
from stitchgen.pipeline import splice as splice_blocks
from stitchgen.project.config import Project
from stitchgen.project.transaction import commit, recover
from stitchgen.source.edits import FileChange
from tests.support.commands import request_of
from tests.support.faults import inject
from tests.support.spliced import MODEL, splice, tree

TWO_LAYERS = """\
from torch import nn


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.fc = nn.Linear(width, 5)

    def forward(self, x):
        x = self.conv(x)
        return self.fc(x.mean((2, 3)))
"""


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def with_splices(root: Path) -> None:
    (root / "model.py").write_text(MODEL)
    splice(root)
    splice(root, "conv1", "se")


def with_newer_block(root: Path) -> None:
    """A block that its catalog has newer, edited by the user in the same line."""
    catalog = root / "lab-blocks"
    catalog.mkdir()
    shutil.copy(folders.get("eca").template, catalog / "eca.py.j2")
    new_module.run(Project(root, catalogs=(str(catalog),)), "lab/eca")
    for path, text in ((catalog / "eca.py.j2", "not {"), (root / "blocks" / "eca.py", "is {")):
        path.write_text(path.read_text().replace("got {channels", f"{text}channels"))


def removal(root: Path) -> None:
    remove.run(Project(root), ("layer2_cbam",))


PLANNED: list[FileChange] = []


def with_plan_for_several_blocks(root: Path) -> None:
    (root / "model.py").write_text(TWO_LAYERS)
    request = request_of("cbam,se --after model.py::Net.conv --no-prove", "python")
    PLANNED[:] = splice_blocks.propose(Project(root), request, dry_run=False).changes


def several_blocks(root: Path) -> None:
    commit(root, PLANNED)


def updating(root: Path) -> None:
    update.run(Project(root, catalogs=(str(root / "lab-blocks"),)), (), every=True)


def in_child(work: Callable[[], None]) -> int:
    """The wait status of a forked process that does the work."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1]


@pytest.mark.parametrize(
    ("prepare", "command"),
    [
        (with_splices, removal),
        (with_newer_block, updating),
        (with_plan_for_several_blocks, several_blocks),
    ],
    ids=["remove", "update", "several blocks"],
)
def test_killed_at_any_step(
    prepare: Callable[[Path], None], command: Callable[[Path], None], tmp_path: Path
) -> None:
    def kill(name: str) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    original, done = tmp_path / "original", tmp_path / "done"
    original.mkdir()
    prepare(original)
    before = tree(original)
    shutil.copytree(original, done)
    command(done)
    after = tree(done)
    outcomes = set()
    for step in range(1, 400, 2):  # half of the time before the step, half after it
        root = tmp_path / "root"
        shutil.copytree(original, root)

        def work() -> None:
            inject(step, kill, late=step % 4 == 1)
            command(root)

        killed = os.WIFSIGNALED(in_child(work))
        recover(root)
        found = tree(root)
        assert found in (before, after), step
        outcomes.add(found == after)
        shutil.rmtree(root)
        if not killed:
            assert step > 40 and outcomes == {True, False}
            return
    raise AssertionError("the command never came to an end")
