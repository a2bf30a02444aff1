"""What git says of the project: a merge in progress, changes that it does not have yet, files as they were."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from stitchgen.errors import StitchError

#: What git keeps in its folder while something is in progress, with the command that ends it.
_IN_PROGRESS = {
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
}


def in_progress(root: Path) -> str | None:
    """The command of git that has stopped in the middle here: `merge`; None where none has."""
    folder = _git_folder(root)
    if folder is None:
        return None
    found = (word for name, word in _IN_PROGRESS.items() if (folder / name).exists())
    return next(found, None)


def check_nothing_in_progress(root: Path) -> None:
    """Refuse to write while git has stopped in the middle: who takes that back would take this too."""
    stopped = in_progress(root)
    if stopped is not None:
        raise StitchError(
            "merge-in-progress",
            f"git has a {stopped} in progress here",
            where=str(root),
            hint=f"end it (git {stopped} --continue, or --abort), then run the same command again",
        )


def uncommitted(root: Path, paths: Iterable[str]) -> list[str]:
    """Those of the files, by their paths below the root, that differ from what git has."""
    paths = list(paths)
    git = shutil.which("git")
    if not paths or git is None or _git_folder(root) is None:
        return []
    command = [git, "diff", "--name-only", "--relative", "-z", "HEAD", "--", *paths]
    done = subprocess.run(command, cwd=root, capture_output=True)
    if done.returncode != 0:
        return []  # no commit yet, or a repository that git does not read
    return [name for name in done.stdout.decode("utf-8", "surrogateescape").split("\0") if name]


def has_revision(root: Path, revision: str) -> bool:
    """Whether git knows a commit by this name here."""
    if revision.startswith("-"):
        return False
    return _read(root, "rev-parse", "--verify", "--quiet", revision + "^{commit}") is not None


def changed_since(root: Path, revision: str) -> list[str]:
    """The files below the root that differ from a revision, new ones as well, by their paths below it."""
    differ = _read(root, "diff", "--name-only", "--relative", "--no-renames", "-z", revision, "--")
    new = _read(root, "ls-files", "--others", "--exclude-standard", "-z")
    names = b"".join(one or b"" for one in (differ, new)).decode("utf-8", "surrogateescape")
    return list(dict.fromkeys(name for name in names.split("\0") if name))


def file_at(root: Path, revision: str, path: str) -> bytes | None:
    """A file, by its path below the root, as it was; None where there was none."""
    return _read(root, "show", f"{revision}:./{path}")


def _read(root: Path, *arguments: str) -> bytes | None:
    """What git prints; None where it fails, or is not there."""
    git = shutil.which("git")
    if git is None:
        return None
    done = subprocess.run([git, *arguments], cwd=root, capture_output=True)
    return done.stdout if done.returncode == 0 else None


def _git_folder(root: Path) -> Path | None:
    """The `.git` of the repository that the project is in; in a work tree, what it points to."""
    for folder in (root, *root.parents):
        git = folder / ".git"
        if git.is_file():
            link = git.read_text("utf-8", "replace").removeprefix("gitdir:").strip()
            return (folder / link).resolve()
        if git.is_dir():
            return git
    return None


def files(root: Path) -> list[str] | None:
    """What git has below a folder or would take, by paths below it; None where it has nothing."""
    git = shutil.which("git")
    if git is None or _git_folder(root) is None:
        return None
    command = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=root, capture_output=True)
    if done.returncode != 0:
        return None
    names = done.stdout.decode("utf-8", "surrogateescape").split("\0")
    found = [name for name in dict.fromkeys(names) if name and (root / name).exists()]
    return found or None  # a repository that ignores this folder knows nothing of it
