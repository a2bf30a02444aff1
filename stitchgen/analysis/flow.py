"""How tensors flow through a model in one forward pass: the steps that were seen, as frozen records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from stitchgen.observer import protocol


@dataclass(frozen=True)
class FlowModule:
    """A layer of the model, called or not."""

    class_name: str
    file: str  # in which its forward is written
    parameters: int


@dataclass(frozen=True)
class FlowStep:
    """A call of a layer, or of a function between layers; tensors by their numbers."""

    name: str  # the layer's path, "" of the model itself; the function's name
    is_call: bool
    parent: int  # index of the call inside which it was made
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Flow:
    """One forward pass, in eval, of one configuration; the steps in the order in which they began."""

    expression: str
    input: str
    modules: Mapping[str, FlowModule]  # by path, "" the model itself
    steps: Sequence[FlowStep]
    shapes: Sequence[tuple[int, ...]]  # by the number of the tensor

    @cached_property
    def inside(self) -> Mapping[int, Sequence[int]]:
        """The steps made directly inside each call, by its index."""
        found: dict[int, list[int]] = {}
        for index, step in enumerate(self.steps):
            found.setdefault(step.parent, []).append(index)
        return found

    def calls_inside(self, index: int) -> list[int]:
        return [one for one in self.inside.get(index, ()) if self.steps[one].is_call]


def flow_of(answer: protocol.FlowAnswer) -> Flow:
    """The observer's answer as a record."""
    return Flow(
        answer["expression"],
        answer["input"],
        {
            path: FlowModule(one["name"], one["file"], one["parameters"])
            for path, one in answer["modules"].items()
        },
        [
            FlowStep(
                one["name"],
                one["kind"] == "call",
                one["parent"],
                tuple(one["inputs"]),
                tuple(one["outputs"]),
            )
            for one in answer["steps"]
        ],
        [tuple(shape) for shape in answer["shapes"]],
    )
