"""Where the elements of a container are run by a variable: `for blk in self.blocks: x = blk(x)`.

Which element it is shows at run time alone, so
each place may mean the layer, executed or not: the checkpointed branch of a loop as well as the
plain one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from stitchgen.analysis.scope import Function, read_scope, with_class
from stitchgen.analysis.spans import Lines
from stitchgen.analysis.uses import Use
from stitchgen.source.tree import nodes_in, parents

#: Calls that give the elements of what they are given, one after another.
_SAME = {"list", "tuple", "reversed", "iter", "sorted"}


def element_uses(tree: ast.Module, text: str, class_name: str, attribute_path: str) -> list[Use]:
    """The calls that may be those of `self.<attribute_path>`, an element of a container.

    Each has the path of what is called: the layer, or the Sequential around it.
    """
    reader = _Reader(parents(tree), Lines(text), attribute_path.split("."))
    scope = with_class(read_scope(tree), class_name)
    for base in scope.bases(class_name):
        for method in scope.classes[base].body:
            if isinstance(method, Function) and method.args.args:
                reader.read(method, f"{base}.{method.name}")
    return sorted(reader.found, key=lambda use: use.span)


class _Reader:
    def __init__(self, above: Mapping[ast.AST, ast.AST], lines: Lines, target: list[str]) -> None:
        self.above, self.lines, self.target = above, lines, target
        self.function = ""
        self.found: list[Use] = []

    def read(self, method: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> None:
        self.function, own = name, method.args.args[0].arg
        for node in nodes_in(method):
            match node:
                case ast.Attribute(value=ast.Name(id=receiver), attr=attribute):
                    if receiver == own and attribute == self.target[0]:
                        self.follow(node, 1)

    def follow(self, node: ast.expr, depth: int) -> None:
        """`node` is a container around the layer, `depth` names down its path."""
        if depth >= len(self.target):
            return
        parent = self.above[node]
        match parent:
            case ast.Subscript(value=value, slice=index) if value is node:
                if isinstance(index, ast.Constant):
                    if str(index.value) == self.target[depth]:
                        self.follow(parent, depth + 1)
                    return
                if not isinstance(index, ast.Slice):
                    self.element(parent, depth + 1)
                    return
            case ast.Attribute(attr=attribute) if attribute == self.target[depth]:
                self.follow(parent, depth + 1)
                return
        for element in self.variables(node):
            self.element(element, depth + 1)

    def element(self, node: ast.expr, depth: int) -> None:
        """`node` is an element of the container: the layer, or a container around it."""
        parent, path = self.above[node], ".".join(self.target[:depth])
        match parent:
            case ast.Call(func=function) if function is node:
                self.found.append(self.use("call", parent, path))
            case ast.Call(func=function, args=[first, *_]) if first is node:
                name = ast.unparse(function)
                if "checkpoint" in name:
                    span = self.lines.span(parent)
                    self.found.append(self.use("passed", node, path, name, span))
            case ast.Attribute(attr="forward" | "__call__"):
                call = self.above[parent]
                if isinstance(call, ast.Call) and call.func is parent:
                    self.found.append(self.use("forward-call", call, path))
        self.follow(node, depth)

    def use(
        self,
        kind: str,
        node: ast.expr,
        path: str,
        detail: str | None = None,
        call: tuple[int, int] | None = None,
    ) -> Use:
        span = self.lines.span(node)
        return Use(kind, span, node.lineno, self.function, path, detail, call)  # type: ignore[arg-type]

    def variables(self, node: ast.expr) -> Iterator[ast.Name]:
        """Where the variable stands to which a loop over `node` binds one element after another."""
        picks: list[int] = []
        child, parent = node, self.above[node]
        while True:
            match parent:
                case ast.Subscript(value=value, slice=ast.Slice()) if value is child:
                    pass
                case ast.Call(func=ast.Name(id=name), args=args) if child in args:
                    if name == "enumerate":
                        picks.append(1)
                    elif name == "zip":
                        picks.append(args.index(child))
                    elif name not in _SAME:
                        return
                case ast.Attribute(attr=name):
                    if name in ("items", "named_children"):
                        picks.append(1)
                    elif name not in ("values", "children"):
                        return
                case ast.Call(func=function) if function is child:
                    pass
                case ast.For(iter=place, target=target) if place is child:
                    scope: list[ast.AST] = [*parent.body, *parent.orelse]
                    break
                case ast.comprehension(iter=place, target=target) if place is child:
                    scope = [self.above[parent]]
                    break
                case _:
                    return
            child, parent = parent, self.above[parent]
        for pick in reversed(picks):
            if not isinstance(target, (ast.Tuple, ast.List)) or pick >= len(target.elts):
                return
            target = target.elts[pick]
        if isinstance(target, ast.Name):
            for part in scope:
                for name_node in nodes_in(part):
                    if isinstance(name_node, ast.Name) and isinstance(name_node.ctx, ast.Load):
                        if name_node.id == target.id:
                            yield name_node
