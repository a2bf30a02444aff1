"""Two models of one YAML, before and after rows were put in, with the same weights."""

from __future__ import annotations

import contextlib
from typing import Any, Iterator, List, Mapping, NamedTuple, Sequence, Tuple

import torch
from torch import nn

from stitchgen.observer.checks.failed import CheckFailed
from stitchgen.observer.protocol import Keys, NewRow
from stitchgen.observer.tensors.slots import Slot, slots


def moved_key(key: str, moved: Sequence[int]) -> str:
    """A key of the old state_dict by its layer's new number: `model.10.conv` -> `model.11.conv`."""
    parts = key.split(".")
    if parts[0] != "model" or len(parts) < 2 or not parts[1].isdigit():
        return key
    parts[1] = str(moved[int(parts[1])])
    return ".".join(parts)


def compare_keys(
    before: Mapping[str, torch.Tensor],
    after: Mapping[str, torch.Tensor],
    moved: Sequence[int],
    rows: Sequence[NewRow],
) -> Keys:
    """Every old key at its layer's new number, with its shape; new ones are the new rows'.

    A row that took another's place may have other keys, which are reported.
    """
    replaced = tuple("model.%d." % row["index"] for row in rows if row["replaces"] is not None)
    every = {moved_key(key, moved): tensor for key, tensor in before.items()}
    expected = {key: tensor for key, tensor in every.items() if not key.startswith(replaced)}
    lost = sorted(set(expected) - set(after))
    if lost:
        raise CheckFailed("keys", "%s is gone from the state_dict." % lost[0])
    reshaped = sorted(key for key in expected if expected[key].shape != after[key].shape)
    if reshaped:
        key = reshaped[0]
        message = "%s has the shape %s, not %s."
        shapes = tuple(after[key].shape), tuple(expected[key].shape)
        raise CheckFailed("keys", message % (key, *shapes))
    added = sorted(set(after) - set(expected))
    own = tuple("model.%d." % row["index"] for row in rows)
    strange = [key for key in added if not key.startswith(own)]
    if strange:
        raise CheckFailed("keys", "%s is new, and of no new row." % strange[0])
    others = {key: tensor for key, tensor in every.items() if key not in expected}
    return {
        "added": [key for key in added if key not in others],
        "lost": sorted(set(others) - set(after)),
        "reshaped": sorted(
            key for key in others if key in after and others[key].shape != after[key].shape
        ),
    }


def take_over(
    before: nn.Module,
    after: nn.Module,
    moved: Sequence[int],
    rows: Sequence[NewRow],
    *,
    share: bool = False,
) -> List[Shared]:
    """Give the edited model the old one's tensors: weights, statistics, and what is drawn when it is built.

    With `share` the two have their weights in one memory, which are given, but for those of the last row: a head
    may write to its weights where it is fused.
    """
    own = tuple("model.%d." % row["index"] for row in rows)
    head = "model.%d." % (len(layers_of(before)) - 1)
    places = {slot.path: slot for slot in slots(after) if not slot.path.startswith(own)}
    shared: List[Shared] = []
    with torch.no_grad():
        for slot in slots(before):
            place = places.get(moved_key(slot.path, moved))
            if place is None or place.tensor.shape != slot.tensor.shape:
                continue
            if slot.kind == "attribute":
                replace(place, slot.tensor)
            elif share and slot.kind == "parameter" and not slot.path.startswith(head):
                place.tensor.data = slot.tensor.data
                shared.append(Shared.of(slot, place))
            else:
                place.tensor.data.copy_(slot.tensor)
    return shared


class Shared(NamedTuple):
    """A weight that both models have, in one memory."""

    old: Slot
    new: Slot
    versions: Tuple[int, int]
    total: float

    @classmethod
    def of(cls, old: Slot, new: Slot) -> Shared:
        return cls(old, new, versions(old, new), total(old.tensor))

    def is_written(self) -> bool:
        """Whether it was written to; by what bypasses torch's count, too, where the values are others."""
        return (
            versions(self.old, self.new) != self.versions
            or total(self.old.tensor) != self.total
            or self.old.tensor.data_ptr() != self.new.tensor.data_ptr()
        )


def versions(old: Slot, new: Slot) -> Tuple[int, int]:
    return old.tensor._version, new.tensor._version


def total(tensor: torch.Tensor) -> float:
    return float(tensor.detach().sum())


def replace(place: Slot, tensor: torch.Tensor) -> None:
    """Put a copy of a tensor where a model keeps another one: it may be expanded, and not to be written to."""
    key = place.path.rpartition(".")[2]
    if isinstance(place.holder, dict):
        place.holder[key] = tensor.clone()
    elif isinstance(place.holder, list):
        place.holder[int(key)] = tensor.clone()


def layers_of(model: Any) -> nn.Sequential:
    layers: nn.Sequential = model.model
    return layers


def blocks_of(model: Any, rows: Sequence[NewRow]) -> List[nn.Module]:
    return [layers_of(model)[row["index"]] for row in rows]


@contextlib.contextmanager
def without_blocks(model: Any, rows: Sequence[NewRow], before: Any) -> Iterator[None]:
    """Inside, the new rows pass on what they are fed; where one took another's place, that is back."""
    layers = layers_of(model)
    blocks = blocks_of(model, rows)
    for row, block in zip(rows, blocks):
        if row["replaces"] is None:
            layers[row["index"]] = standing_in(block)
        else:
            layers[row["index"]] = layers_of(before)[row["replaces"]].train(block.training)
    try:
        yield
    finally:
        for row, block in zip(rows, blocks):
            layers[row["index"]] = block


class First(nn.Module):
    """Passes on what it is fed: of several features the first."""

    def forward(self, x: Any) -> Any:
        return x[0] if isinstance(x, (list, tuple)) else x


def standing_in(block: Any) -> nn.Module:
    """A layer without effect, with what parse_model sets on a layer."""
    identity: Any = First()
    identity.i, identity.f, identity.np, identity.type = block.i, block.f, 0, "torch.nn.Identity"
    identity.training = block.training
    return identity  # type: ignore[no-any-return]
