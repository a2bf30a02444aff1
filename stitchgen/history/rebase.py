"""Removing splices from a file that nobody but stitchgen has edited, and rebasing the later runs.

A run is recorded by the hash of its file before and after, and by where in it each text begins. So every
state that the file had between two runs can be had again, by taking the later runs back one by one, in
memory. Where a text is now follows from what the later runs have put in front of it; out of each state
the removed splices are taken, and the runs that stay are recorded as they would be without those.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from stitchgen.history import traces
from stitchgen.history.changes import is_python
from stitchgen.history.entries import Age, Edited, Entry, Key, Run
from stitchgen.history.exact import encoding_of, exact
from stitchgen.history.ledger import Ledger
from stitchgen.history.traces import Piece, Trace
from stitchgen.project.transaction import digest
from stitchgen.source.document import Document
from stitchgen.source.edits import Edit, apply, inverse

#: The traces of a file that go, of all entries up to a run of this age.
TakenThen = Callable[[Age], Collection[Trace]]


@dataclass(frozen=True)
class _Step:
    """What a run did to a file: the edits that it made of `before`."""

    run: Run
    before: bytes
    edits: tuple[Edit, ...]

    @property
    def age(self) -> Age:
        return self.run.entries[0].age

    @property
    def after(self) -> bytes:
        return apply(self.before, self.edits)


@dataclass(frozen=True)
class History:
    """The runs of a file from the first on that made one of some entries, the oldest first."""

    path: str
    steps: tuple[_Step, ...]

    @classmethod
    def of(cls, book: Ledger, chosen: Collection[Key], path: str, now: bytes) -> History | None:
        """The history that ends with these bytes; None where somebody else has edited the file."""
        runs = [run for run in book.runs() if any(file.path == path for file in run.edited)]
        steps: list[_Step] = []
        while any(entry.key in chosen for run in runs for entry in run.entries):
            run = runs.pop()
            edited = next(file for file in run.edited if file.path == path)
            back = exact(now, edited, run.traces(path))
            if back is None:
                return None
            steps.insert(0, _Step(run, apply(now, back), tuple(inverse(now, back))))
            now = steps[0].before
        history = cls(path, tuple(steps))
        # Beside an element others have put theirs, into the text of the run: by its syntax it is found alone.
        marks = [
            mark
            for step in steps
            for entry in step.run.entries
            for mark in entry.traces
            if entry.key in chosen and mark.kind == "element"
        ]
        if any(run for mark in marks for run in history.within(mark)):
            return None
        return history if steps else None

    def removal(self, marks: Collection[Trace], count: int | None = None) -> list[Edit]:
        """The edits that take traces out of the file as it was after `count` runs, or is now."""
        after = self.steps[: count or len(self.steps)]
        encoding = encoding_of(after[-1].after, self.path)
        edits = set()
        for mark in marks:
            for piece in self._moved(mark, after).pieces:
                end = piece.at + len(piece.text.encode(encoding))
                edits.add(Edit(piece.at, end, piece.replaced.encode(encoding)))
        return sorted(edits)

    def within(self, mark: Trace) -> Iterator[Run]:
        """The later runs that have put something into the very text of a trace."""
        pieces: Sequence[Piece] = mark.pieces
        for number in range(self._made_by(mark) + 1, len(self.steps)):
            step = self.steps[number]
            encoding = encoding_of(step.before, self.path)
            for piece in pieces:
                end = piece.at + len(piece.text.encode(encoding))
                if any(edit.start < end and piece.at < edit.end for edit in step.edits) or any(
                    piece.at < edit.start < end for edit in step.edits
                ):
                    yield step.run
                    break
            pieces = self._moved(mark, self.steps[: number + 1]).pieces

    def rebased(self, rest: Ledger, taken: TakenThen) -> Ledger:
        """The ledger `rest`, from which entries are gone, with these runs as if they had never been."""
        was = self.steps[0].before
        for count, step in enumerate(self.steps, start=1):
            cut = self.removal(taken(step.age), count)
            state = apply(step.after, cut)
            edited = Edited(self.path, digest(was), digest(state))
            entries = [entry for entry in rest.entries if entry.run == step.run.name]
            marks = [mark for entry in entries for mark in entry.traces if mark.path == self.path]
            moved = {mark: self._moved(mark, self.steps[:count], cut) for mark in marks}
            if is_python(self.path):
                document = Document(state, self.path)
                moved = {mark: _numbered(document, now) for mark, now in moved.items()}
            if exact(state, edited, list(moved.values())) is not None:
                rest = _with_file(rest, entries, edited, moved)
            was = state
        return rest

    def _made_by(self, mark: Trace) -> int:
        """The number of the step that put a trace into the file; -1 for an earlier one."""
        numbers = [n for n, step in enumerate(self.steps) if mark in step.run.traces(mark.path)]
        return numbers[-1] if numbers else -1

    def _moved(self, mark: Trace, steps: Sequence[_Step], cut: Sequence[Edit] = ()) -> Trace:
        """A trace with its places in the file after these steps, once `cut` is made."""
        later = [step.edits for step in steps[self._made_by(mark) + 1 :]]
        pieces = []
        for piece in mark.pieces:
            at = piece.at
            for edits in (*later, cut):
                at += sum(len(e.text) - (e.end - e.start) for e in edits if e.end <= at)
            pieces.append(replace(piece, at=at))
        return replace(mark, pieces=tuple(pieces))


def _numbered(document: Document, mark: Trace) -> Trace:
    """The trace with its number among those that look the same."""
    starts = [
        document.to_raw(traces.span_of(document, match.nodes)[0])
        for match in traces.find(document, mark)
    ]
    if not starts:
        return mark
    at = mark.pieces[0].at
    nearest = min(range(len(starts)), key=lambda number: abs(starts[number] - at))
    return replace(mark, nth=nearest if len(starts) > 1 else 0, count=len(starts))


def _with_file(
    book: Ledger, entries: Iterable[Entry], edited: Edited, moved: dict[Trace, Trace]
) -> Ledger:
    """The ledger with one file of a run recorded anew."""
    changed = {
        entry.key: replace(
            entry,
            edited=tuple(edited if file.path == edited.path else file for file in entry.edited),
            traces=tuple(moved.get(mark, mark) for mark in entry.traces),
        )
        for entry in entries
    }
    return replace(book, entries=tuple(changed.get(e.key, e) for e in book.entries))
