"""The two models before they are run."""

from __future__ import annotations

from functools import cached_property
from typing import Dict, Optional, Sequence, Tuple

import torch
from torch import nn

from stitchgen.observer import protocol
from stitchgen.observer.forwards.splice import Splice

#: By the key of a state_dict; None for what is no tensor.
Shapes = Dict[str, Optional[Tuple[int, ...]]]


class Pair:
    """The two models before they are run, and what was spliced."""

    def __init__(
        self,
        original: nn.Module,
        edited: nn.Module,
        splices: Sequence[Splice],
        absent: Sequence[str],
    ) -> None:
        self.original = original
        self.edited = edited
        self.splices = splices
        #: The targets that this configuration does not have.
        self.absent = absent

    @cached_property
    def shapes(self) -> Tuple[Shapes, Shapes]:
        """Of the state_dict of the original, and of the edited model."""
        return shapes_of(self.original), shapes_of(self.edited)

    @cached_property
    def keys(self) -> protocol.Keys:
        """The keys of the state_dict that come, go and change their shape."""
        before, after = self.shapes
        return {
            "added": [key for key in after if key not in before],
            "lost": [key for key in before if key not in after],
            "reshaped": [key for key in before if key in after and before[key] != after[key]],
        }


def shapes_of(model: nn.Module) -> Shapes:
    return {
        key: tuple(value.shape) if isinstance(value, torch.Tensor) else None
        for key, value in model.state_dict().items()
    }
