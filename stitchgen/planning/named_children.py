"""Blocks behind a child of the project's own Sequential, which runs them as it runs its other children.

    self.add_module("layer5", ResLayer(...))
    self.layer5_se = SE(channels=ch[5])

A class that inherits from Sequential and leaves its forward alone runs its children in the order in which they are
registered, and children with names keep these when one comes between them.
"""

from __future__ import annotations

import ast

from stitchgen.analysis.steps import attribute_name
from stitchgen.analysis.survey import LayerInstance, join
from stitchgen.planning.channel_expressions import statement_at
from stitchgen.planning.definitions import constructor_of, define, free_attribute
from stitchgen.planning.hooks import Asked, is_sequential
from stitchgen.planning.point import Calls, InsertionPoint, Naming, steps_of
from stitchgen.project.python_files import in_project
from stitchgen.source.tree import nodes_in


def child_point(asked: Asked) -> InsertionPoint | None:
    """The point behind a named child of a Sequential of the project's; None for any other layer, and where more is
    wanted than that the block takes what the layer gives."""
    planning, request = asked.planning, asked.planning.request
    name = asked.resolved.path
    if planning.survey.read or asked.call is not None or asked.resolved.variable is not None:
        return None  # what was only read does not tell the order
    simple = str(request.placement) == "after" and request.fuse is None and not request.gate
    if not simple or request.inside or request.into or request.attach or asked.element is not None:
        return None
    if not name.isidentifier() or not all(is_child(asked, one) for one in asked.instances):
        return None
    calls = Calls(
        target=asked.name,
        resolved=asked.resolved,
        instances=asked.instances,
        below=steps_of(asked.survey, asked.instances, asked.name, "", name),
    )
    definition = define(planning, calls)
    function = constructor_of(planning.workspace, definition.point)
    syntax = planning.workspace.syntax(definition.point.file)
    statement = statement_at(syntax, definition.creating)
    alone = definition.guard is None and definition.loop is None and not definition.may_lack
    if not alone or function is None or statement not in function.body or definition.point.new:
        return None
    if counts_children(syntax.parents[function]):
        return None
    if definition.point.span != definition.creating or not registers(statement, name):
        return None
    preferred = request.name or attribute_name(calls.below, asked.block)
    attribute = free_attribute(planning, asked.instances, "", (), preferred)
    return InsertionPoint(calls, definition, Naming(attribute, preferred, strategy="child"))


def is_child(asked: Asked, instance: LayerInstance) -> bool:
    """Whether a layer is a direct child of a Sequential of the project's own class, called by that alone and once."""
    survey = asked.survey
    key = instance.configuration.class_at(instance.root)
    about = survey.classes[key]
    if not in_project(about.file, asked.planning.workspace.root) or instance.facts.times != 1:
        return False
    return is_sequential(survey, key) and all(
        join(site.owner or "", site.called) != instance.path and not site.part
        for site in instance.facts.sites
    )


def counts_children(owner: ast.AST) -> bool:
    """Whether a class takes its children by their numbers, `self[2]`, which one more would move."""
    return any(
        isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
        for node in nodes_in(owner)
    )


def registers(statement: ast.stmt | None, name: str) -> bool:
    """Whether a statement is `self.name = ...` or `self.add_module("name", ...)`."""
    match statement:
        case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=attribute)]):
            return attribute == name
        case ast.Expr(
            value=ast.Call(
                func=ast.Attribute(
                    value=ast.Name(id="self"), attr="add_module" | "register_module"
                ),
                args=[ast.Constant(value=given), _],
            )
        ):
            return bool(given == name)
    return False
