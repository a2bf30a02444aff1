"""A model in the form that it is deployed in: its norms fused into convolutions, its branches merged.

`fuse()` and the like change what runs; an edit of the usual form may be lost by it, or break it.
"""

from __future__ import annotations

from typing import Any, List, Optional

import torch
from torch import nn

from stitchgen.observer.checks.failed import CheckFailed
from stitchgen.observer.checks.wording import short
from stitchgen.observer.forwards.runner import Inputs
from stitchgen.observer.modes import set_mode
from stitchgen.observer.tensors.values import floats, leaves

#: The methods, of the model or of its layers, that bring it there. Each takes no arguments.
METHODS = ("fuse", "switch_to_deploy", "reparameterize", "fuse_model")
#: How far apart the two forms may be, as a part of the largest value: they sum in another order.
CLOSE = 1e-3


def check_fused(original: nn.Module, edited: nn.Module, inputs: Inputs) -> List[str]:
    """Hold that the edited model gives the same in both forms, where the original does.

    Gives notes for the report. Raises `CheckFailed`. Both models are changed by it.
    """
    name = form_of(original)
    if name is None:
        return []
    try:
        alike = gives_the_same(original, name, inputs)
    except Exception:
        alike = False
    if not alike:  # it is for a model that was trained or prepared in another way
        return ["Not looked at after %s(), which does not leave the original as it was." % name]
    try:
        same = gives_the_same(edited, name, inputs)
    except Exception as error:
        message = "The edited model does not run after %s(): %s." % (name, short(error))
        raise CheckFailed("elsewhere", message, "eval") from error
    if not same:
        message = "After %s() the edited model no longer gives what it gave before." % name
        raise CheckFailed("elsewhere", message, "eval")
    return ["Holds after %s() as well." % name]


def has_form(model: nn.Module) -> bool:
    return form_of(model) is not None


def form_of(model: nn.Module) -> Optional[str]:
    """The method that gives the model, or layers of it, another form; None where there is none."""
    return next((name for name in METHODS if holders(model, name)), None)


def holders(model: nn.Module, name: str) -> List[nn.Module]:
    """The model, if it has such a method, else its layers that have one."""
    if has_method(model, name):
        return [model]
    return [module for module in model.modules() if has_method(module, name)]


def has_method(module: nn.Module, name: str) -> bool:
    """Whether it has a method of this name; a layer of this name, `self.fuse = Conv(...)`, is none."""
    found = getattr(module, name, None)
    return callable(found) and not isinstance(found, nn.Module)


def gives_the_same(model: nn.Module, name: str, inputs: Inputs) -> bool:
    """Whether a model gives the same after its method was called; it then has that form."""
    set_mode(model, training=False)
    before = outputs(model, inputs)
    with torch.no_grad():  # it may write to its parameters
        for module in holders(model, name):
            getattr(module, name)()
    after = outputs(model, inputs)
    if len(before) != len(after) or not before:
        return False
    return all(close(one, other) for one, other in zip(before, after))


def outputs(model: nn.Module, inputs: Inputs) -> List[torch.Tensor]:
    args, kwargs = inputs(0)
    with torch.no_grad():
        result: Any = model(*args, **kwargs)
    return [value.detach().clone() for value in floats(leaves(result))]


def close(one: torch.Tensor, other: torch.Tensor) -> bool:
    if one.shape != other.shape:
        return False
    largest = float(one.abs().max()) if one.numel() else 0.0
    return bool(((one - other).abs() <= CLOSE * (largest + 1e-6)).all())
