"""`checkpoint(self.layer, x)`: the module is run by torch's activation checkpointing."""

from __future__ import annotations

import ast

from stitchgen.analysis.uses import Use
from stitchgen.errors import unsupported
from stitchgen.rewrite.insertion import Call, CallForm, Chained
from stitchgen.source.document import Span
from stitchgen.source.edits import Edit


class CheckpointCall(CallForm):
    name, rank = "argument", 4

    def recognises(self, use: Use) -> Span | None:
        return use.call if use.kind == "passed" and "checkpoint" in (use.detail or "") else None

    def called(self, node: ast.Call) -> ast.expr:
        return node.args[0]

    def arguments(self, node: ast.Call) -> list[ast.expr]:
        return node.args[1:]

    def edit_inside(self, call: Call, chained: Chained) -> tuple[list[Edit], str]:
        raise unsupported(
            f"{call.where} runs the Sequential under checkpoint, where its children have no "
            "call of their own",
            call.where,
            "Splice after the whole Sequential, or at a layer inside of a child.",
        )


FORM = CheckpointCall()
