"""Where a block goes: the owner of the calls, the call sites, the definition.

Everything here is decided from what was observed in all configurations together and from the
source; nothing is written.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from stitchgen.analysis.steps import Site, Step, access, attribute_name, inside_of_slice
from stitchgen.analysis.survey import (
    LayerInstance,
    SiteInConfiguration,
    join,
    merged_steps,
)
from stitchgen.analysis.uses import layer_uses
from stitchgen.errors import StitchError
from stitchgen.planning import editable
from stitchgen.planning.definitions import (
    class_around,
    class_of,
    define,
    definition_point,
    free_attribute,
    names_of_elements,
)
from stitchgen.planning.editable import needs_hook, no_such_call
from stitchgen.planning.elements import element_of
from stitchgen.planning.hooks import (
    Asked,
    attached_point,
    check_not_container,
    is_container,
    script_point,
)
from stitchgen.planning.named_children import child_point
from stitchgen.planning.other_instances import (
    gets_it_too,
    is_mixed,
    is_used_by_others,
    needs_slot,
    runs_for_others,
)
from stitchgen.planning.plan import Planning
from stitchgen.planning.point import (
    Calls,
    Definition,
    Holder,
    InsertionPoint,
    Naming,
    configuration_dependent,
    steps_of,
)
from stitchgen.planning.unexecuted_calls import unexecuted_sites
from stitchgen.project.python_files import in_project
from stitchgen.source.document import Document
from stitchgen.targets.resolve import Resolved

#: The sites of the calls of one number, or of all calls.
Group = tuple[int | None, tuple[Site, ...]]


def find_points(planning: Planning, block: str, resolved: Resolved) -> list[InsertionPoint]:
    """Decide calls and definition of a target: one point, or one a call with `@all`."""
    request, workspace = planning.request, planning.workspace
    instances, name = wanted_instances(planning, resolved), resolved.named(workspace)
    target, element = resolved.located.target, None
    if target.element is not None:
        element = element_of(instances, target.element, request.placement, name)
    asked = Asked(planning, block, resolved, tuple(instances), name, element)
    script = workspace.relative(resolved.file) if resolved.variable is not None else None
    layers = [
        editable.Asked(one, workspace.root, target.call, name, planning.survey.read, script)
        for one in instances
    ]
    if request.placement.replaces and resolved.variable is None:
        if not any(one.calls for one in layers):
            needs_hook(layers[0], attach=False)  # says why it is never called
        return [replaced_point(asked)]
    if (child := child_point(asked)) is not None:
        return [child]
    try:
        hooked = [needs_hook(one, attach=request.attach) for one in layers]
    except StitchError as error:
        if resolved.assignment is not None and error.where is None:
            error.where = f"{workspace.relative(resolved.file)}:{resolved.assignment.line}"
        raise
    if resolved.variable is not None:
        return [script_point(asked)]
    if any(hooked):
        return [attached_point(asked)]
    return called_points(asked)


def wanted_instances(planning: Planning, resolved: Resolved) -> list[LayerInstance]:
    """The layers that a target means, without those that a configuration that nobody asked for never runs."""
    found, variants = resolved.instances(planning.survey), planning.survey.variants
    run = [one for one in found if one.configuration.expression not in variants or one.facts.times]
    return run or found


def called_points(asked: Asked) -> list[InsertionPoint]:
    """The points at the calls that the project's own code makes."""
    planning, name = asked.planning, asked.name
    found = [site for one in asked.instances for site in asked.survey.sites(one)]
    owners = {site.owner[len(site.instance.root) :].lstrip(".") for site in found}
    shared = len(owners) > 1 and asked.call == "all"
    if len(owners) != 1 and not shared:
        raise StitchError(
            "unsupported",
            f"{name} is called by several modules: {', '.join(sorted(owners)) or 'none'}",
            where=asked.instances[0].facts.where,
            hint="One block at every call of it: @all",
            suggestions=[f"{name.partition('@')[0]}@all"],
        )
    inner = None if shared else built_once(planning, asked, min(owners))
    if inner is not None:
        return find_points(planning, asked.block, inner)
    sites = merge_sites(planning, found, name)
    if shared:  # the block is the layer's own, run at every call
        return [point_at_calls(asked, "", asked.instances, (None, sites), under=True)]
    owner = owners.pop()
    groups: list[Group] = [(None, sites)]
    if asked.call is not None:
        groups = sites_by_call(sites, asked.call, name)
    points: list[InsertionPoint] = []
    for group in groups:
        making = asked.instances
        if group[0] is not None:
            making = making_call(planning, found, group, name)
        under = any(has_layer_alone(planning, making, owner, site) for site in group[1])
        under = under or runs_its_children(planning, making, owner, group[1])
        taken = [point.attribute for point in points]
        points.append(point_at_calls(asked, owner, making, group, under=under, taken=taken))
    return points


def built_once(planning: Planning, asked: Asked, owner: str) -> Resolved | None:
    """The layer as one of the class of its calls' owner, where every model has one instance of that.

    Who types the edit puts the block into that class, and fills no slot of it from afar.
    """
    survey, workspace = planning.survey, planning.workspace
    keys = {one.configuration.class_at(join(one.root, owner)) for one in asked.instances}
    if not owner or len(keys) != 1 or asked.resolved.variable is not None:
        return None
    key = keys.pop()
    about = survey.classes[key]
    if not in_project(about.file, workspace.root) or survey.kind(key) != "module":
        return None  # what a container holds is not made in its own class
    meant = {
        (id(one.configuration), one.configuration.own_name(join(one.root, owner)))
        for one in asked.instances
    }
    found = {
        (id(configuration), root)
        for configuration in survey.configurations
        for root in survey.roots(configuration, about.name, about.file)
    }
    # What is on the way to it has the block as well where it is built by itself.
    parts = {
        one.configuration.class_at(path)
        for one in asked.instances
        for path in above(join(one.root, owner))
    }
    by_itself = {id(one) for one in survey.configurations if one.class_key in parts}
    by_itself -= {configuration for configuration, _ in meant}
    rest = asked.resolved.path[len(owner) :].lstrip(".")
    elsewhere = is_used_by_others(planning, asked.instances, owner)
    if {one for one in found if one[0] not in by_itself} != meant or elsewhere:
        return None
    if len(survey.instances(about.name, about.file, rest)) != len(found):
        return None  # the class lacks the layer elsewhere
    return replace(asked.resolved, file=Path(about.file), class_name=about.name, path=rest)


def above(path: str) -> Iterator[str]:
    """`a.b.c`, `a.b`, `a`."""
    while path:
        yield path
        path = path.rpartition(".")[0]


def point_at_calls(
    asked: Asked,
    owner: str,
    making: tuple[LayerInstance, ...],
    group: Group,
    *,
    under: bool,
    taken: Sequence[str] = (),
) -> InsertionPoint:
    """The point of the block at calls of one number, or at all: a child of the calls' owner, or, where
    that would run it as one of its layers, of the layer itself."""
    planning, survey, resolved = asked.planning, asked.survey, asked.resolved
    number, sites = group
    below = steps_of(survey, asked.instances, asked.name, owner, resolved.path)
    if under:
        no_child = is_container(survey, asked.instances) or asked.element is not None
        if no_child and planning.request.attach and asked.call is None:
            return attached_point(asked)
        check_not_container(asked)
    preferred = planning.request.name or attribute_name(
        () if under else below, asked.block, asked.element
    )
    if not planning.request.inside:
        taken = (*taken, *names_of_elements(planning.workspace, asked.name))
    holder, near = (resolved.path, ()) if under else (owner, sites)
    attribute = free_attribute(planning, making, holder, near, preferred, taken)
    calls = Calls(
        target=asked.name,
        resolved=resolved,
        instances=making,
        below=below,
        sites=sites,
        owner=owner,
        owner_steps=steps_of(survey, asked.instances, asked.name, owner),
        inactive=tuple(one for one in asked.instances if all(one is not other for other in making)),
        number=number,
        element=asked.element,
        holder=Holder.LAYER if under else Holder.OWNER,
    )
    calls, definition = defined(planning, held(planning, calls))
    if calls.slot and is_any_of_a_list(asked, below):
        # Slots have a number each, and lists have another length in another configuration.
        return point_at_calls(asked, owner, making, group, under=True, taken=taken)
    if definition.may_lack:
        calls = replace(calls, sites=tuple(map(open_ended, calls.sites)))
    calls = replace(calls, mixed=is_mixed(planning, calls))
    if number is None:
        calls = replace(calls, sites=(*calls.sites, *unexecuted_sites(planning, calls)))
    return InsertionPoint(calls, definition, Naming(attribute, preferred))


def is_any_of_a_list(asked: Asked, below: tuple[Step, ...]) -> bool:
    """Whether a pattern means every layer of a list, each of which can have a block as its child."""
    if asked.element is not None or is_container(asked.survey, asked.instances) or not below:
        return False
    last = below[-1]
    return asked.resolved.pattern[-1:] == ("*",) and last.parent == "list"


def defined(planning: Planning, calls: Calls) -> tuple[Calls, Definition]:
    """The calls with the definition of their block: in the constructor that creates the layer, or, where
    that serves other classes as well, in the one of the class that was named."""
    definition = define(planning, calls)
    other = gets_it_too(planning, calls, definition)
    if other is None:
        return calls, definition
    if not calls.owner or calls.from_class:
        own = calls if calls.under else replace(calls, holder=Holder.SLOT)
        definition = define(planning, own, by_class=True)
        if gets_it_too(planning, own, definition) is None:
            return own, definition
    raise other


def held(planning: Planning, calls: Calls) -> Calls:
    """The calls with a slot in their class, where the code there runs for other instances as well."""
    if calls.under:
        return calls
    slot = replace(calls, holder=Holder.SLOT)
    if needs_slot(planning, calls):
        return slot
    own = definition_point(planning, calls, calls.owner).class_name
    return slot if runs_for_others(planning, calls, own) else calls


def open_ended(site: Site) -> Site:
    """Where the layer is missing, a Sequential may end earlier, so no step is the last for all."""
    return replace(site, chain=tuple(replace(step, last=False) for step in site.chain))


def sites_by_call(sites: tuple[Site, ...], call: int | str, name: str) -> list[Group]:
    """The sites of the calls wanted, each of which must be of one call only."""
    plain = name.partition("@")[0]
    numbers = sorted({number for site in sites for number in site.numbers})
    if call == "all" and (len(sites) == 1 or any(len(site.numbers) > 1 for site in sites)):
        return [(None, sites)]  # run several times, as in a Siamese network: one block
    wanted = numbers if call == "all" else [call]
    groups: list[Group] = []
    for number in wanted:
        chosen = tuple(site for site in sites if number in site.numbers)
        if not chosen:
            raise no_such_call(plain, len(numbers), number)
        for site in chosen:
            if len(site.numbers) > 1:
                raise StitchError(
                    "many-calls",
                    f"{plain}: one place in the source makes the calls "
                    + ", ".join(map(str, site.numbers)),
                    where=f"{site.file}",
                    hint="Calls in a loop cannot be distinguished by a line of source.",
                )
        groups.append((int(number), chosen))
    return groups


def making_call(
    planning: Planning, found: Sequence[SiteInConfiguration], group: Group, name: str
) -> tuple[LayerInstance, ...]:
    """The layers that get the call of that number. The others' callers have to be of other classes.

    Refused where one class makes the call in some configurations only: the block would be dead in
    the others.
    """
    number, sites = group
    assert number is not None
    making = {id(one.instance): one.instance for one in found if number in one.site.numbers}
    classes = {(class_of(planning.workspace, site), site.file) for site in sites}
    for one in found:
        key = one.instance.configuration.class_at(one.owner)
        if id(one.instance) not in making:
            if any(planning.survey.is_kind(key, *other) for other in classes):
                raise called_less_often(next(iter(making.values())), one.instance, number, name)
    return tuple(making.values())


def called_less_often(
    making: LayerInstance, other: LayerInstance, number: int, name: str
) -> StitchError:
    how_often = " and ".join(
        f"{one.facts.times}x in {one.configuration.expression}" for one in (making, other)
    )
    return StitchError(
        "configuration-dependent",
        f"{name.partition('@')[0]} is called {how_often}, so call {number} is not in both",
        where=other.facts.where,
        hint="Name the configuration that you use: --build EXPR",
        suggestions=[f"--build '{making.configuration.expression}'"],
    )


def merge_sites(
    planning: Planning, found: Sequence[SiteInConfiguration], name: str
) -> tuple[Site, ...]:
    """Each place in the source once, with the steps that hold in all configurations."""
    by_place: dict[tuple[object, ...], list[SiteInConfiguration]] = {}
    for one in found:
        by_place.setdefault((one.site.file, one.site.position), []).append(one)
    merged = []
    for here in by_place.values():
        first = here[0].site
        to_called = merged_steps(one.to_called for one in here)
        chain = merged_steps(one.chain for one in here)
        if to_called is None or chain is None:
            raise configuration_dependent(name, [one.instance for one in found])
        everywhere = len({id(one.instance) for one in here}) == len(
            {id(one.instance) for one in found}
        )
        if first.how == "slice" and not everywhere:
            chain = inside_of_slice(chain)
        assert first.file is not None and first.position is not None
        document = planning.workspace.syntax(first.file).document
        merged.append(
            Site(
                file=first.file,
                span=span_of_position(document, *first.position),
                function=first.function,
                owner_class=first.owner_class,
                how=first.how,
                to_called=to_called,
                chain=chain,
                numbers=tuple(sorted({n for one in here for n in one.site.numbers})),
            )
        )
    return tuple(sorted(merged, key=lambda site: (site.file, site.span)))


def span_of_position(
    document: Document, line: int, column: int, end_line: int, end_column: int
) -> tuple[int, int]:
    return document.offset(line, column), document.offset(end_line, end_column)


def replaced_point(asked: Asked) -> InsertionPoint:
    """`--replace` assigns to the layer's own place, right after it was created."""
    path = asked.resolved.path
    calls = Calls(
        target=asked.name,
        resolved=asked.resolved,
        instances=asked.instances,
        below=steps_of(asked.survey, asked.instances, asked.name, "", path),
    )
    naming = Naming(path, strategy="line")
    return InsertionPoint(calls, define(asked.planning, calls), naming)


# Who has the block --------------------------------------------------------------------------------


def has_layer_alone(
    planning: Planning, instances: Sequence[LayerInstance], owner: str, site: Site
) -> bool:
    """Whether who calls the layer was handed it, and knows nothing of the module that has it: a
    function, or a method of another object."""
    if site.chain:
        return False
    here = class_around(planning.workspace, site)
    if here is not None:
        keys = [one.configuration.class_at(join(one.root, owner)) for one in instances]
        if all(planning.survey.is_kind(key, here, site.file) for key in keys):
            return False
    call = planning.workspace.syntax(site.file).call_at(site.span)
    return call is None or not ast.unparse(call.func).endswith(access("", site.to_called))


def runs_its_children(
    planning: Planning, instances: Sequence[LayerInstance], owner: str, sites: Sequence[Site]
) -> bool:
    """Whether a new child of the owner would be taken for one of its layers and run."""
    for one in instances:
        if planning.survey.kind(one.configuration.class_at(join(one.root, owner))) != "module":
            return True
    for site in sites:
        if not site.to_called:
            continue  # the call of a Sequential that is the owner itself
        syntax = planning.workspace.syntax(site.file)
        uses = layer_uses(
            syntax.tree,
            syntax.document.text,
            class_of(planning.workspace, site),
            site.to_called[0].name,
        )
        if any(use.kind == "iteration" and use.path == "*" for use in uses):
            return True
    return False
