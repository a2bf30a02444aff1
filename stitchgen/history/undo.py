"""`stitchgen undo`: take the last run back; again for the one before.

A file that is as the run left it gets its former bytes; out of one that was changed since, what was
inserted is taken (`withdrawal`). Where git has taken the edit back already, there is nothing to take
out. What others still need stays: a block file that another splice uses or that the user has edited.
"""

from __future__ import annotations

from pathlib import Path

from stitchgen.errors import StitchError
from stitchgen.history import changes, created_files, ledger, yaml_traces
from stitchgen.history.entries import Edited, Run
from stitchgen.history.exact import exact
from stitchgen.history.ledger import Ledger
from stitchgen.history.withdrawal import Withdrawal, by_syntax, warn_of_uses
from stitchgen.project import git, transaction
from stitchgen.project.config import Project
from stitchgen.project.outcome import Outcome
from stitchgen.project.transaction import LEDGER, digest
from stitchgen.source.document import Document
from stitchgen.source.edits import FileChange, apply
from stitchgen.source.yaml_document import is_yaml


def run(project: Project, mode: str = "apply") -> Outcome:
    """Take the last run back. Any other mode than `apply` only says what that would change."""
    if mode == "apply":
        git.check_nothing_in_progress(project.root)
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
    others = [entry for entry in book.entries if entry.run != last.name]
    gone = changes.own_attributes(last.entries) - {entry.name for entry in others}
    for edited in last.edited:
        _restore(root, edited, last, gone, taken)
    importers = created_files.importers(root, last.created, taken)
    for created in last.created:
        if any(entry.run != last.name for entry in book.users(created.path)):
            taken.kept_files.append(created)
        else:
            created_files.delete(root, created, importers.get(created.path), taken)
    created_files.keep_packages(root, last.created, taken)
    taken.prune += last.folders
    if not taken.changes:
        taken.warn("taken-back", LEDGER, f"`{last.command}` had been taken back already")
    return taken


def _restore(root: Path, edited: Edited, last: Run, gone: set[str], taken: Withdrawal) -> None:
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
    if edits is None and is_yaml(path):
        edits = yaml_traces.removal(raw, path, marks)
    elif edits is None:
        own = changes.own_attributes(last.entries)
        edits = by_syntax(Document(raw, path), marks, own, taken)
        warn_of_uses(Document(apply(raw, edits), path), gone, taken)
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
