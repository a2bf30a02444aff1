"""`stitchgen demo`: the main job on a sample project, in a folder of its own.

Owns: the sample project's folder.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from stitchgen.catalog.folders import builtin_folder
from stitchgen.errors import StitchError
from stitchgen.pipeline import splice
from stitchgen.project.config import find_project
from stitchgen.project.outcome import Outcome
from stitchgen.source import edits
from stitchgen.source.edits import FileChange
from stitchgen.targets.placement import AFTER
from stitchgen.targets.request import AddRequest

FOLDER = "stitchgen-demo"
BLOCK, TARGET = "cbam", "model.layer2"


def run(
    parent: Path,
    *,
    builds: tuple[str, ...] = (),
    inputs: tuple[str, ...] = (),
    python: str | None = None,
    prove: bool = True,
    mode: str = "apply",
) -> Outcome:
    """Make the sample project below `parent`, and splice a block into it.

    All of it happens beside the final place, so that a run that fails leaves nothing.
    """
    request = AddRequest(
        block=BLOCK,
        placement=AFTER,
        targets=(TARGET,),
        builds=builds,
        inputs=inputs,
        python=python,
        prove=prove,
    )
    try:
        with tempfile.TemporaryDirectory(
            prefix=f".{FOLDER}-", dir=parent if mode == "apply" else None
        ) as scratch:
            folder = Path(scratch).resolve() / FOLDER
            shutil.copytree(
                builtin_folder("templates") / "sample",
                folder,
                ignore=shutil.ignore_patterns("__pycache__"),
            )
            done = _add(folder, request)
            name = _free_name(parent)
            result = {
                **done.result,
                "command": "demo",
                "dry_run": mode != "apply",
                "folder": name,
                "typed": f"stitchgen add {BLOCK} --after {TARGET}",
                "diff": _shown(done.changes),
            }
            changes = tuple(_created(folder, name))
            if mode == "apply":
                folder.rename(parent / name)
    except OSError as error:
        raise StitchError(
            "not-writable",
            f"the sample project cannot be written: {error.strerror or error}",
            where=str(error.filename or parent),
            hint="run the demo in a folder that you may write to",
        ) from error
    return Outcome(result, changes)


def _add(folder: Path, request: AddRequest) -> Any:
    """What typing the command in that folder does; targets are looked for there."""
    project = replace(find_project(folder), current=folder)
    return splice.run(project, request, mode="apply")


def _free_name(parent: Path) -> str:
    number = 1
    while os.path.lexists(parent / (name := FOLDER if number == 1 else f"{FOLDER}-{number}")):
        number += 1
    return name


def _shown(changes: tuple[FileChange, ...]) -> str:
    """The patch of the user's own files: the block and the ledger would only hide it."""
    edited = [change for change in changes if change.action == "edit"]
    return edits.patch(edited).decode("utf-8")


def _created(folder: Path, name: str) -> list[FileChange]:
    return [
        FileChange(f"{name}/{path.relative_to(folder).as_posix()}", None, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]
