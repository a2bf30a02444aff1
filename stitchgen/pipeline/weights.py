"""`stitchgen weights`: a checkpoint for a model whose YAML got new rows."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from stitchgen.analysis.rows_proof import Twin, make_twin
from stitchgen.analysis.runtime_backend import SharedObservers
from stitchgen.analysis.subject import Subject, interpreter
from stitchgen.errors import StitchError, shown_below
from stitchgen.history import ledger
from stitchgen.history.entries import WEIGHTS
from stitchgen.project import transaction
from stitchgen.project.config import Project
from stitchgen.project.modules import as_named
from stitchgen.project.outcome import Outcome
from stitchgen.source.edits import FileChange
from stitchgen.yolo.files import YamlFile, builder_of, dotted_name, unscaled, yaml_file
from stitchgen.yolo.registration import registered_in

SUFFIX = "-init.pt"


def run(
    project: Project, checkpoint: str, yaml: str, *, python: str | None = None, write: bool = True
) -> Outcome:
    """Write the twin of a checkpoint at the project's root, as a run that is undone like any other."""
    with shown_below(project.root):
        path = checkpoint_file(project, checkpoint)
        program = interpreter(python, project.python, project.root)
        file = yaml_file(project, yaml, "", program)
        target = target_for(project, path, file)
        builder = builder_of(project.root)
        found = None if builder is not None else registered_in(project, file.source.parent)
        base, register = found if found is not None else (project.root, None)
        name = None if builder is None else dotted_name(project.root, builder)
        subject = subject_of(project, file, program, base)
        with SharedObservers() as observers:
            text = file.model.document.text
            twin = make_twin(subject, path, text, name, register, {}, observers)
        change = change_of(target, twin)
    if write:
        record = ledger.SpliceRecord(
            block=path.name,
            target=target.name,
            placement=WEIGHTS,
            attribute=path.stem,
            strategy="file",
        )
        command = shlex.join(["weights", checkpoint, "--for", yaml])
        book = ledger.load(project.root).with_run(command, [record], [change])
        transaction.commit(project.root, [change, book.change()])
    return Outcome(report(path, file.path, target, twin, written=write), [change])


def subject_of(project: Project, file: YamlFile, python: str, base: Path) -> Subject:
    return Subject(
        file=file.source,
        module="",
        paths=tuple(dict.fromkeys((base, project.root))),
        root=project.root,
        python=python,
    )


def target_for(project: Project, checkpoint: Path, file: YamlFile) -> Path:
    """Where the twin goes; refuses where something is."""
    target = project.root.resolve() / f"{named_for(checkpoint, file)}{SUFFIX}"
    if target.exists():
        raise StitchError(
            "not-writable",
            f"{target.name} is there already",
            where=target.name,
            hint=f"Take it away first: rm {target.name}",
        )
    return target


def change_of(target: Path, twin: Twin) -> FileChange:
    try:
        return FileChange(target.name, None, twin.path.read_bytes())
    finally:
        twin.path.unlink()


def checkpoint_file(project: Project, name: str) -> Path:
    for folder in project.search_folders:
        if (folder / name).is_file():
            return as_named(folder / name)
    raise StitchError(
        "file-not-found",
        f"there is no file {name}",
        where=name,
        hint="Nothing is downloaded here: let YOLO(...) fetch it once, or give its path.",
        suggestions=[path.name for path in sorted(project.root.glob("*.pt"))][:4],
    )


def named_for(checkpoint: Path, file: YamlFile) -> str:
    """`yolov8n-cbam` of yolov8n.pt and yolov8-cbam.yaml."""
    own = file.path.rpartition("/")[2].rpartition(".")[0]
    if own.startswith(checkpoint.stem):
        return own
    general, _ = unscaled(checkpoint.name)
    base = general.rpartition(".")[0]
    return checkpoint.stem + (own[len(base) :] if own.startswith(base) else f"-{own}")


def report(path: Path, yaml: str, target: Path, twin: Twin, *, written: bool) -> dict[str, Any]:
    warnings = []
    if twin.arriving < twin.tensors:
        left = twin.tensors - twin.arriving
        message = f"{left} tensors have another shape in {yaml}, as with other classes"
        warnings.append({"code": "reshaped", "message": message})
    if not twin.rows:
        message = f"{yaml} has no row that the checkpoint lacks: {path.name} itself fits"
        warnings.append({"code": "nothing-new", "message": message})
    return {
        "ok": True,
        "command": "weights",
        "dry_run": not written,
        "checkpoint": path.name,
        "yaml": yaml,
        "rows": [f"model.{number}" for number in twin.rows],
        "tensors": twin.tensors,
        "arriving": twin.arriving,
        "without": twin.plain,
        "files": [{"path": target.name, "action": "create"}],
        "warnings": warnings,
    }
