"""Where a block is relative to its layer, and what the runs and checks ask of that."""

from __future__ import annotations

from typing import Dict, NamedTuple


class Placement(NamedTuple):
    """One way in which a block B stands at a layer T that is fed x."""

    name: str  # as in a splice's `placement`
    fed_output: bool = False  # the block is fed what the layer gives, else what the layer is fed
    changes_input: bool = False  # what it gives takes the place of what the layer is fed
    changes_output: bool = False  # or of what the layer gives
    is_branch: bool = False  # it runs beside the layer, on the same input
    replaces: bool = False  # the layer is gone


PLACEMENTS: Dict[str, Placement] = {
    one.name: one
    for one in (
        Placement("after", fed_output=True, changes_output=True),  # B(T(x))
        Placement("before", changes_input=True),  # T(B(x))
        Placement("beside", changes_output=True, is_branch=True),  # T(x) + B(x)
        Placement("replace", replaces=True),  # B(x)
    )
}
