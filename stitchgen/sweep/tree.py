"""A run's copy of the project: sources copied, the variant's files in place, everything else linked."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from stitchgen.errors import StitchError
from stitchgen.sweep.folders import FULL, TryFolder
from stitchgen.sweep.sources import Layout


def make(root: Path, tree: Path, layout: Layout, files: Mapping[str, bytes | None]) -> None:
    """Make the tree; `files` are those of a variant, by their paths, None for one that goes."""
    try:
        tree.mkdir(parents=True)
        for path in layout.copied:
            _copy(root / path, tree / path)
        for path, content in files.items():
            _put(tree / path, content)
        for path in layout.linked:
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            if not os.path.lexists(tree / path):
                os.symlink(root / path, tree / path)
    except OSError as error:
        if error.errno in FULL:
            raise
        raise StitchError(
            "not-writable",
            f"the copy of the project for a run cannot be made: {error.strerror or error}",
            where=str(error.filename or tree),
            hint="remove the cause and run the same command again",
        ) from error


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)
    os.chmod(target, os.stat(target).st_mode | 0o200)


def _put(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink()
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def new_files(at: TryFolder, known: set[str]) -> list[str]:
    """What a training has written, relative to its tree: files there that are neither linked nor were put
    there, and those that `{run}` in the command has led beside it."""
    own = {one.name for one in (at.tree, at.events, at.output, at.settings, at.exit)}
    beside = [
        path
        for top in sorted(at.path.iterdir())
        if top.name not in own and not top.name.startswith(".")
        for path in ([top] if top.is_file() else sorted(top.rglob("*")))
        if path.is_file()
    ]
    inside = _new_below(at.tree, known)
    return [*inside, *(f"../{path.relative_to(at.path).as_posix()}" for path in beside)]


def _new_below(tree: Path, known: set[str]) -> list[str]:
    found = []
    for folder, names, files in os.walk(tree):
        names[:] = sorted(
            name
            for name in names
            if name != "__pycache__" and not os.path.islink(os.path.join(folder, name))
        )
        for file in sorted(files):
            path = Path(folder, file)
            relative = path.relative_to(tree).as_posix()
            if relative not in known and not path.is_symlink():
                found.append(relative)
    return found
