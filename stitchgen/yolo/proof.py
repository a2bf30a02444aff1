"""The proof of a plan: what the observer is asked about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from stitchgen.analysis.rows_proof import AddedRow, RowsProof, RowsQuestion, prove_rows
from stitchgen.analysis.runtime_backend import SharedObservers
from stitchgen.analysis.subject import Subject, interpreter
from stitchgen.errors import StitchError
from stitchgen.project.config import Project
from stitchgen.source.yaml_edits import Moved
from stitchgen.targets.request import AddRequest
from stitchgen.yolo.files import builder_of, dotted_name, scripts_naming, unscaled
from stitchgen.yolo.plan import YamlPlan

#: So many scales are run; the others are built.
MOST_RUN = 2
#: What parse_model says of a module that it does not know, in Ultralytics and in the repositories.
UNKNOWN = re.compile(r"(?:KeyError: '|name ')([\w.]+)'")


def prove(
    project: Project, request: AddRequest, plan: YamlPlan, observers: SharedObservers
) -> RowsProof:
    """The proof of the rows that a plan puts in."""
    assert plan.registration is not None
    module = plan.registration.module
    try:
        return prove_rows(
            subject_of(project, request, plan),
            question(project, plan, module, builder_of(project.root)),
            observers,
        )
    except StitchError as error:
        raise at_row(plan, error) from error


def subject_of(project: Project, request: AddRequest, plan: YamlPlan) -> Subject:
    """What runs the model of a plan, with the folder first on the path from which the blocks are imported."""
    assert plan.registration is not None
    registration = plan.registration
    folder, module = project.root / Path(registration.file).parent, registration.module
    base = folder.parents[module.count(".") - 1] if module is not None else project.root
    return Subject(
        file=plan.file.source,
        module="",
        paths=tuple(dict.fromkeys((base, project.root))),
        root=project.root,
        python=interpreter(request.python, project.python, project.root),
        inputs=request.inputs,
    )


def question(
    project: Project, plan: YamlPlan, module: str | None, builder: Path | None
) -> RowsQuestion:
    model, after = plan.file.model, plan.after
    moved = Moved(plan.placed.insertions)
    names = [one.name for one in model.scales]
    return RowsQuestion(
        before=model.document.text,
        after=after.document.text,
        rows=(*added_rows(moved), *replaced_rows(plan)),
        moved=tuple(moved.old(row.index) for row in model.rows),
        scales=tuple(names),
        full=scales_to_run(project, plan, names),
        class_name=plan.block.class_name,
        builder=None if builder is None else dotted_name(project.root, builder),
        register=module,
        overlay=plan.workspace.overlay(),
    )


def added_rows(moved: Moved) -> Iterator[AddedRow]:
    """The rows that are put in, by the new numbers."""
    for number, one in enumerate(moved.insertions):
        index = moved.inserted(number)
        readers = {moved.old(reader) for reader, _ in one.readers}
        for other in range(len(moved.insertions)):
            if index in moved.read_by_inserted(other):
                readers.add(moved.inserted(other))
        yield AddedRow(index, moved.read_by_inserted(number), tuple(sorted(readers)))


def replaced_rows(plan: YamlPlan) -> Iterator[AddedRow]:
    model = plan.file.model
    for one in plan.placed.replacements:
        readers = tuple(sorted({row.index for row in model.readers(one.index)}))
        yield AddedRow(one.index, model.rows[one.index].reads, readers, one.index)


def scales_to_run(project: Project, plan: YamlPlan, names: list[str]) -> tuple[str, ...]:
    """The scale that the target names, else those that scripts name, else the first."""
    if plan.file.scale in names:
        return (plan.file.scale,)
    file_name = plan.file.path.rpartition("/")[2]
    found = [unscaled(one.text)[1] for one in scripts_naming(project.root, file_name)]
    wanted = [one for one in dict.fromkeys(found) if one in names]
    return tuple(wanted[:MOST_RUN] or names[:1])


def at_row(plan: YamlPlan, error: StitchError) -> StitchError:
    """The refusal with the row of the YAML that it is about, where one is known."""
    model = plan.file.model
    unknown = UNKNOWN.search(error.message)
    rows = [row for row in model.rows if unknown and row.module == unknown.group(1)]
    if error.code == "does-not-build" and rows:
        error.where = model.where(rows[0])
        error.hint = f"{rows[0].module} is no name of what builds the model: correct the row, or register it."
    elif error.code == "law-broken" and error.where is None:
        error.where = model.where(model.rows[max(plan.fresh[0].source, 0)])
    return error
