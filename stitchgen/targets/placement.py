"""Where a block goes relative to its layer, and what follows from it: the four placements."""

from __future__ import annotations

from dataclasses import dataclass

from stitchgen.analysis.layer_facts import Side


@dataclass(frozen=True)
class Placement:
    """One way to put a block B at a layer T that is fed x."""

    name: str  # of the option: `--after`
    fed: Side  # which tensor of the layer the block is fed
    #: Which tensor of the layer the result takes the place of; a fusion joins the block with it.
    value: Side
    #: Which end of a Sequential gives (or is fed) what the Sequential gives (or is fed): -1, 0; None for
    #: a placement that needs both.
    end: int | None = None
    fuses: bool = False  # may be joined with the layer's output by `--fuse`
    always_fuses: bool = False
    replaces: bool = False  # the layer is gone afterwards
    names_reader: bool = False  # `--into` may name who gets the result
    takes_elements: bool = False  # `#0` of what the layer gives may be meant

    @property
    def in_series(self) -> bool:
        """Whether the result takes the place of what the block is fed, so that several may stand in a row."""
        return self.fed == self.value

    @property
    def is_branch(self) -> bool:
        """Whether the block runs beside the layer, on what the layer is fed."""
        return not (self.in_series or self.replaces)

    def __str__(self) -> str:
        return self.name


#: B(T(x)), or with a fusion T(x) + B(T(x)).
AFTER = Placement(
    "after", "output", "output", end=-1, fuses=True, names_reader=True, takes_elements=True
)
#: T(B(x)).
BEFORE = Placement("before", "input", "input", end=0)
#: T(x) + B(x).
BESIDE = Placement("beside", "input", "output", fuses=True, always_fuses=True)
#: B(x).
REPLACE = Placement("replace", "input", "output", replaces=True)

PLACEMENTS = {one.name: one for one in (AFTER, BEFORE, BESIDE, REPLACE)}
