"""Formulas of a block's head: `out_channels`, `channels // reduction`, `2 * n`."""

from __future__ import annotations

import ast
import operator
from collections.abc import Mapping
from typing import Any


def evaluate(formula: str, values: Mapping[str, Any]) -> Any:
    """A head's formula: names, numbers, `+ - * / // %`, `min`, `max`, `sum`, `len`, no more.

    Heads may come from strangers, hence no `eval`.
    """
    operators: dict[type, Any] = {
        ast.Add: operator.add,
        ast.Sub: operator.sub,
        ast.Mult: operator.mul,
        ast.Div: operator.truediv,
        ast.FloorDiv: operator.floordiv,
        ast.Mod: operator.mod,
    }
    functions: dict[str, Any] = {"min": min, "max": max, "sum": sum, "len": len}

    def value(node: ast.AST) -> Any:
        match node:
            case ast.Constant(value=int() | float() | str() as number):
                return number
            case ast.Name(id=name):
                return values[name]
            case ast.BinOp(left=left, op=op, right=right) if type(op) in operators:
                both = value(left), value(right)
                if not all(isinstance(number, (int, float)) for number in both):
                    raise ValueError(f"arithmetic on something else than numbers: {formula}")
                return operators[type(op)](*both)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -value(operand)
            case ast.Subscript(value=sequence, slice=index):
                return value(sequence)[value(index)]
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in functions:
                return functions[name](*map(value, args))
        raise ValueError(f"not a formula of a head: {formula}")

    return value(ast.parse(formula, mode="eval").body)


def per_axis(formula: str, attributes: Mapping[str, Any]) -> Any:
    """The formula for each axis where attributes are tuples: one value where all are equal."""
    if formula in attributes and not isinstance(attributes[formula], (tuple, list)):
        return attributes[formula]
    lengths = [len(v) for v in attributes.values() if isinstance(v, (tuple, list))]
    axes = [
        evaluate(
            formula,
            {
                k: v[i] if isinstance(v, (tuple, list)) and i < len(v) else v
                for k, v in attributes.items()
            },
        )
        for i in range(max(lengths, default=1))
    ]
    return axes[0] if len(set(axes)) == 1 else tuple(axes)
