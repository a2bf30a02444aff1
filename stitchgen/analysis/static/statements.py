"""Statements: assignments, branches, loops, and what is left unknown where these cannot be told.

Where a test cannot be told, both branches
are run and what they leave behind is merged; where a loop cannot be unrolled, all that it may
change becomes unknown.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from stitchgen.analysis.scope import imported_names
from stitchgen.analysis.static import modules, operators
from stitchgen.analysis.static.calls import Done, End
from stitchgen.analysis.static.expressions import Expressions
from stitchgen.analysis.static.frames import Frame
from stitchgen.analysis.static.names import MUTATORS, is_transparent
from stitchgen.analysis.static.values import (
    NONE,
    UNBOUND,
    Choice,
    Function,
    Known,
    Opaque,
    Raised,
    Ref,
    Tensor,
    Term,
    Unknown,
    Value,
    compound,
    literal,
)


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
class Statements(Expressions):
    """Statements, with the names that each leaves behind in the `__init__` that is read."""

    snapshots: dict[int, list[Snapshot]] = field(default_factory=dict)  # by id of the statement

    def execute(self, queue: Sequence[ast.stmt | Done], frame: Frame) -> End:
        """Run statements to the end of the function or of the loop body."""
        queue = list(queue)
        position = 0
        while position < len(queue):
            statement = queue[position]
            position += 1
            if isinstance(statement, Done):
                self._snapshot(statement.statement, frame)
                continue
            self.count()
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
                    return End("return", NONE if value is None else self.evaluate(value, frame))
                case ast.Raise():
                    raise Raised
                case ast.Break():
                    return End("break")
                case ast.Continue():
                    return End("continue")
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
                        self.evaluate(item.context_expr, frame)
                        if item.optional_vars is not None:
                            self.assign(item.optional_vars, Unknown("it is a context"), frame)
                    queue, position = [*body, *rest], 0
                case ast.For() | ast.While():
                    end = (
                        self._loop(statement, frame)
                        if isinstance(statement, ast.For)
                        else self._while(statement, frame)
                    )
                    if end.kind == "return":
                        return end
                    if end.kind == "mixed":
                        self.execute([*statement.orelse, *rest], frame)
                        return End("return", Unknown("it depends on a loop"))
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
                        return End("return", Unknown("it depends on a statement not read"))
        return End("next")

    def _alternatives(self, bodies: Sequence[Sequence[Any]], frame: Frame) -> End:
        statement = frame.statement

        def run(body: Sequence[Any]) -> Callable[[], End]:
            def thunk() -> End:
                frame.statement = statement
                return self.execute(body, frame)

            return thunk

        ends = self.branches(*(run(body) for body in bodies))
        kinds = {end.kind for end in ends}
        if kinds == {"return"} or (not frame.loops and kinds == {"return", "next"}):
            return End("return", self.merge([end.value for end in ends]))
        if kinds <= {"next", "continue"}:
            return End("next")
        if len(kinds) == 1:
            return ends[0]
        return End("mixed", Unknown("it depends on a branch"))

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

    # Loops ----------------------------------------------------------------------------------

    def _loop(self, statement: ast.For, frame: Frame) -> End:
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
                    return End("broken")
                if end.kind == "mixed":
                    # Whether the loop goes on depends on what cannot be told.
                    return self._unknown_loop(statement.body, statement.target, frame)
        finally:
            frame.loops -= 1
        return End("next")

    def _while(self, statement: ast.While, frame: Frame) -> End:
        frame.loops += 1
        try:
            for _ in range(500):
                known = self.truth(self.evaluate(statement.test, frame))
                if known is False:
                    return End("next")
                if known is None:
                    break
                end = self.execute(statement.body, frame)
                if end.kind == "return":
                    return end
                if end.kind == "break":
                    return End("broken")
                if end.kind == "mixed":
                    break
            return self._unknown_loop(statement.body, None, frame)
        finally:
            frame.loops -= 1

    def _unknown_loop(self, body: list[ast.stmt], target: ast.expr | None, frame: Frame) -> End:
        """A loop of unknown length: what its body may change is unknown, before and after."""
        self._forget(body, frame)
        if target is not None:
            self.assign(target, Unknown("it is a loop's variable"), frame)
        mark = len(self.log)
        frame.loops += 1
        try:
            self.branches(lambda: self.execute(body, frame), lambda: End("next"))
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
            return End("mixed")
        return End("next")

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

    # Assignments ----------------------------------------------------------------------------

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


def _by_term(values: dict[str, Value]) -> dict[Term, str]:
    found: dict[Term, str] = {}
    for name, value in values.items():
        if value.term is not None and not isinstance(value, (Choice, Unknown)):
            found.setdefault(value.term, name)
    return found


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
