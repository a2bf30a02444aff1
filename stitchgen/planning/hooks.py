"""Blocks under a layer, run by a forward hook: where the call stands in an installed package."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from stitchgen.analysis.steps import attribute_name
from stitchgen.analysis.survey import Spot, Survey, first_place, join
from stitchgen.errors import StitchError
from stitchgen.planning.definitions import free_attribute, settle_definition
from stitchgen.planning.point import NOWHERE, Asked, Place, steps_of
from stitchgen.rewrite.constructor import Anchor
from stitchgen.targets.resolve import Resolved


def attached_place(asked: Asked) -> Place:
    """A layer that an installed package calls: the block goes under it, run by a forward hook."""
    bench, survey, name = asked.bench, asked.survey, asked.name
    resolved, spots = at_its_end(survey, asked.resolved, asked.spots, asked.request.placement)
    check_not_container(survey, spots, name)
    wish = asked.request.name or attribute_name((), asked.block, asked.element)
    place = Place(
        target=name,
        resolved=resolved,
        spots=spots,
        lacking=(),
        sites=(),
        owner="",
        owner_steps=(),
        below=steps_of(survey, spots, name, "", resolved.path),
        slot=False,
        attribute=free_attribute(bench, spots, resolved.path, (), wish),
        wish=wish,
        anchor=NOWHERE,
        element=asked.element,
        under=True,
        hooked=True,
        strategy="attach",
    )
    settle_definition(bench, survey, place)
    return place


def at_its_end(
    survey: Survey, resolved: Resolved, spots: Sequence[Spot], placement: str
) -> tuple[Resolved, Sequence[Spot]]:
    """Of a Sequential the layer at its end, which gives what the Sequential gives, or before it
    the one at its start, which is fed what it is fed; else itself."""
    index = {"after": -1, "before": 0}.get(placement)
    if index is None:  # beside it: no layer is fed the one and gives the other
        return resolved, spots
    while all(runs_in_order(survey, spot) for spot in spots):
        names = {spot.configuration.children(spot.path)[index] for spot in spots}
        if len(names) != 1:
            break
        inner = replace(resolved, path=join(resolved.path, names.pop()))
        ends = inner.spots(survey)
        if any(max(spot.layer["calls"].values()) != 1 for spot in ends):
            break
        resolved, spots = inner, ends
    return resolved, spots


def runs_in_order(survey: Survey, spot: Spot) -> bool:
    """Whether a layer is a Sequential, or of a class that leaves its forward alone, with children."""
    about = survey.classes[spot.layer["class_key"]] or {}
    plain = survey.classes.get("torch.nn.modules.container:Sequential") or {}
    return (
        survey.kind(spot.layer["class_key"]) == "sequential"
        and about.get("forward_file") == plain.get("forward_file")
        and bool(spot.configuration.children(spot.path))
    )


def script_place(asked: Asked) -> Place:
    """A layer of a model that a script makes of an installed class: attached below the assignment."""
    bench, survey, request, name = asked.bench, asked.survey, asked.request, asked.name
    resolved, spots = asked.resolved, asked.spots
    syntax, made = bench.syntax(resolved.file), resolved.assignment
    assert made is not None
    where = f"{syntax.document.path}:{made.line}"
    statement = next(
        node
        for node in ast.walk(syntax.tree)
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.lineno == made.line
    )
    if request.placement == "replace":
        raise StitchError(
            "installed-package",
            f"{name} is a layer of an installed class, in whose source it is created",
            where=where,
            hint=f"Assign to it in the script, below {where}.",
        )
    if made.wrapped:
        raise StitchError(
            "unsupported",
            f"{where} wraps the model in the statement that builds it, so the block has no place",
            where=where,
            hint="Build the model in a statement of its own, and wrap it in the next.",
        )
    if request.placement == "after":
        resolved, spots = at_its_end(survey, resolved, spots, request.placement)
    check_not_container(survey, spots, name)
    wish = request.name or attribute_name((), asked.block, asked.element)
    return Place(
        target=name,
        resolved=resolved,
        spots=spots,
        lacking=(),
        sites=(),
        owner="",
        owner_steps=(),
        below=steps_of(survey, spots, name, "", resolved.path),
        slot=False,
        attribute=free_attribute(bench, spots, resolved.path, (), wish),
        wish=wish,
        anchor=Anchor(
            file=str(resolved.file),
            span=syntax.document.span_of(statement),
            function="",
            line=statement.end_lineno or statement.lineno,
        ),
        element=asked.element,
        under=True,
        hooked=True,
        variable=resolved.variable,
        moved=moved_as(statement.value),
        strategy="attach",
    )


def moved_as(value: ast.expr | None) -> str:
    """`.to(device)` of `Net().to(device)`: what moves a model has to move its block."""
    text = ""
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        if value.func.attr in ("to", "cuda", "half", "double", "bfloat16"):
            arguments = ast.unparse(value)[len(ast.unparse(value.func)) :]
            text = f".{value.func.attr}{arguments}{text}"
        value = value.func.value
    return text


def check_not_container(survey: Survey, spots: Sequence[Spot], name: str) -> None:
    for spot in spots:
        if survey.kind(spot.layer["class_key"]) != "module":
            last = spot.configuration.children(spot.path)[-1:]
            hint = "Splice in the class that runs it, or after the last layer that it runs."
            if runs_in_order(survey, spot):
                hint = "Pass --attach to run the block from a forward hook of its last layer."
            raise StitchError(
                "unsupported",
                f"a block under {name} would become one of the layers that it runs",
                where=first_place(spot.layer),
                hint=hint,
                suggestions=[f"{name}.{child}" for child in last],
            )


def is_container(survey: Survey, spots: Sequence[Spot]) -> bool:
    return any(survey.kind(spot.layer["class_key"]) != "module" for spot in spots)
