"""What else has to go where splices are removed: those that depend on them, and those that share
inseparable code with them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from stitchgen.history import revert, traces
from stitchgen.history.changes import is_python, own_attributes
from stitchgen.history.entries import Entry, Key
from stitchgen.history.ledger import Ledger
from stitchgen.history.rebase import History
from stitchgen.history.sharing import mentions
from stitchgen.history.traces import Trace
from stitchgen.source.document import Document


class Located(Protocol):
    """An edited file: where it is, and its bytes."""

    @property
    def path(self) -> str: ...

    @property
    def now(self) -> bytes: ...


@dataclass(frozen=True)
class Dependent:
    """A splice that cannot stay where others go, and why."""

    entry: Entry
    why: str


@dataclass(frozen=True)
class Parting:
    """Entries that go and entries that stay, and how the inserted code is parted among them."""

    going: tuple[Entry, ...]
    staying: tuple[Entry, ...]
    shared: dict[Trace, Key]  # of those that go, what one that stays needs
    gone: frozenset[str]  # attributes that nobody has afterwards

    def taken(self, path: str) -> list[Trace]:
        """The traces in a file that go."""
        found = [
            mark
            for entry in self.going
            for mark in entry.traces
            if mark.path == path and mark not in self.shared
        ]
        return sorted(found, key=lambda mark: mark.pieces[0].at)

    def kept(self, path: str) -> list[Trace]:
        """The traces in a file that stay."""
        marks = [mark for entry in self.staying for mark in entry.traces] + list(self.shared)
        return [mark for mark in marks if mark.path == path]

    @property
    def paths(self) -> list[str]:
        return sorted({mark.path for entry in self.going for mark in entry.traces})


#: What each entry consists of, by its key: see `sharing.serving`.
Served = Mapping[Key, Sequence[Trace]]


def parting(book: Ledger, served: Served, chosen: Collection[Key]) -> Parting:
    """How the code of the chosen entries is parted from that of the others."""
    going = tuple(entry for entry in book.entries if entry.key in chosen)
    staying = tuple(entry for entry in book.entries if entry.key not in chosen)
    needed: dict[Trace, Key] = {}
    for entry in sorted(staying, key=lambda entry: entry.age):
        for mark in served[entry.key]:
            needed.setdefault(mark, entry.key)
    shared = {mark: needed[mark] for entry in going for mark in entry.traces if mark in needed}
    left = own_attributes(staying) | {entry.name for entry in staying}
    return Parting(going, staying, shared, frozenset(own_attributes(going) - left))


def dependents(
    book: Ledger,
    served: Served,
    parted: Parting,
    file_of: Callable[[str], Located | None],
) -> list[Dependent]:
    """The entries that would be broken, each once; `file_of` gives the file that has a path."""
    found: dict[Key, Dependent] = {}

    def add(entry: Entry, why: str) -> None:
        found.setdefault(entry.key, Dependent(entry, why))

    for entry in parted.staying:
        if named := parted.gone & _named_by(entry):
            add(entry, f"it was put at {', '.join(sorted(named))}")
        for mark in served[entry.key]:
            if mentions(f"{mark.now}\n{mark.was}", parted.gone):
                add(entry, f"`{mark.first_line}` in {mark.path} names what would be gone")
    for created in (one for entry in parted.going for one in entry.created):
        for entry in parted.staying:
            if any(mark.path == created.path for mark in entry.traces):
                add(entry, f"it is in {created.path}, which would be gone")
    for entry in parted.going:
        if not _has_own_code(served[entry.key], parted):
            for other in _sharing(served, entry, parted.staying):
                add(other, f"one piece of code runs both it and {entry.record.attribute}")
    for path in parted.paths:
        file = file_of(path)
        if file is not None:
            for entry in _standing_within(book, parted, path, file):
                add(entry, f"its lines in {path} stand within those that would go")
            for entry in _standing_between(parted, path, file):
                add(entry, f"its code in {path} stands between two parts of what would go")
    return list(found.values())


def _named_by(entry: Entry) -> set[str]:
    """The layers that the target of a splice and its command name: after which, with which."""
    words = [word for word in shlex.split(entry.command) if "." in word or "::" in word]
    return {*entry.names, *(name for word in words for name in re.split(r"[.:@#]+", word))}


def _has_own_code(marks: Sequence[Trace], parted: Parting) -> bool:
    """Whether something goes of what an entry consists of, or there is nothing to go."""
    held = [mark for entry in parted.going for mark in entry.traces]
    return not marks or any(mark in held and mark not in parted.shared for mark in marks)


def _sharing(served: Served, entry: Entry, staying: Sequence[Entry]) -> list[Entry]:
    """The splices whose code is that of the entry, imports aside."""
    code = [mark for mark in served[entry.key] if mentions(mark.now, [entry.name])]
    return [other for other in staying if any(mark in code for mark in served[other.key])]


def _standing_within(book: Ledger, parted: Parting, path: str, file: Located) -> list[Entry]:
    """The later splices that have put their code into code that goes, and must go first."""
    chosen = {entry.key for entry in parted.going}
    staying = [entry for entry in parted.staying if any(m.path == path for m in entry.traces)]
    history = History.of(book, chosen, path, file.now)
    if history is not None:
        names = {run.name for mark in parted.taken(path) for run in history.within(mark)}
        return [entry for entry in staying if entry.run in names]
    if not is_python(file.path):
        return []
    document = Document(file.now, file.path)
    runs = [run.traces(path) for run in book.runs() if run.traces(path)]
    absent = revert.missing(document, runs)
    hidden = [
        mark
        for mark in traces.beside(document, parted.taken(path), parted.kept(path))[0].missing
        if mark.kind != "bytes" and mark not in absent
    ]
    staying.sort(key=lambda entry: entry.age, reverse=True)
    return [
        entry
        for entry in staying
        if any(not _found_but_for(document, path, entry, staying, mark) for mark in hidden)
    ]


def _standing_between(parted: Parting, path: str, file: Located) -> list[Entry]:
    """The splices that run a part of a Sequential which one that goes has cut out of it: without the cut
    they would run all of it."""
    if not is_python(file.path):
        return []
    document = Document(file.now, file.path)
    located, theirs = traces.beside(document, parted.taken(path), parted.kept(path))
    ours = located.found
    found = []
    for entry in parted.staying:
        spans = [traces.span_of(document, m.nodes) for mark, m in theirs if mark in entry.traces]
        for other in parted.going:
            cuts = [traces.span_of(document, m.nodes) for mark, m in ours if mark in other.traces]
            between = any(
                outer != span and _covers(outer, span) and _covers(span, inner)
                for span in spans
                for outer in cuts
                for inner in cuts
            )
            if between and entry not in found:
                found.append(entry)
    return found


def _covers(outer: tuple[int, int], inner: tuple[int, int]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _found_but_for(
    document: Document, path: str, entry: Entry, staying: Sequence[Entry], mark: Trace
) -> bool:
    """Whether code is found once all others that stay, the newest first, are taken out."""
    for other in staying:
        if other is not entry:
            located = traces.locate(document, _marks_in(other, path))
            document = revert.without(document, located.found)
    theirs = traces.locate(document, _marks_in(entry, path)).found
    return not traces.locate(document, [mark], [match for _, match in theirs]).missing


def _marks_in(entry: Entry, path: str) -> list[Trace]:
    return [mark for mark in entry.traces if mark.path == path and mark.kind != "bytes"]
