"""`stitchgen check`: is what was generated still as recorded?

It judges stitchgen's own lines and files only, by their syntax: where they have gone in the file
and how they are laid out does not matter, and what the user edited around them is information, not
judged. Drift is a span that is missing or was changed, a block file that is missing, changed or not
formatted, and a file that does not parse (a merge conflict, say). Runs as the pre-commit hook
`stitchgen-check`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stitchgen.errors import StitchError
from stitchgen.history import changes, ledger, revert, traces, yaml_traces
from stitchgen.history.created_files import is_edited
from stitchgen.history.entries import Entry
from stitchgen.history.ledger import Ledger
from stitchgen.project.config import Project
from stitchgen.project.transaction import digest
from stitchgen.source.document import NEWLINE, Document
from stitchgen.source.yaml_document import is_yaml

WEIGHTS = ".pt"


@dataclass
class _Findings:
    """What was looked at, and what was found."""

    files: dict[str, str] = field(default_factory=dict)  # path -> recorded, edited or drift
    drift: list[dict[str, str]] = field(default_factory=list)
    notes: list[dict[str, str]] = field(default_factory=list)

    def fault(self, path: str, line: int | None, message: str, hint: str) -> None:
        where = path if line is None else f"{path}:{line}"
        self.files[path] = "drift"
        self.drift.append({"code": "drift", "where": where, "message": message, "hint": hint})

    def note(self, code: str, path: str, message: str) -> None:
        self.files[path] = "edited"
        self.notes.append({"code": code, "where": path, "message": message})


def run(project: Project) -> dict[str, Any]:
    """The object of `--json`; `ok` is false where something is not as recorded."""
    book = ledger.load(project.root)
    findings = _Findings()
    for path in sorted({mark.path for entry in book.entries for mark in entry.traces}):
        _check_edited(project.root, book, path, findings)
    for path in sorted({path for entry in book.entries for path in _block_files(entry)}):
        _check_block(project, book, path, findings)
    return {
        "ok": not findings.drift,
        "command": "check",
        "splices": len(book.entries),
        "files": [{"path": path, "state": findings.files[path]} for path in sorted(findings.files)],
        "drift": findings.drift,
        "notes": findings.notes,
    }


# -- edited files --------------------------------------------------------------------------------


def _check_edited(root: Path, book: Ledger, path: str, findings: _Findings) -> None:
    """Are the spans of all runs in this file?"""
    findings.files[path] = "recorded"
    try:
        raw = (root / path).read_bytes()
    except OSError as error:
        findings.fault(
            path,
            None,
            f"{path} cannot be read: {error.strerror}",
            "restore the file, or drop the record of its splices with: stitchgen undo",
        )
        return
    runs = [run for run in book.runs() if run.traces(path)]
    hashes = {edited.after for run in runs for edited in run.edited if edited.path == path}
    conflict = changes.conflict_line(raw)
    try:
        missing = missing_traces(raw, path, [run.traces(path) for run in runs])
    except StitchError as error:
        line, message = None, error.message
        if conflict is not None:
            line, message = conflict, f"{path} holds a merge conflict"
        elif error.where and ":" in error.where:
            line = int(error.where.rpartition(":")[2])
        findings.fault(path, line, message, "correct it, then run the check again")
        return
    for mark, nearest in missing:
        owner = next(e for e in book.entries if mark in e.traces)
        findings.fault(
            path,
            nearest,
            f"`{mark.first_line}` is missing or was changed ({owner.command})",
            "put it back as it was, or take the whole splice back with: stitchgen undo",
        )
    if not missing and digest(raw) not in hashes:
        findings.note("edited", path, f"{path} was edited since; what stitchgen put there stands")


def missing_traces(
    raw: bytes, path: str, runs: list[list[traces.Trace]]
) -> list[tuple[traces.Trace, int]]:
    """The traces of all runs that do not stand in a file, each with the line that is most like it."""
    if is_yaml(path):
        return yaml_traces.missing(raw, path, [mark for marks in runs for mark in marks])
    document = Document(raw, path)
    absent = revert.missing(document, runs)
    return [(mark, traces.nearest(document, mark)) for mark in absent]


# -- block files ---------------------------------------------------------------------------------


def _block_files(entry: Entry) -> list[str]:
    return [*entry.record.uses, *(file.path for file in entry.created)]


def _check_block(project: Project, book: Ledger, path: str, findings: _Findings) -> None:
    """Is this block file there, and as it was written?"""
    findings.files.setdefault(path, "recorded")
    recorded = book.created(path)
    try:
        raw = (project.root / path).read_bytes()
    except OSError as error:
        if path.endswith(WEIGHTS):
            findings.files[path] = "absent"  # weights are seldom in version control
            return
        findings.fault(
            path,
            None,
            f"{path} cannot be read, and a splice needs it: {error.strerror}",
            f"restore the file, for example with: git checkout -- {path}",
        )
        return
    if recorded is None or digest(raw) == recorded.sha256:
        return
    if any(trace.path == path for entry in book.entries for trace in entry.traces):
        return  # a later run edited the file that this one created: its spans have been looked for
    plain = NEWLINE.sub("\n", raw.decode("utf-8", "replace"))
    if digest(plain.encode("utf-8")) == recorded.sha256:
        return  # git has other newlines in this checkout
    conflict = changes.conflict_line(raw)
    if conflict is not None:
        findings.fault(path, conflict, f"{path} holds a merge conflict", "resolve it")
    elif is_edited(recorded, raw):
        findings.fault(
            path,
            None,
            f"{path} is not as stitchgen wrote it",
            f"see your changes with: stitchgen diff {_block_of(book, path)} --local; stitchgen update keeps them "
            "when the catalog has a newer block",
        )
    elif project.formatter in (None, "black") and not _formatted(plain, project.line_length):
        findings.fault(path, None, f"{path} is not formatted", f"black {path}")
    else:
        findings.note("formatted", path, f"{path} was formatted anew; it means the same")


def _block_of(book: Ledger, path: str) -> str:
    """The name of the block that a file is of."""
    entry = next(e for e in book.entries if path in _block_files(e))
    return entry.record.block


def _formatted(text: str, line_length: int) -> bool:
    from stitchgen.source.formatting import (
        format_statements,  # black is needed for a changed file only
    )

    return format_statements(text, line_length=line_length) == text
