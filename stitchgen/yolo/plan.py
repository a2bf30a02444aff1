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
from stitchgen.source.yaml_edits import check_graph, edited, insert_rows, replace_rows
from stitchgen.source.yaml_rows import IMAGE, ModelYaml
from stitchgen.targets.placement import AFTER, BEFORE, BESIDE, REPLACE
from stitchgen.targets.request import AddRequest
from stitchgen.targets.target import Target, parse
from stitchgen.yolo.caveats import not_deterministic, other_package
from stitchgen.yolo.files import YamlFile, at_scale, builder_of, yaml_file
from stitchgen.yolo.joining import joined as joining_rows
from stitchgen.yolo.parse_model import features
from stitchgen.yolo.placing import Placed, RowSplice
from stitchgen.yolo.placing import placed as plain_rows
from stitchgen.yolo.registration import Registration, name_for, register
from stitchgen.yolo.row_block import RowBlock, render_as, row_block, source_of
from stitchgen.yolo.scripts import ScriptYaml, rename_yaml
from stitchgen.yolo.wrapper import joining, of_several, wrapped

#: The placements that are written as rows.
IN_ROWS = (AFTER, BEFORE, BESIDE, REPLACE)


@dataclass(frozen=True)
class YamlPlan:
    """The rows of one file, with all other changes that they need."""

    file: YamlFile
    block: RowBlock
    placed: Placed
    after: ModelYaml
    workspace: Workspace
    registration: Registration | None
    yaml_change: FileChange | None
    script: ScriptYaml | None = None  # that names the YAML, where the target named the script
    caveats: tuple[Mapping[str, str], ...] = ()

    @property
    def splices(self) -> tuple[RowSplice, ...]:
        return self.placed.splices

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
    row, join = classes(request, block, settings)
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
    place = placed(first, request, targets, row, join)
    check_channels(first.model, request.channels, block, settings, place)
    edits = [
        *insert_rows(first.model, place.insertions),
        *replace_rows(first.model, place.replacements),
    ]
    after = edited(first.model, edits)
    check_graph(first.model, place.insertions, after, place.replacements)
    if not edits:
        return YamlPlan(first, row, place, after, workspace, None, None)
    file_name = first.path.rpartition("/")[2]
    if script is not None and first.copied:
        rename_yaml(workspace, script, at_scale(file_name, first.scale))
    scripts = [script.script] if script is not None else []
    blocks = [row] if join is None else [row, join]
    registration = register(project, workspace, blocks, builder, file_name, scripts)
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
    return YamlPlan(first, row, place, after, workspace, registration, change, script, caveats)


def name_of(target: Target) -> str:
    assert target.file is not None
    return target.file


def renamed(row: RowBlock, name: str) -> RowBlock:
    if name == row.class_name or (row.source is None and row.inner is None):
        return row
    if row.inner is not None:
        return replace(row, class_name=name)
    return replace(row, class_name=name, source=render_as(row.block, 2, name))


def classes(
    request: AddRequest, block: Block, settings: Mapping[str, str]
) -> tuple[RowBlock, RowBlock | None]:
    """The block as a row, and the row that joins it with another one, if one does."""
    row = row_block(block, settings, request.channels, 1 + len(request.with_))
    if request.with_:
        if request.fuse is not None or request.gate:
            raise unsupported(
                "--fuse and --gate do not go with --with in a YAML file",
                None,
                "The block of two inputs takes the row's place: leave them out.",
            )
        return of_several(row), None
    if request.placement.always_fuses:
        assert request.fuse is not None
        return row, joining(row, request.fuse, gate=request.gate)
    return wrapped(row, request.fuse, gate=request.gate), None


def placed(
    file: YamlFile,
    request: AddRequest,
    targets: Sequence[Target],
    row: RowBlock,
    join: RowBlock | None,
) -> Placed:
    """Where the rows go, as far as the rows themselves tell."""
    joins = request.placement.always_fuses or request.placement.replaces or request.with_
    if joins:
        return joining_rows(file.path, file.model, request, targets, row, join)
    return plain_rows(file.path, file.model, request, targets, row)


def check_options(request: AddRequest) -> None:
    """Refuse what rows cannot do."""
    if request.placement not in IN_ROWS:
        others = ", ".join(f"--{placement}" for placement in IN_ROWS)
        raise unsupported(
            f"--{request.placement} is not for rows of a YAML file",
            None,
            f"Give one of {others}.",
        )
    if request.reduce == "linear" or request.reduce_settings:
        raise unsupported(
            "a concatenation is reduced by a convolution in a YAML file",
            None,
            "Leave out --reduce and --set reduce.",
        )
    if request.attach:
        raise unsupported(
            "--attach is for models without source of their own; a YAML file is edited",
            None,
            "Leave out --attach.",
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


def check_channels(
    model: ModelYaml,
    channels: str | None,
    block: Block,
    settings: Mapping[str, str],
    place: Placed,
) -> None:
    """Refuse a number of channels that does not arrive at every scale."""
    given = {f"--channels {channels}": channels} if channels is not None else {}
    for parameter in block.parameters:
        if parameter.fact in ("channels", "in", "out") and parameter.name in settings:
            text = settings[parameter.name]
            given[f"--set {parameter.name}={text}"] = text
    for option, text in given.items():
        for one in place.splices:
            if not text.isdigit() or one.source == IMAGE or one.already:
                continue
            row = model.rows[one.source]
            for scale in model.scales:
                width = features(model, scale)[one.source].channels
                if width is not None and width != int(text):
                    at = f" at scale {scale.name}" if scale.name else ""
                    raise StitchError(
                        "bad-argument",
                        f"{option}: {row.name} gives {width}{at}",
                        where=model.where(row),
                        hint="Leave it out: the row then says c2, the width of the row before at every scale.",
                    )
