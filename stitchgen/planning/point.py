"""Where a block goes, as data: its calls, its definition, what it reads beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from stitchgen.analysis.steps import Element, Site, Step, access
from stitchgen.analysis.survey import Configuration, Spot, Survey, first_place, join, merged_steps
from stitchgen.errors import StitchError
from stitchgen.planning.joins import Method, Source
from stitchgen.project.workspace import Workbench
from stitchgen.rewrite.constructor import Anchor
from stitchgen.source.document import Span
from stitchgen.targets.request import AddRequest
from stitchgen.targets.resolve import Resolved


@dataclass(frozen=True)
class Feature:
    """The output of another layer that a place reads, in a variable of the function."""

    target: str
    source: Source
    spots: Sequence[Spot]
    creating: Span  # the statement that creates the layer
    anchor: Anchor
    call: int | None
    sites: Sequence[Site]  # where it is kept; none where the model's own variable has it
    overwritten: bool  # what follows writes to it in place
    by_number: bool


@dataclass(frozen=True)
class Each:
    """A loop of the constructor over a container, which defines the block of every layer in it."""

    variable: str
    container: str  # `self.layer3`
    depth: int  # of the steps from `self` that lead to the variable
    guard: str | None = None  # where not all layers in it have what is meant


@dataclass(frozen=True)
class Asked:
    """One target of a request, and the layers that it means in all configurations."""

    bench: Workbench
    survey: Survey
    request: AddRequest
    block: str
    resolved: Resolved
    spots: Sequence[Spot]
    name: str  # as the report names the target
    element: Element | None

    @property
    def call(self) -> int | str | None:
        return self.resolved.located.target.call


NOWHERE = Anchor("", (0, 0), "", 0)
SERIAL = Method("")


@dataclass
class Place:
    """One block of a request: where it is defined and called."""

    target: str
    resolved: Resolved
    spots: Sequence[Spot]  # where the block is wanted
    lacking: Sequence[tuple[Configuration, str]]  # roots that have no such layer
    sites: Sequence[Site]
    owner: str  # path of the calls' owner below the instance of the target's class
    owner_steps: tuple[Step, ...]
    below: tuple[Step, ...]  # from the owner to the layer
    slot: bool
    attribute: str
    anchor: Anchor  # where the block itself is constructed
    creating: Span = (0, 0)  # the statement that creates the layer: the anchor's, until it is moved
    slots: list[tuple[str, Anchor]] = field(default_factory=list)  # (class, where its slot goes)
    guard: str | None = None  # under which condition the layer is there at all
    call: int | None = None  # the number of the call, of several
    element: Element | None = None  # of what the layer gives
    mixed: bool = False  # elsewhere another module is in the place of the Sequential called
    under: bool = False  # the block is a child of the layer itself, not its sibling
    hooked: bool = False  # and is run by a forward hook
    variable: str | None = None  # of a script, in which the model is: the block is attached there
    moved: str = ""  # `.to(device)`: how the script moves the model that it builds
    idle: Sequence[Spot] = ()  # layers of the same name whose caller does not make the call meant
    wish: str = ""  # the attribute's name before it was numbered
    each: Each | None = None  # where one loop defines the blocks of several places
    channels: dict[str, Any] = field(default_factory=dict)
    strategy: str = ""
    method: Method = SERIAL  # how the block's output is joined with the layer's
    features: list[Feature] = field(default_factory=list)  # of other layers, that it reads
    reader: str | None = None  # path, below the root, of the one layer that gets the block's output
    read_at: Sequence[
        Spot
    ] = ()  # the layers of that reader; () where the place's own call is meant
    argument: tuple[int | str, int | None] | None = None  # of the reader's call: which is meant

    def block_path(self, spot: Spot) -> str:
        """Where the block is in the edited model."""
        if self.under:
            return join(spot.path, self.attribute)
        return join(join(spot.root, self.owner), self.attribute)

    @property
    def from_class(self) -> bool:
        """Whether the definition stands in the class of the target, not in the calls' owner's."""
        return self.slot or self.under

    @property
    def definition_owner(self) -> str:
        """The expression, in the anchor's function, of the module that gets the attribute."""
        if self.under:
            return self.layer_text
        return self.reach(self.owner_steps) if self.slot else "self"

    @property
    def layer_text(self) -> str:
        """The layer itself, as the anchor's function writes it."""
        steps = (*self.owner_steps, *self.below) if self.from_class else self.below
        return self.reach(steps)

    def reach(self, steps: tuple[Step, ...]) -> str:
        """What the steps from `self` lead to, as the anchor's function writes it."""
        if self.each is not None:
            return access(self.each.variable, steps[self.each.depth :])
        return access(self.variable or "self", steps)

    def definition_root(self, spot: Spot) -> str:
        """Path of the module in whose `__init__` the definition stands."""
        return spot.root if self.from_class else join(spot.root, self.owner)


def steps_of(
    survey: Survey, spots: Sequence[Spot], name: str, start: str, end: str | None = None
) -> tuple[Step, ...]:
    """The steps from the class's instance to `start`, or from there to `end`, in all spots."""
    ways = []
    for spot in spots:
        first = join(spot.root, start)
        if end is None:
            ways.append(survey.steps(spot.configuration, spot.root, first))
        else:
            ways.append(survey.steps(spot.configuration, first, join(spot.root, end)))
    steps = merged_steps(ways)
    if steps is None:
        raise configuration_dependent(name, spots)
    return steps


def configuration_dependent(name: str, spots: Sequence[Spot]) -> StitchError:
    builds = sorted({spot.configuration.expression for spot in spots})
    return StitchError(
        "configuration-dependent",
        f"{name} stands at different places of its container in {', '.join(builds[:4])}",
        where=first_place(spots[0].layer),
        hint="Name the configuration that you use: --build EXPR",
        suggestions=[f"--build '{build}'" for build in builds[:4]],
    )
