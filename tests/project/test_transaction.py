"""files.py: all or nothing, under faults, signals and kills injected at every step of a commit."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from stitchgen.errors import InternalError, StitchError
from stitchgen.project import transaction
from stitchgen.project.transaction import commit, read_bytes, recover
from stitchgen.source.edits import Edit, FileChange
from tests.support.faulty_commits import (
    INTERRUPTED,
    REFUSED,
    Fault,
    server,
    status_of_commit,
    status_of_recovery,
    steps_of_commit,
)

MODEL = b"\xef\xbb\xbfclass Net:\r\n\tpass\r\n"


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed process loses nothing that it wrote, so these tests need not wait for the disk."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def tree(root: Path) -> dict[str, object]:
    """Everything below a folder: kinds, modes, bytes, where links point."""
    found: dict[str, object] = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            found[name] = ("link", os.readlink(path))
        elif path.is_dir():
            found[name] = ("folder", stat.S_IMODE(path.stat().st_mode))
        else:
            found[name] = ("file", stat.S_IMODE(path.stat().st_mode), path.read_bytes())
    return found


def project(root: Path) -> list[FileChange]:
    """A small project, and changes of every kind to it."""
    (root / "nets").mkdir(parents=True)
    (root / "nets" / "model.py").write_bytes(MODEL)
    (root / "nets" / "model.py").chmod(0o640)
    (root / "elsewhere.py").write_bytes(b"x = 1\n")
    (root / "linked.py").symlink_to("elsewhere.py")
    (root / "old.py").write_bytes(b"old\n")
    (root / "old.py").chmod(0o755)
    return [
        FileChange("stitchgen.lock", None, b"[splices]\n"),
        FileChange("old.py", b"old\n", None),
        FileChange.of("nets/model.py", MODEL, [Edit(3, 3, b"import blocks\r\n")]),
        FileChange.of("linked.py", b"x = 1\n", [Edit(6, 6, b"y = 2\n")]),
        FileChange("nets/blocks/attention/cbam.py", None, b"class CBAM: ...\n"),
        FileChange("nets/blocks/se.py", None, b"class SE: ...\n"),
    ]


def refused(code: str, action: Callable[[], object]) -> StitchError:
    with pytest.raises(StitchError) as caught:
        action()
    assert caught.value.code == code, caught.value
    assert caught.value.hint
    return caught.value


# -- without faults ------------------------------------------------------------------------------


def test_no_changes_touch_nothing(tmp_path: Path) -> None:
    commit(tmp_path, [])
    commit(tmp_path, [FileChange("a.py", b"x", b"x")])
    assert tree(tmp_path) == {}


def test_all_changes_are_made_and_nothing_else_is_left(tmp_path: Path) -> None:
    changes = project(tmp_path)
    commit(tmp_path, changes)
    for change in changes:
        path = tmp_path / change.path
        assert (path.read_bytes() if path.exists() else None) == change.after
    assert (tmp_path / "linked.py").is_symlink()
    assert stat.S_IMODE((tmp_path / "nets" / "model.py").stat().st_mode) == 0o640
    assert not (tmp_path / ".stitchgen").exists()
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_new_file_gets_the_mode_that_open_gives(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    commit(tmp_path, [FileChange("a.py", None, b"x")])
    assert (tmp_path / "a.py").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_files_are_written_blocks_first_and_the_ledger_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = project(tmp_path)
    order = []
    put = transaction._put

    def spy(root: Path, journal: transaction._Journal, index: int, content: bytes | None) -> None:
        assert (tmp_path / ".stitchgen" / "journal.json").exists()
        order.append(journal.steps[index].path)
        put(root, journal, index, content)

    monkeypatch.setattr(transaction, "_put", spy)
    commit(tmp_path, changes)
    assert order == [
        "nets/blocks/attention/cbam.py",
        "nets/blocks/se.py",
        "nets/model.py",
        "linked.py",
        "old.py",
        "stitchgen.lock",
    ]


def with_cache(root: Path, *names: str) -> list[str]:
    """A deleted block's compiled copy, with the folders around it, as what is to be cleared."""
    cache = root / "blocks" / "__pycache__"
    cache.mkdir(parents=True)
    (root / "blocks" / "cbam.py").write_bytes(b"x")
    for name in ("cbam.cpython-311.pyc", *names):
        (cache / name).write_bytes(b"")
    return ["blocks", "blocks/__pycache__", "blocks/__pycache__/cbam.cpython-311.pyc", "gone"]


def test_caches_and_empty_folders_are_cleared_away(tmp_path: Path) -> None:
    prune = with_cache(tmp_path)
    commit(tmp_path, [FileChange("blocks/cbam.py", b"x", None)], prune)
    assert tree(tmp_path) == {}


def test_a_folder_that_others_use_stays(tmp_path: Path) -> None:
    prune = with_cache(tmp_path, "cbam2.cpython-311.pyc")
    commit(tmp_path, [FileChange("blocks/cbam.py", b"x", None)], prune)
    assert set(tree(tmp_path)) == {
        "blocks",
        "blocks/__pycache__",
        "blocks/__pycache__/cbam2.cpython-311.pyc",
    }


# -- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "disturb",
    [
        pytest.param(lambda root: (root / "nets/model.py").write_bytes(b"other"), id="changed"),
        pytest.param(lambda root: (root / "nets/model.py").unlink(), id="gone"),
        pytest.param(lambda root: (root / "stitchgen.lock").write_bytes(b""), id="appeared"),
    ],
)
def test_a_file_that_changed_since_the_plan(
    disturb: Callable[[Path], object], tmp_path: Path
) -> None:
    changes = project(tmp_path)
    disturb(tmp_path)
    before = tree(tmp_path)
    refused("file-changed", lambda: commit(tmp_path, changes))
    assert tree(tmp_path) == before


def test_a_file_that_changes_while_the_others_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = project(tmp_path)
    put = transaction._put
    model = tmp_path / "nets" / "model.py"

    def meddle(
        root: Path, journal: transaction._Journal, index: int, content: bytes | None
    ) -> None:
        put(root, journal, index, content)
        model.write_bytes(b"the owner saved it just now")

    monkeypatch.setattr(transaction, "_put", meddle)
    error = refused("file-changed", lambda: commit(tmp_path, changes))
    assert error.where == "nets/model.py"
    assert model.read_bytes() == b"the owner saved it just now"
    assert not (tmp_path / "nets" / "blocks").exists()
    assert not (tmp_path / ".stitchgen").exists()


@pytest.mark.parametrize(
    "path",
    ["nets/model.py", "nets", "elsewhere.py", "."],
)
def test_read_only_files_and_folders(path: str, tmp_path: Path) -> None:
    changes = project(tmp_path)
    guarded = tmp_path / path
    guarded.chmod(guarded.stat().st_mode & ~0o222)
    before = tree(tmp_path)
    try:
        refused("not-writable", lambda: commit(tmp_path, changes))
        assert tree(tmp_path) == before
    finally:
        guarded.chmod(0o755)


def test_a_file_where_a_folder_must_be(tmp_path: Path) -> None:
    (tmp_path / "blocks").write_bytes(b"")
    before = tree(tmp_path)
    refused("not-writable", lambda: commit(tmp_path, [FileChange("blocks/a.py", None, b"x")]))
    assert tree(tmp_path) == before


def test_two_changes_of_one_file_are_a_defect_of_the_plan(tmp_path: Path) -> None:
    project(tmp_path)
    changes = [
        FileChange("linked.py", b"x = 1\n", b"a"),
        FileChange("elsewhere.py", b"x = 1\n", b"b"),
    ]
    with pytest.raises(InternalError):
        commit(tmp_path, changes)


def test_reading_what_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "none.py", tmp_path):
        with pytest.raises(StitchError) as caught:
            read_bytes(path)
        assert caught.value.code == "file-not-found"


# -- faults at every step ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def forks() -> Iterator[ForkServerContext]:
    with pytest.MonkeyPatch.context() as patch:
        yield server(patch)


def sweep(
    forks: ForkServerContext,
    tmp_path: Path,
    fault: Callable[[int], Fault],
    after: Callable[[Path, int], bool],
) -> None:
    """Meet a fault at each step in turn on a fresh project; afterwards all is done, or nothing is."""
    total = steps_of_commit(forks, tmp_path / "count", project(tmp_path / "count"))
    assert total > 60
    reference = tmp_path / "reference"
    changes = project(reference)
    untouched = tree(reference)
    commit(reference, changes)
    written = tree(reference)
    outcomes = set()
    for step in range(1, total + 1):
        root = tmp_path / str(step)
        changes = project(root)
        done = after(root, status_of_commit(forks, root, changes, fault(step)))
        now = tree(root)
        assert now == (written if done else untouched), step
        outcomes.add(done)
        if not done:  # nothing stands in the way of the same command, run again
            commit(root, changes, prune=["gone"])
            assert tree(root) == written, step
    assert outcomes == {True, False}


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
def test_killed_at_any_step_the_next_command_settles_it(
    late: bool, forks: ForkServerContext, tmp_path: Path
) -> None:
    def settled(root: Path, status: int) -> bool:
        assert status == -signal.SIGKILL
        recover(root)
        return (root / "stitchgen.lock").exists()

    sweep(forks, tmp_path, lambda step: Fault(step, signal.SIGKILL, late=late), settled)


def test_killed_again_while_settling_the_next_command_settles_it(
    forks: ForkServerContext, tmp_path: Path
) -> None:
    reference = tmp_path / "reference"
    project(reference)
    untouched = tree(reference)
    halfway = steps_of_commit(forks, tmp_path / "count", project(tmp_path / "count")) * 3 // 4
    for step in range(1, 200):
        root = tmp_path / str(step)
        status_of_commit(forks, root, project(root), Fault(halfway, signal.SIGKILL))
        assert (root / ".stitchgen" / "journal.json").exists()
        status = status_of_recovery(forks, root, Fault(step, signal.SIGKILL, late=True))
        recover(root)
        assert tree(root) == untouched
        if status == 0:
            assert step > 10
            return
    raise AssertionError("settling never came to an end")


@pytest.mark.parametrize("kind", [errno.ENOSPC, errno.EACCES])
def test_a_disk_error_at_any_step_puts_everything_back(
    kind: int, forks: ForkServerContext, tmp_path: Path
) -> None:
    def settled(root: Path, status: int) -> bool:
        # A step of tidying up may fail unseen; a crash of stitchgen may not come of it.
        assert status in (0, REFUSED), status
        if (root / ".stitchgen").exists():
            recover(root)
        return status == 0

    sweep(forks, tmp_path, lambda step: Fault(step, error=kind), settled)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_at_any_step_leaves_nothing_half_written(
    number: signal.Signals, forks: ForkServerContext, tmp_path: Path
) -> None:
    def settled(root: Path, status: int) -> bool:
        assert status == (INTERRUPTED if number == signal.SIGINT else -number) or status == 0
        if status != -number:
            assert not (root / ".stitchgen").exists()
        recover(root)  # a signal after the lock is released may leave the next command to tidy up
        return (root / "stitchgen.lock").exists()

    sweep(forks, tmp_path, lambda step: Fault(step, number), settled)


def test_a_signal_that_the_process_ignores_stays_ignored(
    forks: ForkServerContext, tmp_path: Path
) -> None:
    fault = Fault(20, signal.SIGHUP, ignored=True)
    assert status_of_commit(forks, tmp_path / "x", project(tmp_path / "x"), fault) == 0


def test_a_file_edited_after_a_kill_is_not_overwritten(
    forks: ForkServerContext, tmp_path: Path
) -> None:
    changes = project(tmp_path)
    total = steps_of_commit(forks, tmp_path / "count", project(tmp_path / "count"))
    status_of_commit(forks, tmp_path, changes, Fault(total * 3 // 4, signal.SIGKILL))
    model = tmp_path / "nets" / "model.py"
    model.write_bytes(b"edited")
    error = refused("file-changed", lambda: recover(tmp_path))
    assert error.where == "nets/model.py" and model.read_bytes() == b"edited"
    backup = next(word for word in error.message.split() if word.startswith(".stitchgen/"))
    assert (tmp_path / backup).read_bytes() == MODEL
    model.write_bytes(MODEL)
    assert recover(tmp_path)
    assert not (tmp_path / "nets" / "blocks").exists()


# -- two at once ---------------------------------------------------------------------------------

HOLDER = """
import sys, time
from pathlib import Path
from stitchgen.project import transaction
with transaction._lock(Path(sys.argv[1]), []):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def hold(root: Path, seconds: float) -> subprocess.Popen[bytes]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(root), str(seconds)], stdout=subprocess.PIPE
    )
    assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
    return holder


def test_a_second_command_waits_for_the_first(tmp_path: Path) -> None:
    with hold(tmp_path, 0.5) as holder:
        recover(tmp_path)
        commit(tmp_path, [FileChange("a.py", None, b"x")])
        assert holder.wait() == 0
    assert set(tree(tmp_path)) == {"a.py"}


def test_a_second_command_gives_up_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction, "LOCK_SECONDS", 0.2)
    with hold(tmp_path, 60) as holder:
        refused("locked", lambda: commit(tmp_path, [FileChange("a.py", None, b"x")]))
        refused("locked", lambda: recover(tmp_path))
        holder.kill()
    assert recover(tmp_path) == ()
    assert tree(tmp_path) == {}


def test_ctrl_c_while_waiting(tmp_path: Path) -> None:
    # Whoever runs the tests in the background has it ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with hold(tmp_path, 60) as holder:
            timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
            timer.start()
            with pytest.raises(KeyboardInterrupt):
                commit(tmp_path, [FileChange("a.py", None, b"x")])
            holder.kill()
    finally:
        signal.signal(signal.SIGINT, before)


COUNTER = """
import sys
from pathlib import Path
from stitchgen.source.edits import FileChange
from stitchgen.errors import StitchError
from stitchgen.project.transaction import commit, recover
root, path = Path(sys.argv[1]), Path(sys.argv[1]) / "count"
done = 0
while done < 15:
    try:
        recover(root)
        before = path.read_bytes()
        commit(root, [FileChange("count", before, b"%d" % (int(before) + 1))])
        done += 1
    except StitchError as error:
        # One waits or refuses; on a busy machine it may have waited long enough to refuse.
        assert error.code in ("file-changed", "locked"), error
"""


def test_no_write_is_lost_between_many_commands_at_once(tmp_path: Path) -> None:
    (tmp_path / "count").write_bytes(b"0")
    workers = [subprocess.Popen([sys.executable, "-c", COUNTER, str(tmp_path)]) for _ in range(4)]
    assert [worker.wait() for worker in workers] == [0, 0, 0, 0]
    assert tree(tmp_path) == {"count": ("file", 0o644, b"60")}
