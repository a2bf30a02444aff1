"""The original and the edited model, and the one state from which all of their runs start."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import torch
from torch import nn

from stitchgen.observer.forwards.splice import Splice, added_names, under
from stitchgen.observer.tensors.perturb import perturb, turn_units
from stitchgen.observer.tensors.slots import Slot, slots
from stitchgen.observer.tensors.state import Snapshot, copy_state
from stitchgen.observer.tensors.values import same_tensor


class Guarded(NamedTuple):
    """An old tensor as it was before a block ran."""

    slot: Slot
    version: int
    value: Optional[torch.Tensor]  # of buffers; parameters are known by their version


class Original:
    """The model as it was, and what is the same for all edits of it. It is changed, and taken back."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.pristine = Snapshot(model)
        #: The perturbed states, by scale and seed.
        self._perturbed: Dict[Tuple[float, int], Snapshot] = {}
        #: What runs showed, by all that it depends on.
        self.shown: Dict[Tuple[Any, ...], Any] = {}

    def perturbed(self, scale: float, seed: int) -> Snapshot:
        """The perturbed state, which the model then has."""
        known = self._perturbed.get((scale, seed))
        if known is None:
            self.pristine.restore()
            perturb(slots(self.model), scale, seed)
            known = self._perturbed[scale, seed] = Snapshot(self.model)
        else:
            known.restore()
        return known


class Models:
    """The two models. Both are changed."""

    def __init__(
        self, original: Original, edited: nn.Module, splices: Sequence[Splice], seed: int
    ) -> None:
        self.known = original
        self.original = original.model
        self.edited = edited
        self.seed = seed
        #: How far the weights are perturbed.
        self.scale = 1.0
        self.block_names = [name for s in splices for name in added_names(edited, s)]
        self.pristine_blocks = {s.path: s.tensor.detach().clone() for s in self.block_slots()}

    def in_block(self, path: str) -> bool:
        """Whether a path of the edited model lies in what was added."""
        return under(path, self.block_names)

    def block_slots(self) -> List[Slot]:
        return [slot for slot in slots(self.edited) if self.in_block(slot.path)]

    def prepare(self, scale: float) -> None:
        """Perturb the original and give the edited model the same state."""
        self.scale = scale
        self.of_original = self.known.perturbed(scale, self.seed)
        copy_state(self.original, self.edited, self.in_block)
        self.perturb_blocks(0)

    def perturb_blocks(self, attempt: int) -> None:
        """Other weights for the blocks; every second attempt raises biases, to wake dead ReLUs.

        A narrow block without biases can be dead for every input (one hidden unit, a negative
        sum of weights), so attempts after the first also turn units around.
        """
        added = self.block_slots()
        self._reset(added)
        if attempt:
            turn_units(added, self.seed + 211 + attempt)
        lift = 0.2 * self.scale * attempt if attempt % 2 else 0.0
        scale = self.scale * (1 + attempt % 3)
        perturb(added, scale, self.seed + 101 + attempt, lift)
        values = self.of_original.values
        shared = {path: values[path] for path in values if not self.in_block(path)}
        self.of_edited = Snapshot(self.edited, shared)
        self.guarded = [
            slot
            for slot in slots(self.edited)
            if slot.kind != "attribute" and not self.in_block(slot.path)
        ]

    def reset_blocks(self) -> None:
        """Give what was added the weights that it starts with."""
        self._reset(self.block_slots())

    def _reset(self, added: Sequence[Slot]) -> None:
        with torch.no_grad():
            for slot in added:
                value = self.pristine_blocks.get(slot.path)
                if value is not None and value.shape == slot.tensor.shape:
                    slot.tensor.data.copy_(value)

    def restore(self, model: nn.Module) -> None:
        """Take one of the two models back to the state from which runs start."""
        (self.of_original if model is self.original else self.of_edited).restore()

    def state(self) -> Dict[str, torch.Tensor]:
        """The tensors of the original as they are now, not copied."""
        return {slot.path: slot.tensor for slot in slots(self.original)}

    def state_difference(self, state: Optional[Mapping[str, torch.Tensor]] = None) -> Optional[str]:
        """The first old tensor that the edited model now has otherwise than the original."""
        if state is None:
            state = self.state()
        for slot in slots(self.edited):
            if slot.path in state and not self.in_block(slot.path):
                if not same_tensor(slot.tensor, state[slot.path]):
                    return "%s is left with other values after a forward" % slot.path
        return None

    def guard(self) -> List[Guarded]:
        """The old state of the edited model before a block runs."""
        return [
            Guarded(s, version(s.tensor), s.tensor.detach().clone() if s.kind == "buffer" else None)
            for s in self.guarded
        ]


def written(guard: Sequence[Guarded]) -> Optional[str]:
    """The path of an old tensor that a block wrote to or replaced; None where there is none."""
    for slot, before, value in guard:
        assert isinstance(slot.holder, dict)
        if (
            slot.holder.get(slot.path.rpartition(".")[2]) is not slot.tensor
            or version(slot.tensor) != before
            or (value is not None and not same_tensor(slot.tensor, value))
        ):
            return slot.path
    return None


def version(tensor: torch.Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version
