"""What a run's copy of the project consists of: files that are copied, entries that are linked, and fresh folders.

Copied is the source: what git has or would take, below a megabyte; without git, files with the endings of source.
Everything else is linked, so that data and environments are there, save folders that trainings write into.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from stitchgen.project import git
from stitchgen.project.config import read_toml
from stitchgen.project.python_files import ignored_around, ignored_in, is_ignored, is_source_folder

#: What describes a sweep (`configured.py`).
FILE = "sweep.toml"
#: What trainings write into: each run has its own.
OUTPUTS = set("runs outputs checkpoints lightning_logs tb_logs wandb mlruns mlflow.db logs".split())
#: Neither copied nor linked.
NEVER = {".git", ".stitchgen", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"}
SOURCE = set(
    ".py .pyi .toml .cfg .ini .yaml .yml .json .txt .sh .md .lock .j2 .in .cu .cpp .h .c".split()
)
#: A file that is larger is data.
LARGEST = 1 << 20


@dataclass(frozen=True)
class Layout:
    """Paths below the root, in posix form."""

    copied: tuple[str, ...]
    linked: tuple[str, ...]
    fresh: tuple[str, ...]


def layout_of(root: Path, link: Iterable[str] = (), fresh: Iterable[str] = ()) -> Layout:
    """What is copied, linked and left out; `link` and `fresh` name entries that go there whatever they hold."""
    linked, left = {clean(one) for one in link}, {clean(one) for one in fresh}
    copied = []
    for path in source_files(root):
        parts = PurePosixPath(path)
        above = {str(one) for one in (parts, *parts.parents)}
        if not above & (linked | left) and not NEVER & set(parts.parts):
            copied.append(path)
    folders = {str(above) for path in copied for above in PurePosixPath(path).parents}
    others = dict(_Others(root, {*copied}, folders, linked, left).below(""))
    return Layout(
        tuple(sorted(copied)),
        tuple(path for path, is_fresh in others.items() if not is_fresh),
        tuple(path for path, is_fresh in others.items() if is_fresh),
    )


def clean(path: str) -> str:
    return PurePosixPath(path.replace("\\", "/")).as_posix().removeprefix("./")


@dataclass(frozen=True)
class _Others:
    """The entries of a project that are not copied."""

    root: Path
    copied: Set[str]
    folders: Set[str]  # that hold something which is copied
    link: Set[str]
    fresh: Set[str]

    def below(self, folder: str) -> Iterator[tuple[str, bool]]:
        """Each path, and whether it is fresh in each run, else linked; of a folder that holds source, its entries."""
        for entry in sorted(os.listdir(self.root / folder)):
            path = f"{folder}/{entry}" if folder else entry
            if entry in NEVER or path in self.copied:
                continue
            written = entry in OUTPUTS and path not in self.folders and path not in self.link
            if path in self.fresh or written:
                yield path, True
            elif path in self.folders and path not in self.link:
                yield from self.below(path)
            else:
                yield path, False


def source_files(root: Path) -> list[str]:
    """The files that are source, below a megabyte."""
    paths = git.files(root)
    if paths is None:
        paths = [*_walk(root)]
    return [path for path in paths if _is_small(root / path)]


def _is_small(path: Path) -> bool:
    try:
        return path.is_file() and path.stat().st_size < LARGEST
    except OSError:
        return False


def _walk(root: Path) -> Iterable[str]:
    todo = [(root, ignored_around(root))]
    while todo:
        folder, ignored = todo.pop()
        for entry in sorted(folder.iterdir()):
            if entry.is_dir():
                if entry.is_symlink() or entry.name in OUTPUTS | NEVER:
                    continue
                if is_source_folder(entry) and not is_ignored(entry, ignored, "/"):
                    todo.append((entry, (*ignored, *ignored_in(entry))))
            elif entry.suffix in SOURCE and not is_ignored(entry, ignored):
                yield entry.relative_to(root).as_posix()


def hashes(root: Path, paths: Iterable[str]) -> dict[str, str]:
    """What the sources were. What describes the sweep is none: more seeds may be asked for there."""
    return {
        path: hashlib.sha256(_content(root / path)).hexdigest() for path in paths if path != FILE
    }


def _content(file: Path) -> bytes:
    raw = file.read_bytes()
    if file.name != "pyproject.toml" or b"stitchgen" not in raw or b"sweep" not in raw:
        return raw
    document = read_toml(file) or {}
    own = document.get("tool", {}).get("stitchgen", {})
    if "sweep" not in own:
        return raw
    own.pop("sweep")
    return json.dumps(document, sort_keys=True, default=str).encode()


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The files that are other than they were, new or gone."""
    return sorted(path for path in {*before, *now} if before.get(path) != now.get(path))
