"""What is known by names alone: those of other packages and of methods.

A thing of another package is known by its origin, the dotted name under which it is imported:
`torch.nn.Conv2d`.
"""

from __future__ import annotations

import builtins
import functools
import re

#: Methods that change their receiver.
MUTATORS = frozenset(
    "append extend insert pop popleft appendleft remove clear update setdefault popitem add sort "
    "reverse discard extendleft rotate move_to_end subtract intersection_update difference_update "
    "symmetric_difference_update __setitem__ __delitem__ add_module register_module".split()
)

_PACKAGES = frozenset(
    "torch math functools collections itertools copy typing operator numpy os re warnings "
    "dataclasses enum abc types random logging builtins einops inspect".split()
)


def is_known_package(origin: str) -> bool:
    return origin.split(".")[0] in _PACKAGES


@functools.cache
def canonical(origin: str) -> str:
    """One name for what torch exports under several: `torch.nn.modules.conv.Conv2d`."""
    match = re.fullmatch(r"torch\.nn\.modules\.(?:\w+\.)?([A-Z]\w*)", origin)
    if match:
        return f"torch.nn.{match[1]}"
    if origin.startswith("torch.functional."):
        return "torch." + origin.rpartition(".")[2]
    return origin


@functools.cache
def layer_name(origin: str) -> str | None:
    """`Conv2d` of `torch.nn.Conv2d`."""
    match = re.fullmatch(r"torch\.nn\.([A-Z]\w*)", canonical(origin))
    return match[1] if match and match[1] not in {"Parameter", "ParameterList"} else None


def is_module_class(origin: str) -> bool:
    return layer_name(origin) is not None


def is_definite(origin: str) -> bool:
    """Whether the origin is certainly a class or function, not a constant of another file."""
    origin = canonical(origin)
    return (
        is_module_class(origin)
        or origin.split(".")[0] in {"builtins", "functools", "math"}
        or re.fullmatch(r"torch\.nn\.functional\.\w+|torch\.[a-z]\w*", origin) is not None
    )


def is_builtin(name: str) -> bool:
    return hasattr(builtins, name)


CONTAINERS = frozenset({"Sequential", "ModuleList", "ModuleDict"})


def is_container(origin: str) -> bool:
    return layer_name(origin) in CONTAINERS
