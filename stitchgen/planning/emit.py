"""The edits of the points: definitions, slots, calls."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from stitchgen.analysis.steps import Site, free_name
from stitchgen.analysis.survey import merged_steps
from stitchgen.catalog.render import snippet
from stitchgen.errors import StitchError, unsupported
from stitchgen.planning import joins
from stitchgen.planning.block_lists import block_at_call
from stitchgen.planning.joins import Widths
from stitchgen.planning.plan import Planning
from stitchgen.planning.point import InsertionPoint, OtherLayer
from stitchgen.rewrite import constructor
from stitchgen.rewrite.calls import RANK, edit_call
from stitchgen.rewrite.constructor import DefinitionPoint
from stitchgen.rewrite.forms.registry import FORMS
from stitchgen.rewrite.insertion import HERE, VALUE, Call, Insertion, exchanged
from stitchgen.rewrite.parallel_loop import BlockAtCall
from stitchgen.source import imports
from stitchgen.source.document import Span
from stitchgen.source.edits import Edit
from stitchgen.source.formatting import format_statements
from stitchgen.source.syntax import Syntax

#: How a file names torch's modules where it has no name for them yet.
IMPORTS = {
    "torch": ("torch", "import torch"),
    "torch.nn": ("nn", "from torch import nn"),
    "torch.nn.functional": ("F", "import torch.nn.functional as F"),
}


@dataclass(frozen=True)
class Construction:
    """What is constructed at a point: None where layers are fused, and there is no block."""

    point: InsertionPoint
    block: str | None
    widths: Widths


def write_definitions(planning: Planning, constructions: Sequence[Construction]) -> None:
    """Construct blocks and what belongs to them; points that share a loop share its lines."""
    bodies: dict[tuple[DefinitionPoint, str | int], list[str]] = {}  # by loop, or each by itself
    codes: list[tuple[DefinitionPoint, str]] = []
    for number, one in enumerate(constructions):
        definition = one.point.definition
        code, loop = lines_of(planning, one), definition.loop
        codes += slots_of(planning, one.point)
        head: str | int = number
        if loop is not None and loop.blocks is not None:
            head = loop.blocks.attribute
        elif loop is not None:
            head = loop.header("")
        body = bodies.setdefault((definition.point, head), [])
        if code and code not in body:
            body.append(code)
    for (point, head), body in bodies.items():
        code = "\n".join(body)
        if code:
            loops = isinstance(head, str) and head.startswith("for ")
            codes.append((point, suite(str(head), code) if loops else code))
    constructors: dict[DefinitionPoint, list[str]] = {}  # a class gets one, with all that it needs
    for point, code in codes:
        if point.new:
            constructors.setdefault(point, []).append(code)
        else:
            define(planning, point, code)
    for point, body in constructors.items():
        define(planning, point, "\n".join(body))


def slots_of(planning: Planning, point: InsertionPoint) -> Iterator[tuple[DefinitionPoint, str]]:
    """The empty slots of classes with many instances, each with the place of its line."""
    for slot in point.definition.slots:
        empty = "None"
        if point.join.method.serial:
            empty = identity(planning, slot.point.file) + "()"
        text = snippet("slot", "init", owner="self", attribute=point.attribute, empty=empty)
        yield slot.point, text


def lines_of(planning: Planning, one: Construction) -> str:
    """The lines of `__init__`."""
    point, definition = one.point, one.point.definition
    method, file = point.join.method, point.file
    lines: list[str] = []
    if planning.request.placement.replaces:
        if one.block is not None and written_in_place(planning, point, one.block):
            return ""
        lines.append(snippet("replace", "init", place=point.layer_text, construction=one.block))
    elif definition.loop is not None and definition.loop.blocks is not None:
        nn = module_name(planning, file, "torch.nn")
        construction = str(one.block)
        lines.append(
            snippet(
                "serial",
                "init_each",
                attribute=definition.loop.blocks.attribute,
                construction=construction,
                nn=nn,
                loop=definition.loop.header(construction),
            )
        )
    elif one.block is not None:
        lines.append(
            snippet(
                "serial",
                "init",
                owner=point.definition_owner,
                attribute=point.attribute,
                construction=one.block,
            )
        )
    if method.parts or method.projected:
        torch, nn = module_name(planning, file, "torch"), module_name(planning, file, "torch.nn")
        lines += joins.definitions(method, one.widths, point.definition_owner, nn, torch)
    if point.calls.hooked:
        function = hook(planning, point)
        pre = "pre_" if planning.request.placement.value == "input" else ""
        lines.append(snippet("attach", "init", layer=point.layer_text, function=function, pre=pre))
    code = "\n".join(lines)
    guard = definition.guard if definition.loop is None else definition.loop.guard
    if guard is not None and code:
        code = suite(f"if {guard}", code)
    return code


def written_in_place(planning: Planning, point: InsertionPoint, block: str) -> bool:
    """Put the block's construction in the place of the layer's own, where that is one expression and
    the new one does not read the old layer."""
    definition = point.definition
    syntax = planning.workspace.syntax(point.file)
    node = constructor.creation(syntax, definition.creating, point.calls.below)
    one_place = definition.loop is None and definition.guard is None and not definition.slots
    reads_layer = re.search(rf"{re.escape(point.layer_text)}\b", block) is not None
    if node is None or reads_layer or not one_place or definition.point.span != definition.creating:
        return False
    document, (start, end) = syntax.document, syntax.document.span_of(node)
    document.expression((start, end))
    first, last = definition.creating
    statement = f"{document.code((first, start))}{block}{document.code((end, last))}"
    line_length, indent = planning.project.line_length, document.indent_of((first, last))
    fits = len(indent.expandtabs(4)) + len(statement) <= line_length
    if fits or "\n" in statement or not document.own_line((first, last)):
        planning.workspace.edit(point.file, document.replace((start, end), block))
        return True
    code = format_statements(statement, len(indent.expandtabs(4)), line_length, document.quote)
    lines = document.indented(code, indent).strip()
    planning.workspace.edit(point.file, document.replace((first, last), lines))
    return True


def suite(head: str, code: str) -> str:
    """The lines as the body of a compound statement."""
    return f"{head}:\n" + "\n".join("    " + line for line in code.splitlines())


def define(planning: Planning, point: DefinitionPoint, code: str) -> None:
    workspace, line_length = planning.workspace, planning.project.line_length
    edit = constructor.define(workspace.syntax(point.file), point, code, line_length)
    workspace.edit(point.file, edit)


def hook(planning: Planning, point: InsertionPoint) -> str:
    """Plan the module-level function that runs an attached block; its name."""
    syntax = planning.workspace.syntax(point.file)
    name = free_name(f"run_{point.attribute}", syntax.top_level_names)
    insertion = insertion_of(planning, point, None, point.file)
    before = planning.request.placement.value == "input"
    value = "args[0]" if before else "output"
    if point.calls.element is not None:
        element = point.calls.element
        picked = insertion.expression("layer", f"{value}[{element.text}]")
        result = exchanged(value, element, picked)
    else:
        result = insertion.expression("layer", value, "args[0]")
    part = "hook_before" if before else "hook_after"
    code = snippet("attach", part, function=name, result=result)
    text = format_statements(code, 0, planning.project.line_length, syntax.document.quote)
    edit = function_at_top(syntax, point.definition.point.span, text)
    planning.workspace.edit(point.file, edit)
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


def module_name(planning: Planning, file: str, module: str) -> str:
    """How the file names a module of torch; it is imported where the file has no name for it."""
    syntax = planning.workspace.syntax(file)
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
    planning.workspace.edit(file, imports.add_import(syntax, statement, beside="torch"))
    return name


def identity(planning: Planning, file: str) -> str:
    """How the file names `torch.nn.Identity`; it is imported where the file has no name for it."""
    syntax = planning.workspace.syntax(file)
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
    planning.workspace.edit(file, imports.add_import(syntax, "from torch.nn import Identity"))
    return "Identity"


def import_modules(planning: Planning, point: InsertionPoint) -> None:
    """Import what of torch the point needs, before the block is imported below it."""
    if point.join.method.parts or point.join.method.projected:
        module_name(planning, point.file, "torch")
        module_name(planning, point.file, "torch.nn")
    loop = point.definition.loop
    if loop is not None and loop.blocks is not None:
        module_name(planning, point.file, "torch.nn")
        return
    for site in point.calls.sites:
        insertion_of(planning, point, site, site.file)


def insertion_of(
    planning: Planning, point: InsertionPoint, site: Site | None, file: str
) -> Insertion:
    """What is computed at a call of the point's layer."""
    method, calls, reader = point.join.method, point.calls, point.join.reader
    join, branch = f"{HERE}.{point.attribute}({VALUE})", ""
    bound = bound_block(planning, point, site)
    if bound is not None:
        return Insertion(
            attribute="",
            before=method.placement.value == "input",
            join=f"{HERE}({VALUE})",
            block=bound.text,
            overwritten=any(one.facts.overwrites for one in calls.instances),
        )
    lines: tuple[str, ...] = ()
    if method.pyramid:
        lines = joins.pyramid_lines(method)
    elif not method.serial:
        torch = module_name(planning, file, "torch") if method.uses_torch else ""
        resized = any(source.resize for source in method.sources)
        functional = module_name(planning, file, "torch.nn.functional") if resized else ""
        join, branch = joins.texts(method, torch, functional)
    by_presence = calls.under and site is not None and not site.chain
    return Insertion(
        attribute=point.attribute,
        before=method.placement.value == "input" or reader is not None,
        argument=reader.argument if reader is not None else None,
        # A block under the layer is recognised by its being there, whichever element of a list has it.
        to_called=site.to_called if site is not None and not by_presence else (),
        chain=site.chain if site is not None else (),
        join=join,
        branch=branch,
        lines=lines,
        slot=calls.slot,
        empty=identity(planning, file) if calls.slot and method.serial else "",
        under=calls.under,
        element=calls.element,
        by_number=point.definition.may_lack,
        sequential=module_name(planning, file, "torch.nn") + ".Sequential" if calls.mixed else "",
        overwritten=any(one.facts.overwrites for one in calls.instances),
    )


def bound_block(planning: Planning, point: InsertionPoint, site: Site | None) -> BlockAtCall | None:
    """The block of a list at a call; None where it is no list's."""
    loop = point.definition.loop
    if loop is None or loop.blocks is None or site is None:
        return None
    bound = block_at_call(planning, loop, point.calls.below, site)
    if bound is None:
        document = planning.workspace.syntax(site.file).document
        where = f"{document.path}:{document.line_of(site.span[0])}"
        raise unsupported(
            f"{where} runs the layers of {loop.container} in a line that has no room for another block",
            where,
            "Write it as a loop over several lines.",
        )
    return bound


def keeping(other: OtherLayer, site: Site) -> Insertion:
    """A variable of its own for the output of another layer."""
    return Insertion(
        attribute="",
        to_called=site.to_called,
        chain=site.chain,
        keeps=other.source.name,
        by_number=other.by_number,
        overwritten=other.overwritten,
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


def write_calls(planning: Planning, points: Iterable[InsertionPoint]) -> list[InsertionPoint]:
    """Edit every call site, once for all points that have it.

    The points come back with their strategy: the lowest in rank that was needed. A slot is named as
    such only where the calls themselves stay as they are.
    """
    points = list(points)
    workspace = planning.workspace
    by_call: dict[tuple[str, Span], list[tuple[int, Site, Insertion]]] = {}

    def insert(number: int, site: Site, insertion: Insertion) -> None:
        here = by_call.setdefault((site.file, site.span), [])
        # What several points read is kept once.
        if not insertion.keeps or insertion not in [one for _, _, one in here]:
            here.append((number, site, insertion))

    for number, point in enumerate(points):
        for other in point.join.others:
            for site in other.sites:
                insert(number, site, keeping(other, site))
        for site in point.calls.sites:
            insert(number, site, insertion_of(planning, point, site, site.file))
    strategies: dict[int, list[str]] = {}
    headers: set[tuple[str, BlockAtCall]] = set()
    for (file, span), here in by_call.items():
        syntax = workspace.syntax(file)
        context = syntax.context(span)
        if context is None:
            line = syntax.document.line_of(span[0])
            raise unsupported(f"no call at {syntax.document.path}:{line}", None)
        call = Call(
            syntax=syntax,
            form=FORMS[here[0][1].how],
            context=context,
            insertions=merged(insertion for _, _, insertion in here),
            line_length=planning.project.line_length,
        )
        edits, strategy = edit_call(call)
        workspace.edit(file, *edits)
        for number, site, _ in here:
            bound = bound_block(planning, points[number], site)
            if bound is not None and (file, bound) not in headers:
                headers.add((file, bound))
                workspace.edit(file, *bound.edits)
                strategy = "loop"
        for number, _, _ in here:
            strategies.setdefault(number, []).append(strategy)
    return [with_strategy(point, strategies.get(number, [])) for number, point in enumerate(points)]


def with_strategy(point: InsertionPoint, needed: Sequence[str]) -> InsertionPoint:
    if not needed:
        return point
    strategy = max(needed, key=RANK.index)
    slot = point.calls.slot and strategy in ("line", "wrap")
    return point.with_naming(strategy="slot" if slot else strategy)
