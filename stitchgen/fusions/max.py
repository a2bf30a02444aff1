"""The larger of T(x) and B, position by position: `--fuse max`."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from stitchgen.fusions.fusion import Fusion, Setting


class Max(Fusion):
    name, rank, class_prefix = "max", 4, "Maximum"
    uses_torch = True

    def expression(self, values: Sequence[str], setting: Setting) -> str:
        text, *rest = values
        for value in rest:
            text = f"{setting.torch}.maximum({text}, {value})"
        return text

    def is_written(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".maximum")


FUSION = Max()
