"""A loop over a container, which is to have a block beside each layer that it runs.

    for stage in self.stages:               for stage, stage_se in zip(self.stages, self.stages_se):
        x = stage(x)                            x = stage(x)
                                                x = stage_se(x)

`self.stages[i](x)` needs no other header: the block is `self.stages_se[i]`.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from stitchgen.analysis.steps import Step, access, free_name
from stitchgen.source.edits import Edit
from stitchgen.source.formatting import format_statements
from stitchgen.source.syntax import CallContext, Syntax

Loop = ast.For | ast.comprehension


@dataclass(frozen=True)
class BlockAtCall:
    """The expression of the block beside the layer that is called, and the edits that bind it."""

    text: str
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True)
class Blocks:
    """The `ModuleList` of the blocks of a container's layers."""

    attribute: str
    container: tuple[Step, ...]  # from the call's owner to the container
    rest: tuple[Step, ...]  # from its element to the layer that is called
    suffix: str  # of a variable: `stage_se`
    line_length: int

    def at_call(self, syntax: Syntax, context: CallContext) -> BlockAtCall | None:
        """The block at a call of one of the layers; None where no loop tells which one it is."""
        node = without(context.call.func, self.rest)
        if node is None or context.function is None:
            return None
        container = access(context.receiver, self.container)
        blocks = f"{context.receiver}.{self.attribute}"
        if isinstance(node, ast.Subscript) and written(node.value) == container:
            if isinstance(node.slice, (ast.Constant, ast.Slice, ast.UnaryOp)):
                return None
            return BlockAtCall(f"{blocks}[{written(node.slice)}]")
        if not isinstance(node, ast.Name):
            return None
        loop = loop_that_binds(syntax, context, node.id)
        if loop is None:
            return None
        header = Header(syntax, loop, node.id, container, blocks)
        return header.with_block(self, syntax.names_bound_in(context.function))


@dataclass(frozen=True)
class Header:
    """The header of a loop that binds a layer of the container to a variable."""

    syntax: Syntax
    loop: Loop
    variable: str
    container: str
    blocks: str

    def with_block(self, blocks: Blocks, taken: set[str]) -> BlockAtCall | None:
        target, iterable = self.loop.target, self.loop.iter
        name = free_name(f"{self.variable}_{blocks.suffix}", taken)
        if isinstance(target, ast.Name):
            beside = self.parallel(iterable)
            if beside is None:
                return None
            pairs = f"zip({self.code(iterable)}, {beside})"
            return self.rewritten(name, f"{self.variable}, {name}", pairs, blocks.line_length)
        names = names_of(target)
        if names is None or not isinstance(iterable, ast.Call) or iterable.keywords:
            return None
        match written(iterable.func), iterable.args:
            case "enumerate", [inner] if names[1:] == [self.variable]:
                if written(inner) == self.container:
                    return BlockAtCall(f"{self.blocks}[{names[0]}]")
                beside = self.parallel(inner)
                if beside is None:
                    return None
                target_text = f"{names[0]}, ({self.variable}, {name})"
                pairs = f"enumerate(zip({self.code(inner)}, {beside}))"
                return self.rewritten(name, target_text, pairs, blocks.line_length)
            case "zip", [*arguments] if len(arguments) == len(names):
                beside = self.parallel(arguments[names.index(self.variable)])
                if beside is None:
                    return None
                target_text = ", ".join([*names, name])
                if isinstance(target, ast.Tuple) and self.code(target).startswith("("):
                    target_text = f"({target_text})"
                pairs = f"zip({', '.join(map(self.code, arguments))}, {beside})"
                return self.rewritten(name, target_text, pairs, blocks.line_length)
        return None

    def parallel(self, iterable: ast.expr) -> str | None:
        """What goes over the blocks as the iterable goes over the layers: both in reverse, say."""
        match iterable:
            case ast.Call(func=ast.Name("reversed" | "list" | "tuple"), args=[inner], keywords=[]):
                below = self.parallel(inner)
                return None if below is None else f"{written(iterable.func)}({below})"
            case ast.Call(func=ast.Attribute(value=inner, attr="children"), args=[], keywords=[]):
                return self.blocks if written(inner) == self.container else None
            case ast.Subscript(value=inner, slice=ast.Slice() as part):
                below = self.parallel(inner)
                return None if below is None else f"{below}[{self.code(part)}]"
        return self.blocks if written(iterable) == self.container else None

    def rewritten(
        self, name: str, target: str, iterable: str, line_length: int
    ) -> BlockAtCall | None:
        """The header with the block's variable; None where its line would be too long."""
        document = self.syntax.document
        start = document.span_of(self.loop.target)[0]
        end = document.span_of(self.loop.iter)[1]
        was, text = document.code((start, end)), f"{target} in {iterable}"
        if "\n" in was:
            return None  # its lines may have comments
        longer = len(document.text_of_line(start)) + len(text) - len(was) > line_length
        if longer and not isinstance(self.loop, ast.For):
            return None
        if longer:
            indent = document.indent_of(document.span_of(self.loop))
            width = len(indent.expandtabs(4))
            code = format_statements(f"for {text}:\n    pass", width, line_length, document.quote)
            lines = document.indented(code.rpartition(":")[0], indent)
            text = lines.strip().removeprefix("for ")
        return BlockAtCall(name, (document.replace((start, end), text),))

    def code(self, node: ast.expr) -> str:
        return self.syntax.document.code(self.syntax.document.span_of(node))


def written(node: ast.expr) -> str:
    return ast.unparse(node)


def without(node: ast.expr, rest: Sequence[Step]) -> ast.expr | None:
    """`stage` of `stage.conv`: what stands before the steps."""
    for step in reversed(rest):
        match node:
            case ast.Attribute(value=value, attr=name) if step.access == f".{name}":
                node = value
            case ast.Subscript(value=value) if written(node).endswith(step.access):
                node = value
            case _:
                return None
    return node


def names_of(target: ast.expr) -> list[str] | None:
    """The variables of `for a, b in ...`; None for any other target."""
    if not isinstance(target, ast.Tuple):
        return None
    names = [one.id for one in target.elts if isinstance(one, ast.Name)]
    return names if len(names) == len(target.elts) else None


def loop_that_binds(syntax: Syntax, context: CallContext, variable: str) -> Loop | None:
    """The loop around a call whose variable is called; None where anything else in it binds that name."""
    for node in syntax.above(context.call):
        loops: list[Loop] = []
        if isinstance(node, ast.For):
            loops = [node]
        elif isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)):
            loops = list(node.generators)
        elif node is context.function:
            return None
        for loop in loops:
            if variable not in bound_in(loop.target):
                continue
            rest = [*node.body, *node.orelse] if isinstance(node, ast.For) else []
            again = any(variable in bound_in(part) for part in rest)
            return None if again or bound_in(loop.target).count(variable) > 1 else loop
    return None


def bound_in(node: ast.AST) -> list[str]:
    """The names that the code binds."""
    return [
        part.id
        for part in ast.walk(node)
        if isinstance(part, ast.Name) and isinstance(part.ctx, (ast.Store, ast.Del))
    ]
