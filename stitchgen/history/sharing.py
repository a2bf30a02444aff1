"""Which splice needs which inserted code, where several share it.

Two splices of one block have one import; the instances of a class have its slot; the layers of a
container have one loop. Such code stands in the table of one of them, and serves all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from stitchgen.history.changes import bound_by
from stitchgen.history.entries import WHOLE_FILES, Entry
from stitchgen.history.ledger import Ledger
from stitchgen.history.traces import Trace

#: What code does with a block: constructs it, makes an empty slot for it, or runs it.
Role = Literal["constructs", "slot", "runs"]

#: Of these nothing else is needed: the block stands in the layer's place, or nowhere yet.
_NEVER_CALLED = ("replace", *WHOLE_FILES)


def mentions(code: str, names: Iterable[str]) -> bool:
    """Whether code has one of these attributes: `.layer2_cbam`."""
    return any(re.search(rf"\.{re.escape(name)}\b", code) for name in names)


def has_word(code: str, names: Iterable[str]) -> bool:
    return any(re.search(rf"\b{re.escape(name)}\b", code) for name in names)


def role_of(mark: Trace, name: str) -> Role | None:
    """What inserted code does with the block of that name; None where it does not mention it."""
    if not mentions(mark.now, [name]):
        return None
    assigned = re.search(rf"\.{re.escape(name)}\s*=\s*(?!=)(.*)", mark.now)
    if assigned is None:
        return "runs"
    return "slot" if re.match(r"(?:[\w.]*\bIdentity\(\)|None)\s*$", assigned[1]) else "constructs"


def is_complete(entry: Entry) -> bool:
    """Whether the entry's own table has all that its block needs, but for imports."""
    if entry.record.placement in _NEVER_CALLED:
        return bool(entry.traces or entry.created)
    return {"constructs", "runs"} <= {role_of(mark, entry.name) for mark in entry.traces}


def needs(entry: Entry, mark: Trace) -> bool:
    """Whether a splice needs code in the table of another that constructs or runs a block."""
    role = role_of(mark, entry.name)
    if role is None or is_complete(entry):
        return False
    if mentions(mark.was, [entry.name]):
        return False  # it stood there before: that code only has something else put into it
    own = ((other.scope, role_of(other, entry.name)) for other in entry.traces)
    return (mark.scope, role) not in own


def defined_by(mark: Trace) -> set[str]:
    """The names at the top level that inserted code binds: an import's, the hook's of a block."""
    functions = re.findall(r"^def (\w+)\(", mark.now, re.MULTILINE) if not mark.scope else []
    return bound_by(mark) | set(functions)


def serving(book: Ledger, entry: Entry) -> list[Trace]:
    """All inserted code that a splice consists of, its own first."""
    others = [mark for other in book.entries if other is not entry for mark in other.traces]
    code = [*entry.traces, *(mark for mark in others if needs(entry, mark))]
    names = [
        mark
        for mark in others
        if mark not in code
        and (bound := defined_by(mark))
        and any(one.path == mark.path and has_word(one.now, bound) for one in code)
    ]
    return [*code, *names]
