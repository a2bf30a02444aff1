"""Quick models on the meta device, where a tensor has a shape and no values.

Torch takes many operations apart there, in Python: a batch norm of a few microseconds takes one or two
milliseconds, most of a survey's time. For the common ones the shape of the result is plain, and is given at
once; all others, and each of these where it is not plain, are torch's.
"""

from __future__ import annotations

import contextlib
import math
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Sequence, Tuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from stitchgen.observer import compiler

#: What fills a tensor with values of no consequence.
FILLS = ("normal_", "uniform_", "erfinv_", "bernoulli_", "exponential_", "log_normal_")
#: Operations whose result is like their first tensor.
KEEPING = (
    "relu",
    "silu",
    "gelu",
    "hardswish",
    "hardsigmoid",
    "hardtanh",
    "leaky_relu",
    "elu",
    "mish",
    "sigmoid",
    "tanh",
    "exp",
    "sin",
    "cos",
    "neg",
    "abs",
    "sqrt",
    "rsqrt",
)
#: The same for two tensors of one shape, or the second of which is spread over the first.
ADDING = ("add", "sub", "mul", "div")

Arguments = Sequence[Any]
#: The result of an operation by its arguments; None where torch has to find it.
Rule = Callable[[Arguments], Any]


@contextlib.contextmanager
def fills_left_out() -> Iterator[None]:
    """Fills of tensors on the meta device do nothing."""
    fills = {name: on_others(getattr(torch.Tensor, name)) for name in FILLS}
    with methods_replaced(fills):
        yield


@contextlib.contextmanager
def moves_left_out() -> Iterator[None]:
    """Tensors on the meta device stay there where a model moves them to the CPU: `.to(device)`, `.cpu()`."""
    to, cpu = torch.Tensor.to, torch.Tensor.cpu

    def moved(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        if tensor.is_meta:
            if args and is_cpu(args[0]):
                args = (tensor.device, *args[1:])
            if is_cpu(kwargs.get("device")):
                kwargs["device"] = tensor.device
        return to(tensor, *args, **kwargs)

    def moved_to_cpu(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        return tensor if tensor.is_meta else cpu(tensor, *args, **kwargs)

    with methods_replaced({"to": moved, "cpu": moved_to_cpu}):
        yield


def is_cpu(value: object) -> bool:
    return isinstance(value, (str, torch.device)) and str(value).partition(":")[0] == "cpu"


@contextlib.contextmanager
def methods_replaced(others: Mapping[str, Callable[..., torch.Tensor]]) -> Iterator[None]:
    """Other methods of tensors in the place of torch's own, which torch has one class above."""
    before = {name: torch.Tensor.__dict__[name] for name in others if name in torch.Tensor.__dict__}
    try:
        for name, method in others.items():
            setattr(torch.Tensor, name, method)
        yield
    finally:
        for name in others:
            if name in before:
                setattr(torch.Tensor, name, before[name])
            else:
                delattr(torch.Tensor, name)


def on_others(fill: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    def filled(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        return tensor if tensor.is_meta else fill(tensor, *args, **kwargs)

    return filled


class PlainShapes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Gives the result of a common operation by its shape."""

    def __torch_dispatch__(
        self,
        operation: Any,
        types: Tuple[type, ...],
        args: Arguments = (),
        kwargs: Optional[Mapping[str, Any]] = None,
    ) -> Any:
        rule = RULES.get(operation)
        if rule is not None and args and not kwargs and starts_plain(args[0]):
            result = rule(args)
            if result is not None:
                return result
        if operation in COUNTING and kwargs:
            numbers = counted(args, kwargs)
            if numbers is not None:
                return numbers
        return operation(*args, **(kwargs or {}))


compiler.import_no_compiler_for(PlainShapes.__torch_dispatch__)
compiler.import_no_compiler_for_shapes()
compiler.import_no_symbols_for_checks()


def starts_plain(value: object) -> bool:
    return is_plain(value[0] if isinstance(value, (list, tuple)) and value else value)


def is_plain(value: object) -> bool:
    return isinstance(value, torch.Tensor) and value.is_meta and value.is_floating_point()


def of_shape(value: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """A contiguous tensor of the value's type; `value.new_empty` takes five times as long on this device."""
    return torch.empty(shape, dtype=value.dtype, device=value.device)


def like(value: torch.Tensor) -> torch.Tensor:
    if value.is_contiguous() or in_order(value):
        return of_shape(value, value.shape)
    return torch.empty_like(value)


def like_first(args: Arguments) -> Any:
    return like(args[0])


def first(args: Arguments) -> Any:
    return args[0]


def like_both(args: Arguments) -> Any:
    return like(args[0]) if spread_over_first(args) else None


def first_of_both(args: Arguments) -> Any:
    return args[0] if spread_over_first(args) else None


def spread_over_first(args: Arguments) -> bool:
    """Whether the second operand takes nothing but the first one's shape, type and layout."""
    one, other = args[0], args[1]
    if isinstance(other, (int, float)):
        return True
    if not is_plain(other) or other.dtype != one.dtype or other.dim() == 0:
        return False
    if other.shape == one.shape:
        return bool(other.stride() == one.stride() or (in_order(one) and in_order(other)))
    return bool(
        one.is_contiguous()
        and other.is_contiguous()
        and other.dim() <= one.dim()
        and all(a in (1, b) for a, b in zip(reversed(other.shape), reversed(one.shape)))
    )


def in_order(value: torch.Tensor) -> bool:
    """Whether a step along an axis is longer than one along the next, as in a part of the channels."""
    strides = value.stride()
    return all(strides[axis] > strides[axis + 1] for axis in range(value.dim() - 1))


def batch_norm(args: Arguments) -> Any:
    """(input, weight, bias, running mean, running variance, training, ...)"""
    value = args[0]
    if value.dim() < 2 or any(
        other is not None and (not is_plain(other) or other.shape != value.shape[1:2])
        for other in args[1:5]
    ):
        return None
    kept = value.shape[1] if args[5] else 0
    return like(value), of_shape(value, (kept,)), of_shape(value, (kept,))


def layer_norm(args: Arguments) -> Any:
    """(input, normalized shape, weight, bias, eps)"""
    value, normalized = args[0], tuple(args[1])
    if not normalized or tuple(value.shape[-len(normalized) :]) != normalized:
        return None
    if any(other is not None and tuple(other.shape) != normalized for other in args[2:4]):
        return None
    axes = value.dim() - len(normalized)
    moments = [*value.shape[:axes], *(1 for _ in normalized)]
    return of_shape(value, value.shape), of_shape(value, moments), of_shape(value, moments)


def group_norm(args: Arguments) -> Any:
    """(input, weight, bias, samples, channels, positions, groups, eps)"""
    value, channels, groups = args[0], args[4], args[6]
    if not value.is_contiguous() or any(
        other is not None and other.shape != (channels,) for other in args[1:3]
    ):
        return None
    moments = (args[3], groups)
    return like(value), of_shape(value, moments), of_shape(value, moments)


def resized(args: Arguments) -> Any:
    """(input, output size, ...)"""
    value, size = args[0], args[1]
    if size is None or not value.is_contiguous() or len(size) != value.dim() - 2:
        return None
    return of_shape(value, (*value.shape[:2], *size))


def max_pooled(args: Arguments) -> Any:
    """(input, kernel size, stride, padding, dilation, round up)"""
    value = args[0]
    if value.dim() != 4 or not value.is_contiguous():
        return None
    kernel, stride, padding, dilation = (
        [*args[number]] if number < len(args) else default
        for number, default in ((1, []), (2, []), (3, [0]), (4, [1]))
    )
    up = len(args) > 5 and args[5]
    sizes = []
    for axis in range(2):
        window, around, spread = (one[axis % len(one)] for one in (kernel, padding, dilation))
        step = (stride or kernel)[axis % len(stride or kernel)]
        size = value.shape[2 + axis]
        if step < 1 or spread < 1 or window < 1 or not 0 <= around <= window // 2:
            return None
        room = size + 2 * around - spread * (window - 1) - 1
        if room < 0:
            return None
        count = (room + (step - 1 if up else 0)) // step + 1
        # The last window starts inside the input or in what is put before it.
        sizes.append(count - 1 if up and (count - 1) * step >= size + around else count)
    shape = (*value.shape[:2], *sizes)
    return of_shape(value, shape), torch.empty(shape, dtype=torch.int64, device=value.device)


def pooled(args: Arguments) -> Any:
    """(input, axes, keep them)"""
    value, axes, kept, *others = (*args, False) if len(args) == 2 else args
    if others or not isinstance(axes, (list, tuple)) or not axes or not value.is_contiguous():
        return None
    if not all(-value.dim() <= axis < value.dim() for axis in axes):
        return None
    left_out = {axis % value.dim() for axis in axes}
    if len(left_out) != len(axes):
        return None
    sizes = enumerate(value.shape)
    shape = [
        1 if axis in left_out else size for axis, size in sizes if kept or axis not in left_out
    ]
    return of_shape(value, shape)


def joined(args: Arguments) -> Any:
    """(inputs, axis)"""
    values, axis = args[0], args[1] if len(args) > 1 else 0
    shape = list(values[0].shape)
    if not -len(shape) <= axis < len(shape):
        return None
    axis %= len(shape)
    others = [size for number, size in enumerate(shape) if number != axis]
    for value in values:
        if not is_plain(value) or value.dtype != values[0].dtype:
            return None
        if not value.is_contiguous() and not in_order(value):
            return None
        sizes = list(value.shape)
        if len(sizes) != len(shape) or sizes[:axis] + sizes[axis + 1 :] != others:
            return None
    shape[axis] = sum(value.shape[axis] for value in values)
    return of_shape(values[0], shape)


def added_product(args: Arguments) -> Any:
    """(bias, matrix, matrix)"""
    bias = args[0]
    result = product(args[1:])
    fits = len(args) == 3 and result is not None and bias.shape == result.shape[1:]
    return result if fits else None


def product(args: Arguments) -> Any:
    one, other = args[0], args[1]
    if not is_plain(one) or not is_plain(other) or one.dtype != other.dtype:
        return None
    if one.dim() != other.dim() or one.shape[:-2] != other.shape[:-2]:
        return None
    if one.shape[-1] != other.shape[-2]:
        return None
    return of_shape(one, (*one.shape[:-1], other.shape[-1]))


def convolution(args: Arguments) -> Any:
    """(input, weight, bias, stride, padding, dilation, transposed, output padding, groups)"""
    value, weight, bias, *lists, groups = args
    axes = value.dim() - 2
    if axes < 1 or not is_plain(weight) or weight.dim() != value.dim() or groups < 1:
        return None
    if not value.is_contiguous() or not weight.is_contiguous() or value.dtype != weight.dtype:
        return None
    stride, padding, dilation, transposed, more = lists
    if any(len(given) not in (1, axes) for given in (stride, padding, dilation)) or (
        transposed and len(more) not in (1, axes)
    ):
        return None
    taken, given = weight.shape[1] * groups, weight.shape[0]
    if transposed:
        taken, given = given, taken
    if value.shape[1] != taken or not taken or given % groups or taken % groups:
        return None
    if bias is not None and (not is_plain(bias) or tuple(bias.shape) != (given,)):
        return None
    sizes = []
    for axis in range(axes):
        step, around, spread = (one[axis % len(one)] for one in (stride, padding, dilation))
        size, reach = value.shape[2 + axis], spread * (weight.shape[2 + axis] - 1)
        if step < 1 or around < 0 or spread < 1:
            return None
        if transposed:
            sizes.append((size - 1) * step - 2 * around + reach + more[axis % len(more)] + 1)
        else:
            sizes.append((size + 2 * around - reach - 1) // step + 1)
    if min(sizes) < 1:
        return None
    return of_shape(value, (value.shape[0], given, *sizes))


def counted(args: Arguments, kwargs: Mapping[str, Any]) -> Any:
    """The numbers from a first one up to an end, by a step: of `end`, `start, end` or `start, end, step`."""
    device, dtype = kwargs.get("device"), kwargs.get("dtype")
    if device is None or torch.device(device).type != "meta" or kwargs.get("pin_memory"):
        return None
    if any(type(one) not in (int, float) for one in args):
        return None
    start, end, step = (0, *args, 1) if len(args) == 1 else (*args, 1)[:3]
    if step == 0 or (end - start) / step < 0:
        return None
    if dtype is None:
        whole = all(type(one) is int for one in args)
        dtype = torch.int64 if whole else torch.get_default_dtype()
    return torch.empty(math.ceil((end - start) / step), dtype=dtype, device=device)


def rules() -> Dict[Any, Rule]:
    """The rules by operation; an older torch lacks some of them."""
    named: Dict[str, Rule] = {
        "convolution.default": convolution,
        "native_batch_norm.default": batch_norm,
        "native_layer_norm.default": layer_norm,
        "native_group_norm.default": group_norm,
        "upsample_bilinear2d.default": resized,
        "upsample_bicubic2d.default": resized,
        "upsample_trilinear3d.default": resized,
        "upsample_linear1d.default": resized,
        "_adaptive_avg_pool2d.default": resized,
        "max_pool2d_with_indices.default": max_pooled,
        "mean.dim": pooled,
        "sum.dim_IntList": pooled,
        "_prelu_kernel.default": like_both,
        "cat.default": joined,
        "addmm.default": added_product,
        "mm.default": product,
        "bmm.default": product,
    }
    for name in KEEPING:
        named[name + ".default"] = like_first
        named[name + "_.default"] = first
    for name in ADDING:
        named[name + ".Tensor"] = like_both
        named[name + "_.Tensor"] = first_of_both
    for name in FILLS:
        named[name + ".default"] = first
    found = {}
    for text, rule in named.items():
        operation = named_operation(text)
        if operation is not None:
            found[operation] = rule
    return found


def named_operation(text: str) -> Any:
    """`mean.dim` of torch's operations; None where this torch has none of that name."""
    name, _, overload = text.partition(".")
    return getattr(getattr(torch.ops.aten, name, None), overload, None)


RULES = rules()
#: Operations without a tensor among their arguments, which make a row of numbers.
COUNTING = frozenset(
    named_operation("arange.%s" % overload) for overload in ("default", "start", "start_step")
) - {None}
