"""Evaluate an expression of the user's in a live frame, where it does nothing but read."""

from __future__ import annotations

import ast
from types import FrameType
from typing import Any

PURE_NODES = (
    ast.Name,
    ast.Attribute,
    ast.Subscript,
    ast.Constant,
    ast.UnaryOp,
    ast.unaryop,
    ast.BinOp,
    ast.operator,
    ast.BoolOp,
    ast.boolop,
    ast.Compare,
    ast.cmpop,
    ast.IfExp,
    ast.Dict,
    ast.List,
    ast.Tuple,
    ast.Load,
    ast.Index if hasattr(ast, "Index") else ast.Load,
    ast.JoinedStr,
    ast.FormattedValue,
    ast.Slice,
)

#: Builtins and methods that only read: `getattr(self, "conv" + str(i))`, `"conv{}".format(i)`.
READING_FUNCTIONS = {"getattr", "str", "int", "len", "list", "tuple", "min", "max", "abs"}
READING_METHODS = {"format", "children", "keys", "values", "items", "get", "get_submodule"}


def evaluate_pure(node: ast.expr, frame: FrameType) -> Any:
    """The value of an expression that only reads, in a live frame; None if it may do more."""
    for part in ast.walk(node):
        if isinstance(part, ast.Call):
            if not is_pure_call(part, frame):
                return None
        elif not isinstance(part, (*PURE_NODES, ast.keyword)):
            return None
    try:
        code = compile(ast.Expression(node), "<call site>", "eval")
        return eval(code, frame.f_globals, dict(frame.f_locals))
    except Exception:
        # At this point of the function the names may mean something else: it is not the call.
        return None


def is_pure_call(call: ast.Call, frame: FrameType) -> bool:
    """Whether it calls a builtin that only reads, or a method of that name."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr in READING_METHODS
    if not isinstance(call.func, ast.Name) or call.func.id not in READING_FUNCTIONS:
        return False
    return call.func.id not in frame.f_locals and call.func.id not in frame.f_globals
