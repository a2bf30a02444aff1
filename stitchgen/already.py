"""Whether the source has the very block at a target already: the same command is a no-op (floor 5).

Decided from the source, not from the ledger, since the author may have moved or removed the lines.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from stitchgen.errors import StitchError
from stitchgen.places import Place
from stitchgen.request import AddRequest
from stitchgen.workbench import Workbench


def stands_already(
    bench: Workbench, request: AddRequest, place: Place, class_name: str, construction: str
) -> str | None:
    """The attribute of this very block at the target; refuses one with other arguments."""
    for name in names_before(place):
        for where, call in constructions(bench, place, f"{place.definition_owner}.{name}"):
            written = ast.unparse(call)
            if not written.startswith(f"{class_name}("):
                continue
            if not runs_there(bench, request, place, name):
                continue
            if written == ast.unparse(ast.parse(construction)):
                return name
            if request.name is not None:
                continue
            raise StitchError(
                "already-there",
                f"{where} has {written} at {place.target} already; this command would write "
                f"{construction}",
                where=where,
                hint=f"Edit that line, or pass --name {place.attribute} for a second block.",
            )
    return None


def names_before(place: Place) -> Iterator[str]:
    """The names that are taken: `conv_se`, `conv_se_2`, up to the one that is free."""
    name, number = place.wish, 2
    while name and name != place.attribute:
        yield name
        name, number = f"{place.wish}_{number}", number + 1


def runs_there(bench: Workbench, request: AddRequest, place: Place, name: str) -> bool:
    """Whether the block is run at the very call that was chosen of several."""
    if place.call is None:
        return True
    for site in place.sites:
        syntax = bench.syntax(site.file)
        context = syntax.context(site.span)
        if context is None:
            return False
        near: list[ast.AST] = [syntax.parents[context.call], *context.call.args]
        for suite in suites(syntax.parents[context.statement]):
            if context.statement in suite:
                index = suite.index(context.statement)
                index += 1 if request.placement == "after" else -1
                near += [getattr(suite[index], "value", None)] if 0 <= index < len(suite) else []
        block = f"{context.receiver}.{name}"
        if not any(isinstance(n, ast.Call) and ast.unparse(n.func) == block for n in near):
            return False
    return True


def suites(node: ast.AST) -> list[list[ast.stmt]]:
    return [getattr(node, field, []) for field in ("body", "orelse", "finalbody")]


def replaced_already(bench: Workbench, place: Place, settings: Mapping[str, str]) -> bool:
    """Whether the source puts a block at the layer's own place; refuses one with other arguments."""
    for where, call in reversed(list(constructions(bench, place, place.layer_text))):
        written = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        for name, value in settings.items():
            if written.get(name) != value:
                raise StitchError(
                    "already-there",
                    f"{where} has {ast.unparse(call)} in the place of {place.target} already",
                    where=where,
                    hint=f"Edit that line: {name}={value}",
                )
        return True
    return False


def constructions(bench: Workbench, place: Place, name: str) -> Iterator[tuple[str, ast.Call]]:
    """The calls that the constructor (or the script) assigns to `name`, each with its place."""
    syntax = bench.syntax(place.anchor.file)
    function: ast.AST | None = syntax.tree
    if place.variable is None:
        function = syntax.method(*place.anchor.function.rsplit(".", 1))
    name = ast.unparse(ast.parse(name))  # with the quotes that `unparse` writes
    for node in ast.walk(function) if function is not None else ():
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            if ast.unparse(node.targets[0]) == name:
                yield f"{syntax.document.path}:{node.lineno}", node.value
