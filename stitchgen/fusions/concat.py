"""R(cat(T(x), B)), with a reduction R back to the layer's channels: `--fuse concat`."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from stitchgen.fusions.fusion import Fusion, Setting


class Concat(Fusion):
    name, rank, class_prefix = "concat", 3, "Concatenated"
    reduces = uses_torch = True

    def expression(self, values: Sequence[str], setting: Setting) -> str:
        axis = setting.axis
        joined = f"{setting.torch}.cat([{', '.join(values)}], dim={axis})"
        if not setting.linear or axis == -1:
            return f"{setting.reduction}({joined})"
        # A Linear takes the channels last; they are given back where they were.
        text = f"{setting.reduction}({joined}.movedim({axis}, -1)).movedim(-1, {axis})"
        return f"{text}.contiguous()" if setting.memory == "contiguous" else text

    def is_written(self, node: ast.AST) -> bool:
        return False  # its reduction tells it


FUSION = Concat()
