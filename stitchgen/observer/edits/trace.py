"""One forward of a model, as far as it tells where a module sits: who is called from where, fed what.

Values are known by a checksum, and bit for bit. Writes in place are noted as well: a value that the old
model had may not be written to by what is new, if others read it.
"""

from __future__ import annotations

import contextlib
import sys
import warnings
from types import FrameType
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode

from stitchgen.observer.tensors.intercept import Args, Around, Forward, Kwargs, intercepted
from stitchgen.observer.tensors.randomness import seed_all
from stitchgen.observer.tensors.values import Tensors, checksum, leaves
from stitchgen.observer.tracing.frames import kind_of_file, real

#: A value by its shapes and its numbers; None for no tensor.
Key = Optional[Tuple[Any, ...]]


class Called(NamedTuple):
    """One call of a module of the model."""

    path: str
    caller: str  # path of the module whose forward calls it
    where: str
    start: int  # its place in the order of all calls and returns
    end: int
    fed: Key
    gave: Key
    parts: Tuple[Key, ...]  # the tensors that it gave, one by one
    overwritten: bool  # what it gave was later written to in place


class Loose(NamedTuple):
    """A call of a module with weights that the model does not have among its own."""

    kind: str
    where: str


class Write(NamedTuple):
    """A write in place to what a module gave."""

    path: str
    number: int  # of the module's call
    where: str


class Trace:
    """What one forward showed."""

    def __init__(self) -> None:
        self.calls: List[Called] = []
        self.loose: List[Loose] = []
        self.writes: List[Write] = []
        #: How many operations read what a call gave, by path and number.
        self.reads: Dict[Tuple[str, int], int] = {}
        #: What each module was fed at its first call, to try it on other sizes.
        self.first: Dict[str, Tuple[Args, Kwargs]] = {}

    def of(self, path: str) -> List[Called]:
        """The calls of one module."""
        return [call for call in self.calls if call.path == path]


def trace(model: nn.Module, args: Args, kwargs: Kwargs, seed: int) -> Trace:
    """Run a model once; raises what it raises."""
    return Tracer(model).run(args, kwargs, seed)


class Tracer:
    """Runs a model and records. The trace is complete when the run has ended."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.found = Trace()
        self.clock = 0
        self.stack: List[str] = [""]
        self.known = {id(module) for module in model.modules()}
        self.counts: Dict[str, int] = {}
        #: For each call: what it gave, and the versions that this had then.
        self.given: List[Tuple[Called, int, Tensors, List[int]]] = []

    def run(self, args: Args, kwargs: Kwargs, seed: int) -> Trace:
        reading = Reading()
        with contextlib.ExitStack() as stack:
            for path, module in self.model.named_modules():
                if path and not isinstance(module, torch.jit.ScriptModule):
                    stack.enter_context(intercepted(module, self.watched(path)))
            handle = register_module_forward_pre_hook(self.note_loose)
            stack.callback(handle.remove)
            seed_all(seed)
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
            stack.enter_context(torch.no_grad())
            stack.enter_context(reading)
            self.note_input(args, kwargs)
            self.model(*args, **kwargs)
        for call, number, tensors, versions in self.given:
            ids = [id(tensor) for tensor in tensors]
            self.found.reads[call.path, number] = max(
                (reading.reads.get(i, 0) for i in ids), default=0
            )
            changed = [version_of(tensor) for tensor in tensors] != versions
            self.found.calls.append(call._replace(overwritten=changed))
            for tensor, version in zip(tensors, versions):
                for where, before in reading.writes.get(id(tensor), []):
                    if before >= version:
                        self.found.writes.append(Write(call.path, number, where))
        self.found.calls.sort(key=lambda call: call.start)
        return self.found

    def watched(self, path: str) -> Around:
        def around(forward: Forward, args: Args, kwargs: Kwargs) -> Any:
            where, start = place_of(sys._getframe(1)), self.tick()
            fed = key_of([list(args), kwargs])
            if path not in self.found.first:
                self.found.first[path] = args, kwargs
            caller = self.stack[-1]
            self.stack.append(path)
            try:
                out = forward(*args, **kwargs)
            finally:
                self.stack.pop()
            tensors = leaves(out)
            parts = tuple(checked([tensor]) for tensor in tensors)
            number = self.counts.get(path, 0)
            self.counts[path] = number + 1
            call = Called(
                path, caller, where, start, self.tick(), fed, checked(tensors[:1]), parts, False
            )
            self.given.append((call, number, tensors, [version_of(tensor) for tensor in tensors]))
            return out

        return around

    def note_input(self, args: Args, kwargs: Kwargs) -> None:
        """What the model is fed, as if the model itself had given it before it began."""
        tensors = leaves([list(args), kwargs])
        call = Called("", "", "", 0, 0, None, None, (), False)
        self.given.append((call, 0, tensors, [version_of(tensor) for tensor in tensors]))

    def tick(self) -> int:
        self.clock += 1
        return self.clock

    def note_loose(self, module: nn.Module, args: Any) -> None:
        """A module is called that is none of the model's: what was made in a forward, or kept in a list."""
        if id(module) in self.known:
            return
        self.known.update(id(inner) for inner in module.modules())
        if any(True for _ in module.parameters()):
            self.found.loose.append(Loose(type(module).__name__, place_of(sys._getframe(1))))


def version_of(tensor: torch.Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version


def key_of(value: Any) -> Key:
    """What a call is fed, by its first tensor."""
    return checked(leaves(value)[:1])


def checked(tensors: Tensors) -> Key:
    """Of one tensor, or of none."""
    for tensor in tensors:
        with torch._C.DisableTorchFunction():
            if tensor.device.type == "meta":
                return (tuple(tensor.shape),)
            floats = (
                tensor if tensor.is_floating_point() or tensor.is_complex() else tensor.double()
            )
            return (tuple(tensor.shape), *checksum(floats))
    return None


def place_of(start: Optional[FrameType]) -> str:
    """`path:line` of the innermost of the user's lines."""
    frame = start
    while frame is not None:
        name = frame.f_code.co_filename
        if kind_of_file(name) == "user" and not name.startswith("<"):
            return "%s:%d" % (real(name), frame.f_lineno)
        frame = frame.f_back
    return ""


class Reading(TorchFunctionMode):
    """Counts which operations read a tensor, and notes which write to it in place."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: Dict[int, int] = {}
        #: By the id of a tensor: where it was written to, and its version before.
        self.writes: Dict[int, List[Tuple[str, int]]] = {}
        self.kept: List[torch.Tensor] = []
        self.seen: Set[int] = set()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        given = kwargs or {}
        name = getattr(func, "__name__", "")
        if name == "__get__" or name in LOOKS:
            return func(*args, **given)
        tensors = [*tensors_in([*args, *given.values()])]
        versions = [version_of(tensor) for tensor in tensors]
        result = func(*args, **given)
        for tensor, version in zip(tensors, versions):
            self.reads[id(tensor)] = self.reads.get(id(tensor), 0) + 1
            if id(tensor) not in self.seen:
                self.seen.add(id(tensor))
                self.kept.append(tensor)  # so that no id is used twice
            if version_of(tensor) != version:
                place = place_of(sys._getframe(1))
                self.writes.setdefault(id(tensor), []).append((place, version))
        return result


#: What is asked of a tensor without reading it.
LOOKS = {
    "size",
    "dim",
    "numel",
    "stride",
    "is_floating_point",
    "is_complex",
    "is_contiguous",
    "__len__",
}
LOOKS |= {"is_inference", "detach_", "requires_grad_", "__hash__", "__bool__", "element_size"}


def tensors_in(values: Any) -> Iterator[torch.Tensor]:
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from tensors_in(value)
