"""What functions and classes of other packages give: Python's own and those of torch.

Something that is not known may change
whatever it is given.
"""

from __future__ import annotations

import ast
import builtins
import functools
import math
import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

from stitchgen.analysis.static import modules, operators
from stitchgen.analysis.static.interpreter import Interpreter
from stitchgen.analysis.static.names import canonical, is_container, is_module_class, layer_name
from stitchgen.analysis.static.tensors import tensor_function
from stitchgen.analysis.static.values import (
    NONE,
    UNBOUND,
    Array,
    Choice,
    ClassRef,
    Function,
    Known,
    Library,
    Opaque,
    Partial,
    Raised,
    Ref,
    Spread,
    Tensor,
    Unknown,
    Value,
    compound,
    literal,
)

_PURE: dict[str, Callable[..., Any]] = {
    **{
        f"builtins.{name}": getattr(builtins, name)
        for name in "int float str bool abs round divmod pow ord chr repr".split()
    },
    **{
        f"math.{name}": value
        for name, value in vars(math).items()
        if callable(value) and not name.startswith("_")
    },
    **{
        f"operator.{name}": value
        for name, value in vars(operator).items()
        if callable(value) and not name.startswith("_")
    },
}
_LARGEST_FACTORIAL = 500
_SYMBOLS = {"pow": "**", "mul": "*", "lshift": "<<", "mod": "%"}
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
#: What is given back is what was passed in, with its weight computed otherwise.
_NORMALISED = re.compile(r"torch\.nn\.utils\.(parametrizations\.)?(spectral_norm|weight_norm)")
_HARMLESS = re.compile(
    r"torch\.nn\.init\.\w+|.*\._log_api_usage_once|.*\.(_)?(init|initialize|reset)_?\w*"
    r"|.*\.trunc_normal_|.*\.lecun_normal_|logging\.\w+|numpy\.\w+|torch\.nn\.\w+"
    r"|.*\.(xavier|kaiming|constant|normal)_?\w*|builtins\.\w+|torch\.(cuda|autograd|backends)\..*"
    r"|itertools\.accumulate"
)


def call(
    machine: Interpreter, origin: str, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """The result of a call of something of another package."""
    origin = canonical(origin)
    if origin in {"torch.nn.Parameter", "torch.nn.parameter.Parameter"}:
        value = arguments[0] if arguments else keywords.get("data")
        return value if isinstance(value, Array) else Unknown("it is a parameter")
    if layer_name(origin) is not None:
        return modules.construct(machine, origin, arguments, keywords)
    package, _, function = origin.rpartition(".")
    if origin in _PURE:
        result = _pure(origin, arguments, keywords)
        if result is not None:
            return result
    elif package in {"torch", "torch.nn.functional"}:
        return tensor_function(machine, function, arguments, keywords)
    if any(isinstance(value, Spread) for value in arguments) or "**" in keywords:
        machine.pass_to_unknown([*arguments, *keywords.values()])
        return Unknown("its arguments cannot be told")
    handler = _HANDLERS.get(origin)
    if handler is not None:
        return handler(machine, arguments, keywords)
    return _unknown(machine, origin, arguments, keywords)


def _pure(origin: str, arguments: list[Value], keywords: dict[str, Value]) -> Value | None:
    if keywords or not arguments:
        return None
    if all(isinstance(value, Known) for value in arguments):
        values = [value.value for value in arguments]  # type: ignore[attr-defined]
        if not _stays_small(origin, values):
            return Unknown("it is large")
        try:
            result = _PURE[origin](*values)
        except Exception:  # whatever it is, the code that is read would raise it
            raise Raised from None
        if not operators.is_small(result):
            return Unknown("it is large")
        if isinstance(result, (int, float, str, bool)):
            return Known(result, term=_call_term(origin, arguments))
        if isinstance(result, tuple):
            return Known(result)
        return None
    if all(isinstance(value, (Known, Opaque)) for value in arguments):
        return Opaque(term=_call_term(origin, arguments))
    return None


def _stays_small(origin: str, values: list[Any]) -> bool:
    """Whether a function of numbers gives something small, before it is called."""
    package, _, name = origin.rpartition(".")
    numbers = [value for value in values if isinstance(value, int)]
    if package == "math":
        return all(abs(number) <= _LARGEST_FACTORIAL for number in numbers) or not (
            name in {"factorial", "comb", "perm"}
        )
    if origin == "builtins.round":
        return len(values) < 2 or all(abs(number) <= 1000 for number in numbers[-1:])
    symbol = _SYMBOLS.get(name.strip("_").removeprefix("i") if package == "operator" else name)
    return symbol is None or len(values) != 2 or operators.stays_small(symbol, *values)


def _call_term(origin: str, arguments: Sequence[Value]) -> Any:
    if all(value.term is not None for value in arguments) and origin.startswith("builtins."):
        return compound("()", origin.removeprefix("builtins."), *(v.term for v in arguments))
    return None


def _number(value: Value) -> bool:
    return isinstance(value, Known) and isinstance(value.value, (int, float))


def _unknown(
    machine: Interpreter, origin: str, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """The result of a call of something that is in no table."""
    if _NORMALISED.fullmatch(origin):
        return arguments[0] if arguments else Unknown()
    if _HARMLESS.fullmatch(origin):
        return NONE if origin.startswith("torch.nn.init") else Unknown()
    if origin.rpartition(".")[2][:1].isupper():
        return Unknown(f"{origin} is not known")  # an object is made, its parts stay as they are
    machine.pass_to_unknown([*arguments, *keywords.values()])
    return Unknown(f"{origin} is not known")


# Sequences and dicts --------------------------------------------------------------------------


def _range(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if all(isinstance(v, Known) and isinstance(v.value, int) for v in arguments):
        try:
            return Known(range(*(v.value for v in arguments)))  # type: ignore[attr-defined]
        except (TypeError, ValueError):
            raise Raised from None
    return Unknown("it is a range that cannot be told")


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
        if found is not None and is_container(modules.module_origin(machine, value) or ""):
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
        return machine.sequence(None)
    order = sorted(range(len(values)), key=lambda i: keys[i], reverse=bool(backwards.value))
    return machine.sequence([values[i] for i in order])


def _keys(machine: Interpreter, values: list[Value], key: Value) -> list[Any] | None:
    """What values are ordered by: numbers, or None where that cannot be determined."""
    if not (isinstance(key, Known) and key.value is None):
        values = [machine.call(key, [value], {}) for value in values]
    if not all(_number(value) for value in values):
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


def _dictionary(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
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


def _default_dict(
    machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    return machine.mapping(None)


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


def _zip(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    def produce() -> list[Value] | None:
        columns = [machine.iterate(value) for value in arguments]
        if keywords or any(column is None for column in columns):
            return None
        return [machine.sequence(row, "tuple") for row in zip(*columns)]  # type: ignore[arg-type]

    return machine.iterator(produce, arguments)


def _chain(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    def produce() -> list[Value] | None:
        parts = [machine.iterate(value) for value in arguments]
        if any(part is None for part in parts):
            return None
        return [value for part in parts for value in part or ()]

    return machine.iterator(produce, arguments)


def _map(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if len(arguments) < 2:
        return Unknown()
    function, *given = arguments

    def produce() -> list[Value] | None:
        columns = [machine.iterate(value) for value in given]
        if any(column is None for column in columns):
            machine.pass_to_unknown(arguments)
            machine.call_unknown(function)
            return None
        rows = list(zip(*columns))  # type: ignore[arg-type]
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
        return found if certain else None

    return machine.iterator(produce, [given])


# Numbers and tests ----------------------------------------------------------------------------


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
        term = _call_term(f"builtins.{choose.__name__}", values)
        if whole is not None and machine.kind(whole) in {"set", "iterator"}:
            term = None
    keys = _keys(machine, values, key)
    if keys is not None:
        found = values[keys.index(choose(keys))]
        return found.having(term) if "key" not in keywords else found
    if not keywords and all(isinstance(v, (Known, Opaque)) for v in values):
        return Opaque(term=term or machine.fresh().term)
    return Unknown()


def _all_or_any(
    decisive: bool, machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """What `any` or `all` gives: one element that is true, or false, decides."""
    values = machine.elements(arguments[0]) if arguments else None
    if values is None:
        return Unknown()
    tests = [machine.truth(v) for v in values]
    if decisive in tests:
        return Known(decisive)
    return Unknown() if None in tests else Known(not decisive)


# Functions ------------------------------------------------------------------------------------


def _partial(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if not arguments:
        return Unknown()
    return Partial(arguments[0], tuple(arguments[1:]), tuple(keywords.items()))


def _reduce(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    values = machine.iterate(arguments[1]) if len(arguments) > 1 else None
    if values is None:
        return Unknown()
    values = [*arguments[2:3], *values]
    if not values:
        return Unknown()
    result = values[0]
    for value in values[1:]:
        result = machine.call(arguments[0], [result, value], {})
    return result


def _checkpoint(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if not arguments:
        return Unknown()
    extra = {"use_reentrant", "preserve_rng_state", "context_fn"}
    kept = {k: v for k, v in keywords.items() if k not in extra}
    return machine.call(arguments[0], arguments[1:], kept)


def _second(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """What `typing.cast` and its like give back."""
    return arguments[1] if len(arguments) > 1 else Unknown()


def _false(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    return Known(False)


def _none(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    return NONE


# Objects --------------------------------------------------------------------------------------


def _isinstance(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if len(arguments) != 2:
        return Unknown()
    value, kinds = arguments
    options = machine.items(kinds) if machine.kind(kinds) == "tuple" else [kinds]
    answers = {_is_one(machine, value, option) for option in options or [Unknown()]}
    if True in answers:
        return Known(True)
    return Unknown("its class cannot be told") if None in answers else Known(False)


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
        return True if plain or origin in {"builtins.dict"} else None
    if origin == "builtins.object":
        return True
    if origin in {f"builtins.{name}" for name in "int float str bool bytes complex".split()}:
        return False
    return False if origin.startswith("torch.") else None


def _is_kind(
    question: str, machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """What `inspect.isfunction` or `inspect.isclass` gives."""
    if not arguments:
        return _unknown(machine, f"inspect.{question}", arguments, keywords)
    value = arguments[0]
    if isinstance(value, (Unknown, Opaque, Choice)) or (
        isinstance(value, Library) and not is_module_class(value.origin)
    ):
        return Unknown("its kind cannot be told")
    if question == "isfunction":
        return Known(isinstance(value, Function) and value.own is None)
    return Known(isinstance(value, (ClassRef, Library)))


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
            if any(machine.class_attribute(kind, one) for one in ("__getattr__", "__getattribute__")):
                return Unknown("the attribute may be there")
            statement = machine.class_attribute(kind, name)
            if statement is not None:
                sure = not isinstance(statement[1], (ast.If, ast.Try, ast.For, ast.Pass, ast.Delete))
                return Known(True) if sure else Unknown("the attribute may be there")
            if all(isinstance(base, ClassRef) for base in machine.mro(kind)):
                return Known(False)
    return Unknown("the attribute may be there")


def _getattr(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if len(arguments) < 2 or not isinstance(arguments[1], Known):
        return Unknown("the name of the attribute cannot be told")
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


def _deep_copy(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    return _copied(machine, arguments[0], {}) if len(arguments) == 1 else Unknown()


def _copies_itself(machine: Interpreter, value: Ref) -> bool:
    """Whether the class of an object decides what a copy of it is."""
    kind = machine.class_of(value)
    return isinstance(kind, ClassRef) and any(
        machine.class_attribute(kind, name) is not None
        for name in ("__copy__", "__deepcopy__", "__reduce__", "__reduce_ex__", "__getstate__")
    )


def _copied(machine: Interpreter, value: Value, copies: dict[int, Ref]) -> Value:
    if not isinstance(value, Ref):
        if isinstance(value, Choice):
            return Unknown("it is a copy of what cannot be determined")
        return value
    if machine.kind(value) == "iterator" or _copies_itself(machine, value):
        return Unknown("it is a copy that its class makes")
    if value.id not in copies:
        twin = Ref(machine.new(machine.kinds[value.id]))
        copies[value.id] = twin
        for key, content in machine.contents(value.id):
            if key == "items" and content is not None:
                if machine.kinds[value.id] == "dict":
                    content = tuple((k, _copied(machine, v, copies)) for k, v in content)
                else:
                    content = tuple(_copied(machine, v, copies) for v in content)
            elif key.startswith(".") and isinstance(content, Value):
                content = _copied(machine, content, copies)
            machine.put(twin.id, key, content)
        if value.id in machine.arguments:
            machine.arguments[twin.id] = machine.arguments[value.id]
    return copies[value.id]


def _shallow_copy(
    machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """A new object with the same parts."""
    value = arguments[0] if len(arguments) == 1 else Unknown()
    if not isinstance(value, Ref):
        return Unknown("it is a copy of what cannot be determined") if isinstance(value, Choice) else value
    kind = machine.kinds[value.id]
    if kind == "tuple":
        return value
    if machine.is_module(value) or kind == "iterator" or _copies_itself(machine, value):
        return Unknown("it shares its parts with what it is a copy of")
    twin = Ref(machine.new(kind))
    for key, content in machine.contents(value.id):
        machine.put(twin.id, key, content)
    return twin


_HANDLERS: dict[str, Callable[[Interpreter, list[Value], dict[str, Value]], Value]] = {
    "builtins.range": _range,
    "builtins.len": _length,
    "builtins.list": _list,
    "builtins.iter": _iterator,
    "builtins.next": _next,
    "builtins.filter": _filter,
    "builtins.tuple": _tuple,
    "builtins.reversed": _reversed,
    "builtins.sorted": _sorted,
    "builtins.set": _set,
    "builtins.frozenset": _set,
    "builtins.dict": _dictionary,
    "collections.OrderedDict": _dictionary,
    "collections.defaultdict": _default_dict,
    "builtins.enumerate": _enumerate,
    "builtins.zip": _zip,
    "itertools.chain": _chain,
    "builtins.map": _map,
    "builtins.sum": _sum,
    "builtins.max": functools.partial(_extreme, max),
    "builtins.min": functools.partial(_extreme, min),
    "builtins.all": functools.partial(_all_or_any, False),
    "builtins.any": functools.partial(_all_or_any, True),
    "functools.partial": _partial,
    "functools.reduce": _reduce,
    "torch.utils.checkpoint.checkpoint": _checkpoint,
    "torch.jit.annotate": _second,
    "typing.cast": _second,
    "torch.jit.is_scripting": _false,
    "torch.jit.is_tracing": _false,
    "torch.onnx.is_in_onnx_export": _false,
    "torch.compiler.is_compiling": _false,
    "builtins.print": _none,
    "builtins.id": _none,
    "warnings.warn": _none,
    "builtins.isinstance": _isinstance,
    "inspect.isfunction": functools.partial(_is_kind, "isfunction"),
    "inspect.isclass": functools.partial(_is_kind, "isclass"),
    "builtins.type": _type,
    "builtins.hasattr": _hasattr,
    "builtins.getattr": _getattr,
    "builtins.setattr": _setattr,
    "copy.copy": _shallow_copy,
    "copy.deepcopy": _deep_copy,
}
