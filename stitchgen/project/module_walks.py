"""Methods of a project that go through the modules of a model and expect something of each.

    for name, unit in self.encoder.named_children():
        unit.load_from(weights)

Read from the source by `ast`; nothing is run.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from stitchgen.source.tree import nodes_in

#: What gives the modules below one.
WALKS = {"children", "named_children", "modules", "named_modules"}
#: What every module has.
OF_ALL = {"add_module", "apply", "bfloat16", "buffers", "children", "cpu", "cuda", "double", "eval"}
OF_ALL |= {"extra_repr", "float", "forward", "get_buffer", "get_parameter", "get_submodule", "half"}
OF_ALL |= {"load_state_dict", "modules", "named_buffers", "named_children", "named_modules", "to"}
OF_ALL |= {"named_parameters", "parameters", "register_buffer", "register_forward_hook", "train"}
OF_ALL |= {"register_forward_pre_hook", "register_full_backward_hook", "register_module", "type"}
OF_ALL |= {"register_parameter", "requires_grad_", "share_memory", "state_dict", "zero_grad"}


@dataclass(frozen=True)
class Walk:
    """A method, and the line at which not every module will do."""

    method: str  # `Class.method`
    defined: int  # the line at which it begins
    line: int
    does: str  # "calls unit.load_from on", "raises for some of"


def walks_of(tree: ast.Module, passed_over: Collection[str]) -> Iterator[Walk]:
    """Those of the classes of a file, without the classes `passed_over`."""
    for owner in tree.body:
        if not isinstance(owner, ast.ClassDef) or owner.name in passed_over:
            continue
        for method in owner.body:
            if not isinstance(method, ast.FunctionDef) or method.name == "__init__":
                continue
            walk = next(expectations(method), None)
            if walk is not None:
                defined = min([method.lineno, *(one.lineno for one in method.decorator_list)])
                yield Walk(f"{owner.name}.{method.name}", defined, *walk)


def expectations(method: ast.FunctionDef) -> Iterator[tuple[int, str]]:
    """The lines in loops over modules that a module of another class does not get past."""
    for loop in nodes_in(method):
        if not isinstance(loop, ast.For) or not walks(loop.iter):
            continue
        # Of `for name, unit in x.named_children()` the last is the module.
        last = loop.target.elts[-1] if isinstance(loop.target, ast.Tuple) else loop.target
        names = {last.id} if isinstance(last, ast.Name) else set()
        for statement in loop.body:
            yield from expected_in(statement, names)


def walks(node: ast.expr) -> bool:
    """Whether an expression goes through the modules below one, as the values of `enumerate` or `list` too."""
    return any(
        isinstance(part, ast.Call)
        and isinstance(part.func, ast.Attribute)
        and part.func.attr in WALKS
        for part in nodes_in(node)
    )


def asks_for_class(test: ast.expr) -> bool:
    """Whether a test is of what a module is, which those of a block may not be: `isinstance(m, nn.Conv2d)`."""
    called = {ast.unparse(one.func) for one in nodes_in(test) if isinstance(one, ast.Call)}
    read = {one.attr for one in nodes_in(test) if isinstance(one, ast.Attribute)}
    return bool(
        called & {"isinstance", "issubclass", "hasattr", "getattr", "type"} or read & {"__class__"}
    )


def expected_in(
    node: ast.AST, names: set[str], *, known: bool = False
) -> Iterator[tuple[int, str]]:
    """What is expected of the modules of these names; `known` where a test of them stands above."""
    if isinstance(node, ast.If):
        tests = {part.id for part in nodes_in(node.test) if isinstance(part, ast.Name)} & names
        by_class = bool(tests) and asks_for_class(node.test)
        for part in node.body:
            yield from expected_in(part, names, known=known or by_class)
        for part in node.orelse:
            if tests and isinstance(part, ast.Raise):
                yield part.lineno, "raises for some of"
            # An `elif` tests for itself; what stands in `else` is of none of the classes tested.
            yield from expected_in(part, names, known=known)
        raises = any(isinstance(part, ast.Raise) for part in node.body)
        if tests and raises and not known and not by_class:
            yield node.lineno, "raises for some of"
        return
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attribute)):
            if name in names and attribute not in OF_ALL and not known:
                yield node.lineno, f"calls {name}.{attribute} on"
    for child in ast.iter_child_nodes(node):
        yield from expected_in(child, names, known=known)
