"""What `add` works on and what it decides: the task as it was given, the plan as it grows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stitchgen.catalog.block import Block
from stitchgen.planning.point import Place
from stitchgen.project.config import Project
from stitchgen.project.workspace import Workbench
from stitchgen.targets.model import Session
from stitchgen.targets.request import AddRequest


@dataclass(frozen=True)
class Task:
    """A request, with everything that is known before the model is looked at."""

    project: Project
    request: AddRequest
    block: Block | None  # None: layers are fused, and there is no block
    settings: Mapping[str, str]  # the `--set` values as source
    session: Session


@dataclass
class Plan:
    """Everything decided, before anything is written."""

    bench: Workbench
    places: list[Place] = field(default_factory=list)
    uses: set[str] = field(default_factory=set)  # block files, relative to the root
    passed_over: list[str] = field(default_factory=list)  # of a class, never called
    already: list[Place] = field(default_factory=list)  # those at which the very block stands
    notes: list[dict[str, str]] = field(default_factory=list)  # warnings, ready for the report
    #: Those whose block a statement of the model initialises, with its line.
    initialised: list[tuple[Place, int]] = field(default_factory=list)

    @property
    def fresh(self) -> list[Place]:
        """The places at which something is to be written."""
        return [place for place in self.places if place not in self.already]
