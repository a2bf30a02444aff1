"""What else in a project a splice concerns: strict loads, resumed optimizers.

Read from the source by `ast`; nothing is run and nothing is changed.
"""

from __future__ import annotations

import ast
from pathlib import Path

from stitchgen.project.python_files import python_files


def for_project(root: Path, model_file: Path) -> list[dict[str, str]]:
    """Warnings about places of the project that the new keys will meet."""
    found: list[dict[str, str]] = []
    for path in python_files(root):
        try:
            tree = ast.parse(path.read_bytes())
        except (OSError, SyntaxError, ValueError):
            continue
        shown = path.relative_to(root).as_posix()
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr == "load_state_dict":
                    warning = load_warning(node, f"{shown}:{node.lineno}")
                    if warning is not None:
                        found.append(warning)
            if counts_children(node):
                found.append(
                    {
                        "code": "counts-children",
                        "where": f"{shown}:{node.lineno}",  # type: ignore[attr-defined]
                        "message": "picks layers by their number among the children, which a "
                        "new layer changes",
                        "hint": "Pick them by name.",
                    }
                )
    return found


def counts_children(node: ast.AST) -> bool:
    """`list(model.children())[:6]`, `[*model.children()][-1]`."""
    if not isinstance(node, ast.Subscript):
        return False
    match node.value:
        case ast.Call(func=ast.Name(id="list" | "tuple"), args=[inner]):
            pass
        case ast.List(elts=[ast.Starred(value=inner)]):
            pass
        case _:
            return False
    names = {"children", "named_children", "modules", "named_modules"}
    return (
        isinstance(inner, ast.Call)
        and isinstance(inner.func, ast.Attribute)
        and inner.func.attr in names
    )


def load_warning(call: ast.Call, where: str) -> dict[str, str] | None:
    """A strict load of a model, or the resume of an optimizer's state; None for any other."""
    assert isinstance(call.func, ast.Attribute)
    receiver = ast.unparse(call.func.value)
    last = receiver.split(".")[-1].lower()
    if any(word in last for word in ("optim", "opt", "scheduler", "sched", "scaler", "ema")):
        if "optim" in last or last in ("opt", "optimizer"):
            return {
                "code": "optimizer-resume",
                "where": where,
                "message": f"{receiver} resumes a state saved without the block's parameters",
                "hint": "Start the optimizer afresh, or add the block's parameters as a group "
                "of their own after loading.",
            }
        return None
    for keyword in call.keywords:
        if keyword.arg == "strict":
            if isinstance(keyword.value, ast.Constant) and keyword.value.value is False:
                return None
        elif keyword.arg is None:
            return None
    if len(call.args) > 1:
        second = call.args[1]
        if isinstance(second, ast.Constant) and second.value is False:
            return None
    arguments = ", ".join(ast.unparse(argument) for argument in call.args[:1])
    return {
        "code": "strict-load",
        "where": where,
        "message": f"{receiver}.load_state_dict is strict, and old weights lack the block's keys",
        "hint": f"{receiver}.load_state_dict({arguments}, strict=False)",
    }
