"""Less time for builds and fusions, of which the values do not matter or are known beforehand.

A build runs its model on an image of zeros to find strides, fills weights that another model's will replace, and
counts the operations that it prints. Fusing multiplies weights by diagonal matrices, and fills what it then writes.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from typing import Any, Callable, Collection, Dict, Iterator, List, Optional, Tuple
from unittest import mock

import torch
from torch.nn import functional

from stitchgen.observer.meta_device import methods_replaced
from stitchgen.observer.tensors.convolutions import is_plain
from stitchgen.observer.tensors.noise import is_quick, quick_fills

FILLS = ("normal_", "uniform_")
#: Where the numbers of weights and of values have a smaller product, computing is as fast as looking.
LEAST = 1 << 20


@contextlib.contextmanager
def building(kind: type, filled: Optional[Collection[str]] = None) -> Iterator[None]:
    """For a build: `filled` names the classes whose weights are drawn; None for all."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(quick_fills(0))
        if filled is not None:
            stack.enter_context(fills_left_out(filled))
        stack.enter_context(zeros_known())
        stack.enter_context(nothing_printed(kind))
        yield


@contextlib.contextmanager
def fusing(kind: type) -> Iterator[None]:
    with fills_left_out(()), diagonal_products(), nothing_printed(kind):
        yield


@contextlib.contextmanager
def nothing_printed(kind: type) -> Iterator[None]:
    """Inside, a model's `info`, which runs a copy of the model to print a figure, does nothing."""
    if not callable(getattr(kind, "info", None)):
        yield
        return
    with mock.patch.object(kind, "info", lambda *args, **kwargs: None):
        yield


@contextlib.contextmanager
def fills_left_out(filled: Collection[str]) -> Iterator[None]:
    """Large weights keep what is in their memory, but those that are made while a module of these classes is.

    What is drawn until it fits (`trunc_normal_`) is drawn: other tensors than weights, and the same one again.
    """
    left: Dict[int, torch.Tensor] = {}

    def left_out(fill: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
        def filling(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
            plain = isinstance(tensor, torch.nn.Parameter) and is_quick(tensor, kwargs)
            if plain and id(tensor) not in left and not is_inside(filled):
                left[id(tensor)] = tensor
                return tensor
            return fill(tensor, *args, **kwargs)

        return filling

    with methods_replaced({name: left_out(getattr(torch.Tensor, name)) for name in FILLS}):
        yield


def is_inside(names: Collection[str]) -> bool:
    """Whether the constructor of a class of such a name runs."""
    frame = sys._getframe(2) if names else None
    while frame is not None:
        if frame.f_code.co_name == "__init__":
            if type(frame.f_locals.get("self")).__name__ in names:
                return True
        frame = frame.f_back
    return False


@contextlib.contextmanager
def zeros_known() -> Iterator[None]:
    """Inside, a convolution of zeros is not computed: each value that it gives is the bias of its channel."""
    convolve = functional.conv2d

    @functools.wraps(convolve)
    def known(
        input: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: Any = 1,
    ) -> Any:
        shape = None
        if is_large(input, weight) and not bool(input.detach().any()):
            shape = shape_of(input, weight, bias, (stride, padding, dilation), groups)
        if shape is None:
            return convolve(input, weight, bias, stride, padding, dilation, groups)
        result = input.new_zeros(shape)
        return result if bias is None else result.add_(bias.detach().view(-1, 1, 1))

    with mock.patch.object(functional, "conv2d", known):
        yield


def is_large(input: Any, weight: Any) -> bool:
    if not isinstance(input, torch.Tensor) or not isinstance(weight, torch.Tensor):
        return False
    plain = is_plain(input) and is_plain(weight) and input.dtype == weight.dtype
    return plain and input.numel() * weight.numel() >= LEAST


def shape_of(
    input: torch.Tensor, weight: torch.Tensor, bias: Any, numbers: Tuple[Any, ...], groups: Any
) -> Optional[Tuple[int, ...]]:
    """The shape of what a convolution gives; None where torch has to say it, or what is wrong."""
    parts = [number if isinstance(number, tuple) else (number,) * 2 for number in numbers]
    if any(len(part) != 2 or any(type(one) is not int for one in part) for part in parts):
        return None
    if type(groups) is not int or input.dim() != 4 or weight.dim() != 4:
        return None
    given = weight.shape[0]
    if input.shape[1] != weight.shape[1] * groups or given % groups:
        return None
    if bias is not None and (not is_plain(bias) or tuple(bias.shape) != (given,)):
        return None
    sizes: List[int] = []
    for size, kernel, step, around, spread in zip(input.shape[2:], weight.shape[2:], *parts):
        if step < 1 or around < 0 or spread < 1:
            return None
        sizes.append((size + 2 * around - spread * (kernel - 1) - 1) // step + 1)
    return None if min(sizes) < 1 else (input.shape[0], given, *sizes)


@contextlib.contextmanager
def diagonal_products() -> Iterator[None]:
    """Inside, a product with a diagonal matrix in front scales the rows of the other one."""
    multiply = torch.mm

    @functools.wraps(multiply)
    def product(input: Any, mat2: Any, **kwargs: Any) -> Any:
        if kwargs or not is_large(input, mat2) or mat2.dim() != 2 or not is_diagonal(input):
            return multiply(input, mat2, **kwargs)
        if input.shape[1] != mat2.shape[0]:
            return multiply(input, mat2)
        return input.diagonal().unsqueeze(1) * mat2

    with mock.patch.object(torch, "mm", product):
        yield


def is_diagonal(matrix: torch.Tensor) -> bool:
    if matrix.dim() != 2 or matrix.shape[0] != matrix.shape[1]:
        return False
    return bool(torch.count_nonzero(matrix) == torch.count_nonzero(matrix.diagonal()))
