"""What stands around the construction of a model where a script assigns it: `DataParallel(Net().to(device))`."""

from __future__ import annotations

import ast

#: Methods that give the module itself back.
SAME = {"to", "cuda", "cpu", "eval", "train", "half", "float", "double", "bfloat16"}
SAME |= {"requires_grad_", "share_memory", "apply"}
#: What puts a model into another one of the same parameters.
WRAPPERS = {"DataParallel", "DistributedDataParallel", "DDP", "compile"}


def built_first(value: ast.expr) -> ast.expr:
    """The construction itself, where there is one; else the value as it is."""
    while isinstance(value, ast.Call):
        match value:
            case ast.Call(func=ast.Attribute(value=ast.Call() as inner, attr=name)) if name in SAME:
                value = inner
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[inner, *_]) if (
                name in WRAPPERS
            ):
                value = inner
            case _:
                break
    return value
