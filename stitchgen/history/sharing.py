"""Which splice needs which inserted code, where several share it.

Two splices of one block have one import; the instances of a class have its slot; the layers of a
container have one loop. Such code stands in the table of one of them, and serves all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from stitchgen.history.changes import bound_by
from stitchgen.history.ledger import Entry, Ledger
from stitchgen.history.traces import Trace

#: What is never called in the code: the block stands in the layer's place, or nowhere yet.
_NEVER_CALLED = ("replace", "new")


def mentions(code: str, names: Iterable[str]) -> bool:
    """Whether code has one of these attributes: `.layer2_cbam`."""
    return any(re.search(rf"\.{re.escape(name)}\b", code) for name in names)


def has_word(code: str, names: Iterable[str]) -> bool:
    return any(re.search(rf"\b{re.escape(name)}\b", code) for name in names)


def is_complete(entry: Entry) -> bool:
    """Whether the entry's own table has all that runs its block."""
    if entry.record.placement in _NEVER_CALLED:
        return bool(entry.traces or entry.created)
    called = re.compile(rf"\.{re.escape(entry.name)}\b(?!\s*=[^=])")
    return any(called.search(mark.now) for mark in entry.traces)


def defined_by(mark: Trace) -> set[str]:
    """The functions that inserted code defines: the hook of an attached block."""
    return set(re.findall(r"^def (\w+)\(", mark.now, re.MULTILINE)) if not mark.scope else set()


def needs(entry: Entry, mark: Trace) -> bool:
    """Whether a splice needs inserted code that stands in the table of another."""
    if names := bound_by(mark) | defined_by(mark):
        own = (other.now for other in entry.traces if other.path == mark.path and other != mark)
        return any(has_word(code, names) for code in own)
    return mentions(mark.now, [entry.name]) and not is_complete(entry)


def serving(book: Ledger, entry: Entry) -> list[Trace]:
    """All inserted code that a splice consists of, its own first."""
    shared = [
        mark
        for other in book.entries
        if other is not entry
        for mark in other.traces
        if needs(entry, mark)
    ]
    return [*entry.traces, *shared]
