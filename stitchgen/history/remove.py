"""`stitchgen remove`: take splices out that any run has made.

What they share with others stays and passes to those; what depends on them is refused by name, or
goes along. The files are then as if the removed splices had never been made, and so are the records
of the runs that stay: `undo` takes those back as before.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stitchgen.errors import StitchError
from stitchgen.history import changes, created_files, ledger, yaml_traces
from stitchgen.history.changes import is_python
from stitchgen.history.dependents import Dependent, Parting, dependents, parting
from stitchgen.history.entries import Age, Key
from stitchgen.history.ledger import Ledger
from stitchgen.history.rebase import History
from stitchgen.history.sharing import serving
from stitchgen.history.traces import Trace
from stitchgen.history.withdrawal import Withdrawal, by_syntax, warn_of_uses
from stitchgen.project import git, transaction
from stitchgen.project.config import Project
from stitchgen.project.outcome import Outcome
from stitchgen.project.transaction import LEDGER
from stitchgen.source.document import Document
from stitchgen.source.edits import Edit, FileChange, apply
from stitchgen.source.yaml_document import is_yaml


def run(
    project: Project, chosen: Collection[Key], *, cascade: bool = False, mode: str = "apply"
) -> Outcome:
    """Take these entries of the ledger out; any other mode than `apply` says what would change."""
    if mode == "apply":
        git.check_nothing_in_progress(project.root)
    book = ledger.load(project.root)
    files = _Files(project.root, book)
    parted = _with_dependents(book, files, chosen, cascade=cascade)
    taken = Withdrawal("remove")
    rest = book
    for run in reversed(book.runs()):  # the newest first: it may stand in the code of an older one
        keys = {entry.key for entry in run.entries if entry in parted.going}
        rest = _without(rest, files, keys, taken) if keys else rest
    created = {file.path: file for entry in parted.going for file in entry.created}
    for file in files.changed():
        made = created.get(file.path)
        if made is not None and not created_files.is_edited(made, file.now):
            continue  # without what was put into it, it is as it was written, and goes
        if is_python(file.path):
            warn_of_uses(Document(file.now, file.path), parted.gone, taken)
            taken.prune += created_files.compiled_since(project.root, file.path)
        taken.changes.append(FileChange(file.path, file.was, file.now))
    _take_files(project.root, parted, files, taken)
    changed = (*taken.changes, rest.change())
    if mode == "apply":
        transaction.commit(project.root, changed, taken.prune)
    return Outcome(_result(parted, chosen, taken, mode), changed)


def _with_dependents(
    book: Ledger, files: _Files, chosen: Collection[Key], *, cascade: bool
) -> Parting:
    """The parting of the chosen entries from the others; with `cascade` those that depend on them go."""
    served = {entry.key: serving(book, entry) for entry in book.entries}
    parted = parting(book, served, chosen)
    while others := dependents(book, served, parted, files.now):
        if not cascade:
            raise _depended_on(parted, others)
        keys = {one.key for one in parted.going} | {one.entry.key for one in others}
        parted = parting(book, served, keys)
    return parted


def _result(
    parted: Parting, chosen: Collection[Key], taken: Withdrawal, mode: str
) -> dict[str, Any]:
    """The object of `--json`."""
    return {
        "ok": True,
        "command": "remove",
        "dry_run": mode != "apply",
        "splices": [
            {
                "target": entry.record.target,
                "attribute": entry.record.attribute,
                "block": entry.record.block,
                "cascade": entry.key not in chosen,
            }
            for entry in parted.going
        ],
        "files": [{"path": change.path, "action": change.action} for change in taken.changes],
        "warnings": taken.warnings,
    }


@dataclass(frozen=True)
class _File:
    """An edited file as it was found, and as it is by now in memory."""

    path: str
    was: bytes
    now: bytes


class _Files:
    """The edited files, by the path that the ledger has for them."""

    def __init__(self, root: Path, book: Ledger):
        self.root, self.book = root, book
        self._files: dict[str, _File | None] = {}

    def now(self, path: str) -> _File | None:
        """The file, wherever it was moved to; None where there is none."""
        if path not in self._files:
            here = path if (self.root / path).is_file() else self._moved(path)
            self._files[path] = None
            if here is not None:
                raw = transaction.read_bytes(self.root / here)
                self._files[path] = _File(here, raw, raw)
        return self._files[path]

    def put(self, path: str, raw: bytes) -> None:
        """Change a file in memory; refuses Python that no longer parses."""
        file = self._files[path]
        assert file is not None
        if is_python(file.path):
            Document(raw, file.path)
        self._files[path] = replace(file, now=raw)

    def left(self, path: str) -> bytes | None:
        """What a file holds without what goes; None where nothing was taken out of it."""
        file = self._files.get(path)
        return None if file is None or file.now == file.was else file.now

    def changed(self) -> list[_File]:
        files = [file for _, file in sorted(self._files.items()) if file is not None]
        return [file for file in files if file.now != file.was]

    def _moved(self, path: str) -> str | None:
        entries = [e for e in self.book.entries if any(m.path == path for m in e.traces)]
        found = changes.moved_to(self.root, entries)
        if len(found) > 1:
            raise StitchError(
                "file-changed",
                f"{path} is gone, and several files now hold what was put into it: "
                + ", ".join(found),
                where=path,
                hint="keep one of them, then run `stitchgen remove` again",
            )
        return found[0] if found else None


def _depended_on(parted: Parting, others: Sequence[Dependent]) -> StitchError:
    names = ", ".join(entry.record.attribute for entry in parted.going)
    lines = [f"{d.entry.record.attribute} at {d.entry.record.target}: {d.why}" for d in others]
    commands = dict.fromkeys(one.entry.command for one in others)
    again = "; ".join(f"stitchgen {command}" for command in commands)
    return StitchError(
        "depended-on",
        f"{names} cannot go alone, since others would be broken:\n    " + "\n    ".join(lines),
        where=others[0].entry.record.target.partition("::")[0],
        hint=f"--cascade removes these as well; they were put there by: {again}",
        details={"dependents": [dict(zip(("target", "attribute"), d.entry.key)) for d in others]},
    )


# -- one run -------------------------------------------------------------------------------------


def _without(book: Ledger, files: _Files, keys: Collection[Key], taken: Withdrawal) -> Ledger:
    """Take entries of one run out of the files, in memory; the ledger without them.

    What they share passes to an entry that needs it.
    """
    served = {entry.key: serving(book, entry) for entry in book.entries}
    parted = parting(book, served, keys)
    rest = book
    for mark, key in parted.shared.items():
        rest = rest.giving(key, mark)
    created = [file for entry in parted.going for file in entry.created]
    rest = rest.without(set(keys), kept_files=created)
    for path in parted.paths:
        file = files.now(path)
        if file is None:
            taken.warn("taken-back", path, f"{path} is no longer there")
            continue
        history = History.of(book, keys, path, file.now)
        if history is not None:
            edits = history.removal(parted.taken(path))
            rest = history.rebased(rest, lambda age: _taken_then(book, keys, path, age))
        else:
            edits = _by_syntax(file, path, parted, taken)
        files.put(path, apply(file.now, edits))
    return rest


def _by_syntax(file: _File, path: str, parted: Parting, taken: Withdrawal) -> list[Edit]:
    """The edits that take the entries out of a file that others have edited."""
    if is_yaml(file.path):
        return yaml_traces.removal(file.now, file.path, parted.taken(path))
    if not is_python(file.path):
        raise StitchError(
            "file-changed",
            f"{file.path} was edited since; being no Python, it can be given back only as it was left",
            where=file.path,
            hint="take the block's lines out of it yourself, then run the command again",
        )
    own = changes.own_attributes(parted.going)
    document = Document(file.now, file.path)
    return by_syntax(document, parted.taken(path), own, taken, parted.kept(path))


def _taken_then(book: Ledger, keys: Collection[Key], path: str, age: Age) -> list[Trace]:
    """What would have gone from a file when only the runs up to this age had been."""
    entries = tuple(entry for entry in book.entries if entry.age <= age)
    then = replace(book, entries=entries)
    served = {entry.key: serving(then, entry) for entry in entries}
    return parting(then, served, keys).taken(path)


def _take_files(root: Path, parted: Parting, files: _Files, taken: Withdrawal) -> None:
    """Delete the files that nobody needs any more."""
    created = sorted({f for entry in parted.going for f in entry.created}, key=lambda f: f.path)
    needed = {path for entry in parted.staying for path in entry.record.uses}
    kept = {change.path for change in taken.changes}
    importers = created_files.importers(root, created, taken)
    for file in created:
        if file.path not in needed and file.path not in kept:
            left = files.left(file.path)
            created_files.delete(root, file, importers.get(file.path), taken, left)
    created_files.keep_packages(root, created, taken)
    taken.prune += sorted({folder for entry in parted.going for folder in entry.folders})
    if not taken.changes:
        taken.warn("taken-back", LEDGER, "all of it had been taken out already")
