"""T(x) + B: `--fuse add`."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from stitchgen.fusions.fusion import Fusion, Setting


class Add(Fusion):
    name, rank, class_prefix = "add", 1, "Residual"
    additive = True

    def expression(self, values: Sequence[str], setting: Setting) -> str:
        return " + ".join(values)

    def is_written(self, node: ast.AST) -> bool:
        return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add)


FUSION = Add()
