"""`stitchgen layers`: every target of a model, with channels, layout, readers, evidence."""

from __future__ import annotations

from typing import Any

from stitchgen.analysis.layer_facts import LayerFacts
from stitchgen.analysis.survey import Configuration, LayerInstance, Survey
from stitchgen.errors import StitchError, shown_below
from stitchgen.pipeline.survey import backend_for
from stitchgen.project.config import Project
from stitchgen.project.workspace import Workspace
from stitchgen.source.syntax import module_classes
from stitchgen.targets.build_errors import check_given, nothing_built
from stitchgen.targets.model import RunOptions, TargetModel, model_named
from stitchgen.targets.yaml_target import may_name_yaml


def run(
    project: Project,
    text: str,
    *,
    builds: tuple[str, ...] = (),
    inputs: tuple[str, ...] = (),
    python: str | None = None,
    prove: bool = True,
) -> dict[str, Any]:
    """The layers of the first configuration that builds; by reading where torch is missing."""
    with shown_below(project.root):
        if may_name_yaml(project, text):
            from stitchgen.pipeline import yaml_layers  # which few projects need

            name = yaml_layers.yaml_named(project, text)
            if name is not None:
                return yaml_layers.describe(project, name, python)
        return describe(project, text, RunOptions(builds, inputs, python), prove)


def describe(project: Project, text: str, options: RunOptions, prove: bool) -> dict[str, Any]:
    workspace = Workspace(project.root)
    model = model_named(project, text, options, workspace)
    subject = model.subject
    with backend_for(subject, workspace, prove) as backend:
        survey = backend.survey(subject.given or subject.builds)
    warnings = [{"code": "random-weights", "message": note} for note in survey.notes]
    if backend.instead_of is not None:
        message = f"{backend.instead_of.message}: what follows is read in the source, not observed"
        warnings.append({"code": "no-torch", "message": message})
    if not survey.read:
        check_given(model, survey)
        if not survey.configurations:
            raise nothing_built(model, survey)
    configuration = chosen(model, survey)
    return {
        "ok": True,
        "command": "layers",
        "model": f"{workspace.relative(model.file)}::{model_name(model, survey, configuration)}",
        "build": None if survey.read else configuration.expression,
        "layers": [row(configuration, facts) for facts in configuration.layers.values()],
        "warnings": warnings,
    }


def chosen(model: TargetModel, survey: Survey) -> Configuration:
    """The first configuration of the class that was named, else the first one."""
    wanted = model.located[0].names[:1]
    for configuration in survey.configurations:
        if wanted and survey.class_of(configuration).name == wanted[0]:
            return configuration
    syntax = model.syntax
    path = syntax.document.path
    if wanted and syntax.class_named(wanted[0]) is None:
        layer = ".".join(model.located[0].names)
        of = [one for one in survey.configurations if layer in one.layers]
        raise StitchError(
            "target-not-found",
            f"{path} has no class {wanted[0]}"
            + (f"; it is a layer of {survey.class_of(of[0]).name}" if of else ""),
            where=path,
            hint="stitchgen layers takes a model: the file, or a class of it.",
            suggestions=[f"{path}::{name}" for name in module_classes(syntax)[:4]],
        )
    if wanted or not survey.configurations:
        raise StitchError(
            "not-a-model",
            f"nothing that builds {wanted[0] if wanted else 'a model'} was found in {path}",
            where=path,
            hint="Say how it is built: --build 'Net(...)'",
            suggestions=[one.expression for one in survey.configurations[:4]],
        )
    return survey.configurations[0]


def model_name(model: TargetModel, survey: Survey, configuration: Configuration) -> str:
    """As a target names it: by the script's variable, or by its class."""
    if model.script is not None and model.builds_variable(configuration):
        return model.script.name
    return survey.class_of(configuration).name


def row(configuration: Configuration, facts: LayerFacts) -> dict[str, Any]:
    feature = LayerInstance(configuration, "", facts.path).feature("output")
    known = feature.channels is not None
    observed = "observed" if known else "unknown"
    return {
        "path": facts.path,
        "class": facts.class_key.rpartition(":")[2],
        "channels": feature.channels,
        "layout": feature.layout,
        "evidence": facts.read.beside.evidence if facts.read is not None else observed,
        "calls": facts.calls.get("eval"),
        "readers": list(facts.readers),
    }
