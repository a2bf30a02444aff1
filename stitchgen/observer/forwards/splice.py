"""A splice as it was asked for, and what was added for it, found in the two models."""

from __future__ import annotations

import itertools
from typing import Any, List, Optional, Sequence, Tuple, cast

import torch
from torch import nn

from stitchgen.observer import protocol
from stitchgen.observer.forwards.arguments import find, take
from stitchgen.observer.forwards.joins import Join, adapted
from stitchgen.observer.placement import PLACEMENTS
from stitchgen.observer.tensors.intercept import Args, Kwargs
from stitchgen.observer.tensors.values import Tensors, leaves, same, same_tensor


def names_of(model: nn.Module, module: Optional[nn.Module]) -> List[str]:
    """All paths of a module: the same one may be registered under several."""
    return [name for name, m in model.named_modules(remove_duplicate=False) if m is module]


def under(path: str, names: Sequence[str]) -> bool:
    """Whether a path is, or lies in, one of the modules."""
    return any(path == name or path.startswith(name + ".") for name in names)


class Splice:
    """A splice as it was asked for, with its modules in both models (None where there is none).

    `join` says how the block's output is joined with the layer's, where it does not just replace
    it; its `parts` are the paths, in the edited model, of what was added beside the block:
    gate, reduce, project, projections.
    """

    def __init__(
        self, index: int, given: protocol.Splice, original: nn.Module, edited: nn.Module
    ) -> None:
        self.index = index
        self.placement = PLACEMENTS[given["placement"]]
        self.target = given["target"]
        self.block = given.get("block") or ""
        self.made_of = given.get("made_of") or ""
        #: Of what the block is fed, as it takes it; "" where its axes do not matter.
        self.layout = given.get("layout") or ""
        self.calls = given.get("calls")
        self.element = given.get("element")
        self.into = given.get("into")
        method = given.get("method")
        #: Whether the block's output is joined with anything.
        self.is_joined = bool(method)
        self.join = Join.of(method) if method else Join()
        adapters = [self.join.adapter, *self.join.adapters.values()]
        #: Whether the block is fed the axes in another order.
        self.adapter = bool(given.get("adapter")) or any(adapters)
        self.edited = edited
        ours = dict(original.named_modules(remove_duplicate=False))
        theirs = dict(edited.named_modules(remove_duplicate=False))
        self.old = ours.get(self.target)
        self.module = theirs.get(self.block) if self.block else None
        self.layer = None if self.placement.replaces else theirs.get(self.target)
        #: Whose call the splice goes with: the layer's, or its one reader's.
        self.host = ours.get(self.into) if self.into else self.old
        self.edited_host = theirs.get(self.into) if self.into else self.layer
        #: The other layers whose outputs are read, by path, in both models.
        self.sources = self.join.sources
        self.source_modules = [(path, ours.get(path), theirs.get(path)) for path in self.sources]

    @property
    def name(self) -> str:
        return "the new " + self.block if self.placement.replaces else self.named

    @property
    def named(self) -> str:
        """The splice in a sentence: its block, or what was added where there is none."""
        return self.block or " and ".join(self.parts) or "what is fused at " + self.target

    @property
    def serial(self) -> bool:
        """Whether the block's output alone goes on, at the layer itself."""
        return not self.is_joined and not self.into

    @property
    def parts(self) -> List[str]:
        """The paths of what was added, in the edited model: modules and parameters."""
        found = [self.block] if self.block else []
        for path in self.join.parts.values():
            found.extend(path if isinstance(path, list) else [path])
        return found

    @property
    def gate(self) -> Optional[torch.Tensor]:
        """The gate's parameter, as it is now."""
        return cast(Optional[torch.Tensor], self.part("gate"))

    @property
    def reduce(self) -> Optional[nn.Module]:
        """What takes the concatenated outputs."""
        return cast(Optional[nn.Module], self.part("reduce"))

    @property
    def project(self) -> Optional[nn.Module]:
        """What brings the block's output to the channels and size of the layer's."""
        return cast(Optional[nn.Module], self.part("project"))

    def part(self, role: str) -> object:
        path = self.join.parts.get(role)
        if path is None:
            return None
        assert isinstance(path, str)
        return find_part(self.edited, path)

    def projection(self, path: str) -> nn.Module:
        """What projects the output of a source, or of the pyramid's layer."""
        return cast(nn.Module, find_part(self.edited, self.join.projections[path]))

    def modules(self) -> List[nn.Module]:
        """All modules that were added, as they are now."""
        parts = [find_part(self.edited, path) for path in self.parts]
        return [part for part in parts if isinstance(part, nn.Module)]

    def parameters(self) -> List[Tuple[str, nn.Parameter]]:
        """All parameters that were added, by path."""
        found: List[Tuple[str, nn.Parameter]] = []
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

    def layer_was_fed(self, args: Args, kwargs: Kwargs) -> Tensors:
        """What the layer was fed, as far as the block has to do with it."""
        if self.placement.replaces:
            return leaves([list(args), kwargs])
        argument = find(args, kwargs, self.element)
        return leaves(take(args, kwargs, argument)) if argument else []

    def block_was_fed(self, args: Args, kwargs: Kwargs) -> Tensors:
        if self.placement.replaces or self.sources:
            return leaves([list(args), kwargs])
        argument = find(args, kwargs, None)
        return leaves(take(args, kwargs, argument)) if argument else []

    def agree(self, fed: Tensors, wanted: Tensors) -> bool:
        """Whether the block was fed what it should be, through its adapters."""
        if same(fed, wanted):
            return True
        if not self.adapter or len(fed) != len(wanted):
            return False
        if self.is_joined:
            orders = [self.join.adapter, *(self.join.adapters.get(path) for path in self.sources)]
            return same(fed, [adapted(value, order) for value, order in zip(wanted, orders)])
        return all(permuted(ours, theirs) for ours, theirs in zip(fed, wanted))


def permuted(fed: torch.Tensor, wanted: torch.Tensor) -> bool:
    """Whether an adapter, which permutes the axes and may flatten some, can have made the one."""
    if fed.numel() != wanted.numel():
        return False
    shape = fed.shape
    orders = itertools.permutations(range(wanted.dim()))
    return any(same_tensor(fed, wanted.permute(o).reshape(shape)) for o in orders)


def find_part(model: nn.Module, path: str) -> Any:
    """The module, parameter or attribute at a path; None where there is none."""
    value: Any = model
    for name in path.split("."):
        children = getattr(value, "_modules", {})
        value = children[name] if name in children else getattr(value, name, None)
    return value


def added_names(edited: nn.Module, splice: Splice) -> List[str]:
    """All paths of what a splice added; a parameter by its own."""
    modules = splice.modules()
    if splice.placement.replaces:
        return names_of(edited, splice.module)
    names = [name for module in modules for name in names_of(edited, module)]
    return names + [path for path in splice.parts if path not in names]
