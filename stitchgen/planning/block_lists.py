"""The blocks of all layers of a container are a `ModuleList` beside it, which the loop that runs the layers
goes over as well.

    self.stages_se = nn.ModuleList([SE(channels=stage[0].out_channels) for stage in self.stages])

It serves every configuration, however many layers the container has there.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from stitchgen.analysis.steps import Site, Step, access, attribute_name
from stitchgen.planning.container_loops import others, variable_at, variable_over
from stitchgen.planning.definitions import constructor_of, free_attribute
from stitchgen.planning.plan import Planning
from stitchgen.planning.point import BlockList, ContainerLoop, Holder, InsertionPoint
from stitchgen.rewrite.parallel_loop import BlockAtCall, Blocks
from stitchgen.source.syntax import Syntax
from stitchgen.source.tree import nodes_in


def find_lists(
    planning: Planning, points: Sequence[InsertionPoint]
) -> dict[tuple[int, ...], ContainerLoop]:
    """The groups of points, by their numbers, whose blocks one list each can hold."""
    alike: dict[tuple[object, ...], list[int]] = {}
    for number, point in enumerate(points):
        depth = element_depth(point)
        if depth is None or not may_be_listed(point):
            continue
        steps = point.calls.below
        around = [step.identity for step in (*steps[:depth], *steps[depth + 1 :])]
        alike.setdefault((point.definition.point, depth, *around), []).append(number)
    found: dict[tuple[int, ...], ContainerLoop] = {}
    for numbers in alike.values():
        loop = list_beside(planning, [points[number] for number in numbers])
        if loop is not None:
            found[tuple(numbers)] = loop
    return found


def element_depth(point: InsertionPoint) -> int | None:
    """Which of the steps to the layer a pattern left open with its `*`, where it is one of a list."""
    steps, pattern = point.calls.below, point.calls.resolved.pattern
    for back in range(1, min(len(steps), len(pattern)) + 1):
        step = steps[-back]
        if pattern[-back] == "*" and step.access.startswith("[") and step.parent != "dict":
            return len(steps) - back
        if pattern[-back] == "*":
            return None
    return None


def may_be_listed(point: InsertionPoint) -> bool:
    """Whether the block is all that there is of the point, at calls of the layer itself."""
    calls, join = point.calls, point.join
    return (
        calls.holder is Holder.OWNER
        and calls.number is None
        and calls.element is None
        and not calls.inactive
        and not join.others
        and join.reader is None
        and join.method.serial
        and bool(calls.sites)
        and all(site.how == "call" and not site.chain for site in calls.sites)
    )


def list_beside(planning: Planning, points: Sequence[InsertionPoint]) -> ContainerLoop | None:
    """The list of the blocks of all these layers; None where other layers of the container get none, or
    a call does not tell which layer it runs."""
    first = points[0]
    depth = element_depth(first)
    assert depth is not None
    steps = first.calls.below
    if others(planning, points, [step.name for step in steps], depth) != []:
        return None
    block = planning.block.name.rpartition("/")[2]
    preferred = planning.request.name or attribute_name(steps[:depth], block)
    attribute = free_attribute(
        planning, first.calls.instances, first.calls.owner, first.calls.sites, preferred
    )
    suffix = attribute_name((), block)
    container = access("self", steps[:depth])
    blocks = BlockList(attribute, preferred, suffix, index_name(planning, first, container))
    variable = variable_at(planning, first, container)
    loop = ContainerLoop(variable, container, depth + 1, blocks=blocks)
    # Several loops may run a part of the container each.
    sites = {(site.file, site.span): site for point in points for site in point.calls.sites}
    beside = attribute == preferred  # else one of that name is there, perhaps this very one
    if beside and any(block_at_call(planning, loop, steps, one) is None for one in sites.values()):
        return None
    return loop


def index_name(planning: Planning, point: InsertionPoint, container: str) -> str:
    """A name for the number of a layer: that of a loop over these numbers, or one free in the constructor."""
    function = constructor_of(planning.workspace, point.definition.point)
    nodes = list(nodes_in(function)) if function is not None else []
    known = variable_over(nodes, f"range(len({container}))")
    taken = {node.id for node in nodes if isinstance(node, ast.Name)}
    return known or next((name for name in ("i", "index") if name not in taken), "index_")


def block_at_call(
    planning: Planning, loop: ContainerLoop, steps: tuple[Step, ...], site: Site
) -> BlockAtCall | None:
    """The block beside the layer that a call runs, with the edits of the loop around it."""
    assert loop.blocks is not None
    syntax: Syntax = planning.workspace.syntax(site.file)
    context = syntax.context(site.span)
    if context is None:
        return None
    blocks = Blocks(
        attribute=loop.blocks.attribute,
        container=steps[: loop.depth - 1],
        rest=steps[loop.depth :],
        suffix=loop.blocks.suffix,
        line_length=planning.project.line_length,
    )
    return blocks.at_call(syntax, context)
