"""What a request does to a model's YAML, decided before anything is written: rows, their block, its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from stitchgen.analysis.subject import interpreter
from stitchgen.catalog.block import Block
from stitchgen.errors import StitchError, UsageError, unsupported
from stitchgen.project.config import Project
from stitchgen.project.workspace import Workspace
from stitchgen.source.edits import FileChange, apply
from stitchgen.source.yaml_edits import (
    Insertion,
    Moved,
    check_graph,
    edited,
    insert_rows,
    readers_of,
)
from stitchgen.source.yaml_rows import IMAGE, ModelYaml
from stitchgen.targets.request import AddRequest
from stitchgen.targets.target import Target, parse
from stitchgen.yolo.caveats import not_deterministic, other_package
from stitchgen.yolo.files import YamlFile, at_scale, builder_of, yaml_file
from stitchgen.yolo.parse_model import NO_MAPS, features
from stitchgen.yolo.registration import Registration, name_for, register
from stitchgen.yolo.row_block import RowBlock, render_as, row_block, source_of
from stitchgen.yolo.row_targets import RowTarget, inputs_of, of_class, rows_meant
from stitchgen.yolo.scripts import ScriptYaml, rename_yaml
from stitchgen.yolo.wrapper import wrapped


@dataclass(frozen=True)
class RowSplice:
    """One row that is put in, or is there already."""

    target: str  # `yolov8.yaml::model.9`
    insertion: Insertion
    index: int  # of the new row
    readers: tuple[str, ...]  # by their names before
    already: bool = False


@dataclass(frozen=True)
class YamlPlan:
    """The rows of one file, with all other changes that they need."""

    file: YamlFile
    block: RowBlock
    splices: tuple[RowSplice, ...]
    after: ModelYaml
    workspace: Workspace
    registration: Registration | None
    yaml_change: FileChange | None
    script: ScriptYaml | None = None  # that names the YAML, where the target named the script
    caveats: tuple[Mapping[str, str], ...] = ()

    @property
    def fresh(self) -> list[RowSplice]:
        return [one for one in self.splices if not one.already]

    @property
    def changes(self) -> list[FileChange]:
        """New files first, the YAML last."""
        last = [self.yaml_change] if self.yaml_change is not None else []
        return [*self.workspace.changes(), *last]


def make_plan(
    project: Project,
    request: AddRequest,
    block: Block,
    settings: Mapping[str, str],
    script: ScriptYaml | None = None,
) -> YamlPlan:
    """The plan of an `add` whose targets are in a YAML file."""
    check_options(request)
    targets = [parse(text, whole=request.every is not None) for text in request.targets]
    row = wrapped(row_block(block, settings, request.channels), request.fuse, request.gate)
    python = interpreter(request.python, project.python, project.root)
    name = block.name.rpartition("/")[2]
    [first, *others] = [yaml_file(project, name_of(one), name, python) for one in targets]
    for other in others:
        if other.source != first.source:
            raise StitchError(
                "target-ambiguous",
                f"the targets are in two files, {first.source.name} and {other.source.name}",
                hint="Run the command once for each file.",
            )
    workspace = Workspace(project.root)
    builder = builder_of(project.root)
    row = renamed(row, name_for(workspace, row, builder))
    splices = placed(first, request, targets, row)
    fresh = [one.insertion for one in splices if not one.already]
    check_channels(first.model, request, fresh)
    edits = insert_rows(first.model, fresh)
    after = edited(first.model, edits)
    check_graph(first.model, fresh, after)
    if not fresh:
        return YamlPlan(first, row, splices, after, workspace, None, None)
    file_name = first.path.rpartition("/")[2]
    if script is not None and first.copied:
        rename_yaml(workspace, script, at_scale(file_name, first.scale))
    scripts = [script.script] if script is not None else []
    registration = register(project, workspace, row, builder, file_name, scripts)
    raw = first.model.document.raw
    change = (
        FileChange(first.path, None, apply(raw, edits))
        if first.copied
        else FileChange.of(first.path, raw, edits)
    )
    caveats = (
        *not_deterministic(source_of(row), registration.source),
        *other_package(builder, project.root, python),
    )
    return YamlPlan(first, row, splices, after, workspace, registration, change, script, caveats)


def name_of(target: Target) -> str:
    assert target.file is not None
    return target.file


def renamed(row: RowBlock, name: str) -> RowBlock:
    if name == row.class_name or (row.source is None and row.inner is None):
        return row
    if row.inner is not None:
        return replace(row, class_name=name)
    return replace(row, class_name=name, source=render_as(row.block, 2, name))


def check_options(request: AddRequest) -> None:
    """Refuse what rows cannot do, or not yet."""
    if request.placement.name in ("replace", "beside"):
        raise unsupported(
            f"--{request.placement} is not made for rows of a YAML file yet",
            None,
            "Put the block in a row of its own: --after or --before",
        )
    if request.attach:
        raise unsupported(
            "--attach is for models without source of their own; a YAML file is edited",
            None,
            "Leave out --attach.",
        )
    if request.with_:
        raise unsupported(
            "--with does not go with a row of a YAML file: parse_model gives an own module one input",
            None,
        )
    if request.name is not None:
        raise UsageError(
            "usage",
            "--name does not go with a row of a YAML file, whose name is its number",
            hint="leave it out",
        )
    if request.builds:
        raise UsageError(
            "usage",
            "--build does not go with a YAML file, whose scales say how it is built",
            hint="leave it out; yolov8s.yaml means yolov8.yaml at scale s",
        )


def check_channels(model: ModelYaml, request: AddRequest, insertions: Sequence[Insertion]) -> None:
    """Refuse a number of channels that does not arrive at every scale."""
    if request.channels is None or not request.channels.isdigit():
        return
    for one in insertions:
        if one.source == IMAGE:
            continue
        row = model.rows[one.source]
        for scale in model.scales:
            width = features(model, scale)[one.source].channels
            if width is not None and width != int(request.channels):
                at = f" at scale {scale.name}" if scale.name else ""
                raise StitchError(
                    "bad-argument",
                    f"--channels {request.channels}: {row.name} gives {width}{at}",
                    where=model.where(row),
                    hint="Leave it out: the row then says c2, the width of the row before at every scale.",
                )


# -- where -----------------------------------------------------------------------------------------


def placed(
    file: YamlFile, request: AddRequest, targets: Sequence[Target], row: RowBlock
) -> tuple[RowSplice, ...]:
    """The rows that are to be put in, in the order of the targets, each once."""
    model = file.model
    found: dict[tuple[int, frozenset[tuple[int, int]]], RowTarget] = {}
    for target in targets:
        for one in meant(model, request, target):
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
        names = tuple(dict.fromkeys(f"model.{index}" for index, _ in sorted(key[1])))
        if key in there:
            index = moved.old(key[0]) + 1 if key[0] != IMAGE else 0
        else:
            index = moved.inserted(moved.insertions.index(insertion))
        text = f"{file.path}::{found[key].name}"
        splices.append(RowSplice(text, insertion, index, names, key in there))
    return tuple(splices)


def order(key: tuple[int, frozenset[tuple[int, int]]]) -> tuple[int, list[tuple[int, int]]]:
    return key[0], sorted(key[1])


def meant(model: ModelYaml, request: AddRequest, target: Target) -> list[RowTarget]:
    if request.every is None:
        return rows_meant(model, target)
    if target.names or request.where:
        raise unsupported(
            "--every takes all rows of a module of a YAML file, with no layer and no --where",
            None,
            f"--every {request.every} --{request.placement} {name_of(target)}",
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
) -> list[tuple[int, frozenset[tuple[int, int]]]]:
    """The row that feeds the block, and who reads the block instead."""
    row, path = target.row, model.document.path
    if request.placement.name == "after":
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
                f"no row reads {row.name}, a {row.module}: a block behind it would reach no output",
                model.where(row),
                f"Put the block before it: --before {path}::{row.name}",
            )
        return [(row.index, readers)]
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


def check_map(model: ModelYaml, index: int) -> None:
    row = model.rows[index]
    if row.module in NO_MAPS:
        raise StitchError(
            "not-a-tensor",
            f"{row.name}, a {row.module}, gives no feature map",
            where=model.where(row),
            hint=f"stitchgen layers {model.document.path} prints the rows with their channels.",
        )


def into(model: ModelYaml, text: str, source: int) -> frozenset[tuple[int, int]]:
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
