"""Statements: assignments, branches, loops, and what these leave unknown.

Where a test cannot be determined, both branches are run and what they leave behind is merged;
where a loop cannot be unrolled, all that it may change becomes unknown.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from stitchgen.analysis.static import modules, operators
from stitchgen.analysis.static.calls import Bind, Done, End, Item, Partly
from stitchgen.analysis.static.expressions import Expressions
from stitchgen.analysis.static.frames import Frame
from stitchgen.analysis.static.heap import nothing_known
from stitchgen.analysis.static.names import MUTATORS
from stitchgen.analysis.static.values import (
    NONE,
    UNBOUND,
    Choice,
    ClassRef,
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
from stitchgen.source.tree import imported_names, nodes_in

#: What a statement leads to: nothing, an end, or what is run instead of what comes after it.
Outcome = End | Sequence[Item] | None


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

    def execute(self, queue: Sequence[Item], frame: Frame) -> End:
        """Run statements to the end of the function or of the loop body."""
        queue = list(queue)
        position = 0
        while position < len(queue):
            item = queue[position]
            position += 1
            if isinstance(item, Done):
                self._snapshot(item.statement, frame)
                continue
            if isinstance(item, Partly):
                self._run_partly(item, frame)
                continue
            if isinstance(item, Bind):
                for name in item.names:
                    self.bind(name, Unknown(item.reason), frame)
                continue
            self.count()
            if id(item) in frame.outermost:
                frame.statement = item
            run = _STATEMENTS.get(type(item), Statements._unread)
            outcome = run(self, item, queue[position:], frame)
            if isinstance(outcome, End):
                return outcome
            if outcome is not None:
                queue, position = list(outcome), 0
        return End("next")

    # Each statement gives nothing, how the function or loop body ends, or what to run instead of
    # the statements after it.

    def _expression(self, node: ast.Expr, rest: list[Item], frame: Frame) -> Outcome:
        self.evaluate(node.value, frame)
        return None

    def _assign(self, node: ast.Assign, rest: list[Item], frame: Frame) -> Outcome:
        result = self.evaluate(node.value, frame)
        for target in node.targets:
            self.assign(target, result, frame)
        return None

    def _annotated(self, node: ast.AnnAssign, rest: list[Item], frame: Frame) -> Outcome:
        if node.value is not None:
            self.assign(node.target, self.evaluate(node.value, frame), frame)
        return None

    def _augmented(self, node: ast.AugAssign, rest: list[Item], frame: Frame) -> Outcome:
        match node.target:
            case ast.Name():
                left = self.lookup(node.target.id, frame)
                result = self._augment(left, node, frame)
                if result is not None:
                    self.assign(node.target, result, frame)
            case ast.Attribute(value=inner, attr=name):
                owner = self.evaluate(inner, frame)
                result = self._augment(self.attribute(owner, name), node, frame)
                if result is not None:
                    self.set_attributes(owner, name, result)
            case ast.Subscript(value=inner, slice=index):
                owner, key = self.evaluate(inner, frame), self.evaluate(index, frame)
                result = self._augment(self.subscript(owner, key), node, frame)
                if result is not None:
                    self.set_item(owner, key, result)
        return None

    def _return(self, node: ast.Return, rest: list[Item], frame: Frame) -> Outcome:
        return End("return", NONE if node.value is None else self.evaluate(node.value, frame))

    def _raise(self, node: ast.Raise, rest: list[Item], frame: Frame) -> Outcome:
        raise Raised

    def _break(self, node: ast.Break, rest: list[Item], frame: Frame) -> Outcome:
        return End("break")

    def _continue(self, node: ast.Continue, rest: list[Item], frame: Frame) -> Outcome:
        return End("continue")

    def _if(self, node: ast.If, rest: list[Item], frame: Frame) -> Outcome:
        known = self.test(node.test, frame)
        if known is not None:
            return [*(node.body if known else node.orelse), *rest]
        return self._either([node.body, node.orelse], rest, frame)

    def _with(self, node: ast.With, rest: list[Item], frame: Frame) -> Outcome:
        swallows = False
        for item in node.items:
            value = self.evaluate(item.context_expr, frame)
            if item.optional_vars is not None:
                self.assign(item.optional_vars, Unknown("it is a context"), frame)
            if "suppress" in ast.unparse(item.context_expr):
                swallows = True
            if isinstance(value, Ref) and isinstance(self.class_of(value), ClassRef):
                if not self.is_module(value):
                    self.pass_to_unknown([value])  # its `__enter__` and `__exit__` are not run
                    swallows = True
        if swallows:
            return self._attempt(node.body, [[]], rest, frame)
        return [*node.body, *rest]

    def _for(self, node: ast.For, rest: list[Item], frame: Frame) -> Outcome:
        return self._after_loop(self._loop(node, frame), node.orelse, rest, frame)

    def _while(self, node: ast.While, rest: list[Item], frame: Frame) -> Outcome:
        return self._after_loop(self._while_loop(node, frame), node.orelse, rest, frame)

    def _try(self, node: ast.Try, rest: list[Item], frame: Frame) -> Outcome:
        handlers: list[list[Item]] = [
            [Bind((handler.name,) if handler.name else (), "it is an exception"), *handler.body]
            for handler in node.handlers
        ]
        last = node.finalbody
        escaping = [*node.body, *node.orelse, *(part for one in node.handlers for part in one.body)]
        if last and _escapes(escaping):
            if _escapes(last):
                return self._unread(node, rest, frame)
            end = self._attempt([*node.body], handlers, [*last, *rest], frame, node.orelse)
            self._forget(last, frame)
            return end
        return self._attempt(node.body, handlers, [*last, *rest], frame, node.orelse)

    def _match(self, node: ast.Match, rest: list[Item], frame: Frame) -> Outcome:
        subject = self.evaluate(node.subject, frame)
        arms: list[list[Item]] = []
        for case in node.cases:
            known = _matches(subject, case.pattern)
            if case.guard is not None and known is not False:
                known = None
            if known is False:
                continue
            arm: list[Item] = [Bind(_captured(case.pattern), "it is matched")]
            if case.guard is not None:
                arm.append(ast.Expr(case.guard))
            arm += case.body
            arms.append(arm)
            if known:
                break
        else:
            arms.append([])
        if len(arms) == 1:
            return [*arms[0], *rest]
        return self._either(arms, rest, frame)

    def _function(self, node: ast.FunctionDef, rest: list[Item], frame: Frame) -> Outcome:
        self.bind(node.name, self.function_made(node, frame), frame)
        return None

    def _assert(self, node: ast.Assert, rest: list[Item], frame: Frame) -> Outcome:
        if self.test(node.test, frame) is False:
            raise Raised
        return None

    def _pass(self, node: ast.Pass, rest: list[Item], frame: Frame) -> Outcome:
        return None

    def _global(self, node: ast.Global, rest: list[Item], frame: Frame) -> Outcome:
        for name in node.names:
            self.put(frame.id, name, Unknown("it is global"))
            frame.outer[name] = self.new("frame")  # where nobody looks
        return None

    def _nonlocal(self, node: ast.Nonlocal, rest: list[Item], frame: Frame) -> Outcome:
        for name in node.names:
            frame.outer[name] = self.frame_around(name, frame)
        return None

    def _import(self, node: ast.Import | ast.ImportFrom, rest: list[Item], frame: Frame) -> Outcome:
        for name, origin in imported_names(node):
            origin = frame.scope.absolute(origin)
            self.bind(name, self.imported(origin, frame.scope), frame)
        return None

    def _delete(self, node: ast.Delete, rest: list[Item], frame: Frame) -> Outcome:
        for target in node.targets:
            self._delete_one(target, frame)
        return None

    def _unread(self, node: ast.stmt, rest: list[Item], frame: Frame) -> Outcome:
        """A statement that is not read, such as a class: what it may change is unknown."""
        self._forget([node], frame)
        if any(isinstance(inner, ast.Return) for inner in nodes_in(node)):
            self.execute(rest, frame)
            return End("return", Unknown("it depends on a statement not read"))
        if _escapes([node]):
            return End("mixed", Unknown("it depends on a statement not read"))
        return None

    # Alternatives ---------------------------------------------------------------------------

    def _either(self, arms: Sequence[Sequence[Item]], rest: list[Item], frame: Frame) -> End | None:
        """Run alternatives; with what comes after them, where one may not get there."""
        if any(_escapes(arm) for arm in arms):
            return self._alternatives([[*arm, *rest] for arm in arms], frame)
        self._alternatives(arms, frame)
        return None

    def _attempt(
        self,
        body: Sequence[ast.stmt],
        handlers: Sequence[Sequence[Item]],
        rest: list[Item],
        frame: Frame,
        orelse: Sequence[ast.stmt] = (),
    ) -> Outcome:
        """Run a body to its end, or to where it may raise and then one of the handlers."""
        arms: list[list[Item]] = [[*body, *orelse]]
        places = [index for index, part in enumerate(body) if _may_raise(part)]
        if len(places) > 4:  # anywhere, then, with all that it may have done until there
            before: list[list[Item]] = [[Partly(part, or_wholly=True) for part in body]]
        else:
            before = [[*body[:index], Partly(body[index])] for index in places]
        arms += [[*front, *handler] for front in before for handler in handlers]
        if any(_escapes(arm) for arm in arms):
            return self._alternatives([[*arm, *rest] for arm in arms], frame)
        self._alternatives(arms, frame)
        return rest

    def _run_partly(self, partly: Partly, frame: Frame) -> None:
        """Run a statement that raises at some point: what it may have changed is unknown."""
        statement = partly.statement
        first, mark = len(self.kinds), len(self.log)
        value = getattr(statement, "value", None)
        try:
            simple = isinstance(statement, (ast.Assign, ast.AnnAssign, ast.Return, ast.Expr))
            if simple and not partly.or_wholly:
                if isinstance(value, ast.expr):
                    self.evaluate(value, frame)
            else:
                self.execute([statement], frame)
        except Raised:
            pass
        self.forget_changes(first, mark)
        if partly.or_wholly or isinstance(getattr(statement, "body", None), list):
            self._forget([statement], frame)

    def forget_changes(self, first: int, mark: int) -> None:
        """Make unknown what has changed since, of objects that were there before."""
        self._forget_places({place for place, _ in self.log[mark:]}, first)

    def _forget_places(self, places: Iterable[tuple[int, str]], first: int) -> None:
        for id, key in places:
            if id >= first:
                continue
            value = self.cells.get((id, key))
            if key == "items":
                self.put(id, key, None)
            elif key == "produce":
                self.put(id, key, nothing_known)
            elif key.startswith(".") or (self.kinds[id] == "frame" and key != "^"):
                if value is None or isinstance(value, Value):
                    self.put(id, key, Unknown("it is changed where reading cannot follow"))
            elif key == "tainted":
                self.put(id, key, True)

    def _alternatives(self, bodies: Sequence[Sequence[Any]], frame: Frame) -> End:
        statement = frame.statement

        def run(body: Sequence[Any]) -> Callable[[], End]:
            def thunk() -> End:
                frame.statement = statement
                return self.execute(body, frame)

            return thunk

        ends: list[End] = self.branches(*(run(body) for body in bodies))
        kinds = {end.kind for end in ends}
        if kinds == {"return"} or (not frame.loops and kinds == {"return", "next"}):
            return End("return", self.merge([end.value for end in ends]))
        if kinds <= {"next", "continue"}:
            return End("next")
        if len(kinds) == 1:
            return ends[0]
        return End("mixed", Unknown("it depends on a branch"))

    def body_of(self, kind: ClassRef) -> int:
        """The frame in which the body of a class has run, when its file was imported."""
        node = kind.scope.classes[kind.name]
        if id(node) not in self.bodies:
            first, mark = len(self.kinds), len(self.log)
            frame = Frame(self.new("frame"), kind.scope, kind.name, is_class=True)
            self.bodies[id(node)] = frame.id
            undecided, self.undecided = self.undecided, 0
            try:
                self.execute(node.body, frame)
            except Raised:
                self.undo(mark)
            finally:
                self.undecided = undecided
                self.keep(first, mark)
        return self.bodies[id(node)]

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

    # Loops ----------------------------------------------------------------------------------

    def _after_loop(
        self, end: End, orelse: list[ast.stmt], rest: list[Item], frame: Frame
    ) -> Outcome:
        """What is run after a loop that ended so: the `else` unless it was left by `break`."""
        if end.kind == "return":
            return end
        if end.kind == "mixed":
            self.execute([*orelse, *rest], frame)
            return End("return", Unknown("it depends on a loop"))
        if end.kind == "next":
            return [*orelse, *rest]
        if end.kind == "unsure" and orelse:
            return self._either([orelse, []], rest, frame)
        return None

    def _loop(self, statement: ast.For, frame: Frame) -> End:
        """Run a loop.

        The end is "next", "broken", "unsure" where it may be either, "return", or "mixed" if it may
        return.
        """
        value = self.evaluate(statement.iter, frame)
        sources = self.sources(value)
        first, mark = len(self.kinds), len(self.log)
        items = self.iterate(value)
        ahead = {place for place, _ in self.log[mark:]} if self.is_iterator(value) else set()
        if items is None or len(items) > 2000:
            return self._unknown_loop(statement, frame)
        frame.loops += 1
        try:
            for item in items:
                self.assign(statement.target, item, frame)
                end = self.execute(statement.body, frame)
                if end.kind == "return":
                    return end
                if end.kind == "break":
                    # What an iterator would have done to give the rest is not done.
                    self._forget_places(ahead, first)
                    return End("broken")
                if end.kind == "mixed":
                    # Whether the loop goes on depends on what cannot be determined.
                    return self._unknown_loop(statement, frame)
                if any(a is not b for a, b in zip(sources, self.sources(value))):
                    # It goes through what it changes itself.
                    return self._unknown_loop(statement, frame)
        finally:
            frame.loops -= 1
        return End("next")

    def _while_loop(self, statement: ast.While, frame: Frame) -> End:
        frame.loops += 1
        try:
            for _ in range(500):
                known = self.test(statement.test, frame)
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
            return self._unknown_loop(statement, frame)
        finally:
            frame.loops -= 1

    def _unknown_loop(self, loop: ast.For | ast.While, frame: Frame) -> End:
        """A loop of unknown length: what it may change is unknown, before and after."""
        body = loop.body
        again: list[ast.stmt] = (
            [ast.Expr(loop.test), *body] if isinstance(loop, ast.While) else body
        )
        first = len(self.kinds)
        self._forget(body, frame)
        frame.loops += 1
        try:
            # Until another turn changes nothing that is still known.
            changes = True
            while changes:
                if isinstance(loop, ast.For):
                    self.assign(loop.target, Unknown("it is a loop's variable"), frame)
                mark = len(self.log)
                self.branches(lambda: self.execute(again, frame), lambda: End("next"))
                changes = any(
                    _was_known(*entry) for entry in self.log[mark:] if entry[0][0] < first
                )
                self.forget_changes(first, mark)
                self._forget(body, frame)
        finally:
            frame.loops -= 1
        nodes = [node for part in body for node in nodes_in(part)]
        if any(isinstance(node, ast.Return) for node in nodes):
            return End("mixed")
        return End("unsure" if any(isinstance(node, ast.Break) for node in nodes) else "next")

    def _forget(self, body: Iterable[ast.stmt], frame: Frame) -> None:
        """Make all unknown that statements may bind or change, by their text."""
        reason = Unknown("it is changed where reading cannot follow")
        for statement in body:
            for node in nodes_in(statement):
                match node:
                    case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                        self.bind(name, reason, frame)
                    case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                        self.bind(name, reason, frame)
                    case ast.MatchAs(name=str() as name) | ast.MatchStar(name=str() as name):
                        self.bind(name, reason, frame)
                    case ast.ExceptHandler(name=str() as name):
                        self.bind(name, reason, frame)
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
        else:
            if value.term is not None:
                self.mutated.add(value.term)
            self.escape([value])
            self.change_unknown()

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
                self.bind(name, value, frame)
            case ast.Attribute(value=inner, attr=name):
                self.set_attributes(self.evaluate(inner, frame), name, value)
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
            self.escape([value])
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
            self.escape([owner])
            self.hold_unknown(value)
            return
        kind = self.kinds[owner.id]
        items = self.items(owner)
        if items is None or not isinstance(key, Known):
            self.escape([value])
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

    def set_attributes(self, owner: Value, name: str, value: Value) -> None:
        """Set an attribute of whatever an expression may mean."""
        choices = owner.values if isinstance(owner, Choice) else (owner,)
        for choice in choices:
            if isinstance(choice, Unknown):
                self.hold_unknown(value)
            if isinstance(choice, ClassRef):
                self.override(choice, name)
            if isinstance(choice, Ref) and self.kinds[choice.id] in {"instance", "module"}:
                if self.class_setter(choice, name):
                    self.taint(choice)
                if len(choices) > 1:
                    value = Unknown("it is set on one of several objects")
                self.set_attribute(choice, name, value)

    def _augment(self, left: Value, node: ast.AugAssign, frame: Frame) -> Value | None:
        """What `left += ...` binds; None where an `nn.Module` is changed in place."""
        right = self.evaluate(node.value, frame)
        op, kind = node.op, self.kind(left)
        if isinstance(left, Unknown):
            self.escape([right])
            self.change_unknown()
        if isinstance(left, Choice):
            self.pass_to_unknown(left.values)
            return Unknown("it is one of several that is changed")
        if isinstance(left, Ref) and kind in {"list", "set", "dict"}:
            if kind == "list" and isinstance(op, ast.Add):
                added, items = self.iterate(right), self.items(left)
                both = None if added is None or items is None else (*items, *added)
            else:
                both = self.items(operators.binary(self, op, left, right))
            self.put(left.id, "items", both)
            return left
        if isinstance(left, Tensor) and isinstance(op, (ast.Add, ast.Sub, ast.Mult, ast.Div)):
            return left  # in place: the shape stays
        if isinstance(left, Ref) and self.is_module(left):
            modules.extend(self, left, right)
            return None
        return operators.binary(self, op, left, right)

    def _delete_one(self, target: ast.expr, frame: Frame) -> None:
        match target:
            case ast.Name(id=name):
                self.bind(name, UNBOUND, frame)
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


def _escapes(statements: Iterable[Item]) -> bool:
    """Whether control may leave these statements other than at their end."""
    for statement in statements:
        match statement:
            case Partly() | Done() | Bind():
                continue
            case ast.Return() | ast.Break() | ast.Continue():
                return True
            case ast.FunctionDef() | ast.ClassDef():
                continue
            case ast.For() | ast.While():
                if any(isinstance(node, ast.Return) for node in nodes_in(statement)):
                    return True
                continue
        for name in ("body", "orelse", "finalbody"):
            if _escapes(getattr(statement, name, [])):
                return True
        for part in (*getattr(statement, "handlers", []), *getattr(statement, "cases", [])):
            if _escapes(part.body):
                return True
    return False


def _was_known(place: tuple[int, str], old: Any) -> bool:
    """Whether an entry of the log is the change of something that was known until then."""
    if place[1] in ("items", "produce"):
        return old is not None and old is not nothing_known
    return isinstance(old, Value) and not isinstance(old, Unknown) and place[1] != "value"


def _may_raise(statement: ast.stmt) -> bool:
    """Whether a statement may raise an exception: all but the plainest."""
    match statement:
        case ast.Pass() | ast.FunctionDef(decorator_list=[]) | ast.Global() | ast.Nonlocal():
            return False
        case ast.Expr(value=value):
            return not isinstance(value, ast.Constant)
        case ast.Assign(targets=[ast.Name()], value=value):
            return not isinstance(value, ast.Constant)
    return True


def _matches(subject: Value, pattern: ast.pattern) -> bool | None:
    """Whether a pattern of `match` fits; None where that cannot be determined."""
    match pattern:
        case ast.MatchAs(pattern=None):
            return True
        case ast.MatchValue(value=ast.Constant(value=value)) if isinstance(subject, Known):
            return bool(subject.value == value)
        case ast.MatchSingleton(value=value) if isinstance(subject, Known):
            return subject.value is value
    return None


def _captured(pattern: ast.pattern) -> tuple[str, ...]:
    """The names that a pattern binds."""
    names = []
    for node in nodes_in(pattern):
        if isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name is not None:
            names.append(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest is not None:
            names.append(node.rest)
    return tuple(names)


_STATEMENTS: dict[type, Callable[[Any, Any, list[Item], Frame], Outcome]] = {
    ast.Expr: Statements._expression,
    ast.Assign: Statements._assign,
    ast.AnnAssign: Statements._annotated,
    ast.AugAssign: Statements._augmented,
    ast.Return: Statements._return,
    ast.Raise: Statements._raise,
    ast.Break: Statements._break,
    ast.Continue: Statements._continue,
    ast.If: Statements._if,
    ast.With: Statements._with,
    ast.For: Statements._for,
    ast.While: Statements._while,
    ast.Try: Statements._try,
    ast.Match: Statements._match,
    ast.FunctionDef: Statements._function,
    ast.Assert: Statements._assert,
    ast.Pass: Statements._pass,
    ast.Global: Statements._global,
    ast.Nonlocal: Statements._nonlocal,
    ast.Import: Statements._import,
    ast.ImportFrom: Statements._import,
    ast.Delete: Statements._delete,
}
