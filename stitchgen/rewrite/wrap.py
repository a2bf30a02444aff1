"""Text that is written around an expression, which stays as it is."""

from __future__ import annotations

import ast

from stitchgen.errors import unsupported
from stitchgen.rewrite.insertion import VALUE, Call
from stitchgen.source.edits import Edit
from stitchgen.source.syntax import Syntax


def written_around(call: Call, node: ast.expr, text: str) -> list[Edit]:
    """The edits that turn the node into `text`, in which VALUE stands, once, for the node itself."""
    document, span = call.document, call.document.span_of(node)
    compound = isinstance(ast.parse(text, mode="eval").body, (ast.BinOp, ast.IfExp))
    if compound and not is_whole(call.syntax, node):
        text = f"({text})"
    else:
        compound = False
    opening, _, closing = broken(call, node, text, bracketed=compound).partition(VALUE)
    return [edit for edit in document.wrap(span, opening, closing) if edit.text]


def broken(call: Call, node: ast.expr, text: str, *, bracketed: bool = False) -> str:
    """The text over several lines, as black would break them, where one would be too long.

    `bracketed`: it has parentheses around it, which it needs.
    """
    document, span = call.document, call.document.span_of(node)
    code = document.code(span)
    line = document.text_of_line(span[0])
    fits = len(line) - len(code) + len(text.replace(VALUE, code)) <= call.line_length
    if fits or "\n" in code or not document.own_line(call.statement_span):
        return text
    stand_in = "v" * len(code)
    while stand_in in text:
        stand_in += "v"
    stood = text.replace(VALUE, stand_in)
    indent = document.indent_of(call.statement_span)
    if bracketed or is_argument(call.syntax, node):
        # These brackets, or those of the call around it, are where black breaks the line.
        inner = stood[1:-1] if bracketed else stood
        lines = call.formatted(f"_({inner},)").rstrip("\n").split("\n")[1:-1]
        lines[-1] = lines[-1].removesuffix(",")
        if bracketed and (lines[0].strip(), lines[-1].strip()) == ("(", ")"):
            lines = [line[4:] for line in lines[1:-1]]  # black has put brackets around it as well
        text = "\n" + document.indented("\n".join(lines), indent) + indent
        text = f"({text})" if bracketed else text
    else:
        lines = call.formatted(f"_ = {stood}").removeprefix("_ = ").rstrip("\n").split("\n")
        rest = document.indented("\n".join(lines[1:]), indent).rstrip("\n")
        text = "\n".join([lines[0], *([rest] if lines[1:] else [])])
    return text.replace(stand_in, VALUE, 1)


def require_walrus(call: Call, node: ast.expr, text: str) -> None:
    """`:=` may stand neither in what a comprehension goes over nor in the body of a class."""
    if ":=" not in text:
        return
    inner: ast.AST = node
    for parent in call.syntax.above(node):
        if isinstance(parent, ast.comprehension) and parent.iter is inner:
            raise unsupported(
                f"{call.where} stands in what a comprehension goes over, where no value can be kept",
                call.where,
                "Give the value a name in a statement of its own.",
            )
        if isinstance(parent, ast.stmt):
            return
        inner = parent


def is_argument(syntax: Syntax, node: ast.expr) -> bool:
    """Whether the node is the only argument of a call."""
    match syntax.parents[node]:
        case ast.Call(args=[only], keywords=[]):
            return only is node
    return False


def is_whole(syntax: Syntax, node: ast.expr) -> bool:
    """Whether a sum or a conditional may stand in the node's place without parentheses."""
    match syntax.parents[node]:
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.Return() | ast.keyword():
            return True
        case ast.List() | ast.Tuple():
            return True
        case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element) | ast.SetComp(elt=element):
            return element is node
        case ast.DictComp(value=element) | ast.Lambda(body=element):
            return element is node
        case ast.Dict(values=values):
            return node in values
        case ast.Call(args=arguments):
            return node in arguments
    return False
