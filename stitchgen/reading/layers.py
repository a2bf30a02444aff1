"""The layers of a class, as far as its source tells.

Part of `stitchgen.reading`; standard library only. A class is read twice over: once with its
parameters as symbols, which holds for every configuration, and once for each configuration that
the file builds (`factories`), with real values. A count that needs real values is believed only
if every configuration of the file could be read, and its expression only if it gives the right
count in each of them.
"""

from __future__ import annotations

import ast
import contextlib
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stitchgen.facts import CallSite, Channels, Definition, Layer
from stitchgen.reading import attributes
from stitchgen.reading.calls import Call
from stitchgen.reading.factories import configurations
from stitchgen.reading.forwards import forward, tells_its_count
from stitchgen.reading.frames import Budget, Frame, TooLarge
from stitchgen.reading.machine import Machine
from stitchgen.reading.modules import module_origin
from stitchgen.reading.project import Project, ProjectFiles, files_beside
from stitchgen.reading.scope import Scope, read_scope
from stitchgen.reading.spans import Lines
from stitchgen.reading.statements import Snapshot
from stitchgen.reading.uses import UsesReader
from stitchgen.reading.values import (
    DIMENSIONS,
    UNBOUND,
    Cell,
    ClassRef,
    Compound,
    Global,
    Known,
    Library,
    Literal,
    Opaque,
    Own,
    Raised,
    Ref,
    Tensor,
    Term,
    Unknown,
    Value,
    same_count,
)


def read_layers(
    file: Path,
    text: str,
    class_name: str | None = None,
    project_files: ProjectFiles | None = None,
) -> list[Layer]:
    """The layers of a class of the file (of all, one after the other), as `named_modules()`."""
    if class_name is None:
        found = read_classes(file, text, project_files)
        return [layer for layers in found.values() for layer in layers]
    return read_classes(file, text, project_files, [class_name])[class_name]


def read_layer(
    file: Path,
    text: str,
    class_name: str,
    path: str,
    project_files: ProjectFiles | None = None,
) -> Layer | None:
    """One layer, where the class's own source tells its count for all configurations at once.

    Much faster than reading every configuration; None where only those can tell.
    """
    reader = _Reader(file, text, project_files or files_beside(file))
    if class_name not in reader.scope.classes:
        return None
    run = reader.symbolic(ClassRef(reader.scope, class_name))
    if run is None or path not in run.facts or _write(run, run.facts[path]) is None:
        return None
    symbols = _Configuration("", run.machine, run.root, dict(run.tree), run.calls)
    return reader._layer(path, [symbols])


def read_classes(
    file: Path,
    text: str,
    project_files: ProjectFiles | None = None,
    class_names: Sequence[str] | None = None,
) -> dict[str, list[Layer]]:
    """The layers of the named classes, or of each model class of the file."""
    reader = _Reader(file, text, project_files or files_beside(file))
    names = reader.scope.module_classes() if class_names is None else class_names
    return {name: reader.layers(name) for name in names}


@dataclass
class _Fact:
    """What one run of an `__init__` and its forward tells of a layer below the instance."""

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
class _Run:
    """One reading of a class: with certain arguments, or with its parameters as symbols."""

    machine: Machine
    root: Ref
    kind: ClassRef
    tree: list[tuple[str, Ref]]
    calls: dict[int, list[Call]]
    snapshots: dict[int, list[Snapshot]]
    facts: dict[str, _Fact] = field(default_factory=dict)


@dataclass
class _Configuration:
    """A model that the file builds, and what is under it."""

    expression: str
    machine: Machine
    root: Ref
    paths: dict[str, Ref]
    calls: dict[int, list[Call]]


#: Engine, positional and keyword arguments, and what its forward was given.
_Instance = tuple[Machine, tuple[Value, ...], dict[str, Value], "tuple[Value, ...] | None"]
#: Instances of one class that are read; the others differ from these in numbers only.
_MOST_RUNS = 24


class _Reader:
    """Reads the classes of one file."""

    def __init__(self, file: Path, text: str, project_files: ProjectFiles) -> None:
        self.file, self.text = file, text
        self.tree = ast.parse(text.removeprefix("\ufeff"))
        self.scope = read_scope(self.tree, text, file)
        Project(self.scope, project_files)
        self.expressions = configurations(self.tree, text, project_files)
        self.lines: dict[int, Lines] = {}
        self.uses: dict[int, UsesReader] = {}
        self._symbolic: dict[tuple[int, str], _Run | None] = {}
        self.budget = Budget()
        self._built: dict[str, list[_Configuration]] = {}
        self._instances: dict[tuple[int, str], dict[object, _Instance]] = {}
        self._runs: dict[tuple[int, str], list[_Run] | None] = {}
        self._channels: dict[tuple[int, str, str], Channels] = {}
        self.unread: str | None = None  # a configuration that could not be read

    # Configurations ---------------------------------------------------------------------------

    def layers(self, class_name: str) -> list[Layer]:
        if class_name not in self.scope.classes:
            return []  # defined twice, or in a branch: there is no one class of that name
        kind = ClassRef(self.scope, class_name)
        found = self._configurations(class_name)
        if not found:
            # What no function builds on its own may be a part of what one builds.
            for other in self.expressions:
                self._configurations(other)
            found = [
                _Configuration("", run.machine, run.root, dict(run.tree), run.calls)
                for run in [*(self.runs(kind) or ()), self.symbolic(kind)]
                if run is not None
            ]
            if len(found) > 1:
                found.pop()  # symbols only where there are no instances
        paths: dict[str, None] = {}
        for configuration in found:
            paths.update(dict.fromkeys(configuration.paths))
        return [self._layer(path, [item for item in found if path in item.paths]) for path in paths]

    def _configurations(self, class_name: str) -> list[_Configuration]:
        """The models of a class that the file builds; notes the instances below them."""
        if class_name not in self._built:
            found = self._built[class_name] = []
            for expression in self.expressions.get(class_name, ()):
                configuration = self._configuration(expression, class_name)
                if configuration is None:
                    self.unread = self.unread or expression
                else:
                    found.append(configuration)
                    self._collect_instances(configuration)
            self._runs.clear()
            self._channels.clear()
        return self._built[class_name]

    def _configuration(self, expression: str, class_name: str) -> _Configuration | None:
        """Build a configuration in the mind and run it."""
        engine = Machine(budget=self.budget)
        frame = Frame(engine.new("frame"), self.scope, "<build>")
        try:
            value = engine.evaluate(ast.parse(expression, mode="eval").body, frame)
        except (Raised, TooLarge, RecursionError):
            return None
        if not isinstance(value, Ref) or engine.kind(value) != "instance":
            return None
        kind = engine.class_of(value)
        if not isinstance(kind, ClassRef) or kind.name != class_name:
            return None
        start = len(engine.calls)
        _run_forward(engine, value, None)
        return _Configuration(
            expression,
            engine,
            value,
            dict(_tree(engine, value)),
            _calls_by_module(engine, start),
        )

    def _collect_instances(self, configuration: _Configuration) -> None:
        """Note the instances of each class below the model that differ in what they are given."""
        engine, calls = configuration.machine, configuration.calls
        for ref in [configuration.root, *configuration.paths.values()]:
            kind = engine.class_of(ref)
            if not isinstance(kind, ClassRef) or ref.id not in engine.arguments:
                continue
            arguments, keywords = engine.arguments[ref.id]
            inputs = calls[ref.id][0].arguments if ref.id in calls else None
            # Rates differ from block to block and change no count; where one does, it shows below.
            signature = (
                tuple(_signature(engine, value, 0) for value in arguments),
                tuple((name, _signature(engine, value, 0)) for name, value in keywords),
                tuple(_signature(engine, value, 0) for value in inputs or ()),
                tuple(
                    (below, _signature(engine, _output(engine, r, calls.get(r.id, []))[0], 0))
                    for below, r in _tree(engine, ref)
                ),
            )
            instances = self._instances.setdefault((id(kind.scope), kind.name), {})
            instances.setdefault(signature, (engine, arguments, dict(keywords), inputs))

    def runs(self, kind: ClassRef) -> list[_Run] | None:
        """The class read with what its instances are given; None if one cannot be read."""
        key = (id(kind.scope), kind.name)
        if key not in self._runs:
            instances = list(self._instances.get(key, {}).values())
            step = max(1, -(-len(instances) // _MOST_RUNS))
            found: list[_Run] | None = []
            for engine, arguments, keywords, inputs in instances[::step]:
                run = _read(engine, kind, arguments, keywords, inputs)
                if run is None:
                    found = None
                    break
                found.append(run)  # type: ignore[union-attr]
            self._runs[key] = found
        return self._runs[key]

    def symbolic(self, kind: ClassRef) -> _Run | None:
        """The class read with its parameters as symbols."""
        key = (id(kind.scope), kind.name)
        if key not in self._symbolic:
            self._symbolic[key] = _read(Machine(), kind, None, {}, None)
        return self._symbolic[key]

    # Layers -----------------------------------------------------------------------------------

    def _layer(self, path: str, found: list[_Configuration]) -> Layer:
        """A layer by what all configurations that have it agree on."""
        facts = []
        for configuration in found:
            engine, ref = configuration.machine, configuration.paths[path]
            calls = configuration.calls.get(ref.id, [])
            count, layout = _output(engine, ref, calls)
            if _is_ambiguous(engine, configuration.root, path):
                count, layout = Unknown("what it is depends on what reading cannot follow"), None
            holder, holder_path, relative = self._holder(configuration, path, calls)
            facts.append((configuration, ref, calls, count, layout, holder, holder_path, relative))
        value = None if self.unread else self._value([fact[3] for fact in facts])
        # A configuration counts if the layer is held there as it is in the first one.
        configuration, ref, calls, count, layout, holder, holder_path, relative = facts[0]
        facts = [fact for fact in facts if (fact[5], fact[7]) == (holder, relative)]
        engine = configuration.machine
        layouts = {fact[4] for fact in facts}
        if len(layouts) != 1:
            layout = None
        parent = configuration.paths.get(path.rpartition(".")[0], configuration.root)
        definition, sites = None, ()
        if holder is None:
            channels = _unknown("it is called in several modules")
        else:
            reason = next((f[3].reason for f in facts if isinstance(f[3], Unknown)), None)
            channels = (
                _unknown(reason)
                if reason is not None
                else self._class_channels(holder, relative, value, [fact[3] for fact in facts])
            )
            definition = self._definition(holder, relative)
            sites = self._sites(holder, holder_path, relative, calls)
        return Layer(
            path=path,
            class_name=_class_name(engine, ref),
            owner_class=_class_name(engine, parent),
            channels=channels,
            layout=layout,
            dims=DIMENSIONS.get(layout or ""),
            definition=definition,
            sites=sites,
            calls=None,
        )

    def _value(self, counts: Sequence[Value]) -> int | None:
        values = {count.value for count in counts if isinstance(count, Known)}
        if len(values) == 1 and all(isinstance(count, Known) for count in counts):
            return int(values.pop())
        return None

    def _holder(
        self, configuration: _Configuration, path: str, calls: list[Call]
    ) -> tuple[ClassRef | None, str, str]:
        """The class whose method calls the layer, its path, and the layer's path from there."""
        engine = configuration.machine
        candidates = path.split(".")
        chosen: tuple[ClassRef, str, str] | None = None
        held = {call.holder for call in calls}
        if len(held) > 1:
            return None, "", path
        for depth in range(len(candidates) - 1, -1, -1):
            owner_path = ".".join(candidates[:depth])
            owner = configuration.paths.get(owner_path, configuration.root)
            kind = engine.class_of(owner)
            if isinstance(kind, ClassRef) and (not held or owner.id in held):
                chosen = (kind, owner_path, ".".join(candidates[depth:]))
                break
        return chosen or (None, "", path)

    def _class_channels(
        self, kind: ClassRef, relative: str, value: int | None, counts: list[Value]
    ) -> Channels:
        found = self._expression(kind, relative)
        if found.expression is None:
            return found
        literal = _integer(found.expression)
        if literal is not None and any(
            isinstance(count, Known) and count.value != literal for count in counts
        ):
            return _unknown("no expression holds in every configuration")
        return Channels(found.expression, value, found.evidence, found.reason)

    def _expression(self, kind: ClassRef, relative: str) -> Channels:
        """An expression that gives the count in every run of the class that has the layer."""
        key = (id(kind.scope), kind.name, relative)
        if key not in self._channels:
            self._channels[key] = self._find_expression(kind, relative)
        return self._channels[key]

    def _find_expression(self, kind: ClassRef, relative: str) -> Channels:
        symbolic = self.symbolic(kind)
        runs = self.runs(kind)
        facts = [(run, run.facts[relative]) for run in runs or () if relative in run.facts]
        candidates: list[str] = []
        reason = "it cannot be read"
        certain = False
        if symbolic is not None and relative in symbolic.facts:
            fact = symbolic.facts[relative]
            text = _write(symbolic, fact)
            if text is not None:
                candidates.append(text)
                certain = True
            elif isinstance(fact.count, Unknown):
                reason = fact.count.reason
            else:
                reason = "no names right after its definition give the count"
        if not certain:
            if self.unread is not None:
                return _unknown(f"{self.unread} could not be read")
            if runs is None:
                return _unknown(f"an instance of {kind.name} could not be read")
            if not facts:
                return _unknown(reason)
            for run, fact in facts:
                if isinstance(fact.count, Unknown):
                    return _unknown(fact.count.reason)
                text = _write(run, fact)
                if text is not None:
                    candidates.append(text)
            if len(set(candidates)) > 1:
                candidates = [text for text in candidates if not _is_of_one_call(text, facts)]
        candidates.sort(key=lambda text: _integer(text) is not None)
        holds = functools.partial(self._holds, relative, runs or [], facts, symbolic)
        for text in dict.fromkeys(candidates):
            if holds(text):
                integer = _integer(text)
                return Channels(text, integer, "literal" if integer is not None else "symbolic")
        if certain:
            return _unknown("its expression does not hold in every configuration")
        counts = {fact.count.value for _, fact in facts if isinstance(fact.count, Known)}
        if len(counts) > 1:
            # Nothing says where the count comes from, but it varies, and a name varies with it.
            for text in self._other_expressions(*facts[0]):
                if holds(text):
                    return Channels(text, None, "symbolic")
            return _unknown("no expression holds in every configuration")
        return Channels(str(counts.pop()), None, "literal", "a number that nothing explains")

    def _holds(
        self,
        relative: str,
        runs: list[_Run],
        facts: list[tuple[_Run, _Fact]],
        symbolic: _Run | None,
        text: str,
    ) -> bool:
        """Whether the expression gives the count, and raises nothing where there is no layer."""
        if not all(
            fact.statement is not None
            and isinstance(fact.count, Known)
            and _evaluate(run, fact.statement, fact.snapshots, text) == [fact.count.value]
            for run, fact in facts
        ):
            return False
        statements = {id(f.statement[2]): f.statement for _, f in facts if f.statement is not None}
        if symbolic is not None and relative in symbolic.facts:
            statement = symbolic.facts[relative].statement
            if statement is not None:
                statements.setdefault(id(statement[2]), statement)
        return all(
            _evaluate(run, statement, run.snapshots[number], text) is not None
            for run in runs
            if relative not in run.facts
            for number, statement in statements.items()
            if number in run.snapshots
        )

    def _other_expressions(self, run: _Run, fact: _Fact) -> list[str]:
        """Names in scope where the layer is defined, then what gives the other layers' counts."""
        if fact.statement is None or not fact.snapshots:
            return []
        snapshot, own = fact.snapshots[0], _own_name(fact.statement)
        found = [
            name
            for name, value in snapshot.names.items()
            if isinstance(value, Known) and isinstance(value.value, int)
        ]
        found += [text for other in run.facts.values() if (text := _write(run, other)) is not None]
        found += [
            f"{own}.{name}"
            for name, value in snapshot.attributes.items()
            if isinstance(value, Known) and isinstance(value.value, int)
        ]
        return [text for text in dict.fromkeys(found) if _integer(text) is None]

    def _definition(self, kind: ClassRef, relative: str) -> Definition | None:
        runs = self.runs(kind) or [self.symbolic(kind)]
        found = {
            (str(scope.path), statement.lineno, f"{owner}.__init__")
            for run in runs
            if run is not None and relative in run.facts
            for owner, _, statement, scope in filter(None, [run.facts[relative].statement])
        }
        if len(found) != 1:
            return None
        return Definition(*found.pop())

    def _sites(
        self, kind: ClassRef, holder_path: str, relative: str, calls: list[Call]
    ) -> tuple[CallSite, ...]:
        found: dict[tuple[int, int], CallSite] = {}
        called_names = relative.split(".")
        for call in calls:
            steps = len(call.chain)
            called = ".".join(called_names[: len(called_names) - steps])
            span = self._lines(call.scope).span(call.node)
            found[span] = CallSite(
                str(call.scope.path),
                call.node.lineno,
                span,
                call.function,
                holder_path,
                call.owner,
                called,
                call.chain,
            )
        scope = kind.scope
        if id(scope) not in self.uses:
            self.uses[id(scope)] = UsesReader(scope.tree, scope.text, scope)
        for use in self.uses[id(scope)].uses(kind.name, relative):
            if use.kind == "call" and "*" not in use.path and use.span not in found:
                chain = tuple(called_names[len(use.path.split(".")) :])
                if not relative.startswith(use.path):
                    continue
                found[use.span] = CallSite(
                    str(kind.scope.path),
                    use.line,
                    use.span,
                    use.function,
                    holder_path,
                    use.function.split(".")[0],
                    use.path,
                    chain,
                )
        return tuple(found[span] for span in sorted(found))

    def _lines(self, scope: Scope) -> Lines:
        if id(scope) not in self.lines:
            self.lines[id(scope)] = Lines(scope.text)
        return self.lines[id(scope)]


# Runs -----------------------------------------------------------------------------------------


def _read(
    engine: Machine,
    kind: ClassRef,
    arguments: Sequence[Value] | None,
    keywords: dict[str, Value],
    inputs: Sequence[Value] | None,
) -> _Run | None:
    """Run the `__init__` of a class, its parameters by name, then its forward."""
    root = Ref(engine.new("instance"))
    engine.put(root.id, "class", kind.having(None))
    engine.put(root.id, "order", ())
    engine.entry = root.id
    engine.root = root.id
    engine.snapshots.clear()
    start = len(engine.calls)
    engine.lasting.clear()
    try:
        engine.initialise_root(root, kind, arguments, keywords)
    except (Raised, TooLarge, RecursionError):
        engine.root = None
        return None
    engine.root = None
    tree = list(_tree(engine, root))
    _run_forward(engine, root, inputs)
    calls = _calls_by_module(engine, start)
    run = _Run(engine, root, kind, tree, calls, dict(engine.snapshots))
    for path, ref in tree:
        definitions = _definitions(engine, root, path)
        statement, last = _statement(engine, kind, calls.get(ref.id, []), definitions)
        count, layout = _output(engine, ref, calls.get(ref.id, []))
        if _is_ambiguous(engine, root, path):
            count, layout = Unknown("what it is depends on what reading cannot follow"), None
        run.facts[path] = _Fact(
            path,
            ref,
            _class_name(engine, ref),
            count,
            layout,
            last,
            calls.get(ref.id, []),
            list(engine.snapshots.get(id(statement[2]), [])) if statement else [],
            statement,
        )
    return run


def _run_forward(engine: Machine, root: Ref, inputs: Sequence[Value] | None) -> None:
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


def _tree(engine: Machine, root: Ref) -> Iterator[tuple[str, Ref]]:
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


def _is_ambiguous(engine: Machine, root: Ref, path: str) -> bool:
    """Whether a module on the way to the layer depends on a branch."""
    owner = root
    for name in path.split("."):
        if engine.is_ambiguous(owner, name):
            return True
        value = dict(engine.children(owner)).get(name)
        if not isinstance(value, Ref) or engine.get(owner.id, "tainted"):
            return True
        owner = value
    return False


def _calls_by_module(engine: Machine, start: int) -> dict[int, list[Call]]:
    found: dict[int, list[Call]] = {}
    for call in engine.calls[start:]:
        found.setdefault(call.module, []).append(call)
    return found


def _definitions(engine: Machine, root: Ref, path: str) -> list[attributes.Definition]:
    """When each attribute on the way from the instance to the layer was set."""
    found = []
    owner = root
    for name in path.split("."):
        definition = engine.definitions.get((owner.id, name))
        if definition is not None:
            found.append(definition)
        value = dict(engine.children(owner)).get(name)
        if not isinstance(value, Ref):
            break
        owner = value
    return found


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


def _output(engine: Machine, ref: Ref, calls: list[Call]) -> tuple[Value, str | None]:
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
        if tells_its_count(origin):
            result = forward(engine, ref, origin, [engine.tensor()], {})
            if isinstance(result, Tensor):
                count = engine.resolve(result.channels)
                if isinstance(count, (Known, Opaque)):
                    return count, result.layout
    return Unknown("no call of it was read"), None


def _class_name(engine: Machine, ref: Ref) -> str:
    kind = engine.class_of(ref)
    if isinstance(kind, ClassRef):
        return kind.name
    if isinstance(kind, Library):
        return kind.origin.rpartition(".")[2]
    return "Module"


def _signature(engine: Machine, value: Value, depth: int) -> object:
    """What tells two values apart as arguments, the numbers of objects aside."""
    if depth > 4:
        return "..."
    if isinstance(value, Known):
        plain = isinstance(value.value, (int, str, type(None)))
        return ("known", type(value.value).__name__, value.value if plain else "")
    if isinstance(value, Tensor):
        return ("tensor", _signature(engine, engine.resolve(value.channels), depth), value.layout)
    if isinstance(value, ClassRef):
        return ("class", value.name)
    if isinstance(value, Library):
        return ("library", value.origin)
    if isinstance(value, Ref):
        items = engine.items(value)
        if items is not None:
            if engine.kind(value) == "dict":
                pairs = ((str(key), _signature(engine, item, depth + 1)) for key, item in items)
                return ("dict", *pairs)
            return ("list", *(_signature(engine, item, depth + 1) for item in items))
        kind = engine.class_of(value)
        name = kind.name if isinstance(kind, ClassRef) else repr(kind)
        if engine.is_module(value):
            return ("module", name)
        return (
            "object",
            name,
            *(
                (key, _signature(engine, item, depth + 1))
                for key, item in engine.contents(value.id)
                if isinstance(item, Value)
            ),
        )
    return ("other", type(value).__name__)


# Expressions ----------------------------------------------------------------------------------


def _is_of_one_call(text: str, facts: Sequence[tuple[_Run, _Fact]]) -> bool:
    """Whether the text names only what the file binds: `cfgs["A"][0]`, of one factory's argument.

    That another factory's argument gives the same count is an accident.
    """
    inside = {"self"}
    for _, fact in facts:
        for snapshot in fact.snapshots:
            inside.update(snapshot.names)
    names = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    return bool(names) and not names & inside


def _write(run: _Run, fact: _Fact) -> str | None:
    """The count in names that mean it right after the layer's definition, in every reading."""
    count = fact.count
    if not isinstance(count, (Known, Opaque)) or fact.statement is None or not fact.snapshots:
        return None
    texts = {
        _write_term(count.term, snapshot, run, fact.statement, True) for snapshot in fact.snapshots
    }
    return texts.pop() if len(texts) == 1 else None


def _write_term(
    term: Term | None,
    snapshot: Snapshot,
    run: _Run,
    statement: tuple[str, str, ast.stmt, Scope],
    outermost: bool = False,
) -> str | None:
    if term is None or _contains_any(term, run.machine.mutated):
        return None
    own = _own_name(statement)
    if isinstance(term, (Literal, Own)):
        return repr(term.value) if isinstance(term, Literal) else own
    if term in snapshot.name_of:
        return snapshot.name_of[term]
    # Of the whole count, `128 * block.expansion` says more than `self.inplanes` does.
    text = _write_parts(term, snapshot, run, statement) if outermost else None
    if text is not None:
        # Written again, so that only the brackets that are needed stay.
        return ast.unparse(ast.parse(text, mode="eval"))
    if term in snapshot.attribute_of:
        return f"{own}.{snapshot.attribute_of[term]}"
    return None if outermost else _write_parts(term, snapshot, run, statement)


def _write_parts(
    term: Term, snapshot: Snapshot, run: _Run, statement: tuple[str, str, ast.stmt, Scope]
) -> str | None:
    scope = statement[3]
    match term:
        case Global(scope=home, name=name):
            return name if home == id(scope) and name not in snapshot.names else None
        case Compound(operator=operator, operands=operands):
            parts = []
            for part in operands:
                text = (
                    part if isinstance(part, str) else _write_term(part, snapshot, run, statement)
                )
                if text is None:
                    return None
                parts.append(text)
            if operator == "()" and (parts[0] in snapshot.names or scope.binds(parts[0])):
                return None  # another function of that name
            return _join(operator, parts)
    return None


def _join(operator: str, parts: list[str]) -> str:
    match operator:
        case ".":
            return f"({parts[0]}).{parts[1]}"
        case "[]":
            return f"({parts[0]})[{parts[1]}]"
        case "()":
            return f"{parts[0]}({', '.join(parts[1:])})"
        case "neg":
            return f"-({parts[0]})"
        case "~":
            return f"~({parts[0]})"
    return f"({parts[0]}) {operator} ({parts[1]})"


def _contains_any(term: Term, mutated: set[Term]) -> bool:
    if not mutated or term in mutated:
        return bool(mutated)
    return isinstance(term, Compound) and any(
        not isinstance(operand, str) and _contains_any(operand, mutated)
        for operand in term.operands
    )


def _own_name(statement: tuple[str, str, ast.stmt, Scope]) -> str:
    owner, _, _, scope = statement
    for item in scope.classes[owner].body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            return [*item.args.posonlyargs, *item.args.args][0].arg
    return "self"


def _evaluate(
    run: _Run,
    statement: tuple[str, str, ast.stmt, Scope],
    snapshots: list[Snapshot],
    text: str,
) -> list[int] | None:
    """The numbers that an expression gives right after a statement; None if it may raise."""
    engine, scope = run.machine, statement[3]
    own = _own_name(statement)
    found: list[int] = []
    for snapshot in snapshots:
        mark = len(engine.log)
        frame = Frame(engine.new("frame"), scope, "<expression>", own=run.root)
        for name, value in snapshot.names.items():
            engine.put(frame.id, name, value)
        engine.put(frame.id, own, run.root)
        for name in engine.get(run.root.id, "order") or ():
            engine.put(run.root.id, f".{name}", snapshot.attributes.get(name, UNBOUND))
        try:
            result = engine.evaluate(ast.parse(text, mode="eval").body, frame)
        except (Raised, TooLarge):
            return None
        finally:
            engine.undo(mark)
        if not isinstance(result, Known) or not isinstance(result.value, int):
            return None
        if result.value not in found:
            found.append(result.value)
    return found or None


def _integer(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _unknown(reason: str) -> Channels:
    return Channels(None, None, "unknown", reason)
