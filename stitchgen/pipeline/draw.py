"""`stitchgen draw`: the stages of a model with the shapes between them, beside what they were before the
last run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from stitchgen.analysis.flow import Flow
from stitchgen.analysis.runtime_backend import RuntimeBackend
from stitchgen.drawing.graph import Graph, alike, around
from stitchgen.drawing.openings import openings
from stitchgen.drawing.renderers import RENDERERS
from stitchgen.drawing.stages import graph_of
from stitchgen.errors import StitchError, UsageError, shown_below
from stitchgen.history import changes, ledger, undo
from stitchgen.pipeline.layers import chosen, model_name
from stitchgen.project.config import Project
from stitchgen.project.workspace import Workspace
from stitchgen.source.yaml_document import is_yaml
from stitchgen.targets.build_errors import check_given, nothing_built
from stitchgen.targets.model import RunOptions, TargetModel, followed, model_named
from stitchgen.targets.target import locate, parse

#: So many steps before and behind a target are drawn.
REACH = 3


@dataclass(frozen=True)
class Drawn:
    """What is to be drawn: a target's surroundings or the whole, with the state before the last run or without."""

    around: str | None = None
    now: bool = False
    output: Path | None = None


def run(project: Project, text: str, drawn: Drawn, options: RunOptions) -> dict[str, Any]:
    """The object of `--json`; writes the file that is asked for."""
    suffix = drawn.output.suffix.lower() if drawn.output is not None else ".mmd"
    if suffix not in RENDERERS:
        raise UsageError(
            "bad-argument",
            f"-o {drawn.output}: a drawing is a file of one of {', '.join(RENDERERS)}",
            hint=f"stitchgen draw {text} -o model.svg",
        )
    with shown_below(project.root):
        return describe(project, text, drawn, options, suffix)


def describe(
    project: Project, text: str, drawn: Drawn, options: RunOptions, suffix: str
) -> dict[str, Any]:
    if is_yaml(text.partition("::")[0]):
        raise StitchError(
            "not-python",
            f"{text} is no Python source; of a YAML's rows no picture is made",
            hint=f"stitchgen layers {text} lists them with their readers",
        )
    workspace = Workspace(project.root)
    model = model_named(project, text, options, workspace)
    backend = RuntimeBackend(model.subject)
    try:
        builds = model.subject.given or model.subject.builds
        survey = backend.survey(builds, brief=builds)
        check_given(model, survey)
        if not survey.configurations:
            raise nothing_built(model, survey)
        configuration = chosen(model, survey)
        name = f"{workspace.relative(model.file)}::{model_name(model, survey, configuration)}"
        warnings: list[dict[str, str]] = []
        overlay = {} if drawn.now else before_last_run(project, warnings)
        after = backend.flow(configuration.expression, {})
        before = backend.flow(configuration.expression, overlay) if overlay else None
    finally:
        backend.close()
    path = None
    if drawn.around is not None:
        path = path_of(project, model, after, drawn.around, workspace)
    graphs = graphs_of(project, name, before, after, path)
    drawing = RENDERERS[suffix](graphs)
    result = {
        "ok": True,
        "command": "draw",
        "model": name,
        "build": after.expression,
        "input": after.input,
        "around": path,
        "files": [],
        "graphs": [graph.as_dict() for graph in graphs],
        "warnings": warnings,
    }
    if drawn.output is None:
        return {**result, "mermaid": drawing}
    action = write(drawn.output, drawing)
    return {**result, "files": [{"path": str(drawn.output), "action": action}]}


def graphs_of(
    project: Project, name: str, before: Flow | None, after: Flow, path: str | None
) -> list[Graph]:
    """The model as it is; where the last run changed it, what it was first."""
    marks = blocks_in(project, after)
    opened = openings(after, marks, path)
    whole = graph_of(after, f"{name}, {after.expression}", marks, opened)
    shown = whole if path is None else around(whole, path, REACH)
    if before is None:
        return [shown]
    old = graph_of(before, f"{name}, before", blocks_in(project, before), opened)
    if old.as_dict() | {"title": ""} == whole.as_dict() | {"title": ""}:
        return [shown]
    was = old if path is None else alike(old, shown)
    return [was, Graph(f"{name}, after", shown.nodes, shown.edges)]


def before_last_run(project: Project, warnings: list[dict[str, str]]) -> Mapping[Path, bytes]:
    """The files that the last run edited as they would be without it; {} where there is none."""
    if not ledger.load(project.root).runs():
        return {}
    try:
        taken = undo.run(project, mode="dry-run").changes
    except StitchError as error:
        message = f"what was before the last run is not drawn: {error.message}"
        warnings.append({"code": error.code, "message": message, "where": error.where or ""})
        return {}
    return {
        project.root / change.path: change.after
        for change in taken
        if change.path.endswith(".py") and change.before is not None and change.after is not None
    }


def blocks_in(project: Project, flow: Flow) -> dict[str, str]:
    """The layers that stitchgen put there, by their paths: those of its block files, and what came with
    them. The outermost alone: what a block is made of is no block."""
    entries = ledger.load(project.root).entries
    files = {str((project.root / path).resolve()) for one in entries for path in one.record.uses}
    names = changes.own_attributes(entries)
    found: dict[str, str] = {}
    for path, module in flow.modules.items():
        name = path.rpartition(".")[2]
        inside = any(path.startswith(f"{other}.") for other in found)
        if not inside and path and (module.file in files or name in names):
            found[path] = module.class_name
    return found


def path_of(
    project: Project, model: TargetModel, flow: Flow, text: str, workspace: Workspace
) -> str:
    """The path, below the model, of the layer that a target names."""
    if text in flow.modules:
        return text
    located = locate(parse(text), project.search_folders, project.configured_targets)
    names = model.behind_variable(followed(located, workspace)).names
    if names[:1] == (flow.modules[""].class_name,):
        names = names[1:]
    path = ".".join(names)
    if path in flow.modules:
        return path
    near = get_close_matches(path, flow.modules, n=3)
    where = workspace.relative(model.file)
    raise StitchError(
        "target-not-found",
        f"{flow.expression} has no layer {path}",
        where=where,
        hint=f"stitchgen layers {where} lists its layers",
        suggestions=[f"{where}::{flow.modules[''].class_name}.{one}" for one in near],
    )


def write(path: Path, text: str) -> str:
    action = "replace" if path.exists() else "create"
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise StitchError(
            "not-writable",
            f"{path} cannot be written: {error.strerror or error}",
            where=str(path),
            hint="name a file in a folder that exists: -o model.svg",
        ) from error
    return action
