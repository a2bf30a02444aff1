"""Edits as plain data: spans of the original bytes, the files they change, their patch.

Owns `Edit`, `FileChange`, and everything that is computed from them without looking at the disk:
applying, taking back, diffing. A plan is a sequence of `FileChange`; a dry run, `--diff` and the
real run consume the same one. Bytes are never decoded here, so encodings, BOMs and newlines cannot
be lost.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from stitchgen.errors import InternalError

#: Lines of context around a change in a patch, as `diff -u` and git have it.
CONTEXT = 3


@dataclass(frozen=True, order=True)
class Edit:
    """Put `text` in the place of the half-open span `start:end` of the original bytes."""

    start: int
    end: int
    text: bytes


@dataclass(frozen=True)
class FileChange:
    """One file of a plan. `before` is None for a new file, `after` for one that goes.

    `path` is in posix form, relative to the project root. `edits` leads from `before` to `after`
    where it is known; a change of the whole file (a rendered block, the ledger) has none.
    """

    path: str
    before: bytes | None
    after: bytes | None
    edits: tuple[Edit, ...] = ()

    @classmethod
    def of(cls, path: str, before: bytes, edits: Iterable[Edit]) -> FileChange:
        """The change that `edits` make to the existing file."""
        kept = tuple(in_order(edits))
        return cls(path, before, apply(before, kept), kept)

    @property
    def action(self) -> str:
        """`create`, `edit` or `delete`, as `--json` reports it."""
        if self.before is None:
            return "create"
        return "delete" if self.after is None else "edit"


def in_order(edits: Iterable[Edit]) -> list[Edit]:
    """The edits from front to back; insertions at one place keep the order they were given in.

    An insertion at the start of a replaced span goes in front of it.
    """
    ordered = sorted(edits, key=lambda edit: (edit.start, edit.end))
    for left, right in pairwise(ordered):
        if left.end > right.start:
            raise InternalError(f"the edits {left} and {right} overlap")
    return ordered


def apply(raw: bytes, edits: Iterable[Edit]) -> bytes:
    """The bytes with all edits made; an overlap, or a span outside of the bytes, is a defect."""
    parts = []
    at = 0
    for edit in in_order(edits):
        if not 0 <= edit.start <= edit.end <= len(raw):
            raise InternalError(f"the edit {edit} lies outside of a file of {len(raw)} bytes")
        parts += [raw[at : edit.start], edit.text]
        at = edit.end
    parts.append(raw[at:])
    return b"".join(parts)


def inverse(raw: bytes, edits: Iterable[Edit]) -> list[Edit]:
    """The edits on `apply(raw, edits)` that give `raw` back, in the order of `in_order(edits)`."""
    shift = 0
    back = []
    for edit in in_order(edits):
        start = edit.start + shift
        back.append(Edit(start, start + len(edit.text), raw[edit.start : edit.end]))
        shift += len(edit.text) - (edit.end - edit.start)
    return back


# -- patches -------------------------------------------------------------------------------------


def patch(changes: Iterable[FileChange], prefix: str = "") -> bytes:
    """The changes as a patch in the traditional form, which `git apply` and `patch -p1` take.

    A `diff --git` header would name files from the root of the repository: below the root,
    `git apply` then skips them silently. Traditional names are relative to the current folder,
    with one trap: where a name starts with the path from the repository to that folder (`prefix`,
    say `unet/` for `unet/unet/model.py`), git takes the name to be one from the root. Names from
    the root are then what it reads rightly.
    """
    listed = [change for change in changes if change.before != change.after]
    if not (prefix and any(change.path.startswith(prefix) for change in listed)):
        prefix = ""
    return b"".join(_file_patch(change, prefix) for change in listed)


def _file_patch(change: FileChange, prefix: str) -> bytes:
    before, after = change.before or b"", change.after or b""
    if not before and not after:
        # The traditional form has no way to say it; a planner gives an `__init__.py` a docstring.
        raise InternalError(f"a patch cannot create or delete the empty file {change.path}")
    old = b"/dev/null" if change.before is None else _name("a/" + prefix + change.path)
    new = b"/dev/null" if change.after is None else _name("b/" + prefix + change.path)
    header = b"--- " + old + b"\n+++ " + new + b"\n"
    return header + b"".join(_hunks(before, after, change.edits))


def _name(path: str) -> bytes:
    """A file name as git reads it: in C quotes if need be, ended by a tab if it holds spaces."""
    raw = path.encode("utf-8", "surrogateescape")
    if any(byte < 0x20 or byte in b'"\\\x7f' for byte in raw):
        escaped = (
            f"\\{byte:03o}" if byte < 0x20 or byte > 0x7E or byte in b'"\\' else chr(byte)
            for byte in raw
        )
        return b'"' + "".join(escaped).encode("ascii") + b'"'
    return raw + b"\t" if b" " in raw else raw


def _hunks(before: bytes, after: bytes, edits: Sequence[Edit]) -> Iterator[bytes]:
    old, new = _lines(before), _lines(after)
    groups = _grouped(_changed_lines(before, old, new, edits))
    for group in groups:
        first_old, first_new = group[0][0], group[0][2]
        lead = min(CONTEXT, first_old)
        last_old = group[-1][1]
        tail = min(CONTEXT, len(old) - last_old)
        body = [_marked(b" ", line) for line in old[first_old - lead : first_old]]
        at = first_old
        for old_start, old_end, new_start, new_end in group:
            body += [_marked(b" ", line) for line in old[at:old_start]]
            body += [_marked(b"-", line) for line in old[old_start:old_end]]
            body += [_marked(b"+", line) for line in new[new_start:new_end]]
            at = old_end
        body += [_marked(b" ", line) for line in old[last_old : last_old + tail]]
        old_range = _range(first_old - lead, last_old + tail)
        new_range = _range(first_new - lead, group[-1][3] + tail)
        yield f"@@ -{old_range} +{new_range} @@\n".encode("ascii") + b"".join(body)


def _lines(raw: bytes) -> list[bytes]:
    """Lines as patches count them: only LF ends one, so a CR stays part of its line."""
    lines = raw.split(b"\n")
    last = lines.pop()
    return [line + b"\n" for line in lines] + ([last] if last else [])


def _marked(mark: bytes, line: bytes) -> bytes:
    return (
        mark + line if line.endswith(b"\n") else mark + line + b"\n\\ No newline at end of file\n"
    )


def _range(start: int, end: int) -> str:
    """The half-open range of 0-based lines in the notation of a hunk's header."""
    if end - start == 1:
        return f"{end}"
    return f"{start if start == end else start + 1},{end - start}"


#: Changed lines: old[a:b] become new[c:d].
_Lines = tuple[int, int, int, int]


def _changed_lines(
    before: bytes, old: list[bytes], new: list[bytes], edits: Sequence[Edit]
) -> list[_Lines]:
    """The changed ranges of lines, front to back.

    Where edits are known they give the ranges: exact, and linear in the size of the file, which
    difflib is not for thousands of lines with many blank ones among them.
    """
    if not edits or not before:
        matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
        opcodes = matcher.get_opcodes()
        return [(a, b, c, d) for tag, a, b, c, d in opcodes if tag != "equal"]
    ranges: list[_Lines] = []
    shift = 0  # lines by which the new file is ahead, up to the range looked at
    for start, end, text in _whole_lines(before, edits):
        first = before.count(b"\n", 0, start)
        removed = _lines(before[start:end])
        inserted = _lines(text)
        while removed and inserted and removed[0] == inserted[0]:
            del removed[0], inserted[0]
            first += 1
        while removed and inserted and removed[-1] == inserted[-1]:
            del removed[-1], inserted[-1]
        if removed or inserted:
            last = first + len(removed)
            ranges.append((first, last, first + shift, first + shift + len(inserted)))
            shift += len(inserted) - len(removed)
    return ranges


def _whole_lines(before: bytes, edits: Sequence[Edit]) -> list[tuple[int, int, bytes]]:
    """The edits, widened to whole lines; those that share a line are made into one."""
    spans: list[tuple[int, int, list[Edit]]] = []
    for edit in in_order(edits):
        start = before.rfind(b"\n", 0, edit.start) + 1
        # A span that ends with its line needs no byte of the next one, unless the text leaves
        # the line unfinished and the next line grows into it.
        ends_line = edit.end > start and before[edit.end - 1 : edit.end] == b"\n"
        complete = edit.text.endswith(b"\n") or (not edit.text and edit.start == start)
        if edit.start == edit.end == start and complete:
            end = start
        elif ends_line and complete:
            end = edit.end
        else:
            end = before.find(b"\n", edit.end) + 1 or len(before)
        # At the end of the file, a line that lost its newline grows into what is put behind it.
        if spans and (start < spans[-1][1] or start == spans[-1][1] == len(before)):
            first, last, shared = spans.pop()
            spans.append((first, max(last, end), [*shared, edit]))
        else:
            spans.append((start, end, [edit]))
    return [
        (
            start,
            end,
            apply(before[start:end], [Edit(e.start - start, e.end - start, e.text) for e in own]),
        )
        for start, end, own in spans
    ]


def _grouped(ranges: Sequence[_Lines]) -> list[list[_Lines]]:
    """The ranges by hunk: those whose contexts would touch share one."""
    groups: list[list[_Lines]] = []
    for item in ranges:
        if groups and item[0] - groups[-1][-1][1] <= 2 * CONTEXT:
            groups[-1].append(item)
        else:
            groups.append([item])
    return groups
