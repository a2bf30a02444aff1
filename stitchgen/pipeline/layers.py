"""`stitchgen layers`: every target of a model, with channels, layout, readers, evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stitchgen.analysis.layer_facts import UNKNOWN, Feature, LayerFacts
from stitchgen.analysis.survey import Configuration, LayerInstance, Survey
from stitchgen.catalog.block import Block
from stitchgen.errors import StitchError, shown_below
from stitchgen.pipeline.survey import backend_for, with_projects_own
from stitchgen.project.config import Project
from stitchgen.project.workspace import Workspace
from stitchgen.source.syntax import module_classes
from stitchgen.targets import completion
from stitchgen.targets.build_errors import (
    check_given,
    example_of_input,
    nothing_built,
    outermost,
    place_of,
    quoted,
)
from stitchgen.targets.build_offers import signature
from stitchgen.targets.model import RunOptions, TargetModel, model_named
from stitchgen.targets.select import same, value_of
from stitchgen.targets.yaml_target import may_name_yaml


@dataclass(frozen=True)
class Shown:
    """Which layers are shown: all, unless something is asked of them."""

    fits: str | None = None  # a block that can be put there
    depth: int | None = None  # so many names long at most
    where: Mapping[str, str] = field(default_factory=dict)  # channels=256, kernel_size=3


def run(
    project: Project,
    text: str,
    *,
    shown: Shown = Shown(),
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
        options = RunOptions(builds, inputs, python)
        return describe(project, text, options, shown, prove=prove)


def describe(
    project: Project, text: str, options: RunOptions, shown: Shown, *, prove: bool
) -> dict[str, Any]:
    block = None
    if shown.fits is not None:
        from stitchgen.pipeline.splice import find_block  # all that plans is loaded late

        block = find_block(project, shown.fits)
    workspace = Workspace(project.root)
    model = model_named(project, text, options, workspace, run=prove)
    subject = model.subject
    with backend_for(subject, workspace, run=prove) as backend:
        survey = backend.survey(subject.given or subject.builds)
        survey = with_projects_own(model, survey, backend)
    warnings = [{"code": "random-weights", "message": note} for note in survey.notes]
    if backend.instead_of is not None:
        message = f"{backend.instead_of.message}: what follows is read in the source, not observed"
        warnings.append({"code": "no-torch", "message": message})
    if not survey.read:
        check_given(model, survey)
        if not survey.configurations:
            raise nothing_built(model, survey)
    configuration = chosen(model, survey)
    own = [path for path, facts in configuration.layers.items() if facts.calls and path]
    completion.remember(model.syntax.document.raw, survey.class_of(configuration).name, own)
    name = f"{workspace.relative(model.file)}::{model_name(model, survey, configuration)}"
    warnings += other_class(model, survey, configuration)
    return {
        "ok": True,
        "command": "layers",
        "model": name,
        "build": None if survey.read else configuration.expression,
        "layers": [
            one
            for facts in configuration.layers.values()
            for one in rows(configuration, facts, name)
            if is_shown(shown, block, facts, one)
        ],
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
    meant = meant_class(model)
    return max(
        survey.configurations,
        key=lambda one: (survey.class_of(one).name == meant, len(one.layers)),
    )


def meant_class(model: TargetModel) -> str | None:
    """The class of the file that uses its others, where the user named none."""
    names = module_classes(model.syntax)
    return outermost(model.syntax, names) if names and model.script is None else None


def other_class(
    model: TargetModel, survey: Survey, configuration: Configuration
) -> list[dict[str, str]]:
    """That another class than the outermost one of the file is shown, which nothing built."""
    meant, shown = meant_class(model), survey.class_of(configuration).name
    if model.located[0].names or model.subject.given or meant is None or survey.read:
        return []
    if shown == meant or any(survey.class_of(one).name == meant for one in survey.configurations):
        return []
    reason = f"nothing says how {meant} is built"
    hint = f"--build '{signature(model.syntax, meant)}'"
    for expression, failure in survey.failures.items():
        if expression.partition("(")[0] == meant:
            reason = f"{expression} fails: {failure.message}"
            if failure.code == "does-not-run":
                hint = f"--build '{quoted(expression)}' {example_of_input(failure.guessed)}"
            break
    return [
        {
            "code": "other-class",
            "where": place_of(model.syntax, meant),
            "message": f"{shown} is shown, since {reason}",
            "hint": hint,
        }
    ]


def model_name(model: TargetModel, survey: Survey, configuration: Configuration) -> str:
    """As a target names it: by the script's variable, or by its class."""
    if model.script is not None and model.builds_variable(configuration):
        return model.script.name
    return survey.class_of(configuration).name


def rows(configuration: Configuration, facts: LayerFacts, model: str) -> Iterator[dict[str, Any]]:
    """The row of a layer; one for each element of what it gives, where that is a tuple, list or dict."""
    if not facts.elements:
        feature = LayerInstance(configuration, "", facts.path).feature("output")
        yield row(facts, feature, target_of(facts, model))
    for key, features in facts.elements.items():
        yield row(facts, next(iter(features), UNKNOWN), target_of(facts, model, f"#{key}"))


def row(facts: LayerFacts, feature: Feature, target: str | None) -> dict[str, Any]:
    known = feature.channels is not None
    observed = "observed" if known else "unknown"
    return {
        "path": facts.path,
        "target": target,
        "class": facts.class_key.rpartition(":")[2],
        "channels": feature.channels,
        "layout": feature.layout,
        "evidence": facts.read.beside.evidence if facts.read is not None else observed,
        "calls": facts.calls.get("eval"),
        "readers": list(facts.readers),
    }


def target_of(facts: LayerFacts, model: str, element: str = "") -> str | None:
    """How the layer is typed as a target of `add`; None where it is never called."""
    calls = sum(facts.calls.values()) if facts.read is None else None
    if calls == 0:
        return None
    several = "@all" if facts.calls.get("eval", 1) > 1 else ""
    return f"{model}.{facts.path}{several}{element}"


def is_shown(shown: Shown, block: Block | None, facts: LayerFacts, one: Mapping[str, Any]) -> bool:
    """Whether a layer is like what was asked for."""
    if shown.depth is not None and len(facts.path.split(".")) > shown.depth:
        return False
    if block is not None and not (one["target"] and takes(block, one["layout"])):
        return False
    known = {**facts.attributes, **one}
    return all(
        name in known and (known[name] == text or same(known[name], value_of(text)))
        for name, text in shown.where.items()
    )


def takes(block: Block, layout: str | None) -> bool:
    """Whether a block can be put at a feature, as it is or with its axes permuted."""
    if layout is None:
        return block.elementwise
    from stitchgen.planning.fit import adapter_to

    return block.dims_for(layout) is not None or adapter_to(block, layout) is not None
