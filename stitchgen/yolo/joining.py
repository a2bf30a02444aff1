"""Rows that join a block with its target, or take the target's place: `--beside`, `--with`, `--replace`.

A concatenation is made of modules that every parse_model has. Any other row that reads several needs a branch in
it (`several`): such a block is constructed with the widths of what it reads, and gives the width of the first.
"""

from __future__ import annotations

from collections.abc import Sequence

from stitchgen.errors import StitchError, unsupported
from stitchgen.source.yaml_edits import Insertion, Moved, New, Reader, Replacement
from stitchgen.source.yaml_rows import IMAGE, ModelYaml, Row
from stitchgen.targets.request import AddRequest
from stitchgen.targets.target import Target, parse
from stitchgen.yolo.parse_model import SCALED, Feature, features
from stitchgen.yolo.placing import (
    Placed,
    RowSplice,
    check_map,
    into,
    meant,
    names_of,
    read_output,
)
from stitchgen.yolo.row_block import RowBlock
from stitchgen.yolo.row_targets import RowTarget, inputs_of, rows_meant


def joined(
    path: str,
    model: ModelYaml,
    request: AddRequest,
    targets: Sequence[Target],
    row: RowBlock,
    join: RowBlock | None,
) -> Placed:
    """The rows of each target; `join` is the class that joins a block beside a row with it."""
    found = {one.row.index: one for target in targets for one in meant(model, request, target)}
    insertions: list[Insertion] = []
    made: list[tuple[RowTarget, int, frozenset[Reader]]] = []
    replacements: list[Replacement] = []
    for _, target in sorted(found.items()):
        readers = read_output(model, target)
        if request.placement.replaces:
            replacements.append(replacement(model, request, target.row, row))
        else:
            if request.into is not None:
                readers = into(model, request.into, target.row.index)
            rows = (
                [with_others(model, request, target.row, readers, row)]
                if request.with_
                else beside(model, request, target.row, readers, (row, join), len(insertions))
            )
            insertions += rows
        made.append((target, len(insertions) - 1, readers))
    moved = Moved(tuple(insertions))
    splices = [
        RowSplice(
            f"{path}::{target.name}",
            fed_by(request, target.row),
            target.row.index if request.placement.replaces else moved.inserted(number),
            names_of(moved, readers),
        )
        for target, number, readers in made
    ]
    return Placed(tuple(splices), moved.insertions, tuple(replacements))


def fed_by(request: AddRequest, row: Row) -> int:
    """The row that gives a block its first feature."""
    return row.index if request.with_ else row.reads[0]


# -- beside ----------------------------------------------------------------------------------------


def beside(
    model: ModelYaml,
    request: AddRequest,
    row: Row,
    readers: frozenset[Reader],
    blocks: tuple[RowBlock, RowBlock | None],
    number: int,
) -> list[Insertion]:
    """The block behind what feeds the row, and behind the row what joins both; `number` is the first's."""
    block, join = blocks
    source = only_source(model, row, "beside")
    if source == IMAGE:
        raise unsupported(
            f"{row.name} reads the image, which only the first row can",
            model.where(row),
            f"Put the block behind it: --after {model.document.path}::{row.name}",
        )
    check_map(model, source)
    check_fits(model, row, source, request, width=join is not None)
    branch = Insertion(source, frozenset(), block.class_name, block.args)
    if join is not None:
        reads = (row.index, New(number))
        return [branch, Insertion(row.index, readers, join.class_name, join.args, reads=reads)]
    width = row.args[0] if row.module in SCALED and row.args else None
    if not isinstance(width, int):
        raise unsupported(
            f"{row.name}, a {row.module}, does not say its width, to which a concatenation is reduced",
            model.where(row),
            "Use --fuse add, mul or max.",
        )
    concat = Insertion(row.index, frozenset(), "Concat", "1", reads=(row.index, New(number)))
    reduce = Insertion(row.index, readers, "Conv", f"{width}, 1, 1", reads=(New(number + 1),))
    return [branch, concat, reduce]


def only_source(model: ModelYaml, row: Row, placement: str) -> int:
    if len(row.sources) != 1:
        raise StitchError(
            "target-ambiguous",
            f"{row.name}, a {row.module}, reads {len(row.sources)} rows, and --{placement} feeds the "
            "block what a row of one input reads",
            where=model.where(row),
            hint="Put the block before one of its inputs, or behind the row.",
            suggestions=[f"--before {one}" for one in inputs_of(model.document.path, row)],
        )
    return row.reads[0]


def check_fits(
    model: ModelYaml, row: Row, source: int, request: AddRequest, *, width: bool
) -> None:
    """Refuse where what the block gives, which is as wide and as large as what it is fed, does not fit."""
    for scale in model.scales:
        found = features(model, scale)
        fed, gives = found[source] if source != IMAGE else Feature(3, 1), found[row.index]
        pairs = [("stride", fed.stride, gives.stride)]
        pairs += [("channels", fed.channels, gives.channels)] if width else []
        for what, one, other in pairs:
            at = f" at scale {scale.name}" if scale.name else ""
            if one is None or other is None:
                if request.prove:
                    continue
                raise StitchError(
                    "channels-unknown",
                    f"the {what} of {row.name}, a {row.module}, cannot be read{at}",
                    where=model.where(row),
                    hint="Leave out --no-prove: then the model is built and run.",
                )
            if one != other:
                raise StitchError(
                    "unsupported",
                    f"{row.name}, a {row.module}, is fed {one:g} and gives {other:g} ({what}){at}, and the "
                    "block gives as much as it is fed",
                    where=model.where(row),
                    hint=f"Put the block behind it: --after {model.document.path}::{row.name}",
                )


# -- with ------------------------------------------------------------------------------------------


def with_others(
    model: ModelYaml,
    request: AddRequest,
    row: Row,
    readers: frozenset[Reader],
    block: RowBlock,
) -> Insertion:
    """The row of a block of two inputs, behind both of them."""
    [text] = request.with_
    target = parse(text if "::" in text else f"{model.document.path}::{text}")
    [other, *more] = rows_meant(model, target)
    if more or other.input is not None:
        raise StitchError(
            "target-ambiguous",
            f"--with {text} has to name one row",
            where=model.where(other.row),
            suggestions=[f"--with {one.row.name}" for one in (other, *more)],
        )
    check_map(model, other.row.index)
    behind = max(row.index, other.row.index)
    early = sorted(index for index, _ in readers if index <= behind)
    if early:
        later = sorted({index for index, _ in readers if index > behind})
        raise unsupported(
            f"model.{early[0]} reads {row.name} before {other.row.name}, which the block needs, has run",
            model.where(model.rows[early[0]]),
            (
                "Name a later reader: " + ", ".join(f"--into model.{index}" for index in later)
                if later
                else "Name an earlier row with --with."
            ),
        )
    reads = (row.index, other.row.index)
    return Insertion(row.index, readers, block.class_name, block.args, behind=behind, reads=reads)


# -- replace ---------------------------------------------------------------------------------------


def replacement(model: ModelYaml, request: AddRequest, row: Row, block: RowBlock) -> Replacement:
    """The block in a row's place, which has to be as wide as what it is fed: so is the block."""
    source = only_source(model, row, "replace")
    if source not in (IMAGE, row.index - 1):
        raise unsupported(
            f"{row.name} does not read the row before it, whose width is what c2 means in its arguments",
            model.where(row),
            f"Put the block behind it: --after {model.document.path}::{row.name}",
        )
    check_fits(model, row, source, request, width=True)
    return Replacement(row.index, block.class_name, block.args)
