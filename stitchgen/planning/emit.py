"""The edits of the places: definitions, slots, calls."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from stitchgen.analysis.steps import Site, free_name
from stitchgen.analysis.survey import merged_steps
from stitchgen.catalog.render import snippet
from stitchgen.errors import StitchError, unsupported
from stitchgen.planning import joins
from stitchgen.planning.joins import Widths
from stitchgen.planning.point import Feature, Place
from stitchgen.project.config import Project
from stitchgen.project.workspace import Workbench
from stitchgen.rewrite import constructor
from stitchgen.rewrite.forms.calls import RANK, edit_call
from stitchgen.rewrite.insertion import HERE, VALUE, Call, Insertion, exchanged
from stitchgen.source import imports
from stitchgen.source.document import Span
from stitchgen.source.edits import Edit
from stitchgen.source.formatting import format_statements
from stitchgen.source.syntax import Syntax
from stitchgen.targets.request import AddRequest

#: How a file names torch's modules where it has no name for them yet.
IMPORTS = {
    "torch": ("torch", "import torch"),
    "torch.nn": ("nn", "from torch import nn"),
    "torch.nn.functional": ("F", "import torch.nn.functional as F"),
}


@dataclass(frozen=True)
class Definition:
    """A place, with what is constructed there: None where layers are fused, and there is no block."""

    place: Place
    construction: str | None
    widths: Widths


def write_definitions(
    bench: Workbench, project: Project, request: AddRequest, definitions: Sequence[Definition]
) -> None:
    """Construct blocks and what belongs to them; places that share a loop share its lines."""
    bodies: dict[tuple[constructor.Anchor, str | int], list[str]] = {}  # by loop, or each by itself
    for number, one in enumerate(definitions):
        code, each = lines_of(bench, project, request, one), one.place.each
        head = number if each is None else f"for {each.variable} in {each.container}"
        body = bodies.setdefault((one.place.anchor, head), [])
        if code and code not in body:
            body.append(code)
    for (anchor, head), body in bodies.items():
        code = "\n".join(body)
        if code:
            define(bench, project, anchor, code if isinstance(head, int) else suite(head, code))


def lines_of(
    bench: Workbench, project: Project, request: AddRequest, definition: Definition
) -> str:
    """The lines of `__init__`; the class of many instances is given its empty slot."""
    place, construction = definition.place, definition.construction
    method, file = place.method, place.anchor.file
    lines: list[str] = []
    if request.placement == "replace":
        lines.append(snippet("replace", "init", place=place.layer_text, construction=construction))
    elif construction is not None:
        lines.append(
            snippet(
                "serial",
                "init",
                owner=place.definition_owner,
                attribute=place.attribute,
                construction=construction,
            )
        )
    if method.parts or method.projected:
        torch, nn = module_name(bench, file, "torch"), module_name(bench, file, "torch.nn")
        owner = place.definition_owner
        lines += joins.definitions(method, definition.widths, owner, nn, torch)
    if place.hooked:
        function = hook(bench, project, request, place)
        pre = "" if request.placement != "before" else "pre_"
        lines.append(snippet("attach", "init", layer=place.layer_text, function=function, pre=pre))
    code = "\n".join(lines)
    guard = place.guard if place.each is None else place.each.guard
    if guard is not None:
        code = suite(f"if {guard}", code)
    for _, anchor in place.slots:
        empty = "None"
        if method.serial:
            empty = identity(bench, anchor.file) + "()"
        slot = snippet("slot", "init", owner="self", attribute=place.attribute, empty=empty)
        define(bench, project, anchor, slot)
    return code


def suite(head: str, code: str) -> str:
    """The lines as the body of a compound statement."""
    return f"{head}:\n" + "\n".join("    " + line for line in code.splitlines())


def define(bench: Workbench, project: Project, anchor: constructor.Anchor, code: str) -> None:
    edit = constructor.define(bench.syntax(anchor.file), anchor, code, project.line_length)
    bench.edit(anchor.file, edit)


def hook(bench: Workbench, project: Project, request: AddRequest, place: Place) -> str:
    """Plan the module-level function that runs an attached block; its name."""
    syntax = bench.syntax(place.anchor.file)
    name = free_name(f"run_{place.attribute}", syntax.top_level_names)
    insertion = insertion_of(bench, place, None, place.anchor.file)
    before = request.placement == "before"
    value = "args[0]" if before else "output"
    if place.element is not None:
        element = place.element
        picked = insertion.expression("layer", f"{value}[{element.text}]")
        result = exchanged(value, element, picked)
    else:
        result = insertion.expression("layer", value, "args[0]")
    part = "hook_before" if before else "hook_after"
    code = snippet("attach", part, function=name, result=result)
    text = format_statements(code, 0, project.line_length, syntax.document.quote)
    bench.edit(place.anchor.file, function_at_top(syntax, place.anchor.span, text))
    return name


def function_at_top(syntax: Syntax, use: Span, text: str) -> Edit:
    """Insert a function before the first definition, or below the imports of a script without one."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    document, imported = syntax.document, None
    for node in syntax.tree.body:
        if document.span_of(node)[0] > use[0]:
            break
        if isinstance(node, kinds):
            return document.definition_before(node, text)
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            imported = node
    if imported is None:
        edit = document.top_lines_after(None, text)
        return replace(edit, text=edit.text + document.newline.encode() * 2)
    line = document.line_of(document.span_of(imported)[1])
    rest = document.text.splitlines()[line:]
    blank = 0
    while blank < min(2, len(rest)) and not rest[blank].strip():
        blank += 1
    edit = document.top_lines_after(document.span_of(imported), f"\n\n{text}")
    return replace(edit, text=edit.text + document.newline.encode() * (2 - blank))


def module_name(bench: Workbench, file: str, module: str) -> str:
    """How the file names a module of torch; it is imported where the file has no name for it."""
    syntax = bench.syntax(file)
    known = imports.module_alias(syntax, module)
    name, statement = IMPORTS[module]
    # `nn.functional` reads worse than `F`, where that is free.
    if known is not None and (known.count(".") < 1 or name in syntax.top_level_names):
        return known
    if name in syntax.top_level_names:
        raise unsupported(
            f"{syntax.document.path} means something else by {name} and does not import {module}",
            f"{syntax.document.path}:1",
            f"Add `{statement}`, under another name: ... as {name}_.",
        )
    bench.edit(file, imports.add_import(syntax, statement, beside="torch"))
    return name


def identity(bench: Workbench, file: str) -> str:
    """How the file names `torch.nn.Identity`; it is imported where the file has no name for it."""
    syntax = bench.syntax(file)
    for node in syntax.tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "torch.nn":
            for alias in node.names:
                if alias.name == "Identity":
                    return alias.asname or alias.name
    module = imports.module_alias(syntax, "torch.nn")
    if module is not None:
        return f"{module}.Identity"
    if "Identity" in syntax.top_level_names:
        raise StitchError(
            "unsupported",
            f"{syntax.document.path} has an Identity of its own and does not import torch.nn",
            where=f"{syntax.document.path}:1",
            hint="Add `from torch import nn`.",
        )
    bench.edit(file, imports.add_import(syntax, "from torch.nn import Identity"))
    return "Identity"


def import_modules(bench: Workbench, place: Place) -> None:
    """Import what of torch the place needs, before the block is imported below it."""
    if place.method.parts or place.method.projected:
        module_name(bench, place.anchor.file, "torch")
        module_name(bench, place.anchor.file, "torch.nn")
    for site in place.sites:
        insertion_of(bench, place, site, site.file)


def insertion_of(bench: Workbench, place: Place, site: Site | None, file: str) -> Insertion:
    """What is computed at a call of the place's layer."""
    method = place.method
    join, branch = f"{HERE}.{place.attribute}({VALUE})", ""
    lines: tuple[str, ...] = ()
    if method.pyramid:
        lines = joins.pyramid_lines(method)
    elif not method.serial:
        torch = module_name(bench, file, "torch") if method.uses_torch else ""
        resized = any(source.resize for source in method.sources)
        functional = module_name(bench, file, "torch.nn.functional") if resized else ""
        join, branch = joins.texts(method, torch, functional)
    before = method.placement == "before" or place.reader is not None
    return Insertion(
        attribute=place.attribute,
        placement="before" if before else "after",
        argument=place.argument,
        to_called=site.to_called if site is not None else (),
        chain=site.chain if site is not None else (),
        join=join,
        branch=branch,
        lines=lines,
        slot=place.slot,
        empty=identity(bench, file) if place.slot and method.serial else "",
        under=place.under,
        element=place.element,
        by_number=bool(place.lacking),
        sequential=module_name(bench, file, "torch.nn") + ".Sequential" if place.mixed else "",
        overwritten=any(spot.layer.get("overwrites") for spot in place.spots),
    )


def keeping(feature: Feature, site: Site) -> Insertion:
    """A variable of its own for the output of another layer."""
    return Insertion(
        attribute="",
        placement="after",
        to_called=site.to_called,
        chain=site.chain,
        keeps=feature.source.name,
        by_number=feature.by_number,
        overwritten=feature.overwritten,
    )


def merged(insertions: Iterable[Insertion]) -> list[Insertion]:
    """Instances of one class share the insertion that fills their slots: of those that differ only
    in what holds for one instance, one is left, with what holds for all."""
    found: dict[object, Insertion] = {}
    for one in insertions:
        steps = (*one.to_called, *one.chain)
        alike = replace(one, to_called=(), chain=(), by_number=False, overwritten=False)
        key = (alike, *(step.identity for step in steps))
        other = found.get(key, one)
        found[key] = replace(
            one,
            to_called=merged_steps([one.to_called, other.to_called]) or one.to_called,
            chain=merged_steps([one.chain, other.chain]) or one.chain,
            by_number=one.by_number or other.by_number,
            overwritten=one.overwritten or other.overwritten,
        )
    return list(found.values())


def write_calls(bench: Workbench, project: Project, places: Iterable[Place]) -> None:
    """Edit every call site, once for all places that have it; a place's strategy is the lowest in
    rank that was needed.

    A slot is told as such only where the calls themselves stay as they are.
    """
    by_call: dict[tuple[str, tuple[int, int]], list[tuple[Place, Site, Insertion]]] = {}

    def insert(place: Place, site: Site, insertion: Insertion) -> None:
        here = by_call.setdefault((site.file, site.span), [])
        # What several places read is kept once.
        if not insertion.keeps or insertion not in [other for _, _, other in here]:
            here.append((place, site, insertion))

    for place in places:
        for feature in place.features:
            for site in feature.sites:
                insert(place, site, keeping(feature, site))
        for site in place.sites:
            insert(place, site, insertion_of(bench, place, site, site.file))
    strategies: dict[int, list[str]] = {}
    for (file, span), here in by_call.items():
        syntax = bench.syntax(file)
        context = syntax.context(span)
        if context is None:
            line = syntax.document.line_of(span[0])
            raise unsupported(f"no call at {syntax.document.path}:{line}", None)
        call = Call(
            syntax=syntax,
            how=here[0][1].how,
            context=context,
            insertions=merged(insertion for _, _, insertion in here),
            line_length=project.line_length,
        )
        edits, strategy = edit_call(call)
        bench.edit(file, *edits)
        for place, _, _ in here:
            strategies.setdefault(id(place), []).append(strategy)
    for place in places:
        if id(place) in strategies:
            strategy = max(strategies[id(place)], key=RANK.index)
            place.strategy = "slot" if place.slot and strategy in ("line", "wrap") else strategy
