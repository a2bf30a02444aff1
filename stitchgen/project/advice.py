"""What else in a project a splice concerns: strict loads, resumed optimizers.

Read from the source by `ast`; nothing is run and nothing is changed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from stitchgen.project.ways_in import Project


def for_project(project: Project, model_file: Path) -> list[dict[str, str]]:
    """Warnings about places of the project that the new keys will meet: in the model's file and those that
    may import it, or in all of them where none does."""
    found: list[dict[str, str]] = []
    reaching = project.reaching(model_file)
    for path, raw in project.contents.items():
        if len(reaching) > 1 and path not in reaching:
            continue
        if not any(word in raw for word in (b"state_dict", b"children", b"modules")):
            continue
        try:
            tree = ast.parse(raw)
        except (SyntaxError, ValueError, RecursionError):
            continue
        shown = path.relative_to(project.root).as_posix()
        found += (warning | {"where": f"{shown}:{line}"} for line, warning in counted_keys(tree))
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


def counted_keys(tree: ast.Module) -> Iterator[tuple[int, dict[str, str]]]:
    """The comparisons of how many keys a model and other weights have: `assert len(own) == len(theirs)`."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        states = {
            target.id
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and reads_state(node.value)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        states |= {
            target.id
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and states & names_in(node.value)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(function):
            match node:
                case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq()], comparators=[right]):
                    sides = [counted_in(side) for side in (left, right)]
                    if None not in sides and any(names & states for names in sides if names):
                        yield (
                            node.lineno,
                            {
                                "code": "strict-load",
                                "message": f"{function.name} compares the number of keys with that of other weights, "
                                "and the block has keys of its own",
                                "hint": "Copy the keys that both have, and leave the comparison out.",
                            },
                        )


def reads_state(node: ast.expr) -> bool:
    return any(
        isinstance(part, ast.Call)
        and isinstance(part.func, ast.Attribute)
        and part.func.attr == "state_dict"
        for part in ast.walk(node)
    )


def counted_in(node: ast.expr) -> set[str] | None:
    """The names in what `len` counts; None for another expression."""
    match node:
        case ast.Call(func=ast.Name(id="len"), args=[inner]):
            return names_in(inner)
    return None


def names_in(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


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
