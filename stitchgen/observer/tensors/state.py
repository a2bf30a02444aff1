"""Give two models the same state, and take a model back to the state that it had."""

from __future__ import annotations

import collections
import functools
import random
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, Optional, Tuple

import torch
from torch import nn

from stitchgen.observer.modes import set_mode
from stitchgen.observer.tensors.slots import DEPTH, OWN_ATTRIBUTES, Slot, slots

#: Copies many tensors at once, from torch 2.1 on.
TOGETHER: Optional[Callable[..., object]] = getattr(torch, "_foreach_copy_", None)


def warm_up(model: nn.Module, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> None:
    """Let a model do what it does at its first forward, before anything is compared or restored.

    Lazy modules take their shapes, and some models register hooks or build tables then, and keep
    a mark that they have. Raises what the forward raises only where lazy parameters are left.
    """
    try:
        with torch.no_grad():
            set_mode(model, training=False)
            model(*args, **kwargs)
    except Exception:
        # A model that does not run is reported where its forwards are asked for.
        if any(torch.nn.parameter.is_lazy(slot.tensor) for slot in slots(model)):
            raise


def copy_state(source: nn.Module, target: nn.Module, skip: Callable[[str], bool]) -> None:
    """Give `target` the tensors of `source`, path by path; `skip` names the paths to leave."""
    given = {slot.path: slot.tensor for slot in slots(source)}
    for slot in list(slots(target)):
        tensor = given.get(slot.path)
        if tensor is not None and not skip(slot.path) and tensor.shape == slot.tensor.shape:
            _write(slot, tensor)


def separate(original: nn.Module, edited: nn.Module) -> None:
    """Give the edited model a memory of its own for the parameters that lie in the original's."""
    shared = {slot.tensor.data_ptr() for slot in slots(original) if slot.kind == "parameter"}
    for slot in slots(edited):
        if slot.kind == "parameter" and slot.tensor.data_ptr() in shared:
            slot.tensor.data = slot.tensor.data.clone()


def _write(slot: Slot, value: torch.Tensor) -> None:
    with torch.no_grad():
        try:
            slot.tensor.data.copy_(value)
        except RuntimeError:
            # An expanded tensor cannot be written in place: several of its elements share one
            # memory cell.
            key = slot.path.rpartition(".")[2]
            if slot.kind != "parameter" and isinstance(slot.holder, dict) and key in slot.holder:
                slot.holder[key] = value.detach().clone()


class Snapshot:
    """What a model holds now, to start every run from: tensors and the plain values of modules.

    A forward may move statistics, count its calls, fill a cache or draw from a generator of its
    own. `shared` are copies that another snapshot made of the same values, by path, so that big
    models are copied once.
    """

    def __init__(
        self, model: nn.Module, shared: Optional[Mapping[str, torch.Tensor]] = None
    ) -> None:
        self._slots = list(slots(model))
        self.values: Dict[str, torch.Tensor] = {}
        by_identity: Dict[int, torch.Tensor] = {}
        for slot in self._slots:
            value = by_identity.get(id(slot.tensor))
            if value is None:
                value = (shared or {}).get(slot.path)
                if value is None:
                    value = slot.tensor.detach().clone()
                by_identity[id(slot.tensor)] = value
            self.values[slot.path] = value
        self._tables: List[Tuple[Dict[str, Any], Dict[str, Any]]] = []
        self._own: List[Tuple[nn.Module, Dict[str, Any]]] = []
        self._contents: List[Tuple[Any, Any]] = []
        self._generators: List[Tuple[Callable[[Any], object], Any]] = []
        for module in model.modules():
            tables: Tuple[Dict[str, Any], ...]
            tables = (module._parameters, module._buffers, module._modules)
            for table in tables:
                self._tables.append((table, dict(table)))
            own = {key: value for key, value in vars(module).items() if key not in OWN_ATTRIBUTES}
            self._own.append((module, own))
            for attribute in own.values():
                self._remember(attribute, 0)

    def _remember(self, value: Any, depth: int) -> None:
        if isinstance(value, torch.Generator):
            self._generators.append((value.set_state, value.get_state()))
        elif isinstance(value, random.Random):
            self._generators.append((value.setstate, value.getstate()))
        elif type(value).__module__.startswith("numpy.random") and hasattr(value, "bit_generator"):
            source = value.bit_generator
            self._generators.append((functools.partial(setattr, source, "state"), source.state))
        elif isinstance(value, (list, dict, set, collections.deque)) and depth < DEPTH:
            self._contents.append((value, value.copy()))
            for item in list(value.values()) if isinstance(value, dict) else list(value):
                self._remember(item, depth + 1)

    def restore(self, without: FrozenSet[str] = frozenset()) -> None:
        """Write everything back into the model, in place; `without` names the tensors that were not written to."""
        for table, saved in self._tables:
            _refill(table, saved)
        for module, own in self._own:
            for key in [
                key for key in vars(module) if key not in OWN_ATTRIBUTES and key not in own
            ]:
                del vars(module)[key]
            vars(module).update(own)
        for container, contents in self._contents:
            _refill(container, contents)
        for put, state in self._generators:
            put(state)
        tensors: List[torch.Tensor] = []
        values: List[torch.Tensor] = []
        for slot in self._slots:
            if slot.path in without:
                continue
            value = self.values[slot.path]
            if slot.tensor.shape != value.shape:
                slot.tensor.data = value.clone()
            elif slot.kind == "attribute" or TOGETHER is None:
                _write(slot, value)
            else:
                tensors.append(slot.tensor.data)
                values.append(value)
        if TOGETHER is not None and tensors:
            try:
                TOGETHER(tensors, values)
            except RuntimeError:  # one is expanded
                for slot in self._slots:
                    if slot.path not in without:
                        _write(slot, self.values[slot.path])


def _refill(value: Any, saved: Any) -> None:
    if isinstance(value, (list, collections.deque)):
        if len(value) != len(saved) or any(a is not b for a, b in zip(value, saved)):
            value.clear()
            value.extend(saved)
    elif isinstance(value, dict):
        if len(value) != len(saved) or any(value.get(key) is not saved[key] for key in saved):
            value.clear()
            value.update(saved)
    else:
        value.clear()
        value.update(saved)
