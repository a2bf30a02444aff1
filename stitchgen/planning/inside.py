"""`--inside`: the block as an element of the Sequential that its layer is in, and where old keys go."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from stitchgen.analysis.steps import free_name
from stitchgen.catalog.render import snippet
from stitchgen.errors import StitchError
from stitchgen.planning.block_file import blocks_folder
from stitchgen.planning.definitions import constructor_of
from stitchgen.planning.plan import Planning
from stitchgen.planning.point import InsertionPoint, Inside
from stitchgen.rewrite.elements import Moved, Written, inserted, shifted, written
from stitchgen.source.document import Document
from stitchgen.source.formatting import format_statements
from stitchgen.source.syntax import Syntax

SIBLING = "Leave --inside out: the block then stands beside the Sequential."


def only_point(planning: Planning, points: Sequence[InsertionPoint]) -> InsertionPoint:
    """The one target; refuses several, and a layer that is no element of a Sequential of its class."""
    request = planning.request
    if len(points) != 1:
        raise StitchError(
            "unsupported",
            f"--inside is for one layer, and {', '.join(request.targets)} means {len(points)}",
            hint="Run the command once for each of them.",
        )
    [point] = points
    calls, definition = point.calls, point.definition
    where = calls.where
    steps = calls.below
    outside = len(steps) < 2 or any(step.parent != "sequential" for step in steps[1:])
    if (calls.slot and not outside) or calls.hooked or calls.under or calls.variable is not None:
        raise StitchError(
            "unsupported",
            f"{point.target} is a layer of one instance, whose class makes the Sequential for all of them",
            where=where,
            hint="Name the class, which then has the block everywhere: "
            f"--{request.placement} FILE.py::CLASS.layer --inside. {SIBLING}",
        )
    if outside:
        raise StitchError(
            "unsupported",
            f"{point.target} is no element of a Sequential",
            where=where,
            hint=SIBLING,
        )
    if definition.guard or definition.may_lack or not all(one.numbered for one in steps[1:]):
        raise StitchError(
            "configuration-dependent",
            f"{point.target} stands at different places of its Sequential in other configurations",
            where=where,
            hint=f"{SIBLING} Or name the configuration that you use: --build EXPR",
        )
    return point


def place_of(planning: Planning, point: InsertionPoint) -> Written:
    """Where the layer is written as an element; refuses what a loop or a helper makes."""
    function = constructor_of(planning.workspace, point.definition.point)
    steps = point.calls.below
    if function is None:
        raise StitchError(
            "unsupported",
            f"{point.target} is made outside of a constructor",
            where=point.calls.where,
            hint=SIBLING,
        )
    syntax = planning.workspace.syntax(point.file)
    return written(syntax, function, steps[0].name, [step.index for step in steps[1:]])


def defined_at(planning: Planning, point: InsertionPoint, place: Written) -> InsertionPoint:
    """The point with its block constructed where the element is written."""
    there = replace(
        point.definition.point,
        span=planning.workspace.syntax(point.file).document.span_of(place.statement),
        line=place.statement.end_lineno or place.statement.lineno,
    )
    return point.with_definition(point=there, creating=there.span)


def check_alone(point: InsertionPoint) -> None:
    """An element is fed what the one before it gives, and nothing else is done with it."""
    if not point.join.method.serial:
        raise StitchError(
            "unsupported",
            f"a block at {point.target} has to be fed or joined by more than the call of the Sequential",
            where=point.calls.where,
            hint=SIBLING,
        )


def element_of(planning: Planning, point: InsertionPoint, place: Written) -> Inside:
    """The block as an element: its index and its key."""
    before = planning.request.placement.value == "input"
    *steps, last = point.calls.below
    index = last.index + (not before)
    names = [step.name for step in steps]
    if place.name is None:
        return Inside(".".join(names), index, str(index), moves=index != place.count)
    taken = {
        name
        for one in point.calls.instances
        for name in one.configuration.children(one.path.rpartition(".")[0])
    }
    block = re.sub(r"\W", "_", planning.block.name.rpartition("/")[2])
    return Inside(".".join(names), index, free_name(f"{place.name}_{block}", taken), moves=False)


def stands_there(place: Written, construction: str, *, before: bool) -> bool:
    """Whether the neighbour is this very block already."""
    if place.appended is not None:
        return False
    number = place.among.index(place.node) + (-1 if before else 1)
    if not 0 <= number < len(place.among):
        return False
    node = place.among[number]
    if isinstance(node, ast.Tuple) and len(node.elts) == 2:
        node = node.elts[1]
    return ast.unparse(node) == ast.unparse(ast.parse(construction))


def write(
    planning: Planning, point: InsertionPoint, place: Written, construction: str
) -> InsertionPoint:
    """Plan the edits: the element, the numbers of those behind it, the file that maps old keys."""
    workspace, project = planning.workspace, planning.project
    before = planning.request.placement.value == "input"
    inside = element_of(planning, point, place)
    syntax = workspace.syntax(point.file)
    text = construction
    if place.name is not None:
        quote = syntax.document.quote
        text = f"({quote}{inside.key}{quote}, {construction})"
    edits = inserted(syntax, place, text, before=before, line_length=project.line_length)
    moved = Moved(
        attribute=inside.container.rpartition(".")[2],
        index=inside.index,
        length=place.count,
        boundary=inside.index + 1 if before else inside.index,
        keys=inside.moves,
    )
    for file in workspace.files.having(moved.attribute):
        own = str(file.path) == str(point.file)
        other = syntax if own else Syntax(Document(file.raw, workspace.relative(file.path)))
        edits += shifted(other, moved, own=own)
    workspace.edit(point.file, *edits)
    if inside.moves:
        inside = replace(inside, loader=loader(planning, point, inside))
    return replace(point, inside=inside).with_naming(strategy="inside")


def loader(planning: Planning, point: InsertionPoint, inside: Inside) -> str:
    """Plan the file with `load_before`; its path."""
    workspace = planning.workspace
    class_name = point.class_name.rpartition(".")[2]
    folder = blocks_folder(planning.project, Path(point.file))
    stem = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", class_name).lower()
    name = free_name(
        f"{stem}_{point.attribute}_keys",
        {path.stem for path in folder.glob("*.py")} | {Path(one).stem for one in workspace.created},
    )
    text = snippet(
        "inside",
        "keys",
        class_name=class_name,
        container=inside.container,
        index=inside.index,
        command=planning.request.command_line(),
    )
    file = folder / f"{name}.py"
    code = format_statements(text, 0, planning.project.line_length, '"')
    workspace.create(file, code.encode())
    return workspace.relative(file)
