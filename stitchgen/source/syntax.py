"""What a source file says around a place: functions, classes, statements, bound names.

Decides on `ast`; where text goes is LibCST's decision (`document`).
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from stitchgen.source.document import Document, Span
from stitchgen.source.tree import nodes_in, parents

Function = ast.FunctionDef | ast.AsyncFunctionDef
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
#: Expressions that evaluate their parts conditionally, repeatedly, or later.
DEFERRING = (
    ast.Lambda,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
    ast.IfExp,
    ast.BoolOp,
)


@dataclass(frozen=True)
class CallContext:
    """A call expression and what surrounds it."""

    call: ast.Call
    span: Span
    statement: ast.stmt
    form: Literal["assign", "return", "nested"]
    name: str | None  # the variable, for `assign`
    function: Function | None
    receiver: str  # what the method calls its module: `self`

    @property
    def argument(self) -> ast.expr | None:
        """The call's only positional argument, where it has just that."""
        if len(self.call.args) == 1 and not self.call.keywords:
            only = self.call.args[0]
            return None if isinstance(only, ast.Starred) else only
        return None


class Syntax:
    """A document's `ast` with parents."""

    def __init__(self, document: Document):
        self.document = document
        self.tree = document.tree

    @property
    def parents(self) -> Mapping[ast.AST, ast.AST]:
        return parents(self.tree)

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        while node in self.parents:
            node = self.parents[node]
            yield node

    def find(
        self, qualified_name: str, kinds: tuple[type, ...] = (ast.ClassDef,)
    ) -> ast.AST | None:
        """The last definition of that qualified name (`ResNet.forward`)."""
        body: list[ast.stmt] = self.tree.body
        node: ast.AST | None = None
        for part in qualified_name.split("."):
            if part == "<locals>":
                continue
            node = None
            for statement in definitions_in(body):
                if statement.name == part:
                    node = statement
            if node is None:
                return None
            body = node.body
        return node if isinstance(node, kinds) else None

    def class_named(self, qualified_name: str) -> ast.ClassDef | None:
        node = self.find(qualified_name)
        return node if isinstance(node, ast.ClassDef) else None

    def method(self, class_name: str, name: str) -> Function | None:
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        node = self.find(f"{class_name}.{name}", kinds)
        return node if isinstance(node, kinds) else None

    def function(self, name: str) -> Function | None:
        """A function at the top level."""
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        node = self.find(name, kinds)
        return node if isinstance(node, kinds) else None

    @cached_property
    def functions_by_line(self) -> dict[int, Function]:
        """The functions by each line at which their code object may start (a decorator's as well)."""
        found: dict[int, Function] = {}
        for node in nodes_in(self.tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                for line in (node.lineno, *(one.lineno for one in node.decorator_list)):
                    found.setdefault(line, node)
        return found

    def enclosing_class(self, node: ast.AST) -> str | None:
        """Qualified name of the innermost class around a node."""
        names: list[str] = []
        found = False
        for parent in self.above(node):
            if isinstance(parent, ast.ClassDef):
                found = True
            if found and isinstance(parent, (ast.ClassDef, ast.FunctionDef)):
                names.insert(0, parent.name)
        return ".".join(names) or None

    @cached_property
    def calls(self) -> dict[Span, ast.Call]:
        """All calls by their spans; of two with one span the outer one, as `f()()` has none."""
        found: dict[Span, ast.Call] = {}
        for node in nodes_in(self.tree):
            if isinstance(node, ast.Call):
                found.setdefault(self.document.span_of(node), node)
        return found

    def call_at(self, span: Span) -> ast.Call | None:
        return self.calls.get(span)

    def context(self, span: Span) -> CallContext | None:
        """What surrounds the call with this span."""
        call = self.call_at(span)
        if call is None:
            return None
        statement: ast.stmt | None = None
        function: Function | None = None
        receiver = "self"
        deferred = False
        for parent in self.above(call):
            if statement is None and isinstance(parent, DEFERRING):
                deferred = True
            if statement is None and isinstance(parent, ast.stmt):
                statement = parent
            if isinstance(parent, (ast.FunctionDef, ast.AsyncFunctionDef)):
                function = function or parent
                if isinstance(self.parents.get(parent), ast.ClassDef) and parent.args.args:
                    receiver = parent.args.args[0].arg
                    break
        if statement is None:
            return None
        form: Literal["assign", "return", "nested"] = "nested"
        name: Any = None
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if value is call:
                form = "assign"
            case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is call:
                form = "assign"
            case ast.Return(value=value) if value is call:
                form = "return"
            case _:
                name = None
        if deferred or isinstance(statement, (ast.For, ast.While, ast.If, ast.With)):
            form, name = "nested", None
        return CallContext(
            call, span, statement, form, name if form == "assign" else None, function, receiver
        )

    def exclusive(self, one: Span, other: Span) -> bool:
        """Whether only one of the calls is made.

        They stand in different branches of one `if`, or one in a branch that returns before the other.
        """
        first, second = self.call_at(one), self.call_at(other)
        if first is None or second is None:
            return False
        mine = [first, *self.above(first)]
        theirs = [second, *self.above(second)]
        apart = any(
            {branch_of(node, mine), branch_of(node, theirs)} == {"body", "orelse"}
            for node in mine
            if isinstance(node, (ast.If, ast.IfExp)) and node in theirs
        )
        return apart or leaves_before(mine, theirs) or leaves_before(theirs, mine)

    def is_deferred(self, node: ast.AST) -> bool:
        """Whether the expression may be evaluated never, later, or several times."""
        for parent in self.above(node):
            if isinstance(parent, DEFERRING):
                return True
            if isinstance(parent, ast.stmt):
                return isinstance(parent, ast.While)
        return False

    def statement_chain(self, function: Function, line: int) -> list[ast.stmt]:
        """The statements of a function that hold a line, outermost first."""
        chain: list[ast.stmt] = []
        body: list[ast.stmt] = function.body
        while True:
            for statement in body:
                if statement.lineno <= line <= (statement.end_lineno or statement.lineno):
                    chain.append(statement)
                    break
            else:
                return chain
            body = [
                part for part in ast.iter_child_nodes(statement) if isinstance(part, ast.stmt)
            ] + [
                part
                for clause in ast.iter_child_nodes(statement)
                if isinstance(clause, (ast.ExceptHandler, ast.match_case))
                for part in clause.body
            ]

    def names_bound_in(self, function: ast.AST) -> set[str]:
        """All names that the function reads, binds or takes as arguments."""
        names = {part.id for part in nodes_in(function) if isinstance(part, ast.Name)}
        names |= {part.arg for part in nodes_in(function) if isinstance(part, ast.arg)}
        return names

    @cached_property
    def top_level_names(self) -> frozenset[str]:
        """Every name that the file binds, at the top level or by an import anywhere."""
        names: set[str] = set()
        for node in nodes_in(self.tree):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                for alias in node.names:
                    names.add(alias.asname or alias.name.split(".")[0])
            elif isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
                names.add(node.name)
        for node in self.tree.body:
            for part in nodes_in(node):
                if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                    names.add(part.id)
        return frozenset(names)

    def lineage(self, class_name: str) -> list[str]:
        """The class and its bases in this file, as far as they are plain names."""
        found: list[str] = []
        todo = [class_name]
        while todo:
            name = todo.pop(0)
            node = self.class_named(name)
            if node is not None and name not in found:
                found.append(name)
                todo += [base.id for base in node.bases if isinstance(base, ast.Name)]
        return found

    def attributes_of(self, class_name: str) -> set[str]:
        """Names that the class and its bases in this file give to attributes and methods."""
        names: set[str] = set()
        todo, seen = [class_name], set()
        while todo:
            node = self.class_named(todo.pop())
            if node is None or node.name in seen:
                continue
            seen.add(node.name)
            for part in nodes_in(node):
                if isinstance(part, ast.Attribute):
                    names.add(part.attr)
                elif isinstance(part, (ast.FunctionDef, ast.ClassDef)):
                    names.add(part.name)
            todo += [base.id for base in node.bases if isinstance(base, ast.Name)]
        return names


def module_classes(syntax: Syntax) -> list[str]:
    """Classes of the file that have a `forward`, or derive from a Module by name or from another of them."""
    return module_classes_in(syntax.tree)


def module_classes_in(tree: ast.Module) -> list[str]:
    """The same of a tree alone."""
    found: list[str] = []
    for node in definitions_in(tree.body):
        if isinstance(node, ast.ClassDef):
            named = (base for base in node.bases if not isinstance(base, ast.Call))
            bases = " ".join(map(ast.unparse, named))
            methods = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
            inherits = not set(bases.split()).isdisjoint(found)
            if "Module" in bases or "forward" in methods or "Sequential" in bases or inherits:
                found.append(node.name)
    return found


def explicit_class(syntax: Syntax, names: Sequence[str]) -> tuple[str, str] | None:
    """`(CLASS, PATH)` where the leading names are a class of the file."""
    for count in range(len(names), 0, -1):
        if syntax.class_named(".".join(names[:count])) is not None:
            return ".".join(names[:count]), ".".join(names[count:])
    return None


def all_statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """Every statement, also of functions and classes; expressions are not gone into."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.stmt):
            yield node
        for suite in (*suites(node), getattr(node, "handlers", ()), getattr(node, "cases", ())):
            todo += suite


def assigned_pairs(statement: ast.Assign) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Each target with its value; those of `a, b = one, two` one by one."""
    for target in statement.targets:
        match target, statement.value:
            case ast.Tuple(elts=targets), ast.Tuple(elts=values) if len(targets) == len(values):
                yield from zip(targets, values)
            case _:
                yield target, statement.value


def suites(node: ast.AST) -> list[list[ast.stmt]]:
    """The suites of a statement: its body, its else, its finally."""
    return [getattr(node, name, []) for name in ("body", "orelse", "finalbody")]


def definitions_in(body: list[ast.stmt]) -> Iterator[Function | ast.ClassDef]:
    """Functions and classes of a suite, also those under `if`, `try` and `with`."""
    for statement in body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield statement
        elif isinstance(statement, (ast.If, ast.Try, ast.With, ast.For, ast.While)):
            for part in ast.iter_child_nodes(statement):
                if isinstance(part, ast.ExceptHandler):
                    yield from definitions_in(part.body)
            for name in ("body", "orelse", "finalbody"):
                yield from definitions_in(getattr(statement, name, []))


def branch_of(node: ast.If | ast.IfExp, chain: Sequence[ast.AST]) -> str | None:
    """The branch that holds an expression, given with what is around it; None for the condition."""
    for name in ("body", "orelse"):
        part = getattr(node, name)
        if any(child in chain for child in (part if isinstance(part, list) else [part])):
            return name
    return None


def leaves_before(mine: Sequence[ast.AST], theirs: Sequence[ast.AST]) -> bool:
    """Whether an expression stands in a branch that returns, and the other one behind it.

    Each is given with what is around it, innermost first. Not in a loop around both, whose next
    round may come to the other one, nor under a `try`.
    """
    below = [node for node in mine if node not in theirs]
    around = itertools.takewhile(lambda node: not isinstance(node, SCOPES), mine[len(below) :])
    if any(isinstance(node, SCOPES) for node in below):
        return False
    if any(isinstance(node, (ast.For, ast.AsyncFor, ast.While, ast.Try)) for node in around):
        return False
    return any(
        branch is not None
        and isinstance(getattr(node, branch)[-1], (ast.Return, ast.Raise))
        and theirs[0].lineno > (node.end_lineno or node.lineno)  # type: ignore[attr-defined]
        for node in below
        if isinstance(node, ast.If)
        for branch in [branch_of(node, mine)]
    )
