"""What functions and classes of other packages give: Python's own and those of torch.

Part of `stitchgen.reading`; standard library only. Something that is not known may change
whatever it is given.
"""

from __future__ import annotations

import ast
import builtins
import math
import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

from stitchgen.reading import modules, operators
from stitchgen.reading.interpreter import Interpreter
from stitchgen.reading.names import canonical, is_container, is_module_class, layer_name
from stitchgen.reading.tensors import tensor_function
from stitchgen.reading.values import (
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
_HARMLESS = re.compile(
    r"torch\.nn\.init\.\w+|.*\._log_api_usage_once|.*\.(_)?(init|initialize|reset)_?\w*"
    r"|.*\.trunc_normal_|.*\.lecun_normal_|logging\.\w+|numpy\.\w+|torch\.nn\.\w+"
    r"|.*\.(xavier|kaiming|constant|normal)_?\w*|builtins\.\w+|torch\.(cuda|autograd|backends)\..*"
)


def call(
    machine: Interpreter, origin: str, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """The result of a call of something of another package."""
    origin = canonical(origin)
    if origin in {"torch.nn.Parameter", "torch.nn.parameter.Parameter"}:
        value = arguments[0] if arguments else keywords.get("data")
        return value if isinstance(value, Array) else Unknown("it is a parameter")
    name = layer_name(origin)
    if name is not None:
        return modules.construct(machine, origin, arguments, keywords)
    package, _, function = origin.rpartition(".")
    if origin in _PURE:
        return _pure(origin, arguments, keywords) or _special(machine, origin, arguments, keywords)
    if package in {"torch", "torch.nn.functional"}:
        return tensor_function(machine, function, arguments, keywords)
    return _special(machine, origin, arguments, keywords)


def _pure(origin: str, arguments: list[Value], keywords: dict[str, Value]) -> Value | None:
    if keywords or not arguments:
        return None
    if all(isinstance(value, Known) for value in arguments):
        try:
            result = _PURE[origin](*(value.value for value in arguments))  # type: ignore
        except Exception:  # whatever it is, the code that is read would raise it
            raise Raised from None
        if isinstance(result, (int, float, str, bool)):
            return Known(result, term=_call_term(origin, arguments))
        return None
    if all(isinstance(value, (Known, Opaque)) for value in arguments):
        return Opaque(term=_call_term(origin, arguments))
    return None


def _call_term(origin: str, arguments: Sequence[Value]) -> Any:
    if all(value.term is not None for value in arguments) and origin.startswith("builtins."):
        return compound("()", origin.removeprefix("builtins."), *(v.term for v in arguments))
    return None


def _number(value: Value) -> bool:
    return isinstance(value, Known) and isinstance(value.value, (int, float))


def _special(
    machine: Interpreter, origin: str, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    first = arguments[0] if arguments else None
    if any(isinstance(value, Spread) for value in arguments) or "**" in keywords:
        machine.pass_to_unknown([*arguments, *keywords.values()])
        return Unknown("its arguments cannot be told")
    match origin:
        case "builtins.range":
            if all(isinstance(v, Known) and isinstance(v.value, int) for v in arguments):
                return Known(range(*(v.value for v in arguments)))  # type: ignore[attr-defined]
            return Unknown("it is a range that cannot be told")
        case "builtins.len":
            return _length(machine, first)
        case (
            "builtins.list"
            | "builtins.tuple"
            | "builtins.reversed"
            | "builtins.sorted"
            | ("builtins.iter")
        ):
            kind = "tuple" if origin.endswith("tuple") else "list"
            if first is None:
                return machine.sequence([], kind)
            if isinstance(first, Opaque):
                return first.having(None)
            values = machine.iterate(first)
            if values is not None and origin == "builtins.reversed":
                values = values[::-1]
            if values is not None and origin == "builtins.sorted":
                if keywords or not all(_number(v) for v in values):
                    values = None
                else:
                    values = sorted(values, key=lambda v: v.value)  # type: ignore[attr-defined]
            return machine.sequence(values, kind)
        case "builtins.set" | "builtins.frozenset":
            return machine.sequence(None if first is not None else [], "set")
        case "builtins.dict" | "collections.OrderedDict" | "collections.defaultdict":
            return _dictionary(machine, origin, arguments, keywords)
        case "builtins.enumerate":
            values = machine.iterate(first) if first is not None else None
            start = keywords.get("start", arguments[1] if len(arguments) > 1 else Known(0))
            if values is None or not isinstance(start, Known):
                return machine.sequence(None)
            return machine.sequence(
                [
                    machine.sequence([Known(i, term=literal(i)), value], "tuple")
                    for i, value in enumerate(values, start.value)
                ]
            )
        case "builtins.zip":
            columns = [machine.iterate(value) for value in arguments]
            if any(column is None for column in columns):
                return machine.sequence(None)
            return machine.sequence(
                [machine.sequence(row, "tuple") for row in zip(*columns)]  # type: ignore[arg-type]
            )
        case "builtins.map":
            if len(arguments) < 2:
                return Unknown()
            columns = [machine.iterate(value) for value in arguments[1:]]
            if any(column is None for column in columns):
                machine.pass_to_unknown(arguments)
                return machine.sequence(None)
            rows = list(zip(*columns))  # type: ignore[arg-type]
            return machine.sequence([machine.call(arguments[0], row, {}) for row in rows])
        case "builtins.sum":
            return _sum(machine, arguments)
        case "builtins.max" | "builtins.min":
            values = machine.iterate(first) if len(arguments) == 1 and first else arguments
            if values is None or keywords or not values:
                return Unknown()
            if all(_number(v) for v in values):
                choose = max if origin.endswith("max") else min
                result = choose(v.value for v in values)  # type: ignore[attr-defined]
                return Known(result, term=_call_term(origin, values))
            if all(isinstance(v, (Known, Opaque)) for v in values):
                return Opaque(term=_call_term(origin, values))
            return Unknown()
        case "builtins.all" | "builtins.any":
            values = machine.iterate(first) if first is not None else None
            if values is None:
                return Unknown()
            tests = [machine.truth(v) for v in values]
            decisive = origin.endswith("any")
            if decisive in tests:
                return Known(decisive)
            return Unknown() if None in tests else Known(not decisive)
        case "builtins.isinstance":
            return _isinstance(machine, arguments)
        case "builtins.callable":
            return Unknown()
        case "inspect.isfunction" | "inspect.isclass" if first is not None:
            return _is_kind(origin.rpartition(".")[2], first)
        case "builtins.hasattr":
            return _hasattr(machine, arguments)
        case "builtins.getattr":
            return _getattr(machine, arguments)
        case "builtins.setattr":
            if len(arguments) == 3:
                modules.set_named(machine, *arguments)
            return NONE
        case "builtins.type":
            if isinstance(first, Ref) and isinstance(machine.class_of(first), Value):
                return machine.class_of(first) or Unknown()
            return Unknown()
        case "builtins.print" | "warnings.warn" | "builtins.id" | "builtins.callable":
            return NONE
        case "functools.partial":
            if first is None:
                return Unknown()
            return Partial(first, tuple(arguments[1:]), tuple(keywords.items()))
        case "functools.reduce":
            values = machine.iterate(arguments[1]) if len(arguments) > 1 else None
            if values is None or first is None:
                return Unknown()
            values = [*arguments[2:3], *values]
            if not values:
                return Unknown()
            result_value = values[0]
            for value in values[1:]:
                result_value = machine.call(first, [result_value, value], {})
            return result_value
        case "copy.deepcopy" | "copy.copy":
            return _copy(machine, first, {}) if first is not None else Unknown()
        case "itertools.chain":
            parts = [machine.iterate(value) for value in arguments]
            if any(part is None for part in parts):
                return machine.sequence(None)
            return machine.sequence([v for part in parts for v in part or ()])
        case "itertools.accumulate":
            return Unknown()
        case (
            "torch.jit.is_scripting"
            | "torch.jit.is_tracing"
            | ("torch.onnx.is_in_onnx_export")
            | "torch.compiler.is_compiling"
        ):
            return Known(False)
        case "torch.jit.annotate" | "typing.cast":
            return arguments[1] if len(arguments) > 1 else Unknown()
        case "torch.utils.checkpoint.checkpoint":
            if first is None:
                return Unknown()
            extra = {"use_reentrant", "preserve_rng_state", "context_fn"}
            kept = {k: v for k, v in keywords.items() if k not in extra}
            return machine.call(first, arguments[1:], kept)
    if re.fullmatch(r"torch\.nn\.utils\.(parametrizations\.)?(spectral_norm|weight_norm)", origin):
        return first or Unknown()
    if _HARMLESS.fullmatch(origin):
        return NONE if origin.startswith("torch.nn.init") else Unknown()
    if origin.rpartition(".")[2][:1].isupper():
        return Unknown(f"{origin} is not known")  # an object is made, its parts stay as they are
    machine.pass_to_unknown([*arguments, *keywords.values()])
    return Unknown(f"{origin} is not known")


def _length(machine: Interpreter, value: Value | None) -> Value:
    if value is None:
        return Unknown()
    if isinstance(value, Known):
        try:
            return Known(len(value.value))
        except TypeError:
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


def _dictionary(
    machine: Interpreter, origin: str, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    if origin.endswith("defaultdict"):
        return machine.mapping(None)
    table: dict[Any, Value] = {}
    for value in arguments[:1]:
        items = machine.items(value)
        if items is None:
            return machine.mapping(None)
        if machine.kind(value) == "dict":
            table.update(items)
            continue
        for pair in items:
            parts = machine.items(pair)
            if parts is None or len(parts) != 2 or not isinstance(parts[0], Known):
                return machine.mapping(None)
            table[parts[0].value] = parts[1]
    table.update(keywords)
    return machine.mapping(table.items())


def _sum(machine: Interpreter, arguments: list[Value]) -> Value:
    values = machine.iterate(arguments[0]) if arguments else None
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


def _isinstance(machine: Interpreter, arguments: list[Value]) -> Value:
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
            return origin in {"torch.Tensor"} if origin in _KINDS or "Tensor" in origin else None
        if isinstance(value, Ref):
            actual = machine.kinds[value.id]
            if actual in {"list", "tuple", "dict", "set"}:
                if origin in {"collections.abc.Sequence", "typing.Sequence"}:
                    return actual in {"list", "tuple"}
                if origin in {"collections.abc.Iterable"}:
                    return True
                return _KINDS.get(origin) == actual
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
                return kind in machine.mro(actual_class)
            return False
        if isinstance(value, (Known, Tensor)) or machine.items(value) is not None:
            return False
    return None


def _is_kind(question: str, value: Value) -> Value:
    if isinstance(value, (Unknown, Opaque, Choice)) or (
        isinstance(value, Library) and not is_module_class(value.origin)
    ):
        return Unknown("its kind cannot be told")
    if question == "isfunction":
        return Known(isinstance(value, Function) and value.own is None)
    return Known(isinstance(value, (ClassRef, Library)))


def _hasattr(machine: Interpreter, arguments: list[Value]) -> Value:
    if len(arguments) == 2 and isinstance(arguments[1], Known) and isinstance(arguments[0], Ref):
        owner, name = arguments[0], str(arguments[1].value)
        found = machine.get(owner.id, f".{name}")
        if isinstance(found, Choice) and UNBOUND in found.values:
            return Unknown("the attribute may be there")
        if found is not None:
            return Known(found is not UNBOUND)
        kind = machine.class_of(owner)
        if isinstance(kind, ClassRef):
            if machine.class_attribute(kind, name) is not None:
                return Known(True)
            if all(isinstance(base, ClassRef) for base in machine.mro(kind)):
                return Known(False)
    return Unknown("the attribute may be there")


def _getattr(machine: Interpreter, arguments: list[Value]) -> Value:
    if len(arguments) < 2 or not isinstance(arguments[1], Known):
        return Unknown("the name of the attribute cannot be told")
    if len(arguments) == 3:
        there = _hasattr(machine, arguments[:2])
        if not isinstance(there, Known):
            return Unknown("the attribute may be there")
        if not there.value:
            return arguments[2]
    return machine.attribute(arguments[0], str(arguments[1].value))


def _copy(machine: Interpreter, value: Value, copies: dict[int, Ref]) -> Value:
    if not isinstance(value, Ref):
        if isinstance(value, Choice):
            return Unknown("it is a copy of what cannot be told")
        return value
    if value.id not in copies:
        twin = Ref(machine.new(machine.kinds[value.id]))
        copies[value.id] = twin
        for key, content in machine.contents(value.id):
            if key == "items" and content is not None:
                if machine.kinds[value.id] == "dict":
                    content = tuple((k, _copy(machine, v, copies)) for k, v in content)
                else:
                    content = tuple(_copy(machine, v, copies) for v in content)
            elif key.startswith(".") and isinstance(content, Value):
                content = _copy(machine, content, copies)
            machine.put(twin.id, key, content)
        if value.id in machine.arguments:
            machine.arguments[twin.id] = machine.arguments[value.id]
    return copies[value.id]
