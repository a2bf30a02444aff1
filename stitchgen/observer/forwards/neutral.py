"""How to run a splice without effect: its block as identity, as what a fusion leaves alone; the old module put back."""

from __future__ import annotations

from typing import Any, List, NamedTuple, Optional

import torch
from torch import nn

from stitchgen.observer.forwards.arguments import find, take
from stitchgen.observer.forwards.joins import ELEMENTWISE
from stitchgen.observer.forwards.splice import Splice
from stitchgen.observer.tensors.intercept import Args, Around, Forward, Kwargs


class Substitute(NamedTuple):
    """What to run in place of a module that was added."""

    module: nn.Module
    around: Around


def substitutes(splice: Splice) -> Optional[List[Substitute]]:
    """For the modules that stand between a splice and the old outputs.

    None where its parts cannot be made to change nothing.
    """
    join = splice.join
    if splice.placement.replaces:
        old = splice.old
        assert old is not None and splice.module is not None
        return [Substitute(splice.module, lambda forward, args, kwargs: old(*args, **kwargs))]
    if join.pyramid:
        return None
    if join.fuse == "concat":
        reduce = splice.reduce
        assert reduce is not None
        axis, position = join.reduced_axis, join.position
        if position not in (0, len(splice.sources)):
            return None

        def own(forward: Forward, args: Args, kwargs: Kwargs) -> Any:
            size = forward(*args, **kwargs).shape[axis]
            return args[0].narrow(axis, 0 if position == 0 else args[0].shape[axis] - size, size)

        return [Substitute(reduce, own)]
    if join.fuse:
        branch = splice.project
        if branch is None:
            branch = splice.module
        if branch is None or join.features:
            return None
        neutral = ELEMENTWISE[join.fuse].neutral

        def without_effect(forward: Forward, args: Args, kwargs: Kwargs) -> Any:
            return torch.full_like(forward(*args, **kwargs), neutral)

        return [Substitute(branch, without_effect)]

    def identity(forward: Forward, args: Args, kwargs: Kwargs) -> Any:
        argument = find(args, kwargs, None)
        return take(args, kwargs, argument) if argument else None

    return [] if splice.module is None else [Substitute(splice.module, identity)]
