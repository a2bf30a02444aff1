"""Blocks under a layer, run by a forward hook: where the call stands in an installed package."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace

from stitchgen.analysis.steps import Element, attribute_name
from stitchgen.analysis.survey import SEQUENTIAL, LayerInstance, Survey, join
from stitchgen.errors import StitchError
from stitchgen.planning.definitions import define, free_attribute
from stitchgen.planning.plan import Planning
from stitchgen.planning.point import Calls, Definition, Holder, InsertionPoint, Naming, steps_of
from stitchgen.rewrite.constructor import DefinitionPoint
from stitchgen.source.tree import nodes_in
from stitchgen.targets.adoption import OFFER, adoption
from stitchgen.targets.placement import Placement
from stitchgen.targets.resolve import Resolved


@dataclass(frozen=True)
class Asked:
    """One target of a request, and the layers that it means in all configurations."""

    planning: Planning
    block: str  # its name
    resolved: Resolved
    instances: tuple[LayerInstance, ...]
    name: str  # as the report names the target
    element: Element | None

    @property
    def survey(self) -> Survey:
        return self.planning.survey

    @property
    def call(self) -> int | str | None:
        return self.resolved.located.target.call

    @property
    def preferred_name(self) -> str:
        """The attribute of a block under the layer."""
        return self.planning.request.name or attribute_name((), self.block, self.element)


def attached_point(asked: Asked) -> InsertionPoint:
    """A layer that an installed package calls: the block goes under it, run by a forward hook."""
    planning, path = asked.planning, asked.resolved.path
    asked = at_its_end(asked, planning.request.placement)
    check_not_container(asked)
    calls = by_end(hooked_calls(asked), path, planning.request.placement)
    return InsertionPoint(calls, define(planning, calls), naming_under(asked))


def hooked_calls(asked: Asked, variable: str | None = None, moved: str = "") -> Calls:
    path = asked.resolved.path
    return Calls(
        target=asked.name,
        resolved=asked.resolved,
        instances=asked.instances,
        below=steps_of(asked.survey, asked.instances, asked.name, "", path),
        element=asked.element,
        holder=Holder.HOOK,
        variable=variable,
        moved=moved,
    )


def by_end(calls: Calls, path: str, placement: Placement) -> Calls:
    """The layer at the end of the Sequential at a path by its place there, `self.layer4[-1]`: of how many layers a
    Sequential is made may depend on arguments."""
    more = calls.resolved.path[len(path) :].count(".")
    known = len(calls.below) - more
    end = placement.end or 0
    steps = [replace(one, name=str(end), index=end) for one in calls.below[known:]]
    return replace(calls, below=(*calls.below[:known], *steps))


def naming_under(asked: Asked) -> Naming:
    preferred = asked.preferred_name
    attribute = free_attribute(asked.planning, asked.instances, asked.resolved.path, (), preferred)
    return Naming(attribute, preferred, strategy="attach")


def at_its_end(asked: Asked, placement: Placement) -> Asked:
    """Of a Sequential the layer at its end, which gives what the Sequential gives, or before it
    the one at its start, which is fed what it is fed; else itself."""
    index = placement.end
    if index is None:  # beside it: no layer is fed the one and gives the other
        return asked
    survey = asked.survey
    while all(runs_in_order(survey, one) for one in asked.instances):
        children = [one.configuration.children(one.path) for one in asked.instances]
        ends = [
            replace(one, path=join(one.path, names[index]))
            for one, names in zip(asked.instances, children)
        ]
        if any(one.facts.times != 1 for one in ends):
            break
        # A longer Sequential has its end elsewhere; the path that it is known by is one that all have.
        shared = min(children, key=len)[index]
        inner = replace(asked.resolved, path=join(asked.resolved.path, shared))
        asked = replace(asked, resolved=inner, instances=tuple(ends))
    return asked


def runs_in_order(survey: Survey, instance: LayerInstance) -> bool:
    """Whether a layer is a Sequential, or of a class that leaves its forward alone, with children."""
    key = instance.facts.class_key
    return is_sequential(survey, key) and bool(instance.configuration.children(instance.path))


def is_sequential(survey: Survey, key: str) -> bool:
    """Whether a class is Sequential, or inherits from it and leaves its forward alone."""
    plain = survey.classes.get(SEQUENTIAL)
    forward_file = plain.forward_file if plain is not None else None
    return survey.kind(key) == "sequential" and survey.classes[key].forward_file == forward_file


def script_point(asked: Asked) -> InsertionPoint:
    """A layer of a model that a script makes of an installed class: attached below the assignment."""
    planning, resolved = asked.planning, asked.resolved
    placement = planning.request.placement
    syntax, made = planning.workspace.syntax(resolved.file), resolved.assignment
    assert made is not None
    where = f"{syntax.document.path}:{made.line}"
    statement = next(
        node
        for node in nodes_in(syntax.tree)
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.lineno == made.line
    )
    if placement.replaces:
        raise StitchError(
            "installed-package",
            f"{asked.name} is a layer of an installed class, in whose source it is created",
            where=where,
            hint=f"Assign to it in the script, below {where}. {OFFER}",
            suggestions=adoption(asked.instances[0].configuration.class_key, syntax.document.path),
        )
    if made.wrapped:
        raise StitchError(
            "unsupported",
            f"{where} wraps the model in the statement that builds it, so the block has no place",
            where=where,
            hint="Build the model in a statement of its own, and wrap it in the next.",
        )
    path = resolved.path
    if placement.end == -1:
        asked = at_its_end(asked, placement)
    check_not_container(asked)
    point = DefinitionPoint(
        file=str(resolved.file),
        span=syntax.document.span_of(statement),
        function="",
        line=statement.end_lineno or statement.lineno,
    )
    calls = hooked_calls(asked, variable=resolved.variable, moved=moved_as(statement.value))
    calls = by_end(calls, path, placement)
    return InsertionPoint(calls, Definition(point, point.span), naming_under(asked))


def moved_as(value: ast.expr | None) -> str:
    """`.to(device)` of `Net().to(device)`: what moves a model has to move its block."""
    text = ""
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        if value.func.attr in ("to", "cuda", "half", "double", "bfloat16"):
            arguments = ast.unparse(value)[len(ast.unparse(value.func)) :]
            text = f".{value.func.attr}{arguments}{text}"
        value = value.func.value
    return text


def check_not_container(asked: Asked) -> None:
    """Refuse a block under a container, which would run it as one of its layers."""
    for one in asked.instances:
        if asked.survey.kind(one.facts.class_key) != "module":
            last = one.configuration.children(one.path)[-1:]
            hint = "Splice in the class that runs it, or after the last layer that it runs."
            if runs_in_order(asked.survey, one):
                hint = "Pass --attach to run the block from a forward hook of its last layer."
            raise StitchError(
                "unsupported",
                f"a block under {asked.name} would become one of the layers that it runs",
                where=one.facts.where,
                hint=hint,
                suggestions=[f"{asked.name}.{child}" for child in last],
            )


def is_container(survey: Survey, instances: Sequence[LayerInstance]) -> bool:
    return any(survey.kind(one.facts.class_key) != "module" for one in instances)
