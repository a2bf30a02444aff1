"""What runs an edited layer and that no run has called: methods, `extract_features(x)`, and a forward whose flags are
turned, `forward(x, only_encode=True)`.

They are called on the original and on the edited model with what the forward of their module is given.
"""

from __future__ import annotations

import contextlib
import inspect
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

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
#: So many flags of the forward of one class are turned.
MOST_FLAGS = 6


def fed_to_methods(
    model: nn.Module, methods: Sequence[UncalledMethod], inputs: Inputs
) -> Dict[int, Optional[Fed]]:
    """What each method can be called with on the original model, by its number; None where it fails on that."""
    found: Dict[int, Optional[Fed]] = {}
    for number, method in enumerate(methods):
        fed = fed_to_forward(model, method["class_name"], inputs)
        runs = fed is not None and call(model, fed, method["name"]) is None
        found[number] = fed if runs else None
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
        error = call(model, given, method["name"])
        if error is not None:
            what = "%s, which no forward calls, runs the layer too, and fails with the block"
            failure = failure_of("configuration-dependent", error, what % name)
            failure.report["method"] = name
            raise failure
    return unknown


class Turned(NamedTuple):
    """A forward with one of its flags turned, and what it can be called with on the original model."""

    fed: Fed
    class_name: str
    flag: str


def has_flags(model: nn.Module, classes: Sequence[str]) -> bool:
    """Whether the forward of the model, or of a module of one of these classes, has a flag."""
    kinds = {type(module) for module in model.modules()}
    return any(flags_of(one) for one in kinds if one is type(model) or one.__name__ in classes)


def turned_flags(model: nn.Module, classes: Sequence[str], inputs: Inputs) -> List[Turned]:
    """The flags of the forwards of the model and of modules of these classes, as far as it runs with them turned."""
    modules = dict(model.named_modules())
    found: List[Turned] = []
    for class_name in dict.fromkeys((type(model).__name__, *classes)):
        kinds = (type(module) for module in modules.values())
        flags = flags_of(next((one for one in kinds if one.__name__ == class_name), None))
        fed = fed_to_forward(model, class_name, inputs) if flags else None
        if fed is None:
            continue
        path, args, kwargs = fed
        for flag in flags[:MOST_FLAGS]:
            given = inspect.signature(modules[path].forward).bind(*args, **kwargs)
            given.apply_defaults()
            if type(given.arguments.get(flag)) is bool:
                given.arguments[flag] = not given.arguments[flag]
                turned = path, given.args, given.kwargs
                if call(model, turned, "forward") is None:
                    found.append(Turned(turned, class_name, flag))
    return found


def check_flags(model: nn.Module, turned: Sequence[Turned]) -> None:
    """Raises `Failure` for a flag with which the edited model alone fails."""
    modules = dict(model.named_modules())
    for one in turned:
        if type(modules.get(one.fed[0])).__name__ != one.class_name:
            continue  # the block stands around the module now
        error = call(model, one.fed, "forward")
        if error is not None:
            name = "%s.forward" % one.class_name
            what = "%s fails with the block where its argument %s is turned" % (name, one.flag)
            failure = failure_of("configuration-dependent", error, what)
            failure.report["method"] = name
            raise failure


def flags_of(kind: Any) -> List[str]:
    """The arguments of a class's forward that are on or off by default."""
    try:
        parameters = inspect.signature(kind.forward).parameters
    except (AttributeError, TypeError, ValueError):
        return []
    return [name for name, one in parameters.items() if type(one.default) is bool]


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


def call(model: nn.Module, fed: Fed, method: str) -> Optional[Exception]:
    """What a method raises when it is called with the arguments of its module's forward; None for nothing."""
    path, args, kwargs = fed
    function = getattr(dict(model.named_modules())[path], method, None)
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
