"""Blocks of all layers of a container are defined by one loop over it.

`for layer in self.layer3:` serves every configuration, however many layers each has there; lines
for one layer each would need a condition for those that not all configurations have.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from stitchgen.analysis.steps import Step, access, free_name
from stitchgen.analysis.survey import Survey, join
from stitchgen.planning.definitions import assigned_always, makes_call
from stitchgen.planning.point import Each, Place
from stitchgen.project.workspace import Workbench


def find_loops(
    bench: Workbench, survey: Survey, places: Sequence[Place], replaces: bool
) -> list[list[Place]]:
    """The places that one loop can define, with their `each` set; the others are left alone."""
    alike: dict[tuple[object, ...], list[tuple[Place, int]]] = {}
    for place in places:
        if not (place.from_class or replaces) or place.hooked or place.variable or place.features:
            continue
        steps = steps_to(place, replaces)
        for depth, step in enumerate(steps[: len(steps) - replaces]):
            if step.access.startswith("[") and step.parent != "dict":
                around = [one.identity for one in (*steps[:depth], *steps[depth + 1 :])]
                key = (place.anchor, "" if replaces else place.attribute, depth, *around)
                alike.setdefault(key, []).append((place, depth))
    found: list[list[Place]] = []
    for group in alike.values():
        depth, chosen = group[0][1], [place for place, _ in group]
        steps = steps_to(chosen[0], replaces)
        if any(place.each for place in chosen) or len(chosen) < 2:
            continue
        below = (*chosen[0].owner_steps, *chosen[0].below)
        lacking = others(survey, chosen, [step.name for step in below], depth)
        if lacking is None:
            continue
        container = access("self", steps[:depth])
        variable = variable_at(bench, chosen[0], container)
        conditions = []
        if lacking:
            step = below[depth + 1]
            conditions.append(presence(bench, survey, chosen[0], variable, step, lacking))
        if any(place.idle for place in chosen):
            owner = access(variable, chosen[0].owner_steps[depth + 1 :])
            conditions.append(makes_call(bench, survey, chosen[0], owner))
        guard = " and ".join(conditions) or None
        for place in chosen:
            place.each = Each(variable, container, depth + 1, guard)
        found.append(chosen)
    return found


def steps_to(place: Place, replaces: bool) -> tuple[Step, ...]:
    """From the class's instance to the module that gets the attribute, or to the layer itself."""
    if place.under or replaces:
        return (*place.owner_steps, *place.below)
    return place.owner_steps


def others(
    survey: Survey, places: Sequence[Place], names: list[str], depth: int
) -> list[str] | None:
    """The classes of those layers of the container that have nothing by the next name.

    None where one has it and is not among the places, or where there is no such container.
    """
    class_name = places[0].anchor.function.rpartition(".")[0]
    wanted = {
        (spot.configuration.expression, spot.path)
        for place in places
        for spot in (*place.spots, *place.idle)
    }
    lacking: dict[str, None] = {}
    for configuration in survey.configurations:
        for root in survey.roots(configuration, class_name, places[0].anchor.file):
            container = join(root, ".".join(names[:depth]))
            if container and container not in configuration.layers:
                return None
            for child in configuration.children(container):
                child = join(container, child)
                layer = join(child, ".".join(names[depth + 1 :]))
                if (configuration.expression, layer) in wanted:
                    continue
                if depth + 1 == len(names):
                    return None  # the elements themselves are meant, and this one is not
                if join(child, names[depth + 1]) in configuration.layers:
                    return None
                lacking[configuration.class_at(child)] = None
    return list(lacking)


def presence(
    bench: Workbench, survey: Survey, place: Place, variable: str, step: Step, lacking: list[str]
) -> str:
    """The condition under which the layer that the loop is at has what is meant."""
    always = [
        (name, anchor.file)
        for name, anchor in place.slots
        if assigned_always(bench, anchor, step.name)
    ]
    if all(any(survey.is_kind(key, *one) for one in always) for key in lacking):
        return f"{access(variable, (step,))} is not None"
    return f'getattr({variable}, "{step.name}", None) is not None'


def variable_at(bench: Workbench, place: Place, container: str) -> str:
    """A name for the loop: that of one over the same container, or one free in the constructor."""
    function = bench.syntax(place.anchor.file).method(*place.anchor.function.rsplit(".", 1))
    nodes = list(ast.walk(function)) if function is not None else []
    for node in nodes:
        if isinstance(node, ast.For) and isinstance(node.target, ast.Name):
            if ast.unparse(node.iter) == container:
                return node.target.id
    return free_name("layer", {node.id for node in nodes if isinstance(node, ast.Name)})


def agree(group: Sequence[Place]) -> bool:
    """Give all places the one expression for their channels that is right in the loop.

    False where there is none; then each needs a line of its own.
    """
    kept = [place.channels.get("kept") for place in group]
    if all(texts is None for texts in kept):
        return True  # given, or not named in the source
    if any(texts is None for texts in kept):
        return False
    common: list[str] | None = None
    for place, texts in zip(group, kept):
        here = [in_loop(place, text) for text in texts or ()]
        common = here if common is None else [text for text in common if text in here]
    each = group[0].each
    assert each is not None
    usable = [text for text in common or () if f"{each.container}[" not in text]
    for place in group:
        if usable:
            place.channels = {**place.channels, "expression": usable[0]}
    return bool(usable)


def in_loop(place: Place, text: str) -> str:
    """The expression with the layer that the loop is at in the place of its index."""
    assert place.each is not None
    steps = (*place.owner_steps, *place.below)
    own = access("self", steps[: place.each.depth])
    return text.replace(f"{own}.", f"{place.each.variable}.").replace(
        f"{own}[", f"{place.each.variable}["
    )


def release(group: Sequence[Place]) -> None:
    """Give each place a line of its own again."""
    for place in group:
        place.each = None
