"""CUDA is hidden from the process that runs models: a model that names it gets the CPU, as it would by
`"cuda" if torch.cuda.is_available() else "cpu"`.

Only where a model has failed of it; others run as they are.
"""

from __future__ import annotations

import functools
import re
from typing import Any, Callable, List, Mapping, Optional, Tuple

import torch
from torch.overrides import TorchFunctionMode

#: What torch says where there is no device, in its versions.
LACK = re.compile(
    r"NVIDIA driver|not compiled with CUDA|No CUDA GPUs|CUDA driver|no CUDA-capable|"
    r"deserialize object on a CUDA device|accelerator device when none|torch\.cuda\.\w+ not available",
    re.IGNORECASE,
)
DEVICE = re.compile(r"cuda(:\d+)?")
CPU = "cpu"
OF_CUDA = "torch.cuda."
TYPES = ("Half", "Float", "Double", "BFloat16", "Byte", "Char", "Short", "Int", "Long", "Bool")
NOTE = "The model names CUDA, which is hidden here: it got the CPU."

#: Whether the CPU stands in, from the first model on that needed it.
_active: List["CpuInstead"] = []


class CpuInstead(TorchFunctionMode):
    """Takes devices of CUDA, in the arguments of torch's functions, for the CPU."""

    def __torch_function__(
        self,
        function: Any,
        types: Any,
        args: Tuple[Any, ...] = (),
        kwargs: Optional[Mapping[str, Any]] = None,
    ) -> Any:
        if function is torch.Tensor.cuda:
            return args[0]
        named = {name: numbered(name, value) for name, value in (kwargs or {}).items()}
        if function is torch.Tensor.to and len(args) > 1:
            args = (args[0], numbered("device", args[1]), *args[2:])
            if args[0].is_meta and args[1] == CPU:
                args = (args[0], "meta", *args[2:])  # of which only the shape is known
            if args[0].is_meta and named.get("device") == CPU:
                named["device"] = "meta"
        return function(*map(on_cpu, args), **named)


def numbered(name: str, value: Any) -> Any:
    """An argument of that name: as a device, a number is one of CUDA's."""
    return CPU if name == "device" and type(value) is int else on_cpu(value)


def on_cpu(value: Any) -> Any:
    if isinstance(value, torch.device):
        return CPU if value.type == "cuda" else value
    if isinstance(value, str):
        if DEVICE.fullmatch(value):
            return CPU
        return "torch." + value[len(OF_CUDA) :] if value.startswith(OF_CUDA) else value
    return value


def stand_in_for(error: BaseException) -> bool:
    """Whether a failure is the lack of CUDA, and the CPU stands in for it from here on: it may be tried again."""
    if _active or not lacks_cuda(error) or torch.cuda.is_available():
        return False
    take_back_defaults()
    mode = CpuInstead()
    mode.__enter__()  # type: ignore[no-untyped-call]  # for as long as the process lasts
    _active.append(mode)
    for name in TYPES:
        kind = getattr(torch, name + "Tensor", None)
        if kind is not None:
            setattr(torch.cuda, name + "Tensor", kind)
    replaced: Mapping[str, Any] = {
        "current_device": lambda: 0,
        "device": NoDevice,
        "device_of": NoDevice,
        "empty_cache": lambda: None,
        "set_device": lambda device: None,
        "synchronize": lambda device=None: None,
    }
    for name, function in replaced.items():
        setattr(torch.cuda, name, function)
    torch.load = functools.partial(load_on_cpu, torch.load)
    for name in ("set_default_tensor_type", "set_default_device"):
        original = getattr(torch, name, None)
        if original is not None:
            setattr(torch, name, functools.partial(set_on_cpu, original))
    return True


def take_back_defaults() -> None:
    """Let tensors be made on the CPU again, where the project has asked for CUDA before it was missed."""
    if str(torch._C._get_default_device()).startswith("cuda"):
        kind = torch.get_default_dtype()
        torch.set_default_tensor_type(torch.FloatTensor)
        torch.set_default_dtype(kind)
    set_default_device: Any = getattr(torch, "set_default_device", None)
    if set_default_device is not None:
        try:
            torch.empty(0)
        except Exception:
            set_default_device(None)


def set_on_cpu(original: Callable[[Any], None], value: Any) -> None:
    original(on_cpu(value))


def load_on_cpu(
    original: Callable[..., Any], f: Any, map_location: Any = None, *args: Any, **kwargs: Any
) -> Any:
    """A checkpoint whose tensors were saved from CUDA, or are to be put there."""
    usual = map_location is None or on_cpu(map_location) == CPU
    return original(f, CPU if usual else map_location, *args, **kwargs)


class NoDevice:
    """In the place of `torch.cuda.device`, which a `with` statement selects."""

    def __init__(self, device: Any = None) -> None:
        self.device = device

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exception: object) -> None:
        pass


def lacks_cuda(error: BaseException) -> bool:
    cause: Optional[BaseException] = error
    while cause is not None:
        if LACK.search(str(cause)):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def notes() -> List[str]:
    return [NOTE] if _active else []
