"""`stitchgen layers`: every target of a model, with channels, layout, readers, evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stitchgen.analysis.runtime_backend import Observer
from stitchgen.analysis.static_backend import READ, read_survey
from stitchgen.analysis.survey import Configuration, Spot, Survey
from stitchgen.errors import StitchError, shown_below
from stitchgen.project.config import Project
from stitchgen.project.workspace import Workbench
from stitchgen.source.syntax import module_classes
from stitchgen.targets.build_errors import check_given, nothing_built
from stitchgen.targets.model import Session, open_model


def run(
    project: Project,
    model: str,
    *,
    builds: Sequence[str] = (),
    inputs: Sequence[str] = (),
    python: str | None = None,
    prove: bool = True,
) -> dict[str, Any]:
    """The layers of the first configuration that builds; by reading where torch is missing."""
    with shown_below(project.root):
        return describe(project, model, builds, inputs, python, prove)


def describe(
    project: Project,
    model: str,
    builds: Sequence[str],
    inputs: Sequence[str],
    python: str | None,
    prove: bool,
) -> dict[str, Any]:
    bench = Workbench(project.root)
    session = open_model(project, model, builds, inputs, python, bench)
    warnings: list[dict[str, str]] = []
    survey = None
    if prove:
        try:
            with Observer(session.subject.python, session.subject) as observer:
                answer = observer.ask(
                    "survey",
                    builds=list(session.subject.given or session.subject.builds),
                    inputs=list(session.subject.inputs),
                )
                survey = Survey.of(answer)
        except StitchError as error:
            if error.code != "no-torch":
                raise
            message = f"{error.message}: what follows is read in the source, not observed"
            warnings.append({"code": "no-torch", "message": message})
    if survey is None:
        survey = read_survey(session.subject, bench)
    else:
        check_given(session, survey)
        if not survey.configurations:
            raise nothing_built(session, survey)
    configuration = chosen(session, survey)
    layers = [row(configuration, path) for path in configuration.layers]
    return {
        "ok": True,
        "command": "layers",
        "model": f"{bench.relative(session.file)}::{model_name(session, survey, configuration)}",
        "build": None if configuration.expression.endswith(READ) else configuration.expression,
        "layers": layers,
        "warnings": warnings,
    }


def chosen(session: Session, survey: Survey) -> Configuration:
    """The first configuration of the class that was named, else the first one."""
    wanted = session.located[0].names[:1]
    for configuration in survey.configurations:
        if wanted and class_name(survey, configuration) == wanted[0]:
            return configuration
    syntax = session.syntax
    if wanted and syntax.class_named(wanted[0]) is None:
        of = [c for c in survey.configurations if ".".join(session.located[0].names) in c.layers]
        path = syntax.document.path
        raise StitchError(
            "target-not-found",
            f"{path} has no class {wanted[0]}"
            + (f"; it is a layer of {class_name(survey, of[0])}" if of else ""),
            where=path,
            hint="stitchgen layers takes a model: the file, or a class of it.",
            suggestions=[f"{path}::{name}" for name in module_classes(syntax)[:4]],
        )
    if wanted or not survey.configurations:
        raise StitchError(
            "not-a-model",
            f"nothing that builds {wanted[0] if wanted else 'a model'} was found in "
            f"{session.syntax.document.path}",
            where=session.syntax.document.path,
            hint="Say how it is built: --build 'Net(...)'",
            suggestions=[c.expression for c in survey.configurations[:4]],
        )
    return survey.configurations[0]


def model_name(session: Session, survey: Survey, configuration: Configuration) -> str:
    """As a target names it: by the script's variable, or by its class."""
    if session.script is not None and session.builds_variable(configuration):
        return session.script.name
    return class_name(survey, configuration)


def class_name(survey: Survey, configuration: Configuration) -> str:
    return survey.classes[configuration.class_key]["name"]


def row(configuration: Configuration, path: str) -> dict[str, Any]:
    layer = configuration.layers[path]
    spot = Spot(configuration, "", path)
    feature = spot.feature("after")
    read = layer.get("channels_read")
    known = feature["channels"] is not None
    evidence = read.evidence if read is not None else "observed" if known else "unknown"
    return {
        "path": path,
        "class": layer["class_key"].rpartition(":")[2],
        "channels": feature["channels"],
        "layout": feature["layout"],
        "evidence": evidence,
        "calls": layer["calls"].get("eval"),
        "readers": layer["readers"],
    }
