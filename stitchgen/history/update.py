"""`stitchgen update` and `stitchgen diff`: block files that the catalog has newer.

A block file is the user's. What the catalog has changed since the file was rendered is taken over by a
three-way merge: from the rendered text, which the ledger keeps, the user's text, and the new rendering.
Texts are merged as they are, or else as black lays them out. Where both sides have changed the same
lines, the marks of a merge stand in the file and the ledger keeps the old text as the base, beside the
one that is being merged in, until the marks are gone.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, Literal

from stitchgen.errors import InternalError, StitchError, UsageError
from stitchgen.history import changes, ledger
from stitchgen.history.created_files import is_edited
from stitchgen.history.entries import Created
from stitchgen.history.ledger import Ledger
from stitchgen.history.renderings import BlockFile, block_files, rendered
from stitchgen.project import git, transaction
from stitchgen.project.config import Project
from stitchgen.project.outcome import Outcome
from stitchgen.project.transaction import LEDGER, digest
from stitchgen.source.document import NEWLINE
from stitchgen.source.edits import FileChange
from stitchgen.source.merge import Merge, merge

State = Literal["current", "updated", "merged", "conflict", "resolved"]
#: What of a block file is shown: what `update` would do, what the catalog changed, what the user did.
Side = Literal["update", "upstream", "local"]


@dataclass(frozen=True)
class _Texts:
    """A block file as it was rendered, as it is, and as the catalog has it now; newlines are `\\n`."""

    base: str
    ours: str
    theirs: str

    def laid_out(self, line_length: int) -> _Texts:
        """The same as black lays them out; what does not parse stays."""
        return _Texts(
            *(_formatted(one, line_length) for one in (self.base, self.ours, self.theirs))
        )


@dataclass(frozen=True)
class _Update:
    """What becomes of one block file, and of its record."""

    file: BlockFile
    state: State
    before: bytes
    after: bytes
    created: Created
    texts: _Texts
    conflicts: int = 0

    def as_dict(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "path": self.file.path,
            "block": self.file.block,
            "state": self.state,
        }
        return found | ({"conflicts": self.conflicts} if self.conflicts else {})


# -- the commands --------------------------------------------------------------------------------


def run(
    project: Project, names: Sequence[str], *, every: bool = False, mode: str = "apply"
) -> Outcome:
    """Merge what the catalog has changed into these block files; `ok` is false where there are conflicts."""
    book = ledger.load(project.root)
    if not names and not every:
        raise UsageError(
            "usage",
            "it is not said which block is to be updated",
            hint="stitchgen update BLOCK, or --all; stitchgen status tells which are outdated",
            suggestions=[f"stitchgen update {f.block}" for f in block_files(book)],
        )
    if mode == "apply":
        git.check_nothing_in_progress(project.root)
    updates, refused = _updates(project, _meant(book, names))
    rest = book
    for update in updates:
        rest = rest.with_file(update.created)
    written = [
        FileChange(update.file.path, update.before, update.after)
        for update in updates
        if update.before != update.after
    ]
    changed = (*written, *([rest.change()] if rest != book else []))
    if mode == "apply":
        transaction.commit(project.root, changed)
    result = {
        "ok": not refused and not any(update.state == "conflict" for update in updates),
        "command": "update",
        "dry_run": mode != "apply",
        "files": [update.as_dict() for update in updates],
        "warnings": [
            *(_as_warning(error) for error in refused),
            *(one for update in updates for one in _warnings(book, update)),
        ],
    }
    return Outcome(result, changed)


def diff(project: Project, names: Sequence[str], side: Side = "update") -> Outcome:
    """What `update` would change, or what either side has changed since the block was rendered."""
    book = ledger.load(project.root)
    updates, refused = _updates(project, _meant(book, names))
    shown = [FileChange(one.file.path, *_sides(project, one, side)) for one in updates]
    result = {
        "ok": True,
        "command": "diff",
        "side": side,
        "files": [update.as_dict() for update in updates],
        "warnings": [_as_warning(error) for error in refused],
    }
    return Outcome(result, tuple(change for change in shown if change.before != change.after))


def _sides(project: Project, update: _Update, side: Side) -> tuple[bytes, bytes]:
    if side == "update":
        return update.before, update.after
    texts = update.texts.laid_out(project.line_length)
    return texts.base.encode(), (texts.theirs if side == "upstream" else texts.ours).encode()


def _meant(book: Ledger, names: Sequence[str]) -> list[BlockFile]:
    """The block files of these blocks, or with these paths; all where no name is given."""
    files = list(block_files(book))
    for name in names:
        if not any(name in _names_of(file) for file in files):
            raise StitchError(
                "splice-not-found",
                f"{LEDGER} records no file of a block {name}",
                where=LEDGER,
                hint="stitchgen status lists the block files",
                suggestions=sorted({file.block for file in files})[:6],
            )
    return [file for file in files if not names or set(names) & _names_of(file)]


def _names_of(file: BlockFile) -> set[str]:
    return {file.block, file.path, PurePosixPath(file.path).stem}


def _updates(
    project: Project, files: Sequence[BlockFile]
) -> tuple[list[_Update], list[StitchError]]:
    """What becomes of each file; of several, those that are refused do not keep the others from it."""
    updates, refused = [], []
    for file in files:
        try:
            updates.append(_update(project, file))
        except StitchError as error:
            if len(files) == 1:
                raise
            refused.append(error)
    return updates, refused


def _as_warning(error: StitchError) -> dict[str, str]:
    fields = {"code": error.code, "where": error.where, "message": error.message}
    return {name: text for name, text in (fields | {"hint": error.hint}).items() if text}


# -- one file ------------------------------------------------------------------------------------


def _update(project: Project, file: BlockFile) -> _Update:
    """What becomes of a block file."""
    raw = transaction.read_bytes(project.root / file.path)
    line = changes.conflict_line(raw)
    if line is not None:
        raise StitchError(
            "merge-conflict",
            f"{file.path} holds the marks of a merge",
            where=f"{file.path}:{line}",
            hint=f"keep one side or both, take the marks out, then: stitchgen update {file.block}",
        )
    theirs = rendered(project, file)
    if theirs is None:
        raise StitchError(
            "block-not-found",
            f"no catalog has {file.block} now, from which {file.path} was rendered",
            where=file.path,
            hint="name its folder in [tool.stitchgen] catalogs = [...]",
        )
    ours = NEWLINE.sub("\n", raw.decode("utf-8", "surrogateescape"))
    created, resolved = file.created, False
    if created.merging is not None:
        resolved = ours != created.base  # else the user has put the file back as it was
        created = _advanced(created, created.merging if resolved else ours)
    texts = _Texts(_base(file, created, raw, theirs), ours, theirs.decode())
    if digest(theirs) == created.sha256:
        state: State = "resolved" if resolved else "current"
        return _Update(file, state, raw, raw, created, texts)
    merged = _merged(project, file, texts)
    after = _with_newlines_of(raw, merged.text)
    if merged.conflicts:
        kept = replace(created, merging=texts.theirs)
        return _Update(file, "conflict", raw, after, kept, texts, merged.conflicts)
    edited = is_edited(created, raw)
    now = _advanced(created, texts.theirs)
    return _Update(file, "merged" if edited else "updated", raw, after, now, texts)


def _advanced(created: Created, base: str) -> Created:
    """The record of a file that has taken over this rendering."""
    return Created.of(created.path, base.encode(), python=True, block=True)


def _base(file: BlockFile, created: Created, raw: bytes, theirs: bytes) -> str:
    """The text that was rendered; records of older versions do not have it."""
    if created.base is not None:
        return created.base
    for text in (theirs, NEWLINE.sub("\n", raw.decode("utf-8", "replace")).encode()):
        if digest(text) == created.sha256:
            return text.decode()
    raise StitchError(
        "ledger-broken",
        f"{LEDGER} does not hold the text that {file.path} was rendered as, and the file was edited",
        where=f"{LEDGER}:{file.entry.line}",
        hint=f"merge by hand what `stitchgen show {file.block} --source` prints, or render it anew: "
        "delete the file, and stitchgen new-module",
    )


def _merged(project: Project, file: BlockFile, texts: _Texts) -> Merge:
    """The merge of the texts as they are, or of their usual layout where that has fewer conflicts."""
    labels = "yours", "as it was rendered", f"{file.block} of the catalog"
    merged = merge(texts.ours, texts.base, texts.theirs, labels)
    if merged.conflicts:
        plain = texts.laid_out(project.line_length)
        other = merge(plain.ours, plain.base, plain.theirs, labels)
        merged = min(merged, other, key=lambda one: one.conflicts)
    if not merged.conflicts:
        _check_parses(file, merged.text, texts.ours)
    return merged


def _check_parses(file: BlockFile, text: str, ours: str) -> None:
    """Refuse a merge without conflicts that is no Python, where the user's own text is."""
    try:
        ast.parse(ours)
    except (SyntaxError, ValueError):
        return
    try:
        ast.parse(text)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise StitchError(
            "merge-conflict",
            f"{file.path} and the newer {file.block} merge without a conflict into what is no Python",
            where=f"{file.path}:{line}",
            hint=f"take over by hand what this shows: stitchgen diff {file.block} --upstream",
        ) from error


def _with_newlines_of(raw: bytes, text: str) -> bytes:
    """The text with the newlines that the file has."""
    found = NEWLINE.search(raw.decode("utf-8", "surrogateescape"))
    newline = found.group() if found else "\n"
    return text.replace("\n", newline).encode("utf-8", "surrogateescape")


def _formatted(text: str, line_length: int) -> str:
    from stitchgen.source.formatting import format_statements  # black, for files in conflict only

    try:
        return format_statements(text, line_length=line_length)
    except InternalError:
        return text


# -- what the splices give the block -------------------------------------------------------------


def _warnings(book: Ledger, update: _Update) -> Iterable[dict[str, str]]:
    """The splices whose arguments the updated block does not take."""
    if update.state not in ("updated", "merged"):
        return
    classes = _constructors(update.after)
    for entry in book.users(update.file.path):
        for mark in entry.traces:
            for call in _calls(mark.now, classes):
                wrong = [
                    k.arg for k in call.keywords if k.arg and k.arg not in classes[_name(call)]
                ]
                if wrong:
                    yield {
                        "code": "arguments",
                        "where": mark.path,
                        "message": f"`{mark.first_line}` gives {', '.join(wrong)}, which the newer "
                        f"{update.file.block} does not take",
                        "hint": f"stitchgen remove {entry.record.attribute}, then add it again",
                    }


def _constructors(raw: bytes) -> dict[str, Collection[str]]:
    """The arguments of each class of a module whose constructor takes no others."""
    found: dict[str, Collection[str]] = {}
    for node in ast.parse(raw).body:
        if isinstance(node, ast.ClassDef):
            for part in node.body:
                if isinstance(part, ast.FunctionDef) and part.name == "__init__":
                    if part.args.kwarg is None:
                        args = [*part.args.posonlyargs, *part.args.args, *part.args.kwonlyargs]
                        found[node.name] = [arg.arg for arg in args]
    return found


def _calls(code: str, classes: Collection[str]) -> Iterable[ast.Call]:
    try:
        tree = ast.parse(_dedented(code))
    except (SyntaxError, ValueError):
        return []
    return [n for n in ast.walk(tree) if isinstance(n, ast.Call) and _name(n) in classes]


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _dedented(code: str) -> str:
    return f"if 1:\n{code}" if code[:1] in (" ", "\t") else code
