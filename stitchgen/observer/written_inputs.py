"""The inputs that a file itself makes, outside of its classes: `x = torch.randn(1, 3, 256, 256)`."""

from __future__ import annotations

import ast
from typing import Iterator, List, Optional, Sequence

from stitchgen.observer.inputs import Shape, Shapes

#: What makes a tensor of the sizes that it is passed.
MAKING = {"rand", "randn", "zeros", "ones", "empty"}
#: So many are tried.
MOST = 6
#: The first size is taken for the batch, of which two are enough.
BATCH = 2


def written_inputs(tree: ast.Module, count: int) -> List[Shapes]:
    """Inputs of so many tensors, as the file makes them one after the other."""
    shapes = [*shapes_written(tree)]
    rows = [shapes[start : start + count] for start in range(len(shapes) - count + 1)]
    found: List[Shapes] = []
    for row in rows:
        if row not in [one.shapes for one in found]:
            found.append(Shapes(row))
    return found[:MOST]


def shapes_written(tree: ast.Module) -> Iterator[Shape]:
    for statement in tree.body:
        if isinstance(statement, ast.ClassDef):
            continue  # its parameters and buffers
        calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)]
        for call in sorted(calls, key=lambda one: (one.lineno, one.col_offset)):
            shape = shape_made(call)
            if shape is not None:
                yield shape


def shape_made(call: ast.Call) -> Optional[Shape]:
    """The shape of `torch.rand(2, 3, 8, 8)` and of `torch.randint(0, 9, (2, 16))`; None for every other call."""
    function = call.func
    if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Name):
        return None
    if function.value.id != "torch":
        return None
    given: Sequence[ast.expr] = call.args
    dtype = "float32"
    named = [one.value for one in call.keywords if one.arg == "size"]
    if function.attr == "randint":
        given, dtype = named or given[-1:], "int64"
    elif function.attr in MAKING:
        given = given or named
    else:
        return None
    if len(given) == 1 and isinstance(given[0], (ast.Tuple, ast.List)):
        given = given[0].elts
    sizes = [one.value for one in given if isinstance(one, ast.Constant) and type(one.value) is int]
    if len(sizes) < len(given) or not 2 <= len(sizes) <= 5:
        return None
    return [BATCH, *sizes[1:]], dtype
