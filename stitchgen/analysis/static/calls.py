"""Calls: of functions, classes and modules, with what they are given.

Calls of modules are recorded with the place
in the source where they stand.
"""

from __future__ import annotations

import ast
import functools
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from stitchgen.analysis.scope import Scope
from stitchgen.analysis.static import functions, methods, modules
from stitchgen.analysis.static.attributes import FIELDS, Attributes, is_data_class
from stitchgen.analysis.static.forwards import forward
from stitchgen.analysis.static.frames import DEEPEST, Frame, TooLarge
from stitchgen.analysis.static.names import MUTATORS, is_transparent
from stitchgen.analysis.static.values import (
    NONE,
    UNBOUND,
    Choice,
    ClassRef,
    Compound,
    Function,
    Known,
    Library,
    Method,
    Opaque,
    Partial,
    Raised,
    Ref,
    Spread,
    Unknown,
    Value,
)


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
    sure: bool  # made whichever branches are taken


@dataclass
class Context:
    """The call that is being made: where it stands, and the names passed on the way down."""

    node: ast.Call
    frame: Frame
    called: int
    chain: tuple[str, ...] = ()


@dataclass
class End:
    """How a sequence of statements ended."""

    kind: str  # "next", "return", "break", "continue"
    value: Value = NONE


@dataclass(frozen=True)
class Done:
    """Stands in the queue after a statement of the function's own body."""

    statement: ast.stmt


@dataclass
class Calls(Attributes):
    """Whatever can be called."""

    calls: list[Call] = field(default_factory=list)
    contexts: list[Context] = field(default_factory=list)

    @abstractmethod
    def execute(self, queue: Sequence[ast.stmt | Done], frame: Frame) -> End:
        """Run statements to the end of the function or of the loop body."""

    def call(
        self, function: Value, arguments: Sequence[Value], keywords: dict[str, Value]
    ) -> Value:
        self.count()
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
            case Library(origin=origin) if origin == FIELDS:
                instance, of_class, *given = arguments
                assert isinstance(instance, Ref) and isinstance(of_class, ClassRef)
                self._fill_fields(instance, of_class, given, keywords)
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
                    called = self.instance_attribute(function, "__call__")
                    if isinstance(called, Function):
                        return self.call_function(called, arguments, keywords)
            case Opaque(term=Compound(operator=".", operands=(changed, str() as name))):
                if name in MUTATORS and not isinstance(changed, str):
                    self.mutated.add(changed)
        self.pass_to_unknown([*arguments, *keywords.values()])
        return Unknown("it comes from a call that reading does not know")

    # Functions ------------------------------------------------------------------------------

    def call_function(
        self, function: Function, arguments: Sequence[Value], keywords: dict[str, Value]
    ) -> Value:
        if self.depth > DEEPEST:
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
            queue: list[ast.stmt | Done] = []
            for statement in node.body:
                queue.append(statement)
                if watched:
                    queue.append(Done(statement))
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
        for parameter, usual in zip(positional[len(positional) - len(defaults) :], defaults):
            if parameter.arg not in values:
                values[parameter.arg] = (
                    Unknown("it may be passed by **")
                    if rest_unknown
                    else self.evaluate(usual, around)
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

    # Classes --------------------------------------------------------------------------------

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
                if is_data_class(base):
                    self._fill_fields(ref, kind, arguments, keywords)
                    return
            elif isinstance(base, Library):
                if base.origin == "typing.NamedTuple":
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

    # Modules --------------------------------------------------------------------------------

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
                self.undecided == 0,
            )
        )

    def through(self, name: str, ref: Ref, arguments: Sequence[Value]) -> Value:
        """Call a child of a Sequential from the Sequential's own forward."""
        if self.contexts:
            top = self.contexts[-1]
            self.contexts.append(Context(top.node, top.frame, top.called, (*top.chain, name)))
        try:
            return self.call_module(ref, arguments, {})
        finally:
            if self.contexts:
                self.contexts.pop()


@functools.cache
def _is_generator(node: ast.FunctionDef) -> bool:
    return any(isinstance(inner, (ast.Yield, ast.YieldFrom)) for inner in ast.walk(node))
