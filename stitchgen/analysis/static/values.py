"""The values that reading computes with, and the terms that say where a value comes from.

A value is what a name would hold at run time as far as the source shows; its term is an
expression over the parameters of the `__init__` that is read, so that the same value can be
written again elsewhere in that `__init__`.
"""

from __future__ import annotations

import ast
import dataclasses
from dataclasses import dataclass
from typing import Any

from stitchgen.analysis.scope import Scope

# Terms ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Param:
    """A parameter of the `__init__` that is read, as it was passed in."""

    name: str


@dataclass(frozen=True)
class Literal:
    value: Any
    type: str  # 1, 1.0 and True are equal in Python


@dataclass(frozen=True)
class Global:
    """A class or constant of a file."""

    scope: int  # the identity of the file's scope
    name: str


@dataclass(frozen=True)
class Own:
    """`self`."""


@dataclass(frozen=True)
class Fresh:
    """A value that is fixed and cannot be determined, such as that of a name after an `if`."""

    number: int


@dataclass(frozen=True)
class Compound:
    """An operation on terms: `("*", a, b)`, `(".", a, "expansion")`, `("[]", a, i)`, `("()", ...)`."""

    operator: str
    operands: tuple[Term | str, ...]
    size: int


@dataclass(frozen=True)
class Axis:
    """The size of an axis of a tensor that is not the channels': N, H, W, ..."""

    letter: str


Term = Axis | Param | Literal | Global | Own | Fresh | Compound

#: Terms larger than this are no expression that anybody wants to read.
LARGEST = 24


def literal(value: Any) -> Term:
    return Literal(value, type(value).__name__)


def compound(operator: str, *operands: Term | str | None) -> Term | None:
    """The term of an operation, or None if an operand has none or it grows too large."""
    size = 1
    for operand in operands:
        if operand is None:
            return None
        size += operand.size if isinstance(operand, Compound) else 1
    if size > LARGEST:
        return None
    return Compound(operator, operands, size)  # type: ignore[arg-type]


# Values ---------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Value:
    term: Term | None = dataclasses.field(default=None, compare=False)

    def having(self, term: Term | None) -> Value:
        """The same value, known by another term."""
        return dataclasses.replace(self, term=term)


@dataclass(frozen=True)
class Known(Value):
    """A number, text, bool, None or the like."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Known)
            and type(self.value) is type(other.value)
            and self.value == other.value
            and self.term == other.term
        )

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Opaque(Value):
    """Something fixed of which only the term is known."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Opaque) and self.term is not None and self.term == other.term

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Unknown(Value):
    reason: str = "it cannot be read"


class Spread(Unknown):
    """Stands for arguments passed by `*` whose number cannot be determined."""


@dataclass(frozen=True)
class Test(Unknown):
    """Something unknown that counts as true, or as false, for certain."""

    truth: bool = True


@dataclass(frozen=True)
class Ref(Value):
    """A container or an instance; its contents are in the heap."""

    id: int


@dataclass(frozen=True)
class ClassRef(Value):
    """A class of the project."""

    scope: Scope
    name: str

    def __hash__(self) -> int:
        return hash((id(self.scope), self.name))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ClassRef) and self.scope is other.scope and self.name == other.name


@dataclass(frozen=True, eq=False)
class Function(Value):
    """A function of the project; with `own`, bound to an instance."""

    node: ast.FunctionDef | ast.Lambda
    scope: Scope
    frame: int | None = None  # of the function around it
    own: Value | None = None
    owner: str | None = None  # the class that defines it
    defaults: tuple[Value | None, ...] | None = None  # where it was made inside a function
    memoised: bool = False  # by `functools.cache`: what it returns is shared by all calls

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Function)
            and self.node is other.node
            and self.frame == other.frame
            and self.own == other.own
        )

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Partial(Value):
    function: Value
    arguments: tuple[Value, ...]
    keywords: tuple[tuple[str, Value], ...]


@dataclass(frozen=True)
class Library(Value):
    """Something of another package, by its dotted origin: `torch.nn.Conv2d`."""

    origin: str


@dataclass(frozen=True)
class Method(Value):
    """A method of something whose class is not the project's: `x.mean`, `layers.append`."""

    receiver: Value
    name: str


@dataclass(frozen=True)
class Super(Value):
    receiver: Value
    scope: Scope
    owner: str

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Choice(Value):
    """One of several, depending on what cannot be determined."""

    values: tuple[Value, ...]


@dataclass(frozen=True)
class Tensor(Value):
    """A tensor: the cell that holds its channel count, and its layout where that is known."""

    channels: Value  # Known, Opaque, Unknown, or Cell
    layout: str | None = None
    squeezed: bool = False  # every axis but batch and channels has length one


@dataclass(frozen=True)
class Array(Value):
    """A tensor that is made with a shape, such as a parameter."""

    sizes: tuple[Value, ...]

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Cell(Value):
    """A channel count that is not known yet; the heap holds it once a layer that is fed by it has one."""

    id: int


def same_count(one: Value, other: Value) -> bool:
    """Whether two channel counts are certainly equal."""
    if isinstance(one, Known) and isinstance(other, Known):
        return bool(one.value == other.value)
    if isinstance(one, Cell) and isinstance(other, Cell):
        return one.id == other.id
    if isinstance(one, Opaque) and isinstance(other, Opaque):
        return one.term is not None and one.term == other.term
    return False


class Raised(Exception):
    """The code that is read raises an exception here."""


NONE = Known(None, term=literal(None))
#: The value of a name that a branch leaves without one.
UNBOUND = Unknown("it may not be there")

#: The layouts in which the layers of torch for one, two and three dimensions work.
LAYOUTS = {"1d": "NCL", "2d": "NCHW", "3d": "NCDHW"}
#: The number of spatial dimensions of a layout.
DIMENSIONS = {"NCL": 1, "NCHW": 2, "NCDHW": 3, "NLC": 1, "LNC": 1, "NHWC": 2, "NDHWC": 3, "NC": 0}


def bound(value: Value) -> Value:
    """The value of a name where it is there at all."""
    if isinstance(value, Choice) and UNBOUND in value.values:
        values = tuple(v for v in value.values if v is not UNBOUND)
        return values[0] if len(values) == 1 else Choice(values, term=value.term)
    if value is UNBOUND:
        return Unknown("it is not there")
    return value
