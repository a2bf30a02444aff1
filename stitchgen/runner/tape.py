"""The tape: a baseline's tensors and generator states at each event, recorded or put back.

An event has a kind (`built`, `split`, `optimizer`, `step`, `loader`) and a name. A recording holds the tensors that have
changed since the one before. Played, the tape puts them into the variant, wherever name and shape are the same,
and the generators into the same states: what both models share is equal, and so is the order of the data.
"""

import hashlib
import os
import random
import sys
from typing import Any, Dict, List, Optional, Tuple

import torch

#: Events that leave more in the file than the generators' states.
Tensors = Dict[str, torch.Tensor]


def generator_states() -> Dict[str, Any]:
    """The states of all generators that a training may draw from."""
    states: Dict[str, Any] = {"torch": torch.get_rng_state(), "random": random.getstate()}
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        states["cuda"] = torch.cuda.get_rng_state_all()
    numpy = sys.modules.get("numpy")
    if numpy is not None and hasattr(numpy, "random"):
        states["numpy"] = numpy.random.get_state()
    return states


def put_generators(states: Dict[str, Any]) -> None:
    torch.set_rng_state(states["torch"])
    random.setstate(states["random"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(states["cuda"])
    numpy = sys.modules.get("numpy")
    if "numpy" in states and numpy is not None:
        numpy.random.set_state(states["numpy"])


def fingerprint(states: Dict[str, Any]) -> str:
    """The same for the same state of torch's generator: tells whether two seeds are one."""
    return hashlib.sha256(bytes(states["torch"].tolist())).hexdigest()[:16]


def is_plain(tensor: torch.Tensor) -> bool:
    """Whether its values can be kept: neither lazy nor on the meta device."""
    return not torch.nn.parameter.is_lazy(tensor) and tensor.device.type != "meta"


class Recorder:
    """Writes the tape of a baseline."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.count = 0
        self.known: Tensors = {}

    def event(
        self, kind: str, name: str, tensors: Tensors, structure: Dict[str, str], samples: str
    ) -> str:
        """Record an event; the fingerprint of the generators. `samples` tells which a loader has."""
        changed = {}
        for key, tensor in tensors.items():
            before = self.known.get(key)
            if before is None or not same(before, tensor):
                changed[key] = self.known[key] = tensor.detach().to("cpu", copy=True)
        states = generator_states()
        content = {
            "kind": kind,
            "name": name,
            "states": states,
            "tensors": changed,
            "structure": structure,
            "samples": samples,
        }
        path = os.path.join(self.folder, "event-%04d.pt" % self.count)
        torch.save(content, path + ".draft")
        os.replace(path + ".draft", path)
        self.count += 1
        return fingerprint(states)


class Player:
    """Puts a variant on the baseline's tape, event by event."""

    def __init__(self, folder: Optional[str], *, puts: bool) -> None:
        self.folder = folder
        self.puts = puts
        self.count = 0
        self.stopped: Optional[str] = None  # why the tape could not be followed further
        self.known: Tensors = {}
        self.structure: Dict[str, str] = {}  # of all modules of the baseline: their classes
        if folder is None or not os.path.isdir(folder):
            self.stopped = "the baseline left no tape for this process"

    def event(self, kind: str, name: str, tensors: Tensors) -> "Shared":
        """Put tensors and states back; what is shared with the baseline."""
        recorded = self._next(kind, name)
        if recorded is None:
            return Shared([], [], {}, "")
        self.known.update(recorded["tensors"])
        self.structure.update(recorded["structure"])
        shared, other = [], []
        for key, tensor in tensors.items():
            if key in self.known and self.known[key].shape == tensor.shape:
                shared.append(key)
                if not same(self.known[key], tensor):
                    other.append(key)
        if self.puts and kind != "step":
            for key in other:
                with torch.no_grad():
                    tensors[key].copy_(self.known[key])
            put_generators(recorded["states"])
            other = [key for key in other if not same(self.known[key], tensors[key])]
        return Shared(shared, other, recorded["structure"], recorded["samples"])

    def _next(self, kind: str, name: str) -> Optional[Dict[str, Any]]:
        if self.stopped or self.folder is None:
            return None
        path = os.path.join(self.folder, "event-%04d.pt" % self.count)
        if not os.path.exists(path):
            self.stopped = "the baseline has no event %d, here %s %s" % (self.count, kind, name)
            return None
        recorded: Dict[str, Any] = torch.load(path, map_location="cpu", weights_only=False)
        if (recorded["kind"], recorded["name"]) != (kind, name):
            there = "%s %s" % (recorded["kind"], recorded["name"])
            self.stopped = "event %d is %s there and %s %s here" % (self.count, there, kind, name)
            return None
        self.count += 1
        return recorded


class Shared:
    """The tensors that a variant shares with its baseline, those of them that are not equal, and the baseline's samples."""

    def __init__(
        self, shared: List[str], unequal: List[str], structure: Dict[str, str], samples: str
    ) -> None:
        self.shared = shared
        self.unequal = unequal
        self.structure = structure
        self.samples = samples


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether the bits are those of the other, NaN's too."""
    other = other.detach().cpu()
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if torch.equal(one, other):
        return True
    if not one.is_floating_point():
        return False
    both = torch.isnan(one) & torch.isnan(other)
    return bool(((one == other) | both).all())


def named_tensors(roots: List[Tuple[int, torch.nn.Module]], *, buffers: bool = True) -> Tensors:
    """All tensors of modules by a name that two runs agree on: the number of the module, and the path in it."""
    found: Tensors = {}
    for number, root in roots:
        for name, parameter in root.named_parameters():
            found["%d:%s" % (number, name)] = parameter
        if buffers:
            for name, buffer in root.named_buffers():
                found["%d:%s" % (number, name)] = buffer
    return {name: tensor for name, tensor in found.items() if is_plain(tensor)}


def structure_of(number: int, root: torch.nn.Module) -> Dict[str, str]:
    """The class of each module of a model, by the same names."""
    return {"%d:%s" % (number, name): type(one).__name__ for name, one in root.named_modules()}
