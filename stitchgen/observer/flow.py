"""How tensors flow through a model: every call of its layers, and the functions between them, by the
numbers of the tensors that they are fed and return."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from stitchgen.observer.models import DEVICES, build, find_input, run
from stitchgen.observer.project import Project
from stitchgen.observer.protocol import FlowAnswer, FlowModule, FlowRequest, FlowStep
from stitchgen.observer.tensors.intercept import Args, Forward, Kwargs


def flow(project: Project, request: FlowRequest) -> FlowAnswer:
    """One forward pass of the model in eval; raises `Failure`."""
    for device in DEVICES:
        try:
            return flow_on(project, request, device)
        except Exception:
            # The meta device gives shapes cheaply, but not every model allows it.
            if device is None:
                raise
    raise AssertionError("the last device is the CPU, where every failure is raised")


def flow_on(project: Project, request: FlowRequest, device: Optional[str]) -> FlowAnswer:
    model = build(project, request["build"], device)
    source = find_input(project, model, request.get("inputs") or [], device)
    recorder = Recorder(model)
    with recorder:
        run(model, source, device)
    return {
        "expression": request["build"],
        "input": source.describe(),
        "modules": {path: about(module) for path, module in model.named_modules()},
        "steps": recorder.steps,
        "shapes": [list(tensor.shape) for tensor in recorder.kept],
    }


def about(module: nn.Module) -> FlowModule:
    kind = type(module)
    code = getattr(getattr(kind, "forward", None), "__code__", None)
    return {
        "name": kind.__qualname__,
        "file": os.path.realpath(code.co_filename) if code else "",
        "parameters": sum(parameter.numel() for parameter in module.parameters()),
    }


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """The tensors in nested tuples, lists and dicts."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors_in(item)


class Recorder(TorchFunctionMode):
    """Records one forward pass of a model that nobody uses afterwards: its forwards stay wrapped."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.steps: List[FlowStep] = []
        #: Indices of the calls that are being made, the innermost last.
        self.open: List[int] = []
        #: Whether the innermost one is of a module without children, whose inside is nobody's concern
        #: unless it is the model itself.
        self.in_leaf: List[bool] = [False]
        self.numbers: Dict[int, int] = {}
        #: By number; and an id is used again when its tensor is gone.
        self.kept: List[torch.Tensor] = []
        for path, module in model.named_modules():
            if not isinstance(module, torch.jit.ScriptModule):
                leaf = path != "" and not any(True for _ in module.children())
                wrapped = self.wrap(path, module.forward, leaf=leaf)
                object.__setattr__(module, "forward", wrapped)

    def wrap(self, path: str, forward: Forward, *, leaf: bool) -> Forward:
        def forward_with_record(*args: Any, **kwargs: Any) -> Any:
            if self.in_leaf[-1]:
                return forward(*args, **kwargs)
            if not self.open:
                for tensor in tensors_in([args, kwargs]):
                    self.number(tensor)
            step = self.begin("call", path, args, kwargs)
            first_own = len(self.kept)
            self.open.append(len(self.steps) - 1)
            self.in_leaf.append(leaf)
            try:
                result = forward(*args, **kwargs)
            finally:
                self.open.pop()
                self.in_leaf.pop()
            for tensor in tensors_in(result):
                # What a module inside has made stays known by that; what was only handed on is
                # made here, so that an Identity is a step of the flow.
                if leaf or self.numbers.get(id(tensor), -1) < first_own:
                    self.number(tensor)
            self.end(step, result)
            return result

        return forward_with_record

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[Any],
        args: Args = (),
        kwargs: Optional[Kwargs] = None,
    ) -> Any:
        kwargs = kwargs or {}
        if self.in_leaf[-1] or not self.open:
            return func(*args, **kwargs)
        known = [one for one in tensors_in([args, kwargs]) if id(one) in self.numbers]
        fed = [self.numbers[id(one)] for one in known]
        result = func(*args, **kwargs)
        name = getattr(func, "__name__", type(func).__name__)
        # `x[:, 0] = y` returns nothing, and x is another one from then on.
        made = args[0] if name == "__setitem__" else result
        if fed and any(True for _ in tensors_in(made)):
            step = self.begin("function", name, (), {})
            step["inputs"] = fed
            for tensor in tensors_in(made):
                self.number(tensor)
            self.end(step, made)
        return result

    def begin(self, kind: str, name: str, args: Args, kwargs: Kwargs) -> FlowStep:
        known = (self.numbers.get(id(tensor)) for tensor in tensors_in([args, kwargs]))
        step: FlowStep = {
            "kind": kind,
            "name": name,
            "parent": self.open[-1] if self.open else -1,
            "inputs": [number for number in known if number is not None],
            "outputs": [],
        }
        self.steps.append(step)
        return step

    def end(self, step: FlowStep, result: Any) -> None:
        for tensor in tensors_in(result):
            step["outputs"].append(self.numbers[id(tensor)])

    def number(self, tensor: torch.Tensor) -> None:
        self.numbers[id(tensor)] = len(self.kept)
        self.kept.append(tensor)
