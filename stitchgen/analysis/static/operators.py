"""What Python's operators do to values: arithmetic, comparisons, the broadcasting of tensors.

No operator runs code of the project: one
that would, through a method such as `__add__`, gives something unknown.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from stitchgen.analysis.static.heap import Heap
from stitchgen.analysis.static.names import canonical, is_definite
from stitchgen.analysis.static.values import (
    UNBOUND,
    Array,
    Cell,
    Choice,
    ClassRef,
    Function,
    Known,
    Library,
    Literal,
    Method,
    Opaque,
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


def binary(heap: Heap, op: ast.operator, left: Value, right: Value) -> Value:
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
        try:
            result = function(left.value, right.value)
        except (TypeError, ZeroDivisionError, ValueError, OverflowError):
            raise Raised from None
        if isinstance(left.term, Literal) and isinstance(right.term, Literal):
            return Known(result, term=literal(result))
        return Known(result, term=compound(symbol, left.term, right.term))
    kinds = {heap.kind(left), heap.kind(right)}
    if symbol == "+" and kinds in ({"list"}, {"tuple"}):
        front, back = heap.items(left), heap.items(right)
        both = None if front is None or back is None else (*front, *back)
        return heap.sequence(both, kinds.pop() or "list")
    if symbol == "*" and kinds & {"list", "tuple"}:
        repeated, times = (left, right) if isinstance(left, Ref) else (right, left)
        items = heap.items(repeated)
        kind = heap.kind(repeated) or "list"
        if items is None or not isinstance(times, Known) or len(items) * times.value > 5000:
            return heap.sequence(None, kind)
        return heap.sequence(items * times.value, kind)
    if isinstance(left, (Known, Opaque)) and isinstance(right, (Known, Opaque)):
        return Opaque(term=compound(symbol, left.term, right.term) or heap.fresh().term)
    if symbol == "%" and isinstance(left, Known) and isinstance(left.value, str):
        items = heap.items(right)
        if items is not None and all(isinstance(item, Known) for item in items):
            try:
                return Known(left.value % tuple(item.value for item in items))
            except (TypeError, ValueError):
                raise Raised from None
    return Unknown()


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


def compare(heap: Heap, op: ast.cmpop, left: Value, right: Value) -> bool | None:
    """Whether a comparison holds; None where that cannot be told."""
    match op:
        case ast.Is() | ast.IsNot() | ast.Eq() | ast.NotEq():
            same = _same(heap, left, right)
            if same is None:
                return None
            return same == isinstance(op, (ast.Is, ast.Eq))
        case ast.In() | ast.NotIn():
            found = _contains(heap, right, left)
            return None if found is None else found == isinstance(op, ast.In)
    if isinstance(left, Known) and isinstance(right, Known):
        try:
            return bool(_COMPARE[type(op)](left.value, right.value))
        except TypeError:
            raise Raised from None
    return None


def _same(heap: Heap, left: Value, right: Value) -> bool | None:
    """Whether two values are equal; None where that cannot be told."""
    if isinstance(left, Known) and isinstance(right, Known):
        return bool(left.value == right.value)
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Choice):
            answers = {_same(heap, v, other) for v in one.values if v is not UNBOUND}
            return answers.pop() if len(answers) == 1 else None
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Known) and (one.value is None or isinstance(one.value, str)):
            if isinstance(other, Library):
                # What another file calls so may be anything, None as well.
                return False if is_definite(other.origin) else None
            if isinstance(other, (ClassRef, Function, Partial, Method, Tensor)):
                return False
            if isinstance(other, Ref):
                # An instance may have an `__eq__` of its own, as members of an enum have.
                plain = one.value is None or heap.kinds[other.id] != "instance"
                return False if plain else None
    if isinstance(left, Opaque) and isinstance(right, Opaque) and left.term == right.term:
        return True if left.term is not None else None
    if isinstance(left, Ref) and isinstance(right, Ref):
        if left.id == right.id:
            return True
        kinds = {heap.kinds[left.id], heap.kinds[right.id]}
        one_items, other_items = heap.items(left), heap.items(right)
        if one_items is None or other_items is None or "dict" in kinds:
            return False if kinds <= {"module", "instance"} else None
        if len(one_items) != len(other_items):
            return False
        answers = {_same(heap, a, b) for a, b in zip(one_items, other_items)}
        return True if answers <= {True} else (False if False in answers else None)
    if isinstance(left, (ClassRef, Library)) and isinstance(right, (ClassRef, Library)):
        if isinstance(left, Library) and isinstance(right, Library):
            if canonical(left.origin) == canonical(right.origin):
                return True
        if all(isinstance(v, ClassRef) or is_definite(v.origin) for v in (left, right)):
            return left == right
    return None


def _contains(heap: Heap, container: Value, member: Value) -> bool | None:
    """Whether a container holds a member; None where that cannot be told."""
    if isinstance(container, Known) and isinstance(member, Known):
        try:
            return member.value in container.value
        except TypeError:
            return None
    items = heap.items(container)
    if items is None:
        return None
    if heap.kind(container) == "dict":
        return member.value in dict(items) if isinstance(member, Known) else None
    answers = [_same(heap, item, member) for item in items]
    if True in answers:
        return True
    return None if None in answers else False
