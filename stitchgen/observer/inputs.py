"""Inputs for a model: as the user gives them, or guessed from the first layer's needs."""

from __future__ import annotations

import inspect
import re
from typing import Any, Callable, Iterator, List, Optional, Protocol, Sequence, Tuple

import torch
from torch import nn

from stitchgen.observer.modes import Held
from stitchgen.observer.tensors.intercept import Args, Kwargs
from stitchgen.observer.tensors.randomness import seed_torch

#: The sizes of a tensor, and its dtype as torch names it.
Shape = Tuple[List[int], str]

SHAPE = re.compile(r"^\s*(\d+(?:[x,]\d+)*)\s*(?::\s*(\w+))?\s*$")


class Source(Protocol):
    """Where the inputs of a model come from."""

    @property
    def shapes(self) -> Optional[Sequence[Shape]]:
        """Of the tensors; None where an input is an expression."""

    def describe(self) -> str:
        """The inputs as `--input` takes them."""

    def variants(self) -> Iterator[Source]:
        """The inputs as they are, then others that tell the axes apart."""

    def make(self, seed: int, batch: Optional[int] = None) -> Tuple[Args, Kwargs]:
        """The inputs for a seed, the same whenever asked; `batch` replaces the first sizes."""


def shape_in(text: str) -> Optional[Shape]:
    """`([2, 16], "int64")` for `2x16:int64`; None for what is no shape."""
    match = SHAPE.match(text)
    if match is None:
        return None
    return [int(size) for size in re.split("[x,]", match.group(1))], match.group(2) or "float32"


class Given:
    """Inputs from `--input`: shapes (`1x3x224x224`, `2x16:int64`) or Python expressions.

    One tuple is one argument, and one dictionary is the keywords; with `unpacked` the tuple is all
    arguments, and the dictionary one.
    """

    def __init__(
        self, texts: Sequence[str], evaluate: Callable[[str], Any], *, unpacked: bool = False
    ) -> None:
        """Raises SyntaxError for a text that is neither a shape nor an expression."""
        self.unpacked = unpacked
        self.texts = list(texts)
        self.evaluate = evaluate
        self.parts = [shape_in(text) for text in self.texts]
        for text, shape in zip(self.texts, self.parts):
            if shape is None:
                compile(text, "<--input>", "eval")
        known = [shape for shape in self.parts if shape is not None]
        self.shapes = known if len(known) == len(self.parts) else None

    def describe(self) -> str:
        return " ".join(self.texts)

    def variants(self) -> Iterator[Source]:
        """The given shapes, and others that tell the axes apart; the first is as given."""
        yield self
        if self.shapes is None:
            yield OneSampleMore(self)
        else:
            for shapes in vary(self.shapes):
                yield Shapes(shapes)

    def make(self, seed: int, batch: Optional[int] = None) -> Tuple[Args, Kwargs]:
        if self.shapes is not None:
            return Shapes(self.shapes).make(seed, batch)
        seed_torch(seed)
        values = [
            self.evaluate(text) if shape is None else Shapes([shape]).make(seed + number)[0][0]
            for number, (text, shape) in enumerate(zip(self.texts, self.parts))
        ]
        if len(values) == 1:
            value = values[0]
            if isinstance(value, dict):
                return ((value,), {}) if self.unpacked else ((), value)
            if isinstance(value, tuple) and self.unpacked:
                return value, {}
        return tuple(values), {}


class OneSampleMore:
    """An input of expressions, with its first sample once more at its end."""

    shapes = None

    def __init__(self, source: Source) -> None:
        self.source = source

    def describe(self) -> str:
        return self.source.describe()

    def variants(self) -> Iterator[Source]:
        yield self

    def make(self, seed: int, batch: Optional[int] = None) -> Tuple[Args, Kwargs]:
        """Raises ValueError where no tensor is among the arguments."""
        args, kwargs = self.source.make(seed, batch)
        sizes = [tensor.shape[0] for tensor in tensors_in([*args, kwargs]) if tensor.dim()]
        if not sizes:
            raise ValueError("no tensor is among the arguments")
        longer = with_first_again([list(args), kwargs], sizes[0])
        return tuple(longer[0]), longer[1]


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple, dict)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from tensors_in(one)


def with_first_again(value: Any, batch: int) -> Any:
    """The first element of each tensor of so many elements once more at its end."""
    if isinstance(value, torch.Tensor):
        is_batch = value.dim() > 0 and value.shape[0] == batch
        return torch.cat([value, value[:1]]) if is_batch else value
    if type(value) in (list, tuple):
        return type(value)(with_first_again(one, batch) for one in value)
    if isinstance(value, dict):
        return {key: with_first_again(one, batch) for key, one in value.items()}
    return value


class Shapes:
    """Random tensors of the given shapes: normal floats, small integers."""

    def __init__(self, shapes: Sequence[Shape]) -> None:
        self.shapes = shapes

    def describe(self) -> str:
        return " ".join(
            "x".join(map(str, sizes)) + ("" if dtype == "float32" else ":" + dtype)
            for sizes, dtype in self.shapes
        )

    def variants(self) -> Iterator[Source]:
        yield self
        for shapes in vary(self.shapes):
            yield Shapes(shapes)

    def make(self, seed: int, batch: Optional[int] = None) -> Tuple[Args, Kwargs]:
        generator = torch.Generator().manual_seed(seed)
        values = []
        for sizes, dtype in self.shapes:
            if batch is not None and sizes:
                sizes = [batch] + list(sizes[1:])
            kind: torch.dtype = getattr(torch, dtype)
            if kind == torch.bool:
                values.append(torch.ones(sizes, dtype=kind))
            elif kind.is_floating_point:
                values.append(torch.randn(sizes, generator=generator).to(kind))
            else:
                values.append(torch.randint(0, 2, sizes, generator=generator).to(kind))
        return tuple(values), {}


def vary(shapes: Sequence[Shape]) -> Iterator[List[Shape]]:
    """Other shapes: the batch one larger; then height and width enlarged by different amounts."""
    yield [([sizes[0] + 1] + list(sizes[1:]), dtype) for sizes, dtype in shapes]
    steps = (64, 32, 96)
    if all(len(sizes) >= 3 for sizes, _ in shapes):
        yield [
            (list(sizes[:2]) + [size + step for size, step in zip(sizes[2:], steps)], dtype)
            for sizes, dtype in shapes
        ]


def smaller(source: Source, *, given: bool = False) -> Iterator[Source]:
    """The same input with small images: checks hold or fail at any size, and run much faster.

    What the user gives stays as it is, unless `given`.
    """
    shapes = source.shapes
    if (
        (given or isinstance(source, Shapes))
        and shapes
        and all(len(sizes) == 4 for sizes, _ in shapes)
    ):
        if all(size > 64 for sizes, _ in shapes for size in sizes[2:]):
            yield Shapes([(list(sizes[:2]) + [64, 64], dtype) for sizes, dtype in shapes])
    yield source


def guesses(model: nn.Module, first: Optional[nn.Module] = None) -> List[Shapes]:
    """Inputs worth trying, most usual first, from the layer that runs first, else the first that has weights.

    A forward with several required arguments is tried with one such tensor for each.
    """
    return [Shapes([shape] * count_of(model)) for shape in guesses_of_one(model, first or model)]


def count_of(model: nn.Module) -> int:
    """How many tensors the model's forward needs, at least one."""
    count = 0
    for parameter in parameters_of(model):
        positional = parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        if positional and parameter.default is parameter.empty:
            count += 1
    return max(1, count)


def parameters_of(model: nn.Module) -> List[inspect.Parameter]:
    """What the model's forward takes: that of its class, since the instance's may be observed."""
    try:
        kind = type(model.model if isinstance(model, Held) else model)
        return list(inspect.signature(kind.forward).parameters.values())[1:]
    except (TypeError, ValueError):
        return []


def takes(model: nn.Module) -> str:
    """`forward(x, t=None)`, for people."""
    return "forward(%s)" % ", ".join(
        str(parameter.replace(annotation=parameter.empty)) for parameter in parameters_of(model)
    )


def guesses_of_one(model: nn.Module, first: nn.Module) -> List[Shape]:
    """Shapes of one argument: what the first layer takes, then images if some layer takes those."""
    shapes = shapes_for_first(first)
    if any(isinstance(one, nn.Conv2d) and one.in_channels == 3 for one in model.modules()):
        # The layer that is registered first may not be the one that runs first.
        images = [([2, 3, size, size], "float32") for size in (224, 256, 512, 64)]
        shapes += [image for image in images if image not in shapes]
    return shapes


def shapes_for_first(model: nn.Module) -> List[Shape]:
    """Shapes that the first layer with weights takes."""
    for module in model.modules():
        if isinstance(module, nn.modules.conv._ConvNd) and not module.transposed:
            channels = module.in_channels
            dims = len(module.kernel_size)
            if dims == 2:
                sizes = (28, 32, 224) if channels == 1 else (224, 32, 64, 128, 256, 299, 512)
                shapes = [[2, channels, size, size] for size in sizes]
            elif dims == 1:
                shapes = [[2, channels, size] for size in (128, 1024, 16000)]
            else:
                shapes = [[2, channels, 16, 112, 112], [2, channels, 32, 32, 32]]
                shapes += [[2, channels, 64, 64, 64]]
            # The first layer may be fed more than the model is, as coordinates are.
            usual = [count for count in (3, 1) if count != channels]
            shapes += [[2, count] + shape[2:] for count in usual for shape in shapes[:2]]
            return [(shape, "float32") for shape in shapes]
        if isinstance(module, nn.Embedding):
            return [([2, size], "int64") for size in (16, 64, 128)]
        if isinstance(module, nn.Linear):
            width = module.in_features
            shapes = [[2, width], [2, 16, width], [2, 8, 8, width]]
            for side in range(1, 257):
                # An image that a model flattens before its first Linear.
                if side * side == width:
                    shapes += [[2, 1, side, side], [2, side, side]]
                if 3 * side * side == width:
                    shapes += [[2, 3, side, side]]
            return [(shape, "float32") for shape in shapes]
        if isinstance(module, (nn.LSTM, nn.GRU, nn.RNN)):
            return [([2, 16, module.input_size], "float32")]
    return [([2, 3, 224, 224], "float32")]
