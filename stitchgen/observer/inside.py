"""A block among the elements of a Sequential: old weights arrive, and elements are called what they were.

The checks compare the two models path by path. A Sequential runs and indexes its elements by their order, not
by their names, so that the edited one may call them by the original's for the time of the proof.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

import torch
from torch import nn

from stitchgen.observer.checks.failed import CheckFailed
from stitchgen.observer.protocol import Inside


def name_as_before(
    before: nn.Module,
    after: nn.Module,
    inside: Sequence[Inside],
    overlay: Mapping[str, bytes],
    *,
    loads: bool,
) -> None:
    """Name the elements of the edited model as the original does; with `loads`, see first that the original's
    state arrives through the function that was written for that. Raises `CheckFailed`: keys."""
    for one in inside:
        saved = {key: value.clone() for key, value in after.state_dict().items()} if loads else {}
        if loads and one["loader"]:
            load(before, after, one, overlay[os.path.realpath(one["loader"])])
        for container in containers(after, one):
            rename(container, one["index"], one["key"])
        if loads and one["loader"]:
            check_arrived(before, after)
            restore(after, saved, one)


def containers(model: nn.Module, one: Inside) -> Iterator[nn.Sequential]:
    """The Sequentials that have the block, in all instances of the class."""
    for module in list(model.modules()):
        if not any(is_class(kind, one) for kind in type(module).__mro__):
            continue
        found: Any = module
        for name in one["container"].split("."):
            found = getattr(found, "_modules", {}).get(name)
        if isinstance(found, nn.Sequential) and len(found) > one["index"]:
            yield found


def is_class(kind: type, one: Inside) -> bool:
    module = sys.modules.get(kind.__module__)
    file = getattr(module, "__file__", None) or ""
    same = os.path.realpath(file) == os.path.realpath(one["file"])
    return same and kind.__qualname__ == one["class_name"]


def rename(container: nn.Sequential, index: int, key: str) -> None:
    """Give the element at the index the key, and those behind it one number less."""
    modules = list(container._modules.values())
    names = [str(number) for number in range(len(modules) - 1)]
    names.insert(index, key)
    container._modules.clear()
    container._modules.update(zip(names, modules))


def load(before: nn.Module, after: nn.Module, one: Inside, source: bytes) -> None:
    """Load the original's state by the function of the new file."""
    namespace: Dict[str, Any] = {"__name__": "old_keys"}
    exec(compile(source, one["loader"], "exec"), namespace)
    with torch.no_grad():
        for tensor in after.state_dict().values():
            if not torch.nn.parameter.is_lazy(tensor):
                tensor.fill_(float("nan") if tensor.is_floating_point() else 0)
    try:
        namespace["load_before"](after, before.state_dict())
    except Exception as error:
        raise CheckFailed(
            "keys", "Old weights do not load into the edited model: %s" % error
        ) from error


def check_arrived(before: nn.Module, after: nn.Module) -> None:
    now = after.state_dict()
    for key, value in before.state_dict().items():
        if key not in now or not torch.equal(now[key], value):
            raise CheckFailed("keys", "The old tensor %s does not arrive where it belongs." % key)


def restore(after: nn.Module, saved: Mapping[str, torch.Tensor], one: Inside) -> None:
    """The starting values of the edited model, whose elements have their old names by now."""
    values: List[torch.Tensor] = list(saved.values())
    pairs: List[Tuple[str, torch.Tensor]] = list(after.state_dict().items())
    with torch.no_grad():
        for (_, tensor), value in zip(pairs, values):
            tensor.copy_(value)
