"""Methods that run an edited layer and that no forward calls: `extract_features(x)`.

They are called on the original and on the edited model with what the forward of their module is given.
"""

from __future__ import annotations

import contextlib
import inspect
from typing import Any, Dict, List, Optional, Sequence, Tuple

import torch
from torch import nn

from stitchgen.observer.failure import failure_of
from stitchgen.observer.forwards.runner import Inputs
from stitchgen.observer.modes import set_mode
from stitchgen.observer.protocol import UncalledMethod
from stitchgen.observer.tensors.intercept import Args, Forward, Kwargs, intercepted
from stitchgen.observer.tensors.randomness import seed_all

#: The arguments of a method, and the path of its module.
Fed = Tuple[str, Args, Kwargs]


def fed_to_methods(
    model: nn.Module, methods: Sequence[UncalledMethod], inputs: Inputs
) -> Dict[int, Optional[Fed]]:
    """What each method can be called with on the original model, by its number; None where it fails on that."""
    found: Dict[int, Optional[Fed]] = {}
    for number, method in enumerate(methods):
        fed = fed_to_forward(model, method["class_name"], inputs)
        found[number] = fed if fed is not None and call(model, fed, method) is None else None
    return found


def check_methods(
    model: nn.Module, methods: Sequence[UncalledMethod], fed: Dict[int, Optional[Fed]]
) -> List[str]:
    """Raises `Failure` for a method that fails on the edited model alone; those that could not be called."""
    unknown: List[str] = []
    for number, method in enumerate(methods):
        name = "%s.%s" % (method["class_name"], method["name"])
        given = fed[number]
        if given is None:
            unknown.append(name)
            continue
        error = call(model, given, method)
        if error is not None:
            what = "%s, which no forward calls, runs the layer too, and fails with the block"
            failure = failure_of("configuration-dependent", error, what % name)
            failure.report["method"] = name
            raise failure
    return unknown


def fed_to_forward(model: nn.Module, class_name: str, inputs: Inputs) -> Optional[Fed]:
    """What the forward of a module of the class is given, the first that is called; None where none is."""
    found: List[Fed] = []
    with contextlib.ExitStack() as stack:
        for path, module in model.named_modules():
            if any(kind.__name__ == class_name for kind in type(module).__mro__):
                stack.enter_context(intercepted(module, keeping(path, found)))
        args, kwargs = inputs(0)
        seed_all(0)
        with torch.no_grad():
            set_mode(model, training=False)
            model(*args, **kwargs)
    return found[0] if found else None


def keeping(path: str, found: List[Fed]) -> Any:
    def around(forward: Forward, args: Args, kwargs: Kwargs) -> Any:
        if not found:
            found.append((path, detached(args), detached(kwargs)))
        return forward(*args, **kwargs)

    return around


def call(model: nn.Module, fed: Fed, method: UncalledMethod) -> Optional[Exception]:
    """What a method raises when it is called with the arguments of its module's forward; None for nothing."""
    path, args, kwargs = fed
    function = getattr(dict(model.named_modules())[path], method["name"], None)
    try:
        inspect.signature(function).bind(*args, **kwargs)  # type: ignore[arg-type]  # raises for None
        set_mode(model, training=False)
        seed_all(0)
        with torch.no_grad():
            function(*detached(args), **detached(kwargs))  # type: ignore[misc]
    except Exception as error:
        return error
    return None


def detached(value: Any) -> Any:
    """Tensors are copied: a method may write to them."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if type(value) in (list, tuple):
        return type(value)(detached(one) for one in value)
    if type(value) is dict:
        return {key: detached(one) for key, one in value.items()}
    return value
