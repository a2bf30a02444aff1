"""`self.layer.forward(x)`, which hooks do not see, and `self.layer.__call__(x)`."""

from __future__ import annotations

import ast

from stitchgen.analysis.uses import Use
from stitchgen.rewrite.insertion import Call, CallForm, Chained
from stitchgen.rewrite.sequential_calls import edit_sequential_call
from stitchgen.source.document import Span
from stitchgen.source.edits import Edit


class ForwardCall(CallForm):
    name, rank = "forward", 2

    def recognises(self, use: Use) -> Span | None:
        return use.span if use.kind == "forward-call" else None

    def called(self, node: ast.Call) -> ast.expr:
        # The method may have been bound to a name before.
        return node.func.value if isinstance(node.func, ast.Attribute) else node.func

    def edit_inside(self, call: Call, chained: Chained) -> tuple[list[Edit], str]:
        return edit_sequential_call(call, chained)


FORM = ForwardCall()
