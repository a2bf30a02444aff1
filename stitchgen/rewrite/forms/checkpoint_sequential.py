"""`checkpoint_sequential(self.features, 2, x)`: a Sequential is run by activation checkpointing, in segments."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from stitchgen.analysis.uses import Use
from stitchgen.errors import unsupported
from stitchgen.rewrite.insertion import VALUE, Call, CallForm, Chained
from stitchgen.rewrite.wrap import broken
from stitchgen.source.document import Span
from stitchgen.source.edits import Edit


class CheckpointSequentialCall(CallForm):
    name, rank = "segments", 3

    def recognises(self, use: Use) -> Span | None:
        called = (use.detail or "").rpartition(".")[2]
        return use.call if use.kind == "passed" and called == "checkpoint_sequential" else None

    def called(self, node: ast.Call) -> ast.expr:
        return node.args[0]

    def arguments(self, node: ast.Call) -> list[ast.expr]:
        return node.args[2:]

    def edit_inside(self, call: Call, chained: Chained) -> tuple[list[Edit], str]:
        """`[*self.features[:4], self.features_3_cbam, *self.features[4:]]`: the function takes a list, too."""
        [(chain, insertion), *others] = chained
        block = insertion.expression(call.receiver, VALUE)
        serial = block.endswith(f"({VALUE})") and block.count("(") == 1
        step = chain[0]
        if others or len(chain) > 1 or insertion.slot or not serial or not step.numbered:
            raise unsupported(
                f"{call.where} runs the Sequential in segments, where only one block of its own can be "
                "one of the layers",
                call.where,
                "Splice after a child of that Sequential, serially.",
            )
        cut = step.index + (0 if insertion.before else 1)
        node, document = call.context.call, call.document
        part = part_with(self.called(node), step.index)
        if part is None:
            raise unsupported(
                f"{call.where} lists the layers in a way that does not tell where layer {step.index} is",
                call.where,
                "Splice after another child of that Sequential.",
            )
        start, end = document.span_of(node)
        first, last = document.span_of(part.node)
        layers = document.code(document.span_of(part.sequential))
        stop = "" if part.stop is None else part.stop
        module = block.removesuffix(f"({VALUE})")
        listed = f"*{layers}[{part.start or ''}:{cut}], {module}, *{layers}[{cut}:{stop}]"
        listed = listed if isinstance(part.node, ast.Starred) else f"[{listed}]"
        text = f"{document.code((start, first))}{listed}{document.code((last, end))}"
        return [document.replace((start, end), broken(call, node, text))], "slice"


@dataclass(frozen=True)
class Part:
    """The layers from `start` to `stop` (None: the end) of a Sequential, as an expression gives them."""

    node: ast.expr
    sequential: ast.expr
    start: int
    stop: int | None


def part_with(node: ast.expr, index: int) -> Part | None:
    """The part of `self.features` or `[*self.features[:2], self.block, *self.features[2:]]` with a layer.

    None where the list is not that of one Sequential, cut at plain numbers.
    """
    if not isinstance(node, ast.List):
        return Part(node, node, 0, None)
    parts = [part_of(element) for element in node.elts if isinstance(element, ast.Starred)]
    if len({part and ast.dump(part.sequential) for part in parts}) != 1:
        return None
    for part in parts:
        if part and part.start <= index and (part.stop is None or index < part.stop):
            return part
    return None


def part_of(node: ast.Starred) -> Part | None:
    match node.value:
        case ast.Subscript(value=sequential, slice=ast.Slice(lower=lower, upper=upper, step=None)):
            match (lower or ast.Constant(0), upper or ast.Constant(None)):
                case ast.Constant(value=int(start)), ast.Constant(value=int() | None as stop):
                    return Part(node, sequential, start, stop)
            return None
        case sequential:
            return Part(node, sequential, 0, None)


FORM = CheckpointSequentialCall()
