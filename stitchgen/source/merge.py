"""The three-way merge of a text, by `git merge-file`."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from stitchgen.errors import InternalError, StitchError

#: From so many conflicts on, git says no more than that something is wrong.
_FAILED = 128


@dataclass(frozen=True)
class Merge:
    """The merged text; where there are conflicts, with git's marks around both sides."""

    text: str
    conflicts: int


def merge(ours: str, base: str, theirs: str, labels: tuple[str, str, str]) -> Merge:
    """Take over into `ours` what changed from `base` to `theirs`; newlines are `\\n` in all three."""
    if ours in (base, theirs) or base == theirs:
        return Merge(theirs if ours == base else ours, 0)
    git = shutil.which("git")
    if git is None:
        raise StitchError(
            "no-git",
            "both sides have changed, and there is no git to merge them",
            hint="install git, so that `git merge-file` runs",
        )
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("ours", "base", "theirs")]
        for path, text in zip(paths, (ours, base, theirs)):
            path.write_bytes(text.encode("utf-8", "surrogateescape"))
        named = [word for label in labels for word in ("-L", label)]
        # Whatever style of marks the user's own configuration asks for: tools know this one.
        command = [git, "-c", "merge.conflictStyle=merge", "merge-file", "-p", "-q", *named]
        done = subprocess.run([*command, *map(str, paths)], cwd=folder, capture_output=True)
    if not 0 <= done.returncode < _FAILED:
        raise InternalError(f"git merge-file failed: {done.stderr.decode('utf-8', 'replace')}")
    return Merge(done.stdout.decode("utf-8", "surrogateescape"), done.returncode)
