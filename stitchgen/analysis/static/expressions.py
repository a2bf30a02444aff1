"""The values of expressions.

Where a test cannot be determined, both sides are evaluated and merged.
"""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from stitchgen.analysis.static import modules, operators
from stitchgen.analysis.static.calls import Calls, Context
from stitchgen.analysis.static.dataclass_fields import is_named_tuple
from stitchgen.analysis.static.decorators import is_memoised, leave_alone
from stitchgen.analysis.static.frames import Frame
from stitchgen.analysis.static.heap import CONTAINER_KINDS, MOST_ITEMS
from stitchgen.analysis.static.names import is_container, is_definite
from stitchgen.analysis.static.values import (
    NONE,
    UNBOUND,
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
    Super,
    Tensor,
    Test,
    Unknown,
    Value,
    compound,
    literal,
)
from stitchgen.source.tree import nodes_in


class _TooMany(Exception):
    """A comprehension gives more than any model has."""


class Expressions(Calls):
    """Expressions, and what is read out of their values."""

    @abstractmethod
    def assign(self, target: ast.expr, value: Value, frame: Frame) -> None:
        """Bind a target: a name, an attribute, an element, or several of these."""

    def evaluate(self, node: ast.expr, frame: Frame) -> Value:
        self.count()
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
                if isinstance(op, ast.Not):
                    known = self.test(operand, frame)
                    if known is None:
                        return Unknown("it is a test that cannot be determined")
                    return Known(not known)
                result = self.evaluate(operand, frame)
                return operators.unary(op, result)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                known = self.test(test, frame)
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
                ends = [part.value for part in parts if isinstance(part, Known)]
                if len(ends) == len(parts):
                    return Known(slice(*ends))
                return Unknown("it is a slice")
            case ast.ListComp(elt=element, generators=generators):
                return self.sequence(self._comprehension(element, generators, frame))
            case ast.SetComp(elt=element, generators=generators):
                return self.sequence(self._comprehension(element, generators, frame), "set")
            case ast.GeneratorExp(elt=element, generators=generators):
                # What it goes through is evaluated at once, the rest where it is iterated over.
                source = self.evaluate(generators[0].iter, frame)
                return self.iterator(
                    lambda: self._comprehension(element, generators, frame, source), [source]
                )
            case ast.DictComp(key=key_node, value=value_node, generators=generators):
                pairs: list[tuple[Any, Value]] = []
                inner = self._comprehension_frame(frame)
                known_keys = True

                def add() -> None:
                    nonlocal known_keys
                    key, content = self.evaluate(key_node, inner), self.evaluate(value_node, inner)
                    if isinstance(key, Known) and is_key(key.value):
                        pairs.append((key.value, content))
                    else:
                        known_keys = False

                done = self._generate(generators, inner, add)
                return self.mapping(dict(pairs).items() if done and known_keys else None)
            case ast.JoinedStr(values=values):
                return self._text(values, frame)
            case ast.FormattedValue(value=value):
                return self._text([node], frame)
            case ast.Lambda():
                return self.function_made(node, frame)
            case ast.NamedExpr(target=target, value=value):
                result = self.evaluate(value, frame)
                while frame.binds_in is not None:
                    frame = frame.binds_in
                self.assign(target, result, frame)
                return result
            case ast.Starred(value=value):
                return self.evaluate(value, frame)
        return Unknown()

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
            pairs: Any = self.items(value)
            if pairs is None:
                keywords["**"] = Unknown()
            else:
                keywords.update({str(key): item for key, item in pairs})
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

    def _context(self, function: Value, node: ast.Call, frame: Frame) -> Context | None:
        for choice in function.values if isinstance(function, Choice) else (function,):
            if isinstance(choice, Ref) and self.is_module(choice):
                return Context(node, frame, choice.id)
        return None

    def function_made(self, node: ast.FunctionDef | ast.Lambda, frame: Frame) -> Value:
        """The value of a `def` or `lambda` that is run."""
        arguments = node.args
        made = tuple(
            None if default is None else self.evaluate(default, frame)
            for default in (*arguments.defaults, *arguments.kw_defaults)
        )
        around = None if frame.is_class else frame.id
        if isinstance(node, ast.Lambda):
            return Function(node, frame.scope, around, defaults=made)
        if node.decorator_list and not leave_alone(
            node.decorator_list, frame.scope, self._local_names(frame)
        ):
            self.escape(made)
            for part in nodes_in(node):  # it may be called, and change what is around it
                if isinstance(part, ast.Name):
                    self.escape([self.lookup(part.id, frame)])
                elif isinstance(part, ast.Nonlocal):
                    for name in part.names:
                        own = self.get(frame.id, name) is not None
                        place = frame.id if own else self.frame_around(name, frame)
                        self.put(place, name, Unknown("a decorated function may change it"))
                        if own:
                            frame.outer[name] = self.new("frame")  # it is not known any more
            return Unknown(f"{node.name} is decorated")
        memoised = is_memoised(node.decorator_list, frame.scope)
        return Function(node, frame.scope, around, defaults=made, memoised=memoised)

    def _local_names(self, frame: Frame) -> frozenset[str]:
        """The names that a function and those around it bind."""
        names: set[str] = set()
        current: int | None = frame.id
        while current is not None:
            names.update(name for name, _ in self.contents(current))
            current = self.get(current, "^")
        return frozenset(names)

    def _comprehension(
        self,
        element: ast.expr,
        generators: list[ast.comprehension],
        frame: Frame,
        source: Value | None = None,
    ) -> list[Value] | None:
        """What a comprehension gives; None where its length cannot be determined."""
        found: list[Value] = []
        inner = self._comprehension_frame(frame)
        first, mark = len(self.kinds), len(self.log)

        def add() -> None:
            found.append(self.evaluate(element, inner))
            if len(found) > MOST_ITEMS:
                raise _TooMany

        try:
            done = self._generate(generators, inner, add, source)
        except _TooMany:
            self.forget_changes(first, mark)
            return None
        if not done:
            self.escape(found)
        return found if done else None

    def _comprehension_frame(self, frame: Frame) -> Frame:
        inner = Frame(
            self.new("frame"), frame.scope, frame.function, frame.id, frame.own, frame.owner
        )
        inner.own_name = frame.own_name
        inner.binds_in = frame
        self.put(inner.id, "^", frame.id)
        return inner

    def _generate(
        self,
        generators: list[ast.comprehension],
        frame: Frame,
        add: Callable[[], None],
        source: Value | None = None,
    ) -> bool:
        """Run a comprehension; False if its length cannot be determined."""
        if not generators:
            add()
            return True
        first, *others = generators
        items = self.iterate(self.evaluate(first.iter, frame) if source is None else source)
        if items is None or len(items) > 2000:
            self.assign(first.target, Unknown("it is a comprehension's variable"), frame)
            start, mark = len(self.kinds), len(self.log)

            def turn() -> None:
                for test in first.ifs:
                    self.evaluate(test, frame)
                self._generate(others, frame, add)

            self.branches(turn, lambda: None)
            self.forget_changes(start, mark)
            return False
        done = True
        for item in items:
            self.assign(first.target, item, frame)
            known = self._passes(first.ifs, frame)
            if known is False:
                continue
            if known is None:
                done = False
                self.branches(lambda: self._generate(others, frame, add), lambda: None)
                continue
            done = self._generate(others, frame, add) and done
        return done

    def _passes(self, tests: list[ast.expr], frame: Frame) -> bool | None:
        """Whether the conditions of a comprehension hold, evaluated until one does not."""
        result: bool | None = True
        for test in tests:
            known = self.test(test, frame)
            if known is False:
                return False
            result = None if known is None else result
        return result

    def _elements(self, elements: list[ast.expr], frame: Frame) -> list[Value] | None:
        found: list[Value] | None = []
        for element in elements:
            value = self.evaluate(element, frame)
            if isinstance(element, ast.Starred):
                items = self.iterate(value)
                self.escape(
                    [*(found or ()), *(items or ())] if items is None or found is None else ()
                )
                found = None if items is None or found is None else [*found, *items]
            elif found is not None:
                found.append(value)
            else:
                self.escape([value])
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
            if not isinstance(name, Known) or not is_key(name.value) or table is None:
                self.escape([content, *(table or {}).values()])
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
                return Unknown("it is a text that cannot be determined")
            convert = {ord("r"): repr, ord("a"): ascii}.get(value.conversion, str)
            text += operators.printed(convert, part.value)
            if len(text) > operators.LONGEST_TEXT:
                return Unknown("it is a long text")
        return Known(text, term=literal(text))

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
            return Unknown("it is a comparison that cannot be determined")
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
                results = self.branches(lambda: left, lambda: self.evaluate(remaining, frame))
                if {self.truth(v) for v in results[1:]} == {stops}:  # whichever side it is
                    self.escape(results)
                    return Test("it is one of two that count the same", truth=stops)
                return self.merge(results)
            value = self.evaluate(other, frame)
        return value

    def test(self, node: ast.expr, frame: Frame) -> bool | None:
        """Whether a condition holds; None where that cannot be determined."""
        return self.truth(self.evaluate(node, frame))

    def truth(self, value: Value) -> bool | None:
        """Whether the value counts as true; None where that cannot be determined."""
        match value:
            case Known(value=known):
                return bool(known)
            case Test(truth=known):
                return known
            case Ref():
                if self.kinds[value.id] in CONTAINER_KINDS:
                    items = self.items(value)
                    return None if items is None else bool(items)
                if self.kinds[value.id] == "iterator":
                    return None if not self.get(value.id, "once") else True
                kind = self.class_of(value)
                if self.get(value.id, "tainted") and not self.is_module(value):
                    return None
                if isinstance(kind, ClassRef) and any(
                    self.class_attribute(kind, name) for name in ("__bool__", "__len__")
                ):
                    return None
                if isinstance(kind, ClassRef) and is_named_tuple(self.mro(kind)):
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

    def subscript(self, owner: Value, index: Value) -> Value:
        if isinstance(owner, Choice):
            return self.merge([self.subscript(v, index) for v in owner.values if v is not UNBOUND])
        items = self.items(owner)
        kind = self.kind(owner)
        if items is not None and isinstance(index, Known):
            assert isinstance(owner, Ref)
            if kind == "dict":
                table = dict(items)
                if not is_key(index.value) or index.value not in table:
                    raise Raised
                return self.element(owner, table[index.value], "[]", literal(index.value))
            if kind == "set":
                raise Raised
            try:
                found = items[index.value]
            except (IndexError, TypeError, ValueError):
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
            except (TypeError, IndexError, KeyError, ValueError):
                raise Raised from None
        if isinstance(owner, Ref) and self.is_module(owner):
            return modules.child(self, owner, index)
        if isinstance(owner, Opaque) and isinstance(index, (Known, Opaque)):
            return Opaque(term=compound("[]", owner.term, index.term))
        if isinstance(owner, Tensor):
            return Tensor(Unknown("it is a part of a tensor"))
        self.escape([owner])
        return Unknown("it is a part of something unknown")

    def iterate(self, value: Value) -> list[Value] | None:
        """The values that a loop over it gives; None where they cannot be determined."""
        if self.kind(value) == "set" and len(self.items(value) or (0, 0)) > 1:
            return None  # in an order that depends on hashes
        return self.elements(value)

    def elements(self, value: Value) -> list[Value] | None:
        """The same in any order."""
        items = self.items(value)
        kind = self.kind(value)
        if items is not None:
            if kind == "dict":
                return [Known(key, term=literal(key)) for key, _ in items]
            if kind == "set":
                return [item.having(None) for item in items]
            return [
                self.element(value, item, "[]", literal(index)) for index, item in enumerate(items)
            ]
        if isinstance(value, Ref) and kind == "iterator":
            produce = self.get(value.id, "produce")
            if self.get(value.id, "once"):
                self.put(value.id, "produce", list)  # nothing is left
            found: list[Value] | None = produce() if produce is not None else None
            return found
        if isinstance(value, Known) and isinstance(value.value, (str, range, tuple)):
            if len(value.value) > MOST_ITEMS:
                return None
            return [Known(item, term=literal(item)) for item in value.value]
        if isinstance(value, Ref) and self.is_module(value):
            return modules.iterate(self, value)
        return None


def is_key(value: object) -> bool:
    """Whether a value can be a key of a dict."""
    try:
        hash(value)
    except TypeError:
        return False
    return True
