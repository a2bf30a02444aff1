"""What is known of a model: frozen records, made by both backends, each from its own world.

Paths of modules are those of `named_modules()`; files are absolute paths; a position is `(line, column,
end line, end column)` as `ast` and `code.co_positions()` count them: lines from 1, UTF-8 columns from 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from stitchgen.analysis.facts import Channels

#: Which tensor of a layer: what it gives, or what it is fed.
Side = Literal["output", "input"]

Position = tuple[int, int, int, int]

#: What a call site is that has no expression of its own in the project's source.
UNEDITABLE = {"package", "top", "unknown", "unresolved"}


@dataclass(frozen=True)
class Grid:
    """The map whose positions a sequence is."""

    sizes: tuple[int, int]  # height and width
    prefix: int = 0  # how many tokens without a place in it come first
    varies: bool = False  # the model was seen to take other sizes
    names: tuple[str, str] | None = (
        None  # the local variables for the sizes, where the layer is called
    )


@dataclass(frozen=True)
class Feature:
    """A tensor that a layer gives or is fed: its axes, as far as they are known."""

    layout: str | None = None  # see `layouts`
    channels: int | None = None
    dims: int | None = None  # spatial dimensions: 1, 2, 3; 0 for NC
    memory: str = "contiguous"  # or channels_last: how it lies in memory
    grid: Grid | None = None  # of a sequence


UNKNOWN = Feature()


@dataclass(frozen=True)
class Value:
    """What a layer gives or is fed: a tensor with a shape, a container with parts, or another object."""

    type: str  # "Tensor", else the name of its class
    shape: tuple[int, ...] | None = None  # of a tensor, where it was seen
    items: tuple[Value, ...] | None = None  # of a tuple or list
    keys: Mapping[str, Value] | None = None  # of a dict
    literals: tuple[str, ...] = ()  # its keys as source

    @property
    def is_tensor(self) -> bool:
        return self.type == "Tensor"

    @property
    def parts(self) -> dict[str, Value]:
        """The elements, by what a target writes behind its `#`."""
        if self.items is not None:
            return {str(number): part for number, part in enumerate(self.items)}
        return dict(self.keys or {})

    @property
    def tensors(self) -> list[str]:
        """The elements that are tensors."""
        return [key for key, part in self.parts.items() if part.is_tensor]


NOT_SEEN = Value("result that was not seen")


@dataclass(frozen=True)
class CallSite:
    """One place in the source where the layer, or a Sequential around it, is called."""

    how: str  # a call form by its name (see `rewrite.forms`), or one of UNEDITABLE
    file: str | None = None
    line: int | None = None
    position: Position | None = None  # of the whole call expression
    function: str = ""  # qualified name in the file: `ResNet._forward_impl`
    owner: str | None = None  # path of the module whose method holds the call
    owner_class: str = ""
    called: str = ""  # path, below the owner, of the module that is called there
    part: tuple[str, ...] = ()  # slice: the names of the children in it
    modes: tuple[str, ...] = ()  # of "eval", "train"; () where it was read and not run
    numbers: tuple[int, ...] = ()  # of the calls made here in one forward pass

    @property
    def editable(self) -> bool:
        return self.how not in UNEDITABLE

    @property
    def where(self) -> str | None:
        """`path:line`."""
        return f"{self.file}:{self.line}" if self.file else None


@dataclass(frozen=True)
class Frame:
    """A frame of the program in which a module was made the child of another."""

    file: str
    line: int
    function: str
    module: str | None  # path of the module whose method it is
    first_line: int | None = None  # of the function; None where it was read
    constructor: str | None = None  # the function's qualified name, where it was read


@dataclass(frozen=True)
class WeightRead:
    """A use of a layer's weights that does not call the layer."""

    file: str
    line: int
    name: str


@dataclass(frozen=True)
class Fed:
    """An argument of a layer that is another layer's output as it is."""

    argument: int | str
    element: int | None  # of the argument, where that is a list or tuple
    producers: tuple[str, ...]  # paths


@dataclass(frozen=True)
class CallFeatures:
    """What one call gives and is fed."""

    output: Feature
    input: Feature


@dataclass(frozen=True)
class ReadChannels:
    """The channel counts of a layer that was read: as its calls' owner and as the model can name them."""

    beside: Channels  # valid where the layer itself is created
    from_root: Channels  # valid in the model's own `__init__`


#: For each name of a path, the frames in which that child was registered, innermost first.
Registrations = tuple[tuple[Frame, ...] | None, ...]


@dataclass(frozen=True)
class LayerFacts:
    """A submodule of one configuration of a model, with all that is known of it."""

    path: str
    class_key: str
    same_as: str | None = None  # the first of the names that the module has, where it is another
    calls: Mapping[str, int] = field(default_factory=dict)  # in one forward pass, by mode
    sites: tuple[CallSite, ...] = ()
    definition: Registrations = ()
    readers: tuple[str, ...] = ()  # paths of the layers that are fed its output as it is
    fed: tuple[Fed, ...] = ()  # which of its arguments are outputs of others
    weights_read: WeightRead | None = None
    scripted: bool = False
    sizes: Mapping[str, int] = field(default_factory=dict)  # attributes that may name its channels
    attributes: Mapping[str, Any] = field(default_factory=dict)
    output: Value = NOT_SEEN
    inputs: tuple[Value, ...] = ()
    features: tuple[CallFeatures, ...] = ()  # by call; () where none was seen in eval
    elements: Mapping[str, tuple[Feature, ...]] = field(
        default_factory=dict
    )  # of the output, by call
    order: int | None = None  # in which layers return in one forward pass
    overwrites: bool = False  # it writes to what it is fed, in place
    overwritten: bool = False  # what it gives is later written to
    read: ReadChannels | None = None  # None where the model was run

    @property
    def times(self) -> int:
        """How often it is called in one forward pass."""
        return max(self.calls.values(), default=0)

    def value(self, side: Side) -> Value:
        """What it gives, or its first argument."""
        if side == "output":
            return self.output
        return self.inputs[0] if self.inputs else NOT_SEEN

    @property
    def where(self) -> str | None:
        """`path:line` of its first call, else of where it was made."""
        for site in self.sites:
            if site.where:
                return site.where
        for frames in self.definition:
            for frame in frames or ():
                if not Path(frame.file).name.startswith("<"):  # an expression that builds the model
                    return f"{frame.file}:{frame.line}"
        return None


@dataclass(frozen=True)
class ClassFacts:
    """A class of a model's modules, or a base of one."""

    name: str  # qualified name in its file
    file: str = ""  # "" where its source cannot be determined
    bases: tuple[str, ...] = ()  # keys, in the order in which Python looks them up
    forward_file: str | None = None  # where the forward that it runs is written


@dataclass(frozen=True)
class Failure:
    """Why one configuration could not be built or run."""

    code: str
    message: str
    where: str | None = None
    takes: str | None = None  # what the model's forward takes
    guessed: str = ""  # the input that was guessed, as `--input` takes it
    models: Sequence[
        str
    ] = ()  # the expressions of the models in what was built, where that is none
