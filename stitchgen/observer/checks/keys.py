"""Every key of the old state_dict is there with its shape, and each new one belongs to a block."""

from __future__ import annotations

from typing import Dict, List, Sequence

from torch import nn

from stitchgen.observer.checks.check import Check
from stitchgen.observer.checks.failed import CheckFailed
from stitchgen.observer.checks.pair import Pair
from stitchgen.observer.checks.wording import few
from stitchgen.observer.forwards.splice import added_names, names_of, under
from stitchgen.observer.tensors.slots import slots


class Keys(Check):
    name = "keys"

    def before_runs(self, pair: Pair) -> None:
        blocks: List[str] = []
        inserted: List[str] = []
        replaced: List[str] = []
        for splice in pair.splices:
            names = added_names(pair.edited, splice)
            blocks += names
            if splice.placement.replaces:
                replaced += names_of(pair.original, splice.old)
            else:
                inserted += names
        before, after = pair.shapes
        keys = pair.keys
        for key in keys["lost"]:
            if not under(key, replaced):
                raise CheckFailed("keys", "The key %s of the old state_dict is lost." % key)
        for key in keys["reshaped"]:
            if not under(key, replaced):
                shapes = (key, before[key], after[key])
                raise CheckFailed("keys", "The key %s had the shape %s and now has %s." % shapes)
        for key in before:
            if under(key, inserted):
                message = "The old key %s now belongs to a block: old weights would load into it."
                raise CheckFailed("keys", message % key)
        for key in keys["added"]:
            if not under(key, blocks) and pair.absent:
                message = "This configuration lacks %s, yet it now has %s, which nothing trains."
                raise CheckFailed("keys", message % (" and ".join(few(pair.absent)), key))
            if not under(key, blocks):
                raise CheckFailed("keys", "The new key %s does not belong to a block." % key)
        require_ties(pair.original, pair.edited, replaced)


def require_ties(original: nn.Module, edited: nn.Module, replaced: Sequence[str]) -> None:
    """Parameters that are one tensor under several paths still are."""
    tied: Dict[int, List[str]] = {}
    for slot in slots(original):
        if slot.kind == "parameter" and not under(slot.path, replaced):
            tied.setdefault(id(slot.tensor), []).append(slot.path)
    now = {slot.path: id(slot.tensor) for slot in slots(edited)}
    for paths in tied.values():
        if len({now.get(path) for path in paths}) > 1:
            message = "%s were one tensor (tied weights) and no longer are."
            raise CheckFailed("keys", message % " and ".join(paths))
