"""Inserting rows into a model's YAML and taking them out again, with every `from` kept right.

A row that is put in moves all later ones by one: each `from` that counts from the start, or across the
new row, is changed where it stands, and so is the number that a comment gives of its own row. The rest of
the file stays byte for byte. `same_graph` reads the result and compares what the rows mean.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from stitchgen.errors import InternalError, StitchError
from stitchgen.source.edits import Edit, apply
from stitchgen.source.yaml_document import YamlDocument
from stitchgen.source.yaml_rows import IMAGE, ModelYaml, Row, read_model

#: One value of an old row's `from`: the row's index, and which of its values.
Reader = tuple[int, int]


@dataclass(frozen=True)
class New:
    """A row that is put in by the same edit: which of the insertions."""

    number: int


@dataclass(frozen=True)
class Insertion:
    """A row to be put right behind the row `source` (before the first for IMAGE), which it reads.

    It takes that row's place for the `readers`.
    """

    source: int
    readers: frozenset[Reader]
    module: str
    args: str  # as they are written, without the brackets
    behind: int | None = None  # where it goes, if not behind its source
    reads: tuple[int | New, ...] = ()  # what it reads, if not its source alone

    @property
    def place(self) -> int:
        """The old row behind which it goes."""
        return self.source if self.behind is None else self.behind


@dataclass(frozen=True)
class Replacement:
    """A row whose module is another one from now on; what it reads and who reads it stays."""

    index: int
    module: str
    args: str

    def text(self, model: ModelYaml) -> str:
        reads = model.rows[self.index].node.items[0]
        return f"[{model.document.code(reads.span)}, 1, {self.module}, [{self.args}]]"


def readers_of(model: ModelYaml, source: int) -> frozenset[Reader]:
    """All values of `from` that mean a row."""
    return frozenset(
        (row.index, position)
        for row in model.rows
        for position, one in enumerate(row.sources)
        if one.row == source
    )


# -- where rows go ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Moved:
    """Where rows are once the insertions are made."""

    insertions: tuple[Insertion, ...]

    def old(self, index: int) -> int:
        """The new index of an old row."""
        return index + sum(one.place < index for one in self.insertions)

    def inserted(self, number: int) -> int:
        """The index of an inserted row; of those behind one row, the first comes first."""
        place = self.insertions[number].place
        rank = sum(one.place == place for one in self.insertions[:number])
        return (self.old(place) if place != IMAGE else IMAGE) + 1 + rank

    def read_by_inserted(self, number: int) -> tuple[int, ...]:
        """The new indices of the rows that an inserted row reads."""
        one = self.insertions[number]
        return tuple(
            (
                self.inserted(read.number)
                if isinstance(read, New)
                else self.old(read) if read != IMAGE else IMAGE
            )
            for read in one.reads or (one.source,)
        )

    def read_by(self, reader: Reader, source: int) -> int:
        """The new index of the row that one value of an old row's `from` means."""
        for number, one in enumerate(self.insertions):
            if one.source == source and reader in one.readers:
                return self.inserted(number)
        return self.old(source) if source != IMAGE else IMAGE


def insert_rows(model: ModelYaml, insertions: Sequence[Insertion]) -> list[Edit]:
    """The edits that put the rows in."""
    moved = Moved(tuple(insertions))
    edits: list[Edit] = []
    for number, one in enumerate(insertions):
        edits += new_row(model, moved, number)
        if one.source == IMAGE and moved.inserted(number):
            raise InternalError("two rows read the image")
    for row in model.rows:
        edits += moved_row(model, moved, row)
    return edits


def moved_row(model: ModelYaml, moved: Moved, row: Row) -> list[Edit]:
    """The edits of an old row's `from`, and of its number."""
    document, index = model.document, moved.old(row.index)
    edits = []
    for position, source in enumerate(row.sources):
        target = moved.read_by((row.index, position), source.row)
        written = as_written(source.written, target, index)
        if written != source.written:
            edits.append(document.replace(source.node.span, str(written)))
    if row.number is not None and index != row.index:
        edits.append(document.replace(row.number, str(index)))
    return edits


def as_written(before: int, target: int, index: int) -> int:
    """A row's index in a `from`, in the manner in which it was written: counted back, or not.

    What was the row directly before, and is so no longer, is given by its number.
    """
    if before < IMAGE or (before == -1 and target == index - 1):
        return target - index
    return target


def new_row(model: ModelYaml, moved: Moved, number: int) -> list[Edit]:
    """The edits that put one row behind its source."""
    one = moved.insertions[number]
    index = moved.inserted(number)
    reads = [-1 if read == index - 1 else read for read in moved.read_by_inserted(number)]
    written = str(reads[0] if len(reads) == 1 else reads)
    text = f"[{written}, 1, {one.module}, [{one.args}]]"
    if one.place == IMAGE:
        return before_first(model, text)
    more = any(other.place == one.place for other in moved.insertions[number + 1 :])
    first = not any(other.place == one.place for other in moved.insertions[:number])
    return behind(model, model.rows[one.place], text, index, first=first, more=more)


def replace_rows(model: ModelYaml, replacements: Sequence[Replacement]) -> list[Edit]:
    """The edits that give rows another module."""
    rows = ((one, model.rows[one.index].node.span) for one in replacements)
    return [model.document.replace(span, one.text(model)) for one, span in rows]


def before_first(model: ModelYaml, text: str) -> list[Edit]:
    document, row = model.document, model.rows[0]
    start = document.line_start(row.node.span[0])
    lead = document.text[start : row.node.span[0]]
    if in_flow(model, row):
        pad = "\n" + re.sub(r"\S", " ", lead)
        return [document.insert(row.node.span[0], f"{text},{pad}")]
    check_dash(model, row, lead)
    return [document.insert(start, f"{lead}{text}\n")]


def behind(
    model: ModelYaml, row: Row, text: str, index: int, *, first: bool, more: bool
) -> list[Edit]:
    """The edits that put a row on a line of its own behind another one: the first there, more to follow?"""
    document = model.document
    start, end = document.line_start(row.node.span[0]), row.node.span[1]
    line_end = document.line_end(end)
    lead, rest = document.text[start : row.node.span[0]], document.text[end:line_end]
    if not in_flow(model, row):
        check_dash(model, row, lead)
        return [below(document, line_end, lead + text + comment_for(model, row, rest, index))]
    pad = re.sub(r"\S", " ", lead)
    comma = re.match(r"\s*,", document.text[end:])
    if comma is None:
        if re.fullmatch(r"[ \t]*(#.*)?", rest):
            line = pad + text + ("," if more else "") + comment_for(model, row, rest, index)
            separator = [document.insert(end, ",")] if first else []
            return [*separator, below(document, line_end, line)]
        return [document.insert(end, f",\n{pad}{text}")]
    after = end + comma.end()
    line_end = document.line_end(after)
    rest = document.text[after:line_end]
    if re.fullmatch(r"[ \t]*(#.*)?", rest):
        comment = comment_for(model, row, rest, index)
        return [below(document, line_end, f"{pad}{text},{comment}")]
    return [document.insert(after, f" {text},")]


def in_flow(model: ModelYaml, row: Row) -> bool:
    """Whether the row stands in a list in brackets."""
    section = model.document.get(row.section)
    return section is not None and section.flow


def check_dash(model: ModelYaml, row: Row, lead: str) -> None:
    if lead.strip(" \t") != "-":
        raise StitchError(
            "unsupported",
            f"row {row.index} does not begin a line",
            where=model.where(row),
            hint="Write it as `- [from, repeats, module, args]` on a line of its own.",
        )


def below(document: YamlDocument, line_end: int, line: str) -> Edit:
    """A line of its own below the one that ends there."""
    following = re.compile("\r\n|\r|\n").match(document.text, line_end)
    if following is None:
        return document.insert(line_end, "\n" + line)
    return document.insert(following.end(), line + "\n")


def comment_for(model: ModelYaml, row: Row, rest: str, index: int) -> str:
    """The new row's number, where the row before it has its own in a comment."""
    if row.number is None:
        return ""
    space = rest[: len(rest) - len(rest.lstrip(" \t"))]
    return f"{space or ' '}# {index}"


# -- taking rows out -------------------------------------------------------------------------------


def restore_row(model: ModelYaml, row: Row, was: str) -> Edit:
    """The edit that gives a row the module again that it had; `was` is its text then."""
    old = YamlDocument(was.encode("utf-8"), model.document.path)
    start = row.node.items[0].span[1]
    rest = was[old.root.items[0].span[1] : old.root.span[1]]
    return model.document.replace((start, row.node.span[1]), rest)


def remove_rows(
    model: ModelYaml, gone: Sequence[Row], relative: Sequence[tuple[int, int]] = ()
) -> list[Edit]:
    """The edits that take rows out: who reads such a row reads what it read, of several the first.

    `relative` are sources that became a row's number when the rows were put in: `(16, -1)`. They become what
    they were, as long as no other source is written and meant like them.
    """
    document, taken = model.document, {row.index: row.reads[0] for row in gone}

    def position(index: int) -> int:
        while index in taken:
            index = taken[index]
        return index - sum(one < index for one in taken)

    edits = [cut(model, row) for row in gone]
    left = [row for row in model.rows if row.index not in taken]
    changed = Counter(relative)
    alike = Counter(
        (one.written, position(one.row) - position(row.index))
        for row in left
        for one in row.sources
    )
    for row in left:
        index = position(row.index)
        for one in row.sources:
            target = position(one.row)
            written = as_written(one.written, target, index)
            was = (one.written, target - index)
            if was in changed and alike[was] <= changed[was]:
                written = target - index
            if written != one.written:
                edits.append(document.replace(one.node.span, str(written)))
        if row.number is not None and index != row.index:
            edits.append(document.replace(row.number, str(index)))
    return edits


def cut(model: ModelYaml, row: Row) -> Edit:
    """The edit that takes a row's text out, with its line where it has one to itself."""
    document = model.document
    start, end = row.node.span
    line = document.line_start(start)
    lead = document.text[line:start]
    flow = in_flow(model, row)
    comma = re.match(r"\s*,", document.text[end:]) if flow else None
    if comma is not None:
        end += comma.end()
    line_end = document.line_end(end)
    alone = lead.strip(" \t") == ("" if flow else "-")
    if alone and re.fullmatch(r"[ \t]*(#.*)?", document.text[end:line_end]):
        following = re.compile("\r\n|\r|\n").match(document.text, line_end)
        if following is not None and (comma is not None or not flow):
            return document.replace((line, following.end()), "")
    if flow and comma is None and row.index:  # the last of its list: the comma before it goes
        before = model.rows[row.index - 1]
        if before.section == row.section:
            return document.replace((before.node.span[1], end), "")
    if not flow:
        at_end = line - len(document.newline) if line and line_end == len(document.text) else line
        return document.replace((at_end, line_end), "")
    # Up to the row that follows, which may begin a line of its own.
    space = re.match(r"[ \t]*((\r\n|\r|\n)[ \t]*)?", document.text[end:])
    return document.replace((start, end + (space.end() if space else 0)), "")


# -- the check -------------------------------------------------------------------------------------


def edited(model: ModelYaml, edits: Sequence[Edit]) -> ModelYaml:
    """The model that the edited file describes."""
    after = read_model(apply(model.document.raw, edits), model.document.path)
    return replace(after, own=model.own)


def check_graph(
    model: ModelYaml,
    insertions: Sequence[Insertion],
    after: ModelYaml,
    replacements: Sequence[Replacement] = (),
) -> None:
    """That each old row is what it was and reads what it read, the new rows apart."""
    moved = Moved(tuple(insertions))
    expected: dict[int, tuple[object, ...]] = {
        moved.old(row.index): (
            *row.says,
            row.section,
            tuple(moved.read_by((row.index, n), one.row) for n, one in enumerate(row.sources)),
        )
        for row in model.rows
    }
    for one in replacements:
        row = after.rows[one.index]
        if (row.module, row.repeats) != (one.module, 1):
            raise not_new(after, row)
        expected[one.index] = (*row.says, row.section, model.rows[one.index].reads)
    for number, inserted in enumerate(insertions):
        row = after.rows[moved.inserted(number)]
        meant = (inserted.module, 1, moved.read_by_inserted(number))
        if (row.module, row.repeats, row.reads) != meant:
            raise not_new(after, row)
        expected[row.index] = (*row.says, row.section, row.reads)
    found = {row.index: (*row.says, row.section, row.reads) for row in after.rows}
    if found != expected or after.settings != model.settings:
        raise InternalError(f"the edited {after.document.path} has another graph")


def not_new(after: ModelYaml, row: Row) -> InternalError:
    return InternalError(f"row {row.index} of the edited {after.document.path} is no new one")
