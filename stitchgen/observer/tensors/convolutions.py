"""Convolutions that were computed are not computed again: of the same values, with weights that stay as they are.

The runs of a proof differ behind a block alone, and those of the edited model are the reference's once more where the
edit is right. The model's own code runs all the same; what it asks for with other values is computed.
"""

from __future__ import annotations

import contextlib
import functools
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

import torch
from torch.nn import functional

NAMES = ("conv1d", "conv2d", "conv3d")
#: How many bytes of inputs and outputs are kept.
MOST = 1 << 27
#: Where the numbers of weights and of values have a smaller product, computing is as fast as looking up.
LEAST = 1 << 20

Convolution = Callable[..., torch.Tensor]
#: All that a convolution depends on but the values: its name, weight and bias by their memory, and its numbers.
Key = Tuple[Any, ...]


class Computed(NamedTuple):
    value: torch.Tensor
    result: torch.Tensor
    lasting: bool


class Convolutions:
    """What was computed with the weights of one state of a model."""

    def __init__(self) -> None:
        #: The tensors of the state, by their memory: held, so that nothing else comes to lie there.
        self.weights: Dict[int, torch.Tensor] = {}
        self.computed: Dict[Key, List[Computed]] = {}
        self.bytes = 0
        #: Whether what is computed now is of the model as it was, which every proof runs.
        self.lasting = False

    def know(self, weights: Iterable[torch.Tensor]) -> None:
        """These, which are not written to, are the weights; what others had computed is forgotten."""
        now = {weight.data_ptr(): weight for weight in weights}
        if now.keys() != self.weights.keys():
            self.forget()
        self.weights = now
        self._keep(lambda one: one.lasting)

    def forget(self) -> None:
        """Where the weights were written to, all that was computed with them."""
        self.weights = {}
        self._keep(lambda one: False)

    def _keep(self, wanted: Callable[[Computed], bool]) -> None:
        kept = {key: [one for one in found if wanted(one)] for key, found in self.computed.items()}
        self.computed = {key: found for key, found in kept.items() if found}
        self.bytes = sum(size_of(one) for found in self.computed.values() for one in found)

    @contextlib.contextmanager
    def reused(self, *, lasting: bool) -> Iterator[None]:
        """Inside, what `torch.nn.functional` is asked for is looked up first."""
        self.lasting = lasting
        saved = {name: getattr(functional, name) for name in NAMES if self.weights}
        for name, convolve in saved.items():
            setattr(functional, name, self._looking_up(name, convolve))
        try:
            yield
        finally:
            for name, convolve in saved.items():
                setattr(functional, name, convolve)

    def _looking_up(self, name: str, convolve: Convolution) -> Convolution:
        @functools.wraps(convolve)
        def looked_up(
            input: Any,
            weight: Any,
            bias: Any = None,
            stride: Any = 1,
            padding: Any = 0,
            dilation: Any = 1,
            groups: Any = 1,
        ) -> Any:
            numbers = (stride, padding, dilation, groups)
            if is_compiling() or not self._is_known(input, weight, bias, numbers):
                return convolve(input, weight, bias, *numbers)
            key: Key = (
                name,
                weight.data_ptr(),
                weight.shape,
                None if bias is None else bias.data_ptr(),
                numbers,
                input.shape,
                input.stride(),
                torch.get_default_dtype(),
            )
            found = self.computed.setdefault(key, [])
            value = input.detach()
            for one in found:
                if torch.equal(one.value, value):
                    return given(one.result, input, weight, bias, numbers)
            result = convolve(input, weight, bias, *numbers)
            new = Computed(value, result.detach(), self.lasting)
            if self.bytes + size_of(new) <= MOST:
                # What follows may write to either in place.
                found.append(Computed(value.clone(), result.detach().clone(), self.lasting))
                self.bytes += size_of(new)
            return result

        return looked_up

    def _is_known(self, input: Any, weight: Any, bias: Any, numbers: Tuple[Any, ...]) -> bool:
        """Whether the weight is of the state, and nothing but the values decides what is computed."""
        if type(input) is not torch.Tensor or not isinstance(weight, torch.Tensor):
            return False
        if not self._is_weight(weight) or not (bias is None or self._is_weight(bias)):
            return False
        plain = all(
            type(part) is int
            for number in numbers
            for part in (number if isinstance(number, tuple) else (number,))
        )
        large = input.dim() == weight.dim() and weight.numel() * input.numel() >= LEAST
        return plain and large and is_plain(input) and computes_plainly()

    def _is_weight(self, tensor: torch.Tensor) -> bool:
        known = self.weights.get(tensor.data_ptr()) if is_plain(tensor) else None
        return known is not None and known.shape == tensor.shape and tensor.is_contiguous()


def size_of(one: Computed) -> int:
    return sum(part.numel() * part.element_size() for part in (one.value, one.result))


def is_plain(tensor: torch.Tensor) -> bool:
    kind = type(tensor)
    plain = kind is torch.Tensor or kind is torch.nn.Parameter
    on_cpu = tensor.device.type == "cpu" and tensor.layout == torch.strided
    return plain and on_cpu and tensor.is_floating_point() and not tensor.is_inference()


def is_compiling() -> bool:
    compiler: Any = getattr(torch, "compiler", None)
    return bool(compiler and getattr(compiler, "is_compiling", bool)())


def computes_plainly() -> bool:
    """Whether nothing looks at each operation or changes it: counters, checkpoints, autocast, transforms.

    Where torch is too old to say so, it is taken for one that does.
    """
    parts: Any = torch._C
    try:
        return not (
            torch.is_inference_mode_enabled()
            or parts.is_autocast_enabled("cpu")
            or parts._len_torch_dispatch_stack()
            or parts._len_torch_function_stack()
            or parts._functorch.peek_interpreter_stack() is not None
            or parts._autograd._top_saved_tensors_default_hooks(True) is not None
        )
    except (AttributeError, TypeError):
        return False


def given(
    result: torch.Tensor,
    input: torch.Tensor,
    weight: torch.Tensor,
    bias: Optional[torch.Tensor],
    numbers: Tuple[Any, ...],
) -> torch.Tensor:
    """A result with the graph that computing it would have made."""
    tensors = [input, weight] if bias is None else [input, weight, bias]
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        return Given.apply(result, input, weight, bias, numbers)  # type: ignore[no-any-return]
    return result.clone()


class Given(torch.autograd.Function):
    """A convolution whose result is known, in the graph of a forward."""

    @staticmethod
    def forward(
        ctx: Any,
        result: torch.Tensor,
        input: torch.Tensor,
        weight: torch.Tensor,
        bias: Optional[torch.Tensor],
        numbers: Tuple[Any, ...],
    ) -> torch.Tensor:
        ctx.save_for_backward(input, weight)
        ctx.bias = None if bias is None else list(bias.shape)
        ctx.numbers = numbers
        return result.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        input, weight = ctx.saved_tensors
        dims = input.dim() - 2
        stride, padding, dilation = (in_each(number, dims) for number in ctx.numbers[:3])
        wanted = [needed(ctx, 1), needed(ctx, 2), ctx.bias is not None and needed(ctx, 3)]
        found = torch.ops.aten.convolution_backward(
            gradients[0],
            input,
            weight,
            ctx.bias,
            stride,
            padding,
            dilation,
            False,
            [0] * dims,
            ctx.numbers[3],
            wanted,
        )
        return (None, *(one if want else None for one, want in zip(found, wanted)), None)


def in_each(number: Any, dims: int) -> List[int]:
    parts = list(number) if isinstance(number, tuple) else [number]
    return parts * dims if len(parts) == 1 else parts


def needed(ctx: Any, index: int) -> bool:
    """Whether a backward goes on to this argument: `needs_input_grad` says whether any would."""
    if not ctx.needs_input_grad[index]:
        return False
    following = ctx.next_functions[index][0]
    runs: Any = getattr(torch._C, "_will_engine_execute_node", None)
    try:
        return following is None or runs is None or bool(runs(following))
    except RuntimeError:  # it is a leaf whose gradient was asked for
        return True
