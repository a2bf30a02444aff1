"""What torch's classes and functions, and Python's own, do to channels and layouts.

Part of `stitchgen.reading`; standard library only. Everything that is not in these tables is
unknown. The tables say what holds for every use: a layer that only sometimes keeps the number
of channels is not in the list of those that do.
"""

from __future__ import annotations

import ast
import builtins
import math
import operator
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from stitchgen.reading import operators
from stitchgen.reading.names import (
    CONTAINERS,
    canonical,
    is_container,
    is_definite,
    is_module_class,
    layer_name,
)
from stitchgen.reading.values import (
    DIMENSIONS,
    NONE,
    UNBOUND,
    Array,
    Axis,
    Choice,
    ClassRef,
    Function,
    Known,
    Library,
    Method,
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
    same_count,
)

if TYPE_CHECKING:
    from stitchgen.reading.machine import Machine


def module_origin(machine: Machine, ref: Ref) -> str | None:
    """The torch class that gives a module its forward."""
    kind = machine.class_of(ref)
    if isinstance(kind, Library):
        return kind.origin
    if isinstance(kind, ClassRef):
        for base in machine.mro(kind):
            if isinstance(base, Library):
                return base.origin if is_module_class(base.origin) else None
            if not isinstance(base, ClassRef):
                return None
    return None


_DIMS = {"1d": ("NCL", 1), "2d": ("NCHW", 2), "3d": ("NCDHW", 3)}
_CONV = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups")
_TRANSPOSE = ("in_channels", "out_channels", "kernel_size", "stride", "padding")
_SIGNATURES: dict[str, tuple[str, ...]] = {
    **{f"Conv{d}": _CONV for d in _DIMS},
    **{f"ConvTranspose{d}": _TRANSPOSE for d in _DIMS},
    **{f"LazyConv{d}": _CONV[1:] for d in _DIMS},
    **{f"LazyConvTranspose{d}": _TRANSPOSE[1:] for d in _DIMS},
    **{f"BatchNorm{d}": ("num_features", "eps", "momentum", "affine") for d in _DIMS},
    "SyncBatchNorm": ("num_features", "eps", "momentum", "affine"),
    **{f"InstanceNorm{d}": ("num_features", "eps", "momentum", "affine") for d in _DIMS},
    "GroupNorm": ("num_groups", "num_channels", "eps", "affine"),
    "LayerNorm": ("normalized_shape", "eps", "elementwise_affine"),
    "Linear": ("in_features", "out_features", "bias"),
    "LazyLinear": ("out_features", "bias"),
    "Embedding": ("num_embeddings", "embedding_dim"),
    "PixelShuffle": ("upscale_factor",),
    "PixelUnshuffle": ("downscale_factor",),
    "Flatten": ("start_dim", "end_dim"),
    **{f"Adaptive{kind}Pool{d}": ("output_size",) for kind in ("Avg", "Max") for d in _DIMS},
    "MultiheadAttention": ("embed_dim", "num_heads"),
    "GLU": ("dim",),
    "Softmax": ("dim",),
    "PReLU": ("num_parameters",),
}
_CONVOLUTION = re.compile(r"(Lazy)?Conv(Transpose)?([123]d)")
_NORM = re.compile(r"(BatchNorm|InstanceNorm)([123]d)|SyncBatchNorm|GroupNorm")
#: Layers whose output has the shape of their input.
_SAME_SHAPE = frozenset(
    "ReLU ReLU6 LeakyReLU PReLU RReLU ELU CELU SELU GELU SiLU Mish Hardswish Hardsigmoid Hardtanh "
    "Hardshrink Softshrink Tanhshrink Softplus Softsign Sigmoid LogSigmoid Tanh Threshold Softmax "
    "Softmax2d LogSoftmax Softmin Identity Dropout Dropout1d Dropout2d Dropout3d AlphaDropout "
    "FeatureAlphaDropout LocalResponseNorm CrossMapLRN2d ChannelShuffle RMSNorm".split()
)
#: Layers that change the spatial size only, with the dimensions they work on.
_SPATIAL = re.compile(
    r"(Max|Avg|LP|AdaptiveAvg|AdaptiveMax|FractionalMax)Pool([123]d)"
    r"|(ZeroPad|ReflectionPad|ReplicationPad|ConstantPad|CircularPad)([123]d)"
    r"|Upsample|UpsamplingNearest2d|UpsamplingBilinear2d"
)
_POOL_TO_ONE = re.compile(r"Adaptive(Avg|Max)Pool[123]d")


def tells_its_count(origin: str) -> bool:
    """Whether a layer gives the same number of channels whatever it is fed."""
    name = layer_name(origin) or ""
    return (
        _CONVOLUTION.fullmatch(name) is not None
        or name in {"Linear", "LazyLinear", "GroupNorm", "SyncBatchNorm"}
        or name.startswith("BatchNorm")
    )


# Construction ---------------------------------------------------------------------------------


def construct(
    machine: Machine, origin: str, arguments: Sequence[Value], keywords: dict[str, Value]
) -> Value:
    ref = Ref(machine.new("module"))
    machine.put(ref.id, "class", Library(canonical(origin)))
    machine.put(ref.id, "order", ())
    initialise(machine, ref, origin, arguments, keywords)
    return ref


def initialise(
    machine: Machine,
    ref: Ref,
    origin: str,
    arguments: Sequence[Value],
    keywords: dict[str, Value],
) -> bool:
    """What the `__init__` of a class of torch does; False if the class is not known."""
    name = layer_name(origin)
    if name is None:
        return origin in {"builtins.object", "typing.Generic", "abc.ABC"}
    if name in CONTAINERS:
        _fill(machine, ref, name, arguments)
        return True
    signature = _SIGNATURES.get(name, ())
    unknown = "**" in keywords or any(isinstance(v, Spread) for v in arguments)
    machine.put(ref.id, "spread", unknown)
    for parameter, value in [*zip(signature, arguments), *keywords.items()]:
        machine.put(ref.id, f"={parameter}", value)
    return True


def argument(machine: Machine, ref: Ref, name: str, default: Value | None = None) -> Value:
    """An argument that the layer was constructed with."""
    value = machine.get(ref.id, f"={name}")
    if isinstance(value, Value):
        return value
    if machine.get(ref.id, "spread") or default is None:
        return Unknown(f"its {name} cannot be read")
    return default


def _fill(machine: Machine, ref: Ref, name: str, arguments: Sequence[Value]) -> None:
    if not arguments:
        return
    if any(isinstance(value, Spread) for value in arguments):
        machine.put(ref.id, "grown", True)
        return
    if name == "Sequential" and not (len(arguments) == 1 and machine.kind(arguments[0]) == "dict"):
        for index, value in enumerate(arguments):
            machine.set_attribute(ref, str(index), value)
        return
    first = arguments[0]
    if machine.kind(first) == "dict":
        items = machine.items(first)
        if items is not None:
            for key, value in items:
                machine.set_attribute(ref, str(key), value)
            return
    elif name == "ModuleList":
        values = machine.iterate(first)
        if values is not None:
            for index, value in enumerate(values):
                machine.set_attribute(ref, str(index), value)
            return
    elif name == "ModuleDict":
        pairs = [machine.items(pair) for pair in machine.items(first) or ()]
        if machine.items(first) is not None and all(
            pair is not None and len(pair) == 2 and isinstance(pair[0], Known) for pair in pairs
        ):
            for pair in pairs:
                assert pair is not None
                machine.set_attribute(ref, str(pair[0].value), pair[1])
            return
    machine.put(ref.id, "grown", True)


# Containers -----------------------------------------------------------------------------------


def _names(machine: Machine, ref: Ref) -> list[str]:
    return [
        name
        for name in machine.get(ref.id, "order") or ()
        if machine.get(ref.id, f".{name}") not in (None, UNBOUND)
    ]


def members(machine: Machine, ref: Ref) -> list[tuple[str, Value]] | None:
    """The children of a container, None where they cannot be told."""
    if machine.get(ref.id, "grown") or machine.get(ref.id, "tainted"):
        return None
    found = []
    for name in machine.get(ref.id, "order") or ():
        value = machine.get(ref.id, f".{name}")
        if value is None or value is UNBOUND:
            continue
        if isinstance(value, Known) and value.value is None:
            continue  # registered as None: no child when iterated
        if isinstance(value, Ref) and not machine.is_module(value):
            continue
        if isinstance(value, (Known, Array, ClassRef, Function, Method, Partial, Tensor)):
            continue
        if isinstance(value, Library) and is_definite(value.origin):
            continue
        if not isinstance(value, Ref):
            return None  # an argument may be a module, too
        found.append((name, value))
    return found


def iterate(machine: Machine, ref: Ref) -> list[Value] | None:
    origin = module_origin(machine, ref)
    if origin is None or not is_container(origin) or _overrides(machine, ref, "__iter__"):
        return None
    found = members(machine, ref)
    if found is None:
        return None
    if layer_name(origin) == "ModuleDict":
        return [Known(name, term=literal(name)) for name, _ in found]
    return [value for _, value in found]


def _overrides(machine: Machine, ref: Ref, name: str) -> bool:
    kind = machine.class_of(ref)
    return isinstance(kind, ClassRef) and machine.class_attribute(kind, name) is not None


def child(machine: Machine, ref: Ref, index: Value) -> Value:
    origin = module_origin(machine, ref)
    found = members(machine, ref)
    if origin is None or not is_container(origin) or _overrides(machine, ref, "__getitem__"):
        return Unknown("it is an element of something unknown")
    if found is None or not isinstance(index, Known):
        return Unknown("it is an element that cannot be told")
    if isinstance(index.value, str):
        table = dict(found)
        if index.value not in table:
            raise Raised
        return table[index.value]
    if isinstance(index.value, slice):
        part = Ref(machine.new("module"))
        machine.put(part.id, "class", Library(canonical(origin)))
        machine.put(part.id, "order", ())
        sliced = found[index.value]
        for position, (name, value) in enumerate(sliced):
            kept = name if layer_name(origin) == "Sequential" else str(position)
            machine.put(part.id, "order", (*machine.get(part.id, "order"), kept))
            machine.put(part.id, f".{kept}", value)
        return part
    try:
        return found[index.value][1]
    except (IndexError, TypeError):
        raise Raised from None


def set_child(machine: Machine, ref: Ref, index: Value, value: Value) -> None:
    found = members(machine, ref)
    if isinstance(index, Known) and isinstance(index.value, str):
        machine.set_attribute(ref, index.value, value)
    elif isinstance(index, Known) and isinstance(index.value, int) and found is not None:
        try:
            machine.set_attribute(ref, found[index.value][0], value)
        except IndexError:
            raise Raised from None
    else:
        machine.put(ref.id, "grown", True)


def delete_child(machine: Machine, ref: Ref, index: Value) -> None:
    # The rest of a container is renumbered, a plain attribute is not: leave it unknown.
    machine.put(ref.id, "grown", True)


def extend(machine: Machine, ref: Ref, values: Value) -> None:
    added = machine.iterate(values)
    found = members(machine, ref)
    if added is None or found is None:
        machine.put(ref.id, "grown", True)
        return
    for index, value in enumerate(added, start=len(found)):
        machine.set_attribute(ref, str(index), value)


# Attributes -----------------------------------------------------------------------------------

_FROM_ARGUMENTS = frozenset(
    "in_channels out_channels in_features out_features num_features num_channels num_groups "
    "embed_dim embedding_dim groups upscale_factor".split()
)


def module_attribute(machine: Machine, ref: Ref, name: str) -> Value:
    if name == "training":
        return Opaque(term=None)
    if machine.kind(ref) == "module" and name in _FROM_ARGUMENTS:
        return argument(machine, ref, name)
    if name == "_modules":
        found = members(machine, ref)
        return machine.mapping(found)
    if machine.is_module(ref):
        return Method(ref, name)
    if machine.kind(ref) == "instance" and name.startswith("_"):
        return Method(ref, name)
    return Unknown(f"it has no {name} that can be read")


# Functions ------------------------------------------------------------------------------------

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
#: Functions of one tensor that keep its shape.
_SAME_SHAPE_FUNCTIONS = frozenset(
    "relu relu_ relu6 leaky_relu leaky_relu_ prelu rrelu elu elu_ celu selu gelu silu mish hardswish "
    "hardsigmoid hardtanh hardtanh_ sigmoid tanh softplus softsign softmax log_softmax logsigmoid "
    "dropout dropout1d dropout2d dropout3d alpha_dropout feature_dropout normalize batch_norm "
    "instance_norm group_norm layer_norm local_response_norm exp sqrt rsqrt abs neg square log "
    "clamp clip zeros_like ones_like rand_like randn_like empty_like full_like sin cos erf "
    "nan_to_num pow reciprocal tanh_ sigmoid_ silu_ clone detach contiguous cuda cpu to float half "
    "double bfloat16 type type_as add_ mul_ sub_ div_ clamp_ requires_grad_ fill_ zero_ masked_fill "
    "masked_fill_ round floor ceil roll flip threshold hardshrink softshrink".split()
)
_SAME_CHANNELS_FUNCTIONS = re.compile(
    r"(max|avg|lp|adaptive_avg|adaptive_max|fractional_max)_pool([123]d)|interpolate|upsample"
    r"|upsample_(nearest|bilinear)"
)


def call(
    machine: Machine, origin: str, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """The result of a call of something of another package."""
    origin = canonical(origin)
    if origin in {"torch.nn.Parameter", "torch.nn.parameter.Parameter"}:
        value = arguments[0] if arguments else keywords.get("data")
        return value if isinstance(value, Array) else Unknown("it is a parameter")
    name = layer_name(origin)
    if name is not None:
        return construct(machine, origin, arguments, keywords)
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
    machine: Machine, origin: str, arguments: list[Value], keywords: dict[str, Value]
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
                _setattr(machine, *arguments)
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


_HARMLESS = re.compile(
    r"torch\.nn\.init\.\w+|.*\._log_api_usage_once|.*\.(_)?(init|initialize|reset)_?\w*"
    r"|.*\.trunc_normal_|.*\.lecun_normal_|logging\.\w+|numpy\.\w+|torch\.nn\.\w+"
    r"|.*\.(xavier|kaiming|constant|normal)_?\w*|builtins\.\w+|torch\.(cuda|autograd|backends)\..*"
)


def _length(machine: Machine, value: Value | None) -> Value:
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
        found = members(machine, value)
        if found is not None and is_container(module_origin(machine, value) or ""):
            return Known(len(found))
    if isinstance(value, Opaque):
        return Opaque(term=compound("()", "len", value.term))
    return Unknown()


def _dictionary(
    machine: Machine, origin: str, arguments: list[Value], keywords: dict[str, Value]
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


def _sum(machine: Machine, arguments: list[Value]) -> Value:
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


def _isinstance(machine: Machine, arguments: list[Value]) -> Value:
    if len(arguments) != 2:
        return Unknown()
    value, kinds = arguments
    options = machine.items(kinds) if machine.kind(kinds) == "tuple" else [kinds]
    answers = {_is_one(machine, value, option) for option in options or [Unknown()]}
    if True in answers:
        return Known(True)
    return Unknown("its class cannot be told") if None in answers else Known(False)


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


def _is_one(machine: Machine, value: Value, kind: Value) -> bool | None:
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


def _hasattr(machine: Machine, arguments: list[Value]) -> Value:
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


def _getattr(machine: Machine, arguments: list[Value]) -> Value:
    if len(arguments) < 2 or not isinstance(arguments[1], Known):
        return Unknown("the name of the attribute cannot be told")
    if len(arguments) == 3:
        there = _hasattr(machine, arguments[:2])
        if not isinstance(there, Known):
            return Unknown("the attribute may be there")
        if not there.value:
            return arguments[2]
    return machine.attribute(arguments[0], str(arguments[1].value))


def _setattr(machine: Machine, owner: Value, name: Value, value: Value) -> None:
    if isinstance(owner, Ref) and isinstance(name, Known):
        machine.set_attribute(owner, str(name.value), value)
    elif isinstance(owner, Ref):
        machine.taint(owner)


def _copy(machine: Machine, value: Value, copies: dict[int, Ref]) -> Value:
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


# Methods --------------------------------------------------------------------------------------


def call_method(
    machine: Machine,
    receiver: Value,
    name: str,
    arguments: list[Value],
    keywords: dict[str, Value],
) -> Value:
    """A method of something whose class is not the project's."""
    if isinstance(receiver, Tensor):
        return tensor_function(machine, name, [receiver, *arguments], keywords)
    if isinstance(receiver, Ref):
        if machine.kinds[receiver.id] in {"instance", "module"}:
            return _module_method(machine, receiver, name, arguments, keywords)
        return _container_method(machine, receiver, name, arguments, keywords)
    if isinstance(receiver, Known):
        if isinstance(receiver.value, str) and all(isinstance(v, Known) for v in arguments):
            if not all(isinstance(v, Known) for v in keywords.values()):
                return Unknown()
            try:
                result = getattr(receiver.value, name)(
                    *(v.value for v in arguments),  # type: ignore[attr-defined]
                    **{k: v.value for k, v in keywords.items()},  # type: ignore[attr-defined]
                )
            except Exception:  # whatever it is, the code that is read would raise it
                raise Raised from None
            if isinstance(result, list):
                return machine.sequence([Known(item, term=literal(item)) for item in result])
            return Known(result) if isinstance(result, (str, int, bool)) else Unknown()
        if isinstance(receiver.value, str) and name == "join":
            return Unknown()
    machine.pass_to_unknown([*arguments, *keywords.values()])
    return Unknown(f"the method {name} is not known")


def _container_method(
    machine: Machine,
    receiver: Ref,
    name: str,
    arguments: list[Value],
    keywords: dict[str, Value],
) -> Value:
    items = machine.items(receiver)
    kind = machine.kinds[receiver.id]
    known_arguments = not any(isinstance(v, Spread) for v in arguments)

    def fill(content: Any) -> Value:
        machine.put(receiver.id, "items", content)
        return NONE

    first = arguments[0] if arguments else None
    if not known_arguments:
        fill(None)
        return Unknown()
    if kind == "list" and first is not None:
        match name:
            case "append":
                return fill(None if items is None else (*items, first))
            case "extend":
                more = machine.iterate(first)
                return fill(None if items is None or more is None else (*items, *more))
            case "insert" if len(arguments) == 2 and isinstance(first, Known):
                if items is None:
                    return NONE
                changed = list(items)
                changed.insert(first.value, arguments[1])
                return fill(tuple(changed))
    if kind == "list" and name == "pop":
        index = first if first is not None else Known(-1)
        if items is None or not isinstance(index, Known):
            fill(None)
            return Unknown()
        changed = list(items)
        try:
            popped = changed.pop(index.value)
        except (IndexError, TypeError):
            raise Raised from None
        fill(tuple(changed))
        return popped.having(None)
    if kind == "list" and name == "reverse":
        return fill(None if items is None else items[::-1])
    if kind in {"list", "tuple"} and name in {"index", "count"}:
        return Unknown()
    if name == "copy":
        if kind == "dict":
            return machine.mapping(items)
        return machine.sequence(items, kind)
    if kind == "dict":
        return _dict_method(machine, receiver, name, arguments, keywords, items)
    fill(None)
    machine.pass_to_unknown([*arguments, *keywords.values()])
    return Unknown(f"the method {name} is not known")


def _dict_method(
    machine: Machine,
    receiver: Ref,
    name: str,
    arguments: list[Value],
    keywords: dict[str, Value],
    items: Any,
) -> Value:
    first = arguments[0] if arguments else None
    default = arguments[1] if len(arguments) > 1 else NONE
    table = None if items is None else dict(items)
    match name:
        case "items" | "values" | "keys":
            if table is None:
                return machine.sequence(None)
            rows: list[Value] = []
            for key, value in table.items():
                value = machine.element(receiver, value, "[]", literal(key))
                key_value = Known(key, term=literal(key))
                if name == "items":
                    rows.append(machine.sequence([key_value, value], "tuple"))
                else:
                    rows.append(value if name == "values" else key_value)
            return machine.sequence(rows)
        case "get" | "pop" | "setdefault":
            if table is None or not isinstance(first, Known):
                if name != "get":
                    machine.put(receiver.id, "items", None)
                return Unknown("the key may be there")
            found = table.get(first.value)
            if found is None:
                if name == "pop" and len(arguments) < 2:
                    raise Raised
                if name == "setdefault":
                    table[first.value] = default
                    machine.put(receiver.id, "items", tuple(table.items()))
                return default
            if name == "pop":
                del table[first.value]
                machine.put(receiver.id, "items", tuple(table.items()))
                return found.having(None)
            return machine.element(receiver, found, "[]", literal(first.value))
        case "update":
            more = machine.items(first) if first is not None else ()
            if table is None or more is None or machine.kind(first or NONE) not in {"dict", None}:
                machine.put(receiver.id, "items", None)
                return NONE
            table.update(more)
            table.update(keywords)
            machine.put(receiver.id, "items", tuple(table.items()))
            return NONE
    machine.put(receiver.id, "items", None)
    return Unknown(f"the method {name} is not known")


_MODULE_PASSES = frozenset(
    "parameters named_parameters buffers named_buffers modules named_modules state_dict zero_grad "
    "register_buffer register_parameter load_state_dict extra_repr _get_name "
    "_register_load_state_dict_pre_hook register_state_dict_pre_hook register_load_state_dict_post_hook "
    "_register_state_dict_hook".split()
)


def _module_method(
    machine: Machine,
    receiver: Ref,
    name: str,
    arguments: list[Value],
    keywords: dict[str, Value],
) -> Value:
    base, _, after = name.rpartition(":")
    if base:
        return _base_method(machine, receiver, base, after, arguments, keywords)
    origin = module_origin(machine, receiver)
    container = layer_name(origin or "")
    first = arguments[0] if arguments else None
    match name:
        case "append" if container in CONTAINERS and first is not None:
            found = members(machine, receiver)
            if found is None:
                return receiver
            machine.set_attribute(receiver, str(len(_names(machine, receiver))), first)
            return receiver
        case "extend" if container in CONTAINERS and first is not None:
            extend(machine, receiver, first)
            return receiver
        case "insert" | "pop" | "update" | "clear" | "__setitem__" if container in CONTAINERS:
            machine.put(receiver.id, "grown", True)
            return Unknown()
        case "add_module" | "register_module":
            arguments = [*arguments, *(keywords[k] for k in ("name", "module") if k in keywords)]
            if len(arguments) == 2:
                _setattr(machine, receiver, arguments[0], arguments[1])
            return NONE
        case "children" | "named_children":
            found = members(machine, receiver)
            if found is None:
                return machine.sequence(None)
            if name == "children":
                return machine.sequence([value for _, value in found])
            return machine.sequence(
                [machine.sequence([Known(n), value], "tuple") for n, value in found]
            )
        case "items" | "values" | "keys" if container == "ModuleDict":
            found = members(machine, receiver)
            if found is None:
                return machine.sequence(None)
            rows: list[Value] = []
            for key, value in found:
                pair = machine.sequence([Known(key, term=literal(key)), value], "tuple")
                rows.append({"items": pair, "values": value, "keys": Known(key)}[name])
            return machine.sequence(rows)
        case "eval" | "train" | "to" | "cuda" | "cpu" | "float" | "half" | "requires_grad_":
            return receiver
        case "forward":
            # What `forward` itself does is what the call does; hooks do not see it.
            return forward(machine, receiver, origin or "", arguments, keywords)
        case "apply":
            return receiver
        case "get_submodule" if isinstance(first, Known):
            value: Value = receiver
            for part in str(first.value).split("."):
                value = machine.attribute(value, part)
            return value
    if name in _MODULE_PASSES or name.startswith(("_init", "init", "reset")):
        return Unknown()
    if name.startswith("register_"):
        machine.taint(receiver)  # hooks may change the result
        return Unknown()
    machine.pass_to_unknown([*arguments, *keywords.values()])
    return Unknown(f"the method {name} is not known")


def _base_method(
    machine: Machine,
    receiver: Ref,
    base: str,
    name: str,
    arguments: list[Value],
    keywords: dict[str, Value],
) -> Value:
    """`super().name(...)` where the next class is torch's."""
    if name == "__init__":
        if not initialise(machine, receiver, base, arguments, keywords):
            machine.taint(receiver)
        return NONE
    if name == "forward":
        return forward(machine, receiver, base, arguments, keywords)
    return _module_method(machine, receiver, name, arguments, keywords)


# Forward --------------------------------------------------------------------------------------


def forward(
    machine: Machine,
    ref: Ref,
    origin: str,
    arguments: list[Value],
    keywords: dict[str, Value],
) -> Value:
    """What a layer of torch makes of its input."""
    name = layer_name(origin)
    if name == "Sequential":
        return _sequential(machine, ref, arguments, keywords)
    x = arguments[0] if arguments else keywords.get("input", keywords.get("x"))
    if x is None or name is None:
        return Unknown("its forward is not known")
    convolution = _CONVOLUTION.fullmatch(name)
    if convolution:
        machine.tell(x, argument(machine, ref, "in_channels"))
        return Tensor(_count(argument(machine, ref, "out_channels")), _DIMS[convolution[3]][0])
    norm = _NORM.fullmatch(name)
    if norm:
        return _norm(machine, ref, name, norm, x)
    if name == "Linear" or name == "LazyLinear":
        layout = x.layout if isinstance(x, Tensor) else None
        if layout in {"NLC", "LNC", "NHWC", "NDHWC", "NC"}:
            machine.tell(x, argument(machine, ref, "in_features"))
        else:
            layout = None  # the last axis, which may not be where the channels were
        return Tensor(_count(argument(machine, ref, "out_features")), layout)
    if name in _SAME_SHAPE:
        return x if isinstance(x, (Tensor, Unknown)) else Unknown()
    spatial = _SPATIAL.fullmatch(name)
    if spatial:
        if not isinstance(x, Tensor):
            return Unknown("its input is not known")
        indices = argument(machine, ref, "return_indices", Known(False))
        if not isinstance(indices, Known) or indices.value:
            return Unknown("it may return indices too")
        dims = spatial[2] or spatial[4]
        if dims and x.layout not in {None, _DIMS[dims][0]}:
            return Unknown("it works on other axes")
        layout = _DIMS[dims][0] if dims else x.layout
        one = _POOL_TO_ONE.fullmatch(name) is not None and _is_one_size(
            machine, machine.get(ref.id, "=output_size")
        )
        return Tensor(x.channels, layout, x.squeezed or one)
    if name == "LayerNorm":
        return _layer_norm(machine, ref, x)
    if name == "Flatten":
        start = argument(machine, ref, "start_dim", Known(1))
        end = argument(machine, ref, "end_dim", Known(-1))
        return _flatten(machine, x, start, end)
    if name == "PixelShuffle" and isinstance(x, Tensor):
        factor = argument(machine, ref, "upscale_factor")
        count = machine.resolve(x.channels)
        square = operators.binary(machine, ast.Mult(), factor, factor)
        if isinstance(count, (Known, Opaque)) and isinstance(square, (Known, Opaque)):
            return Tensor(_count(operators.binary(machine, ast.FloorDiv(), count, square)), "NCHW")
    if name == "MultiheadAttention":
        query = x if isinstance(x, Tensor) else Unknown()
        return machine.sequence([query, Unknown()], "tuple")
    return Unknown(f"what {name} gives is not known")


def _is_one_size(machine: Machine, size: Value | None) -> bool:
    if isinstance(size, Known):
        return bool(size.value == 1)
    items = machine.items(size) if size is not None else None
    return bool(items) and all(isinstance(i, Known) and i.value == 1 for i in items or ())


def _count(value: Value) -> Value:
    if isinstance(value, Known) and isinstance(value.value, int):
        return value
    if isinstance(value, Opaque) and value.term is not None:
        return value
    if isinstance(value, Unknown):
        return value
    return Unknown("its number of channels cannot be read")


def _sequential(
    machine: Machine, ref: Ref, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    found = members(machine, ref)
    values: Sequence[Value] = [*arguments, *keywords.values()]
    if found is None:
        return Unknown("the layers of the Sequential cannot be told")
    for name, value in found:
        assert isinstance(value, Ref)
        values = [machine.through(name, value, values)]
    return values[0] if values else Unknown()


def _norm(machine: Machine, ref: Ref, name: str, match: re.Match[str], x: Value) -> Value:
    parameter = "num_channels" if name == "GroupNorm" else "num_features"
    count = _count(argument(machine, ref, parameter))
    layout = _DIMS[match[2]][0] if match[2] else None
    given = x.layout if isinstance(x, Tensor) else None
    if name == "BatchNorm1d":
        layout = given  # (N, C) or (N, C, L)
    if layout is None:
        layout = given
    elif given not in {None, layout}:
        return Unknown("it normalises other axes")
    if match[1] == "InstanceNorm":
        affine = argument(machine, ref, "affine", Known(False))
        if not (isinstance(affine, Known) and affine.value):
            # Without parameters it accepts any number of channels.
            if isinstance(x, Tensor):
                return Tensor(x.channels, layout)
            return Unknown("its input is not known")
    machine.tell(x, count)
    squeezed = isinstance(x, Tensor) and x.squeezed
    return Tensor(count, layout, squeezed)


def _layer_norm(machine: Machine, ref: Ref, x: Value) -> Value:
    if isinstance(x, Tensor):
        if x.layout in {"NLC", "LNC", "NHWC", "NDHWC", "NC"}:
            machine.tell(x, argument(machine, ref, "normalized_shape"))
        return x
    return Unknown("its input is not known")


def _flatten(machine: Machine, x: Value, start: Value, end: Value) -> Value:
    if (
        isinstance(x, Tensor)
        and isinstance(start, Known)
        and isinstance(end, Known)
        and start.value == 1
        and end.value == -1
    ):
        if x.squeezed or x.layout == "NC":
            return Tensor(x.channels, "NC", True)
        return Tensor(Unknown("axes are flattened into the channels"), "NC")
    if isinstance(x, Tensor) and isinstance(start, Known) and start.value == 2:
        if x.layout in {"NCHW", "NCL", "NCDHW"} and isinstance(end, Known) and end.value == -1:
            return Tensor(x.channels, "NCL", x.squeezed)
    return Tensor(Unknown("axes are flattened"))


def tensor_function(
    machine: Machine, name: str, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """A function of torch or a method of a tensor."""
    x = arguments[0] if arguments else keywords.get("input")
    rest = arguments[1:]
    if name in {"cat", "concat", "concatenate"}:
        return _concatenate(machine, arguments, keywords)
    if name in _MAKES_ARRAY:
        return _array(machine, arguments, keywords)
    if isinstance(x, Array) and name in _SAME_SHAPE_FUNCTIONS:
        return x
    if not isinstance(x, Tensor):
        if isinstance(x, Unknown) or x is None:
            return Unknown(x.reason if isinstance(x, Unknown) else f"{name} is not known")
        if name in {"arange", "linspace"} and all(isinstance(v, Known) for v in arguments):
            return Unknown()
        return Unknown(f"what {name} gives is not known")
    channels = x.channels
    if name in _SAME_SHAPE_FUNCTIONS:
        if name == "to" or name.endswith("_") or not any(isinstance(v, Tensor) for v in rest):
            return Tensor(channels, x.layout, x.squeezed)
        if name in {"prelu", "batch_norm", "instance_norm", "group_norm", "layer_norm", "type_as"}:
            return Tensor(channels, x.layout, x.squeezed)
        return Tensor(Unknown(f"{name} takes several tensors"))
    spatial = _SAME_CHANNELS_FUNCTIONS.fullmatch(name)
    if spatial:
        if "return_indices" in keywords:
            return Unknown("it may return indices too")
        if spatial[2] and x.layout not in {None, _DIMS[spatial[2]][0]}:
            return Unknown("it works on other axes")
        layout = _DIMS[spatial[2]][0] if spatial[2] else x.layout
        size = rest[0] if rest else keywords.get("output_size")
        one = name.startswith("adaptive") and _is_one_size(machine, size)
        if layout not in {"NCL", "NCHW", "NCDHW"}:
            return Tensor(Unknown("its axes cannot be told"))
        return Tensor(channels, layout, x.squeezed or one)
    match name:
        case "add" | "sub" | "mul" | "div" | "subtract" | "multiply" | "divide" if rest:
            return operators.broadcast(machine, x, rest[0])
        case "flatten":
            start = rest[0] if rest else keywords.get("start_dim", Known(0))
            end = rest[1] if len(rest) > 1 else keywords.get("end_dim", Known(-1))
            return _flatten(machine, x, start, end)
        case "mean" | "sum" | "amax" | "amin" if rest or "dim" in keywords or "axis" in keywords:
            return _reduce(machine, x, rest, keywords)
        case "permute":
            return _permute(machine, x, rest)
        case "transpose" | "swapaxes" if len(rest) == 2:
            return _transpose(machine, x, rest)
        case "chunk" if rest or "chunks" in keywords:
            return _chunk(machine, x, rest, keywords)
        case "size":
            return _size(machine, x, rest)
        case "view" | "reshape":
            return _view(machine, x, rest)
        case "dim":
            return Known(len(x.layout)) if x.layout else Unknown()
        case "squeeze":
            axis = rest[0] if rest else keywords.get("dim")
            if x.squeezed and axis is None:
                return Tensor(Unknown("axes are dropped"))
            return Tensor(Unknown("axes are dropped"))
        case "pad":
            return _pad(machine, x, rest)
        case "conv1d" | "conv2d" | "conv3d" | "linear":
            return Tensor(Unknown("a weight is applied without its layer"))
    if name in {"item", "tolist", "numel", "ndim", "is_floating_point"}:
        return Unknown()
    return Unknown(f"what {name} gives is not known")


_MAKES_ARRAY = frozenset({"zeros", "ones", "empty", "rand", "randn", "full"})


def _array(machine: Machine, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """A tensor that is made with a shape."""
    sizes_given: Sequence[Value] = arguments
    first = arguments[0] if arguments else keywords.get("size")
    if first is not None and machine.kind(first) in {"list", "tuple"}:
        items = machine.items(first)
        if items is None:
            return Unknown()
        sizes_given = items
    if not all(isinstance(size, (Known, Opaque)) for size in sizes_given):
        return Unknown()
    return Array(tuple(sizes_given))


def _axis(x: Tensor, value: Value | None) -> int | None:
    """An axis counted from the front."""
    if x.layout is None or not isinstance(value, Known) or not isinstance(value.value, int):
        return None
    axis = value.value + len(x.layout) if value.value < 0 else value.value
    return axis if 0 <= axis < len(x.layout) else None


def sizes(machine: Machine, x: Tensor) -> Value:
    """The shape of a tensor: the count on its axis, symbols for the sizes of the others."""
    if x.layout is None:
        return Unknown("it is the shape of a tensor")
    found: list[Value] = []
    for letter in x.layout:
        count = machine.resolve(x.channels)
        if letter != "C":
            found.append(Opaque(term=Axis(letter)))
        elif isinstance(count, (Known, Opaque)):
            found.append(count)
        else:
            found.append(Unknown("it is the size of a tensor"))
    return machine.sequence(found, "tuple")


def _size(machine: Machine, x: Tensor, rest: list[Value]) -> Value:
    whole = sizes(machine, x)
    if not rest or isinstance(whole, Unknown):
        return whole
    axis = _axis(x, rest[0])
    items = machine.items(whole)
    return Unknown() if axis is None or items is None else items[axis]


def _view(machine: Machine, x: Tensor, rest: list[Value]) -> Value:
    """A tensor in another shape: known where the sizes that it is given tell its axes."""
    given = machine.items(rest[0]) if len(rest) == 1 and machine.items(rest[0]) else rest
    letters = [
        size.term.letter if isinstance(size, Opaque) and isinstance(size.term, Axis) else "?"
        for size in given or ()
    ]
    unknown = Tensor(Unknown("its shape is changed"))
    if not given or letters.count("N") != 1 or letters[0] != "N":
        return unknown
    if letters.count("?") == 1:
        layout = "".join(letters).replace("?", "C")
        size = given[letters.index("?")]
        if isinstance(size, Known) and size.value == -1:
            if letters == ["N", "?"] and (x.squeezed or x.layout == "NC"):
                return Tensor(x.channels, "NC", True)
            return Tensor(Unknown("axes are flattened"), "NC" if letters == ["N", "?"] else None)
        if layout in DIMENSIONS and isinstance(size, (Known, Opaque)):
            return Tensor(size, layout)
        return unknown
    count = machine.resolve(x.channels)
    if letters == ["N", "?", "?"] and x.layout in {"NCHW", "NCDHW", "NCL"}:
        rows, columns = given[1], given[2]
        minus = isinstance(columns, Known) and columns.value == -1
        if same_count(rows, count) and (minus or isinstance(columns, Opaque)):
            return Tensor(x.channels, "NCL")
    return unknown


def _concatenate(machine: Machine, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    values = machine.iterate(arguments[0]) if arguments else None
    axis = keywords.get("dim", keywords.get("axis"))
    if axis is None:
        axis = arguments[1] if len(arguments) > 1 else Known(0)
    if values is None or not values:
        return Tensor(Unknown("what is concatenated cannot be told"))
    tensors = [v for v in values if isinstance(v, Tensor)]
    layouts = {tensor.layout for tensor in tensors if tensor.layout is not None}
    if len(layouts) != 1:
        return Tensor(Unknown("the axes of what is concatenated cannot be told"))
    layout = layouts.pop()
    position = _axis(Tensor(NONE, layout), axis)
    counts = [machine.resolve(tensor.channels) for tensor in tensors]
    if position is None:
        return Tensor(Unknown("the axis of a concatenation cannot be told"))
    if layout[position] != "C":
        # On the other axes the parts have the same sizes, so one that is known tells them all.
        told = next((c for c in counts if isinstance(c, (Known, Opaque))), counts[0])
        return Tensor(told, layout)
    if len(tensors) != len(values):
        return Tensor(Unknown("what is concatenated cannot be told"), layout)
    total = counts[0]
    for count in counts[1:]:
        if not isinstance(total, (Known, Opaque)) or not isinstance(count, (Known, Opaque)):
            return Tensor(Unknown("the channels of what is concatenated are not known"), layout)
        total = operators.binary(machine, ast.Add(), total, count)
    return Tensor(_count(total), layout, all(tensor.squeezed for tensor in tensors))


def _reduce(machine: Machine, x: Tensor, rest: list[Value], keywords: dict[str, Value]) -> Value:
    axes_value = rest[0] if rest else keywords.get("dim", keywords.get("axis"))
    keep = rest[1] if len(rest) > 1 else keywords.get("keepdim", Known(False))
    items = machine.items(axes_value) if axes_value is not None else None
    values = [axes_value] if items is None else items
    axes = [_axis(x, value) for value in values]
    if x.layout is None or None in axes or not isinstance(keep, Known):
        return Tensor(Unknown("the axes of a reduction cannot be told"))
    if any(x.layout[axis] in "CN" for axis in axes if axis is not None):
        return Tensor(Unknown("the channels are reduced"))
    spatial = [index for index, letter in enumerate(x.layout) if letter not in "NC"]
    count = machine.resolve(x.channels)
    count = x.channels
    every = sorted(axis for axis in axes if axis is not None) == spatial
    if keep.value:
        return Tensor(count, x.layout, x.squeezed or every)
    if every:
        return Tensor(count, "NC", True)
    return Tensor(Unknown("some axes are reduced"))


def _permute(machine: Machine, x: Tensor, rest: list[Value]) -> Value:
    items = machine.items(rest[0]) if len(rest) == 1 else rest
    axes = [_axis(x, value) for value in items or ()]
    if x.layout is None or None in axes or len(axes) != len(x.layout):
        return Tensor(Unknown("axes are moved"))
    letters = "".join(x.layout[axis] for axis in axes if axis is not None)
    if letters not in DIMENSIONS:
        return Tensor(Unknown("axes are moved"))
    return Tensor(x.channels, letters, x.squeezed)


def _transpose(machine: Machine, x: Tensor, rest: list[Value]) -> Value:
    one, other = (_axis(x, value) for value in rest)
    if x.layout is None or one is None or other is None:
        return Tensor(Unknown("axes are moved"))
    letters = list(x.layout)
    letters[one], letters[other] = letters[other], letters[one]
    if "".join(letters) not in DIMENSIONS:
        return Tensor(Unknown("axes are moved"))
    return Tensor(x.channels, "".join(letters), x.squeezed)


def _chunk(machine: Machine, x: Tensor, rest: list[Value], keywords: dict[str, Value]) -> Value:
    number = rest[0] if rest else keywords.get("chunks")
    axis = _axis(x, rest[1] if len(rest) > 1 else keywords.get("dim", Known(0)))
    count = machine.resolve(x.channels)
    if isinstance(number, Known) and x.layout and axis is not None and x.layout[axis] == "C":
        if isinstance(count, Known) and count.value % number.value == 0:
            part = Known(count.value // number.value)
            return machine.sequence([Tensor(part, x.layout, x.squeezed)] * number.value, "tuple")
    return Unknown("it is a part of a tensor")


def _pad(machine: Machine, x: Tensor, rest: list[Value]) -> Value:
    items = machine.items(rest[0]) if rest else None
    spatial = {"NCL": 1, "NCHW": 2, "NCDHW": 3}.get(x.layout or "")
    if items is not None and spatial is not None and len(items) <= 2 * spatial:
        return Tensor(x.channels, x.layout)
    return Tensor(Unknown("it is padded on axes that cannot be told"))
