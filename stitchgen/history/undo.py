"""`stitchgen undo`: take the last run back; again for the one before.

A file that is as the run left it gets its former bytes; out of one that was changed since, what was
inserted is taken (`withdrawal`). Where git has taken the edit back already, there is nothing to take
out. What others still need stays: a block file that another splice uses or that the user has edited.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stitchgen.errors import StitchError
from stitchgen.history import changes, created_files, ledger
from stitchgen.history.ledger import Edited, Ledger, Run
from stitchgen.history.traces import Trace
from stitchgen.history.withdrawal import Withdrawal, by_syntax
from stitchgen.project import transaction
from stitchgen.project.config import Project
from stitchgen.project.transaction import LEDGER, digest
from stitchgen.source.document import Document
from stitchgen.source.edits import Edit, FileChange, apply


@dataclass(frozen=True)
class Outcome:
    """`result` is the object of `--json`, `changes` the files that were or would be written."""

    result: dict[str, Any]
    changes: tuple[FileChange, ...]


def run(project: Project, mode: str = "apply") -> Outcome:
    """Take the last run back. Any other mode than `apply` only says what that would change."""
    book = ledger.load(project.root)
    runs = book.runs()
    if not runs:
        raise StitchError(
            "nothing-to-undo",
            f"{LEDGER} records no run" if book.raw is not None else f"there is no {LEDGER} here",
            where=str(project.root),
            hint="undo takes back what `stitchgen add` and `stitchgen new-module` did, in the "
            "project's own folder: see --project",
        )
    last = runs[-1]
    taken = _withdrawn(project.root, book, last)
    gone = {entry.key for entry in last.entries}
    rest = book.without(gone, taken.kept_traces, taken.kept_files)
    changed = (*taken.changes, rest.change())
    if mode == "apply":
        transaction.commit(project.root, changed, taken.prune)
    actions = {"edit": "restore", "delete": "delete"}
    result = {
        "ok": True,
        "command": "undo",
        "dry_run": mode != "apply",
        "run": last.name,
        "undone": last.command,
        "files": [{"path": c.path, "action": actions[c.action]} for c in taken.changes],
        "warnings": taken.warnings,
    }
    return Outcome(result, changed)


def _withdrawn(root: Path, book: Ledger, last: Run) -> Withdrawal:
    taken = Withdrawal("undo")
    for edited in last.edited:
        _restore(root, edited, last, taken)
    importers = created_files.importers(root, last.created, taken)
    for created in last.created:
        if any(entry.run != last.name for entry in book.users(created.path)):
            taken.kept_files.append(created)
        else:
            created_files.delete(root, created, importers.get(created.path), taken)
    created_files.keep_packages(root, taken)
    taken.prune += last.folders
    if not taken.changes:
        taken.warn("taken-back", LEDGER, f"`{last.command}` had been taken back already")
    return taken


def _restore(root: Path, edited: Edited, last: Run, taken: Withdrawal) -> None:
    """Take the run's traces out of one file."""
    marks = last.traces(edited.path)
    path = edited.path if (root / edited.path).is_file() else _moved(root, edited.path, last)
    if path is None:
        taken.warn("taken-back", edited.path, f"{edited.path} is no longer there")
        return
    raw = transaction.read_bytes(root / path)
    if digest(raw) == edited.before:
        return
    edits = exact(raw, edited, marks)
    if edits is None:
        own = changes.own_attributes(last.entries)
        edits = by_syntax(Document(raw, path), marks, own, taken)
    change = FileChange.of(path, raw, edits)
    if change.after != raw:
        taken.changes.append(change)
        taken.prune += created_files.compiled_since(root, path)


def _moved(root: Path, path: str, last: Run) -> str | None:
    """Where the user has moved a file to: the one that names what the run brought."""
    found = changes.moved_to(root, last.entries)
    if len(found) > 1:
        raise StitchError(
            "file-changed",
            f"{path} is gone, and several files now hold what was put into it: {', '.join(found)}",
            where=path,
            hint="keep one of them, or take the block's lines out of them, and run "
            "`stitchgen undo` again",
        )
    return found[0] if found else None


def exact(raw: bytes, edited: Edited, marks: Sequence[Trace]) -> list[Edit] | None:
    """The edits that give a file its former bytes; None where it is not as the run left it."""
    if digest(raw) != edited.after:
        return None
    for encoding in (_encoding(raw, edited.path), "latin-1"):  # the second for what is no Python
        try:
            edits = [
                Edit(p.at, p.at + len(p.text.encode(encoding)), p.replaced.encode(encoding))
                for mark in marks
                for p in mark.pieces
            ]
        except UnicodeEncodeError:
            continue
        if digest(apply(raw, edits)) == edited.before:
            return edits
    return None


def _encoding(raw: bytes, path: str) -> str:
    try:
        encoding = Document(raw, path).encoding
    except StitchError:
        return "latin-1"
    return "utf-8" if encoding == "utf-8-sig" else encoding
