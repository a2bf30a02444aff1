"""A project that trains one class and evaluates another with its weights: both get the block, or neither."""

from __future__ import annotations

import ast

from stitchgen.errors import StitchError
from stitchgen.planning.plan import Plan
from stitchgen.project.passed_weights import weights_passed


def check_passed_weights(plan: Plan) -> None:
    """Refuse where the project loads the state of one class into another, and one alone would have the block."""
    for file in dict.fromkeys(point.file for point in plan.fresh):
        point = next(one for one in plan.fresh if one.file == file)
        syntax = plan.workspace.syntax(point.file)
        lineages = {
            node.name: set(syntax.lineage(node.name))
            for node in syntax.tree.body
            if isinstance(node, ast.ClassDef)
        }
        edited = {one.definition.point.class_name for one in plan.points if one.file == point.file}
        edited |= {one.class_name for one in plan.points if one.file == point.file}
        having = {name for name, lineage in lineages.items() if lineage & edited}
        for passed in weights_passed(plan.workspace.files, set(lineages)):
            one, other = passed.receivers, passed.givers
            if not ((one & having and other - having) or (other & having and one - having)):
                continue
            without = min((one | other) - having)
            path = plan.workspace.relative(point.file)
            layer = f"{path}::{without}.{point.calls.resolved.path}"
            raise StitchError(
                "configuration-dependent",
                f"{passed.receiver} is loaded with the state of {passed.giver}, and of their classes "
                f"{without} would have no block",
                where=passed.where,
                hint=f"Name the layer of both classes: --after {point.target} {layer}",
            )
