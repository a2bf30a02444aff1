"""How a layer is defined and called, read from the source of its owner's class.

Only for the columns of the zoo's table: no verdict depends on it. Standard library only.
"""

from __future__ import annotations

import ast
import inspect
import textwrap

_CONTAINERS = {"Sequential", "ModuleList", "ModuleDict"}


def _class_tree(cls: type) -> ast.ClassDef | None:
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]  # type: ignore[return-value]
    except (OSError, TypeError, SyntaxError):
        return None


def _is_self(node: ast.AST, name: str) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == name
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    )


def _value_form(value: ast.AST) -> str:
    if isinstance(value, ast.IfExp):
        return "conditional"
    if not isinstance(value, ast.Call):
        return "name or other"
    called = value.func
    text = ast.unparse(called)
    last = text.rsplit(".", 1)[-1]
    if last in _CONTAINERS:
        if any(isinstance(a, ast.Starred) for a in value.args):
            return f"{last}, starred"
        return f"{last}, literal" if value.args else f"{last}, grown"
    if text.startswith(("nn.", "torch.nn.")):
        return "nn.X(...)"
    if text.startswith("self."):
        return "helper method"
    if isinstance(called, ast.Name):
        return "class" if called.id[:1].isupper() else "factory or variable"
    return "other call"


def definition_form(owner: object, name: str) -> str:
    """How `owner` came by its child `name`."""
    for cls in type(owner).__mro__:
        if cls.__module__.startswith("torch."):
            break
        tree = _class_tree(cls)
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if _is_self(target, name):
                        return _value_form(node.value)
                    if isinstance(target, ast.Tuple) and any(
                        _is_self(t, name) for t in target.elts
                    ):
                        return "tuple"
            elif isinstance(node, ast.AnnAssign) and node.value and _is_self(node.target, name):
                return _value_form(node.value)
    kind = next((c.__name__ for c in type(owner).__mro__ if c.__name__ in _CONTAINERS), None)
    if kind:
        return f"child of {kind}" if type(owner).__name__ == kind else f"child of a {kind} subclass"
    return "add_module, setattr or loop"


def call_form(owner: object, name: str) -> str:
    """How `owner` calls its child `name`."""
    kind = next((c.__name__ for c in type(owner).__mro__ if c.__name__ in _CONTAINERS), None)
    own_forward = type(owner).forward.__module__.startswith("torch.nn") is False
    if kind and not own_forward:
        return "Sequential.forward" if kind == "Sequential" else f"element of {kind}"
    found = []
    for cls in type(owner).__mro__:
        if cls.__module__.startswith("torch.nn"):
            break
        tree = _class_tree(cls)
        if tree is None:
            continue
        parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        for node in ast.walk(tree):
            if _is_self(node, name) and isinstance(node.ctx, ast.Load):  # type: ignore[attr-defined]
                form = _use(node, parents)
                if form:
                    found.append(form)
    if not found:
        return "never by name"
    return found[0] if len(found) == 1 else "several sites"


def _use(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> str | None:
    up = parents.get(node)
    while up is not None and not isinstance(up, (ast.FunctionDef, ast.AsyncFunctionDef)):
        up = parents.get(up)
    if up is None or up.name == "__init__":
        return None
    outer = parents[node]
    if isinstance(outer, ast.Attribute) and outer.attr == "forward":
        outer = parents[outer]
        direct = ".forward()"
    else:
        direct = ""
    if not isinstance(outer, ast.Call):
        if isinstance(outer, (ast.For, ast.comprehension)):
            return "loop over it"
        if isinstance(outer, ast.Subscript):
            return "by index"
        if isinstance(outer, (ast.Compare, ast.BoolOp, ast.If, ast.IfExp)):
            return None
        return "other use"
    if direct:
        return direct
    if outer.func is not node:
        return "passed to a call"
    home = parents[outer]
    if isinstance(home, ast.Assign):
        return "x = l(x)"
    if isinstance(home, ast.Return):
        return "returned"
    if isinstance(home, (ast.BinOp, ast.AugAssign)):
        return "in an operation"
    if isinstance(home, (ast.Call, ast.Starred, ast.keyword)):
        return "nested"
    if isinstance(home, (ast.List, ast.Tuple)):
        return "in a list"
    if isinstance(home, ast.Attribute):
        return "method chain"
    return "other"
