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
merge is seen.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stitchgen.errors import StitchError
from stitchgen.history.record import describe
from stitchgen.history.traces import Piece, Trace
from stitchgen.project.transaction import LEDGER, digest, read_bytes
from stitchgen.source.edits import Edit, FileChange
from stitchgen.source.equivalence import meaning

VERSION = 1
_HEADER = """\
# What stitchgen put into this project. Keep this file in version control.
# `stitchgen check` compares it with the code, `stitchgen undo` takes the last run back.
"""


@dataclass(frozen=True)
class SpliceRecord:
    """One splice, as the command that made it describes it."""

    block: str
    target: str  # `model.py::ResNet.layer2`; unique together with the attribute
    placement: str
    attribute: str
    strategy: str
    arguments: str = ""
    uses: tuple[str, ...] = ()  # block files, relative to the root


@dataclass(frozen=True)
class Created:
    """A file that the run created: the hash of its bytes, and of its meaning if it is Python."""

    path: str
    sha256: str
    meaning: str | None = None


@dataclass(frozen=True)
class Edited:
    """A file that the run edited, by its hash before and after."""

    path: str
    before: str
    after: str


@dataclass(frozen=True)
class Entry:
    """A splice in the ledger: the record, its run, and what the run did for it."""

    record: SpliceRecord
    run: str
    command: str
    created: tuple[Created, ...] = ()
    edited: tuple[Edited, ...] = ()
    folders: tuple[str, ...] = ()  # that the run made
    traces: tuple[Trace, ...] = ()
    line: int = field(default=0, compare=False)  # of its table in the ledger

    @property
    def key(self) -> tuple[str, str]:
        return self.record.target, self.record.attribute


@dataclass(frozen=True)
class Run:
    """The entries that one command made, and what it did to files, all taken together."""

    name: str
    entries: tuple[Entry, ...]

    @property
    def command(self) -> str:
        return self.entries[0].command

    @property
    def created(self) -> list[Created]:
        return sorted({c for entry in self.entries for c in entry.created}, key=lambda c: c.path)

    @property
    def edited(self) -> list[Edited]:
        return sorted({e for entry in self.entries for e in entry.edited}, key=lambda e: e.path)

    @property
    def folders(self) -> list[str]:
        return sorted({folder for entry in self.entries for folder in entry.folders})

    def traces(self, path: str) -> list[Trace]:
        found = [t for entry in self.entries for t in entry.traces if t.path == path]
        return sorted(found, key=lambda trace: trace.pieces[0].at)


@dataclass(frozen=True)
class Ledger:
    """The entries of a project, and the bytes of the file that they were read from (None: none)."""

    root: Path
    entries: tuple[Entry, ...] = ()
    raw: bytes | None = None

    # Reading ----------------------------------------------------------------------------------

    def runs(self) -> list[Run]:
        """The runs, the oldest first; those of merged branches that have one number by name."""
        names = sorted({entry.run for entry in self.entries}, key=_run_order)
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
                sense = meaning(change.after) if python else None
                created.append(Created(change.path, digest(change.after), sense))
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

    def without_run(
        self, name: str, kept_traces: Iterable[Trace] = (), kept_files: Iterable[Created] = ()
    ) -> Ledger:
        """The ledger without a run. What others still need of it passes to one of those."""
        entries = {entry.key: entry for entry in self.entries if entry.run != name}
        gone = [entry for entry in self.entries if entry.run == name]
        folders = tuple(folder for entry in gone for folder in entry.folders)
        for file in kept_files:
            users = [entry for entry in entries.values() if file.path in entry.record.uses]
            if users:
                entries = _given(entries, users[0].key, created=(file,), folders=folders)
        for trace in kept_traces:
            marks = [(e, m) for e in entries.values() for m in e.traces if m.path == trace.path]
            known = any((m.scope, m.now, m.was) == (trace.scope, trace.now, "") for _, m in marks)
            if marks and not known:
                entries = _given(entries, marks[0][0].key, traces=(trace,))
        return replace(self, entries=_sorted(entries.values()))

    def change(self) -> FileChange:
        """The change to `stitchgen.lock` that writes this ledger; without entries the file goes."""
        return FileChange(LEDGER, self.raw, self.to_bytes() if self.entries else None)

    def _run_name(
        self, command: str, splices: Sequence[SpliceRecord], changes: Sequence[FileChange]
    ) -> str:
        number = max((_run_order(entry.run)[0] for entry in self.entries), default=0) + 1
        sums = [(change.path, change.after and digest(change.after)) for change in changes]
        facts = repr((command, sorted(s.target + s.attribute for s in splices), sums))
        return f"{number}-{digest(facts.encode('utf-8'))[:8]}"

    # Writing ----------------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """The file: the same entries give the same bytes."""
        tables = [_table(entry) for entry in _sorted(self.entries)]
        text = "\n".join([_HEADER + f"version = {VERSION}\n", *tables])
        return text.encode("utf-8", "replace")  # a command line may hold what is no text


def _run_order(name: str) -> tuple[int, str]:
    number, _, rest = name.partition("-")
    return int(number), rest


def _sorted(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    return tuple(sorted(entries, key=lambda entry: entry.key))


def _given(
    entries: dict[tuple[str, str], Entry], key: tuple[str, str], **more: tuple[Any, ...]
) -> dict[tuple[str, str], Entry]:
    """The entries with more in the named fields of one of them."""
    entry = entries[key]
    fields = {
        name: getattr(entry, name) + tuple(v for v in values if v not in getattr(entry, name))
        for name, values in more.items()
    }
    return entries | {key: replace(entry, **fields)}


def _needing(entries: Iterable[Entry], path: str) -> tuple[str, str]:
    """The splice to whose table a created file belongs: the first one that uses it."""
    entries = list(entries)
    return next((e.key for e in entries if path in e.record.uses), entries[0].key)


def _owning(entries: Iterable[Entry], trace: Trace) -> tuple[str, str]:
    """The splice to whose table a trace belongs: its attribute's, else the first in its file."""
    entries = list(entries)
    if trace.kind == "row":
        # `model.10.CBAM`: rows that came behind one target in turn had the same number once.
        rows = (e.key for e in entries if e.record.attribute.rpartition(".")[0] == trace.scope)
        return next(rows, entries[0].key)
    named = (
        entry.key
        for entry in entries
        if re.search(rf"\b{re.escape(entry.record.attribute.split('.')[-1])}\b", trace.now)
    )
    in_file = (e.key for e in entries if e.record.target.startswith(trace.path + "::"))
    return next(named, None) or next(in_file, None) or entries[0].key


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


# -- the text ------------------------------------------------------------------------------------


def _table(entry: Entry) -> str:
    """One splice. The order of the lines serves merges.

    Where two branches add tables at one place, git reports a conflict, and takes out of it what
    both sides begin or end with, and any four lines in a row that they share. So the first and
    the last line of a table are its own, and so is one in every four: both sides stand whole
    between the markers, and who removes the markers has merged them.
    """
    record = entry.record
    how = {
        "block": record.block,
        "placement": record.placement,
        "strategy": record.strategy,
        "arguments": record.arguments,
    }
    created = [
        {"path": file.path, "sha256": file.sha256}
        | ({} if file.meaning is None else {"meaning": file.meaning})
        for file in sorted(entry.created, key=lambda file: file.path)
    ]
    edited = [
        {"path": file.path, "before": file.before, "after": file.after}
        for file in sorted(entry.edited, key=lambda file: file.path)
    ]
    spans = sorted(entry.traces, key=lambda trace: (trace.path, trace.pieces[0].at))
    return "\n".join(
        [
            f"[splice.{_string(record.target)}.{_string(record.attribute)}]",
            f"run = {_string(entry.run)}",
            f"command = {_string(entry.command)}",
            f"how = {_value(how)}",
            f"uses = {_value(record.uses)}",
            f"folders = {_value(sorted(set(entry.folders)))}",
            f"edited = {_value(edited)}",
            f"created = {_value(created)}",
            "spans = [",
            *(f"    {_value(_span_row(trace))}," for trace in spans),
            "]",
            f"hash = {_string(_hash(entry.key, spans))}",
            "",
        ]
    )


def _span_row(trace: Trace) -> dict[str, Any]:
    """What is empty is left out, so that the usual insertion is short."""
    row: dict[str, Any] = {"path": trace.path, "kind": trace.kind}
    row |= {"scope": trace.scope, "now": trace.now, "was": trace.was}
    if trace.count > 1:
        row |= {"nth": trace.nth, "count": trace.count}
    row["pieces"] = [
        [piece.at, piece.text] + ([piece.replaced] if piece.replaced else [])
        for piece in trace.pieces
    ]
    return {name: value for name, value in row.items() if value != ""}


def _hash(key: tuple[str, str], ordered: Sequence[Trace]) -> str:
    """Over what was inserted, so that a table that a merge has spoiled is noticed."""
    facts = json.dumps([*key, *(_span_row(trace) for trace in ordered)], sort_keys=True)
    return hashlib.sha256(facts.encode("utf-8")).hexdigest()[:16]


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_value, value)) + "]"
    return _string(value) if isinstance(value, str) else str(value)


def _string(text: str) -> str:
    """A basic string of TOML: JSON's escapes, save for DEL, which TOML wants escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


# -- loading -------------------------------------------------------------------------------------


def load(root: Path) -> Ledger:
    """The ledger of a project; an empty one where there is no file. Else `ledger-broken`."""
    path = root / LEDGER
    if not os.path.lexists(path):
        return Ledger(root)
    raw = read_bytes(path)
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
                entries.append(_entry(target, attribute, attributes[attribute], line))
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise _broken(f"has a table that cannot be read ({error!r})", line) from error
    return Ledger(root, _sorted(entries), raw)


def _entry(target: str, attribute: str, table: dict[str, Any], line: int) -> Entry:
    marks = tuple(
        Trace(
            row["path"],
            row["kind"],
            row.get("scope", ""),
            row.get("now", ""),
            row.get("was", ""),
            tuple(Piece(*piece) for piece in row["pieces"]),
            row.get("nth", 0),
            row.get("count", 1),
        )
        for row in table["spans"]
    )
    if _hash((target, attribute), marks) != table["hash"]:
        raise ValueError("its spans do not fit its hash: a merge or an edit has changed them")
    _run_order(table["run"])
    how = table["how"]
    record = SpliceRecord(
        how["block"],
        target,
        how["placement"],
        attribute,
        how["strategy"],
        how["arguments"],
        tuple(table["uses"]),
    )
    return Entry(
        record,
        table["run"],
        table["command"],
        tuple(Created(r["path"], r["sha256"], r.get("meaning")) for r in table["created"]),
        tuple(Edited(r["path"], r["before"], r["after"]) for r in table["edited"]),
        tuple(table["folders"]),
        marks,
        line,
    )


def _line_of(raw: bytes, target: str, attribute: str) -> int:
    header = f"[splice.{_string(target)}.{_string(attribute)}]".encode()
    at = raw.find(header)
    return raw.count(b"\n", 0, at) + 1 if at >= 0 else 1


def _broken(what: str, line: int, hint: str | None = None) -> StitchError:
    return StitchError(
        "ledger-broken",
        f"{LEDGER} {what}",
        where=f"{LEDGER}:{line}",
        hint=hint or f"restore the file, for example with: git checkout -- {LEDGER}",
    )
