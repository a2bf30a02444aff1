"""What the functions and classes of Python itself give."""

from __future__ import annotations

import ast
import builtins
import functools
from collections.abc import Callable, Sequence
from typing import Any

from stitchgen.analysis.static import modules, operators
from stitchgen.analysis.static.interpreter import Interpreter
from stitchgen.analysis.static.names import canonical, is_container, is_module_class
from stitchgen.analysis.static.overlays.table import Handler, call_term, is_number, no_answer
from stitchgen.analysis.static.values import (
    NONE,
    UNBOUND,
    Choice,
    ClassRef,
    Function,
    Known,
    Library,
    Opaque,
    Raised,
    Ref,
    Tensor,
    Unknown,
    Value,
    compound,
    literal,
)

_KINDS = {
    "builtins.list": "list",
    "builtins.tuple": "tuple",
    "builtins.dict": "dict",
    "builtins.set": "set",
    "collections.OrderedDict": "dict",
    "collections.abc.Sequence": "list",
    "collections.abc.Iterable": "list",
    "typing.Sequence": "list",
}


def _range(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if all(isinstance(v, Known) and isinstance(v.value, int) for v in arguments):
        try:
            return Known(range(*(v.value for v in arguments)))  # type: ignore[attr-defined]
        except (TypeError, ValueError):
            raise Raised from None
    return Unknown("it is a range that cannot be determined")


def _length(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if not arguments:
        return Unknown()
    value = arguments[0]
    if isinstance(value, Known):
        try:
            return Known(len(value.value))
        except (TypeError, OverflowError):
            raise Raised from None
    items = machine.items(value)
    if items is not None:
        outside = isinstance(value, Ref) and machine.is_outside(value)
        return Known(
            len(items),
            term=compound("()", "len", value.term) if outside else None,
        )
    if isinstance(value, Ref) and machine.is_module(value):
        found = modules.members(machine, value)
        if (
            found is not None
            and is_container(modules.module_origin(machine, value) or "")
            and not modules.overrides(machine, value, "__len__")
        ):
            return Known(len(found))
    if isinstance(value, Opaque):
        return Opaque(term=compound("()", "len", value.term))
    return Unknown()


def _container(machine: Interpreter, arguments: list[Value], kind: str) -> Value:
    """A container of what a loop over the argument gives."""
    if not arguments:
        return machine.sequence([], kind)
    if isinstance(arguments[0], Opaque):
        return arguments[0].having(None)
    return machine.sequence(machine.iterate(arguments[0]), kind)


def _list(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    return _container(machine, arguments, "list")


def _tuple(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    return _container(machine, arguments, "tuple")


def _reversed(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    def produce() -> list[Value] | None:
        values = machine.iterate(arguments[0]) if arguments else None
        return None if values is None else values[::-1]

    return machine.iterator(produce, arguments)


def _sorted(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    values = machine.elements(arguments[0]) if arguments else None
    if values is None:
        return machine.sequence(None)
    given = {**keywords}
    key, backwards = given.pop("key", NONE), given.pop("reverse", Known(False))
    keys = _keys(machine, values, key)
    if given or not isinstance(backwards, Known) or keys is None:
        machine.escape(values)
        return machine.sequence(None)
    order = sorted(range(len(values)), key=lambda i: keys[i], reverse=bool(backwards.value))
    return machine.sequence([values[i] for i in order])


def _keys(machine: Interpreter, values: list[Value], key: Value) -> list[Any] | None:
    """What values are ordered by: numbers, or None where that cannot be determined."""
    if not (isinstance(key, Known) and key.value is None):
        values = [machine.call(key, [value], {}) for value in values]
    if not all(is_number(value) for value in values):
        return None
    return [value.value for value in values]  # type: ignore[attr-defined]


def _set(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    return machine.sequence(machine.elements(arguments[0]) if arguments else [], "set")


def _iterator(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if len(arguments) != 1:
        machine.pass_to_unknown(arguments)
        return Unknown()
    if machine.kind(arguments[0]) == "iterator":
        return arguments[0]
    return machine.iterator(lambda: machine.iterate(arguments[0]), arguments)


def _next(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    iterator = arguments[0] if arguments else NONE
    if not isinstance(iterator, Ref) or machine.kind(iterator) != "iterator":
        machine.pass_to_unknown(arguments)
        return Unknown()
    values = machine.iterate(iterator)
    if values is None:
        machine.put(iterator.id, "produce", lambda: None)
        return Unknown("it is an element that cannot be determined")
    if not values:
        if len(arguments) > 1:
            return arguments[1]
        raise Raised
    first, *others = values
    machine.put(iterator.id, "produce", lambda: others)
    return first


def dictionary(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    table: dict[Any, Value] = {}
    for value in arguments[:1]:
        if machine.kind(value) == "dict":
            items = machine.items(value)
            if items is None:
                return machine.mapping(None)
            table.update(items)
            continue
        pairs = machine.iterate(value)
        if pairs is None:
            return machine.mapping(None)
        for pair in pairs:
            parts = machine.items(pair)
            if parts is None or len(parts) != 2 or not isinstance(parts[0], Known):
                return machine.mapping(None)
            table[parts[0].value] = parts[1]
    table.update(keywords)
    return machine.mapping(table.items())


def _enumerate(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    start = keywords.get("start", arguments[1] if len(arguments) > 1 else Known(0))

    def produce() -> list[Value] | None:
        values = machine.iterate(arguments[0]) if arguments else None
        if values is None or not isinstance(start, Known):
            return None
        return [
            machine.sequence([Known(i, term=literal(i)), value], "tuple")
            for i, value in enumerate(values, start.value)
        ]

    return machine.iterator(produce, arguments[:1])


def in_step(machine: Interpreter, values: Sequence[Value]) -> list[list[Value]] | None:
    """What values give that are iterated over side by side, to the end of the shortest."""
    columns = [machine.iterate(value) for value in values]
    iterators = [
        value.id for value in values if isinstance(value, Ref) and machine.is_iterator(value)
    ]
    found = [column for column in columns if column is not None]
    uneven = len(found) < len(columns) or len({len(column) for column in found}) > 1
    if len(set(iterators)) < len(iterators) or uneven:
        for value in values:
            machine.use_up(value)  # as far as the shortest
    if len(set(iterators)) < len(iterators) or len(found) < len(columns):
        machine.escape(value for column in found for value in column)
        return None
    return found


def _zip(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    def produce() -> list[Value] | None:
        columns = in_step(machine, arguments)
        if keywords or columns is None:
            return None
        return [machine.sequence(row, "tuple") for row in zip(*columns)]

    return machine.iterator(produce, arguments)


def _map(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if len(arguments) < 2:
        return Unknown()
    function, *given = arguments

    def produce() -> list[Value] | None:
        columns = in_step(machine, given)
        if columns is None:
            machine.pass_to_unknown(arguments)
            machine.call_unknown(function)
            return None
        rows = list(zip(*columns))
        return [machine.call(function, row, {}) for row in rows]

    return machine.iterator(produce, given)


def _filter(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if len(arguments) != 2:
        return Unknown()
    function, given = arguments

    def produce() -> list[Value] | None:
        values = machine.iterate(given)
        if values is None:
            machine.call_unknown(function)
            return None
        found, certain = [], True
        for value in values:
            plain = isinstance(function, Known) and function.value is None
            known = machine.truth(value if plain else machine.call(function, [value], {}))
            certain = certain and known is not None
            if known:
                found.append(value)
        if not certain:
            machine.escape(values)
        return found if certain else None

    return machine.iterator(produce, [given])


def _sum(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    values = machine.elements(arguments[0]) if arguments else None
    if values is None:
        if arguments and isinstance(arguments[0], Opaque):
            return Opaque(term=compound("()", "sum", arguments[0].term))
        return Unknown()
    whole = arguments[0]
    total: Value = arguments[1] if len(arguments) > 1 else Known(0, term=literal(0))
    for index, value in enumerate(values):
        if index == 0 and len(arguments) == 1 and isinstance(value, (Known, Opaque)):
            total = value
            continue
        total = operators.binary(machine, ast.Add(), total, value)
    if isinstance(total, Known) and whole.term is not None and len(arguments) == 1:
        return total.having(compound("()", "sum", whole.term))
    return total


def _extreme(
    choose: Callable[..., Any],
    machine: Interpreter,
    arguments: list[Value],
    keywords: dict[str, Value],
) -> Value:
    """What `max` or `min` chooses."""
    whole = arguments[0] if len(arguments) == 1 else None
    values = machine.elements(whole) if whole is not None else arguments
    given = {**keywords}
    key, default = given.pop("key", NONE), given.pop("default", None)
    if values is None or given:
        return Unknown()
    if not values:
        if default is None:
            raise Raised
        return default
    term = None
    if not keywords:
        term = call_term(f"builtins.{choose.__name__}", values)
        if whole is not None and machine.kind(whole) in {"set", "iterator"}:
            term = None
    keys = _keys(machine, values, key)
    if keys is not None:
        found = values[keys.index(choose(keys))]
        return found.having(term) if "key" not in keywords else found
    machine.escape(values)
    if not keywords and all(isinstance(v, (Known, Opaque)) for v in values):
        return Opaque(term=term or machine.fresh().term)
    return Unknown()


def _all_or_any(
    machine: Interpreter,
    arguments: list[Value],
    keywords: dict[str, Value],
    *,
    decisive: bool,
) -> Value:
    """What `any` or `all` gives: one element that is true, or false, decides."""
    values = machine.elements(arguments[0]) if arguments else None
    if values is None:
        return Unknown()
    tests = [machine.truth(v) for v in values]
    if tests and decisive in tests[:-1]:
        machine.use_up(arguments[0])  # as far as that one
    if decisive in tests:
        return Known(decisive)
    return Unknown() if None in tests else Known(not decisive)


def _none(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    return NONE


def _isinstance(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if len(arguments) != 2:
        return Unknown()
    value, kinds = arguments
    options = machine.items(kinds) if machine.kind(kinds) == "tuple" else [kinds]
    answers = {_is_one(machine, value, option) for option in options or [Unknown()]}
    if True in answers:
        return Known(True)
    return Unknown("its class cannot be determined") if None in answers else Known(False)


def _is_one(machine: Interpreter, value: Value, kind: Value) -> bool | None:
    if isinstance(value, Choice):
        answers = {_is_one(machine, v, kind) for v in value.values}
        return answers.pop() if len(answers) == 1 else None
    if isinstance(kind, Library):
        origin = canonical(kind.origin)
        if isinstance(value, Known):
            types = {f"builtins.{t.__name__}" for t in type(value.value).__mro__}
            return (
                origin in types
                if origin.startswith("builtins.")
                else (None if origin.startswith("collections") else False)
            )
        if isinstance(value, Tensor):
            return origin == "torch.Tensor" if origin in _KINDS or "Tensor" in origin else None
        if isinstance(value, Ref):
            actual = machine.kinds[value.id]
            if actual in {"list", "tuple", "dict", "set"}:
                if origin in {"collections.abc.Sequence", "typing.Sequence"}:
                    return actual in {"list", "tuple"}
                if origin == "collections.abc.Iterable":
                    return True
                return _is_container(origin, actual)
            if machine.is_module(value):
                if origin == "torch.nn.Module":
                    return True
                if origin in _KINDS or origin == "torch.Tensor":
                    return False
                kind_of = machine.class_of(value)
                if isinstance(kind_of, Library):
                    same = canonical(kind_of.origin) == origin
                    return True if same else (False if is_module_class(origin) else None)
                if isinstance(kind_of, ClassRef):
                    found = {
                        canonical(base.origin)
                        for base in machine.mro(kind_of)
                        if isinstance(base, Library)
                    }
                    return True if origin in found else None
        if isinstance(value, (ClassRef, Function)):
            return False if origin in _KINDS else None
        return None
    if isinstance(kind, ClassRef):
        if isinstance(value, Ref) and machine.kinds[value.id] in {"instance", "module"}:
            actual_class = machine.class_of(value)
            if isinstance(actual_class, ClassRef):
                order = machine.mro(actual_class)
                if any(isinstance(base, Unknown) for base in order) and kind not in order:
                    return None
                return kind in order
            return False
        if isinstance(value, (Known, Tensor)) or machine.items(value) is not None:
            return False
    return None


def _is_container(origin: str, actual: str) -> bool | None:
    """Whether a list, tuple, dict or set is an instance of a class of a library."""
    if origin in _KINDS:
        # An OrderedDict is read as a dict, a frozenset as a set.
        plain = origin in {"builtins.list", "builtins.tuple"}
        if _KINDS[origin] != actual:
            return False
        return True if plain or origin == "builtins.dict" else None
    if origin == "builtins.object":
        return True
    if origin in {f"builtins.{name}" for name in "int float str bool bytes complex".split()}:
        return False
    return False if origin.startswith("torch.") else None


def _type(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if arguments and isinstance(arguments[0], Ref):
        kind = machine.class_of(arguments[0])
        if isinstance(kind, Value):
            return kind
    return Unknown()


def _hasattr(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if len(arguments) == 2 and isinstance(arguments[1], Known) and isinstance(arguments[0], Ref):
        owner, name = arguments[0], str(arguments[1].value)
        if machine.get(owner.id, "tainted") or name.startswith("__"):
            return Unknown("the attribute may be there")
        found = machine.get(owner.id, f".{name}")
        if isinstance(found, Choice) and UNBOUND in found.values:
            return Unknown("the attribute may be there")
        if found is not None:
            return Known(found is not UNBOUND)
        kind = machine.class_of(owner)
        if isinstance(kind, ClassRef):
            if any(
                machine.class_attribute(kind, one) for one in ("__getattr__", "__getattribute__")
            ):
                return Unknown("the attribute may be there")
            statement = machine.class_attribute(kind, name)
            if statement is not None:
                sure = not isinstance(
                    statement[1], (ast.If, ast.Try, ast.For, ast.Pass, ast.Delete)
                )
                return Known(True) if sure else Unknown("the attribute may be there")
            if all(isinstance(base, ClassRef) for base in machine.mro(kind)):
                return Known(False)
    return Unknown("the attribute may be there")


def _getattr(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if len(arguments) < 2 or not isinstance(arguments[1], Known):
        return Unknown("the name of the attribute cannot be determined")
    if len(arguments) == 3:
        there = _hasattr(machine, arguments[:2], {})
        if not isinstance(there, Known):
            return Unknown("the attribute may be there")
        if not there.value:
            return arguments[2]
    return machine.attribute(arguments[0], str(arguments[1].value))


def _setattr(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if len(arguments) == 3:
        modules.set_named(machine, *arguments)
    return NONE


def _vars(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    machine.pass_to_unknown(arguments)  # it may be filled through it
    return Unknown("it is a __dict__")


def _delattr(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    match arguments:
        case [Ref() as owner, Known(value=str() as name)]:
            machine.put(owner.id, f".{name}", UNBOUND)
        case _:
            machine.pass_to_unknown(arguments)
    return NONE


FUNCTIONS: dict[str, Handler] = {
    **{
        name: no_answer
        for name, value in vars(builtins).items()
        if callable(value) and name not in {"exec", "eval", "locals", "globals"}
    },
    "range": _range,
    "len": _length,
    "list": _list,
    "iter": _iterator,
    "next": _next,
    "filter": _filter,
    "tuple": _tuple,
    "reversed": _reversed,
    "sorted": _sorted,
    "set": _set,
    "frozenset": _set,
    "dict": dictionary,
    "enumerate": _enumerate,
    "zip": _zip,
    "map": _map,
    "sum": _sum,
    "max": functools.partial(_extreme, max),
    "min": functools.partial(_extreme, min),
    "all": functools.partial(_all_or_any, decisive=False),
    "any": functools.partial(_all_or_any, decisive=True),
    "print": _none,
    "id": _none,
    "isinstance": _isinstance,
    "type": _type,
    "hasattr": _hasattr,
    "getattr": _getattr,
    "setattr": _setattr,
    "delattr": _delattr,
    "vars": _vars,
}

#: Functions of numbers and texts, which are called as they are.
COMPUTED = {
    name: getattr(builtins, name)
    for name in "int float str bool abs round divmod pow ord chr repr".split()
}
