"""`self.layer(x)`."""

from __future__ import annotations

import ast

from stitchgen.analysis.uses import Use
from stitchgen.rewrite.insertion import Call, CallForm, Chained
from stitchgen.rewrite.sequential_calls import edit_sequential_call
from stitchgen.source.document import Span
from stitchgen.source.edits import Edit


class PlainCall(CallForm):
    name, rank = "call", 1

    def recognises(self, use: Use) -> Span | None:
        return use.span if use.kind == "call" else None

    def called(self, node: ast.Call) -> ast.expr:
        return node.func

    def edit_inside(self, call: Call, chained: Chained) -> tuple[list[Edit], str]:
        return edit_sequential_call(call, chained)


FORM = PlainCall()
