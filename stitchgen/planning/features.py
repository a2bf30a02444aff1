"""The outputs of other layers that a splice reads: whether they are at hand, and under which name.

A feature is at hand where the same run of the same function has it: then its variable is read, or,
where that is bound anew before it is needed, the feature gets a variable of its own.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from stitchgen.analysis.steps import Site, attribute_name, free_name
from stitchgen.analysis.survey import Spot, Survey, first_place
from stitchgen.errors import StitchError, unsupported
from stitchgen.planning.joins import Source
from stitchgen.planning.point import Feature, Place
from stitchgen.planning.points import find_places
from stitchgen.project.workspace import Workbench
from stitchgen.rewrite.constructor import Anchor
from stitchgen.source.syntax import CallContext, Function, Syntax, suites
from stitchgen.targets.request import AddRequest
from stitchgen.targets.resolve import Resolved


def find_feature(
    bench: Workbench,
    request: AddRequest,
    survey: Survey,
    place: Place,
    resolved: Resolved,
    taken: set[str],
) -> Feature:
    """The output of another layer, for what is computed at the place; refuses where it has none."""
    other = located(bench, request, survey, place, resolved)
    require_same_function(bench, place, other)
    require_before(place, other)
    site = other.sites[0]
    syntax = bench.syntax(site.file)
    overwritten = any(spot.layer.get("overwritten") for spot in other.spots)
    name = None if overwritten else at_hand(bench, place, other)
    keeps: Sequence[Site] = ()
    if name is None:
        function = function_of(syntax, site)
        keeps = other.sites
        bound = syntax.names_bound_in(function or syntax.tree)
        name = free_name(attribute_name(other.below, "out"), bound | taken)
    return Feature(
        target=other.target,
        source=Source(name, resolved.path),
        spots=other.spots,
        creating=other.creating,
        anchor=other.anchor,
        call=other.call,
        sites=keeps,
        overwritten=overwritten,
        by_number=bool(other.lacking),
    )


def find_reader(
    bench: Workbench, request: AddRequest, survey: Survey, place: Place, resolved: Resolved
) -> None:
    """Limit the splice to the call of one reader: the block stands in its argument."""
    other = located(bench, request, survey, place, resolved)
    require_same_function(bench, place, other)
    arguments = set()
    for spot, own in zip(other.spots, place.spots):
        fed = [
            (key, element)
            for key, element, producers in spot.layer.get("arguments", ())
            if own.path in producers
        ]
        if not fed:
            readers = sorted(own.layer["readers"])
            raise StitchError(
                "bad-argument",
                f"{other.target} does not read what {place.target} gives",
                where=first_place(spot.layer),
                hint=(
                    f"Its readers are {', '.join(readers)}."
                    if readers
                    else "No layer reads it " "as it is: an operation comes between."
                ),
                suggestions=[
                    f"--into {bench.relative(resolved.file)}::{resolved.class_name}.{name}"
                    for name in readers
                ],
            )
        arguments.add(fed[0])
    if len(arguments) > 1:
        raise StitchError(
            "configuration-dependent",
            f"{other.target} reads {place.target} as different arguments",
            where=first_place(other.spots[0].layer),
            hint="Name the configuration that you use: --build EXPR",
        )
    place.argument = arguments.pop()
    place.reader, place.read_at = resolved.path, other.spots
    place.sites = other.sites
    place.anchor = later(place.anchor, other.anchor)


def later(one: Anchor, other: Anchor) -> Anchor:
    """The anchor below which both layers are there, where one constructor creates both."""
    if (one.file, one.function) != (other.file, other.function) or one.new:
        return one
    return max(one, other, key=lambda anchor: anchor.line)


def beside(place: Place, other: Place) -> list[Spot]:
    """The other layer's spots in the instances that the place's have, in their order."""
    found = {(id(spot.configuration), spot.root): spot for spot in other.spots}
    keys = [(id(spot.configuration), spot.root) for spot in place.spots]
    missing = [spot for spot, key in zip(place.spots, keys) if key not in found]
    if missing:
        builds = sorted({spot.configuration.expression for spot in missing})
        raise StitchError(
            "configuration-dependent",
            f"{other.target} is not there in {', '.join(builds[:4])}, where {place.target} is",
            where=first_place(place.spots[0].layer),
            hint="Name the configuration that you use: --build EXPR",
        )
    return [found[key] for key in keys]


def located(
    bench: Workbench, request: AddRequest, survey: Survey, place: Place, resolved: Resolved
) -> Place:
    """The other layer, found as a target is found, in the same class."""
    name = resolved.named(bench)
    if (resolved.file, resolved.class_name) != (place.resolved.file, place.resolved.class_name):
        raise unsupported(
            f"{name} and {place.target} are layers of two classes, whose instances do not know of "
            "each other",
            bench.relative(resolved.file),
            f"Name both from one class that holds them: {place.resolved.class_name}.PATH",
        )
    plain = replace(request, placement="after", fuse=None, reduce=None, gate=False, name=None)
    found = find_places(bench, plain, "out", survey, resolved)
    if len(found) != 1 or found[0].hooked:
        raise unsupported(f"{name} has no single call whose output could be read", None)
    found[0].spots = beside(place, found[0])
    return found[0]


def require_same_function(bench: Workbench, place: Place, other: Place) -> None:
    """Both have to be called in one run of one function, where a variable can hold the feature."""
    here = {(site.file, site.function) for site in place.sites}
    there = {(site.file, site.function) for site in other.sites}
    if place.owner == other.owner and here == there and len(here) == 1:
        return
    where = call_at(bench, other.sites[0])
    functions = {f"{site.owner_class}.{site.function.rpartition('.')[2]}" for site in other.sites}
    own = {f"{site.owner_class}.{site.function.rpartition('.')[2]}" for site in place.sites}
    raise unsupported(
        f"the output of {other.target} is not at hand where {place.target} is called: one is called "
        f"in {' and '.join(sorted(functions))}, the other in {' and '.join(sorted(own))}",
        where,
        f"Name layers that one function calls; {call_at(bench, place.sites[0])} calls "
        f"{place.target}.",
    )


def call_at(bench: Workbench, site: Site) -> str:
    document = bench.syntax(site.file).document
    return f"{document.path}:{document.line_of(site.span[0])}"


def require_before(place: Place, other: Place) -> None:
    """The feature has to be there when it is read: its layer runs first."""
    for spot, own in zip(other.spots, place.read_at or place.spots):
        mine, theirs = own.layer.get("order"), spot.layer.get("order")
        if mine is not None and theirs is not None and theirs >= mine:
            raise StitchError(
                "bad-argument",
                f"{other.target} does not run before {place.reader or place.target}, so its output "
                "is not there yet",
                where=first_place(spot.layer),
                hint=order_that_works(place, other),
            )


def order_that_works(place: Place, other: Place) -> str:
    if place.reader is not None:
        return f"Name a layer that runs before {place.reader} for --with, or a later reader."
    if other.target == place.target:
        return "Name two layers."
    return f"The order that works: what {place.target} gives is read, and {other.target} is the target."


def function_of(syntax: Syntax, site: Site) -> Function | None:
    context = syntax.context(site.span)
    return None if context is None else context.function


def at_hand(bench: Workbench, place: Place, other: Place) -> str | None:
    """The variable that still has the feature where it is read; None where none has."""
    if len(other.sites) != 1 or len(place.sites) != 1:
        return None
    site, own = other.sites[0], place.sites[0]
    syntax = bench.syntax(site.file)
    context, here = syntax.context(site.span), syntax.context(own.span)
    if context is None or here is None or not is_whole_output(syntax, context, site, other):
        return None
    loops = (ast.For, ast.While, ast.ListComp, ast.GeneratorExp, ast.Lambda)
    if any(
        isinstance(parent, loops)
        for parent in (*syntax.above(context.call), *syntax.above(here.call))
    ):
        return None
    in_expression = place.reader is not None or here.form != "assign"
    for name in (str(context.name), *aliases(syntax, context)):
        if not rebound(context, here, name, in_expression):
            return name
    return None


def is_whole_output(syntax: Syntax, context: CallContext, site: Site, other: Place) -> bool:
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
    return any(node in ast.walk(target) for target in targets)


def rebound(context: CallContext, here: CallContext, name: str, in_expression: bool) -> bool:
    """Whether a variable gets another value between two calls of one function.

    With `in_expression` it is read as the second call's own expression is evaluated.
    """
    assert context.function is not None
    start, end = context.statement, here.statement
    for node in ast.walk(context.function):
        if not (isinstance(node, ast.Name) and node.id == name):
            continue
        if isinstance(node.ctx, ast.Load):
            continue
        after = (node.lineno, node.col_offset) > (start.end_lineno or 0, start.end_col_offset or 0)
        before = (node.lineno, node.col_offset) <= (end.end_lineno or 0, end.end_col_offset or 0)
        if after and before and not (in_expression and statement_binds(end, node)):
            return True
    return False
