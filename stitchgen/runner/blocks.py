"""Was the block there: made, called, in an optimizer, and did it move?

A block is what a variant's model has and the baseline's has not: modules of a new path or another class, tensors of
a new path or another shape. So it is found in the model that is trained, whichever configuration that is.
"""

import weakref
from typing import Any, Dict, List, Set

import torch
from torch import nn


class Blocks:
    """The new modules and parameters of a run, and what became of them."""

    def __init__(self) -> None:
        self.modules: Dict[str, nn.Module] = {}
        self.parameters: Dict[str, nn.Parameter] = {}
        self.starts: Dict[str, torch.Tensor] = {}
        self.optimized: Set[str] = set()
        self.moved: Set[str] = set()

    def found(self, number: int, root: nn.Module, structure: Dict[str, str], known: Any) -> None:
        """A model was built; `structure` has the baseline's classes, `known` its tensors."""
        for name, module in root.named_modules():
            key = "%d:%s" % (number, name)
            if name and structure.get(key) != type(module).__name__:
                self.modules[key] = module
                if not [*module.parameters()]:
                    _watch_calls(module, key)
        for name, parameter in root.named_parameters():
            key = "%d:%s" % (number, name)
            if key not in known or known[key].shape != parameter.shape:
                self.parameters[key] = parameter

    def stepping(self, optimizer: Any) -> None:
        """An optimizer is about to take its first step."""
        held = {id(one) for group in optimizer.param_groups for one in group["params"]}
        for key, parameter in self.parameters.items():
            if id(parameter) in held:
                self.optimized.add(key)
            if key not in self.starts:
                self.starts[key] = parameter.detach().to("cpu", copy=True)

    def look(self) -> None:
        """See which parameters have moved since the first step."""
        for key, start in self.starts.items():
            if key not in self.moved and not torch.equal(
                start, self.parameters[key].detach().cpu()
            ):
                self.moved.add(key)

    def as_dict(self) -> Dict[str, List[str]]:
        return {
            "modules": sorted(self.modules),
            "parameters": sorted(self.parameters),
            "optimized": sorted(self.optimized),
            "moved": sorted(self.moved),
            # A module without parameters is known to run by its call, any other by its movement.
            "called": sorted(CALLED & set(self.modules)),
            "callable": sorted(key for key, one in self.modules.items() if not [*one.parameters()]),
        }


#: The names of watched modules that have been called. The hook is a function of this module, with nothing in it,
#: so that models that are copied or saved meanwhile stay what they are.
CALLED: Set[str] = set()
_WATCHED: Any = weakref.WeakKeyDictionary()


def _watch_calls(module: nn.Module, key: str) -> None:
    _WATCHED[module] = (key, module.register_forward_hook(_called))


def _called(module: nn.Module, inputs: Any, output: Any) -> None:
    if module in _WATCHED:
        key, handle = _WATCHED.pop(module)
        CALLED.add(key)
        handle.remove()
