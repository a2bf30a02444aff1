"""`stitchgen status`: the state of each splice and of each block file.

Everything is compared as syntax, so that neither a formatter nor edits around it make a difference:

    conflict   a merge has left its marks, or the file does not parse
    missing    code of it, or its file, is gone
    outdated   the catalog has a newer block: `stitchgen update`
    edited     it was changed, and stands
    moved      it stands in another file, class or method than it was put into
    clean      as it was put there

What comes first is the state where several hold; the details say all of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from stitchgen.errors import StitchError
from stitchgen.history import changes, ledger, revert, traces, yaml_traces
from stitchgen.history.changes import is_python
from stitchgen.history.created_files import is_edited
from stitchgen.history.elements import element_of
from stitchgen.history.entries import WHOLE_FILES, Created, Entry
from stitchgen.history.ledger import Ledger
from stitchgen.history.renderings import BlockFile, block_files, rendered
from stitchgen.history.sharing import serving
from stitchgen.history.traces import Trace
from stitchgen.project.config import Project
from stitchgen.project.transaction import LEDGER, digest
from stitchgen.source.document import Document
from stitchgen.source.equivalence import meaning
from stitchgen.source.yaml_document import is_yaml

STATES = ("conflict", "missing", "outdated", "edited", "moved", "clean")
#: With these, the exit status is 1.
FAULTS = ("conflict", "missing")


@dataclass
class _Findings:
    """What was found out about one splice or file, each with its state."""

    found: list[tuple[str, str]] = field(default_factory=list)

    def say(self, state: str, detail: str) -> None:
        if (state, detail) not in self.found:
            self.found.append((state, detail))

    def as_dict(self) -> dict[str, str]:
        ordered = sorted(self.found, key=lambda one: STATES.index(one[0]))
        if not ordered:
            return {"state": "clean"}
        return {"state": ordered[0][0], "detail": "; ".join(text for _, text in ordered if text)}


def run(project: Project) -> dict[str, Any]:
    """The object of `--json`; `ok` is false where something is missing or in conflict."""
    book = ledger.load(project.root)
    files = {path: _file_state(project, book, path).as_dict() for path in _paths(book)}
    source = _Source(project.root, book)
    splices = []
    for entry in book.entries:
        record = entry.record
        if record.placement in WHOLE_FILES and not entry.traces:
            continue  # what is spliced into nothing is a file
        state = _splice_state(source, entry)
        for path in record.uses:
            if files[path]["state"] == "outdated":
                state.say("outdated", f"the catalog has a newer {record.block}")
        names = {"target": record.target, "attribute": record.attribute}
        splices.append(names | {"block": record.block, "command": entry.command} | state.as_dict())
    states = [one["state"] for one in (*splices, *files.values())]
    return {
        "ok": not any(state in FAULTS for state in states),
        "command": "status",
        "splices": splices,
        "files": [{"path": path} | files[path] for path in sorted(files)],
    }


# -- splices -------------------------------------------------------------------------------------


class _Source:
    """The edited files, each read and searched once."""

    def __init__(self, root: Path, book: Ledger):
        self.root, self.book = root, book
        self.documents: dict[str, Document | str] = {}
        self.absent: dict[str, list[Trace]] = {}

    def document(self, path: str) -> Document | str:
        """The parsed file, or what is wrong with it."""
        if path not in self.documents:
            raw = (self.root / path).read_bytes()
            try:
                self.documents[path] = Document(raw, path)
            except StitchError as error:
                self.documents[path] = _conflict_in(raw, path) or f"{error.where}: {error.message}"
        return self.documents[path]

    def missing(self, document: Document, path: str) -> list[Trace]:
        """The traces recorded for `path` that the document lacks."""
        if document.path not in self.absent:
            runs = [run.traces(path) for run in self.book.runs() if run.traces(path)]
            self.absent[document.path] = revert.missing(document, runs)
        return self.absent[document.path]


def _conflict_in(raw: bytes, path: str) -> str | None:
    line = changes.conflict_line(raw)
    return None if line is None else f"{path}:{line} holds a merge conflict"


def _splice_state(source: _Source, entry: Entry) -> _Findings:
    findings = _Findings()
    marks = serving(source.book, entry)
    for path in sorted({mark.path for mark in marks}):
        here = _present(source, path, entry, findings)
        if here is None:
            continue
        if not is_python(here):
            _compare_bytes(source, here, path, entry, findings)
            continue
        document = source.document(here)
        if isinstance(document, str):
            findings.say("conflict", document)
        else:
            own = [mark for mark in marks if mark.path == path]
            _compare(document, own, source.missing(document, path), entry, findings)
            element = element_of(source.book, entry, document)
            if element is not None:
                number, line = element.index, element.line
                findings.say("clean", f"element {number} of its Sequential today, {here}:{line}")
    if not marks:
        findings.say("missing", f"{LEDGER} does not know what was written for it")
    return findings


def _compare_bytes(
    source: _Source, here: str, path: str, entry: Entry, findings: _Findings
) -> None:
    """Of a file that is no Python, only what stands in it is known."""
    raw = (source.root / here).read_bytes()
    if is_yaml(here):
        own = [mark for mark in entry.traces if mark.path == path]
        for mark, line in yaml_traces.missing(raw, here, own):
            findings.say("missing", f"`{mark.first_line}` is gone from {here}:{line}")
        return
    for mark in entry.traces:
        lost = [p for p in mark.pieces if p.text.encode("latin-1", "replace") not in raw]
        if mark.path == path and lost:
            findings.say("missing", f"`{lost[0].text.strip()}` is gone from {here}")


def _present(source: _Source, path: str, entry: Entry, findings: _Findings) -> str | None:
    """The file that stands for the recorded one: itself, or where it was moved to."""
    if (source.root / path).is_file():
        return path
    found = changes.moved_to(source.root, [entry])
    if len(found) == 1:
        findings.say("moved", f"{path} is now {found[0]}")
        return found[0]
    holders = f", and {' and '.join(found)} hold it" if found else ""
    findings.say("missing", f"{path} is no longer there{holders}")
    return None


def _compare(
    document: Document,
    marks: Sequence[Trace],
    missing: Sequence[Trace],
    entry: Entry,
    findings: _Findings,
) -> None:
    """Say of each trace whether it stands, where, and else what became of it."""
    located = traces.locate(document, marks)
    absent = [mark for mark in marks if mark in missing]
    rest = changes.others_in(document, located.found) if absent else []
    own = changes.own_attributes([entry])
    for mark in absent:
        line = changes.what_became_of(document, rest, mark, own)
        there = " ".join("\n".join(changes.statement_at(document, line or 0)).split())
        if changes.bound_by(mark) and not re.match(r"(?:from|import)\b", there):
            line = None  # the name is used there, and imported nowhere
        if line is None:
            findings.say("missing", f"`{mark.first_line}` is gone from {document.path}")
        else:
            findings.say("edited", f"{document.path}:{line} is now `{there}`")
    for mark, match in located.found:
        scope = traces.scope_of(document, match.nodes[0])
        if mark not in missing and scope != mark.scope:
            line = changes.line_of(match.nodes[0])
            was = mark.scope or "the module"
            findings.say("moved", f"{document.path}:{line}, from {was} to {scope or 'the module'}")


# -- block files ---------------------------------------------------------------------------------


def _paths(book: Ledger) -> list[str]:
    files = {file.path for entry in book.entries for file in entry.created}
    return sorted(files | {path for entry in book.entries for path in entry.record.uses})


def _file_state(project: Project, book: Ledger, path: str) -> _Findings:
    findings = _Findings()
    created = book.created(path)
    try:
        raw = (project.root / path).read_bytes()
    except OSError as error:
        moved = None if created is None else _moved_file(project.root, path, created)
        if moved is not None:
            findings.say("moved", f"it is now {moved}")
        else:
            findings.say("missing", f"{path} cannot be read: {error.strerror}")
        return findings
    if conflict := _conflict_in(raw, path):
        findings.say("conflict", conflict)
    elif digest(raw) in _left_by_runs(book, path):
        pass  # a later run put something into the file that this one created
    elif created is not None and is_edited(created, raw):
        findings.say("edited", "it was edited after stitchgen wrote it")
    file = next((one for one in block_files(book) if one.path == path), None)
    if file is not None:
        _compare_with_catalog(project, file, findings)
    return findings


def _left_by_runs(book: Ledger, path: str) -> set[str]:
    """The hashes of a file as runs have left it that edited it."""
    return {one.after for entry in book.entries for one in entry.edited if one.path == path}


def _moved_file(root: Path, path: str, created: Created) -> str | None:
    """The file of the same name that means the same, elsewhere."""
    name = PurePosixPath(path).name
    for other, raw in changes.sources(root):
        if PurePosixPath(other).name == name and created.meaning is not None:
            if meaning(raw) == created.meaning:
                return other
    return None


def _compare_with_catalog(project: Project, file: BlockFile, findings: _Findings) -> None:
    newest = rendered(project, file)
    if newest is not None and digest(newest) != file.created.sha256:
        findings.say("outdated", f"the catalog has a newer {file.block}")
