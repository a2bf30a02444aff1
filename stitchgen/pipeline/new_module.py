"""`stitchgen new-module`: a block as a file of the project, spliced into nothing."""

from __future__ import annotations

import keyword
import shlex
from pathlib import Path
from typing import Any

from stitchgen.catalog import folders, render
from stitchgen.catalog.block import Block
from stitchgen.errors import StitchError, UsageError
from stitchgen.history import ledger
from stitchgen.history.entries import WRITTEN
from stitchgen.history.renderings import DIMS
from stitchgen.pipeline.mmengine import check_importable, registration, to_paste
from stitchgen.planning.block_file import PACKAGE
from stitchgen.project import git, transaction
from stitchgen.project.config import Project
from stitchgen.project.outcome import Outcome
from stitchgen.source.edits import FileChange

DEFAULT_FOLDER = "blocks"


def run(
    project: Project,
    block_name: str,
    *,
    name: str | None = None,
    dims: int | None = None,
    into: str | None = None,
    register: str | None = None,
    mode: str = "apply",
) -> Outcome:
    """Write the block's module into the folder; a file that says the same already is kept."""
    if mode == "apply":
        git.check_nothing_in_progress(project.root)
    block = folders.get(block_name, project.catalogs)
    dims = dims or block.usual_dims
    if name is not None and keyword.iskeyword(name):
        raise UsageError(
            "bad-argument", f"--name {name} is a word of Python's own", hint="as in --name MyBlock"
        )
    source = render.block_source(block, dims, name).encode()
    path = _folder(project, into) / f"{block.module_for(dims, name)}.py"
    shown = path.relative_to(project.root).as_posix()
    files = {path: source}
    class_name = name or block.class_for(dims)
    entry = registration(block, class_name, path) if register else None
    if entry is not None:
        check_importable(path.parent, project)
        files[path.with_name(f"{path.stem}_{register}.py")] = entry
        if not (path.parent / "__init__.py").exists():
            files[path.parent / "__init__.py"] = PACKAGE
    alternative = f"stitchgen new-module {block_name} --name My{block.class_for(dims)}"
    made = (change_of(project, file, text, alternative) for file, text in files.items())
    changes = tuple(one for one in made if one is not None)
    if mode == "apply" and changes:
        transaction.commit(
            project.root, [*changes, recorded(project, block, dims, name, shown, changes)]
        )
    result: dict[str, Any] = {
        "ok": True,
        "command": "new-module",
        "block": block.name,
        "class": class_name,
        "dims": dims,
        "dry_run": mode != "apply",
        "files": [{"path": change.path, "action": change.action} for change in changes],
    }
    if entry is not None:
        result["register"] = to_paste(project, path, class_name, register or "")
    return Outcome(result, changes)


def change_of(project: Project, path: Path, source: bytes, alternative: str) -> FileChange | None:
    """The file to be written; None where it is there already, and says the same."""
    shown = path.relative_to(project.root).as_posix()
    before = transaction.read_bytes(path) if path.exists() else None
    if before is not None and path.name == "__init__.py":
        return None
    if before is not None and before.replace(b"\r\n", b"\n") != source:
        raise StitchError(
            "blocks-in-the-way",
            f"{shown} exists and is not this block as the catalog has it",
            where=shown,
            hint=f"write the block elsewhere, or under another name: {alternative}",
        )
    return FileChange(shown, None, source) if before is None else None


def recorded(
    project: Project,
    block: Block,
    dims: int,
    name: str | None,
    path: str,
    changes: tuple[FileChange, ...],
) -> FileChange:
    """The ledger's change: the run is undone like any other, unless a splice needs the file."""
    record = ledger.SpliceRecord(
        block=block.name,
        target=path,
        placement=WRITTEN,
        attribute=name or block.class_for(dims),
        strategy="file",
        arguments=f"{DIMS}{dims}",
        uses=(path,),
    )
    command = shlex.join(["new-module", block.name, *(["--name", name] if name else [])])
    return ledger.load(project.root).with_run(command, [record], changes).change()


def _folder(project: Project, into: str | None) -> Path:
    """Where the file goes: `--into` as typed, seen from the current folder, in the project."""
    if into is None:
        return project.root / (project.blocks or DEFAULT_FOLDER)
    folder = Path(into).expanduser().resolve()
    root = project.root.resolve()
    if not folder.is_relative_to(root):
        raise UsageError(
            "bad-argument",
            f"--into {into} is outside of the project {root}",
            hint="name a folder of the project, or the project: --project DIR",
        )
    if folder.exists() and not folder.is_dir():
        raise UsageError(
            "bad-argument", f"--into {into} is a file", hint="name a folder of the project"
        )
    return project.root / folder.relative_to(root)
