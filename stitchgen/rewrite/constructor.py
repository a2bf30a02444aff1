"""Where definitions go in an `__init__`, and the edits that put them there.

The edits at calls are those of `forms`, the fragments themselves are in `snippets/`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from stitchgen.analysis.steps import Step
from stitchgen.catalog.render import snippet
from stitchgen.errors import unsupported
from stitchgen.source.document import Span
from stitchgen.source.edits import Edit
from stitchgen.source.formatting import format_statements
from stitchgen.source.syntax import Function, Syntax, suites


@dataclass(frozen=True)
class DefinitionPoint:
    """The statement of an `__init__` after which a definition goes.

    Where the class has no `__init__` of its own (`new`), it is the last statement of the class before its
    methods, or the first method, at which one is written that calls the inherited one.
    """

    file: str
    span: Span
    function: str  # qualified name
    line: int
    new: bool = False

    @property
    def class_name(self) -> str:
        """The class whose constructor it is; "" at the top level of a script."""
        return self.function.rpartition(".")[0]


def definition_statement(syntax: Syntax, function: Function, lines: Iterable[int]) -> ast.stmt:
    """The statement of `__init__` after which the layer exists, whatever branch was taken.

    It is the innermost statement that creates the layer, or the outermost loop, `with` or `try`
    around it; where all branches create it, seen or not, or one makes anew what is there already, the `if`
    around them.
    """
    picks: list[list[ast.stmt]] = []
    for line in sorted(set(lines)):
        chain = syntax.statement_chain(function, line)
        if not chain:
            raise unsupported(
                f"{syntax.document.path}:{line} is in no statement of {function.name}",
                f"{syntax.document.path}:{line}",
            )
        for index, statement in enumerate(chain):
            repeated = isinstance(statement, (ast.For, ast.While, ast.With, ast.Try, ast.Match))
            one_line = index and syntax.document.in_one_line_suite(
                syntax.document.span_of(statement)
            )
            if one_line:
                chain = chain[:index]
                break
            made = attributes_of(chain[-1])
            if repeated or made_in_all(statement, made) or made_anew(syntax, statement, made):
                chain = chain[: index + 1]
                break
        picks.append(chain)
    common = picks[0]
    for chain in picks[1:]:
        common = later_of(common, chain)
    return common[-1]


def attributes_of(statement: ast.stmt) -> set[str]:
    """The attributes of `self` that a statement makes; those set to None are not made."""
    match statement:
        case ast.Assign(targets=targets, value=value):
            pass
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            targets = [target]
        case _:
            return set()
    if isinstance(value, ast.Constant) and value.value is None:
        return set()
    return {
        target.attr
        for target in targets
        if isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self"
    }


def made_in_all(statement: ast.stmt, attributes: set[str]) -> bool:
    """Whether the statement is an `if` that nothing gets past without one of the attributes: each branch makes
    it, or raises. Where several make it and no `else` is written, there is none without it either.
    """
    if not isinstance(statement, ast.If):
        return False
    made = [makes(suite, attributes) for suite in branches(statement) if not raises(suite)]
    return any(made) and (
        all(made) or (all(made[:-1]) and len(made) > 2 and not has_else(statement))
    )


def makes(suite: Sequence[ast.stmt], attributes: set[str]) -> bool:
    return any(attributes_of(one) & attributes or made_in_all(one, attributes) for one in suite)


def raises(suite: Sequence[ast.stmt]) -> bool:
    """Whether a suite ends by raising something."""
    return bool(suite) and isinstance(suite[-1], ast.Raise)


def branches(statement: ast.If) -> list[list[ast.stmt]]:
    """The suites of an `if`, of each `elif`, and of the `else`, which may be empty."""
    match statement.orelse:
        case [ast.If() as other]:
            return [statement.body, *branches(other)]
    return [statement.body, statement.orelse]


def has_else(statement: ast.If) -> bool:
    return bool(branches(statement)[-1])


def made_anew(syntax: Syntax, statement: ast.stmt, attributes: set[str]) -> bool:
    """Whether the statement is an `if` before which one of the attributes is made: a branch wraps it, say."""
    if not isinstance(statement, ast.If):
        return False
    for suite in suites(syntax.parents[statement]):
        if statement in suite:
            return makes(suite[: suite.index(statement)], attributes)
    return False


def later_of(one: list[ast.stmt], other: list[ast.stmt]) -> list[ast.stmt]:
    """The chain that ends later where both are in one suite, else what they have in common."""
    depth = 0
    while depth < min(len(one), len(other)) and one[depth] is other[depth]:
        depth += 1
    if depth in (len(one), len(other)):
        return one[:depth]
    if depth == 0 or same_suite(one[depth - 1], one[depth], other[depth]):
        return max(one, other, key=lambda chain: chain[depth].lineno)
    return one[:depth]


def same_suite(parent: ast.stmt, one: ast.stmt, other: ast.stmt) -> bool:
    return any(one in suite and other in suite for suite in suites(parent))


def creation(syntax: Syntax, creating: Span, steps: tuple[Step, ...]) -> ast.Call | None:
    """The expression that makes the layer, where a statement of its own assigns it to `self`.

    Of a child of an `nn.Sequential(...)` that is written out it is the argument; None where anything else
    makes it: a loop, a helper, a variable.
    """
    statement = next(
        (
            node
            for node in ast.walk(syntax.tree)
            if isinstance(node, ast.Assign) and syntax.document.span_of(node) == creating
        ),
        None,
    )
    if statement is None or len(statement.targets) != 1 or not steps:
        return None
    first, *rest = steps
    if ast.unparse(statement.targets[0]) != f"self.{first.name}":
        return None
    node: ast.expr = statement.value
    for step in rest:
        match node:
            case ast.Call(func=function, args=arguments, keywords=[]) if (
                ast.unparse(function).rpartition(".")[2] == "Sequential"
                and not any(isinstance(one, ast.Starred) for one in arguments)
                and step.numbered
                and step.index < len(arguments)
            ):
                node = arguments[step.index]
            case _:
                return None
    return node if isinstance(node, ast.Call) else None


def define(syntax: Syntax, point: DefinitionPoint, code: str, line_length: int) -> Edit:
    """Statements on lines of their own after the point."""
    document, span = syntax.document, point.span
    if point.new:
        return constructor(syntax, point, code, line_length)
    indent = len(document.indent_of(span).expandtabs(4))
    return document.lines_after(span, format_statements(code, indent, line_length, document.quote))


def constructor(syntax: Syntax, point: DefinitionPoint, code: str, line_length: int) -> Edit:
    """An `__init__` of its own for a class that inherits one."""
    document, span = syntax.document, point.span
    text = snippet("constructor", "init", code=code.strip().replace("\n", "\n    "))
    indent = len(document.indent_of(span).expandtabs(4))
    formatted = format_statements(text, indent, line_length, document.quote)
    if not document.code(span).startswith(("@", "def ", "async ", "class ")):
        return document.lines_after(span, "\n" + formatted)
    edit = document.lines_before(span, formatted)
    return replace(edit, text=edit.text + document.newline.encode())
