"""Calls: of functions, classes and modules, with what they are given.

Calls of modules are recorded with the place in the source where they stand.
"""

from __future__ import annotations

import ast
import functools
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from stitchgen.analysis.scope import Scope
from stitchgen.analysis.static import functions, methods, modules
from stitchgen.analysis.static.attributes import FIELDS, Attributes
from stitchgen.analysis.static.dataclass_fields import Field, fields_of, is_named_tuple
from stitchgen.analysis.static.decorators import is_data_class, is_pure, leave_alone
from stitchgen.analysis.static.frames import DEEPEST, Frame, TooLarge
from stitchgen.analysis.static.names import MUTATORS
from stitchgen.analysis.static.overlays.torch_nn import forward
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
from stitchgen.source.tree import nodes_in


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


@dataclass(frozen=True)
class Partly:
    """Stands in the queue for a statement that raises an exception somewhere."""

    statement: ast.stmt
    or_wholly: bool = False  # it may have run to its end as well


@dataclass(frozen=True)
class Bind:
    """Stands in the queue for names that are bound to something unknown."""

    names: tuple[str, ...]
    reason: str


#: What is run.
Item = ast.stmt | Done | Partly | Bind


@dataclass
class Calls(Attributes):
    """Whatever can be called."""

    calls: list[Call] = field(default_factory=list)
    contexts: list[Context] = field(default_factory=list)

    @abstractmethod
    def execute(self, queue: Sequence[Item], frame: Frame) -> End:
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
        self.change_unknown()  # what is called may be a method of it
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
        if function.memoised:
            return self._call_memoised(function, frame, arguments, keywords)
        self.bind_arguments(node.args, arguments, keywords, frame, self.defaults_of(function))
        self.frames.append(frame)
        self.depth += 1
        try:
            if isinstance(node, ast.Lambda):
                return self.evaluate(node.body, frame)
            if _is_generator(node):
                self.pass_to_unknown([*arguments, *keywords.values()])
                for name in _outer_names(node):
                    place = self.frame_around(name, frame)
                    self.put(place, name, Unknown("a generator may change it"))
                return Unknown("it is a generator")
            frame.outermost = frozenset(id(statement) for statement in node.body)
            watched = (
                isinstance(function.own, Ref)
                and function.own.id == self.root
                and node.name == "__init__"
            )
            queue: list[Item] = []
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
        made: Sequence[Value | None],
    ) -> None:
        """Give the parameters their values; `made` are their defaults."""
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
        number = len(parameters.defaults)
        optional = [*positional[len(positional) - number :], *parameters.kwonlyargs]
        for parameter, default in zip(optional, made):
            if parameter.arg not in values and default is not None:
                values[parameter.arg] = (
                    Unknown("it may be passed by **") if rest_unknown else default
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

    def _call_memoised(
        self,
        function: Function,
        frame: Frame,
        arguments: Sequence[Value],
        keywords: dict[str, Value],
    ) -> Value:
        """The result of a function that runs once for each arguments."""
        if isinstance(function.node, ast.Lambda) or not is_pure(function.node, MUTATORS):
            self.pass_to_unknown([*arguments, *keywords.values()])
            return Unknown("it is memoised, and changes something")
        plain = replace(function, memoised=False, own=None)
        given = [function.own, *arguments] if function.own is not None else arguments
        if not all(isinstance(v, (Known, ClassRef, Library)) for v in (*given, *keywords.values())):
            return Unknown("it is memoised")
        result = self.call_function(plain, given, keywords)
        return result if isinstance(result, (Known, ClassRef, Library)) else Unknown("it is shared")

    def frame_around(self, name: str, frame: Frame) -> int:
        """The frame of the function around that binds a name."""
        current: int | None = self.get(frame.id, "^")
        while current is not None:
            if self.get(current, name) is not None:
                return current
            current = self.get(current, "^")
        return self.new("frame")

    def bind(self, name: str, value: Value, frame: Frame) -> None:
        """Bind a name in a function, or around it where it is `nonlocal`."""
        self.put(frame.outer.get(name, frame.id), name, value)

    # Classes --------------------------------------------------------------------------------

    def construct(
        self, kind: ClassRef, arguments: Sequence[Value], keywords: dict[str, Value]
    ) -> Value:
        if any(
            base.scope.classes[base.name].keywords
            for base in self.mro(kind)
            if isinstance(base, ClassRef)
        ):
            return Unknown(f"{kind.name} has a metaclass")
        if not self.is_as_written(kind):
            return Unknown(f"{kind.name} is decorated")
        if self.class_attribute(kind, "__init_subclass__") is not None:
            return Unknown(f"{kind.name} has an __init_subclass__")
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
                statement = self.own_attribute(base, "__init__")
                if isinstance(statement, ast.FunctionDef) and leave_alone(
                    statement.decorator_list, base.scope
                ):
                    function = Function(statement, base.scope, own=ref, owner=base.name)
                    self.call_function(function, arguments, keywords)
                    return
                if statement is not None:
                    self.taint(ref)
                    return
                if is_data_class(base.scope.classes[base.name], base.scope):
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
        order = self.mro(kind)
        fields = fields_of(order)
        if fields is None or any(isinstance(value, Spread) for value in arguments):
            self.taint(ref)
            return
        given = dict(zip([field.name for field in fields if field.given], arguments))
        if len(given) < len(arguments) or given.keys() & keywords.keys():
            raise Raised
        given.update(keywords)
        unknown = given.pop("**", None) is not None
        if not given.keys() <= {field.name for field in fields if field.given}:
            raise Raised
        for field_ in fields:
            self.set_attribute(ref, field_.name, self._field_value(field_, given, unknown=unknown))
        if is_named_tuple(order):
            return
        found = self.class_attribute(kind, "__post_init__")
        if found is not None and isinstance(found[1], ast.FunctionDef):
            self.call_function(
                Function(found[1], found[0].scope, own=ref, owner=found[0].name), [], {}
            )

    def _field_value(self, field_: Field, given: dict[str, Value], *, unknown: bool) -> Value:
        if field_.name in given:
            return given[field_.name]
        if unknown and field_.given:
            return Unknown("it may be passed by **")
        if field_.factory is not None:
            frame = Frame(self.new("frame"), field_.scope, "<class>")
            return self.call(self.evaluate(field_.factory, frame), [], {})
        if field_.default is None:
            if field_.given:
                raise Raised
            return UNBOUND
        # The default is the attribute of the class, one object for all instances.
        if id(field_.default) not in self.defaults:
            value = self._evaluate_apart(field_.default, field_.scope, "a default raises")
            self.defaults[id(field_.default)] = (value,)
        (default,) = self.defaults[id(field_.default)]
        return default or Unknown()

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
            elif found is not None and not isinstance(found[1], ast.FunctionDef):
                result = Unknown("its forward is set elsewhere")
            elif found is not None and isinstance(found[1], ast.FunctionDef):
                if not leave_alone(found[1].decorator_list, found[0].scope):
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
    return any(isinstance(inner, (ast.Yield, ast.YieldFrom)) for inner in nodes_in(node))


@functools.cache
def _outer_names(node: ast.FunctionDef) -> frozenset[str]:
    """The names that a function binds around it."""
    return frozenset(
        name for inner in nodes_in(node) if isinstance(inner, ast.Nonlocal) for name in inner.names
    )
