"""What a splice left in a model's YAML: rows, found again by what they are and not by where they stand.

As `traces` and `record` do for Python: a file that a formatter or the user has touched since is read, the
rows are looked for in it, and taking them out keeps every other row reading what it reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from stitchgen.errors import StitchError
from stitchgen.history.traces import Piece, Trace
from stitchgen.source.edits import Edit, apply, in_order, inverse
from stitchgen.source.yaml_document import Node, YamlDocument
from stitchgen.source.yaml_edits import remove_rows, restore_row
from stitchgen.source.yaml_rows import ModelYaml, Row, read_model, says

#: The strategy of a splice into a YAML file, as the ledger has it.
ROW = "row"


def describe(path: str, before: bytes, edits: Sequence[Edit]) -> list[Trace]:
    """A trace for each row that these edits put in; the first has the pieces of all moved ones."""
    edits = in_order(edits)
    after = apply(before, edits)
    model = read_model(after, path)
    backs = inverse(before, edits)
    owned: dict[int, list[Piece]] = {}
    shared: list[Piece] = []
    for edit, back in zip(edits, backs):
        piece = Piece(back.start, edit.text.decode("utf-8"), back.text.decode("utf-8"))
        row = next((row for row in model.rows if within(model, row, back)), None)
        if row is None:
            shared.append(piece)
        else:
            owned.setdefault(row.index, []).append(piece)
    for index in sorted(owned)[:1]:
        owned[index] = sorted([*owned[index], *shared], key=lambda piece: piece.at)
    found = []
    for index, pieces in sorted(owned.items()):
        row = model.rows[index]
        same = [one.index for one in model.rows if one.says == row.says]
        found.append(
            Trace(
                path,
                "row",
                row.name,
                model.document.code(row.node.span),
                replaced_row(model, row, pieces),
                tuple(pieces),
                same.index(index),
                len(same),
            )
        )
    return found


def replaced_row(model: ModelYaml, row: Row, pieces: Sequence[Piece]) -> str:
    """The text of the row whose place a row took; empty where it took none."""
    start = model.document.to_raw(row.node.span[0])
    return next((one.replaced for one in pieces if one.at == start and one.replaced), "")


def within(model: ModelYaml, row: Row, edit: Edit) -> bool:
    start, end = (model.document.to_raw(offset) for offset in row.node.span)
    return edit.start <= start and end <= edit.end


def missing(raw: bytes, path: str, marks: Sequence[Trace]) -> list[tuple[Trace, int]]:
    """The traces whose row is no longer there, each with the line that is most like it."""
    model = read_model(raw, path)
    return [(mark, nearest(model, mark) or 1) for mark, row in located(model, marks) if row is None]


def removal(raw: bytes, path: str, marks: Sequence[Trace]) -> list[Edit]:
    """The edits that take the rows out of a file that others have edited.

    A row that is gone with all of its module has been taken back already.
    """
    model = read_model(raw, path)
    found = located(model, marks)
    for mark, row in found:
        others = alike(model, mark)
        if row is not None and len(others) > mark.count:
            raise StitchError(
                "file-changed",
                f"the row {mark.now} stands in {path} more often than it was put there, and which one "
                "to take back cannot be determined",
                where=model.where(others[-1]),
                hint="take the row out yourself, then run `stitchgen undo` again",
            )
        line = nearest(model, mark) if row is None else None
        if line is not None:
            raise StitchError(
                "file-changed",
                f"the row {mark.now} that was put into {path} has been changed since",
                where=f"{path}:{line}",
                hint="put the row back as it was, or take it out, then run `stitchgen undo` again",
            )
    rows = [(mark, row) for mark, row in found if row is not None]
    return [
        *remove_rows(model, [row for mark, row in rows if not mark.was], made_absolute(marks)),
        *(restore_row(model, row, mark.was) for mark, row in rows if mark.was),
    ]


def made_absolute(marks: Sequence[Trace]) -> list[tuple[int, int]]:
    """The sources that were relative, `-1`, and are a row's number since the rows were put in."""
    pieces = [piece for mark in marks for piece in mark.pieces]
    return [
        (int(piece.text), int(piece.replaced))
        for piece in pieces
        if piece.text.isdigit() and re.fullmatch(r"-\d+", piece.replaced)
    ]


def alike(model: ModelYaml, mark: Trace) -> list[Row]:
    wanted = says(recorded(mark))
    return [row for row in model.rows if row.says == wanted]


def located(model: ModelYaml, marks: Sequence[Trace]) -> list[tuple[Trace, Row | None]]:
    """Each trace with its row: of several alike the one that it was, as long as all are there."""
    found: list[tuple[Trace, Row | None]] = []
    used: set[int] = set()
    for mark in marks:
        rows = alike(model, mark)
        if len(rows) < mark.count:
            rows = [row for row in rows if row.index not in used][:1]
        else:
            rows = rows[mark.nth : mark.nth + 1]
        used |= {row.index for row in rows}
        found.append((mark, rows[0] if rows else None))
    return found


def nearest(model: ModelYaml, mark: Trace) -> int | None:
    """The line of a row of the recorded one's module that is another row now; None where none is."""
    module = says(recorded(mark))[0]
    return next((row.line for row in model.rows if row.module == module), None)


def modules_put_in(marks: Iterable[Trace]) -> frozenset[str]:
    """The modules of the rows that were put into YAML files."""
    return frozenset(says(recorded(mark))[0] for mark in marks if mark.kind == ROW)


def recorded(mark: Trace) -> Node:
    return YamlDocument(mark.now.encode("utf-8"), mark.path).root
