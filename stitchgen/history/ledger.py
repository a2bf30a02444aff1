"""`stitchgen.lock`: the record of what was put where, and by which run.

A command that writes records its run in the same commit as the files it changes:

    book = ledger.load(root)
    splice = SpliceRecord(
        block="cbam", target="model.py::ResNet.layer2", placement="after",
        attribute="layer2_cbam", strategy="line", arguments="128 * block.expansion",
        uses=("blocks/cbam.py",),
    )
    changes = [FileChange("blocks/cbam.py", None, source), FileChange.of("model.py", raw, edits)]
    book = book.with_run("add cbam --after model.layer2", [splice], changes)
    files.commit(root, [*changes, book.change()])

`new-module`, which splices nothing, records one with the block file as the target and placement
`new`. `uses` names the block files that the splice needs, created by this run or found there; a
file stays as long as a splice uses it.

The file is TOML, with one table for each splice: all that is known of it stands there, also what it
shares with other splices of its run, so that two branches merge as text. Tables are sorted by
target, not by age, so that splices in different places are added at different lines. There is no
time in it, and a run is named by its number and a hash of what it did: two branches that both made
run 3 made two runs. What was inserted is kept as bytes (positions, texts) for a file that is as the
run left it, and as syntax (`traces`) for one that has been edited since; `hash` covers it, so a bad
merge is seen. Of a block file the rendered text is kept, from which `update` merges a newer one.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from stitchgen.errors import StitchError
from stitchgen.history import ledger_table
from stitchgen.history.entries import Created, Edited, Entry, Key, Run, run_order
from stitchgen.history.entries import SpliceRecord as SpliceRecord
from stitchgen.history.record import describe
from stitchgen.history.traces import Trace
from stitchgen.project.transaction import LEDGER, digest, read_bytes
from stitchgen.source.edits import Edit, FileChange

VERSION = 1
_HEADER = """\
# What stitchgen put into this project. Keep this file in version control.
# `stitchgen check` compares it with the code, `stitchgen undo` takes the last run back.
"""


@dataclass(frozen=True)
class Ledger:
    """The entries of a project, and the bytes of the file that they were read from (None: none)."""

    root: Path
    entries: tuple[Entry, ...] = ()
    raw: bytes | None = None

    # Reading ----------------------------------------------------------------------------------

    def runs(self) -> list[Run]:
        """The runs, the oldest first; those of merged branches that have one number by name."""
        names = sorted({entry.run for entry in self.entries}, key=run_order)
        return [Run(name, tuple(e for e in self.entries if e.run == name)) for name in names]

    def users(self, path: str) -> list[Entry]:
        """The splices that need this block file."""
        return [entry for entry in self.entries if path in entry.record.uses]

    def created(self, path: str) -> Created | None:
        """The record of a file that a run created, or None."""
        found = (c for entry in self.entries for c in entry.created if c.path == path)
        return next(found, None)

    # Changing ---------------------------------------------------------------------------------

    def with_run(
        self, command: str, splices: Sequence[SpliceRecord], changes: Sequence[FileChange]
    ) -> Ledger:
        """The ledger with one more run, of at least one splice.

        A splice that stands at the place of an older one (which the user took out by hand) takes
        over its table, and with it the care for the files that the older one created.
        """
        created, edited, marks = [], [], []
        for change in changes:
            if change.before is None and change.after is not None:
                python = change.path.endswith(".py")
                block = any(change.path in splice.uses for splice in splices)
                created.append(
                    Created.of(change.path, change.after, python=python, block=python and block)
                )
            elif change.before is not None and change.after is not None:
                edited.append(Edited(change.path, digest(change.before), digest(change.after)))
                edits = change.edits or (_difference(change.before, change.after),)
                marks += describe(change.path, change.before, edits)
        folders = _new_folders(self.root, [file.path for file in created])
        run = self._run_name(command, splices, changes)
        new = {}
        for splice in splices:
            entry = Entry(splice, run, command, folders=tuple(folders))
            old = next((e for e in self.entries if e.key == entry.key), None)
            if old is not None:
                entry = replace(entry, created=old.created, folders=entry.folders + old.folders)
            new[entry.key] = entry
        for file in created:
            new = _given(new, _needing(new.values(), file.path), created=(file,))
        for mark in marks:
            new = _given(new, _owning(new.values(), mark), traces=(mark,))
        for whole in edited:
            for key, entry in new.items():
                if any(mark.path == whole.path for mark in entry.traces):
                    new = _given(new, key, edited=(whole,))
        kept = [entry for entry in self.entries if entry.key not in new]
        return replace(self, entries=_sorted([*kept, *new.values()]))

    def giving(self, key: Key, trace: Trace) -> Ledger:
        """The ledger with inserted code of another entry in the table of this one."""
        entries = {entry.key: entry for entry in self.entries}
        if not any(_alike(trace, mark) for mark in entries[key].traces):
            owner = next(entry for entry in self.entries if trace in entry.traces)
            edited = () if any(f.path == trace.path for f in entries[key].edited) else owner.edited
            entries = _given(entries, key, traces=(trace,), edited=edited)
        return replace(self, entries=_sorted(entries.values()))

    def with_file(self, file: Created) -> Ledger:
        """The ledger with another record of a file that a run created."""
        entries = (
            replace(entry, created=tuple(file if c.path == file.path else c for c in entry.created))
            for entry in self.entries
        )
        return replace(self, entries=tuple(entries))

    def without(
        self,
        gone: Set[Key],
        kept_traces: Iterable[Trace] = (),
        kept_files: Iterable[Created] = (),
    ) -> Ledger:
        """The ledger without some entries. What others still need of theirs passes to those."""
        entries = {entry.key: entry for entry in self.entries if entry.key not in gone}
        folders = [f for entry in self.entries if entry.key in gone for f in entry.folders]
        for file in kept_files:
            users = [entry for entry in entries.values() if file.path in entry.record.uses]
            if file.path.endswith("/__init__.py"):
                users = _users_below(entries.values(), os.path.dirname(file.path))
            if users:
                entries = _given(entries, users[0].key, created=(file,))
        for folder in folders:
            for user in _users_below(entries.values(), folder)[:1]:
                entries = _given(entries, user.key, folders=(folder,))
        for trace in kept_traces:
            marks = [(e, m) for e in entries.values() for m in e.traces if m.path == trace.path]
            if marks and not any(_alike(trace, mark) for _, mark in marks):
                entries = _given(entries, marks[0][0].key, traces=(trace,))
        return replace(self, entries=_sorted(entries.values()))

    def change(self) -> FileChange:
        """The change to `stitchgen.lock` that writes this ledger; without entries the file goes."""
        return FileChange(LEDGER, self.raw, self.to_bytes() if self.entries else None)

    def _run_name(
        self, command: str, splices: Sequence[SpliceRecord], changes: Sequence[FileChange]
    ) -> str:
        number = max((run_order(entry.run)[0] for entry in self.entries), default=0) + 1
        sums = [(change.path, change.after and digest(change.after)) for change in changes]
        facts = repr((command, sorted(s.target + s.attribute for s in splices), sums))
        return f"{number}-{digest(facts.encode('utf-8'))[:8]}"

    # Writing ----------------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """The file: the same entries give the same bytes."""
        tables = [ledger_table.table(entry) for entry in _sorted(self.entries)]
        text = "\n".join([_HEADER + f"version = {VERSION}\n", *tables])
        return text.encode("utf-8", "replace")  # a command line may hold what is no text


def _sorted(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    return tuple(sorted(entries, key=lambda entry: entry.key))


def _given(entries: dict[Key, Entry], key: Key, **more: tuple[Any, ...]) -> dict[Key, Entry]:
    """The entries with more in the named fields of one of them."""
    entry = entries[key]
    fields = {
        name: getattr(entry, name) + tuple(v for v in values if v not in getattr(entry, name))
        for name, values in more.items()
    }
    return entries | {key: replace(entry, **fields)}


def _needing(entries: Iterable[Entry], path: str) -> Key:
    """The splice to whose table a created file belongs: the first one that uses it."""
    entries = list(entries)
    return next((e.key for e in entries if path in e.record.uses), entries[0].key)


def _alike(trace: Trace, other: Trace) -> bool:
    """Whether the same code was inserted, by whichever run."""
    where = (trace.path, trace.scope, trace.now, trace.was)
    return where == (other.path, other.scope, other.now, other.was)


def _users_below(entries: Iterable[Entry], folder: str) -> list[Entry]:
    """The splices that need a block file in this folder, or below it."""
    return [e for e in entries if any(path.startswith(f"{folder}/") for path in e.record.uses)]


def _owning(entries: Iterable[Entry], trace: Trace) -> Key:
    """The splice to whose table a trace belongs: its attribute's, else the first in its file.

    Of several with one attribute (`conv1_se` of many layers), the one that the code names
    (`self.stage[1].conv1_se`), else the one in whose class it stands.
    """
    entries = list(entries)
    if trace.kind == "row":
        # `model.10.CBAM`: rows that came behind one target in turn had the same number once.
        rows = (e.key for e in entries if e.record.attribute.rpartition(".")[0] == trace.scope)
        return next(rows, entries[0].key)
    named = [e for e in entries if re.search(rf"\b{re.escape(e.name)}\b", trace.now)]
    if len(named) > 1:
        spelled = [e for e in named if f".{_as_code(e)}" in trace.now]
        within = [e for e in named if trace.scope.startswith(f"{e.names[0]}.")]
        named = [*spelled, *(e for e in within if len(e.names) == 2), *named]
    module = re.match(r"from [\w.]*?(\w+) import ", trace.now)
    if module is not None:  # of the block that a run of several blocks brought there
        named += [e for e in entries if module[1] in {Path(use).stem for use in e.record.uses}]
    in_file = (e for e in entries if e.record.target.startswith(trace.path + "::"))
    return (named[0] if named else next(in_file, entries[0])).key


def _as_code(entry: Entry) -> str:
    """The attribute as its owner writes it behind `self.`: `stage[1].conv1_se`."""
    path = ".".join([*entry.names[1:-1], entry.name])
    return re.sub(r"\.(\d+)(?=\.|$)", r"[\1]", path)


def _new_folders(root: Path, paths: Iterable[str]) -> list[str]:
    """The folders that must be made for these files."""
    folders = {folder for path in paths for folder in Path(path).parents}
    return sorted(f.as_posix() for f in folders if f.name and not os.path.lexists(root / f))


def _difference(before: bytes, after: bytes) -> Edit:
    """The one edit between two contents whose plan had none."""
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    return Edit(start, len(before) - end, after[start : len(after) - end])


def _common(one: bytes, other: bytes) -> int:
    """How many bytes the two begin with alike."""
    shorter = min(len(one), len(other))
    return next((n for n in range(shorter) if one[n] != other[n]), shorter)


# -- loading -------------------------------------------------------------------------------------


def load(root: Path) -> Ledger:
    """The ledger of a project; an empty one where there is no file. Else `ledger-broken`."""
    path = root / LEDGER
    if not os.path.lexists(path):
        return Ledger(root)
    raw = read_bytes(path)
    return Ledger(root, _entries(raw), raw)


@lru_cache(maxsize=8)
def _entries(raw: bytes) -> tuple[Entry, ...]:
    """The entries of the file of these bytes; one command reads it several times."""
    # Imported here, since most projects have no ledger yet.
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    conflict = re.search(rb"^<<<<<<< ", raw, re.MULTILINE)
    if conflict:
        raise _broken(
            "holds a merge conflict",
            raw.count(b"\n", 0, conflict.start()) + 1,
            "keep the tables of both sides: take out the lines that begin with <<<<<<<, =======, "
            ">>>>>>> and |||||||, nothing else",
        )
    try:
        document = tomllib.loads(raw.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        at = re.search(r"at line (\d+)", str(error))
        raise _broken(f"is not valid TOML: {error}", int(at[1]) if at else 1) from error
    version = document.get("version")
    if version != VERSION:
        raise _broken(
            f"has version {version!r}; this stitchgen reads version {VERSION}",
            1,
            "update stitchgen" if isinstance(version, int) and version > VERSION else None,
        )
    entries = []
    splices = document.get("splice", {})
    for target, attributes in splices.items() if isinstance(splices, dict) else [("", splices)]:
        for attribute in attributes if isinstance(attributes, dict) else [""]:
            line = _line_of(raw, target, attribute)
            try:
                entries.append(ledger_table.read(target, attribute, attributes[attribute], line))
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise _broken(f"has a table that cannot be read ({error!r})", line) from error
    return _sorted(entries)


def _line_of(raw: bytes, target: str, attribute: str) -> int:
    at = raw.find(ledger_table.header(target, attribute).encode())
    return raw.count(b"\n", 0, at) + 1 if at >= 0 else 1


def _broken(what: str, line: int, hint: str | None = None) -> StitchError:
    return StitchError(
        "ledger-broken",
        f"{LEDGER} {what}",
        where=f"{LEDGER}:{line}",
        hint=hint or f"restore the file, for example with: git checkout -- {LEDGER}",
    )
