"""Calls of a layer that stand in the source and that no run has made: they get the block as well.

What uses a layer in a way that the block would not see is refused.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace

from stitchgen.analysis.element_uses import element_uses
from stitchgen.analysis.steps import Site, Step, inside_of_slice
from stitchgen.analysis.uses import Use, layer_uses
from stitchgen.errors import StitchError
from stitchgen.planning.definitions import class_around
from stitchgen.planning.point import Place
from stitchgen.project.workspace import Workbench
from stitchgen.source.syntax import Function, Syntax

CONTAINERS = {"Sequential", "ModuleList", "ModuleDict"}
#: Uses of a layer that do not run it, or whose calls were seen.
HARMLESS = {"definition", "none-test", "isinstance", "init", "attribute", "child"}


def unexecuted_sites(bench: Workbench, place: Place) -> list[Site]:
    """Calls in the source of the class that no run made: they get the block as well.

    Raises where the source uses the layer in a way that the block would not see.
    """
    found: list[Site] = []
    classes = {
        name: site
        for site in place.sites
        if (name := class_around(bench, site) or site.owner_class) is not None
        if bench.syntax(site.file).class_named(name) is not None
    }
    for class_name, class_site in classes.items():
        syntax = bench.syntax(class_site.file)
        document = syntax.document
        path = ".".join(step.name for step in place.below)
        spliced = [site.span for site in place.sites if site.file == class_site.file]

        def site_of(use: Use, how: str, span: tuple[int, int]) -> Iterator[Site]:
            depth = len(use.path.split("."))
            chain = place.below[depth:]
            if how == "slice":
                call = syntax.call_at(span)
                assert call is not None and isinstance(call.func, ast.Subscript)
                if leaves_out(call.func.slice, chain[0]):
                    return
                chain = inside_of_slice(chain)
            yield replace(
                class_site,
                span=span,
                function=use.function,
                how=how,
                to_called=place.below[:depth],
                chain=chain,
                numbers=(),
            )

        for use in layer_uses(syntax.tree, document.text, class_name, path):
            if use.kind in HARMLESS or any(covers(span, use.span) for span in spliced):
                continue
            if use.kind == "passed" and runs_by_container(syntax, use, class_name, spliced):
                continue
            if use.kind == "passed" and hands_on(syntax, use, class_name, spliced):
                continue
            where = f"{document.path}:{use.line}"
            called = how_called(use)
            if called is not None and "*" not in use.path:
                found += site_of(use, *called)
            elif use.kind == "weight":
                raise StitchError(
                    "used-functionally",
                    f"{where} uses {use.path}.{use.detail} without calling the layer",
                    where=where,
                    hint="A block after the layer would not be seen there; splice elsewhere.",
                )
            elif use.kind in ("passed", "call", "forward-call"):
                raise StitchError(
                    "bypasses-call",
                    f"{where} passes {place.target} to {use.detail or 'a call'}, where a "
                    "call of it may miss the block",
                    where=where,
                    hint="Splice after a layer that is called by name there, or write the call out.",
                )
        # A loop's variable may be any element: places that ran, and not for this one, are not its.
        ran = spans_that_ran(bench, place, class_site.file)
        for use in element_uses(syntax.tree, document.text, class_name, path):
            called = how_called(use)
            if called is not None and called[1] not in ran:
                if not any(called[1] == site.span for site in found):
                    found += site_of(use, *called)
    return found


def how_called(use: Use) -> tuple[str, tuple[int, int]] | None:
    """How a use runs the layer, and by which expression; None where it does not by itself."""
    if use.kind == "passed" and use.call and "checkpoint" in (use.detail or ""):
        return "argument", use.call
    how = {"call": "call", "forward-call": "forward", "slice-call": "slice"}.get(use.kind)
    return (how, use.span) if how is not None else None


def spans_that_ran(bench: Workbench, place: Place, file: str) -> set[tuple[int, int]]:
    """The calls of the file that were made in the configurations seen, of whatever layer."""
    document = bench.syntax(file).document
    found = {site.span for site in place.sites}
    for configuration in {
        id(spot.configuration): spot.configuration for spot in place.spots
    }.values():
        for layer in configuration.layers.values():
            for site in layer.get("sites", ()):
                if site.get("file") == file and site.get("span"):
                    line, column, end_line, end_column = site["span"]
                    found.add(
                        (document.offset(line, column), document.offset(end_line, end_column))
                    )
    return found


def runs_by_container(
    syntax: Syntax, use: Use, class_name: str, spliced: Sequence[tuple[int, int]]
) -> bool:
    """Whether the layer is put into a container that is an attribute of its own, as in
    `self.all = nn.Sequential(self.conv, ...)`, all of whose calls are spliced."""
    if (use.detail or "").rpartition(".")[2] not in CONTAINERS:
        return False
    document = syntax.document
    for node in ast.walk(syntax.tree):
        if isinstance(node, ast.Assign) and covers(document.span_of(node), use.span):
            for target in node.targets:
                if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
                    uses = layer_uses(syntax.tree, document.text, class_name, target.attr)
                    return all(
                        other.kind in HARMLESS or any(covers(span, other.span) for span in spliced)
                        for other in uses
                    )
    return False


def hands_on(syntax: Syntax, use: Use, class_name: str, spliced: Sequence[tuple[int, int]]) -> bool:
    """Whether the layer is handed to a function of the file, `self._run(self.conv, x)`, that does
    nothing with it but calls, all of which are spliced, and tests."""
    call = syntax.call_at(use.call) if use.call is not None else None
    function: Function | None = None
    match call:
        case ast.Call(func=ast.Name(id=name)):
            function = syntax.function(name)
        case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=name)):
            function = syntax.method(class_name, name)
    if call is None or function is None:
        return False
    span_of = syntax.document.span_of
    names = [parameter.arg for parameter in (*function.args.posonlyargs, *function.args.args)]
    if isinstance(call.func, ast.Attribute) and not function.decorator_list:
        names = names[1:]
    bound = {**dict(zip(names, call.args)), **{k.arg: k.value for k in call.keywords if k.arg}}
    taken = [name for name, value in bound.items() if span_of(value) == use.span]
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id in taken:
            match syntax.parents[node]:
                case ast.Call(func=called) as parent if called is node:
                    if span_of(parent) not in spliced and not is_otherwise(syntax, parent, spliced):
                        return False
                case ast.Compare(ops=[ast.Is() | ast.IsNot()]):
                    pass
                case ast.Call(func=ast.Name(id="hasattr" | "isinstance")):
                    pass
                case ast.Attribute(attr=attribute) as parent if attribute != "forward":
                    around = syntax.parents[parent]
                    if not (isinstance(around, ast.Call) and around.func is parent):
                        return False  # its weight, perhaps
                case _:
                    return False
    return bool(taken)


def is_otherwise(syntax: Syntax, call: ast.Call, spliced: Sequence[tuple[int, int]]) -> bool:
    """Whether the call is what a conditional has for the other layers: its first branch is spliced."""
    match syntax.parents[call]:
        case ast.IfExp(body=body, orelse=other) if other is call:
            return any(covers(syntax.document.span_of(body), span) for span in spliced)
    return False


def covers(outer: tuple[int, int], inner: tuple[int, int]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def leaves_out(node: ast.expr, step: Step) -> bool:
    """Whether the bounds of a slice, as far as they are written out, leave out the child."""
    bounds = {"lower": 0, "upper": step.index + 1}
    for side in bounds:
        match getattr(node, side, None):
            case ast.Constant(value=int(number)):
                bounds[side] = number
    return step.numbered and not bounds["lower"] <= step.index < bounds["upper"]
