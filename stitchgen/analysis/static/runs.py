"""One run of a class: its `__init__` and then its forward, and what that shows of each layer.

A run has certain arguments, or the class's parameters as symbols; either way its layers are
listed as `named_modules()` does, each with its count, its calls, and the statement that defines
it.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from stitchgen.analysis.facts import ClassName
from stitchgen.analysis.scope import Scope
from stitchgen.analysis.static import attributes
from stitchgen.analysis.static.calls import Call
from stitchgen.analysis.static.frames import TooLarge
from stitchgen.analysis.static.machine import Change, Machine
from stitchgen.analysis.static.modules import module_origin
from stitchgen.analysis.static.overlays.torch_nn import forward, has_own_count
from stitchgen.analysis.static.statements import Snapshot
from stitchgen.analysis.static.values import (
    Cell,
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
    same_count,
)


@dataclass
class Fact:
    """What one run of an `__init__` and its forward show of a layer below the instance."""

    path: str  # from the instance
    ref: Ref
    class_name: str
    count: Value
    layout: str | None
    definition: attributes.Definition | None
    calls: list[Call]
    snapshots: list[Snapshot]
    statement: tuple[str, str, ast.stmt, Scope] | None


@dataclass
class Run:
    """One reading of a class: with certain arguments, or with its parameters as symbols."""

    machine: Machine
    root: Ref
    kind: ClassRef
    tree: list[tuple[str, Ref]]
    calls: dict[int, list[Call]]
    snapshots: dict[int, list[Snapshot]]
    facts: dict[str, Fact] = field(default_factory=dict)
    written: tuple[str, ...] | None = None  # what gives the layers' counts, once asked for


def run_class(
    engine: Machine,
    kind: ClassRef,
    arguments: Sequence[Value] | None,
    keywords: dict[str, Value],
    inputs: Sequence[Value] | None,
    change: Change | None = None,
) -> Run | None:
    """Run the `__init__` of a class, its parameters by name and changed, then its forward."""
    root = Ref(engine.new("instance"))
    engine.put(root.id, "class", kind.having(None))
    engine.put(root.id, "order", ())
    engine.entry = root.id
    engine.root = root.id
    engine.snapshots.clear()
    start = len(engine.calls)
    engine.lasting.clear()
    try:
        engine.initialise_root(root, kind, arguments, keywords, change)
    except (Raised, TooLarge, RecursionError):
        engine.root = None
        return None
    engine.root = None
    tree = list(modules_below(engine, root))
    run_forward(engine, root, inputs)
    calls = calls_by_module(engine, start)
    run = Run(engine, root, kind, tree, calls, dict(engine.snapshots))
    ambiguous = ambiguous_paths(engine, root, tree)
    owners = {"": root, **dict(tree)}
    for path, ref in tree:
        definitions = _definitions(engine, owners, path)
        statement, last = _statement(engine, kind, calls.get(ref.id, []), definitions)
        count, layout = output(engine, ref, calls.get(ref.id, []))
        if path in ambiguous:
            count, layout = Unknown("what it is depends on what reading cannot follow"), None
        run.facts[path] = Fact(
            path,
            ref,
            class_name_of(engine, ref),
            count,
            layout,
            last,
            calls.get(ref.id, []),
            list(engine.snapshots.get(id(statement[2]), [])) if statement else [],
            statement,
        )
    return run


def doubled(engine: Machine, value: Value) -> Value:
    """Twice the numbers of an argument, one for zero; raises `Raised` for what may hold numbers unseen.

    A module that is handed in stays: it is a part of the model, made elsewhere.
    """
    if isinstance(value, Known):
        number = isinstance(value.value, (int, float)) and not isinstance(value.value, bool)
        return Known(2 * value.value or 1) if number else value
    items = engine.items(value) if engine.kind(value) in ("list", "tuple") else None
    if items is not None:
        return engine.sequence([doubled(engine, item) for item in items], engine.kind(value) or "")
    if isinstance(value, (ClassRef, Library, Function)) or engine.is_module(value):
        return value
    raise Raised


def run_forward(engine: Machine, root: Ref, inputs: Sequence[Value] | None) -> None:
    """Call the instance as a model is called; what cannot be run leaves no calls behind."""
    kind = engine.class_of(root)
    assert isinstance(kind, ClassRef)
    if inputs is None:
        found = engine.class_attribute(kind, "forward")
        inputs = []
        if found is not None and isinstance(found[1], ast.FunctionDef):
            arguments = found[1].args
            positional = [*arguments.posonlyargs, *arguments.args][1:]
            needed = len(positional) - len(arguments.defaults)
            inputs = [engine.tensor() for _ in positional[:needed]]
        else:
            inputs = [engine.tensor()]
    inputs = [
        (
            engine.tensor(engine.resolve(value.channels), value.layout)
            if isinstance(value, Tensor)
            else value
        )
        for value in inputs
    ]
    with contextlib.suppress(Raised, TooLarge, RecursionError):
        # What was called before the reading came to its end stays recorded.
        engine.call_module(root, list(inputs), {})


def modules_below(engine: Machine, root: Ref) -> Iterator[tuple[str, Ref]]:
    """The modules below an instance as `named_modules()` lists them: each once."""
    seen = {root.id}

    def walk(ref: Ref, prefix: str) -> Iterator[tuple[str, Ref]]:
        for name, value in engine.children(ref):
            if not isinstance(value, Ref) or value.id in seen:
                continue
            seen.add(value.id)
            yield prefix + name, value
            if not engine.is_ambiguous(ref, name):
                yield from walk(value, f"{prefix}{name}.")

    yield from walk(root, "")


def ambiguous_paths(engine: Machine, root: Ref, tree: Iterable[tuple[str, Ref]]) -> set[str]:
    """The layers to which a module on the way, or they themselves, depend on a branch."""
    found: set[str] = set()
    owners = {"": root}
    for path, ref in tree:  # what is above stands before what is below
        above, _, name = path.rpartition(".")
        owner = owners[above]
        if above in found or engine.is_ambiguous(owner, name) or engine.get(owner.id, "tainted"):
            found.add(path)
        owners[path] = ref
    return found


def may_have(engine: Machine, root: Ref, modules: Mapping[str, Ref], path: str) -> bool:
    """Whether a layer that was not read may be there: what the nearest module above it holds is not known."""
    if path in modules:
        return False
    while path and path not in modules:
        path = path.rpartition(".")[0]
    above = modules.get(path, root)
    return any(engine.get(above.id, mark) for mark in ("grown", "tainted", "holes"))


def calls_by_module(engine: Machine, start: int) -> dict[int, list[Call]]:
    found: dict[int, list[Call]] = {}
    for call in engine.calls[start:]:
        found.setdefault(call.module, []).append(call)
    return found


def _definitions(
    engine: Machine, owners: Mapping[str, Ref], path: str
) -> list[attributes.Definition]:
    """When each attribute on the way from the instance to the layer was set."""
    names = path.split(".")
    steps = ((owners[".".join(names[:depth])], name) for depth, name in enumerate(names))
    found = (engine.definitions.get((owner.id, name)) for owner, name in steps)
    return [definition for definition in found if definition is not None]


def _statement(
    engine: Machine,
    kind: ClassRef,
    calls: list[Call],
    definitions: list[attributes.Definition],
) -> tuple[tuple[str, str, ast.stmt, Scope] | None, attributes.Definition | None]:
    """The statement of the holder's `__init__` after which the layer is there."""
    if not definitions:
        return None, None
    last = max(definitions, key=lambda definition: definition.order)
    owners = {call.owner for call in calls}
    for init in last.inits:
        if owners == {init[0]}:
            return init, last
    return last.inits[0], last


def output(engine: Machine, ref: Ref, calls: list[Call]) -> tuple[Value, str | None]:
    """The channel count and the layout of what a layer gives, over all its calls."""
    if not calls:
        return _own_count(engine, ref)
    tensors = [call.result for call in calls]
    for result in tensors:
        if not isinstance(result, Tensor):
            return Unknown(getattr(result, "reason", "its result is no tensor")), None
    counts = [engine.resolve(t.channels) for t in tensors if isinstance(t, Tensor)]
    layouts = {t.layout for t in tensors if isinstance(t, Tensor)}
    layout = layouts.pop() if len(layouts) == 1 else None
    first = counts[0]
    if isinstance(first, Cell):
        return Unknown("it depends on the input"), layout
    if not all(same_count(count, first) for count in counts):
        reasons = [count.reason for count in counts if isinstance(count, Unknown)]
        return Unknown(reasons[0] if reasons else "its calls give different counts"), layout
    if isinstance(first, (Known, Opaque, Unknown)):
        return first, layout
    return Unknown("it depends on a branch"), layout


def _own_count(engine: Machine, ref: Ref) -> tuple[Value, str | None]:
    """The count of a layer that gives the same whatever it is fed."""
    if engine.kind(ref) == "module" and not engine.get(ref.id, "tainted"):
        origin = module_origin(engine, ref) or ""
        if has_own_count(origin):
            result = forward(engine, ref, origin, [engine.tensor()], {})
            if isinstance(result, Tensor):
                count = engine.resolve(result.channels)
                if isinstance(count, (Known, Opaque)):
                    return count, result.layout
    return Unknown("no call of it was read"), None


def class_name_of(engine: Machine, ref: Ref) -> str:
    kind = engine.class_of(ref)
    if isinstance(kind, ClassRef):
        return kind.name
    if isinstance(kind, Library):
        return kind.origin.rpartition(".")[2]
    return "Module"


def kinds_of(engine: Machine, ref: Ref) -> tuple[ClassName, ...]:
    """The class and its bases, as far as they are known."""
    kind = engine.class_of(ref)
    if not isinstance(kind, ClassRef):
        return (ClassName(class_name_of(engine, ref), None),) if kind is not None else ()
    return tuple(
        (
            ClassName(base.name, str(base.scope.path))
            if isinstance(base, ClassRef)
            else ClassName(base.origin.rpartition(".")[2], None)
        )
        for base in engine.mro(kind)
        if isinstance(base, (ClassRef, Library))
    )


def signature_of(engine: Machine, value: Value, depth: int) -> object:
    """What makes two values different as arguments, the numbers of objects aside."""
    if depth > 4:
        return "..."
    if isinstance(value, Known):
        plain = isinstance(value.value, (int, str, type(None)))
        return ("known", type(value.value).__name__, value.value if plain else "")
    if isinstance(value, Tensor):
        return ("tensor", signature_of(engine, engine.resolve(value.channels), depth), value.layout)
    if isinstance(value, ClassRef):
        return ("class", value.name)
    if isinstance(value, Library):
        return ("library", value.origin)
    if isinstance(value, Ref):
        items = engine.items(value)
        if items is not None:
            if engine.kind(value) == "dict":
                pairs = ((str(key), signature_of(engine, item, depth + 1)) for key, item in items)
                return ("dict", *pairs)
            return ("list", *(signature_of(engine, item, depth + 1) for item in items))
        kind = engine.class_of(value)
        name = kind.name if isinstance(kind, ClassRef) else repr(kind)
        if engine.is_module(value):
            return ("module", name)
        return (
            "object",
            name,
            *(
                (key, signature_of(engine, item, depth + 1))
                for key, item in engine.contents(value.id)
                if isinstance(item, Value)
            ),
        )
    return ("other", type(value).__name__)
