"""Which axis of a feature holds the channels, found by experiment.

A producer is a layer whose type fixes its channel axis: a convolution, a linear layer, a norm, an embedding.
What the feature holds at one index of an axis comes, by its gradient, from few of the producer's channels where
that axis is the one of the channels, and from all of them where it is one of positions. No size decides.
"""

from __future__ import annotations

import contextlib
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

import torch
from torch import nn

from stitchgen.observer.aligned_axes import aligned_axis
from stitchgen.observer.inputs import Source
from stitchgen.observer.layout import hint_of
from stitchgen.observer.modes import set_mode
from stitchgen.observer.tensors.intercept import Args, Forward, Kwargs, intercepted
from stitchgen.observer.tensors.randomness import forked_randomness, seed_all

#: So many producers that a value comes from are asked, the nearest first; of those before, everything depends
#: on everything.
MOST_PRODUCERS = 5
#: So many are kept: what comes by a skip connection has others after it, which it does not come from.
MOST_KEPT = 256
#: An axis whose indices come from at most this part of what another's do is that of the channels.
CONFINED = 0.5
#: The same part of all the producer's channels, where no other axis has more than one index to compare with.
CONFINED_ALONE = 0.25
#: So many indices of an axis more are asked, at most, where those asked first depend on nothing.
MOST_INDICES = 16
#: So many elements of a result are looked at, to see whether it was computed element by element.
PLACES = 6
#: The answer where several axes are like one of channels: heads that were split off, groups.
SEVERAL = -1


class Producer(NamedTuple):
    value: torch.Tensor
    axis: int  # of its channels


class Moment(NamedTuple):
    """A value at the time when a layer took or gave it."""

    value: Any
    producers: int  # how many there were before


class ChannelAxes:
    """One run of a model, with gradients, and what it says of the axes of its features.

    `channel_axis` asks it. Raises what the model raises where it does not run on the CPU.
    """

    def __init__(self, model: nn.Module, source: Source) -> None:
        self.producers: List[Producer] = []
        #: What layers were fed whose type fixes the axis of the channels that they take.
        self.readers: List[Producer] = []
        self.given: Dict[str, List[Moment]] = {}
        self.taken: Dict[str, List[Moment]] = {}
        #: Paths of layers whose type says that the channels are last,
        self.linear = {path for path, m in model.named_modules() if hint_of(m) == "last"}
        #: and of those among them that take positions for channels, whatever their type says.
        self.mixing: Set[str] = set()
        self.found: Dict[Tuple[int, int], Tuple[int, ...]] = {}
        model.requires_grad_(True)
        set_mode(model, training=False)
        args, kwargs = source.make(0)
        seed_all(0)
        with contextlib.ExitStack() as stack, torch.enable_grad():
            for path, module in model.named_modules():
                if path and not isinstance(module, torch.jit.ScriptModule):
                    stack.enter_context(self.watched(path, module))
            model(*args, **kwargs)

    def watched(self, path: str, module: nn.Module) -> contextlib.AbstractContextManager[None]:
        given, taken = self.given.setdefault(path, []), self.taken.setdefault(path, [])

        def around(forward: Forward, args: Args, kwargs: Kwargs) -> Any:
            taken.append(Moment(args[0] if args else None, len(self.producers)))
            if mixes_positions(module, args, self.producers):
                self.mixing.add(path)
            elif path not in self.mixing:
                self.readers.extend(fed_to(module, args))
            result = forward(*args, **kwargs)
            producer = producer_of(module, result)
            if producer is not None and path not in self.mixing:
                self.producers.append(producer)
            given.append(Moment(result, len(self.producers)))
            return result

        return intercepted(module, around)

    def channel_axis(
        self, path: str, number: int, side: str, element: Optional[str], batch: int
    ) -> Optional[int]:
        """The axis of the channels of what a layer's call takes (`input`) or gives (`output`).

        `element` is a key of the tuple, list or dict that it gives, `batch` the axis of the samples.
        SEVERAL where more than one axis is like it, None where nothing tells.
        """
        feature = self.feature(path, number, side, element)
        if feature is None:
            return None
        if element is None and path in self.linear and path not in self.mixing:
            return int(feature.value.dim()) - 1
        key = (id(feature.value), batch)  # what a layer in eval hands on is one and the same
        if key not in self.found:
            self.found[key] = axes_of_channels(
                feature.value, batch, self.producers[: feature.producers]
            )
        axes = self.found[key]
        if not axes:
            return axis_read(feature.value, self.readers)
        return axes[0] if len(axes) == 1 else SEVERAL

    def axis_recorded(
        self, path: str, number: int, side: str, element: Optional[str], batch: int
    ) -> Optional[int]:
        """The same as far as what autograd recorded tells it; None where gradients would have to be asked."""
        feature = self.feature(path, number, side, element)
        if feature is None:
            return None
        if element is None and path in self.linear and path not in self.mixing:
            return int(feature.value.dim()) - 1
        before = self.producers[: feature.producers][-MOST_KEPT:]
        axis = aligned_axis(feature.value, before)
        return axis if axis in axes_of_several(feature.value, batch) else None

    def feature(
        self, path: str, number: int, side: str, element: Optional[str]
    ) -> Optional[Moment]:
        moments = (self.given if side == "output" else self.taken).get(path, [])
        if number >= len(moments):
            return None
        moment = moments[number]
        value = element_of(moment.value, element)
        return moment._replace(value=value) if has_gradient(value) else None


def fed_to(module: nn.Module, args: Args) -> Iterator[Producer]:
    """What a module is fed, where its type fixes the axis of the channels."""
    value: Any = args[0] if args else None
    hint = hint_of(module)
    if hint is not None and has_gradient(value):
        yield Producer(value, 1 if hint == "first" else value.dim() - 1)


def axis_read(value: torch.Tensor, readers: Sequence[Producer]) -> Optional[int]:
    """The axis that the first layer takes for the channels that is fed the value, as it is or with something
    added to or done with each of its elements."""
    asked = 0
    for reader in readers:
        if reader.value is value:
            return reader.axis
        if reader.value.shape != value.shape or asked == MOST_PRODUCERS:
            continue
        asked += 1
        if is_elementwise(reader.value, value):
            return reader.axis
    return None


def is_elementwise(result: torch.Tensor, value: torch.Tensor) -> bool:
    """Whether elements of a result depend on those of the value at the same place, and on no others."""
    flat = result.reshape(-1)
    seen = False
    for number in range(0, flat.numel(), flat.numel() // PLACES + 1):
        try:
            gradient = torch.autograd.grad(
                flat[number], value, retain_graph=True, allow_unused=True
            )[0]
        except Exception:  # see part_of_channels
            return False
        if gradient is None:
            return False
        places = gradient.reshape(-1).nonzero().reshape(-1).tolist()
        if places not in ([], [number]):
            return False
        seen = seen or bool(places)  # behind a ReLU some depend on nothing
    return seen


def producer_of(module: nn.Module, result: Any) -> Optional[Producer]:
    """What a module gives, where its type or its weight fixes the axis of the channels."""
    value = result[0] if isinstance(result, tuple) and result else result
    if not has_gradient(value):
        return None
    hint = hint_of(module)
    if hint is not None:
        return Producer(value, 1 if hint == "first" else value.dim() - 1)
    axis = axis_of_weight(module, value)
    return None if axis is None else Producer(value, axis)


def axis_of_weight(module: nn.Module, value: torch.Tensor) -> Optional[int]:
    """The axis along which a norm of the project's own has a weight for each channel, by whatever name."""
    axes = [axis for axis in range(1, value.dim()) if value.shape[axis] > 1]
    for weight in module.parameters(recurse=False):
        long = [axis for axis, size in enumerate(weight.shape) if size > 1]
        if len(long) == 1 and weight.requires_grad:  # C, or 1 x C x 1 x 1
            producer = Producer(weight, long[0])
            parts = {axis: part_of_channels(value, axis, producer) for axis in axes}
            confined = confined_axes({axis: part for axis, part in parts.items() if part})
            if len(confined) == 1:
                return confined[0]
    return None


def mixes_positions(module: nn.Module, args: Args, producers: Sequence[Producer]) -> bool:
    """Whether a linear layer or a norm is fed something else than channels along its axis: an MLP that mixes
    tokens is fed them transposed."""
    value: Any = args[0] if args else None
    if hint_of(module) != "last" or not has_gradient(value) or value.dim() < 3:
        return False
    axes = axes_of_channels(value, 0, producers)
    return len(axes) == 1 and axes[0] != value.dim() - 1


def axes_of_channels(
    value: torch.Tensor, batch: int, producers: Sequence[Producer]
) -> Tuple[int, ...]:
    """The axes of a value that are like one of channels, by the nearest producer that tells; () for none."""
    axes = axes_of_several(value, batch)
    aligned = aligned_axis(value, producers[-MOST_KEPT:])
    if aligned in axes:
        return (aligned,)
    asked = 0
    for producer in reversed(producers[-MOST_KEPT:]):
        if producer.value is value:
            return (producer.axis,)
        parts = {axis: part_of_channels(value, axis, producer) for axis in axes}
        of_it = {axis: part for axis, part in parts.items() if part}
        confined = confined_axes(of_it)
        asked += bool(of_it)
        if confined or asked == MOST_PRODUCERS:
            return confined
    return ()


def axes_of_several(value: torch.Tensor, batch: int) -> List[int]:
    """The axes along which there is more than one, but that of the samples."""
    return [axis for axis in range(value.dim()) if axis != batch and value.shape[axis] > 1]


def has_gradient(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.requires_grad and value.dim() > 1


def element_of(value: Any, element: Optional[str]) -> Any:
    if element is None:
        return value
    if isinstance(value, dict):
        return next((part for key, part in value.items() if str(key) == element), None)
    return value[int(element)] if int(element) < len(value) else None


def part_of_channels(value: torch.Tensor, axis: int, producer: Producer) -> float:
    """Which part of the producer's channels one index of the value along an axis depends on.

    The mean over the first, the last and the one in the middle, but those that depend on none, as behind a
    ReLU: where all three do not, others are asked. 0 where none depends on any.
    """
    size = value.shape[axis]
    ends = sorted({size // 2, size - 1, 0})
    parts: List[float] = []
    for asked, index in enumerate(
        dict.fromkeys((*ends, *range(0, size, size // MOST_INDICES + 1)))
    ):
        if parts and asked >= len(ends):
            break
        along = value.select(axis, index)
        try:
            # What is drawn here is not to be missing in the rest of the forward.
            with forked_randomness(0):
                weights = torch.rand_like(along) + 0.5
                gradient = torch.autograd.grad(
                    (along * weights).sum(), producer.value, retain_graph=True, allow_unused=True
                )[0]
        except Exception:
            # What is in between was written to in place, has no derivative, or one that the project wrote
            # and that can be asked once.
            return 0.0
        if gradient is None:
            return 0.0  # the value does not come from the producer
        others = [other for other in range(gradient.dim()) if other != producer.axis]
        channels = gradient.abs().sum(others) if others else gradient.abs()
        part = float((channels > 0).float().mean())
        if part:
            parts.append(part)
    return sum(parts) / len(parts) if parts else 0.0


def confined_axes(parts: Dict[int, float]) -> Tuple[int, ...]:
    """The axes whose indices depend on a small part of the channels, where those of another do on many."""
    if not parts:
        return ()
    most = CONFINED_ALONE if len(parts) == 1 else CONFINED * max(parts.values())
    return tuple(axis for axis, part in parts.items() if part <= most)
