"""Every call of every layer during a forward pass.

The `forward` of every instance is wrapped, which sees `m(x)` and `m.forward(x)` alike.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any, Callable, Dict, List, Optional, Tuple, cast

import torch
from torch import nn

from stitchgen.observer.protocol import Argument, SiteOfCall, Value, WeightRead
from stitchgen.observer.tensors.intercept import Args, Forward, Kwargs, by_key
from stitchgen.observer.tracing.call_expressions import Sources
from stitchgen.observer.tracing.call_sites import CallSites
from stitchgen.observer.tracing.frames import kind_of_file, real
from stitchgen.observer.tracing.values import shape_of, version_of

#: The mode of a run of which the shapes alone are asked.
SHAPES = "shapes"


class Call:
    """One call of one layer."""

    __slots__ = (
        "arguments",
        "inputs",
        "integers",
        "mode",
        "output",
        "overwrites",
        "overwritten",
        "path",
        "reads",
        "site",
    )

    def __init__(
        self,
        path: str,
        mode: Optional[str],
        site: SiteOfCall,
        inputs: List[Value],
        reads: List[str],
        arguments: List[Argument],
    ) -> None:
        self.path = path
        self.mode = mode
        self.site = site
        #: The shapes of the positional arguments.
        self.inputs = inputs
        #: The layers that returned the tensors that it was fed.
        self.reads = reads
        self.arguments = arguments
        self.output: Value = {}
        #: The integers among the local variables where it was called, if it takes or gives N x L x C.
        self.integers: Dict[str, int] = {}
        #: Whether the layer wrote to its first argument in place.
        self.overwrites = False
        #: Whether something that followed wrote to its output in place.
        self.overwritten = False


class Calls:
    """Records every call of every submodule during forward passes.

    A context manager: it records from its start to its end.
    """

    def __init__(self, model: nn.Module, sources: Sources) -> None:
        self.model = model
        self.paths: Dict[int, str] = {}
        for path, module in model.named_modules():
            self.paths.setdefault(id(module), path)
        self.sites = CallSites(self.paths, sources)
        #: By path, where layers' parameters are read by others than the layers themselves.
        self.weights_read: Dict[str, WeightRead] = {}
        self.begin(None)

    def begin(self, mode: Optional[str]) -> None:
        """Forget what was recorded; what follows is one run in this mode."""
        self.mode = mode
        #: In the order in which the calls return.
        self.records: List[Call] = []
        self.stack: List[str] = []
        #: By the id of a tensor, the paths of the modules that returned it.
        self.producers: Dict[int, List[str]] = {}
        self.kept: List[torch.Tensor] = []
        #: With what each call returned, and the version that this had then.
        self.returned: List[Tuple[Call, Any, int]] = []

    def __enter__(self) -> Calls:
        self.wrapped: List[Tuple[nn.Module, Optional[Forward]]] = []
        for path, module in self.model.named_modules():
            if isinstance(module, torch.jit.ScriptModule):
                continue
            self.wrapped.append((module, module.__dict__.get("forward")))
            object.__setattr__(module, "forward", self.wrap(path, module, module.forward))
        self.getattr = cast(Callable[[nn.Module, str], Any], nn.Module.__getattr__)
        setattr(nn.Module, "__getattr__", self.wrap_getattr(self.getattr))  # noqa: B010
        return self

    def __exit__(self, *exception: object) -> None:
        setattr(nn.Module, "__getattr__", self.getattr)  # noqa: B010
        for module, before in self.wrapped:
            if before is None:
                module.__dict__.pop("forward", None)
            else:
                object.__setattr__(module, "forward", before)

    def wrap(self, path: str, module: nn.Module, forward: Forward) -> Forward:
        calls = self

        def forward_with_record(*args: Any, **kwargs: Any) -> Any:
            if calls.mode == SHAPES:  # of such a run nothing else is asked
                call = Call(
                    path, SHAPES, {"how": "top"}, [shape_of(value) for value in args], [], []
                )
                result = forward(*args, **kwargs)
                call.output = shape_of(result)
                call.integers = integers_around(call, sys._getframe(1))
                calls.records.append(call)
                return result
            call = Call(
                path,
                calls.mode,
                calls.sites.find(module, sys._getframe(1)),
                [shape_of(value) for value in args],
                calls.producers_of(args, kwargs),
                calls.arguments_of(args, kwargs),
            )
            fed = first_tensor(args, kwargs)
            version = version_of(fed)
            calls.stack.append(path)
            try:
                result = forward(*args, **kwargs)
            finally:
                calls.stack.pop()
            call.overwrites = version_of(fed) != version
            call.output = shape_of(result)
            call.integers = integers_around(call, sys._getframe(1))
            calls.returned.append((call, result, version_of(result)))
            calls.produced(path, result, list(args) + list(kwargs.values()))
            calls.records.append(call)
            return result

        return forward_with_record

    def note_overwritten(self) -> None:
        """Note on each record whether what followed wrote in place to what the call returned."""
        for call, result, version in self.returned:
            call.overwritten = version_of(result) != version

    def wrap_getattr(
        self, original: Callable[[nn.Module, str], Any]
    ) -> Callable[[nn.Module, str], Any]:
        """Parameters are found by `__getattr__` alone: who else than the layer reads them?"""
        calls = self

        def getattr_with_record(module: nn.Module, name: str) -> Any:
            value = original(module, name)
            if name in module.__dict__["_parameters"]:
                path = calls.paths.get(id(module))
                # A read while no forward is run, or its own is, is no use of it.
                if path and calls.stack and calls.stack[-1] != path:
                    if path not in calls.weights_read:
                        calls.weights_read[path] = weight_read(sys._getframe(1), name)
            return value

        return getattr_with_record

    def producers_of(self, args: Args, kwargs: Kwargs) -> List[str]:
        """The layers that returned the tensors among the arguments."""
        found: List[str] = []
        for value in list(args) + list(kwargs.values()):
            values = value if isinstance(value, (tuple, list)) else [value]
            for tensor in values:
                if isinstance(tensor, torch.Tensor) and id(tensor) in self.producers:
                    found.extend(self.producers[id(tensor)])
        return found

    def arguments_of(self, args: Args, kwargs: Kwargs) -> List[Argument]:
        """Each argument that a layer returned, or an element of one."""
        found: List[Argument] = []
        for key, value in by_key(args, kwargs):
            inside = isinstance(value, (tuple, list))
            for index, tensor in enumerate(value if inside else [value]):
                if isinstance(tensor, torch.Tensor) and id(tensor) in self.producers:
                    found.append((key, index if inside else None, self.producers[id(tensor)]))
        return found

    def produced(self, path: str, result: Any, fed: List[Any]) -> None:
        """Note who made a tensor: with a container its last child, but an in-place layer alone."""
        values = result if isinstance(result, (tuple, list)) else [result]
        if isinstance(result, dict):
            values = list(result.values())
        for tensor in values:
            if isinstance(tensor, torch.Tensor):
                self.kept.append(tensor)
                if any(tensor is value for value in fed):
                    self.producers[id(tensor)] = [path]
                else:
                    self.producers.setdefault(id(tensor), []).append(path)


def first_tensor(args: Args, kwargs: Kwargs) -> Optional[torch.Tensor]:
    """The tensor that a call is about: its first."""
    for value in list(args) + list(kwargs.values()):
        if isinstance(value, torch.Tensor):
            return value
    return None


def integers_around(call: Call, start: FrameType) -> Dict[str, int]:
    """Sizes, as `B, N, C = x.shape`, of the function that calls a layer of sequences; those of a pair as `size[0]`."""
    values = [call.output, *call.inputs[:1]]
    if not any(len(value.get("shape", ())) == 3 for value in values):
        return {}
    frame: Optional[FrameType] = start
    while frame is not None and kind_of_file(frame.f_code.co_filename) != "user":
        frame = frame.f_back
    names = frame.f_locals if frame is not None else {}
    found: Dict[str, int] = {}
    for name, value in names.items():
        if type(value) is int:
            found[name] = value
        elif isinstance(value, (tuple, list)) and len(value) == 2:
            found.update(("%s[%d]" % (name, i), n) for i, n in enumerate(value) if type(n) is int)
    return {name: value for name, value in found.items() if value > 1 and name[0] != "."}


def weight_read(frame: FrameType, name: str) -> WeightRead:
    """Where a parameter of that name is read, in the code that is not torch's."""
    while frame.f_back is not None and kind_of_file(frame.f_code.co_filename) != "user":
        frame = frame.f_back
    return {"file": real(frame.f_code.co_filename), "line": frame.f_lineno, "name": name}
