"""Whether two pieces of Python mean the same, however they are laid out.

Compared is their syntax: spaces, comments, quotes and the indent of a docstring do not matter.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
from typing import Any

#: Stands for any one expression: `self.conv1_cbam(___)` was `___`.
HOLE = "___"

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module
#: Fields of the syntax tree that say nothing about the meaning.
_IGNORED = {"ctx", "kind", "type_comment", "type_ignores"}


def same(pattern: object, node: object, holes: list[ast.expr] | None = None) -> bool:
    """Whether two pieces of syntax mean the same; what a HOLE stood for is put into `holes`."""
    if isinstance(pattern, ast.Name) and pattern.id == HOLE and holes is not None:
        if not isinstance(node, ast.expr):
            return False
        holes.append(node)
        return True
    if isinstance(pattern, list):
        return (
            isinstance(node, list)
            and len(pattern) == len(node)
            and all(same(left, right, holes) for left, right in zip(pattern, node))
        )
    if not isinstance(pattern, ast.AST):
        return type(pattern) is type(node) and pattern == node
    if type(pattern) is not type(node):
        return False
    if isinstance(pattern, SCOPES) and isinstance(node, SCOPES):
        pattern, node = _without_docstring_layout(pattern), _without_docstring_layout(node)
    return all(
        same(getattr(pattern, name, None), getattr(node, name, None), holes)
        for name in pattern._fields
        if name not in _IGNORED
    )


def _without_docstring_layout(node: Scope) -> Scope:
    """A copy whose docstring has no indent: formatters may change that."""
    match node.body[0]:
        case ast.Expr(value=ast.Constant(value=str(text))):
            lines = [line.rstrip() for line in inspect.cleandoc(text).split("\n")]
            plain = ast.Expr(value=ast.Constant(value="\n".join(lines)))
            fields: Any = {name: getattr(node, name, None) for name in node._fields}
            fields["body"] = [plain, *node.body[1:]]
            return type(node)(**fields)
    return node


def meaning(raw: bytes) -> str | None:
    """A hash of what the source means: the same after any formatter and on any Python.

    None where it is no Python.
    """
    try:
        tree = ast.parse(raw)
    except (SyntaxError, ValueError):
        return None
    return hashlib.sha256(_canonical(tree).encode("utf-8")).hexdigest()


def _canonical(node: object) -> str:
    """The tree in one form for all versions: fields that are absent or empty are left out."""
    if isinstance(node, list):
        return "[" + ",".join(map(_canonical, node)) + "]"
    if not isinstance(node, ast.AST):
        return f"{type(node).__name__}:{node!r}"
    if isinstance(node, (*SCOPES, ast.Module)) and node.body:
        node = _without_docstring_layout(node)
    fields = []
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(node, ast.JoinedStr):  # Python 3.12 puts empty texts in between
            value = [part for part in node.values if getattr(part, "value", None) != ""]
        if name not in _IGNORED and value is not None and value != []:
            fields.append(f"{name}={_canonical(value)}")
    if isinstance(node, ast.Constant) and node.value is None:
        fields = ["value=None"]
    return f"{type(node).__name__}({','.join(fields)})"
