"""The edits of one place: its definition, its slots, its calls (floor 4)."""

from __future__ import annotations

import ast

from stitchgen import imports, splice
from stitchgen.config import Project
from stitchgen.errors import StitchError
from stitchgen.places import Place
from stitchgen.render import snippet
from stitchgen.request import AddRequest
from stitchgen.style import format_statements
from stitchgen.workbench import Workbench


def write_definition(
    bench: Workbench, project: Project, request: AddRequest, place: Place, construction: str
) -> None:
    """Construct the block in `__init__`, and give the class of many instances its empty slot."""
    if request.placement == "replace":
        code = snippet("replace", "init", place=place.layer_text, construction=construction)
    elif place.hooked:
        function = hook(bench, project, request, place)
        code = snippet(
            "attach",
            "init",
            layer=place.layer_text,
            attribute=place.attribute,
            construction=construction,
            function=function,
            placement=request.placement,
        )
    else:
        code = snippet(
            "serial",
            "init",
            owner=place.definition_owner,
            attribute=place.attribute,
            construction=construction,
        )
    if place.guard is not None:
        body = "\n".join("    " + line for line in code.splitlines())
        code = f"if {place.guard}:\n{body}"
    for class_name, anchor in place.slots:
        name = identity(bench, anchor.file)
        slot = snippet("slot", "init", owner="self", attribute=place.attribute, identity=name)
        define(bench, project, anchor, slot)
    define(bench, project, place.anchor, code)


def define(bench: Workbench, project: Project, anchor: splice.Anchor, code: str) -> None:
    edit = splice.define(bench.syntax(anchor.file), anchor, code, project.line_length)
    bench.edit(anchor.file, edit)


def hook(bench: Workbench, project: Project, request: AddRequest, place: Place) -> str:
    """Plan the module-level function that runs an attached block; its name."""
    syntax = bench.syntax(place.anchor.file)
    name, number = f"run_{place.attribute}", 2
    while name in syntax.top_level_names:
        name, number = f"run_{place.attribute}_{number}", number + 1
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    first = next(node for node in syntax.tree.body if isinstance(node, kinds))
    part = f"hook_{request.placement}"
    code = snippet("attach", part, function=name, attribute=place.attribute)
    text = format_statements(code, 0, project.line_length, syntax.document.quote)
    assert isinstance(first, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
    bench.edit(place.anchor.file, syntax.document.definition_before(first, text))
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


def write_calls(bench: Workbench, project: Project, request: AddRequest, place: Place) -> None:
    """Edit every call site; the place's strategy is the lowest in rank that was needed.

    A slot is told as such only where the calls themselves stay as they are.
    """
    strategies = []
    for site in place.sites:
        syntax = bench.syntax(site.file)
        context = syntax.context(site.span)
        if context is None:
            line = syntax.document.line_of(site.span[0])
            raise StitchError("unsupported", f"no call at {syntax.document.path}:{line}")
        call = splice.Call(
            syntax=syntax,
            site=site,
            context=context,
            attribute=place.attribute,
            placement=request.placement,
            slot=place.slot,
            under=place.under,
            by_number=bool(place.lacking),
            identity=identity(bench, site.file) if place.slot else "",
            line_length=project.line_length,
        )
        edits, strategy = splice.edit_call(call)
        bench.edit(site.file, *edits)
        strategies.append(strategy)
    if strategies:
        strategy = max(strategies, key=splice.RANK.index)
        place.strategy = "slot" if place.slot and strategy in ("line", "wrap") else strategy
