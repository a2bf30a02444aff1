"""Where a block goes: the owner of the calls, the call sites, the definition.

Everything here is decided from what was observed in all configurations together and from the
source; nothing is written.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from stitchgen.analysis.steps import Site, access, attribute_name, inside_of_slice
from stitchgen.analysis.survey import (
    Configuration,
    Spot,
    Survey,
    check_callable,
    first_place,
    in_project,
    join,
    merged_steps,
    no_such_call,
    sites_of,
)
from stitchgen.analysis.uses import layer_uses
from stitchgen.errors import StitchError
from stitchgen.planning.definitions import (
    callers,
    class_around,
    class_of,
    free_attribute,
    settle_definition,
)
from stitchgen.planning.elements import element_of
from stitchgen.planning.hooks import attached_place, check_not_container, is_container, script_place
from stitchgen.planning.point import NOWHERE, Asked, Place, configuration_dependent, steps_of
from stitchgen.planning.unexecuted_calls import unexecuted_sites
from stitchgen.project.workspace import Workbench
from stitchgen.targets.request import AddRequest
from stitchgen.targets.resolve import Resolved


def find_places(
    bench: Workbench, request: AddRequest, block: str, survey: Survey, resolved: Resolved
) -> list[Place]:
    """Decide everything about a target but its channels: one place, or one a call with `@all`."""
    spots, name = resolved.spots(survey), resolved.named(bench)
    call, element = resolved.located.target.call, None
    if resolved.located.target.element is not None:
        element = element_of(spots, resolved.located.target.element, request.placement, name)
    asked = Asked(bench, survey, request, block, resolved, spots, name, element)
    if request.placement == "replace" and resolved.variable is None:
        if not any(max(spot.layer["calls"].values()) for spot in spots):
            check_callable(spots[0], bench.root, call, name)  # which it is not
        return [replace_place(asked)]
    try:
        outside = [
            spot for spot in spots if check_callable(spot, bench.root, call, name, request.attach)
        ]
    except StitchError as error:
        if resolved.assignment is not None and error.where is None:
            error.where = f"{bench.relative(resolved.file)}:{resolved.assignment.line}"
        raise
    if resolved.variable is not None:
        return [script_place(asked)]
    if outside:
        return [attached_place(asked)]
    return called_places(asked)


def called_places(asked: Asked) -> list[Place]:
    """The places at the calls that the project's own code makes."""
    survey, spots = asked.survey, asked.spots
    pairs = [(spot, owner, site) for spot in spots for owner, site in sites_of(survey, spot)]
    owners = {owner[len(spot.root) :].lstrip(".") for spot, owner, _ in pairs}
    shared = len(owners) > 1 and asked.call == "all"
    if len(owners) != 1 and not shared:
        raise StitchError(
            "unsupported",
            f"{asked.name} is called by several modules: {', '.join(sorted(owners)) or 'none'}",
            where=first_place(spots[0].layer),
            hint="One block at every call of it: @all",
            suggestions=[f"{asked.name.partition('@')[0]}@all"],
        )
    sites = merge_sites(asked.bench, pairs, asked.name)
    if shared:  # the block is the layer's own, run at every call
        return [place_at_calls(asked, "", spots, sites, None, under=True)]
    owner = owners.pop()
    groups: list[tuple[int | None, list[Site]]] = [(None, sites)]
    if asked.call is not None:
        groups = sites_by_call(sites, asked.call, asked.name)
    places: list[Place] = []
    for number, chosen in groups:
        making = spots
        if number is not None:
            making = making_call(asked.bench, survey, pairs, chosen, number, asked.name)
        under = any(has_layer_alone(asked.bench, survey, making, owner, site) for site in chosen)
        under = under or runs_its_children(asked.bench, survey, making, owner, chosen)
        taken = [place.attribute for place in places]
        places.append(place_at_calls(asked, owner, making, chosen, number, under, taken))
    return places


def place_at_calls(
    asked: Asked,
    owner: str,
    making: Sequence[Spot],
    sites: Sequence[Site],
    number: int | None,
    under: bool,
    taken: Sequence[str] = (),
) -> Place:
    """The place of the block at calls of one number, or at all: a child of the calls' owner, or, where
    that would run it as one of its layers, of the layer itself."""
    bench, survey, request, resolved = asked.bench, asked.survey, asked.request, asked.resolved
    below = steps_of(survey, asked.spots, asked.name, owner, resolved.path)
    if under:
        no_child = is_container(survey, asked.spots) or asked.element is not None
        if no_child and request.attach and asked.call is None:
            return attached_place(asked)
        check_not_container(survey, asked.spots, asked.name)
    wish = request.name or attribute_name(() if under else below, asked.block, asked.element)
    holder, near = (resolved.path, ()) if under else (owner, sites)
    place = Place(
        target=asked.name,
        resolved=resolved,
        spots=making,
        lacking=(),
        idle=[spot for spot in asked.spots if all(spot is not one for one in making)],
        sites=sites,
        owner=owner,
        owner_steps=steps_of(survey, asked.spots, asked.name, owner),
        below=below,
        slot=not under and needs_slot(bench, survey, resolved, making, owner, sites),
        under=under,
        attribute=free_attribute(bench, making, holder, near, wish, taken),
        wish=wish,
        anchor=NOWHERE,
        call=number,
        element=asked.element,
    )
    settle_definition(bench, survey, place)
    if not place.from_class and runs_for_others(bench, place):
        place.slot = True
        settle_definition(bench, survey, place)
    check_no_other(bench, survey, place)
    place.mixed = is_mixed(bench, survey, place)
    if number is None:
        place.sites = [*place.sites, *unexecuted_sites(bench, place)]
    return place


def sites_by_call(
    sites: Sequence[Site], call: int | str, name: str
) -> list[tuple[int | None, list[Site]]]:
    """The sites of the calls wanted, each of which must be of one call only."""
    plain = name.partition("@")[0]
    numbers = sorted({number for site in sites for number in site.numbers})
    if call == "all" and (len(sites) == 1 or any(len(site.numbers) > 1 for site in sites)):
        return [(None, list(sites))]  # run several times, as in a Siamese network: one block
    wanted = numbers if call == "all" else [call]
    groups: list[tuple[int | None, list[Site]]] = []
    for number in wanted:
        chosen = [site for site in sites if number in site.numbers]
        if not chosen:
            raise no_such_call(plain, len(numbers), number)
        for site in chosen:
            if len(site.numbers) > 1:
                raise StitchError(
                    "many-calls",
                    f"{plain}: one place in the source makes the calls "
                    + ", ".join(map(str, site.numbers)),
                    where=f"{site.file}",
                    hint="Calls in a loop cannot be told apart by a line of source.",
                )
        groups.append((int(number), chosen))
    return groups


def making_call(
    bench: Workbench,
    survey: Survey,
    pairs: Sequence[tuple[Spot, str, Site]],
    sites: Sequence[Site],
    number: int,
    name: str,
) -> list[Spot]:
    """The layers that get such a call. The others' callers have to be of other classes.

    Refused where one class makes the call in some configurations only: the block would be dead in
    the others.
    """
    making = {id(spot): spot for spot, _, site in pairs if number in site.numbers}
    classes = {(class_of(bench, site), site.file) for site in sites}
    for spot, owner, _ in pairs:
        key = spot.configuration.class_at(owner)
        if id(spot) not in making and any(survey.is_kind(key, *one) for one in classes):
            raise called_less_often(next(iter(making.values())), spot, number, name)
    return list(making.values())


def called_less_often(making: Spot, other: Spot, number: int, name: str) -> StitchError:
    how_often = " and ".join(
        f"{max(spot.layer['calls'].values())}x in {spot.configuration.expression}"
        for spot in (making, other)
    )
    return StitchError(
        "configuration-dependent",
        f"{name.partition('@')[0]} is called {how_often}, so call {number} is not in both",
        where=first_place(other.layer),
        hint="Name the configuration that you use: --build EXPR",
        suggestions=[f"--build '{making.configuration.expression}'"],
    )


def merge_sites(bench: Workbench, pairs: Sequence[tuple[Spot, str, Site]], name: str) -> list[Site]:
    """Each place in the source once, with the steps that hold in all configurations."""
    by_place: dict[tuple[str, tuple[int, ...]], list[tuple[Spot, Site]]] = {}
    for spot, _, site in pairs:
        by_place.setdefault((site.file, site.span), []).append((spot, site))
    merged = []
    for (file, span), here in by_place.items():
        sites = [site for _, site in here]
        to_called = merged_steps(site.to_called for site in sites)
        chain = merged_steps(site.chain for site in sites)
        if to_called is None or chain is None:
            raise configuration_dependent(name, [spot for spot, _, _ in pairs])
        if sites[0].how == "slice" and len({id(s) for s, _ in here}) < len(
            {id(s) for s, *_ in pairs}
        ):
            chain = inside_of_slice(chain)
        document = bench.syntax(file).document
        line, column, end_line, end_column = span
        merged.append(
            replace(
                sites[0],
                span=(document.offset(line, column), document.offset(end_line, end_column)),
                to_called=to_called,
                chain=chain,
                numbers=tuple(sorted({n for site in sites for n in site.numbers})),
            )
        )
    return sorted(merged, key=lambda site: (site.file, site.span))


def needs_slot(
    bench: Workbench,
    survey: Survey,
    resolved: Resolved,
    spots: Sequence[Spot],
    owner: str,
    sites: Sequence[Site],
) -> bool:
    """Whether the code at the sites also runs for instances that are not wanted."""

    def is_target(configuration: Configuration, path: str) -> bool:
        key = configuration.class_at(path)
        return survey.is_kind(key, resolved.class_name, str(resolved.file))

    wanted = {(id(spot.configuration), join(spot.root, owner)) for spot in spots}
    targets = {(id(spot.configuration), spot.root) for spot in spots}
    for caller in callers(bench, survey, spots, owner, sites):
        for configuration in survey.configurations:
            for path in survey.roots(configuration, *caller):
                if (id(configuration), path) in wanted:
                    continue
                # An instance of the target's class that lacks the layer is no other user.
                if not owner and (id(configuration), path) not in targets:
                    if is_target(configuration, path):
                        continue
                return True
    return is_used_by_others(bench, survey, spots, owner)


def is_used_by_others(bench: Workbench, survey: Survey, spots: Sequence[Spot], owner: str) -> bool:
    """Whether other models of the project may have the classes between the target's and the calls."""
    own: set[tuple[str, Path]] = set()
    between: set[tuple[str, Path]] = set()
    for spot in spots:
        around = ["", *owner.split(".")] if owner else [""]
        for depth, name in enumerate(around):
            path = join(spot.root, ".".join(around[1 : depth + 1]))
            key = spot.configuration.class_at(path)
            for kind in (key, *(survey.classes[key] or {}).get("bases", ())):
                about = survey.classes.get(kind)
                if about and in_project(about["file"], bench.root):
                    own.add((about["name"], Path(about["file"])))
                    if name:
                        between.add((about["name"], Path(about["file"])))
    return any(bench.sources.has_other_users(name, file, own) for name, file in between)


def is_mixed(bench: Workbench, survey: Survey, place: Place) -> bool:
    """Whether what is called at the sites is a Sequential in some instances only: a shortcut may be
    an nn.Identity in the others."""
    ways = {tuple(step.name for step in site.to_called) for site in place.sites if site.chain}
    for caller in callers(bench, survey, place.spots, place.owner, place.sites) if ways else ():
        for configuration in survey.configurations:
            for root in survey.roots(configuration, *caller):
                for way in ways:
                    called = join(root, ".".join(way))
                    if called and called not in configuration.layers:
                        continue
                    if survey.kind(configuration.class_at(called)) != "sequential":
                        return True
    return False


def runs_for_others(bench: Workbench, place: Place) -> bool:
    """Whether the calls stand in a base class, and other classes inherit them but not the block."""
    own = place.anchor.function.rpartition(".")[0]
    for class_name in {class_of(bench, site) for site in place.sites} - {own}:
        if bench.sources.has_other_heirs(class_name, own):
            return True
    return False


def check_no_other(bench: Workbench, survey: Survey, place: Place) -> None:
    """Refuse where the constructor is that of a base class, which is built on its own as well."""
    class_name = place.anchor.function.rpartition(".")[0]
    wanted = {(id(spot.configuration), place.definition_root(spot)) for spot in place.spots}
    path = place.resolved.path
    below = path if place.from_class else path[len(place.owner) :].lstrip(".")
    for configuration in survey.configurations:
        for root in survey.roots(configuration, class_name, place.anchor.file):
            if (id(configuration), root) in wanted or join(root, below) not in configuration.layers:
                continue
            own = survey.classes[configuration.class_at(root)]["name"]
            if own == place.resolved.class_name:
                continue  # an instance that is not meant, for which there is a slot
            where = f"{bench.relative(place.anchor.file)}:{place.anchor.line}"
            base = f"{bench.relative(place.anchor.file)}::{class_name}.{below}"
            raise StitchError(
                "configuration-dependent",
                f"{place.target} is created by {class_name}, and {configuration.expression} "
                f"{'has a' if root else 'is a'} {own} that would get the block too",
                where=where,
                hint="Name the class that creates it, for all that derive from it.",
                suggestions=[base],
            )


def replace_place(asked: Asked) -> Place:
    """`--replace` assigns to the layer's own place, right after it was created."""
    resolved = asked.resolved
    place = Place(
        target=asked.name,
        resolved=resolved,
        spots=asked.spots,
        lacking=(),
        sites=(),
        owner="",
        owner_steps=(),
        below=steps_of(asked.survey, asked.spots, asked.name, "", resolved.path),
        slot=False,
        attribute=resolved.path,
        anchor=NOWHERE,
        strategy="line",
    )
    settle_definition(asked.bench, asked.survey, place)
    return place


def has_layer_alone(
    bench: Workbench, survey: Survey, spots: Sequence[Spot], owner: str, site: Site
) -> bool:
    """Whether who calls the layer was handed it, and knows nothing of the module that has it: a
    function, or a method of another object."""
    if site.chain:
        return False
    here = class_around(bench, site)
    if here is not None:
        keys = [spot.configuration.class_at(join(spot.root, owner)) for spot in spots]
        if all(survey.is_kind(key, here, site.file) for key in keys):
            return False
    call = bench.syntax(site.file).call_at(site.span)
    return call is None or not ast.unparse(call.func).endswith(access("", site.to_called))


def runs_its_children(
    bench: Workbench, survey: Survey, spots: Sequence[Spot], owner: str, sites: Sequence[Site]
) -> bool:
    """Whether a new child of the owner would be taken for one of its layers and run."""
    for spot in spots:
        if survey.kind(spot.configuration.class_at(join(spot.root, owner))) != "module":
            return True
    for site in sites:
        syntax = bench.syntax(site.file)
        uses = layer_uses(
            syntax.tree, syntax.document.text, class_of(bench, site), site.to_called[0].name
        )
        if any(use.kind == "iteration" and use.path == "*" for use in uses):
            return True
    return False
