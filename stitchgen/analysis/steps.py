"""How a layer is reached in the source: the facts about one call site that splicing decides on."""

from __future__ import annotations

import keyword
from collections.abc import Container
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["sequential", "list", "dict", "module"]


@dataclass(frozen=True)
class Step:
    """One name on the way from a module down to a layer."""

    name: str
    parent: Kind  # what the module above is
    plain: bool = False  # the module above is an nn.Sequential itself, not a subclass
    index: int = 0  # position among the children of the module above; -1: not one for all
    first: bool = False  # the first child there, in every configuration, and nowhere else
    last: bool = False  # and the last; of a slice, where one is called
    again: bool = False  # a child there more than once

    @property
    def numbered(self) -> bool:
        """Whether its number tells it from its siblings, in all configurations."""
        return self.index >= 0 and not self.again

    @property
    def access(self) -> str:
        """`.conv1`, `[3]`, `["a"]`: how the step is written after the module above."""
        if self.parent in ("sequential", "list") and self.name == str(self.index):
            return f"[{self.index}]"
        if self.parent == "dict":
            return f'["{self.name}"]'
        return f".{self.name}"

    @property
    def identity(self) -> tuple[object, ...]:
        """What has to be the same in all configurations for one text to serve them."""
        return self.name, self.parent, self.access

    @property
    def writable(self) -> bool:
        """Whether the step can be written as an attribute or an index."""
        if self.access.startswith("["):
            return True
        return self.name.isidentifier() and not keyword.iskeyword(self.name)


def access(receiver: str, steps: tuple[Step, ...]) -> str:
    """`self.features[3].conv`: the expression for a layer below `receiver`."""
    text = receiver
    for step in steps:
        text = f"{text}{step.access}" if step.writable else f'getattr({text}, "{step.name}")'
    return text


def inside_of_slice(chain: tuple[Step, ...]) -> tuple[Step, ...]:
    """The way down from a slice that need not start or end with the layer, or have it at all."""
    return (replace(chain[0], first=False, last=False), *chain[1:])


@dataclass(frozen=True)
class Element:
    """One element of a tuple, list or dict that a layer gives."""

    key: str
    kind: Literal["tuple", "list", "dict"]
    length: int
    text: str  # as source: `0`, `'out'`

    @property
    def value(self) -> int | str:
        return int(self.key) if self.text.isdigit() else self.key


@dataclass(frozen=True)
class Site:
    """A call of the layer, or of Sequentials around it.

    `to_called` leads from the owner to the module that is called in the source, `chain` from
    there down to the layer.
    """

    file: str  # absolute
    span: tuple[int, int]
    function: str
    owner_class: str
    how: str  # call, slice (of a Sequential), argument (checkpoint), forward
    to_called: tuple[Step, ...]
    chain: tuple[Step, ...]
    numbers: tuple[int, ...] = ()  # of the calls made here in one forward pass; () if not run


def free_name(preferred: str, taken: Container[str]) -> str:
    """The preferred name, numbered where the name is taken: `conv_se`, `conv_se_2`."""
    name, number = preferred, 2
    while name in taken:
        name, number = f"{preferred}_{number}", number + 1
    return name


def attribute_name(steps: tuple[Step, ...], block: str, element: Element | None = None) -> str:
    """`layer2_cbam`, `features_3_cbam`: the layer's path and the block, in snake case.

    An element but the first is named too: `backbone_aux_cbam`, or `cbam_aux` under the layer.
    """
    part = [element.key] if element is not None and element.key != "0" else []
    last = block.rpartition("/")[2]
    words = [*(step.name for step in steps), *part, last] if steps else [last, *part]
    text = "_".join(words)
    return "".join(letter if letter.isalnum() else "_" for letter in text).lstrip("0123456789")
