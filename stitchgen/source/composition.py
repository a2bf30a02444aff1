"""Two plans for one file, one after the other, as one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stitchgen.errors import InternalError
from stitchgen.source.edits import Edit, FileChange, apply, in_order


@dataclass(frozen=True)
class _Placed:
    """An edit of the first content, and the span that stands for it in the content between the two."""

    start: int
    end: int
    edit: Edit

    def meets(self, other: Edit) -> bool:
        """Whether an edit of the content between changes what this one put there."""
        if other.start == other.end:
            return self.start < other.start < self.end
        if self.start == self.end:
            return other.start <= self.start < other.end
        return self.start < other.end and other.start < self.end


def composed(raw: bytes, first: Iterable[Edit], second: Iterable[Edit]) -> tuple[Edit, ...]:
    """The edits that do at once what `second` does to `apply(raw, first)`.

    What one of them inserts and the other does not touch stays an edit of its own.
    """
    first, second = in_order(first), in_order(second)
    known = _placed(first)
    items = list(known)
    # From back to front, so that what stands further in front stays where it is.
    for edit in reversed(second):
        met = [one for one in items if one.meets(edit)]
        start, end = _raw_of(known, edit.start), _raw_of(known, edit.end)
        if not met:
            at = len([one for one in items if one.end <= edit.start and one.start < edit.start])
            items.insert(at, _Placed(edit.start, edit.end, Edit(start, end, edit.text)))
            continue
        head, tail = met[0], met[-1]
        text = head.edit.text[: max(0, edit.start - head.start)] + edit.text
        text += tail.edit.text[edit.end - tail.start :] if edit.end < tail.end else b""
        whole = Edit(
            head.edit.start if head.start <= edit.start else start,
            tail.edit.end if edit.end <= tail.end else end,
            text,
        )
        at = items.index(head)
        items[at : items.index(tail) + 1] = [
            _Placed(min(head.start, edit.start), max(tail.end, edit.end), whole)
        ]
    kept = tuple(in_order(one.edit for one in items))
    if apply(raw, kept) != apply(apply(raw, first), second):
        raise InternalError(f"the edits {first} and {second} are not {kept}")
    return kept


def in_turn(earlier: Sequence[FileChange], later: Sequence[FileChange]) -> list[FileChange]:
    """The changes of a plan and of one that was made on its result, as the changes of one plan."""
    found = {change.path: change for change in earlier}
    for change in later:
        old = found.get(change.path)
        if old is None:
            found[change.path] = change
            continue
        edits: tuple[Edit, ...] = ()
        if old.before is not None and old.edits and change.edits:
            edits = composed(old.before, old.edits, change.edits)
        found[change.path] = FileChange(change.path, old.before, change.after, edits)
    return sorted(found.values(), key=lambda change: change.before is not None)


def _placed(edits: Iterable[Edit]) -> list[_Placed]:
    shift = 0
    found = []
    for edit in edits:
        start = edit.start + shift
        found.append(_Placed(start, start + len(edit.text), edit))
        shift += len(edit.text) - (edit.end - edit.start)
    return found


def _raw_of(known: Sequence[_Placed], offset: int) -> int:
    """The offset in the first content of one that lies in no text of `known`."""
    before = [one for one in known if one.end <= offset and one.start < offset]
    return offset + (before[-1].edit.end - before[-1].end if before else 0)
