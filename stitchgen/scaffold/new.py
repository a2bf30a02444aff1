"""A new project in a folder that is not there yet, or has nothing in it: all of it, or nothing."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from stitchgen.errors import StitchError
from stitchgen.project import transaction
from stitchgen.scaffold.choices import Choices, package_name
from stitchgen.scaffold.files import files_of
from stitchgen.source.edits import FileChange

#: What a folder may hold: a repository that was just made for the project.
HARMLESS = {".git"}


def run(folder: Path, choices: Choices, *, dry_run: bool = False) -> dict[str, Any]:
    """Write the project; the object of `--json`."""
    root = folder.resolve()
    _check_empty(root, folder)
    changes = [
        FileChange(path, None, text.encode())
        for path, text in files_of(choices, package_name(root.name)).items()
    ]
    if not dry_run:
        _write(root, changes)
    return {
        "ok": True,
        "command": "init",
        "folder": str(folder),
        "dry_run": dry_run,
        "choices": vars(choices),
        "files": [{"path": change.path, "action": change.action} for change in changes],
    }


def _check_empty(root: Path, shown: Path) -> None:
    try:
        entries = sorted({entry.name for entry in root.iterdir()} - HARMLESS)
    except FileNotFoundError:
        return
    except NotADirectoryError:
        entries = [root.name]
    except OSError as error:
        raise _not_writable(shown, error) from error
    if entries:
        more = f" and {len(entries) - 3} more" if entries[3:] else ""
        raise StitchError(
            "folder-not-empty",
            f"{shown} is no empty folder: there is {', '.join(entries[:3])}{more}",
            where=str(shown),
            hint=f"name a folder that is new: stitchgen init {shown.name or 'experiment'}-2",
        )


def _write(root: Path, changes: list[FileChange]) -> None:
    made = [path for path in (root, *root.parents) if not path.exists()]
    try:
        root.mkdir(parents=True, exist_ok=True)
        transaction.commit(root, changes)
    except BaseException as error:
        for path in made:
            with suppress(OSError):
                os.rmdir(path)
        if isinstance(error, OSError):
            raise _not_writable(root, error) from error
        raise


def _not_writable(folder: Path, error: OSError) -> StitchError:
    return StitchError(
        "not-writable",
        f"the project cannot be written: {error.strerror or error}",
        where=str(error.filename or folder),
        hint="name a folder that you may write to",
    )
