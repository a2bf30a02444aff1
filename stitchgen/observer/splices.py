"""A splice as it was asked for, and what was added for it, found in the two models.

Part of the observer: runs in the user's Python (3.8 or later, torch 1.13 or later); imports only
torch, the standard library, `compare`, `joins` and `places`.
"""

from __future__ import annotations

import itertools
from typing import Any, Dict, List, Optional, Tuple

import torch
from torch import nn

from stitchgen.observer import compare, joins
from stitchgen.observer.places import find, take


def names_of(model: nn.Module, module: Optional[nn.Module]) -> List[str]:
    """All paths of a module: the same one may be registered under several."""
    return [name for name, m in model.named_modules(remove_duplicate=False) if m is module]


def under(path: str, names: List[str]) -> bool:
    """Whether a path is, or lies in, one of the modules."""
    return any(path == name or path.startswith(name + ".") for name in names)


class Splice:
    """A splice as it was asked for, with its modules in both models (None where there is none).

    `method` says how the block's output is joined with the layer's, where it does not just take
    its place (see `join`); its `parts` are the paths, in the edited model, of what was added
    beside the block: gate, reduce, project.
    """

    def __init__(
        self, index: int, given: Dict[str, Any], original: nn.Module, edited: nn.Module
    ) -> None:
        self.index = index
        self.placement = given["placement"]  # type: str
        self.target = given["target"]  # type: str
        self.block = given.get("block") or ""  # type: str
        self.calls = given.get("calls")  # type: Optional[List[int]]
        self.element = given.get("element")
        self.into = given.get("into")  # type: Optional[str]
        self.method = given.get("method") or {}  # type: Dict[str, Any]
        adapters = list((self.method.get("adapters") or {}).values())
        self.adapter = any([given.get("adapter"), self.method.get("adapter"), *adapters])
        self.edited = edited
        ours = dict(original.named_modules(remove_duplicate=False))
        theirs = dict(edited.named_modules(remove_duplicate=False))
        self.old = ours.get(self.target)
        self.module = theirs.get(self.block) if self.block else None
        self.layer = None if self.placement == "replace" else theirs.get(self.target)
        #: Whose call the splice goes with: the layer's, or its one reader's.
        self.host = ours.get(self.into) if self.into else self.old
        self.edited_host = theirs.get(self.into) if self.into else self.layer
        #: The other layers whose outputs are read, by path, in both models.
        self.sources = list(self.method.get("sources") or ())  # type: List[str]
        self.source_modules = [(path, ours.get(path), theirs.get(path)) for path in self.sources]

    @property
    def name(self) -> str:
        return "the new " + self.block if self.placement == "replace" else self.told

    @property
    def told(self) -> str:
        """The splice in a sentence: its block, or what was added where there is none."""
        return self.block or " and ".join(self.parts) or "what is fused at " + self.target

    @property
    def serial(self) -> bool:
        """Whether the block's output alone goes on, at the layer itself."""
        return not self.method and not self.into

    @property
    def parts(self) -> List[str]:
        """The paths of what was added, in the edited model: modules and parameters."""
        found = [self.block] if self.block else []
        for path in (self.method.get("parts") or {}).values():
            found.extend(path if isinstance(path, list) else [path])
        return found

    def part(self, role: str) -> Any:
        """The module or parameter of a part, as it is now."""
        path = (self.method.get("parts") or {}).get(role)
        return None if path is None else find_part(self.edited, path)

    def modules(self) -> List[nn.Module]:
        parts = [find_part(self.edited, path) for path in self.parts]
        return [part for part in parts if isinstance(part, nn.Module)]

    def parameters(self) -> List[Tuple[str, nn.Parameter]]:
        """All parameters that were added, by path."""
        found = []  # type: List[Tuple[str, nn.Parameter]]
        for path in self.parts:
            part = find_part(self.edited, path)
            if isinstance(part, nn.Module):
                found.extend((path + "." + name, p) for name, p in part.named_parameters())
            elif isinstance(part, nn.Parameter):
                found.append((path, part))
        return found

    def expected(self, layer_calls: int) -> List[int]:
        """Which calls of the layer the block goes with, counted from zero."""
        if self.calls is None:
            return list(range(layer_calls))
        return [call - 1 for call in self.calls if call <= layer_calls]

    def layer_was_fed(self, args: tuple, kwargs: dict) -> compare.Tensors:
        """What the layer was fed, as far as the block has to do with it."""
        if self.placement == "replace":
            return compare.leaves([list(args), kwargs])
        place = find(args, kwargs, self.element)
        return compare.leaves(take(args, kwargs, place)) if place else []

    def block_was_fed(self, args: tuple, kwargs: dict) -> compare.Tensors:
        if self.placement == "replace" or self.sources:
            return compare.leaves([list(args), kwargs])
        place = find(args, kwargs, None)
        return compare.leaves(take(args, kwargs, place)) if place else []

    def agree(self, fed: compare.Tensors, wanted: compare.Tensors) -> bool:
        if compare.same(fed, wanted):
            return True
        if not self.adapter or len(fed) != len(wanted):
            return False
        if self.method:
            orders = [self.method.get("adapter")]
            orders += [(self.method.get("adapters") or {}).get(path) for path in self.sources]
            adapted = [joins.adapted(value, order) for value, order in zip(wanted, orders)]
            return compare.same(fed, adapted)
        return all(permuted(ours, theirs) for ours, theirs in zip(fed, wanted))


def permuted(fed: torch.Tensor, wanted: torch.Tensor) -> bool:
    """Whether an adapter, which permutes the axes and may flatten some, can have made the one."""
    if fed.numel() != wanted.numel():
        return False
    shape = fed.shape
    orders = itertools.permutations(range(wanted.dim()))
    return any(compare.same_tensor(fed, wanted.permute(o).reshape(shape)) for o in orders)


def find_part(model: nn.Module, path: str) -> Any:
    """The module, parameter or attribute at a path; None where there is none."""
    value = model  # type: Any
    for name in path.split("."):
        children = getattr(value, "_modules", {})
        value = children[name] if name in children else getattr(value, name, None)
    return value


def added_names(edited: nn.Module, splice: Splice) -> List[str]:
    """All paths of what a splice added; a parameter by its own."""
    modules = splice.modules()
    if splice.placement == "replace":
        return names_of(edited, splice.module)
    names = [name for module in modules for name in names_of(edited, module)]
    return names + [path for path in splice.parts if path not in names]
