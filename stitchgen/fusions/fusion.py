"""What a fusion is: a way to make one feature of a layer's output and those of branches.

Each is a module of this package that binds `FUSION`; the observer computes the same by hand
(`observer/forwards/joins.py`).
"""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """What the text of a fusion may need to know of the place where it stands."""

    torch: str  # the file's name for torch, where `uses_torch`
    axis: int  # of the channels
    reduction: str = ""  # the expression of the module that reduces, where `reduces`
    linear: bool = False  # which is a Linear
    memory: str = "contiguous"  # or channels_last: how the layer's output lies in memory


class Fusion(ABC):
    """One value of `--fuse`. Instances have no state."""

    name: str
    rank: int  # the order in which help names them
    #: Before the name of a block's class, that of a class around it which joins it: `ResidualSE`.
    class_prefix: str
    #: The result has the channels of all that is joined; a reduction brings back the layer's.
    reduces = False
    #: A branch that is zero leaves the layer's output alone, so that a gate may scale the branch.
    additive = False
    uses_torch = False

    @abstractmethod
    def expression(self, values: Sequence[str], setting: Setting) -> str:
        """The text that joins these, in their order."""

    @abstractmethod
    def is_written(self, node: ast.AST) -> bool:
        """Whether this node of a source file joins its operands in this way."""

    def __str__(self) -> str:
        return self.name
