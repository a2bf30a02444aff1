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
) -> bool:
    """Whether the source has this very block at the target; refuses one with other arguments."""
    if not place.wish or place.wish == place.attribute:
        return False
    for where, call in constructions(bench, place, f"{place.definition_owner}.{place.wish}"):
        if ast.unparse(call.func) != class_name:
            continue
        written = ast.unparse(call)
        if written == ast.unparse(ast.parse(construction)):
            return True
        if request.name is not None:
            continue
        raise StitchError(
            "already-there",
            f"{where} has {written} at {place.target} already; this command would write "
            f"{construction}",
            where=where,
            hint=f"Edit that line, or pass --name {place.attribute} for a second block.",
        )
    return False


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
    """The calls that the constructor assigns to `name`, each with its place."""
    syntax = bench.syntax(place.anchor.file)
    function = syntax.method(*place.anchor.function.rsplit(".", 1))
    for node in ast.walk(function) if function is not None else ():
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            if ast.unparse(node.targets[0]) == name:
                yield f"{syntax.document.path}:{node.lineno}", node.value
