"""The layers of a class, as far as its source shows.

A class is read twice over: once with its parameters as symbols, which holds for every
configuration, and once for each configuration that the file builds (`factories`), with real
values. A count that needs real values is believed only if every configuration of the file could
be read, and its expression only if it gives the right count in each of them.
"""

from __future__ import annotations

import ast
import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stitchgen.analysis.factories import configurations
from stitchgen.analysis.facts import CallSite, Channels, ClassName, Definition, Layer
from stitchgen.analysis.project_scopes import ProjectScopes
from stitchgen.analysis.scope import Scope, read_scope
from stitchgen.analysis.spans import Lines
from stitchgen.analysis.static.calls import Call
from stitchgen.analysis.static.counts import as_integer, find_expression, unknown_channels, write
from stitchgen.analysis.static.frames import Budget, Frame, TooLarge
from stitchgen.analysis.static.machine import Machine
from stitchgen.analysis.static.runs import (
    Run,
    ambiguous_paths,
    calls_by_module,
    class_name_of,
    doubled,
    kinds_of,
    may_have,
    modules_below,
    output,
    run_class,
    run_forward,
    signature_of,
)
from stitchgen.analysis.static.values import (
    DIMENSIONS,
    ClassRef,
    Known,
    Raised,
    Ref,
    Unknown,
    Value,
)
from stitchgen.analysis.uses import UsesReader
from stitchgen.project.modules import ProjectFiles, files_beside


@dataclass(frozen=True)
class ReadClass:
    """A class, as far as its source shows."""

    kinds: tuple[ClassName, ...]  # itself, then its bases
    layers: tuple[Layer, ...]


def read_layers(
    file: Path,
    text: str,
    class_name: str | None = None,
    project_files: ProjectFiles | None = None,
) -> list[Layer]:
    """The layers of a class of the file (of all, one after the other), as `named_modules()`."""
    if class_name is None:
        found = read_classes(file, text, project_files)
        return [layer for one in found.values() for layer in one.layers]
    return list(read_classes(file, text, project_files, [class_name])[class_name].layers)


def read_layer(
    file: Path,
    text: str,
    class_name: str,
    path: str,
    project_files: ProjectFiles | None = None,
) -> ReadClass | None:
    """A class with one layer, where the class's own source shows its count for all configurations at once.

    Much faster than reading every configuration; None where only those can show it.
    """
    reader = _Reader(file, text, project_files or files_beside(file))
    if class_name not in reader.scope.classes:
        return None
    run = reader.symbolic(ClassRef(reader.scope, class_name))
    if run is None or path not in run.facts or write(run, run.facts[path]) is None:
        return None
    symbols = _Configuration("", run.machine, run.root, dict(run.tree), run.calls)
    return ReadClass(kinds_of(run.machine, run.root), (reader._layer(path, [symbols]),))


def read_classes(
    file: Path,
    text: str,
    project_files: ProjectFiles | None = None,
    class_names: Sequence[str] | None = None,
    builds: Sequence[str] = (),
) -> dict[str, ReadClass]:
    """The named classes, or each model class of the file, in all its configurations and `builds`."""
    reader = _Reader(file, text, project_files or files_beside(file), builds)
    names = reader.scope.module_classes() if class_names is None else class_names
    return {name: reader.read(name) for name in names}


def built_classes(
    file: Path, text: str, project_files: ProjectFiles, builds: Sequence[str]
) -> set[str]:
    """The classes of which expressions build instances, as far as that can be read."""
    if not builds:
        return set()
    reader = _Reader(file, text, project_files)
    found = (reader._built_by(expression) for expression in builds)
    return {built[2].name for built in found if built is not None}


@dataclass
class _Configuration:
    """A model that the file builds, and what is under it."""

    expression: str
    machine: Machine
    root: Ref
    paths: dict[str, Ref]
    calls: dict[int, list[Call]]

    @functools.cached_property
    def ambiguous(self) -> set[str]:
        """The paths of layers that may be one of several."""
        return ambiguous_paths(self.machine, self.root, self.paths.items())


#: Engine, positional and keyword arguments, and what its forward was given.
_Instance = tuple[Machine, tuple[Value, ...], dict[str, Value], "tuple[Value, ...] | None"]
#: Instances of one class that are read; the others differ from these in numbers only.
_MOST_RUNS = 24


class _Reader:
    """Reads the classes of one file."""

    def __init__(
        self, file: Path, text: str, project_files: ProjectFiles, builds: Sequence[str] = ()
    ) -> None:
        self.file, self.text = file, text
        self.tree = ast.parse(text.removeprefix("\ufeff"))
        self.scope = read_scope(self.tree, text, file)
        ProjectScopes(self.scope, project_files)
        self.expressions = configurations(self.tree, text, project_files)
        self.lines: dict[int, Lines] = {}
        self.uses: dict[int, UsesReader] = {}
        self._symbolic: dict[tuple[int, str], Run | None] = {}
        self.budget = Budget()
        self._built: dict[str, list[_Configuration]] = {}
        self._instances: dict[tuple[int, str], dict[object, _Instance]] = {}
        self._runs: dict[tuple[int, str], list[Run] | None] = {}
        self._changed: dict[tuple[int, str, int], Run | None] = {}
        self._channels: dict[tuple[int, str, str], Channels] = {}
        self.unread: str | None = None  # a configuration that could not be read
        for expression in builds:
            built = self._built_by(expression)
            if built is None:
                self.unread = self.unread or expression
            elif expression not in (others := self.expressions.setdefault(built[2].name, [])):
                others.append(expression)

    # Configurations ---------------------------------------------------------------------------

    def read(self, class_name: str) -> ReadClass:
        if class_name not in self.scope.classes:
            return ReadClass((), ())  # defined twice, or in a branch: there is no one class of it
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
        kinds = kinds_of(found[0].machine, found[0].root) if found else ()
        return ReadClass(kinds, tuple(self._layer(path, found) for path in paths))

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
            self._changed.clear()
            self._channels.clear()
        return self._built[class_name]

    def _configuration(self, expression: str, class_name: str) -> _Configuration | None:
        """Build a configuration abstractly and run it."""
        built = self._built_by(expression)
        if built is None or built[2].name != class_name:
            return None
        engine, value, _ = built
        start = len(engine.calls)
        run_forward(engine, value, None)
        return _Configuration(
            expression,
            engine,
            value,
            dict(modules_below(engine, value)),
            calls_by_module(engine, start),
        )

    def _built_by(self, expression: str) -> tuple[Machine, Ref, ClassRef] | None:
        """What an expression builds abstractly, if that is an instance of a class of the file."""
        engine = Machine(budget=self.budget)
        frame = Frame(engine.new("frame"), self.scope, "<build>")
        try:
            value = engine.evaluate(ast.parse(expression, mode="eval").body, frame)
        except (SyntaxError, Raised, TooLarge, RecursionError):
            return None
        if not isinstance(value, Ref) or engine.kind(value) != "instance":
            return None
        kind = engine.class_of(value)
        if not isinstance(kind, ClassRef) or kind.scope is not self.scope:
            return None
        return engine, value, kind

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
                tuple(signature_of(engine, value, 0) for value in arguments),
                tuple((name, signature_of(engine, value, 0)) for name, value in keywords),
                tuple(signature_of(engine, value, 0) for value in inputs or ()),
                tuple(
                    (below, signature_of(engine, output(engine, r, calls.get(r.id, []))[0], 0))
                    for below, r in modules_below(engine, ref)
                ),
            )
            instances = self._instances.setdefault((id(kind.scope), kind.name), {})
            instances.setdefault(signature, (engine, arguments, dict(keywords), inputs))

    def runs(self, kind: ClassRef) -> list[Run] | None:
        """The class read with what its instances are given; None if one cannot be read."""
        key = (id(kind.scope), kind.name)
        if key not in self._runs:
            found: list[Run] | None = []
            for engine, arguments, keywords, inputs in self._chosen(key):
                run = run_class(engine, kind, arguments, keywords, inputs)
                if run is None:
                    found = None
                    break
                found.append(run)  # type: ignore[union-attr]
            self._runs[key] = found
        return self._runs[key]

    def changed(self, kind: ClassRef, relative: str) -> Run | None:
        """The class read with twice the numbers that one instance, which has the layer, is given."""
        key = (id(kind.scope), kind.name)
        chosen = zip(self._chosen(key), self.runs(kind) or ())
        for number, (instance, run) in enumerate(chosen):
            if relative in run.facts:
                place = (*key, number)
                if place not in self._changed:
                    engine, arguments, keywords, inputs = instance
                    self._changed[place] = run_class(
                        engine, kind, arguments, keywords, inputs, doubled
                    )
                return self._changed[place]
        return None

    def _chosen(self, key: tuple[int, str]) -> list[_Instance]:
        """The instances of a class that are read."""
        instances = list(self._instances.get(key, {}).values())
        return instances[:: max(1, -(-len(instances) // _MOST_RUNS))]

    def symbolic(self, kind: ClassRef) -> Run | None:
        """The class read with its parameters as symbols."""
        key = (id(kind.scope), kind.name)
        if key not in self._symbolic:
            self._symbolic[key] = run_class(Machine(), kind, None, {}, None)
        return self._symbolic[key]

    # Layers -----------------------------------------------------------------------------------

    def _layer(self, path: str, found: list[_Configuration]) -> Layer:
        """A layer by what all configurations that have it agree on."""
        facts = []
        for configuration in found:
            if path not in configuration.paths:
                continue
            engine, ref = configuration.machine, configuration.paths[path]
            calls = configuration.calls.get(ref.id, [])
            count, layout = output(engine, ref, calls)
            if path in configuration.ambiguous:
                count, layout = Unknown("what it is depends on what reading cannot follow"), None
            holder, holder_path, relative = self._holder(configuration, path, calls)
            facts.append((configuration, ref, calls, count, layout, holder, holder_path, relative))
        hidden = any(may_have(one.machine, one.root, one.paths, path) for one in found)
        value = None if self.unread or hidden else self._value([fact[3] for fact in facts])
        # A configuration counts if the layer is held there as it is in the first one.
        configuration, ref, calls, count, layout, holder, holder_path, relative = facts[0]
        facts = [fact for fact in facts if (fact[5], fact[7]) == (holder, relative)]
        engine = configuration.machine
        layouts = {fact[4] for fact in facts}
        if len(layouts) != 1:
            layout = None
        parent = configuration.paths.get(path.rpartition(".")[0], configuration.root)
        definition: Definition | None = None
        sites: tuple[CallSite, ...] = ()
        from_root = unknown_channels("it cannot be read")
        root = engine.class_of(configuration.root)
        if isinstance(root, ClassRef) and layout is not None:
            from_root = self._expression(root, path)
        if holder is None:
            channels = unknown_channels("it is called in several modules")
        else:
            reason = next((f[3].reason for f in facts if isinstance(f[3], Unknown)), None)
            channels = (
                unknown_channels(reason)
                if reason is not None
                else self._class_channels(holder, relative, value, [fact[3] for fact in facts])
            )
            definition = self._definition(holder, relative)
            sites = self._sites(holder, holder_path, relative, [fact[2] for fact in facts])
        return Layer(
            path=path,
            class_name=class_name_of(engine, ref),
            owner_class=class_name_of(engine, parent),
            channels=channels,
            layout=layout,
            dims=DIMENSIONS.get(layout or ""),
            definition=definition,
            sites=sites,
            calls=None,
            from_root=from_root,
            kinds=kinds_of(engine, ref),
            everywhere=len(facts) == len(found),
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
        literal = as_integer(found.expression)
        if literal is not None and any(
            isinstance(count, Known) and count.value != literal for count in counts
        ):
            return unknown_channels("no expression holds in every configuration")
        return Channels(found.expression, value, found.evidence, found.reason)

    def _expression(self, kind: ClassRef, relative: str) -> Channels:
        """An expression that gives the count in every run of the class that has the layer."""
        key = (id(kind.scope), kind.name, relative)
        if key not in self._channels:
            changed = functools.partial(self.changed, kind, relative)
            self._channels[key] = find_expression(
                kind, relative, self.symbolic(kind), self.runs(kind), self.unread, changed
            )
        return self._channels[key]

    def _definition(self, kind: ClassRef, relative: str) -> Definition | None:
        runs: Sequence[Run | None] = self.runs(kind) or [self.symbolic(kind)]
        found = {
            (str(scope.path), statement.lineno, f"{owner}.__init__")
            for run in runs
            if run is not None and relative in run.facts
            for owner, _, statement, scope in filter(None, [run.facts[relative].statement])
        }
        if len({(file, function) for file, _, function in found}) != 1:
            return None
        # `self.shortcut = nn.Sequential()`, then another one under a condition: it is there below.
        return Definition(*max(found, key=lambda one: one[1]))

    def _sites(
        self, kind: ClassRef, holder_path: str, relative: str, runs: Sequence[list[Call]]
    ) -> tuple[CallSite, ...]:
        """The calls that the runs make; where they make none, those that the source has."""
        found: dict[tuple[int, int], CallSite] = {}
        called_names = relative.split(".")
        surely = [
            {self._lines(call.scope).span(call.node) for call in calls if call.sure}
            for calls in runs
        ]
        for call in itertools.chain(*runs):
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
                sure=all(span in spans for spans in surely),
            )
        if found:
            return tuple(found[span] for span in sorted(found))
        scope = kind.scope
        if id(scope) not in self.uses:
            self.uses[id(scope)] = UsesReader(scope.tree, scope.text, scope)
        for use in self.uses[id(scope)].uses(kind.name, relative):
            if use.kind == "call" and "*" not in use.path:
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
                    sure=False,
                )
        return tuple(found[span] for span in sorted(found))

    def _lines(self, scope: Scope) -> Lines:
        if id(scope) not in self.lines:
            self.lines[id(scope)] = Lines(scope.text)
        return self.lines[id(scope)]
