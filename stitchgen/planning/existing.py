"""Whether the source has the very block at a target already: the same command is a no-op.

Decided from the source, not from the ledger, since the user may have moved or removed the lines.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stitchgen.errors import StitchError
from stitchgen.fusions.fusion import Fusion
from stitchgen.fusions.registry import FUSIONS
from stitchgen.history import ledger
from stitchgen.planning.definitions import constructor_of
from stitchgen.planning.plan import Planning
from stitchgen.planning.point import InsertionPoint
from stitchgen.project.workspace import Workspace
from stitchgen.rewrite.constructor import creation
from stitchgen.source.syntax import CallContext, Syntax, suites
from stitchgen.source.tree import nodes_in

#: In the place of an index: what a loop over the container does for all its layers.
EACH = "[*]"


def stands_already(
    planning: Planning, point: InsertionPoint, class_name: str, construction: str
) -> str | None:
    """The attribute of this very block at the target; refuses one with other arguments."""
    workspace = planning.workspace
    for name in names_before(point):
        for where, call in constructions(workspace, point, f"{point.definition_owner}.{name}"):
            written = ast.unparse(call)
            if not written.startswith(f"{class_name}("):
                continue
            if not runs_there(planning, point, name):
                continue
            if written == ast.unparse(ast.parse(construction)):
                require_same_join(planning, point, name, where)
                return name
            if planning.request.name is not None:
                continue
            raise StitchError(
                "already-there",
                f"{where} has {written} at {point.target} already; this command would write "
                f"{construction}",
                where=where,
                hint=f"Edit that line, or pass --name {point.attribute} for a second block.",
            )
    return None


def require_same_join(planning: Planning, point: InsertionPoint, name: str, where: str) -> None:
    """Refuse where the block that is there is joined with the layer's output in another way."""
    method, placement = point.join.method, planning.request.placement
    asked = WrittenJoin(method.fuse, method.gate, len(method.sources))
    placements = [
        entry.record.placement
        for entry in ledger.load(planning.workspace.root).entries
        if (entry.record.target, entry.record.attribute) == (point.target, name)
    ]
    found = None
    for site in point.calls.sites:
        syntax = planning.workspace.syntax(site.file)
        context = syntax.context(site.span)
        if context is not None and context.function is not None:
            found = found or join_of(syntax, context, name)
    if found in (None, asked) and placements in ([], [placement.name]):
        return
    there = f"{'/'.join(placements) or 'here'}: {found or asked}"
    raise StitchError(
        "already-there",
        f"{name} is at {point.target} already ({there}); this command asks for "
        f"{placement}: {asked}",
        where=where,
        hint="Take it back first (stitchgen undo), or pass --name for a second block.",
    )


@dataclass(frozen=True)
class WrittenJoin:
    """How a block's output goes on: alone, or joined with what the layer gives."""

    fuse: Fusion | None
    gate: bool
    further: int  # inputs beside the first

    def __str__(self) -> str:
        words = [f"fused by {self.fuse}" if self.fuse else "alone"]
        words += ["gated"] if self.gate else []
        words += [f"{self.further + 1} inputs"] if self.further else []
        return ", ".join(words)


def join_of(syntax: Syntax, context: CallContext, name: str) -> WrittenJoin | None:
    """How the source joins the block of that name; None where it does not call it."""
    function = context.function
    assert function is not None
    attributes = {node.attr for node in nodes_in(function) if isinstance(node, ast.Attribute)}
    for node in nodes_in(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == name:
                gate = f"{name}_gate" in attributes
                reduced = f"{name}_reduce" in attributes
                fuse = FUSIONS["concat"] if reduced else None
                if not reduced and context.call not in nodes_in(node):
                    # Around the layer's own call, an operator is the model's.
                    fuse = operator_at(syntax, function, node, name)
                if reduced:
                    # A gated concatenation starts as identity, which `__init__` tells.
                    start = rf"init\.(dirac|eye)_\(.*\b{name}_reduce\.weight\)"
                    gate = re.search(start, syntax.document.text) is not None
                return WrittenJoin(fuse, gate, max(0, len(node.args) + len(node.keywords) - 1))
    return None


def operator_at(syntax: Syntax, function: ast.AST, node: ast.AST, name: str) -> Fusion | None:
    """The fusion where the block's output is an operand of it, other than for its gate."""
    gate = f"{name}_gate"
    for parent in syntax.above(node):
        match parent:
            case ast.BinOp(op=ast.Mult(), left=ast.Attribute(attr=attribute)) if attribute == gate:
                pass
            case ast.BinOp(op=ast.Sub()):
                return None  # a * (B(x) - x)
            case ast.Assign(targets=[ast.Name(id=variable)], value=value) if value is node:
                names = {part.id for part in nodes_in(value) if isinstance(part, ast.Name)}
                if variable in names:
                    return None  # `x = B(x)`: what is added to it later is the model's
                return operator_of_variable(syntax, function, parent, variable, name)
            case ast.stmt() | ast.NamedExpr():
                return None
            case _:
                # Else a projection or an adapter is around it.
                written = (one for one in FUSIONS.values() if one.is_written(parent))
                if (fusion := next(written, None)) is not None:
                    return fusion
        node = parent
    return None


def operator_of_variable(
    syntax: Syntax, function: ast.AST, assigned: ast.AST, variable: str, name: str
) -> Fusion | None:
    """The same for a branch that has a line of its own before the layer's call."""
    start = getattr(assigned, "end_lineno", 0)
    for use in nodes_in(function):
        if isinstance(use, ast.Name) and use.id == variable and isinstance(use.ctx, ast.Load):
            if use.lineno > start and (fusion := operator_at(syntax, function, use, name)):
                return fusion
    return None


def names_before(point: InsertionPoint) -> Iterator[str]:
    """The names that are taken: `conv_se`, `conv_se_2`, up to the one that is free."""
    loop = point.definition.loop
    listed = loop.blocks if loop is not None else None
    own = point.attribute if listed is None else listed.attribute
    name, number = point.naming.preferred, 2
    while name and name != own:
        yield name
        name, number = f"{point.naming.preferred}_{number}", number + 1


def runs_there(planning: Planning, point: InsertionPoint, name: str) -> bool:
    """Whether the block is run at the very call that was chosen of several."""
    if point.calls.number is None:
        return True
    for site in point.calls.sites:
        syntax = planning.workspace.syntax(site.file)
        context = syntax.context(site.span)
        if context is None:
            return False
        near: list[ast.AST | None] = [syntax.parents[context.call], *context.call.args]
        for suite in suites(syntax.parents[context.statement]):
            if context.statement in suite:
                index = suite.index(context.statement)
                index += 1 if planning.request.placement.value == "output" else -1
                near += [getattr(suite[index], "value", None)] if 0 <= index < len(suite) else []
        block = f"{context.receiver}.{name}"
        if not any(isinstance(n, ast.Call) and ast.unparse(n.func) == block for n in near):
            return False
    return True


def replaced_already(
    workspace: Workspace, point: InsertionPoint, settings: Mapping[str, str]
) -> bool:
    """Whether the source puts a block at the layer's own place; refuses one with other arguments."""
    syntax = workspace.syntax(point.file)
    found = list(constructions(workspace, point, point.layer_text))
    made = creation(syntax, point.definition.creating, point.calls.below)
    if made is not None and not found:
        found.append((f"{syntax.document.path}:{made.lineno}", made))
    for where, call in reversed(found):
        written = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        for name, value in settings.items():
            if written.get(name) != value:
                raise StitchError(
                    "already-there",
                    f"{where} has {ast.unparse(call)} in the place of {point.target} already",
                    where=where,
                    hint=f"Edit that line: {name}={value}",
                )
        return True
    return False


def constructions(
    workspace: Workspace, point: InsertionPoint, name: str
) -> Iterator[tuple[str, ast.Call]]:
    """The calls that the constructor (or the script) assigns to `name`, each with its place."""
    syntax = workspace.syntax(point.file)
    function: ast.AST | None = syntax.tree
    if point.calls.variable is None:
        function = constructor_of(workspace, point.definition.point)
    name = ast.unparse(ast.parse(name))  # with the quotes that `unparse` writes
    loop = point.definition.loop
    if loop is not None:
        name = in_each(name, loop.variable, loop.container)
    for node in nodes_in(function) if function is not None else ():
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            target = ast.unparse(node.targets[0])
            if loop is not None and loop.blocks is not None:
                made = each_of(node.value)
                if made is not None and target == name:
                    yield f"{syntax.document.path}:{node.lineno}", made
                continue
            for around in syntax.above(node):
                if isinstance(around, ast.For) and isinstance(around.target, ast.Name):
                    target = in_each(target, around.target.id, ast.unparse(around.iter))
            any_of = re.escape(target).replace(re.escape(EACH), r"\[\d+\]")
            if name == target or re.fullmatch(any_of, name):
                yield f"{syntax.document.path}:{node.lineno}", node.value


def each_of(node: ast.Call) -> ast.Call | None:
    """`SE(...)` of `nn.ModuleList([SE(...) for stage in self.stages])`."""
    match node:
        case ast.Call(args=[ast.ListComp(elt=ast.Call() as made)]):
            return made
    return None


def in_each(text: str, variable: str, container: str) -> str:
    """`self.stages[*].norm` for the `stage.norm` of a loop over `self.stages`."""
    return re.sub(rf"^{variable}\b", lambda _: f"{container}{EACH}", text)
