"""What Python's operators do to values: arithmetic, comparisons, the broadcasting of tensors.

No operator runs code of the project: one that would, through a method such as `__add__`, gives
something unknown.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterable
from typing import Any

from stitchgen.analysis.static.heap import CONTAINER_KINDS, MOST_ITEMS, Heap
from stitchgen.analysis.static.interpreter import Interpreter
from stitchgen.analysis.static.names import canonical, is_definite
from stitchgen.analysis.static.values import (
    UNBOUND,
    Array,
    Cell,
    Choice,
    ClassRef,
    Function,
    Global,
    Known,
    Library,
    Literal,
    Method,
    Opaque,
    Param,
    Partial,
    Raised,
    Ref,
    Tensor,
    Unknown,
    Value,
    compound,
    literal,
    same_count,
)

_BINARY: dict[type, tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
    ast.FloorDiv: ("//", operator.floordiv),
    ast.Mod: ("%", operator.mod),
    ast.Pow: ("**", operator.pow),
    ast.BitAnd: ("&", operator.and_),
    ast.BitOr: ("|", operator.or_),
    ast.BitXor: ("^", operator.xor),
    ast.LShift: ("<<", operator.lshift),
    ast.RShift: (">>", operator.rshift),
}
_COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


#: Bits of an integer, and characters of a text, beyond which it is not computed with.
MOST_BITS = 4096
LONGEST_TEXT = 20_000


def is_small(value: object) -> bool:
    """Whether a value is of a size that a model may be computed from."""
    if isinstance(value, int):
        return value.bit_length() <= MOST_BITS
    if isinstance(value, (str, bytes, tuple)):
        return len(value) <= LONGEST_TEXT
    return True


def stays_small(symbol: str, left: Any, right: Any) -> bool:
    """Whether an operation gives something small, before it is made."""
    if symbol == "%" and isinstance(left, (str, bytes)):
        return formats_small(left, right if isinstance(right, tuple) else (right,))
    if symbol == "*":
        for one, other in ((left, right), (right, left)):
            if isinstance(one, (str, bytes, tuple)) and isinstance(other, int):
                return len(one) * other <= LONGEST_TEXT
    if isinstance(left, int) and isinstance(right, int):
        if symbol == "**":
            return right <= 0 or left in (-1, 0, 1) or left.bit_length() * right <= MOST_BITS
        if symbol == "<<":
            return left.bit_length() + right <= MOST_BITS
    return True


def formats_small(template: str | bytes, values: Iterable[Any]) -> bool:
    """Whether the widths in a template, or those that it takes from values, are small."""
    text = template if isinstance(template, str) else template.decode("latin-1")
    return re.search(r"\d{5}", text) is None and all(
        abs(value) <= LONGEST_TEXT for value in values if isinstance(value, int)
    )


def printed(convert: Callable[[Any], str], value: Any) -> str:
    """The text of a value."""
    try:
        return convert(value)
    except ValueError:  # an integer of too many digits
        raise Raised from None


def binary(heap: Interpreter, op: ast.operator, left: Value, right: Value) -> Value:
    """The result of an operator between two values."""
    symbol, function = _BINARY.get(type(op), ("", None))
    if isinstance(left, Array) or isinstance(right, Array):
        array, other = (left, right) if isinstance(left, Array) else (right, left)
        if isinstance(other, (Known, Opaque)):
            return array
    if isinstance(left, Tensor) or isinstance(right, Tensor):
        if symbol in {"+", "-", "*", "/"}:
            return broadcast(heap, left, right)
        return Tensor(Unknown("it comes from an operation on tensors"))
    if function is None:
        return Unknown()
    if isinstance(left, Known) and isinstance(right, Known):
        if not stays_small(symbol, left.value, right.value):
            return Unknown("it is large")
        try:
            result = function(left.value, right.value)
        except (TypeError, ZeroDivisionError, ValueError, OverflowError):
            raise Raised from None
        if not is_small(result):
            return Unknown("it is large")
        if isinstance(left.term, Literal) and isinstance(right.term, Literal):
            return Known(result, term=literal(result))
        return Known(result, term=compound(symbol, left.term, right.term))
    kinds = {heap.kind(left), heap.kind(right)}
    if symbol == "+" and kinds in ({"list"}, {"tuple"}):
        front, back = heap.items(left), heap.items(right)
        both = None if front is None or back is None else (*front, *back)
        if both is None:
            heap.escape((*(front or ()), *(back or ())))
        return heap.sequence(both, kinds.pop() or "list")
    if symbol == "*" and kinds & {"list", "tuple"}:
        repeated, times = (left, right) if isinstance(left, Ref) else (right, left)
        items = heap.items(repeated)
        kind = heap.kind(repeated) or "list"
        if not isinstance(times, Known) or items is None:
            return heap.sequence(None, kind)
        if not isinstance(times.value, int):
            raise Raised
        return heap.sequence(
            None if len(items) * times.value > MOST_ITEMS else items * times.value, kind
        )
    if kinds == {"set"}:
        return heap.sequence(_combined(symbol, heap.items(left), heap.items(right)), "set")
    if kinds == {"dict"} and symbol == "|":
        front, back = heap.items(left), heap.items(right)
        merged = None if front is None or back is None else {**dict(front), **dict(back)}
        return heap.mapping(None if merged is None else merged.items())
    if isinstance(left, (Known, Opaque)) and isinstance(right, (Known, Opaque)):
        return Opaque(term=compound(symbol, left.term, right.term) or heap.fresh().term)
    if symbol == "%" and isinstance(left, Known) and isinstance(left.value, str):
        items = heap.items(right)
        if items is not None and all(isinstance(item, Known) for item in items):
            given = tuple(item.value for item in items)
            if heap.kind(right) != "tuple" or not formats_small(left.value, given):
                return Unknown("it is a text that cannot be determined")
            try:
                return Known(left.value % given)
            except (TypeError, ValueError):
                raise Raised from None
    return Unknown()


def _combined(symbol: str, left: Any, right: Any) -> list[Value] | None:
    """The elements of two sets combined."""
    if left is None or right is None:
        return None
    if not all(isinstance(item, Known) for item in (*left, *right)):
        return None
    front, back = ({item.value: item for item in items} for items in (left, right))
    match symbol:
        case "|":
            return list({**back, **front}.values())
        case "&":
            return [item for value, item in front.items() if value in back]
        case "-":
            return [item for value, item in front.items() if value not in back]
        case "^":
            return [item for value, item in front.items() if value not in back] + [
                item for value, item in back.items() if value not in front
            ]
    return None


def unary(op: ast.unaryop, value: Value) -> Value:
    """The result of `-`, `+` or `~`."""
    if isinstance(value, Known):
        try:
            if isinstance(op, ast.USub):
                term = value.term
                if isinstance(term, Literal):
                    return Known(-value.value, term=literal(-value.value))
                return Known(-value.value, term=compound("neg", term))
            if isinstance(op, ast.UAdd):
                return value
            return Known(~value.value, term=compound("~", value.term))
        except TypeError:
            raise Raised from None
    if isinstance(value, Tensor):
        return value
    if isinstance(value, Opaque) and isinstance(op, ast.USub):
        return Opaque(term=compound("neg", value.term))
    return Unknown()


def broadcast(heap: Heap, left: Value, right: Value) -> Value:
    """The shape of a sum or product of tensors."""
    if not isinstance(left, Tensor) or not isinstance(right, Tensor):
        tensor, part = (left, right) if isinstance(left, Tensor) else (right, left)
        assert isinstance(tensor, Tensor)
        if isinstance(part, Known) or (isinstance(part, Opaque) and part.term is not None):
            return tensor
        if isinstance(part, Array) and _fits(heap, tensor, part):
            return tensor
        return _combined_with_unknown(heap, tensor)
    one, other = heap.resolve(left.channels), heap.resolve(right.channels)
    if isinstance(one, Unknown) or isinstance(other, Unknown):
        return _combined_with_unknown(heap, right if isinstance(one, Unknown) else left)
    layout = left.layout if left.layout == right.layout else None
    if same_count(one, other):
        if layout is None and (left.layout is None) != (right.layout is None):
            layout = left.layout or right.layout
        channels = right.channels if isinstance(right.channels, Cell) else left.channels
        return Tensor(channels, layout, left.squeezed and right.squeezed)
    if isinstance(one, Known) and isinstance(other, Known):
        if layout is not None and 1 in (one.value, other.value):
            return Tensor(one if other.value == 1 else other, layout)
        return Tensor(Unknown("tensors of different channels are combined"))
    return Tensor(Unknown("tensors are combined whose channels may differ"), layout)


def _fits(heap: Heap, tensor: Tensor, array: Array) -> bool:
    """Whether an array of a known shape leaves the channels of the tensor as they are."""
    if tensor.layout is None or len(array.sizes) > len(tensor.layout):
        return False
    count = heap.resolve(tensor.channels)
    for letter, size in zip(reversed(tensor.layout), reversed(array.sizes)):
        one = isinstance(size, Known) and size.value == 1
        if letter == "C" and not one and not same_count(size, count):
            return False
    return True


def _combined_with_unknown(heap: Heap, tensor: Tensor) -> Tensor:
    """A tensor combined with one of unknown shape: only a count of one can be stretched."""
    count = heap.resolve(tensor.channels)
    if isinstance(count, Known) and count.value > 1 and tensor.layout is not None:
        return Tensor(tensor.channels, tensor.layout)
    return Tensor(Unknown("it is combined with something unknown"))


def compare(heap: Interpreter, op: ast.cmpop, left: Value, right: Value) -> bool | None:
    """Whether a comparison holds; None where that cannot be determined."""
    match op:
        case ast.Is() | ast.IsNot():
            same = _identical(heap, left, right)
            return None if same is None else same == isinstance(op, ast.Is)
        case ast.Eq() | ast.NotEq():
            same = equal(heap, left, right)
            return None if same is None else same == isinstance(op, ast.Eq)
        case ast.In() | ast.NotIn():
            found = _contains(heap, right, left)
            return None if found is None else found == isinstance(op, ast.In)
    compared = [_plain(heap, value) for value in (left, right)]
    if None not in compared:
        (one,), (other,) = compared  # type: ignore[misc]
        try:
            return bool(_COMPARE[type(op)](one, other))
        except TypeError:
            raise Raised from None
    return None


def _plain(heap: Interpreter, value: Value) -> tuple[Any] | None:
    """What may be compared by order, in a tuple: a number, a text, or a sequence of these."""
    if isinstance(value, Known):
        return (value.value,)
    items, kind = heap.items(value), heap.kind(value)
    if items is None or kind not in {"list", "tuple"}:
        return None
    parts = [_plain(heap, item) for item in items]
    if None in parts:
        return None
    content = [part[0] for part in parts if part is not None]
    return (content if kind == "list" else tuple(content),)


def _of_choices(
    ask: Callable[[Interpreter, Value, Value], bool | None],
    heap: Interpreter,
    left: Value,
    right: Value,
) -> tuple[bool | None] | None:
    """The answer that all values have in common that one side may be; None where it is no choice."""
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Choice):
            answers = {ask(heap, v, other) for v in one.values if v is not UNBOUND}
            return (answers.pop() if len(answers) == 1 else None,)
    return None


def _identical(heap: Interpreter, left: Value, right: Value) -> bool | None:
    """Whether two values are one object; None where that cannot be determined."""
    answer = _of_choices(_identical, heap, left, right)
    if answer is not None:
        return answer[0]
    if isinstance(left, Known) and isinstance(right, Known):
        singletons = (None, True, False, ...)
        if any(left.value is one or right.value is one for one in singletons):
            return left.value is right.value
        differ = type(left.value) is not type(right.value) or left.value != right.value
        return False if differ else None
    if isinstance(left, Ref) and isinstance(right, Ref):
        if left.id == right.id:
            return True
        # A copy of a tuple may be the tuple itself.
        return None if "tuple" in (heap.kind(left), heap.kind(right)) else False
    if isinstance(left, Opaque) and isinstance(right, Opaque):
        return True if left.term == right.term and isinstance(left.term, (Param, Global)) else None
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Known) and isinstance(other, Ref):
            return False
    return equal(heap, left, right)


def equal(heap: Interpreter, left: Value, right: Value) -> bool | None:
    """Whether two values are equal; None where that cannot be determined."""
    if isinstance(left, Known) and isinstance(right, Known):
        return bool(left.value == right.value)
    answer = _of_choices(equal, heap, left, right)
    if answer is not None:
        return answer[0]
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Known):
            if isinstance(other, Ref):
                return _equals_plain(heap, other, one.value)
            if one.value is None or isinstance(one.value, str):
                if isinstance(other, Library):
                    # What another file calls so may be anything, None as well.
                    return False if is_definite(other.origin) else None
                if isinstance(other, (ClassRef, Function, Partial, Method, Tensor)):
                    return False
    if isinstance(left, Opaque) and isinstance(right, Opaque) and left.term == right.term:
        return True if left.term is not None else None
    if isinstance(left, Ref) and isinstance(right, Ref):
        return _equal_objects(heap, left, right)
    if isinstance(left, (ClassRef, Library)) and isinstance(right, (ClassRef, Library)):
        if isinstance(left, Library) and isinstance(right, Library):
            if canonical(left.origin) == canonical(right.origin):
                return True
        if all(isinstance(v, ClassRef) or is_definite(v.origin) for v in (left, right)):
            return left == right
    return None


def _equals_plain(heap: Interpreter, ref: Ref, value: object) -> bool | None:
    """Whether an object equals a number, a text, None or the like."""
    kind = heap.kind(ref)
    if kind in CONTAINER_KINDS:
        return None if isinstance(value, tuple) else False
    if kind == "module":
        return False
    made_by = heap.class_of(ref)
    if kind == "instance" and isinstance(made_by, ClassRef):
        return None if heap.equality(made_by) is None else False
    return None


def _equal_objects(heap: Interpreter, left: Ref, right: Ref) -> bool | None:
    kind = heap.kind(left)
    if {kind, heap.kind(right)} <= {"instance", "module"}:
        return _equal_instances(heap, left, right)
    if left.id == right.id:
        return True
    if kind not in CONTAINER_KINDS or heap.kind(right) not in CONTAINER_KINDS:
        return None
    if kind != heap.kind(right):
        return False  # a list and a tuple are never equal
    ones, others = heap.items(left), heap.items(right)
    if ones is None or others is None:
        return None
    if kind == "set":
        if not all(isinstance(item, Known) for item in (*ones, *others)):
            return None
        return {item.value for item in ones} == {item.value for item in others}
    if len(ones) != len(others):
        return False
    if kind == "dict":
        table = dict(others)
        if dict(ones).keys() != table.keys():
            return False
        if list(dict(ones)) != list(table):
            return None  # for an OrderedDict the order counts
        ones, others = tuple(dict(ones).values()), tuple(table.values())
    answers = {_equal_items(heap, a, b) for a, b in zip(ones, others)}
    return True if answers <= {True} else (False if False in answers else None)


def _equal_items(heap: Interpreter, left: Value, right: Value) -> bool | None:
    """The same for items of containers, which equal themselves."""
    return True if isinstance(left, Ref) and left == right else equal(heap, left, right)


def _equal_instances(heap: Interpreter, left: Ref, right: Ref) -> bool | None:
    kinds = [heap.class_of(ref) for ref in (left, right)]
    by: list[tuple[str, ...] | None] = [
        heap.equality(kind) if isinstance(kind, ClassRef) else () for kind in kinds
    ]
    if None in by:
        return None
    if left.id == right.id:
        return True
    if by == [(), ()] or kinds[0] != kinds[1]:
        return False
    answers: set[bool | None] = set()
    for name in by[0] or ():
        values = [heap.get(ref.id, f".{name}") for ref in (left, right)]
        if any(heap.get(ref.id, "tainted") for ref in (left, right)):
            return None
        if not all(isinstance(value, Value) for value in values):
            return None
        answers.add(_equal_items(heap, *values))
    return True if answers == {True} else (False if False in answers else None)


def _contains(heap: Interpreter, container: Value, member: Value) -> bool | None:
    """Whether a container holds a member; None where that cannot be determined."""
    if isinstance(container, Known) and isinstance(member, Known):
        if isinstance(container.value, range) and not isinstance(member.value, int):
            return None  # it would be gone through
        try:
            return member.value in container.value
        except TypeError:
            raise Raised from None
    items = heap.items(container)
    if items is None:
        heap.use_up(container)
        return None
    if heap.kind(container) == "dict":
        if not isinstance(member, Known):
            return None
        return any(member.value == key for key, _ in items)
    answers = [_equal_items(heap, item, member) for item in items]
    if True in answers:
        return True
    return None if None in answers else False
