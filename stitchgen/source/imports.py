"""Where an import goes in a file, and under which name."""

from __future__ import annotations

import ast

from stitchgen.source.document import Span
from stitchgen.source.edits import Edit
from stitchgen.source.syntax import Syntax, definitions_in
from stitchgen.source.tree import nodes_in


def bound_as(syntax: Syntax, module: str, name: str) -> str | None:
    """The name under which `from module import name` is already bound at the top level."""
    level = len(module) - len(module.lstrip("."))
    for node in syntax.tree.body:
        if isinstance(node, ast.ImportFrom) and node.level == level:
            if (node.module or "") == module.lstrip("."):
                for alias in node.names:
                    if alias.name == name:
                        return alias.asname or alias.name
    return None


def has_relative_imports(tree: ast.Module) -> bool:
    return any(isinstance(node, ast.ImportFrom) and node.level for node in nodes_in(tree))


def statement_before_import(syntax: Syntax) -> Span | None:
    """The top-level statement after which an import goes: the last import before the first
    definition, else a `__future__` import or the docstring; None for the start of the file."""
    body = syntax.tree.body
    found: ast.stmt | None = None
    for index, node in enumerate(body):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            if found is not None:
                break
        if isinstance(node, (ast.Import, ast.ImportFrom)) or only_imports(node):
            found = node
        elif index == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found = node if isinstance(node.value.value, str) else None
    first_class = next((n.lineno for n in body if isinstance(n, ast.ClassDef)), None)
    if found is not None and first_class is not None and found.lineno > first_class:
        found = None
    return None if found is None else syntax.document.span_of(found)


def only_imports(node: ast.stmt) -> bool:
    """`try: import a` with its handlers counts as an import; `if TYPE_CHECKING:` does not."""
    if not isinstance(node, ast.Try) or any(True for _ in definitions_in([node])):
        return False
    return all(isinstance(part, (ast.Import, ast.ImportFrom)) for part in node.body)


def add_import(syntax: Syntax, statement: str, beside: str | None = None) -> Edit:
    """The import, after the others; `beside` a package, behind its first."""
    before = statement_before_import(syntax)
    if beside is not None:
        for node in syntax.tree.body:
            names = [alias.name for alias in getattr(node, "names", ())]
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""] if not node.level else []
            elif not isinstance(node, ast.Import):
                continue
            if any(name.partition(".")[0] == beside for name in names):
                return syntax.document.top_lines_after(
                    syntax.document.span_of(node), statement + "\n"
                )
    return syntax.document.top_lines_after(before, statement + "\n")


def module_alias(syntax: Syntax, module: str) -> str | None:
    """How the file names a module: `nn` for `torch.nn`, however it was imported; the shortest."""
    found: list[str] = []
    for node in syntax.tree.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name == module:
                    found.append(alias.asname or module)
                elif module.startswith(alias.name + "."):
                    found.append((alias.asname or alias.name) + module[len(alias.name) :])
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                if module == full or module.startswith(full + "."):
                    found.append((alias.asname or alias.name) + module[len(full) :])
    return min(found, key=len, default=None)
