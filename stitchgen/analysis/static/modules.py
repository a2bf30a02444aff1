"""What torch's modules are made of: their arguments, their children, their attributes.

A module keeps the arguments that its channels follow from; a container registers its children under the names
that torch gives them.
"""

from __future__ import annotations

from collections.abc import Sequence

from stitchgen.analysis.static.heap import Heap
from stitchgen.analysis.static.interpreter import Interpreter
from stitchgen.analysis.static.names import (
    CONTAINERS,
    canonical,
    is_container,
    is_definite,
    is_module_class,
    layer_name,
)
from stitchgen.analysis.static.values import (
    LAYOUTS,
    NONE,
    UNBOUND,
    Array,
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
    literal,
)

_CONV = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups")
_TRANSPOSE = ("in_channels", "out_channels", "kernel_size", "stride", "padding")
_SIGNATURES: dict[str, tuple[str, ...]] = {
    **{f"Conv{d}": _CONV for d in LAYOUTS},
    **{f"ConvTranspose{d}": _TRANSPOSE for d in LAYOUTS},
    **{f"LazyConv{d}": _CONV[1:] for d in LAYOUTS},
    **{f"LazyConvTranspose{d}": _TRANSPOSE[1:] for d in LAYOUTS},
    **{f"BatchNorm{d}": ("num_features", "eps", "momentum", "affine") for d in LAYOUTS},
    "SyncBatchNorm": ("num_features", "eps", "momentum", "affine"),
    **{f"InstanceNorm{d}": ("num_features", "eps", "momentum", "affine") for d in LAYOUTS},
    "GroupNorm": ("num_groups", "num_channels", "eps", "affine"),
    "LayerNorm": ("normalized_shape", "eps", "elementwise_affine"),
    "Linear": ("in_features", "out_features", "bias"),
    "LazyLinear": ("out_features", "bias"),
    "Embedding": ("num_embeddings", "embedding_dim"),
    "PixelShuffle": ("upscale_factor",),
    "PixelUnshuffle": ("downscale_factor",),
    "Flatten": ("start_dim", "end_dim"),
    **{f"Adaptive{kind}Pool{d}": ("output_size",) for kind in ("Avg", "Max") for d in LAYOUTS},
    "MultiheadAttention": ("embed_dim", "num_heads"),
    "GLU": ("dim",),
    "Softmax": ("dim",),
    "PReLU": ("num_parameters",),
}
_FROM_ARGUMENTS = frozenset(
    "in_channels out_channels in_features out_features num_features num_channels num_groups "
    "embed_dim embedding_dim groups upscale_factor".split()
)


def module_origin(machine: Interpreter, ref: Ref) -> str | None:
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


# Construction ---------------------------------------------------------------------------------


def construct(
    machine: Interpreter, origin: str, arguments: Sequence[Value], keywords: dict[str, Value]
) -> Value:
    ref = Ref(machine.new("module"))
    machine.put(ref.id, "class", Library(canonical(origin)))
    machine.put(ref.id, "order", ())
    initialise(machine, ref, origin, arguments, keywords)
    return ref


def initialise(
    machine: Interpreter,
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
        _fill(machine, ref, name, [*arguments, *keywords.values()])
        return True
    signature = _SIGNATURES.get(name, ())
    unknown = "**" in keywords or any(isinstance(v, Spread) for v in arguments)
    machine.put(ref.id, "spread", unknown)
    for parameter, value in [*zip(signature, arguments), *keywords.items()]:
        machine.put(ref.id, f"={parameter}", value)
    return True


def argument(heap: Heap, ref: Ref, name: str, default: Value | None = None) -> Value:
    """An argument that the layer was constructed with."""
    value = heap.get(ref.id, f"={name}")
    if isinstance(value, Value):
        return value
    if heap.get(ref.id, "spread") or default is None:
        return Unknown(f"its {name} cannot be read")
    return default


def _fill(machine: Interpreter, ref: Ref, name: str, arguments: Sequence[Value]) -> None:
    if not arguments:
        return
    if any(isinstance(value, Spread) for value in arguments) or overrides(machine, ref, "__len__"):
        grow(machine, ref, *arguments)
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
    grow(machine, ref, *arguments)


def grow(machine: Interpreter, ref: Ref, *added: Value) -> None:
    """What a container holds is not known from here on; it may be these, or what it held."""
    machine.escape([machine.get(ref.id, f".{name}") for name in machine.get(ref.id, "order") or ()])
    machine.escape(added)
    machine.put(ref.id, "grown", True)


# Children -------------------------------------------------------------------------------------


def members(machine: Interpreter, ref: Ref) -> list[tuple[str, Value]] | None:
    """The children of a container, None where they cannot be determined."""
    if any(machine.get(ref.id, mark) for mark in ("grown", "tainted", "holes")):
        return None
    found: list[tuple[str, Value]] = []
    for name in machine.get(ref.id, "order") or ():
        value = machine.get(ref.id, f".{name}")
        if value is None or value is UNBOUND:
            continue
        if isinstance(value, Known) and value.value is None:
            if name.isdigit():
                return None  # registered as None: an element, and no child
            continue
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


def children(machine: Interpreter, ref: Ref) -> list[tuple[str, Value]] | None:
    """What `named_children` gives: what is registered twice, once."""
    found = members(machine, ref)
    if found is None:
        return None
    first: dict[int, tuple[str, Value]] = {}
    for name, value in found:
        assert isinstance(value, Ref)
        first.setdefault(value.id, (name, value))
    return list(first.values())


def escape_all(machine: Interpreter, ref: Ref) -> None:
    """Note that something unknown may be a module, or any module in it."""
    todo, seen = [ref], {ref.id}
    while todo:
        owner = todo.pop()
        machine.escape([owner])
        for name in machine.get(owner.id, "order") or ():
            value = machine.get(owner.id, f".{name}")
            if isinstance(value, Ref) and machine.is_module(value) and value.id not in seen:
                seen.add(value.id)
                todo.append(value)


def iterate(machine: Interpreter, ref: Ref) -> list[Value] | None:
    """What a loop over a container gives; None where that cannot be determined."""
    origin = module_origin(machine, ref)
    if origin is None or not is_container(origin) or overrides(machine, ref, "__iter__"):
        return None
    found = members(machine, ref)
    if found is None:
        return None
    if layer_name(origin) == "ModuleDict":
        return [Known(name, term=literal(name)) for name, _ in found]
    return [value for _, value in found]


def overrides(machine: Interpreter, ref: Ref, name: str) -> bool:
    kind = machine.class_of(ref)
    return isinstance(kind, ClassRef) and machine.class_attribute(kind, name) is not None


def child(machine: Interpreter, ref: Ref, index: Value) -> Value:
    origin = module_origin(machine, ref)
    found = members(machine, ref)
    if origin is None or not is_container(origin) or overrides(machine, ref, "__getitem__"):
        return Unknown("it is an element of something unknown")
    if found is None or not isinstance(index, Known):
        machine.escape([value for _, value in found or ()])
        return Unknown("it is an element that cannot be determined")
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
        element: Value = found[index.value][1]
    except (IndexError, TypeError):
        raise Raised from None
    return element


def set_child(machine: Interpreter, ref: Ref, index: Value, value: Value) -> None:
    found = members(machine, ref)
    if isinstance(index, Known) and isinstance(index.value, str):
        machine.set_attribute(ref, index.value, value)
    elif isinstance(index, Known) and isinstance(index.value, int) and found is not None:
        try:
            machine.set_attribute(ref, found[index.value][0], value)
        except IndexError:
            raise Raised from None
    else:
        grow(machine, ref, value)


def delete_child(machine: Interpreter, ref: Ref) -> None:
    # The rest of a container is renumbered, a plain attribute is not: leave it unknown.
    grow(machine, ref)


def extend(machine: Interpreter, ref: Ref, values: Value) -> None:
    added = machine.iterate(values)
    found = members(machine, ref)
    if added is None or found is None:
        grow(machine, ref, values)
        return
    for index, value in enumerate(added, start=len(found)):
        machine.set_attribute(ref, str(index), value)


# Attributes -----------------------------------------------------------------------------------


def attribute(machine: Interpreter, ref: Ref, name: str) -> Value:
    if name == "training":
        return Opaque(term=None)
    if machine.kind(ref) == "module" and name in _FROM_ARGUMENTS:
        return argument(machine, ref, name)
    if name == "_modules":
        table = machine.mapping(members(machine, ref))
        machine.views[table.id] = ref  # what is registered through it is registered in the module
        return table
    if machine.is_module(ref):
        return Method(ref, name)
    if machine.kind(ref) == "instance" and name.startswith("_"):
        return Method(ref, name)
    return Unknown(f"it has no {name} that can be read")


def set_named(machine: Interpreter, owner: Value, name: Value, value: Value) -> None:
    """Set an attribute under a name that the code computes."""
    if isinstance(owner, Ref) and isinstance(name, Known):
        if value == NONE:
            machine.put(owner.id, "holes", True)  # `add_module` registers it
        machine.set_attribute(owner, str(name.value), value)
    elif isinstance(owner, Ref):
        machine.taint(owner)
    else:
        machine.hold_unknown(value)
