"""`self.features[:5](x)`: a part of a Sequential is called."""

from __future__ import annotations

import ast

from stitchgen.analysis.uses import Use
from stitchgen.rewrite.insertion import Call, CallForm, Chained
from stitchgen.rewrite.sequential_calls import edit_sequential_call
from stitchgen.source.document import Span
from stitchgen.source.edits import Edit


class SliceCall(CallForm):
    name, rank = "slice", 3

    def recognises(self, use: Use) -> Span | None:
        return use.span if use.kind == "slice-call" else None

    def called(self, node: ast.Call) -> ast.expr:
        return node.func.value if isinstance(node.func, ast.Subscript) else node.func

    def run(self, node: ast.Call) -> ast.expr:
        return node.func

    def edit_inside(self, call: Call, chained: Chained) -> tuple[list[Edit], str]:
        return edit_sequential_call(call, chained)


FORM = SliceCall()
