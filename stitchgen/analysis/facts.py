"""What is known of a model: plain data, produced by reading (`reading`) and by observing (`observe`). Paths of modules are those of `named_modules()`;
files are absolute paths; spans are UTF-8 byte offsets into the decoded text without a BOM,
which is the coordinate system of `ast` and of `code.co_positions()`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Evidence = Literal["literal", "symbolic", "observed", "given", "unknown"]


@dataclass(frozen=True)
class Channels:
    """The channel count at a layer's output (or input).

    `expression` is Python that is valid right after the layer's definition statement in
    `__init__`; `value` is the count where it is one number for all configurations.
    """

    expression: str | None
    value: int | None
    evidence: Evidence
    reason: str | None = None  # why unknown, or that the expression is an unexplained literal


@dataclass(frozen=True)
class ClassName:
    """A class by its name and the file that defines it, None where that is none of the project's."""

    name: str
    file: str | None


@dataclass(frozen=True)
class Definition:
    """The outermost statement of `owner.__init__` that creates the layer."""

    file: str
    line: int  # 1-based, any line of that statement
    function: str  # qualified name in the file: `ResNet.__init__`


@dataclass(frozen=True)
class CallSite:
    """One place in the source where the layer (or a Sequential around it) is called.

    `owner` is the path of the module whose method holds the call, `called` the path, relative
    to the owner, of the module called there, and `chain` the names that lead from it through
    `Sequential.forward`s down to the layer (`()` where the layer itself is called).
    """

    file: str
    line: int
    span: tuple[int, int]  # of the whole call expression
    function: str  # qualified name of the function: `ResNet._forward_impl`
    owner: str
    owner_class: str
    called: str
    chain: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()  # of "eval", "train"; () where read and not executed
    sure: bool = True  # whether every run makes the call; where it is read, as far as that tells


@dataclass(frozen=True)
class Layer:
    """A submodule of a model, by its path, with all that is known of it."""

    path: str
    class_name: str
    owner_class: str  # class of its parent module
    channels: Channels
    layout: str | None  # NCHW NHWC NCL NLC LNC NC NCDHW NDHWC; None where unknown
    dims: int | None  # spatial dimensions: 1, 2, 3; 0 for NC
    definition: Definition | None
    sites: tuple[CallSite, ...]
    calls: int | None  # calls in one forward pass; None where only read
    readers: tuple[str, ...] = ()  # paths of the layers that take its output
    from_root: Channels = Channels(None, None, "unknown")  # in the model's own `__init__`
    kinds: tuple[ClassName, ...] = ()  # its class, then the bases; () where it is not known
    everywhere: bool = True  # whether all configurations that were read have it, in that class
