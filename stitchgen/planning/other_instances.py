"""Who else runs the code at the calls, or is made by the constructor of the block: other instances of the
classes, other classes that inherit from them, other users in the project."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stitchgen.analysis.survey import Configuration, LayerInstance, join
from stitchgen.errors import StitchError
from stitchgen.planning.definitions import callers, class_of
from stitchgen.planning.plan import Planning
from stitchgen.planning.point import Calls, Definition
from stitchgen.project.python_files import in_project


def needs_slot(planning: Planning, calls: Calls) -> bool:
    """Whether the code at the sites also runs for instances that are not wanted."""
    survey, resolved = planning.survey, calls.resolved

    def is_target(configuration: Configuration, path: str) -> bool:
        key = configuration.class_at(path)
        return survey.is_kind(key, resolved.class_name, str(resolved.file))

    wanted = {(id(one.configuration), join(one.root, calls.owner)) for one in calls.instances}
    targets = {(id(one.configuration), one.root) for one in calls.instances}
    for caller in callers(planning, calls):
        for configuration in survey.configurations:
            for path in survey.roots(configuration, *caller):
                if (id(configuration), path) in wanted:
                    continue
                # An instance of the target's class that lacks the layer is no other user.
                if not calls.owner and (id(configuration), path) not in targets:
                    if is_target(configuration, path):
                        continue
                return True
    return is_used_by_others(planning, calls.instances, calls.owner)


def is_used_by_others(planning: Planning, instances: Sequence[LayerInstance], owner: str) -> bool:
    """Whether other models of the project may have the classes between the target's and the calls."""
    survey, workspace = planning.survey, planning.workspace
    own: set[tuple[str, Path]] = set()
    between: set[tuple[str, Path]] = set()
    for one in instances:
        around = ["", *owner.split(".")] if owner else [""]
        for depth, name in enumerate(around):
            path = join(one.root, ".".join(around[1 : depth + 1]))
            for kind in survey.lineage(one.configuration.class_at(path)):
                about = survey.classes.get(kind)
                if about and in_project(about.file, workspace.root):
                    own.add((about.name, Path(about.file)))
                    if name:
                        between.add((about.name, Path(about.file)))
    return any(workspace.usages.has_other_users(name, file, own) for name, file in between)


def is_mixed(planning: Planning, calls: Calls) -> bool:
    """Whether what is called at the sites is a Sequential in some instances only: a shortcut may be
    an nn.Identity in the others."""
    survey = planning.survey
    ways = {tuple(step.name for step in site.to_called) for site in calls.sites if site.chain}
    for caller in callers(planning, calls) if ways else ():
        for configuration in survey.configurations:
            for root in survey.roots(configuration, *caller):
                for way in ways:
                    called = join(root, ".".join(way))
                    if called and called not in configuration.layers:
                        continue
                    if survey.kind(configuration.class_at(called)) != "sequential":
                        return True
    return False


def runs_for_others(planning: Planning, calls: Calls, own: str) -> bool:
    """Whether the calls stand in a base class, and other classes inherit them but not the block, which
    is defined in the class `own`."""
    workspace = planning.workspace
    return any(
        workspace.usages.has_other_subclasses(name, own)
        for name in {class_of(workspace, site) for site in calls.sites} - {own}
    )


def gets_it_too(planning: Planning, calls: Calls, definition: Definition) -> StitchError | None:
    """The refusal of a constructor that is that of a base class, and makes instances of other classes with
    the layer as well."""
    survey, point = planning.survey, definition.point
    wanted = {(id(one.configuration), calls.definition_root(one)) for one in calls.instances}
    below = calls.path_to_layer
    for configuration in survey.configurations:
        for root in survey.roots(configuration, point.class_name, point.file):
            if (id(configuration), root) in wanted or join(root, below) not in configuration.layers:
                continue
            own = survey.class_of(configuration, root).name
            if own == calls.resolved.class_name:
                continue  # an instance that is not meant, for which there is a slot
            found = f"{configuration.expression} {'has a' if root else 'is a'} {own}"
            return serves_others(planning, calls, definition, found)
    named = calls.resolved.class_name
    if point.class_name == named or calls.resolved.variable is not None:
        return None
    keys = [one.configuration.class_at(one.root) for one in calls.instances]
    lineage = [survey.classes[key].name for key in survey.lineage(keys[0])] if keys else []
    if point.class_name not in lineage or named not in lineage:
        return (
            None  # the constructor of the calls' owner, not of a base of the class that was named
        )
    lineage = lineage[lineage.index(named) :]
    if planning.workspace.usages.has_subclasses_beside(point.class_name, lineage):
        found = f"another class inherits {point.class_name}"
        return serves_others(planning, calls, definition, found)
    return None


def serves_others(
    planning: Planning, calls: Calls, definition: Definition, found: str
) -> StitchError:
    point = definition.point
    shown = planning.workspace.relative(point.file)
    return StitchError(
        "configuration-dependent",
        f"{calls.target} is created by {point.class_name}, and {found} that would get the block too",
        where=f"{shown}:{point.line}",
        hint="Name the class that creates it, for all that derive from it.",
        suggestions=[f"{shown}::{point.class_name}.{calls.path_to_layer}"],
    )
