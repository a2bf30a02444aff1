"""Calls of a layer that stand in the source and that no run has made: they get the block as well.

What uses a layer in a way that the block would not see is refused.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace

from stitchgen.analysis.element_uses import element_uses
from stitchgen.analysis.steps import Site, Step, inside_of_slice
from stitchgen.analysis.uses import RUNS, Use, layer_uses
from stitchgen.errors import StitchError
from stitchgen.planning.definitions import class_around
from stitchgen.planning.plan import Planning
from stitchgen.planning.point import Calls
from stitchgen.project.workspace import Workspace
from stitchgen.rewrite.forms.registry import form_of
from stitchgen.rewrite.insertion import CallForm
from stitchgen.source.document import Span
from stitchgen.source.syntax import Function, Syntax
from stitchgen.source.tree import nodes_in

CONTAINERS = {"Sequential", "ModuleList", "ModuleDict"}
#: Uses of a layer that do not run it, or whose calls were seen.
HARMLESS = {"definition", "none-test", "isinstance", "init", "attribute", "child"}


def unexecuted_sites(planning: Planning, calls: Calls) -> list[Site]:
    """Calls in the source of the class that no run made: they get the block as well.

    Raises where the source uses the layer in a way that the block would not see.
    """
    every = uses_of_classes(planning.workspace, calls)
    return [site for uses in every for site in uses.unexecuted()]


def switched_calls(workspace: Workspace, calls: Calls) -> list[Use]:
    """The calls that no run made and that get no block, since they may ask the layer for something else."""
    every = uses_of_classes(workspace, calls)
    return [use for uses in every for use in uses.switched()]


def calls_of_other_methods(workspace: Workspace, calls: Calls) -> list[Use]:
    """The calls in methods that have no call with the block, where one call alone was asked for."""
    every = uses_of_classes(workspace, calls)
    return [use for uses in every for use in uses.of_other_methods()]


def uses_of_classes(workspace: Workspace, calls: Calls) -> list[UsesOfClass]:
    """The uses of a layer in each class that has one of the calls."""
    classes = {
        name: site
        for site in calls.sites
        if (name := class_around(workspace, site) or site.owner_class) is not None
        if workspace.syntax(site.file).class_named(name) is not None
    }
    return [UsesOfClass(workspace, calls, name, site) for name, site in classes.items()]


def unseen_by_name(workspace: Workspace, calls: Calls) -> list[Use]:
    """Where methods that no run called may run the layer by a name that only a run tells:
    `self._modules[name](x)`. The block is not run there."""
    found: list[Use] = []
    classes = {(class_around(workspace, site), site.file): site for site in calls.sites}
    for (class_name, file), site in classes.items():
        if class_name is None:
            continue
        syntax = workspace.syntax(file)
        span_of = syntax.document.span_of
        called = [syntax.call_at(span) for span in spans_that_ran(syntax, calls, site.file)]
        ran = [span_of(call.func) for call in called if call is not None]
        path = ".".join(step.name for step in calls.below)
        for use in layer_uses(syntax.tree, syntax.document.text, class_name, path):
            by_name = use.kind == "getattr" and "*" in use.path
            bound = {
                span for name in bound_to(syntax, use) for span in calls_of_name(syntax, use, name)
            }
            if by_name and not any(covers(span, use.span) for span in ran) and not bound & set(ran):
                found.append(use)
    return found


def bound_to(syntax: Syntax, use: Use) -> list[str]:
    """The variables to which a layer is bound where it is taken by a name: `layer = getattr(self, name)`."""
    span_of = syntax.document.span_of
    return [
        target.id
        for node in nodes_in(syntax.tree)
        if isinstance(node, ast.Assign) and covers(span_of(node.value), use.span)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]


def calls_of_name(syntax: Syntax, use: Use, name: str) -> Iterator[Span]:
    """Where a variable is called in the function of a use."""
    for function in nodes_in(syntax.tree):
        if isinstance(function, Function) and covers(syntax.document.span_of(function), use.span):
            for node in nodes_in(function):
                match node:
                    case ast.Call(func=ast.Name(id=called)) if called == name:
                        yield syntax.document.span_of(node.func)


class UsesOfClass:
    """The uses of a layer in the source of one class that calls it; `site` is one of its calls."""

    def __init__(self, workspace: Workspace, calls: Calls, class_name: str, site: Site):
        self.calls, self.class_name, self.site = calls, class_name, site
        self.syntax = workspace.syntax(site.file)
        self.path = ".".join(step.name for step in calls.below)
        self.spliced = [one.span for one in calls.sites if one.file == site.file]

    def unexecuted(self) -> list[Site]:
        """The calls that no run made, each as a site of its own."""
        found: list[Site] = []
        tree, text = self.syntax.tree, self.syntax.document.text
        for use in layer_uses(tree, text, self.class_name, self.path):
            if self.is_known(use):
                continue
            called = form_of(use)
            if called is None or "*" in use.path:
                self.refuse(use)
            elif not self.is_switched(called[1]):
                found += self.site_of(use, *called)
        # A loop's variable may be any element: places that ran, and not for this one, are not its.
        ran = spans_that_ran(self.syntax, self.calls, self.site.file)
        for use in element_uses(tree, text, self.class_name, self.path):
            called = form_of(use)
            if called is not None and called[1] not in ran and not self.is_switched(called[1]):
                if not any(called[1] == site.span for site in found):
                    found += self.site_of(use, *called)
        return found

    def switched(self) -> Iterator[Use]:
        for use in self.uses():
            called = None if self.is_known(use) or "*" in use.path else form_of(use)
            if called is not None and self.is_switched(called[1]):
                yield use

    def uses(self) -> Iterator[Use]:
        """All of the layer, those by the variable of a loop that may be any element among them."""
        tree, text = self.syntax.tree, self.syntax.document.text
        yield from layer_uses(tree, text, self.class_name, self.path)
        yield from element_uses(tree, text, self.class_name, self.path)

    def of_other_methods(self) -> Iterator[Use]:
        functions = {site.function for site in self.calls.sites}
        for use in self.uses():
            other = use.function not in functions and not use.function.endswith("__init__")
            if other and not self.is_known(use) and form_of(use) is not None:
                yield use

    def is_switched(self, span: Span) -> bool:
        """Whether a call passes a constant that no call that was made does: `self.encoder(x, predict=True)` may give
        something else."""
        usual = set[tuple[str, object]]().union(
            *(switches(self.syntax.call_at(one)) for one in self.spliced)
        )
        return not switches(self.syntax.call_at(span)) <= usual

    def is_known(self, use: Use) -> bool:
        """Whether the use does not run the layer, or its call is spliced already."""
        if use.kind in HARMLESS or any(covers(span, use.span) for span in self.spliced):
            return True
        return use.kind == "passed" and (
            runs_by_container(self.syntax, use, self.class_name, self.spliced)
            or hands_on(self.syntax, use, self.class_name, self.spliced)
        )

    def site_of(self, use: Use, form: CallForm, span: Span) -> Iterator[Site]:
        """The call of a use as a site; none where it is of a slice that leaves the layer out."""
        depth = len(use.path.split("."))
        chain = self.calls.below[depth:]
        if form.name == "slice":
            call = self.syntax.call_at(span)
            assert call is not None and isinstance(call.func, ast.Subscript)
            if leaves_out(call.func.slice, chain[0]):
                return
            chain = inside_of_slice(chain)
        yield replace(
            self.site,
            span=span,
            function=use.function,
            how=form.name,
            to_called=self.calls.below[:depth],
            chain=chain,
            numbers=(),
        )

    def refuse(self, use: Use) -> None:
        """Refuse a use that would not see the block."""
        where = f"{self.syntax.document.path}:{use.line}"
        if use.kind == "weight":
            raise StitchError(
                "used-functionally",
                f"{where} uses {use.path}.{use.detail} without calling the layer",
                where=where,
                hint="A block after the layer would not be seen there; splice elsewhere.",
            )
        if use.kind in ("passed", "call", "forward-call"):
            raise StitchError(
                "bypasses-call",
                f"{where} passes {self.calls.target} to {use.detail or 'a call'}, where a "
                "call of it may miss the block",
                where=where,
                hint="Splice after a layer that is called by name there, or write the call out.",
            )


def switches(call: ast.Call | None) -> set[tuple[str, object]]:
    """The constants that a call passes, each by its name or number."""
    if call is None:
        return set()
    given = [*enumerate(call.args), *((one.arg, one.value) for one in call.keywords)]
    return {(str(name), one.value) for name, one in given if isinstance(one, ast.Constant)}


def spans_that_ran(syntax: Syntax, calls: Calls, file: str) -> set[Span]:
    """The calls of the file that were made in the configurations seen, of whatever layer."""
    document = syntax.document
    found = {site.span for site in calls.sites}
    for configuration in {
        id(one.configuration): one.configuration for one in calls.instances
    }.values():
        for layer in configuration.layers.values():
            for site in layer.sites:
                if site.file == file and site.position:
                    line, column, end_line, end_column = site.position
                    start = document.offset(line, column)
                    found.add((start, document.offset(end_line, end_column)))
    return found


def runs_by_container(
    syntax: Syntax, use: Use, class_name: str, spliced: Sequence[tuple[int, int]]
) -> bool:
    """Whether the layer is put into a container that is an attribute of its own, as in
    `self.all = nn.Sequential(self.conv, ...)`, all of whose calls are spliced."""
    if (use.detail or "").rpartition(".")[2] not in CONTAINERS:
        return False
    document = syntax.document
    for node in nodes_in(syntax.tree):
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
    for node in nodes_in(function):
        if isinstance(node, ast.Name) and node.id in taken:
            match syntax.parents[node]:
                case ast.Call(func=called) as parent if called is node:
                    if span_of(parent) not in spliced and not is_otherwise(syntax, parent, spliced):
                        return False
                case ast.Compare(ops=[ast.Is() | ast.IsNot()]):
                    pass
                case ast.Call(func=ast.Name(id="hasattr" | "isinstance")):
                    pass
                case ast.Attribute(attr=attribute) as parent if attribute not in RUNS:
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
