"""Where the rows of a request go: behind which row, what they read, who reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stitchgen.errors import StitchError, unsupported
from stitchgen.source.yaml_edits import Insertion, Moved, Reader, Replacement, readers_of
from stitchgen.source.yaml_rows import IMAGE, ModelYaml
from stitchgen.targets.request import AddRequest
from stitchgen.targets.target import Target, parse
from stitchgen.yolo.parse_model import NO_MAPS
from stitchgen.yolo.row_block import RowBlock
from stitchgen.yolo.row_targets import RowTarget, inputs_of, of_class, rows_meant


@dataclass(frozen=True)
class RowSplice:
    """One row that is put in, or is there already, with those that it needs."""

    target: str  # `yolov8.yaml::model.9`
    source: int  # the old row that feeds it
    index: int  # of the new row
    readers: tuple[str, ...]  # by their names afterwards
    already: bool = False


@dataclass(frozen=True)
class Placed:
    """All that is put into the rows of one file."""

    splices: tuple[RowSplice, ...]
    insertions: tuple[Insertion, ...] = ()
    replacements: tuple[Replacement, ...] = ()


def placed(
    path: str, model: ModelYaml, request: AddRequest, targets: Sequence[Target], row: RowBlock
) -> Placed:
    """The rows of a block that is fed one row, or one of its inputs, each once, in their order."""
    found: dict[tuple[int, frozenset[Reader]], RowTarget] = {}
    for one in (one for target in targets for one in meant(model, request, target)):
        for source, readers in feeding(model, request, one):
            found.setdefault((source, readers), one)
    if request.into is not None:
        found = {
            (source, into(model, request.into, source)): one for (source, _), one in found.items()
        }
    insertions = {
        key: Insertion(key[0], key[1], row.class_name, row.args) for key in sorted(found, key=order)
    }
    there = {key for key in insertions if is_there(model, insertions[key], row)}
    moved = Moved(tuple(one for key, one in insertions.items() if key not in there))
    splices = []
    for key, insertion in insertions.items():
        if key in there:
            index = moved.old(key[0]) + 1 if key[0] != IMAGE else 0
        else:
            index = moved.inserted(moved.insertions.index(insertion))
        text = f"{path}::{found[key].name}"
        splices.append(RowSplice(text, key[0], index, names_of(moved, key[1]), key in there))
    return Placed(tuple(splices), moved.insertions)


def names_of(moved: Moved, readers: frozenset[Reader]) -> tuple[str, ...]:
    """The rows that read, by their numbers once the insertions are made."""
    return tuple(dict.fromkeys(f"model.{moved.old(index)}" for index, _ in sorted(readers)))


def order(key: tuple[int, frozenset[Reader]]) -> tuple[int, list[Reader]]:
    return key[0], sorted(key[1])


def meant(model: ModelYaml, request: AddRequest, target: Target) -> list[RowTarget]:
    if request.every is None:
        return rows_meant(model, target)
    if target.names or request.where:
        raise unsupported(
            "--every takes all rows of a module of a YAML file, with no layer and no --where",
            None,
            f"--every {request.every} --{request.placement} {target.file}",
        )
    rows = of_class(model, request.every)
    if not rows:
        raise StitchError(
            "target-not-found",
            f"{model.document.path} has no row of {request.every}",
            where=model.document.path,
            suggestions=sorted({f"--every {row.module}" for row in model.rows})[:8],
        )
    return [RowTarget(row) for row in rows]


def feeding(
    model: ModelYaml, request: AddRequest, target: RowTarget
) -> list[tuple[int, frozenset[Reader]]]:
    """The row that feeds the block, and who reads the block instead."""
    row, path = target.row, model.document.path
    if request.placement.value == "output":
        return [(row.index, read_output(model, target))]
    inputs = range(len(row.sources)) if target.input is None else (target.input,)
    if len(inputs) > 1:
        raise StitchError(
            "target-ambiguous",
            f"{row.name}, a {row.module}, reads {len(inputs)} rows: it is not said before which input",
            where=model.where(row),
            hint="Name one by its place, or all of them.",
            suggestions=inputs_of(path, row),
        )
    [position] = inputs
    source = row.sources[position].row
    if source != IMAGE:
        check_map(model, source)
    return [(source, frozenset({(row.index, position)}))]


def read_output(model: ModelYaml, target: RowTarget) -> frozenset[Reader]:
    """Who reads the output of a row that is meant as a whole."""
    row, path = target.row, model.document.path
    if target.input is not None:
        raise StitchError(
            "target-not-found",
            f"{target.name}: a row gives one output",
            where=model.where(row),
            suggestions=[f"--after {path}::{row.name}", f"--before {path}::{target.name}"],
        )
    check_map(model, row.index)
    readers = readers_of(model, row.index)
    if not readers:
        raise unsupported(
            f"no row reads {row.name}, a {row.module}: a block there would reach no output",
            model.where(row),
            f"Put the block before it: --before {path}::{row.name}",
        )
    return readers


def check_map(model: ModelYaml, index: int) -> None:
    row = model.rows[index]
    if row.module in NO_MAPS:
        raise StitchError(
            "not-a-tensor",
            f"{row.name}, a {row.module}, gives no feature map",
            where=model.where(row),
            hint=f"stitchgen layers {model.document.path} prints the rows with their channels.",
        )


def into(model: ModelYaml, text: str, source: int) -> frozenset[Reader]:
    """The inputs of the one reader that is to see the block."""
    target = parse(text if "::" in text else f"{model.document.path}::{text}")
    [reader, *others] = rows_meant(model, target)
    readers = readers_of(model, source)
    chosen = frozenset(
        one for one in readers if one[0] == reader.row.index and reader.input in (None, one[1])
    )
    if others or not chosen:
        raise StitchError(
            "target-not-found",
            f"{reader.name} does not read model.{source}",
            where=model.where(reader.row),
            suggestions=sorted({f"--into model.{index}" for index, _ in readers}),
        )
    return chosen


def is_there(model: ModelYaml, insertion: Insertion, row: RowBlock) -> bool:
    """Whether the very row stands there already; refuses the block with other arguments."""
    index = insertion.source + 1
    there = model.rows[index] if index < len(model.rows) else None
    if there is None or there.module != insertion.module or there.reads != (insertion.source,):
        return False
    known = {there.index} | {reader for reader, _ in insertion.readers}
    if {reader.index for reader in model.readers(insertion.source)} - known:
        return False  # a row of another reader's
    written = model.document.code(there.node.items[3].span)
    if written == f"[{insertion.args}]":
        return True
    raise StitchError(
        "already-there",
        f"{there.name} is a {there.module} already, with the arguments {written}, not "
        f"[{insertion.args}]",
        where=model.where(there),
        hint="Change its arguments in the YAML, or take it out: stitchgen undo",
    )
