"""Blocks of all layers of a container are defined by one loop over it.

`for layer in self.layer3:` serves every configuration, however many layers each has there; lines
for one layer each would need a condition for those that not all configurations have.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import replace

from stitchgen.analysis.steps import Step, access, free_name
from stitchgen.analysis.survey import join
from stitchgen.planning.definitions import assigned_always, constructor_of, makes_call
from stitchgen.planning.plan import Planning
from stitchgen.planning.point import ContainerLoop, InsertionPoint
from stitchgen.source.tree import nodes_in


def find_loops(
    planning: Planning, points: Sequence[InsertionPoint]
) -> dict[tuple[int, ...], ContainerLoop]:
    """The groups of points, by their numbers, that one loop each can define."""
    replaces = planning.request.placement.replaces
    alike: dict[tuple[object, ...], list[tuple[int, int]]] = {}
    for number, point in enumerate(points):
        calls = point.calls
        if not (calls.from_class or replaces) or calls.hooked or point.join.others:
            continue
        steps = steps_to(point, replaces=replaces)
        for depth, step in enumerate(steps[: len(steps) - replaces]):
            if step.access.startswith("[") and step.parent != "dict":
                around = [one.identity for one in (*steps[:depth], *steps[depth + 1 :])]
                attribute = "" if replaces else point.attribute
                key = (point.definition.point, attribute, depth, *around)
                alike.setdefault(key, []).append((number, depth))
    found: dict[tuple[int, ...], ContainerLoop] = {}
    looped: set[int] = set()
    for group in alike.values():
        depth, numbers = group[0][1], tuple(number for number, _ in group)
        if len(numbers) < 2 or looped & set(numbers):
            continue
        loop = loop_over(planning, [points[number] for number in numbers], depth)
        if loop is not None:
            found[numbers] = loop
            looped |= set(numbers)
    return found


def loop_over(
    planning: Planning, points: Sequence[InsertionPoint], depth: int
) -> ContainerLoop | None:
    """The loop over the container at that depth; None where others in it would get the block too."""
    first = points[0]
    below = (*first.calls.owner_steps, *first.calls.below)
    without_layer = others(planning, points, [step.name for step in below], depth)
    if without_layer is None:
        return None
    steps = steps_to(first, replaces=planning.request.placement.replaces)
    container = access("self", steps[:depth])
    variable = variable_at(planning, first, container)
    conditions = []
    if without_layer:
        conditions.append(presence(planning, first, variable, below[depth + 1], without_layer))
    if any(point.calls.inactive for point in points):
        owner = access(variable, first.calls.owner_steps[depth + 1 :])
        conditions.append(makes_call(planning, first.calls, first.definition.point, owner))
    return ContainerLoop(variable, container, depth + 1, " and ".join(conditions) or None)


def steps_to(point: InsertionPoint, *, replaces: bool) -> tuple[Step, ...]:
    """From the class's instance to the module that gets the attribute, or to the layer itself."""
    calls = point.calls
    return (*calls.owner_steps, *calls.below) if calls.under or replaces else calls.owner_steps


def others(
    planning: Planning, points: Sequence[InsertionPoint], names: list[str], depth: int
) -> list[str] | None:
    """The classes of those layers of the container that have nothing by the next name.

    None where one has it and is not among the points, or where there is no such container.
    """
    survey, definition = planning.survey, points[0].definition.point
    wanted = {
        (one.configuration.expression, one.path)
        for point in points
        for one in (*point.calls.instances, *point.calls.inactive)
    }
    without_layer: dict[str, None] = {}
    for configuration in survey.configurations:
        for root in survey.roots(configuration, definition.class_name, definition.file):
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
                without_layer[configuration.class_at(child)] = None
    return list(without_layer)


def presence(
    planning: Planning, point: InsertionPoint, variable: str, step: Step, without_layer: list[str]
) -> str:
    """The condition under which the layer that the loop is at has what is meant."""
    always = [
        (slot.class_name, slot.point.file)
        for slot in point.definition.slots
        if assigned_always(planning.workspace, slot.point, step.name)
    ]
    if all(any(planning.survey.is_kind(key, *one) for one in always) for key in without_layer):
        return f"{access(variable, (step,))} is not None"
    return f'getattr({variable}, "{step.name}", None) is not None'


def variable_at(planning: Planning, point: InsertionPoint, container: str) -> str:
    """A name for the loop: that of one over the same container, or one free in the constructor."""
    function = constructor_of(planning.workspace, point.definition.point)
    nodes = list(nodes_in(function)) if function is not None else []
    taken = {node.id for node in nodes if isinstance(node, ast.Name)}
    return variable_over(nodes, container) or free_name("layer", taken)


def variable_over(nodes: Iterable[ast.AST], iterable: str) -> str | None:
    """The variable of a loop or a comprehension that goes over that."""
    for node in nodes:
        if isinstance(node, (ast.For, ast.comprehension)) and isinstance(node.target, ast.Name):
            if ast.unparse(node.iter) == iterable and node.target.id != "_":
                return node.target.id
    return None


def in_one_loop(
    points: Sequence[InsertionPoint], loop: ContainerLoop
) -> list[InsertionPoint] | None:
    """The points with their definitions in the loop, and the one expression for their channels that is
    right there.

    None where there is none; then each needs a line of its own.
    """
    looped = [listed(point.with_definition(loop=loop)) for point in points]
    kept = [point.naming.channels.kept for point in looped]
    if all(texts is None for texts in kept):
        return looped  # given, or not named in the source
    if any(texts is None for texts in kept):
        return None
    common: list[str] | None = None
    for point, texts in zip(looped, kept):
        here = [one for text in texts or () for one in in_loop(point, loop, text)]
        common = here if common is None else [text for text in common if text in here]
    usable = [text for text in common or () if f"{loop.container}[" not in text]
    if not usable:
        return None
    return [
        point.with_naming(channels=replace(point.naming.channels, expression=usable[0]))
        for point in looped
    ]


def listed(point: InsertionPoint) -> InsertionPoint:
    """The point with its block as one of the loop's list, where that makes one."""
    loop = point.definition.loop
    if loop is None or loop.blocks is None:
        return point
    step = point.calls.below[loop.depth - 1]
    name = f"{loop.blocks.attribute}.{step.name}"
    return point.with_naming(attribute=name, preferred=loop.blocks.preferred)


def in_loop(point: InsertionPoint, loop: ContainerLoop, text: str) -> list[str]:
    """The expression with the layer that the loop is at, or its number, in the place of an index."""
    steps = point.calls.steps_to_layer
    own = access("self", steps[: loop.depth])
    found = [text.replace(f"{own}.", f"{loop.variable}.").replace(f"{own}[", f"{loop.variable}[")]
    number = steps[loop.depth - 1].access
    if loop.blocks is not None and number in text and own not in text:
        found.append(text.replace(number, f"[{loop.blocks.index}]"))
    return found
