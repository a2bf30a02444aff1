"""Reading files, and writing several of them as one: all or nothing, whatever happens on the way.

Owns the folder `.stitchgen/`: the lock, the journal, and the bytes from before. Nobody else writes
into a user's project.

How a commit goes: under the lock, every file is compared with what the plan was made from; the
bytes from before and a journal that names them reach the disk; then each file is replaced at once,
by a rename beside the real file (so symlinks stay and modes are kept), block files first, then the
files that import them, the ledger last. A failure or a signal puts everything back. A kill leaves
the journal, and the next command resolves it: if every file had been written the run is finished,
else it is rolled back. The journal goes last, and `.stitchgen/` with it.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import stat
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from stitchgen.errors import InternalError, StitchError
from stitchgen.source.edits import FileChange

#: The record of what was put where. It is written last: what it says has then happened.
LEDGER = "stitchgen.lock"

#: The folder for a run that is under way; it is there only as long as one is.
STATE = ".stitchgen"

#: How long a command waits for another one in the same project.
LOCK_SECONDS = 5.0

_JOURNAL = "journal.json"
_DRAFT = "journal.tmp"


def digest(raw: bytes) -> str:
    """The SHA-256 of the bytes, in hex, as the journal and the ledger record files."""
    return hashlib.sha256(raw).hexdigest()


def read_bytes(path: Path) -> bytes:
    """The bytes of a file; a refusal where there is none to be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise StitchError("file-not-found", f"there is no file {path}", where=str(path)) from error
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}"
        raise StitchError("file-not-found", message, where=str(path)) from error


# -- committing ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Step:
    """What the journal knows of one file: hashes (None: no such file) and how to restore it."""

    path: str
    before: str | None
    after: str | None
    mode: int | None
    owner: tuple[int, int] | None


@dataclass(frozen=True)
class _Journal:
    """A run under way. `made` are the folders it creates, `prune` is what it clears away last."""

    steps: tuple[_Step, ...]
    made: tuple[str, ...]
    prune: tuple[str, ...]


class _Interrupted(Exception):
    """A signal came between two steps."""


def commit(root: Path, changes: Sequence[FileChange], prune: Sequence[str] = ()) -> None:
    """Make all changes, or none.

    What is in `prune` is cleared away afterwards: files that are mere caches, and folders if they
    are empty by then. Refuses with `file-changed` where a file is no longer what the plan was made
    from, with `not-writable`, and with `locked`.
    """
    ordered = _in_order(changes)
    if not ordered:
        return
    with _refusals(root), _signals_held() as signals, _lock(root, signals):
        _roll_back_or_finish(root)
        _check(root, ordered)
        journal = _begin(root, ordered, prune)
        try:
            for index, change in enumerate(ordered):
                if signals:
                    raise _Interrupted
                _unchanged(root, change)
                _put(root, journal, index, change.after)
            if signals:
                raise _Interrupted
            _finish(root, journal)
        except BaseException:
            _roll_back(root, journal)
            raise


def recover(root: Path) -> tuple[str, ...]:
    """Resolve what a killed command left behind; the paths of the files that were put back.

    Called at the start of every command. Costs one look at the disk where nothing is to be done.
    """
    if not os.path.lexists(root / STATE):
        return ()
    restored: tuple[str, ...] = ()
    with _refusals(root), _signals_held() as signals, _lock(root, signals):
        restored = _roll_back_or_finish(root)
    return restored


def _in_order(changes: Sequence[FileChange]) -> list[FileChange]:
    """The changes in the order of writing: at no moment does a file import one that is missing."""
    rank = {"create": 0, "edit": 1, "delete": 2}
    listed = [change for change in changes if change.before != change.after]
    return sorted(listed, key=lambda change: (change.path == LEDGER, rank[change.action]))


def _check(root: Path, changes: Sequence[FileChange]) -> None:
    """Refuse before anything is written whatever can be known to fail."""
    real = [os.path.realpath(root / change.path) for change in changes]
    if len(set(real)) < len(real):
        raise InternalError(f"two changes of one plan meet in one file: {sorted(real)}")
    for change, path in zip(changes, real):
        _unchanged(root, change)
        if os.path.lexists(path):
            _writable(path, change.path)
        folder = os.path.dirname(path)
        while not os.path.lexists(folder):
            folder = os.path.dirname(folder)
        below = os.path.relpath(folder, os.path.realpath(root))
        _writable(folder, str(root) if below == "." else below)


def _writable(path: str, shown: str) -> None:
    # The mode is asked too: to root, whom access() allows everything, "read-only" is still a request.
    if os.access(path, os.W_OK) and stat.S_IMODE(os.stat(path).st_mode) & 0o222:
        return
    kind = "folder" if os.path.isdir(path) else "file"
    raise StitchError(
        "not-writable",
        f"the {kind} {shown} is read-only; nothing was written",
        where=shown,
        hint=f"make it writable, for example with: chmod u+w {shown}",
    )


def _unchanged(root: Path, change: FileChange) -> None:
    """Refuse if the file on disk is not the one that the plan was made from."""
    now = _content(root / change.path)
    if now == change.before:
        return
    if change.before is None:
        what = "has appeared"
    else:
        what = "is gone" if now is None else "was changed"
    raise StitchError(
        "file-changed",
        f"{change.path} {what} while stitchgen was at work; nothing was written",
        where=change.path,
        hint="run the same command again: it will start from the file as it is now",
    )


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _begin(root: Path, changes: Sequence[FileChange], prune: Sequence[str]) -> _Journal:
    """Bring the bytes from before, then the journal, to the disk."""
    steps = []
    for index, change in enumerate(changes):
        mode = owner = None
        if change.before is not None:
            status = os.stat(root / change.path)
            mode, owner = stat.S_IMODE(status.st_mode), (status.st_uid, status.st_gid)
            _write(root / STATE / _backup(index), change.before)
        after = None if change.after is None else digest(change.after)
        before = None if change.before is None else digest(change.before)
        steps.append(_Step(change.path, before, after, mode, owner))
    made = _missing_folders(root, [change.path for change in changes if change.before is None])
    journal = _Journal(tuple(steps), tuple(made), tuple(prune))
    _write(root / STATE / _DRAFT, json.dumps(asdict(journal), indent=1).encode("utf-8"))
    os.replace(root / STATE / _DRAFT, root / STATE / _JOURNAL)
    _sync_folder(root / STATE)
    _sync_folder(root)
    return journal


def _missing_folders(root: Path, paths: Sequence[str]) -> list[str]:
    """The folders that must be made for these files, outer ones first."""
    missing = set()
    for path in paths:
        for folder in Path(path).parents:
            if not os.path.lexists(root / folder):
                missing.add(folder.as_posix())
    return sorted(missing)


def _put(root: Path, journal: _Journal, index: int, content: bytes | None) -> None:
    """Replace, create or remove one file of the journal at once."""
    step = journal.steps[index]
    path = os.path.realpath(root / step.path)
    folder = os.path.dirname(path)
    if content is None:
        with suppress(FileNotFoundError):
            os.unlink(path)
    else:
        for missing in reversed(_missing_above(folder)):
            with suppress(FileExistsError):
                os.mkdir(missing)
        draft = _draft(path, index)
        _write(Path(draft), content, step.mode, step.owner)
        os.replace(draft, path)
    if os.path.isdir(folder):
        _sync_folder(Path(folder))


def _missing_above(folder: str) -> list[str]:
    missing = []
    while not os.path.lexists(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    return missing


def _finish(root: Path, journal: _Journal) -> None:
    """All files are written: clear away what nobody needs any more, and close the journal."""
    for path in sorted(journal.prune, reverse=True):  # what is in a folder comes before it
        with suppress(OSError):  # not empty, or gone already: then it is not ours to remove
            if (root / path).is_dir():
                os.rmdir(root / path)
            else:
                os.unlink(root / path)
    os.unlink(root / STATE / _JOURNAL)


# -- recovering ----------------------------------------------------------------------------------


def _roll_back_or_finish(root: Path) -> tuple[str, ...]:
    """Finish or roll back the run whose journal is there, if one is."""
    try:
        text = (root / STATE / _JOURNAL).read_bytes()
    except FileNotFoundError:
        return ()
    fields = json.loads(text)
    journal = _Journal(
        tuple(_Step(**step) for step in fields["steps"]),
        tuple(fields["made"]),
        tuple(fields["prune"]),
    )
    states = [(step, _content(root / step.path)) for step in journal.steps]
    hashes = [(step, None if now is None else digest(now)) for step, now in states]
    foreign = [step for step, now in hashes if now not in (step.before, step.after)]
    if foreign:
        backup = f"{STATE}/{_backup(journal.steps.index(foreign[0]))}"
        kept = f"; its bytes from before that are in {backup}" if foreign[0].before else ""
        raise StitchError(
            "file-changed",
            f"{foreign[0].path} was changed after a run of stitchgen was killed in the middle, "
            f"so the run can be neither finished nor taken back{kept}",
            where=foreign[0].path,
            hint=f"put the file back and run the command again, or delete {STATE}/ to keep all "
            "files as they are",
        )
    if all(now == step.after for step, now in hashes):
        _clear_drafts(root, journal)
        _finish(root, journal)
        return ()
    _roll_back(root, journal)
    return tuple(step.path for step, now in hashes if now != step.before)


def _roll_back(root: Path, journal: _Journal) -> None:
    """Put every file back that was written, remove the folders that were made, drop the journal.

    A file that is neither as before nor as planned has been changed by somebody else meanwhile,
    before its turn came: it stays.
    """
    try:
        _clear_drafts(root, journal)
        for index, step in reversed(list(enumerate(journal.steps))):
            now = _content(root / step.path)
            if (None if now is None else digest(now)) == step.after:
                backup = root / STATE / _backup(index)
                _put(root, journal, index, None if step.before is None else backup.read_bytes())
        for folder in reversed(journal.made):
            with suppress(OSError):  # not made yet, or somebody put a file there
                os.rmdir(root / folder)
        with suppress(FileNotFoundError):
            os.unlink(root / STATE / _JOURNAL)
    except OSError as error:
        raise StitchError(
            "not-writable",
            f"the run failed, and so did putting the files back: {error.strerror or error}",
            where=str(error.filename or root),
            hint=f"nothing is lost: {STATE}/ holds the bytes from before; remove the cause, and "
            "the next stitchgen command puts them back",
        ) from error


def _clear_drafts(root: Path, journal: _Journal) -> None:
    for index, step in enumerate(journal.steps):
        with suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(_draft(os.path.realpath(root / step.path), index))


def _backup(index: int) -> str:
    return f"before-{index}"


def _draft(path: str, index: int) -> str:
    """Where a file's new bytes are written first: beside it, so that the rename is one step."""
    return os.path.join(os.path.dirname(path), f".stitchgen-{index}.tmp")


# -- the disk ------------------------------------------------------------------------------------


def _write(
    path: Path, content: bytes, mode: int | None = None, owner: Sequence[int] | None = None
) -> None:
    """A new file with these bytes, on the disk when this returns."""
    with suppress(FileNotFoundError):
        os.unlink(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags, 0o666)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(handle, rest) :]
        if owner is not None and hasattr(os, "chown"):
            with suppress(PermissionError):  # only root may give a file away
                os.chown(path, *owner)
        if mode is not None:
            os.chmod(path, mode)  # after chown, which clears some bits
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # has no such thing
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems do not know how
            os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _refusals(root: Path) -> Iterator[None]:
    """What the system refuses becomes a refusal of ours; by then everything is as before."""
    try:
        yield
    except OSError as error:
        path = str(error.filename or root)
        raise StitchError(
            "not-writable",
            f"{path} cannot be written: {error.strerror or error}; everything is as before",
            where=path,
            hint="remove the cause and run the same command again",
        ) from error


# -- one at a time -------------------------------------------------------------------------------


@contextmanager
def _lock(root: Path, signals: list[int]) -> Iterator[None]:
    """Keep other commands out of this project; `.stitchgen/` is there inside, and gone after.

    The lock file is removed while it is held. filelock (3.24 and later) sees that a lock it got is
    on a removed file, and does not take it; the folder may vanish between making it and opening
    the file in it. Both are met by trying again.
    """
    from filelock import FileLock, Timeout  # 40 ms that a command without a journal need not pay

    folder = root / STATE
    lock = FileLock(folder / "lock", timeout=0)
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        with suppress(FileExistsError):
            os.mkdir(folder)
        try:
            lock.acquire()
            break
        except (Timeout, FileNotFoundError) as error:
            if time.monotonic() > deadline:
                raise StitchError(
                    "locked",
                    f"another stitchgen command is at work in {root}",
                    where=str(folder),
                    hint="wait until it has ended, then run the same command again",
                ) from error
        if signals:
            raise _Interrupted
        time.sleep(0.02)
    try:
        yield
    finally:
        _tidy(folder)
        lock.release()
        if os.name == "nt":  # where a file that is open cannot be removed
            _tidy(folder)


def _tidy(folder: Path) -> None:
    """Remove what is ours from `.stitchgen/`, except for a journal that still has to be resolved."""
    with suppress(OSError):
        names = os.listdir(folder)
        if _JOURNAL not in names:
            for name in names:
                if name == _DRAFT or name.startswith(_backup(0)[:-1]):
                    os.unlink(folder / name)
        os.unlink(folder / "lock")
        os.rmdir(folder)


@contextmanager
def _signals_held() -> Iterator[list[int]]:
    """Collect the signals that would end the process, and deliver the first one at the end.

    Looked at between two steps, they cannot cut through one; a step takes milliseconds.
    """
    held: list[int] = []
    former = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) not in (signal.SIG_IGN, None):
                former[number] = signal.signal(number, lambda got, frame: held.append(got))
    try:
        yield held
    except _Interrupted:
        pass
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
    if held:
        signal.raise_signal(held[0])
        raise KeyboardInterrupt  # a handler that returned: the run has been given up all the same
