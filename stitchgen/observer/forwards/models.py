"""The original and the edited model, and the one state from which all of their runs start."""

from __future__ import annotations

import collections
from typing import (
    Any,
    Dict,
    FrozenSet,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

import torch
from torch import nn

from stitchgen.observer.forwards.splice import Splice, added_names, under
from stitchgen.observer.tensors.convolutions import Convolutions
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

    def __init__(self, model: nn.Module, *, shares: bool = True) -> None:
        self.model = model
        self.pristine = Snapshot(model)
        #: The perturbed states, by scale and seed.
        self._perturbed: Dict[Tuple[float, int], Snapshot] = {}
        #: What runs showed, by all that it depends on.
        self.shown: Dict[Tuple[Any, ...], Any] = {}
        #: Whether an edited model may have the very same weights: not where its forwards write to them.
        self.shares = shares
        #: Of the state that it was last given.
        self.convolutions = Convolutions()
        self.state: Optional[Tuple[float, int]] = None

    def forget(self) -> None:
        """Its forwards write to its weights: what was shown with those of an edited model may not be so."""
        self.shares = False
        self.shown.clear()
        self.convolutions.forget()

    def perturbed(self, scale: float, seed: int) -> Snapshot:
        """The perturbed state, which the model then has."""
        known = self._perturbed.get((scale, seed))
        if (scale, seed) != self.state:
            self.state = scale, seed
            self.convolutions.forget()
        if known is None:
            self.pristine.restore()
            perturb(slots(self.model), scale, seed)
            known = self._perturbed[scale, seed] = Snapshot(self.model)
        else:
            known.restore()
        return known


class Shared(NamedTuple):
    """A weight that both models have, in one memory."""

    path: str
    old: torch.Tensor
    new: torch.Tensor
    value: torch.Tensor
    versions: Tuple[int, int]

    def is_written(self) -> bool:
        return (version(self.old), version(self.new)) != self.versions


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
        #: The weights that are shared: copies of large models take longer than their forwards.
        self.shared: List[Shared] = []
        self.shared_paths: FrozenSet[str] = frozenset()

    def in_block(self, path: str) -> bool:
        """Whether a path of the edited model lies in what was added."""
        return under(path, self.block_names)

    def block_slots(self) -> List[Slot]:
        return [slot for slot in slots(self.edited) if self.in_block(slot.path)]

    def prepare(self, scale: float, *, share: bool = False) -> None:
        """Perturb the original and give the edited model the same state; with `share` the very weights."""
        self.scale = scale
        self.separate()
        self.of_original = self.known.perturbed(scale, self.seed)
        if share:
            self.share()
        copy_state(self.original, self.edited, self.is_left)
        self.perturb_blocks(0)

    def is_left(self, path: str) -> bool:
        """Whether the edited model has its own tensor at a path, or the original's."""
        return path in self.shared_paths or self.in_block(path)

    def share(self) -> None:
        """Give the edited model the memory of the original's weights, where nothing else lies in it."""
        ours, theirs = alone(self.original), alone(self.edited)
        values = self.of_original.values
        for path, old in ours.items():
            new = theirs.get(path)
            if new is None or self.in_block(path) or not alike(old, new):
                continue
            new.data = old.data
            versions = (version(old), version(new))
            self.shared.append(Shared(path, old, new, values[path], versions))
        self.shared_paths = frozenset(one.path for one in self.shared)
        self.known.convolutions.know([one.old for one in self.shared])

    def separate(self) -> None:
        """Give the edited model a memory of its own again."""
        for one in self.shared:
            one.new.data = one.value.clone()
        self.shared, self.shared_paths = [], frozenset()

    def left_weights(self) -> bool:
        """Whether the runs so far have left the weights that are shared as they were."""
        return all(not one.is_written() and same_tensor(one.old, one.value) for one in self.shared)

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
        snapshot = self.of_original if model is self.original else self.of_edited
        snapshot.restore(self.shared_paths)

    def state(self) -> Dict[str, torch.Tensor]:
        """The tensors of the original as they are now, not copied."""
        return {slot.path: slot.tensor for slot in slots(self.original)}

    def state_difference(self, state: Optional[Mapping[str, torch.Tensor]] = None) -> Optional[str]:
        """The first old tensor that the edited model now has otherwise than the original."""
        if state is None:
            state = self.state()
        for slot in slots(self.edited):
            if slot.path in state and not self.is_left(slot.path):
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


def alone(model: nn.Module) -> Dict[str, torch.Tensor]:
    """The parameters of a model that have a memory of their own, by path; what is tied has several paths."""
    found = list(slots(model))
    memories = {id(slot.tensor): slot.tensor.data_ptr() for slot in found if is_simple(slot.tensor)}
    count = collections.Counter(memories.values())
    return {
        slot.path: slot.tensor
        for slot in found
        if slot.kind == "parameter"
        and count[memories.get(id(slot.tensor), 0)] == 1
        and slot.tensor.is_contiguous()
    }


def is_simple(tensor: torch.Tensor) -> bool:
    lazy = torch.nn.parameter.is_lazy(tensor)
    return not lazy and tensor.device.type == "cpu" and tensor.layout == torch.strided


def alike(a: torch.Tensor, b: torch.Tensor) -> bool:
    return type(a) is type(b) and a.shape == b.shape and a.dtype == b.dtype


def version(tensor: torch.Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version
