"""What is said where a target means no layer: the near ones, or why there is none."""

from __future__ import annotations

import ast
from difflib import get_close_matches

from stitchgen.errors import StitchError
from stitchgen.source.syntax import Syntax
from stitchgen.source.tree import nodes_in
from stitchgen.targets.build_errors import (
    failed_build,
    may_do_more,
    names_below,
    quoted,
    with_offers,
)
from stitchgen.targets.build_offers import signature
from stitchgen.targets.surveyed import SurveyedModel


def suggestions(surveyed: SurveyedModel, class_name: str | None, path: str) -> list[str]:
    """Targets that are near to what was typed, ready to paste."""
    model, survey = surveyed.model, surveyed.survey
    near: dict[str, None] = {}
    for configuration in survey.configurations:
        roots = [""]
        name = survey.class_of(configuration).name
        if class_name is None and model.script is not None:
            name = model.script.name
        if class_name is not None:
            name = class_name
            roots = survey.roots(configuration, class_name, str(model.file))
        for root in roots[:1]:
            paths = configuration.below(root)
            close = get_close_matches(path, paths, n=4, cutoff=0.5) if path else paths[:4]
            for other in close:
                near[f"{model.file.name}::{name}.{other}"] = None
    return list(near)[:6]


def no_such_layer(surveyed: SurveyedModel, class_name: str | None, path: str) -> StitchError:
    """That the class (or the model) has no layer at the path."""
    model, survey = surveyed.model, surveyed.survey
    document = model.syntax.document
    name = class_name or "the model"
    near = suggestions(surveyed, class_name, path)
    called = functional_call(model.syntax, path)
    if called is not None:
        function, line = called
        return StitchError(
            "function-call",
            f"{path} is called as {function} at {document.path}:{line}, it is no layer",
            where=f"{document.path}:{line}",
            hint="Splice after the layer before it, or make it a layer first.",
            suggestions=near,
        )
    if model.unread:
        return may_do_more(model)
    where = place_of_class(surveyed, class_name)
    if survey.read:
        return StitchError(
            "target-not-found",
            f"the source alone shows no layer {path!r} in {name}",
            where=where,
            hint="Let the model run (leave out --no-prove).",
            suggestions=near,
        )
    builds = ", ".join(one.expression for one in survey.configurations[:4])
    error = StitchError(
        "target-not-found",
        f"{name} has no layer {path!r} (looked in {builds})",
        where=where,
        hint="stitchgen layers prints all targets of a model",
        suggestions=near,
    )
    return error if model.subject.given else with_offers(model, error)


def no_instance(surveyed: SurveyedModel, class_name: str) -> StitchError:
    """That no model which was built has an instance of the class."""
    survey = surveyed.survey
    where = place_of_class(surveyed, class_name)
    if survey.read:
        return StitchError(
            "target-not-found",
            f"the source alone does not tell the layers of {class_name}",
            where=where,
            hint="Let the model run (leave out --no-prove).",
        )
    for expression, failure in survey.failures.items():
        made_of = names_below(surveyed.model.syntax, expression.partition("(")[0])
        if failure.code == "does-not-run" and class_name in made_of:
            # It was built, and lacks nothing but its input.
            error = failed_build(surveyed.model, expression, failure)
            error.suggestions.append(f"--build '{quoted(expression)}' --input ...")
            return error
    failed = "".join(f"; {failure.message}" for failure in list(survey.failures.values())[:1])
    error = StitchError(
        "does-not-build",
        f"no {class_name} is in what was built: "
        + ", ".join(one.expression for one in survey.configurations[:4])
        + failed,
        where=where,
        hint=f"Say how the model is built: --build '{signature(surveyed.model.syntax, class_name)}'",
    )
    return with_offers(surveyed.model, error)


def place_of_class(surveyed: SurveyedModel, class_name: str | None) -> str:
    """`path:line` of the class, else of the file's first line."""
    syntax = surveyed.model.syntax
    node = syntax.class_named(class_name) if class_name else None
    return f"{syntax.document.path}:{node.lineno if node else 1}"


def functional_call(syntax: Syntax, path: str) -> tuple[str, int] | None:
    """`F.relu` where the name is called as a function of torch."""
    last = path.rpartition(".")[2]
    for node in nodes_in(syntax.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            text = ast.unparse(node.func)
            if node.func.attr == last and text.startswith(("F.", "torch.", "nn.functional.")):
                return text, node.lineno
    return None
