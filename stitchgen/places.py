"""Where a block goes: the owner of the calls, the call sites, the definition (floor 4).

Everything here is decided from what was observed in all configurations together and from the
source; nothing is written.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from stitchgen import observed, reading
from stitchgen.config import Project
from stitchgen.errors import StitchError
from stitchgen.observed import Spot, Survey, join
from stitchgen.request import AddRequest
from stitchgen.resolve import Resolved
from stitchgen.sites import Site, Step, access, attribute_name
from stitchgen.splice import Anchor, definition_anchor
from stitchgen.syntax import Function, Syntax
from stitchgen.workbench import Workbench


@dataclass
class Place:
    """One target of a request: where its block is defined and called."""

    target: str
    resolved: Resolved
    spots: Sequence[Spot]
    sites: Sequence[Site]
    owner: str  # path of the calls' owner below the instance of the target's class
    owner_steps: tuple[Step, ...]
    below: tuple[Step, ...]  # from the owner to the layer
    slot: bool
    attribute: str
    anchor: Anchor  # where the block itself is constructed
    slots: list[tuple[str, Anchor]] = field(default_factory=list)  # (class, where its slot goes)
    guard: str | None = None
    channels: dict[str, Any] = field(default_factory=dict)
    strategy: str = ""

    def block_path(self, spot: Spot) -> str:
        """Where the block is in the edited model."""
        return join(join(spot.root, self.owner), self.attribute)

    @property
    def definition_owner(self) -> str:
        """The expression, in the anchor's function, of the module that gets the attribute."""
        return access("self", self.owner_steps) if self.slot else "self"

    @property
    def layer_text(self) -> str:
        """The layer itself, as the anchor's function writes it."""
        steps = (*self.owner_steps, *self.below) if self.slot else self.below
        return access("self", steps)


def find_place(
    bench: Workbench,
    project: Project,
    request: AddRequest,
    survey: Survey,
    resolved: Resolved,
) -> Place:
    """Decide everything about a target but its channels."""
    spots = survey.spots(resolved.class_name, str(resolved.file), resolved.path)
    name = resolved.named(bench)
    call = resolved.located.target.call
    if request.placement == "replace":
        return replace_place(bench, survey, request, resolved, spots, name)
    for spot in spots:
        observed.check_callable(spot, project.root, call, name)
    pairs = [(spot, owner, site) for spot in spots for owner, site in observed.sites_of(survey, spot)]
    owners = {owner[len(spot.root) :].lstrip(".") for spot, owner, _ in pairs}
    if len(owners) != 1:
        raise StitchError(
            "unsupported",
            f"{name} is called by several modules: {', '.join(sorted(owners)) or 'none'}",
            where=observed.first_place(spots[0].layer),
        )
    owner = owners.pop()
    sites = merge_sites(bench, pairs, name)
    below = observed.merged(
        survey.steps(spot.configuration, join(spot.root, owner), spot.path) for spot in spots
    )
    owner_steps = observed.merged(
        survey.steps(spot.configuration, spot.root, join(spot.root, owner)) for spot in spots
    )
    if below is None or owner_steps is None:
        raise StitchError(
            "configuration-dependent",
            f"{name} stands at different places in "
            + " and ".join(sorted({spot.configuration.expression for spot in spots})[:4]),
            hint="Name the configuration that you use: --build EXPR",
        )
    check_calls(spots, sites, call, name)
    slot = needs_slot(survey, spots, owner, sites)
    attribute = request.name or free_attribute(
        bench, spots, owner, sites, attribute_name(below, request.block)
    )
    place = Place(
        target=name,
        resolved=resolved,
        spots=spots,
        sites=sites,
        owner=owner,
        owner_steps=owner_steps,
        below=below,
        slot=slot,
        attribute=attribute,
        anchor=Anchor("", (0, 0), "", 0),
    )
    if slot:
        place.anchor = anchor_in(bench, survey, spots, "", resolved.path, name)
        for class_name in dict.fromkeys(site.owner_class for site in sites):
            place.slots.append((class_name, slot_anchor(bench, survey, place, class_name)))
    else:
        path = ".".join(step.name for step in below)
        place.anchor = anchor_in(bench, survey, spots, owner, path, name)
    return place


def merge_sites(
    bench: Workbench, pairs: Sequence[tuple[Spot, str, Site]], name: str
) -> list[Site]:
    """Each place in the source once, with the steps that hold in all configurations."""
    by_place: dict[tuple[str, tuple[int, ...]], list[Site]] = {}
    for _, _, site in pairs:
        by_place.setdefault((site.file, site.span), []).append(site)
    merged = []
    for (file, span), sites in by_place.items():
        to_called = observed.merged(site.to_called for site in sites)
        chain = observed.merged(site.chain for site in sites)
        if to_called is None or chain is None:
            raise StitchError(
                "configuration-dependent",
                f"{name} stands at different places of its container in the configurations",
                where=f"{bench.relative(file)}:{span[0]}",
                hint="Name the configuration that you use: --build EXPR",
            )
        document = bench.syntax(file).document
        line, column, end_line, end_column = span
        first = sites[0]
        merged.append(
            Site(
                file=file,
                span=(document.offset(line, column), document.offset(end_line, end_column)),
                function=first.function,
                owner_class=first.owner_class,
                how=first.how,
                to_called=to_called,
                chain=chain,
            )
        )
    return sorted(merged, key=lambda site: (site.file, site.span))


def check_calls(
    spots: Sequence[Spot], sites: Sequence[Site], call: int | str | None, name: str
) -> None:
    if call is None:
        return
    calls = max(max(spot.layer["calls"].values()) for spot in spots)
    if isinstance(call, int) and not 1 <= call <= calls:
        raise StitchError(
            "target-not-found",
            f"{name}: the layer is called {calls} times in one forward pass",
            suggestions=[f"{name.partition('@')[0]}@{n}" for n in range(1, calls + 1)],
        )


def needs_slot(survey: Survey, spots: Sequence[Spot], owner: str, sites: Sequence[Site]) -> bool:
    """Whether the code at the sites also runs for instances that are not wanted."""
    wanted = {(id(spot.configuration), join(spot.root, owner)) for spot in spots}
    for spot in spots:
        configuration = spot.configuration
        for site in sites:
            class_name = site.function.rpartition(".")[0] or site.owner_class
            for path in survey.roots(configuration, class_name, site.file):
                if (id(configuration), path) not in wanted:
                    return True
    return False


def free_attribute(
    bench: Workbench, spots: Sequence[Spot], owner: str, sites: Sequence[Site], wish: str
) -> str:
    """The attribute's name, numbered where the class or the module has one of that name."""
    taken: set[str] = set()
    for spot in spots:
        taken |= set(spot.configuration.children(join(spot.root, owner)))
    for site in sites:
        taken |= bench.syntax(site.file).attributes_of(site.function.rpartition(".")[0])
    name, number = wish, 2
    while name in taken:
        name, number = f"{wish}_{number}", number + 1
    return name


def anchor_in(
    bench: Workbench,
    survey: Survey,
    spots: Sequence[Spot],
    start: str,
    path: str,
    name: str,
) -> Anchor:
    """The statement, in `__init__` of the module at `start` below each root, that creates `path`."""
    lines: dict[tuple[str, int], set[int]] = {}
    for spot in spots:
        module = join(spot.root, start)
        here = init_lines(survey, spot, module, path)
        for key, found in here.items():
            lines.setdefault(key, set()).update(found)
    if not lines:
        raise StitchError(
            "unsupported",
            f"{name} is not created by the `__init__` of the module that calls it",
            where=observed.first_place(spots[0].layer),
            hint="Create the layer in `__init__`, or pass a target in the class that creates it.",
        )
    if len(lines) > 1:
        places = ", ".join(sorted(f"{bench.relative(file)}:{first}" for file, first in lines))
        raise StitchError(
            "configuration-dependent",
            f"{name} is created by different constructors: {places}",
            hint="Name the configuration that you use: --build EXPR",
        )
    (file, first_line), numbers = lines.popitem()
    syntax = bench.syntax(file)
    function = function_at(syntax, first_line)
    if function is None:
        raise StitchError("unsupported", f"{name} is created outside of a function", where=file)
    statement = definition_anchor(syntax, function, numbers)
    return anchor_of(syntax, file, function, statement)


def anchor_of(syntax: Syntax, file: str, function: Function, statement: ast.stmt) -> Anchor:
    owner = syntax.enclosing_class(function)
    return Anchor(
        file=file,
        span=syntax.document.span_of(statement),
        function=f"{owner}.{function.name}" if owner else function.name,
        line=statement.end_lineno or statement.lineno,
    )


def init_lines(
    survey: Survey, spot: Spot, module: str, path: str
) -> dict[tuple[str, int], set[int]]:
    """Lines of the module's own `__init__` under which the links of the path were made.

    `{(file, first line of the function): lines}`; only the last link made counts, since the
    whole path exists after it. Of several `__init__`s (a class and its base) the outermost that
    is the user's is taken, which runs last.
    """
    full = spot.path
    names = full.split(".")
    depth = len(module.split(".")) if module else 0
    links = spot.layer["definition"] or []
    found: dict[tuple[str, int], set[int]] = {}
    for link in links[depth : len(names)]:
        frames = [
            frame
            for frame in link or ()
            if frame["self"] == module and frame["function"] == "__init__"
        ]
        if frames:
            frame = frames[0]
            found.setdefault((frame["file"], frame["first_line"]), set()).add(frame["line"])
    if len(found) > 1:
        last = max(found, key=lambda key: key[1])
        return {last: found[last]}
    return found


def function_at(syntax: Syntax, first_line: int) -> Function | None:
    """The function whose code object starts at that line (a decorator's, where it has one)."""
    for node in ast.walk(syntax.tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = {node.lineno, *(decorator.lineno for decorator in node.decorator_list)}
            if first_line in lines:
                return node
    return None


def slot_anchor(bench: Workbench, survey: Survey, place: Place, class_name: str) -> Anchor:
    """Where the class of many instances gets its empty slot: after the layer, or at the end."""
    site = next(site for site in place.sites if site.owner_class == class_name)
    calling = site.function.rpartition(".")[0]
    spots = [
        spot
        for spot in place.spots
        if any(
            s["owner_class"] == class_name for s in spot.layer["sites"]
        )
    ]
    syntax = bench.syntax(site.file)
    init = syntax.method(calling, "__init__")
    if init is None:
        raise StitchError(
            "unsupported",
            f"class {calling} has no __init__ in which a slot could be defined",
            where=f"{bench.relative(site.file)}:1",
        )
    lines: set[int] = set()
    for spot in spots:
        module = join(spot.root, place.owner)
        for (file, first), found in init_lines(survey, spot, module, "").items():
            if file == site.file and function_at(syntax, first) is init:
                lines |= found
    statement = definition_anchor(syntax, init, lines) if lines else init.body[-1]
    return anchor_of(syntax, site.file, init, statement)


def replace_place(
    bench: Workbench,
    survey: Survey,
    request: AddRequest,
    resolved: Resolved,
    spots: Sequence[Spot],
    name: str,
) -> Place:
    """`--replace` assigns to the layer's own place, right after it was created."""
    steps = observed.merged(
        survey.steps(spot.configuration, spot.root, spot.path) for spot in spots
    )
    if steps is None:
        raise StitchError(
            "configuration-dependent",
            f"{name} stands at different places in the configurations",
            hint="Name the configuration that you use: --build EXPR",
        )
    return Place(
        target=name,
        resolved=resolved,
        spots=spots,
        sites=[],
        owner="",
        owner_steps=(),
        below=steps,
        slot=False,
        attribute=resolved.path,
        anchor=anchor_in(bench, survey, spots, "", resolved.path, name),
        strategy="line",
    )


def uses_elsewhere(bench: Workbench, place: Place) -> list[tuple[str, Any]]:
    """Uses of the layer in its class's source that are not among the sites: `(file, Use)`."""
    left = []
    spliced = {(site.file, site.span) for site in place.sites}
    for site in place.sites:
        syntax = bench.syntax(site.file)
        class_name = site.function.split(".")[0]
        path = ".".join(step.name for step in place.below)
        for use in reading.uses(syntax.tree, syntax.document.text, class_name, path):
            if (site.file, use.span) not in spliced and (site.file, use.call) not in spliced:
                left.append((site.file, use))
    return left
