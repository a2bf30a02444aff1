"""T(x) * B: `--fuse mul`."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from stitchgen.fusions.fusion import Fusion, Setting


class Mul(Fusion):
    name, rank, class_prefix = "mul", 2, "Multiplied"

    def expression(self, values: Sequence[str], setting: Setting) -> str:
        return " * ".join(values)

    def is_written(self, node: ast.AST) -> bool:
        return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)


FUSION = Mul()
