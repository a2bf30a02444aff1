"""Runs `__init__`s and `forward`s in the mind: values, names and branches, nothing of torch.

Part of `stitchgen.reading`; standard library only. Where a test cannot be told, both branches
are run and what they leave behind is merged; where a loop cannot be unrolled, all that it may
change becomes unknown. What torch's own classes and functions do is in `functions`, `methods`, `modules`
and `forwards`.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from stitchgen.reading import functions, methods, modules, operators
from stitchgen.reading.forwards import forward
from stitchgen.reading.interpreter import Interpreter
from stitchgen.reading.names import (
    MUTATORS,
    canonical,
    is_builtin,
    is_container,
    is_definite,
    is_known_package,
    is_module_class,
    is_transparent,
)
from stitchgen.reading.scope import Scope, imported_names
from stitchgen.reading.tensors import sizes
from stitchgen.reading.values import (
    NONE,
    UNBOUND,
    Choice,
    ClassRef,
    Compound,
    Function,
    Global,
    Known,
    Library,
    Method,
    Opaque,
    Own,
    Param,
    Partial,
    Raised,
    Ref,
    Spread,
    Super,
    Tensor,
    Term,
    Unknown,
    Value,
    bound,
    compound,
    literal,
)

#: Evaluations after which the models of a file are too large to be read; some seconds.
BUDGET = 1_000_000
_DEEPEST = 60


class TooLarge(Exception):
    """Reading takes too long."""


@dataclass
class Budget:
    """What may still be evaluated, by one machine or by several."""

    left: int = BUDGET


@dataclass
class Frame:
    """One activation of a function; its names are in the machine's cells."""

    id: int
    scope: Scope
    function: str  # qualified name
    parent: int | None = None
    own: Value | None = None
    owner: str | None = None
    own_name: str | None = None
    statement: ast.stmt | None = None  # of the function's own body, that is running
    outermost: frozenset[int] = frozenset()
    loops: int = 0  # how many loops of the function are running


@dataclass(frozen=True)
class Definition:
    """When and where an attribute was set: the running statements of the `__init__`s around."""

    order: int
    inits: tuple[tuple[str, str, ast.stmt, Scope], ...]  # (class, function, statement, file)


@dataclass(frozen=True)
class Call:
    """A call of a module: where it stands, and what came out."""

    module: int
    node: ast.Call
    scope: Scope
    function: str
    holder: int  # the instance whose method holds the call
    owner: str  # the class that defines that method
    called: int  # the module that the source calls
    chain: tuple[str, ...]  # from it, through `Sequential.forward`s, to this module
    arguments: tuple[Value, ...]
    result: Value


@dataclass
class Snapshot:
    """The names and attributes right after a statement of the `__init__` that is read."""

    names: dict[str, Value]
    attributes: dict[str, Value]

    @functools.cached_property
    def name_of(self) -> dict[Term, str]:
        """The local name that means a term."""
        return _by_term(self.names)

    @functools.cached_property
    def attribute_of(self) -> dict[Term, str]:
        """The attribute of `self` that means a term."""
        return _by_term(self.attributes)


@dataclass
class _End:
    """How a sequence of statements ended."""

    kind: str  # "next", "return", "break", "continue"
    value: Value = NONE


@dataclass(frozen=True)
class _Done:
    """Stands in the queue after a statement of the function's own body."""

    statement: ast.stmt


@dataclass
class _Context:
    """The call that is being made: where it stands, and the names passed on the way down."""

    node: ast.Call
    frame: Frame
    called: int
    chain: tuple[str, ...] = ()


@dataclass
class Machine(Interpreter):
    """The rules of evaluation."""

    budget: Budget = field(default_factory=Budget)
    steps: int = 0
    depth: int = 0
    calls: list[Call] = field(default_factory=list)
    definitions: dict[tuple[int, str], Definition] = field(default_factory=dict)
    snapshots: dict[int, list[Snapshot]] = field(default_factory=dict)  # by id of the statement
    frames: list[Frame] = field(default_factory=list)
    contexts: list[_Context] = field(default_factory=list)
    globals: dict[tuple[int, str], Value] = field(default_factory=dict)
    module_classes: dict[tuple[int, str], bool] = field(default_factory=dict)

    # Modules ----------------------------------------------------------------------------------

    def is_module(self, value: Value) -> bool:
        if not isinstance(value, Ref) or self.kinds[value.id] != "instance":
            return isinstance(value, Ref) and self.kinds[value.id] == "module"
        kind = self.class_of(value)
        if not isinstance(kind, ClassRef):
            return False
        key = (id(kind.scope), kind.name)
        if key not in self.module_classes:
            self.module_classes[key] = any(
                isinstance(base, Library) and is_module_class(base.origin)
                for base in self.mro(kind)
            )
        return self.module_classes[key]

    def children(self, ref: Ref) -> list[tuple[str, Value]]:
        """The registered children of a module, in order."""
        found = []
        if self.get(ref.id, "grown"):
            return []
        for name in self.get(ref.id, "order") or ():
            value = self.get(ref.id, f".{name}")
            if isinstance(value, Choice):
                value = next((v for v in value.values if self.is_module(v)), value)
            if value is not None and self.is_module(value):
                found.append((name, value))
        return found

    def set_attribute(self, ref: Ref, name: str, value: Value) -> None:
        place = f".{name}"
        if self.get(ref.id, place) is None or self.get(ref.id, place) is UNBOUND:
            order = self.get(ref.id, "order") or ()
            if name not in order:
                self.put(ref.id, "order", (*order, name))
        self.put(ref.id, place, value)
        if self.root is None:
            return
        inits = tuple(
            (frame.owner or "", frame.function, frame.statement, frame.scope)
            for frame in self.frames
            if isinstance(frame.own, Ref)
            and frame.own.id == self.root
            and frame.function.endswith(".__init__")
            and frame.statement is not None
        )
        if inits:
            self.definitions[ref.id, name] = Definition(len(self.definitions) + self.steps, inits)

    def mro(self, kind: ClassRef) -> list[Value]:
        """The classes in which attributes are looked up; those of other packages as `Library`."""
        cached = self.globals.get((id(kind.scope), f"mro {kind.name}"))
        if isinstance(cached, list):
            return cached
        order: list[Value] = []
        self.globals[id(kind.scope), f"mro {kind.name}"] = order  # type: ignore[assignment]
        order.append(kind)
        for base in kind.scope.classes[kind.name].bases:
            if isinstance(base, ast.Subscript):
                base = base.value
            value = self.class_named(base, kind.scope)
            for found in self.mro(value) if isinstance(value, ClassRef) else [value]:
                if found in order:
                    order.remove(found)
                order.append(found)
        return order

    def is_enum(self, kind: ClassRef) -> bool:
        return any(
            isinstance(base, Library) and re.search(r"(^|\.)\w*(Enum|Flag)$", base.origin)
            for base in self.mro(kind)
        )

    def class_named(self, expression: ast.expr, scope: Scope) -> Value:
        origin = scope.origin(expression)
        if isinstance(expression, ast.Name):
            return self.global_value(expression.id, scope)
        if origin is not None:
            return self.imported(origin, scope)
        return Unknown()

    def class_attribute(self, kind: ClassRef, name: str) -> tuple[ClassRef, ast.stmt] | None:
        """The statement of a class body that gives an attribute, and the class it is in."""
        for base in self.mro(kind):
            if not isinstance(base, ClassRef):
                continue
            found: list[ast.stmt] = []
            for statement in base.scope.classes[base.name].body:
                match statement:
                    case ast.FunctionDef(name=defined) | ast.AsyncFunctionDef(name=defined):
                        if defined == name:
                            found.append(statement)
                    case ast.Assign(targets=[ast.Name(id=defined)]) if defined == name:
                        found.append(statement)
                    case ast.AnnAssign(target=ast.Name(id=defined), value=ast.expr()) if (
                        defined == name
                    ):
                        found.append(statement)
            if found:
                return base, found[-1]
        return None

    # Names ------------------------------------------------------------------------------------

    def lookup(self, name: str, frame: Frame) -> Value:
        current: int | None = frame.id
        while current is not None:
            value = self.get(current, name)
            if value is not None:
                return bound(value)
            current = self.get(current, "^")
        return self.global_value(name, frame.scope)

    def global_value(self, name: str, scope: Scope) -> Value:
        if name in scope.functions:
            function = scope.functions[name]
            if any(not is_transparent(d) for d in function.decorator_list):
                return Unknown(f"{name} is decorated")
            return Function(function, scope)
        if name in scope.classes:
            return ClassRef(scope, name, term=Global(id(scope), name))
        if name in scope.imports:
            value = self.imported(scope.imports[name], scope)
            if isinstance(value, (ClassRef, Known)):
                return value.having(Global(id(scope), name))
            return value
        if name in scope.constants:
            return self.constant(name, scope)
        if is_builtin(name) and name not in scope.ambiguous:
            return Library(f"builtins.{name}")
        return Unknown(f"{name} is not defined at one place of the file")

    def imported(self, origin: str, scope: Scope) -> Value:
        if scope.project is not None and not is_known_package(origin):
            located = scope.project.locate(origin)
            if located is not None:
                return self.global_value(located[1], located[0]).having(None)
        return Library(origin)

    def constant(self, name: str, scope: Scope) -> Value:
        place = (id(scope), name)
        if place not in self.globals:
            self.globals[place] = Unknown(f"{name} is defined by itself")
            frame = Frame(self.new("frame"), scope, "<module>")
            first = len(self.kinds)
            try:
                value = self.evaluate(scope.constants[name], frame)
            except Raised:
                value = Unknown(f"{name} raises")
            self.lasting.update(range(first, len(self.kinds)))
            if not isinstance(value, Unknown):
                value = value.having(Global(id(scope), name))
            self.globals[place] = value
        return self.globals[place]

    # Functions --------------------------------------------------------------------------------

    def call_function(
        self, function: Function, arguments: Sequence[Value], keywords: dict[str, Value]
    ) -> Value:
        if self.depth > _DEEPEST:
            raise TooLarge
        node = function.node
        frame = Frame(self.new("frame"), function.scope, self.qualified(function), function.frame)
        if function.frame is not None:
            self.put(frame.id, "^", function.frame)
        if function.own is not None:
            arguments = [function.own, *arguments]
            frame.own, frame.owner = function.own, function.owner
            positional = [*node.args.posonlyargs, *node.args.args]
            frame.own_name = positional[0].arg if positional else None
        elif function.frame is not None:
            around = next((f for f in reversed(self.frames) if f.id == function.frame), None)
            if around is not None:
                frame.own, frame.owner = around.own, around.owner
        self.bind_arguments(node.args, arguments, keywords, frame)
        self.frames.append(frame)
        self.depth += 1
        try:
            if isinstance(node, ast.Lambda):
                return self.evaluate(node.body, frame)
            if _is_generator(node):
                return Unknown("it is a generator")
            frame.outermost = frozenset(id(statement) for statement in node.body)
            watched = (
                isinstance(function.own, Ref)
                and function.own.id == self.root
                and node.name == "__init__"
            )
            queue: list[ast.stmt | _Done] = []
            for statement in node.body:
                queue.append(statement)
                if watched:
                    queue.append(_Done(statement))
            return self.execute(queue, frame).value
        finally:
            self.depth -= 1
            self.frames.pop()

    def qualified(self, function: Function) -> str:
        name = "<lambda>" if isinstance(function.node, ast.Lambda) else function.node.name
        return f"{function.owner}.{name}" if function.owner else name

    def bind_arguments(
        self,
        parameters: ast.arguments,
        arguments: Sequence[Value],
        keywords: dict[str, Value],
        frame: Frame,
    ) -> None:
        positional = [*parameters.posonlyargs, *parameters.args]
        keywords = dict(keywords)
        rest_unknown = keywords.pop("**", None) is not None
        values: dict[str, Value] = {}
        more: list[Value] | None = []
        for index, value in enumerate(arguments):
            if isinstance(value, Spread):
                more = None
                for parameter in positional[index:]:
                    values[parameter.arg] = Unknown("it is passed by *")
                break
            if index < len(positional):
                values[positional[index].arg] = value
            elif more is not None:
                more.append(value)
        names = [parameter.arg for parameter in [*positional, *parameters.kwonlyargs]]
        if parameters.vararg is None and more:
            raise Raised
        for name in names:
            if name in keywords:
                values[name] = keywords.pop(name)
        if keywords and parameters.kwarg is None:
            raise Raised  # a TypeError at run time
        around = self._frame_of_definition(frame)
        defaults = [*parameters.defaults]
        for parameter, default in zip(positional[len(positional) - len(defaults) :], defaults):
            if parameter.arg not in values:
                values[parameter.arg] = (
                    Unknown("it may be passed by **")
                    if rest_unknown
                    else self.evaluate(default, around)
                )
        for parameter, default in zip(parameters.kwonlyargs, parameters.kw_defaults):
            if parameter.arg not in values and default is not None:
                values[parameter.arg] = (
                    Unknown("it may be passed by **")
                    if rest_unknown
                    else self.evaluate(default, around)
                )
        for name in names:
            if name not in values:
                if not rest_unknown:
                    raise Raised
                values[name] = Unknown("it is passed by **")
            self.put(frame.id, name, values[name])
        if parameters.vararg is not None:
            self.put(frame.id, parameters.vararg.arg, self.sequence(more, "tuple"))
        if parameters.kwarg is not None:
            self.put(
                frame.id,
                parameters.kwarg.arg,
                self.mapping(None if rest_unknown else keywords.items()),
            )

    def _frame_of_definition(self, frame: Frame) -> Frame:
        return Frame(
            frame.parent if frame.parent is not None else self.new("frame"),
            frame.scope,
            "<defaults>",
        )

    # Statements -------------------------------------------------------------------------------

    def execute(self, queue: Sequence[ast.stmt | _Done], frame: Frame) -> _End:
        """Run statements to the end of the function or of the loop body."""
        queue = list(queue)
        position = 0
        while position < len(queue):
            statement = queue[position]
            position += 1
            if isinstance(statement, _Done):
                self._snapshot(statement.statement, frame)
                continue
            self._count()
            if id(statement) in frame.outermost:
                frame.statement = statement
            rest = queue[position:]
            match statement:
                case ast.Expr(value=value):
                    self.evaluate(value, frame)
                case ast.Assign(targets=targets, value=value):
                    result = self.evaluate(value, frame)
                    for target in targets:
                        self.assign(target, result, frame)
                case ast.AnnAssign(target=target, value=value):
                    if value is not None:
                        self.assign(target, self.evaluate(value, frame), frame)
                case ast.AugAssign(target=target, op=op, value=value):
                    self._augment(target, op, value, frame)
                case ast.Return(value=value):
                    return _End("return", NONE if value is None else self.evaluate(value, frame))
                case ast.Raise():
                    raise Raised
                case ast.Break():
                    return _End("break")
                case ast.Continue():
                    return _End("continue")
                case ast.If(test=test, body=body, orelse=orelse):
                    known = self.truth(self.evaluate(test, frame))
                    if known is not None:
                        queue, position = [*(body if known else orelse), *rest], 0
                    elif _escapes([*body, *orelse]):
                        return self._alternatives([[*body, *rest], [*orelse, *rest]], frame)
                    else:
                        self._alternatives([body, orelse], frame)
                case ast.With(items=items, body=body):
                    for item in items:
                        value = self.evaluate(item.context_expr, frame)
                        if item.optional_vars is not None:
                            self.assign(item.optional_vars, Unknown("it is a context"), frame)
                    queue, position = [*body, *rest], 0
                case ast.For() | ast.While():
                    run = self._loop if isinstance(statement, ast.For) else self._while
                    end = run(statement, frame)  # type: ignore[operator]
                    if end.kind == "return":
                        return end
                    if end.kind == "mixed":
                        self.execute([*statement.orelse, *rest], frame)
                        return _End("return", Unknown("it depends on a loop"))
                    if end.kind == "next":
                        queue, position = [*statement.orelse, *rest], 0
                case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=finalbody):
                    arms = [[*body, *orelse], *(handler.body for handler in handlers)]
                    if any(_escapes(arm) for arm in arms):
                        return self._alternatives(
                            [[*arm, *finalbody, *rest] for arm in arms], frame
                        )
                    self._alternatives(arms, frame)
                    queue, position = [*finalbody, *rest], 0
                case ast.FunctionDef(name=name):
                    transparent = all(is_transparent(d) for d in statement.decorator_list)
                    function = Function(statement, frame.scope, frame.id, owner=None)
                    self.put(frame.id, name, function if transparent else Unknown())
                case ast.Assert(test=test):
                    self.evaluate(test, frame)
                case ast.Pass() | ast.Global() | ast.Nonlocal():
                    if not isinstance(statement, ast.Pass):
                        for name in statement.names:
                            self.put(frame.id, name, Unknown("it is global"))
                case ast.Import() | ast.ImportFrom():
                    self._import(statement, frame)
                case ast.Delete(targets=targets):
                    for target in targets:
                        self._delete(target, frame)
                case _:  # match, async, classes
                    self._forget([statement], frame)
                    if any(isinstance(node, ast.Return) for node in ast.walk(statement)):
                        self.execute(rest, frame)
                        return _End("return", Unknown("it depends on a statement not read"))
        return _End("next")

    def _count(self) -> None:
        self.steps += 1
        self.budget.left -= 1
        if self.budget.left < 0:
            raise TooLarge

    def _alternatives(self, bodies: Sequence[Sequence[Any]], frame: Frame) -> _End:
        statement = frame.statement

        def run(body: Sequence[Any]) -> Callable[[], _End]:
            def thunk() -> _End:
                frame.statement = statement
                return self.execute(body, frame)

            return thunk

        ends = self.branches(*(run(body) for body in bodies))
        kinds = {end.kind for end in ends}
        if kinds == {"return"} or (not frame.loops and kinds == {"return", "next"}):
            return _End("return", self.merge([end.value for end in ends]))
        if kinds <= {"next", "continue"}:
            return _End("next")
        if len(kinds) == 1:
            return ends[0]
        return _End("mixed", Unknown("it depends on a branch"))

    def _loop(self, statement: ast.For, frame: Frame) -> _End:
        """Run a loop; the end is "next", "broken", "return", or "mixed" if it may return."""
        items = self.iterate(self.evaluate(statement.iter, frame))
        if items is None or len(items) > 2000:
            return self._unknown_loop(statement.body, statement.target, frame)
        frame.loops += 1
        try:
            for item in items:
                self.assign(statement.target, item, frame)
                end = self.execute(statement.body, frame)
                if end.kind == "return":
                    return end
                if end.kind == "break":
                    return _End("broken")
                if end.kind == "mixed":
                    # Whether the loop goes on depends on what cannot be told.
                    return self._unknown_loop(statement.body, statement.target, frame)
        finally:
            frame.loops -= 1
        return _End("next")

    def _while(self, statement: ast.While, frame: Frame) -> _End:
        frame.loops += 1
        try:
            for _ in range(500):
                known = self.truth(self.evaluate(statement.test, frame))
                if known is False:
                    return _End("next")
                if known is None:
                    break
                end = self.execute(statement.body, frame)
                if end.kind == "return":
                    return end
                if end.kind == "break":
                    return _End("broken")
                if end.kind == "mixed":
                    break
            return self._unknown_loop(statement.body, None, frame)
        finally:
            frame.loops -= 1

    def _unknown_loop(self, body: list[ast.stmt], target: ast.expr | None, frame: Frame) -> _End:
        """A loop of unknown length: what its body may change is unknown, before and after."""
        self._forget(body, frame)
        if target is not None:
            self.assign(target, Unknown("it is a loop's variable"), frame)
        mark = len(self.log)
        frame.loops += 1
        try:
            self.branches(lambda: self.execute(body, frame), lambda: _End("next"))
        finally:
            frame.loops -= 1
        for id, key in {place for place, _ in self.log[mark:]}:
            value = self.cells.get((id, key))
            if key == "items":
                self.put(id, key, None)
            elif isinstance(value, Value) and (key.startswith(".") or id == frame.id):
                self.put(id, key, Unknown("it is changed in a loop"))
        self._forget(body, frame)
        if any(isinstance(node, ast.Return) for part in body for node in ast.walk(part)):
            return _End("mixed")
        return _End("next")

    def _forget(self, body: Iterable[ast.stmt], frame: Frame) -> None:
        """Make all unknown that statements may bind or change, as their text tells."""
        reason = Unknown("it is changed where reading cannot follow")
        for statement in body:
            for node in ast.walk(statement):
                match node:
                    case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                        self.put(frame.id, name, reason)
                    case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                        self.put(frame.id, name, reason)
                    case ast.Attribute(value=value, attr=name, ctx=ast.Store() | ast.Del()):
                        owner = self._quietly(value, frame)
                        if isinstance(owner, Ref) and self.kinds[owner.id] == "instance":
                            self.put(owner.id, f".{name}", reason)
                    case ast.Subscript(value=value, ctx=ast.Store() | ast.Del()):
                        self._forget_items(self._quietly(value, frame))
                    case ast.Call(func=ast.Attribute(value=value, attr=name)):
                        if name in MUTATORS:
                            self._forget_items(self._quietly(value, frame))

    def _forget_items(self, value: Value) -> None:
        if isinstance(value, Ref) and self.kinds[value.id] in {"list", "dict", "set"}:
            self.put(value.id, "items", None)
        elif isinstance(value, Ref) and self.is_module(value):
            self.put(value.id, "grown", True)
        elif value.term is not None:
            self.mutated.add(value.term)

    def _quietly(self, node: ast.expr, frame: Frame) -> Value:
        """The value of a plain name or attribute, without side effects."""
        match node:
            case ast.Name(id=name):
                return self.lookup(name, frame)
            case ast.Attribute(value=value, attr=name):
                owner = self._quietly(value, frame)
                if isinstance(owner, Ref):
                    found = self.get(owner.id, f".{name}")
                    if isinstance(found, Value):
                        return found
        return Unknown()

    def _snapshot(self, statement: ast.stmt, frame: Frame) -> None:
        assert self.root is not None
        names = {
            key: value
            for key, value in self.contents(frame.id)
            if isinstance(value, Value) and key.isidentifier()
        }
        attributes = {
            name: value
            for name in self.get(self.root, "order") or ()
            if isinstance(value := self.get(self.root, f".{name}"), Value)
        }
        self.snapshots.setdefault(id(statement), []).append(Snapshot(names, attributes))

    def _import(self, statement: ast.Import | ast.ImportFrom, frame: Frame) -> None:
        for name, origin in imported_names(statement):
            origin = frame.scope.absolute(origin)
            self.put(frame.id, name, self.imported(origin, frame.scope))

    def _delete(self, target: ast.expr, frame: Frame) -> None:
        match target:
            case ast.Name(id=name):
                self.put(frame.id, name, UNBOUND)
            case ast.Attribute(value=value, attr=name):
                owner = self.evaluate(value, frame)
                if isinstance(owner, Ref):
                    self.put(owner.id, f".{name}", UNBOUND)
            case ast.Subscript(value=value, slice=index):
                owner = self.evaluate(value, frame)
                key = self.evaluate(index, frame)
                items = self.items(owner)
                if items is not None and isinstance(key, Known):
                    if self.kind(owner) == "dict":
                        self.put(
                            owner.id,  # type: ignore[attr-defined]
                            "items",
                            tuple((k, v) for k, v in items if k != key.value),
                        )
                        return
                    try:
                        remaining = list(items)
                        del remaining[key.value]
                    except (IndexError, TypeError):
                        raise Raised from None
                    self.put(owner.id, "items", tuple(remaining))  # type: ignore[attr-defined]
                elif isinstance(owner, Ref) and self.is_module(owner):
                    modules.delete_child(self, owner)
                else:
                    self._forget_items(owner)

    def assign(self, target: ast.expr, value: Value, frame: Frame) -> None:
        match target:
            case ast.Name(id=name):
                self.put(frame.id, name, value)
            case ast.Attribute(value=inner, attr=name):
                owner = self.evaluate(inner, frame)
                for choice in owner.values if isinstance(owner, Choice) else (owner,):
                    if isinstance(choice, Ref) and self.kinds[choice.id] in {
                        "instance",
                        "module",
                    }:
                        if self.class_setter(choice, name):
                            self.taint(choice)
                        self.set_attribute(choice, name, value)
            case ast.Subscript(value=inner, slice=index):
                owner = self.evaluate(inner, frame)
                key = self.evaluate(index, frame)
                self.set_item(owner, key, value)
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                self._unpack(targets, value, frame)
            case ast.Starred(value=inner):
                self.assign(inner, value, frame)

    def class_setter(self, ref: Ref, name: str) -> bool:
        kind = self.class_of(ref)
        if not isinstance(kind, ClassRef):
            return False
        if self.class_attribute(kind, "__setattr__") is not None:
            return True
        found = self.class_attribute(kind, name)
        return found is not None and isinstance(found[1], ast.FunctionDef)

    def _unpack(self, targets: list[ast.expr], value: Value, frame: Frame) -> None:
        items = self.iterate(value)
        starred = [i for i, target in enumerate(targets) if isinstance(target, ast.Starred)]
        if items is None:
            for index, target in enumerate(targets):
                part: Value = Unknown("it is a part of something unknown")
                if isinstance(value, Opaque) and not starred:
                    part = Opaque(term=compound("[]", value.term, literal(index)))
                self.assign(target, part, frame)
            return
        if starred:
            first = starred[0]
            after = len(targets) - first - 1
            if len(items) < len(targets) - 1:
                raise Raised
            middle = self.sequence(items[first : len(items) - after])
            items = [*items[:first], middle, *items[len(items) - after :]]
        if len(items) != len(targets):
            raise Raised
        for target, item in zip(targets, items):
            self.assign(target, item, frame)

    def set_item(self, owner: Value, key: Value, value: Value) -> None:
        if not isinstance(owner, Ref):
            if owner.term is not None:
                self.mutated.add(owner.term)
            return
        kind = self.kinds[owner.id]
        items = self.items(owner)
        if kind == "dict":
            if items is None or not isinstance(key, Known):
                self.put(owner.id, "items", None)
                return
            table = dict(items)
            table[key.value] = value
            self.put(owner.id, "items", tuple(table.items()))
        elif kind == "list":
            if items is None or not isinstance(key, Known) or not isinstance(key.value, int):
                self.put(owner.id, "items", None)
                return
            try:
                changed = list(items)
                changed[key.value] = value
            except IndexError:
                raise Raised from None
            self.put(owner.id, "items", tuple(changed))
        elif self.is_module(owner):
            modules.set_child(self, owner, key, value)

    def _augment(self, target: ast.expr, op: ast.operator, value: ast.expr, frame: Frame) -> None:
        load = _as_load(target)
        left = self.evaluate(load, frame)
        right = self.evaluate(value, frame)
        if self.kind(left) == "list" and isinstance(op, ast.Add):
            added = self.iterate(right)
            items = self.items(left)
            both = None if added is None or items is None else (*items, *added)
            self.put(left.id, "items", both)  # type: ignore[attr-defined]
            return
        if isinstance(left, Tensor) and isinstance(op, (ast.Add, ast.Sub, ast.Mult, ast.Div)):
            self.assign(target, left, frame)  # in place: the shape stays
            return
        if isinstance(left, Ref) and self.is_module(left):
            modules.extend(self, left, right)
            return
        self.assign(target, operators.binary(self, op, left, right), frame)

    # Expressions ------------------------------------------------------------------------------

    def evaluate(self, node: ast.expr, frame: Frame) -> Value:
        self._count()
        match node:
            case ast.Constant(value=value):
                return Known(value, term=literal(value))
            case ast.Name(id=name):
                return self.lookup(name, frame)
            case ast.Attribute(value=value, attr=name):
                return self.attribute(self.evaluate(value, frame), name)
            case ast.Call():
                return self._call(node, frame)
            case ast.BinOp(left=left, op=op, right=right):
                return operators.binary(
                    self, op, self.evaluate(left, frame), self.evaluate(right, frame)
                )
            case ast.Compare():
                return self._compare(node, frame)
            case ast.BoolOp():
                return self._boolean(node, frame)
            case ast.UnaryOp(op=op, operand=operand):
                result = self.evaluate(operand, frame)
                if isinstance(op, ast.Not):
                    known = self.truth(result)
                    if known is None:
                        return Unknown("it is a test that cannot be told")
                    return Known(not known)
                return operators.unary(op, result)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                known = self.truth(self.evaluate(test, frame))
                if known is not None:
                    return self.evaluate(body if known else orelse, frame)
                return self.merge(
                    self.branches(
                        lambda: self.evaluate(body, frame), lambda: self.evaluate(orelse, frame)
                    )
                )
            case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
                kind = {ast.Tuple: "tuple", ast.List: "list", ast.Set: "set"}[type(node)]
                return self.sequence(self._elements(elements, frame), kind)
            case ast.Dict(keys=keys, values=values):
                return self._dict(keys, values, frame)
            case ast.Subscript(value=value, slice=index):
                return self.subscript(self.evaluate(value, frame), self.evaluate(index, frame))
            case ast.Slice(lower=lower, upper=upper, step=step):
                parts = [
                    NONE if part is None else self.evaluate(part, frame)
                    for part in (lower, upper, step)
                ]
                if all(isinstance(part, Known) for part in parts):
                    return Known(slice(*(part.value for part in parts)))
                return Unknown("it is a slice")
            case ast.ListComp(elt=element, generators=generators) | ast.GeneratorExp(
                elt=element, generators=generators
            ):
                found: list[Value] = []
                inner = self._comprehension_frame(frame)
                done = self._generate(
                    generators, inner, lambda: found.append(self.evaluate(element, inner))
                )
                return self.sequence(found if done else None)
            case ast.SetComp(elt=element, generators=generators):
                return self.sequence(None, "set")
            case ast.DictComp(key=key, value=value, generators=generators):
                pairs: list[tuple[Any, Value]] = []
                inner = self._comprehension_frame(frame)

                def add() -> None:
                    name = self.evaluate(key, inner)
                    pairs.append(
                        (
                            name.value if isinstance(name, Known) else None,
                            self.evaluate(value, inner),
                        )
                    )

                done = self._generate(generators, inner, add)
                known_keys = all(name is not None for name, _ in pairs)
                return self.mapping(pairs if done and known_keys else None)
            case ast.JoinedStr(values=values):
                return self._text(values, frame)
            case ast.FormattedValue(value=value):
                return self._text([node], frame)
            case ast.Lambda():
                return Function(node, frame.scope, frame.id)
            case ast.NamedExpr(target=target, value=value):
                result = self.evaluate(value, frame)
                self.assign(target, result, frame)
                return result
            case ast.Starred(value=value):
                return self.evaluate(value, frame)
        return Unknown()

    def _comprehension_frame(self, frame: Frame) -> Frame:
        inner = Frame(
            self.new("frame"), frame.scope, frame.function, frame.id, frame.own, frame.owner
        )
        inner.own_name = frame.own_name
        self.put(inner.id, "^", frame.id)
        return inner

    def _generate(
        self, generators: list[ast.comprehension], frame: Frame, add: Callable[[], None]
    ) -> bool:
        """Run a comprehension; False if its length cannot be told."""
        if not generators:
            add()
            return True
        first, *others = generators
        items = self.iterate(self.evaluate(first.iter, frame))
        if items is None or len(items) > 2000:
            self.assign(first.target, Unknown("it is a comprehension's variable"), frame)
            self._generate(others, frame, add)
            return False
        done = True
        for item in items:
            self.assign(first.target, item, frame)
            tests = [self.truth(self.evaluate(test, frame)) for test in first.ifs]
            if False in tests:
                continue
            if None in tests:
                done = False
            done = self._generate(others, frame, add) and done
        return done

    def _elements(self, elements: list[ast.expr], frame: Frame) -> list[Value] | None:
        found: list[Value] | None = []
        for element in elements:
            value = self.evaluate(element, frame)
            if isinstance(element, ast.Starred):
                items = self.iterate(value)
                found = None if items is None or found is None else [*found, *items]
            elif found is not None:
                found.append(value)
        return found

    def _dict(self, keys: list[ast.expr | None], values: list[ast.expr], frame: Frame) -> Value:
        table: dict[Any, Value] | None = {}
        for key, value in zip(keys, values):
            content = self.evaluate(value, frame)
            if key is None:
                items = self.items(content)
                table = None if table is None or items is None else {**table, **dict(items)}
                continue
            name = self.evaluate(key, frame)
            if not isinstance(name, Known) or table is None:
                table = None
            else:
                table[name.value] = content
        return self.mapping(None if table is None else table.items())

    def _text(self, values: Sequence[ast.expr], frame: Frame) -> Value:
        text = ""
        for value in values:
            if isinstance(value, ast.Constant):
                text += str(value.value)
                continue
            assert isinstance(value, ast.FormattedValue)
            part = self.evaluate(value.value, frame)
            if not isinstance(part, Known) or value.format_spec is not None:
                return Unknown("it is a text that cannot be told")
            text += str(part.value)
        return Known(text, term=literal(text))

    def truth(self, value: Value) -> bool | None:
        """Whether the value counts as true; None where that cannot be told."""
        match value:
            case Known(value=known):
                return bool(known)
            case Ref():
                if self.kinds[value.id] in {"list", "tuple", "dict", "set"}:
                    items = self.items(value)
                    return None if items is None else bool(items)
                kind = self.class_of(value)
                if isinstance(kind, ClassRef) and any(
                    self.class_attribute(kind, name) for name in ("__bool__", "__len__")
                ):
                    return None
                if self.kinds[value.id] == "module":
                    origin = self.class_of(value)
                    if isinstance(origin, Library) and is_container(origin.origin):
                        return None if self.get(value.id, "grown") else bool(self.children(value))
                return True
            case Library(origin=origin):
                return True if is_definite(origin) else None
            case ClassRef() | Function() | Partial() | Method():
                return True
            case Choice(values=values):
                found = {self.truth(choice) for choice in values if choice is not UNBOUND}
                return found.pop() if len(found) == 1 else None
        return None

    def _compare(self, node: ast.Compare, frame: Frame) -> Value:
        left = self.evaluate(node.left, frame)
        result: bool | None = True
        for op, comparator in zip(node.ops, node.comparators):
            right = self.evaluate(comparator, frame)
            one = operators.compare(self, op, left, right)
            if one is False:
                return Known(False)
            if one is None:
                result = None
            left = right
        if result is None:
            return Unknown("it is a comparison that cannot be told")
        return Known(result)

    def _boolean(self, node: ast.BoolOp, frame: Frame) -> Value:
        stops = isinstance(node.op, ast.Or)
        first, *others = node.values
        value = self.evaluate(first, frame)
        for index, other in enumerate(others, start=1):
            known = self.truth(value)
            if known is stops:
                return value
            if known is None:
                rest = node.values[index:]
                remaining = rest[0] if len(rest) == 1 else ast.BoolOp(op=node.op, values=list(rest))
                left = value
                merged = self.branches(lambda: left, lambda: self.evaluate(remaining, frame))
                tests = {self.truth(v) for v in merged[1:]}
                if tests == {stops}:  # the truth is told by the other side
                    return Known(stops)
                return self.merge(merged)
            value = self.evaluate(other, frame)
        return value

    def subscript(self, owner: Value, index: Value) -> Value:
        if isinstance(owner, Choice):
            return self.merge([self.subscript(v, index) for v in owner.values if v is not UNBOUND])
        items = self.items(owner)
        kind = self.kind(owner)
        if items is not None and isinstance(index, Known):
            assert isinstance(owner, Ref)
            if kind == "dict":
                table = dict(items)
                if index.value not in table:
                    raise Raised
                return self.element(owner, table[index.value], "[]", literal(index.value))
            try:
                found = items[index.value]
            except (IndexError, TypeError):
                raise Raised from None
            if isinstance(index.value, slice):
                part = self.sequence(
                    [
                        self.element(owner, item, "[]", literal(position))
                        for position, item in zip(range(len(items))[index.value], found)
                    ],
                    kind or "list",
                )
                return part
            return self.element(owner, found, "[]", literal(index.value))
        if isinstance(owner, Known) and isinstance(index, Known):
            try:
                return Known(owner.value[index.value])
            except (TypeError, IndexError, KeyError):
                raise Raised from None
        if isinstance(owner, Ref) and self.is_module(owner):
            return modules.child(self, owner, index)
        if isinstance(owner, Opaque) and isinstance(index, (Known, Opaque)):
            return Opaque(term=compound("[]", owner.term, index.term))
        if isinstance(owner, Tensor):
            return Tensor(Unknown("it is a part of a tensor"))
        return Unknown("it is a part of something unknown")

    def iterate(self, value: Value) -> list[Value] | None:
        """The values that a loop over it gives; None where they cannot be told."""
        items = self.items(value)
        if items is not None:
            if self.kind(value) == "dict":
                return [Known(key, term=literal(key)) for key, _ in items]
            return [
                self.element(value, item, "[]", literal(index)) for index, item in enumerate(items)
            ]
        if isinstance(value, Known) and isinstance(value.value, (str, range, tuple)):
            return [Known(item, term=literal(item)) for item in value.value]
        if isinstance(value, Ref) and self.is_module(value):
            return modules.iterate(self, value)
        return None

    def attribute(self, owner: Value, name: str) -> Value:
        match owner:
            case Choice(values=values):
                found = []
                for choice in values:
                    if choice is UNBOUND or (isinstance(choice, Known) and choice.value is None):
                        continue  # would raise
                    found.append(self.attribute(choice, name))
                return self.merge(found) if found else Unknown()
            case Ref() if self.kinds[owner.id] in {"instance", "module"}:
                return self._instance_attribute(owner, name)
            case Ref() | Known():
                return Method(owner, name)
            case ClassRef():
                return self._class_member(owner, name, None)
            case Library(origin=origin):
                return self.imported_member(origin, name)
            case Super(receiver=receiver, scope=scope, owner=owner_class):
                return self._super_attribute(receiver, scope, owner_class, name)
            case Tensor():
                return sizes(self, owner) if name == "shape" else Method(owner, name)
            case Opaque():
                return Opaque(term=compound(".", owner.term, name) or self.fresh().term)
            case Partial():
                return Method(owner, name)
            case Function():
                return Unknown("it is an attribute of a function")
        return Unknown(getattr(owner, "reason", "it is an attribute of something unknown"))

    def imported_member(self, origin: str, name: str) -> Value:
        if self.frames:
            return self.imported(f"{origin}.{name}", self.frames[-1].scope)
        return Library(f"{origin}.{name}")

    def _instance_attribute(self, owner: Ref, name: str) -> Value:
        if self.get(owner.id, "tainted"):
            return Unknown("the object went through a function that reading does not know")
        value = self.get(owner.id, f".{name}")
        if value is not None:
            return self.element(owner, bound(value), ".", name)
        kind = self.class_of(owner)
        if isinstance(kind, ClassRef):
            found = self.class_attribute(kind, name)
            if found is not None:
                return self._class_member(kind, name, owner)
            if name == "__class__":
                return kind
            if self.class_attribute(kind, "__getattr__") is not None:
                return Unknown("the class has a __getattr__")
        return modules.attribute(self, owner, name)

    def _class_member(self, kind: ClassRef, name: str, owner: Ref | None) -> Value:
        found = self.class_attribute(kind, name)
        if found is None:
            if name == "__name__":
                return Known(kind.name)
            for base in self.mro(kind):
                if isinstance(base, Library) and owner is None:
                    return Library(f"{base.origin}.{name}")
            return Unknown("the class does not have the attribute")
        base, statement = found
        if isinstance(statement, ast.FunctionDef):
            decorators = {ast.unparse(decorator) for decorator in statement.decorator_list}
            function = Function(statement, base.scope, owner=base.name)
            if decorators == {"staticmethod"}:
                return Function(statement, base.scope, owner=base.name)
            if decorators == {"classmethod"}:
                return Function(statement, base.scope, own=kind, owner=base.name)
            if decorators == {"property"} and owner is not None:
                bound_function = Function(statement, base.scope, own=owner, owner=base.name)
                return self.call_function(bound_function, [], {})
            if any(not is_transparent(d) for d in statement.decorator_list):
                return Unknown(f"{name} is decorated")
            if owner is not None:
                return Function(statement, base.scope, own=owner, owner=base.name)
            return function
        if self.is_enum(kind):
            return Unknown(f"{kind.name} is an enumeration")
        value = statement.value  # type: ignore[union-attr]
        frame = Frame(self.new("frame"), base.scope, "<class>")
        first = len(self.kinds)
        result = self.evaluate(value, frame)
        self.lasting.update(range(first, len(self.kinds)))
        if owner is not None and owner.id == self.root:
            return result.having(compound(".", Own(), name))
        term = kind.term if owner is None else self.get(owner.id, "class term")
        return result.having(compound(".", term, name))

    def _super_attribute(self, receiver: Value, scope: Scope, owner_class: str, name: str) -> Value:
        if not isinstance(receiver, Ref):
            return Unknown()
        kind = self.class_of(receiver)
        if not isinstance(kind, ClassRef):
            return Unknown()
        order = self.mro(kind)
        start = next(
            (
                index
                for index, base in enumerate(order)
                if isinstance(base, ClassRef) and base.scope is scope and base.name == owner_class
            ),
            None,
        )
        if start is None:
            return Unknown()
        for base in order[start + 1 :]:
            if isinstance(base, ClassRef):
                for statement in base.scope.classes[base.name].body:
                    if isinstance(statement, ast.FunctionDef) and statement.name == name:
                        return Function(statement, base.scope, own=receiver, owner=base.name)
                if name == "__init__" and _is_data_class(base):
                    return Partial(Library(_FIELDS), (receiver, base), ())
            elif isinstance(base, Library):
                if is_module_class(base.origin) or base.origin == "builtins.object":
                    return Method(receiver, f"{canonical(base.origin)}:{name}")
                return Unknown(f"{base.origin} is not known")
            else:
                return Unknown()
        return Method(receiver, f"builtins.object:{name}")

    # Calls ------------------------------------------------------------------------------------

    def _call(self, node: ast.Call, frame: Frame) -> Value:
        if isinstance(node.func, ast.Name) and node.func.id == "super" and not node.args:
            if frame.own is not None and frame.owner is not None:
                return Super(frame.own, frame.scope, frame.owner)
            return Unknown()
        function = self.evaluate(node.func, frame)
        arguments: list[Value] = []
        for argument in node.args:
            value = self.evaluate(argument, frame)
            if isinstance(argument, ast.Starred):
                items = self.iterate(value)
                if items is None:
                    arguments.append(Spread())
                    break
                arguments += items
            else:
                arguments.append(value)
        keywords: dict[str, Value] = {}
        for keyword in node.keywords:
            value = self.evaluate(keyword.value, frame)
            if keyword.arg is not None:
                keywords[keyword.arg] = value
                continue
            items = self.items(value)
            if items is None:
                keywords["**"] = Unknown()
            else:
                keywords.update({str(key): item for key, item in items})
        if isinstance(function, Library) and function.origin == "builtins.super":
            if len(arguments) == 2 and isinstance(arguments[0], ClassRef):
                return Super(arguments[1], arguments[0].scope, arguments[0].name)
            return Unknown()
        context = self._context(function, node, frame)
        if context is not None:
            self.contexts.append(context)
        try:
            return self.call(function, arguments, keywords)
        finally:
            if context is not None:
                self.contexts.pop()

    def _context(self, function: Value, node: ast.Call, frame: Frame) -> _Context | None:
        for choice in function.values if isinstance(function, Choice) else (function,):
            if isinstance(choice, Ref) and self.is_module(choice):
                return _Context(node, frame, choice.id)
        return None

    def call(
        self, function: Value, arguments: Sequence[Value], keywords: dict[str, Value]
    ) -> Value:
        self._count()
        match function:
            case Function():
                return self.call_function(function, arguments, keywords)
            case ClassRef():
                return self.construct(function, arguments, keywords)
            case Partial():
                merged = {**dict(function.keywords), **keywords}
                return self.call(function.function, [*function.arguments, *arguments], merged)
            case Choice(values=values):
                callables = [
                    v
                    for v in values
                    if v is not UNBOUND and not (isinstance(v, Known) and v.value is None)
                ]
                if not callables:
                    raise Raised
                return self.merge(
                    self.branches(
                        *(lambda v=v: self.call(v, arguments, keywords) for v in callables)
                    )
                )
            case Library(origin=origin) if origin == _FIELDS:
                instance, kind, *values = arguments
                assert isinstance(instance, Ref) and isinstance(kind, ClassRef)
                self._fill_fields(instance, kind, values, keywords)
                return NONE
            case Library(origin=origin):
                return functions.call(self, origin, list(arguments), keywords)
            case Method(receiver=receiver, name=name):
                return methods.call_method(self, receiver, name, list(arguments), keywords)
            case Ref():
                if self.is_module(function):
                    return self.call_module(function, arguments, keywords)
                kind = self.class_of(function)
                if isinstance(kind, ClassRef):
                    called = self._instance_attribute(function, "__call__")
                    if isinstance(called, Function):
                        return self.call_function(called, arguments, keywords)
            case Opaque(term=Compound(operator=".", operands=(changed, str() as name))):
                if name in MUTATORS and not isinstance(changed, str):
                    self.mutated.add(changed)
        self.pass_to_unknown([*arguments, *keywords.values()])
        return Unknown("it comes from a call that reading does not know")

    def construct(
        self, kind: ClassRef, arguments: Sequence[Value], keywords: dict[str, Value]
    ) -> Value:
        definition = kind.scope.classes[kind.name]
        if definition.keywords:
            return Unknown(f"{kind.name} has a metaclass")
        if any(not is_transparent(d) for d in definition.decorator_list):
            return Unknown(f"{kind.name} is decorated")
        if self.is_enum(kind):
            return Unknown(f"{kind.name} is an enumeration")
        if self.class_attribute(kind, "__new__") is not None:
            return Unknown(f"{kind.name} has a __new__")
        ref = Ref(self.new("instance"))
        self.put(ref.id, "class", kind.having(None))
        self.put(ref.id, "order", ())
        if kind.term is not None:
            self.put(ref.id, "class term", kind.term)
        self.arguments[ref.id] = (
            tuple(self.kept(value) for value in arguments),
            tuple((name, self.kept(value)) for name, value in keywords.items()),
        )
        self.initialise(ref, kind, arguments, keywords)
        return ref

    def initialise_root(
        self,
        ref: Ref,
        kind: ClassRef,
        arguments: Sequence[Value] | None,
        keywords: dict[str, Value],
    ) -> None:
        """Run an `__init__` with each parameter known by its own name.

        Without arguments every parameter is a symbol.
        """
        found = self.class_attribute(kind, "__init__")
        if found is None or not isinstance(found[1], ast.FunctionDef):
            self.initialise(ref, kind, arguments or (), keywords)
            return
        owner, node = found
        frame = Frame(self.new("frame"), owner.scope, f"{owner.name}.__init__")
        parameters = [*node.args.posonlyargs, *node.args.args][1:]
        named = [*parameters, *node.args.kwonlyargs]
        if arguments is None:
            values = {p.arg: Opaque(term=Param(p.arg)) for p in named}
            spread: list[Value] = [Spread()] if node.args.vararg else []
            rest = {"**": Unknown()} if node.args.kwarg else {}
            positional = [values.pop(p.arg) for p in parameters] + spread
            function = Function(node, owner.scope, own=ref, owner=owner.name)
            self.call_function(function, positional, {**values, **rest})
            return
        self.bind_arguments(node.args, [ref, *arguments], keywords, frame)
        values = {p.arg: self.get(frame.id, p.arg).having(Param(p.arg)) for p in named}
        more: list[Value] = []
        if node.args.vararg is not None:
            more = [
                v.having(None) for v in self.items(self.get(frame.id, node.args.vararg.arg)) or ()
            ]
        extra: dict[str, Value] = {}
        if node.args.kwarg is not None:
            items = self.items(self.get(frame.id, node.args.kwarg.arg))
            extra = {"**": Unknown()} if items is None else {k: v.having(None) for k, v in items}
        positional = [values.pop(p.arg) for p in parameters]
        function = Function(node, owner.scope, own=ref, owner=owner.name)
        self.call_function(function, [*positional, *more], {**values, **extra})

    def initialise(
        self, ref: Ref, kind: ClassRef, arguments: Sequence[Value], keywords: dict[str, Value]
    ) -> None:
        for base in self.mro(kind):
            if isinstance(base, ClassRef):
                definition = base.scope.classes[base.name]
                for statement in definition.body:
                    if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
                        function = Function(statement, base.scope, own=ref, owner=base.name)
                        self.call_function(function, arguments, keywords)
                        return
                if _is_data_class(base):
                    self._fill_fields(ref, kind, arguments, keywords)
                    return
            elif isinstance(base, Library):
                if base.origin in {"typing.NamedTuple"}:
                    self._fill_fields(ref, kind, arguments, keywords)
                    return
                if not modules.initialise(self, ref, base.origin, arguments, keywords):
                    self.taint(ref)
                return
            else:
                self.taint(ref)
                return

    def _fill_fields(
        self, ref: Ref, kind: ClassRef, arguments: Sequence[Value], keywords: dict[str, Value]
    ) -> None:
        """What the `__init__` of a dataclass or named tuple does."""
        fields: dict[str, tuple[ast.expr | None, Scope]] = {}
        for base in reversed(self.mro(kind)):
            if isinstance(base, ClassRef):
                for statement in base.scope.classes[base.name].body:
                    if isinstance(statement, ast.AnnAssign) and isinstance(
                        statement.target, ast.Name
                    ):
                        fields[statement.target.id] = (statement.value, base.scope)
        for name, value in zip(fields, arguments):
            self.set_attribute(ref, name, value)
        for name in list(fields)[len(arguments) :]:
            default, scope = fields[name]
            if name in keywords:
                self.set_attribute(ref, name, keywords[name])
            elif "**" in keywords or default is None:
                self.set_attribute(ref, name, Unknown("it is passed by **"))
            else:
                frame = Frame(self.new("frame"), scope, "<class>")
                self.set_attribute(ref, name, self.evaluate(default, frame))
        found = self.class_attribute(kind, "__post_init__")
        if found is not None and isinstance(found[1], ast.FunctionDef):
            self.call_function(
                Function(found[1], found[0].scope, own=ref, owner=found[0].name), [], {}
            )

    def call_module(
        self, ref: Ref, arguments: Sequence[Value], keywords: dict[str, Value]
    ) -> Value:
        if self.get(ref.id, "tainted"):
            result: Value = Unknown("the layer went through a function that reading does not know")
        else:
            kind = self.class_of(ref)
            found = self.class_attribute(kind, "forward") if isinstance(kind, ClassRef) else None
            if isinstance(kind, ClassRef) and self.class_attribute(kind, "__call__") is not None:
                result = Unknown("the class has a __call__ of its own")
            elif found is not None and isinstance(found[1], ast.FunctionDef):
                if any(not is_transparent(d) for d in found[1].decorator_list):
                    result = Unknown("its forward is decorated")
                else:
                    function = Function(found[1], found[0].scope, own=ref, owner=found[0].name)
                    inner, self.contexts = self.contexts, []
                    try:
                        result = self.call_function(function, arguments, keywords)
                    finally:
                        self.contexts = inner
            else:
                origin = modules.module_origin(self, ref)
                if origin is None:
                    result = Unknown("its forward is not known")
                else:
                    result = forward(self, ref, origin, list(arguments), keywords)
        if isinstance(result, Opaque):
            result = Unknown("its result is not known")
        self.record(ref, arguments, result)
        return result

    def record(self, ref: Ref, arguments: Sequence[Value], result: Value) -> None:
        if not self.contexts:
            return
        context = self.contexts[-1]
        own = context.frame.own
        if not isinstance(own, Ref):
            return
        self.calls.append(
            Call(
                ref.id,
                context.node,
                context.frame.scope,
                context.frame.function,
                own.id,
                context.frame.owner or "",
                context.called,
                context.chain,
                tuple(arguments),
                result,
            )
        )

    def through(self, name: str, ref: Ref, arguments: Sequence[Value]) -> Value:
        """Call a child of a Sequential from the Sequential's own forward."""
        if self.contexts:
            top = self.contexts[-1]
            self.contexts.append(_Context(top.node, top.frame, top.called, (*top.chain, name)))
        try:
            return self.call_module(ref, arguments, {})
        finally:
            if self.contexts:
                self.contexts.pop()


def _by_term(values: dict[str, Value]) -> dict[Term, str]:
    found: dict[Term, str] = {}
    for name, value in values.items():
        if value.term is not None and not isinstance(value, (Choice, Unknown)):
            found.setdefault(value.term, name)
    return found


#: The `__init__` that `dataclass` gives a class.
_FIELDS = "dataclasses.__init__"


def _is_data_class(kind: ClassRef) -> bool:
    names = (ast.unparse(d) for d in kind.scope.classes[kind.name].decorator_list)
    return any(re.fullmatch(r"(dataclasses\.)?dataclass(\(.*\))?", name) for name in names)


@functools.cache
def _is_generator(node: ast.FunctionDef) -> bool:
    return any(isinstance(inner, (ast.Yield, ast.YieldFrom)) for inner in ast.walk(node))


def _escapes(statements: Iterable[ast.stmt]) -> bool:
    """Whether control may leave these statements other than at their end."""
    for statement in statements:
        match statement:
            case ast.Return() | ast.Break() | ast.Continue():
                return True
            case ast.FunctionDef() | ast.ClassDef():
                continue
            case ast.For() | ast.While():
                if any(isinstance(node, ast.Return) for node in ast.walk(statement)):
                    return True
                continue
        for name in ("body", "orelse", "finalbody"):
            if _escapes(getattr(statement, name, [])):
                return True
        for handler in getattr(statement, "handlers", []):
            if _escapes(handler.body):
                return True
    return False


def _as_load(target: ast.expr) -> ast.expr:
    match target:
        case ast.Name(id=name):
            return ast.Name(id=name, ctx=ast.Load())
        case ast.Attribute(value=value, attr=name):
            return ast.Attribute(value=value, attr=name, ctx=ast.Load())
        case ast.Subscript(value=value, slice=index):
            return ast.Subscript(value=value, slice=index, ctx=ast.Load())
    return target
