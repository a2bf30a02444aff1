"""The outputs of other layers that a splice reads: whether they are at hand, and under which name.

A feature is at hand where the same run of the same function has it: then its variable is read, or,
where that is bound anew before it is needed, the feature gets a variable of its own.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from stitchgen.analysis.steps import Site, attribute_name, free_name
from stitchgen.analysis.survey import LayerInstance
from stitchgen.errors import StitchError, unsupported
from stitchgen.planning.joins import Source
from stitchgen.planning.plan import Planning
from stitchgen.planning.point import InsertionPoint, OtherLayer, Reader
from stitchgen.planning.points import find_points
from stitchgen.project.workspace import Workspace
from stitchgen.rewrite.constructor import DefinitionPoint
from stitchgen.source.syntax import CallContext, Function, Syntax, suites
from stitchgen.source.tree import nodes_in
from stitchgen.targets.placement import AFTER
from stitchgen.targets.resolve import Resolved


def reading(
    planning: Planning, point: InsertionPoint, resolved: Resolved, taken: set[str]
) -> InsertionPoint:
    """The point with the output of another layer, which it reads; refused where that is not at hand.

    `taken` are the names of variables that others have.
    """
    other = find_other(planning, point, resolved, taken)
    taken.add(other.source.name)
    return with_other(point, other)


def with_other(point: InsertionPoint, other: OtherLayer) -> InsertionPoint:
    point = point.with_join(others=(*point.join.others, other))
    return point.with_definition(point=later(point.definition.point, other.point))


def find_other(
    planning: Planning, point: InsertionPoint, resolved: Resolved, taken: set[str]
) -> OtherLayer:
    """The output of another layer, for what is computed at the point; refuses where it has none."""
    workspace = planning.workspace
    other = located(planning, point, resolved)
    require_same_function(workspace, point, other)
    require_before(point, other)
    site = other.calls.sites[0]
    syntax = workspace.syntax(site.file)
    overwritten = any(one.facts.overwritten for one in other.calls.instances)
    name = None if overwritten else at_hand(workspace, point, other)
    keeps: tuple[Site, ...] = ()
    if name is None:
        function = function_of(syntax, site)
        keeps = other.calls.sites
        bound = syntax.names_bound_in(function or syntax.tree)
        name = free_name(attribute_name(other.calls.below, "out"), bound | taken)
    return OtherLayer(
        target=other.target,
        source=Source(name, resolved.path),
        instances=other.calls.instances,
        creating=other.definition.creating,
        point=other.definition.point,
        number=other.calls.number,
        sites=keeps,
        overwritten=overwritten,
        by_number=other.definition.may_lack,
    )


def for_reader(planning: Planning, point: InsertionPoint, resolved: Resolved) -> InsertionPoint:
    """The point limited to the call of one reader: the block stands in its argument."""
    other = located(planning, point, resolved)
    require_same_function(planning.workspace, point, other)
    arguments = set()
    for one, own in zip(other.calls.instances, point.calls.instances):
        fed = [(fed.argument, fed.element) for fed in one.facts.fed if own.path in fed.producers]
        if not fed:
            raise does_not_read(planning, point, other, one, own)
        arguments.add(fed[0])
    if len(arguments) > 1:
        raise StitchError(
            "configuration-dependent",
            f"{other.target} reads {point.target} as different arguments",
            where=other.calls.where,
            hint="Name the configuration that you use: --build EXPR",
        )
    reader = Reader(resolved.path, other.calls.instances, arguments.pop())
    point = replace(point, calls=replace(point.calls, sites=other.calls.sites))
    point = point.with_join(reader=reader)
    return point.with_definition(point=later(point.definition.point, other.definition.point))


def does_not_read(
    planning: Planning,
    point: InsertionPoint,
    other: InsertionPoint,
    instance: LayerInstance,
    own: LayerInstance,
) -> StitchError:
    resolved = other.calls.resolved
    readers = sorted(own.facts.readers)
    return StitchError(
        "bad-argument",
        f"{other.target} is not fed what {point.target} gives as it is",
        where=instance.facts.where,
        hint=(
            f"Fed it as it is: {', '.join(readers)}. Between it and others an operation comes, as torch.cat, "
            "which --into does not go through."
            if readers
            else "No layer is fed it as it is: an operation comes between, as torch.cat."
        ),
        suggestions=[
            f"--into {planning.workspace.relative(resolved.file)}::{resolved.class_name}.{name}"
            for name in readers
        ],
    )


def later(one: DefinitionPoint, other: DefinitionPoint) -> DefinitionPoint:
    """The point below which both layers are there, where one constructor creates both."""
    if (one.file, one.function) != (other.file, other.function) or one.new:
        return one
    return max(one, other, key=lambda point: point.line)


def beside(point: InsertionPoint, other: InsertionPoint) -> tuple[LayerInstance, ...]:
    """The other layer's instances below the roots that the point's have, in their order."""
    found = {(id(one.configuration), one.root): one for one in other.calls.instances}
    keys = [(id(one.configuration), one.root) for one in point.calls.instances]
    missing = [one for one, key in zip(point.calls.instances, keys) if key not in found]
    if missing:
        builds = sorted({one.configuration.expression for one in missing})
        raise StitchError(
            "configuration-dependent",
            f"{other.target} is not there in {', '.join(builds[:4])}, where {point.target} is",
            where=point.calls.where,
            hint="Name the configuration that you use: --build EXPR",
        )
    return tuple(found[key] for key in keys)


def located(planning: Planning, point: InsertionPoint, resolved: Resolved) -> InsertionPoint:
    """The other layer, found as a target is found, in the same class."""
    own = point.calls.resolved
    name = resolved.named(planning.workspace)
    if (resolved.file, resolved.class_name) != (own.file, own.class_name):
        raise unsupported(
            f"{name} and {point.target} are layers of two classes, whose instances do not know of "
            "each other",
            planning.workspace.relative(resolved.file),
            f"Name both from one class that holds them: {own.class_name}.PATH",
        )
    plain = replace(
        planning.request, placement=AFTER, fuse=None, reduce=None, gate=False, name=None
    )
    found = find_points(
        replace(planning, task=replace(planning.task, request=plain)), "out", resolved
    )
    if len(found) != 1 or found[0].calls.hooked:
        raise unsupported(f"{name} has no single call whose output could be read", None)
    [other] = found
    return replace(other, calls=replace(other.calls, instances=beside(point, other)))


def require_same_function(
    workspace: Workspace, point: InsertionPoint, other: InsertionPoint
) -> None:
    """Both have to be called in one run of one function, where a variable can hold the feature."""
    mine, theirs = point.calls, other.calls
    here = {(site.file, site.function) for site in mine.sites}
    there = {(site.file, site.function) for site in theirs.sites}
    if mine.owner == theirs.owner and here == there and len(here) == 1:
        return
    raise unsupported(
        f"the output of {other.target} is not at hand where {point.target} is called: one is called "
        f"in {functions_of(theirs.sites)}, the other in {functions_of(mine.sites)}",
        call_at(workspace, theirs.sites[0]),
        f"Name layers that one function calls; {call_at(workspace, mine.sites[0])} calls "
        f"{point.target}.",
    )


def functions_of(sites: Sequence[Site]) -> str:
    names = {f"{site.owner_class}.{site.function.rpartition('.')[2]}" for site in sites}
    return " and ".join(sorted(names))


def call_at(workspace: Workspace, site: Site) -> str:
    document = workspace.syntax(site.file).document
    return f"{document.path}:{document.line_of(site.span[0])}"


def require_before(point: InsertionPoint, other: InsertionPoint) -> None:
    """The feature has to be there when it is read: its layer runs first."""
    reader = point.join.reader
    readers = reader.instances if reader is not None else point.calls.instances
    for one, own in zip(other.calls.instances, readers):
        mine, theirs = own.facts.order, one.facts.order
        if mine is not None and theirs is not None and theirs >= mine:
            raise StitchError(
                "bad-argument",
                f"{other.target} does not run before {reader.path if reader else point.target}, so "
                "its output is not there yet",
                where=one.facts.where,
                hint=order_that_works(point, other),
            )


def order_that_works(point: InsertionPoint, other: InsertionPoint) -> str:
    reader = point.join.reader
    if reader is not None:
        return f"Name a layer that runs before {reader.path} for --with, or a later reader."
    if other.target == point.target:
        return "Name two layers."
    return f"The order that works: what {point.target} gives is read, and {other.target} is the target."


def function_of(syntax: Syntax, site: Site) -> Function | None:
    context = syntax.context(site.span)
    return None if context is None else context.function


def at_hand(workspace: Workspace, point: InsertionPoint, other: InsertionPoint) -> str | None:
    """The variable that still has the feature where it is read; None where none has."""
    if len(other.calls.sites) != 1 or len(point.calls.sites) != 1:
        return None
    site, own = other.calls.sites[0], point.calls.sites[0]
    syntax = workspace.syntax(site.file)
    context, here = syntax.context(site.span), syntax.context(own.span)
    if context is None or here is None or not is_whole_output(syntax, context, site):
        return None
    loops = (ast.For, ast.While, ast.ListComp, ast.GeneratorExp, ast.Lambda)
    if any(
        isinstance(parent, loops)
        for parent in (*syntax.above(context.call), *syntax.above(here.call))
    ):
        return None
    in_expression = point.join.reader is not None or here.form != "assign"
    for name in (str(context.name), *aliases(syntax, context)):
        if not rebound(context, here, name, in_expression=in_expression):
            return name
    return None


def is_whole_output(syntax: Syntax, context: CallContext, site: Site) -> bool:
    """Whether the statement `x = self.layer(x)` gives the variable just the layer's output."""
    if context.form != "assign" or any(not step.last for step in site.chain):
        return False
    called = syntax.document.code(syntax.document.span_of(context.call.func))
    return site.how == "call" and called.startswith(f"{context.receiver}.")


def aliases(syntax: Syntax, context: CallContext) -> list[str]:
    """`layer1_out` of a `layer1_out = x` right behind the statement."""
    found = []
    for suite in suites(syntax.parents[context.statement]):
        if context.statement not in suite:
            continue
        for statement in suite[suite.index(context.statement) + 1 :]:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Name(id=value)) if (
                    value == context.name
                ):
                    found.append(name)
                case _:
                    break
    return found


def statement_binds(statement: ast.stmt, node: ast.Name) -> bool:
    """Whether a name is what the statement assigns to, when its expression has its value."""
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return any(node in nodes_in(target) for target in targets)


def rebound(context: CallContext, here: CallContext, name: str, *, in_expression: bool) -> bool:
    """Whether a variable gets another value between two calls of one function.

    With `in_expression` it is read as the second call's own expression is evaluated.
    """
    assert context.function is not None
    start, end = context.statement, here.statement
    for node in nodes_in(context.function):
        if not (isinstance(node, ast.Name) and node.id == name):
            continue
        if isinstance(node.ctx, ast.Load):
            continue
        after = (node.lineno, node.col_offset) > (start.end_lineno or 0, start.end_col_offset or 0)
        before = (node.lineno, node.col_offset) <= (end.end_lineno or 0, end.end_col_offset or 0)
        if after and before and not (in_expression and statement_binds(end, node)):
            return True
    return False
