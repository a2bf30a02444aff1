"""An insertion point, decided in stages: calls, then definition, then join, then naming.

Each stage is a frozen value that is made from those before it:

    Calls        which calls of which layer, in which instances, and what holds the block
    Definition   where in the source the block is constructed, and under which condition
    Join         how its output is joined with the layer's, and what else it reads
    Naming       the attribute, and the expression of the channels
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from stitchgen.analysis.steps import Element, Site, Step, access
from stitchgen.analysis.survey import LayerInstance, Survey, join, merged_steps
from stitchgen.errors import StitchError
from stitchgen.planning.joins import SERIAL, Method, Source
from stitchgen.rewrite.constructor import DefinitionPoint
from stitchgen.source.document import Span
from stitchgen.source.tree import nodes_in
from stitchgen.targets.resolve import Resolved


class Holder(Enum):
    """Which module gets the block as its child, and who fills it in."""

    OWNER = "the module that makes the call; its class constructs the block"
    SLOT = "that module; the class of the target fills one instance's empty slot"
    LAYER = "the layer itself; the class of the target constructs the block"
    HOOK = "the layer itself; a forward hook runs the block"


@dataclass(frozen=True)
class Calls:
    """The calls of one layer at which one block is run."""

    target: str  # as the report names it
    resolved: Resolved
    instances: tuple[LayerInstance, ...]  # where the block is wanted
    below: tuple[Step, ...]  # from the calls' owner to the layer
    sites: tuple[Site, ...] = ()
    owner: str = ""  # path of the calls' owner below the instance of the target's class
    owner_steps: tuple[Step, ...] = ()
    #: Layers of the same path whose caller, being of another class, does not make the call meant.
    inactive: tuple[LayerInstance, ...] = ()
    number: int | None = None  # of the call, of several
    element: Element | None = None  # of what the layer gives
    holder: Holder = Holder.OWNER
    mixed: bool = False  # elsewhere another module is in the place of the Sequential called
    variable: str | None = None  # of a script, which holds the model: the block is attached there
    moved: str = ""  # `.to(device)`: how the script moves the model that it builds

    @property
    def first(self) -> LayerInstance:
        return self.instances[0]

    @property
    def where(self) -> str | None:
        """`path:line` of the layer's first call."""
        return self.first.facts.where

    @property
    def slot(self) -> bool:
        return self.holder is Holder.SLOT

    @property
    def hooked(self) -> bool:
        return self.holder is Holder.HOOK

    @property
    def under(self) -> bool:
        """Whether the block is a child of the layer itself."""
        return self.holder in (Holder.LAYER, Holder.HOOK)

    @property
    def from_class(self) -> bool:
        """Whether the definition stands in the class of the target, not in the calls' owner's."""
        return self.holder is not Holder.OWNER

    @property
    def steps_to_layer(self) -> tuple[Step, ...]:
        """From the module in whose `__init__` the definition stands down to the layer."""
        return (*self.owner_steps, *self.below) if self.from_class else self.below

    @property
    def path_to_layer(self) -> str:
        """The same as a path."""
        path = self.resolved.path
        return path if self.from_class else path[len(self.owner) :].lstrip(".")

    def definition_root(self, instance: LayerInstance) -> str:
        """Path of the module in whose `__init__` the definition stands."""
        return instance.root if self.from_class else join(instance.root, self.owner)


@dataclass(frozen=True)
class BlockList:
    """A `ModuleList` that has the block of every layer of a container, in the same order."""

    attribute: str  # `stages_se`
    preferred: str  # before it was numbered
    suffix: str  # of the variable that has the block at a call: `stage_se`
    index: str  # a name for the number of a layer, free in the constructor


@dataclass(frozen=True)
class ContainerLoop:
    """A loop of the constructor over a container, which defines the block of every layer in it."""

    variable: str
    container: str  # `self.layer3`
    depth: int  # of the steps from `self` that lead to the variable
    guard: str | None = None  # where not all layers in it have what is meant
    blocks: BlockList | None = None  # where the blocks are not children of the layers

    def header(self, body: str) -> str:
        """`for layer in self.layer3`, or over the numbers of its layers, as the body needs it."""
        if self.blocks is None:
            return f"for {self.variable} in {self.container}"
        names = {node.id for node in nodes_in(ast.parse(body)) if isinstance(node, ast.Name)}
        if self.blocks.index in names:
            return f"for {self.blocks.index} in range(len({self.container}))"
        return f"for {self.variable if self.variable in names else '_'} in {self.container}"


@dataclass(frozen=True)
class Slot:
    """The empty attribute that a class with many instances gets."""

    class_name: str
    point: DefinitionPoint


@dataclass(frozen=True)
class Definition:
    """Where the block is constructed."""

    point: DefinitionPoint
    creating: Span  # the statement that creates the layer
    guard: str | None = None  # under which condition the layer is there at all
    slots: tuple[Slot, ...] = ()
    may_lack: bool = False  # an instance of the class may have no such layer
    loop: ContainerLoop | None = None  # where one loop defines the blocks of several points
    initialised_at: int | None = None  # line of the model's loop that sets the block's weights


@dataclass(frozen=True)
class OtherLayer:
    """The output of another layer that is read at an insertion point, in a variable of the function."""

    target: str
    source: Source
    instances: tuple[LayerInstance, ...]
    creating: Span  # the statement that creates the layer
    point: DefinitionPoint
    number: int | None
    sites: tuple[Site, ...]  # where it is kept; () where the model's own variable has it
    overwritten: bool  # what follows writes to it in place
    by_number: bool


@dataclass(frozen=True)
class Reader:
    """The one layer that gets the block's output (`--into`): the block stands in its argument."""

    path: str  # below the root
    instances: tuple[LayerInstance, ...]
    argument: tuple[int | str, int | None]  # of its call, and the element of that


@dataclass(frozen=True)
class Join:
    """How the block's output is joined with the layer's, and with what of other layers."""

    method: Method = SERIAL
    others: tuple[OtherLayer, ...] = ()
    reader: Reader | None = None


@dataclass(frozen=True)
class NamedChannels:
    """The channel count of what a block is fed, as the report tells it."""

    expression: str | None = None
    value: int | None = None
    evidence: str = "observed"  # see the JSON's `channels.evidence`
    reason: str | None = None  # why it is a literal
    kept: tuple[str, ...] | None = None  # the expressions that hold in every configuration

    def as_dict(self) -> dict[str, object]:
        return {"expression": self.expression, "value": self.value, "evidence": self.evidence}


@dataclass(frozen=True)
class Naming:
    """What the block is called, and what it is constructed with."""

    attribute: str
    preferred: str = ""  # before it was numbered
    made_of: str = ""  # the class of the block
    layout: str = ""  # of what it is fed, as it takes it; "" where its axes do not matter
    channels: NamedChannels = field(default_factory=NamedChannels)
    present: bool = False  # the very block is there already
    strategy: str = ""  # how its calls are written


@dataclass(frozen=True)
class Inside:
    """A block that is an element of the Sequential which its layer is in."""

    container: str  # path below the module whose constructor makes it
    index: int  # of the block
    key: str  # by which the Sequential has it
    moves: bool  # whether the elements behind it have other keys than before
    loader: str = ""  # the new file through which old weights load, where they have

    @property
    def path(self) -> str:
        """Of the block, as `named_modules()` prints it."""
        return f"{self.container}.{self.key}"

    @property
    def proven_as(self) -> str:
        """The same where the other elements keep their old names, as in the proof."""
        return f"{self.container}.inserted" if self.moves else self.path


@dataclass(frozen=True)
class InsertionPoint:
    """One block of a request: where it is called, where it is defined, how it is joined and named."""

    calls: Calls
    definition: Definition
    naming: Naming
    join: Join = field(default_factory=Join)
    inside: Inside | None = None

    @property
    def target(self) -> str:
        return self.calls.target

    @property
    def attribute(self) -> str:
        return self.naming.attribute

    @property
    def file(self) -> str:
        """The file of the definition."""
        return self.definition.point.file

    @property
    def class_name(self) -> str:
        """The class in whose constructor the definition stands."""
        return self.definition.point.class_name

    def block_path(self, instance: LayerInstance) -> str:
        """Where the block is in the edited model."""
        calls = self.calls
        if self.inside is not None:
            return join(join(instance.root, calls.owner), self.inside.proven_as)
        holder = instance.path if calls.under else join(instance.root, calls.owner)
        return join(holder, self.attribute)

    @property
    def definition_owner(self) -> str:
        """The expression, in the constructor, of the module that gets the attribute."""
        if self.calls.under:
            return self.layer_text
        return self.reach(self.calls.owner_steps) if self.calls.slot else "self"

    @property
    def layer_text(self) -> str:
        """The layer itself, as the constructor writes it."""
        return self.reach(self.calls.steps_to_layer)

    def reach(self, steps: tuple[Step, ...]) -> str:
        """What the steps from `self` lead to, as the constructor writes it."""
        loop = self.definition.loop
        if loop is not None:
            return access(loop.variable, steps[loop.depth :])
        return access(self.calls.variable or "self", steps)

    def with_definition(self, **changes: object) -> InsertionPoint:
        return replace(self, definition=replace(self.definition, **changes))  # type: ignore[arg-type]

    def with_join(self, **changes: object) -> InsertionPoint:
        return replace(self, join=replace(self.join, **changes))  # type: ignore[arg-type]

    def with_naming(self, **changes: object) -> InsertionPoint:
        return replace(self, naming=replace(self.naming, **changes))  # type: ignore[arg-type]


def steps_of(
    survey: Survey,
    instances: Sequence[LayerInstance],
    name: str,
    start: str,
    end: str | None = None,
) -> tuple[Step, ...]:
    """The steps from the class's instance to `start`, or from there to `end`, in all instances."""
    ways = []
    for one in instances:
        first = join(one.root, start)
        if end is None:
            ways.append(survey.steps(one.configuration, one.root, first))
        else:
            ways.append(survey.steps(one.configuration, first, join(one.root, end)))
    steps = merged_steps(ways)
    if steps is None:
        raise configuration_dependent(name, instances)
    return steps


def configuration_dependent(name: str, instances: Sequence[LayerInstance]) -> StitchError:
    builds = sorted({one.configuration.expression for one in instances})
    if len(builds) == 1:
        paths = [one.path for one in instances if one.configuration is instances[0].configuration]
        return StitchError(
            "configuration-dependent",
            f"{name} stands at different places of its container in {builds[0]}: {', '.join(paths[:4])}",
            where=instances[0].facts.where,
            hint="Name one of them, by its path from the model on.",
        )
    return StitchError(
        "configuration-dependent",
        f"{name} stands at different places of its container in {', '.join(builds[:4])}",
        where=instances[0].facts.where,
        hint="Name the configuration that you use: --build EXPR",
        suggestions=[f"--build '{build}'" for build in builds[:4]],
    )
