"""Decorators of installed packages that fail when a file is imported, as those that register a name twice.

A file that was copied out of a package still says `@register_model()`, and the package has that name. The model
does not need it: the definition goes without.
"""

from __future__ import annotations

import ast
import traceback
from typing import Iterator, List, NamedTuple, Optional, Union

Definition = Union[ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef]
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Decorator(NamedTuple):
    """One decorator of a definition at the top of a file, wherever that has come to stand."""

    name: str  # of the definition
    code: str


def failing(error: BaseException, tree: ast.Module, path: str) -> Optional[Decorator]:
    """The decorator that raised the error while the file was imported, if one did and not the project's own."""
    frames = [(frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    last = frames[-1][0].co_filename if frames else ""
    if "site-packages" not in last and "dist-packages" not in last:
        return None
    for code, line in frames:
        if code.co_filename == path and code.co_name == "<module>":
            for definition in definitions(tree):
                for node in definition.decorator_list:
                    if node.lineno <= line <= (node.end_lineno or node.lineno):
                        return Decorator(definition.name, ast.dump(node))
    return None


def without(tree: ast.Module, left_out: List[Decorator]) -> ast.Module:
    for definition in definitions(tree):
        definition.decorator_list = [
            node
            for node in definition.decorator_list
            if Decorator(definition.name, ast.dump(node)) not in left_out
        ]
    return tree


def definitions(tree: ast.Module) -> Iterator[Definition]:
    for node in tree.body:
        if isinstance(node, DEFINITIONS):
            yield node


def note(names: List[str], file: str, error: BaseException) -> str:
    """What the report says of the definitions whose decorators were left out."""
    shown = ", ".join(names[:3]) + (" and %d more" % (len(names) - 3) if len(names) > 3 else "")
    return (
        "%s cannot be imported as it is: a decorator of %s raises %s: %s. It was left out to run the model."
        % (file, shown, type(error).__name__, str(error).rstrip("."))
    )
