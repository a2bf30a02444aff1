"""What the observer answered to an earlier command, in the user's folder for caches.

An answer is given again as long as all that it came of is the same: the question, the Python and its packages, the
environment, each file that was read, each folder that was listed, and the names, sizes and dates of all that the
project has. Proofs are never kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from stitchgen.analysis.subject import Subject
from stitchgen.project.transaction import LEDGER
from stitchgen.project.user_cache import cache_folder, write

#: So many answers are kept, the last ones.
MOST_KEPT = 60
#: What a shell changes between two commands, and no model asks for.
VOLATILE = {"_", "SHLVL", "OLDPWD", "STITCHGEN_CACHE"}
#: An answer with this failure may be another when the machine is less busy.
OF_THE_MOMENT = "too-large"
#: A project with more files is not kept: looking at them all takes as long as asking.
MOST_FILES = 5_000
#: The clock of files may lag behind that of the process, in seconds.
LAG = 0.02


class KeptAnswers:
    """The answers about one subject; without a folder nothing is found, and nothing kept."""

    def __init__(self, subject: Subject, folder: Path | None = None):
        self.folder = cache_folder("answers") if folder is None else folder
        self.subject = subject

    def find(self, question: Mapping[str, Any]) -> Any:
        """The answer, None where there is none that still holds."""
        if self.folder is None:
            return None
        file = self.folder / f"{self.key(question)}.answer"
        try:
            kept = json.loads(zlib.decompress(file.read_bytes()))
        except (OSError, ValueError, zlib.error):
            return None
        if not isinstance(kept, dict) or not self.holds(kept.get("read")):
            return None
        with suppress(OSError):
            os.utime(file)
        return kept.get("answer")

    def keep(
        self, question: Mapping[str, Any], answer: Any, read: Mapping[str, Any], started: float
    ) -> None:
        """Note an answer of a process that began at a time, in seconds since 1970, with what it has read."""
        if self.folder is None or is_of_the_moment(answer):
            return
        if not is_itself(self.subject.python, read["executable"]):
            return  # which Python a program starts may change with nothing that was read
        paths = paths_of_tree(self.subject.root)
        if paths is None:
            return
        # A folder on the search path may have been listed before anything was noted.
        folders = {*read["folders"], *map(str, self.subject.paths)}
        if any(changed_since(path, started) for path in (*read["own"], *folders, *paths)):
            return
        known = {
            "own": {path: content_of(path) for path in read["own"]},
            "installed": {path: state_of(path) for path in (*read["installed"], *read["packages"])},
            "folders": {path: names_in(path) for path in sorted(folders)},
            "tree": state_of_tree(paths),
        }
        raw = json.dumps({"read": known, "answer": answer}).encode()
        write(self.folder / f"{self.key(question)}.answer", zlib.compress(raw, 1), MOST_KEPT)

    @cached_property
    def tree(self) -> str | None:
        """The state of the project as the command finds it."""
        paths = paths_of_tree(self.subject.root)
        return None if paths is None else state_of_tree(paths)

    def key(self, question: Mapping[str, Any]) -> str:
        python = shutil.which(self.subject.python) or self.subject.python
        environment = {name: text for name, text in os.environ.items() if name not in VOLATILE}
        asked = [question, python, os.path.realpath(python), state_of(python), environment]
        return digest(json.dumps(asked, sort_keys=True).encode())

    def holds(self, read: Any) -> bool:
        """Whether all that was read is as it was."""
        try:
            return (
                all(state_of(path) == state for path, state in read["installed"].items())
                and all(content_of(path) == content for path, content in read["own"].items())
                and all(names_in(path) == names for path, names in read["folders"].items())
                and self.tree is not None
                and self.tree == read["tree"]
            )
        except (KeyError, TypeError, AttributeError):
            return False


def is_of_the_moment(answer: Any) -> bool:
    builds = answer.get("builds", ()) if isinstance(answer, dict) else ()
    return any((build.get("error") or {}).get("code") == OF_THE_MOMENT for build in builds)


def is_itself(python: str, executable: str) -> bool:
    """Whether a command is the Python that ran, and no program that starts one."""
    return os.path.realpath(shutil.which(python) or python) == os.path.realpath(executable)


def paths_of_tree(root: Path) -> list[str] | None:
    """All that a project has, which code may ask for without reading it; None where that is too much."""
    found: list[str] = []
    for folder, folders, files in os.walk(root):
        if "pyvenv.cfg" in files:
            folders.clear()
            continue  # an environment, whose packages are looked at one by one
        folders[:] = sorted(filter(concerns_models, folders))
        found += [folder, *(os.path.join(folder, one) for one in filter(concerns_models, files))]
        if len(found) > MOST_FILES:
            return None
    return sorted(found)


def state_of_tree(paths: Iterable[str]) -> str:
    """Names, with the sizes and dates of files: the date of a folder changes with what tools put there."""
    found = [path if os.path.isdir(path) else f"{path} {state_of(path)}" for path in paths]
    return digest("\0".join(found).encode("utf-8", "surrogateescape"))


def concerns_models(name: str) -> bool:
    """Whether a file or folder may concern a model: not what tools put there."""
    return not name.startswith(".") and name != "__pycache__" and name != LEDGER


def changed_since(path: str, moment: float) -> bool:
    """Whether a file or folder is newer than that, so that what it was before is not known. A file that was put in
    the place of another may have an old date, but was changed then."""
    try:
        about = os.stat(path)
    except OSError:
        return False
    return max(about.st_mtime, about.st_ctime) >= moment - LAG


def content_of(path: str) -> str | None:
    try:
        return digest(Path(path).read_bytes())
    except OSError:
        return None


def state_of(path: str) -> list[int] | None:
    """When a file was changed, and its size: of installed packages there are too many to read."""
    try:
        about = os.stat(path)
    except OSError:
        return None
    return [about.st_mtime_ns, about.st_size]


def names_in(path: str) -> str | None:
    """The names in a folder, but for those that tools put there."""
    try:
        names: Iterable[str] = os.listdir(path)
    except OSError:
        return None
    kept = sorted(filter(concerns_models, names))
    return digest("\0".join(kept).encode())


def digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:32]
