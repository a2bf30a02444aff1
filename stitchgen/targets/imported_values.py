"""Values that a script takes from another file of the project: `from option import args`, then `Net(args)`.

They are imported when the model is built, as the script does it: options are parsed there with their defaults. Read from
the source by `ast`; nothing is run here.
"""

from __future__ import annotations

import ast
import copy
import functools
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from stitchgen.analysis.scope import imported_names
from stitchgen.project.modules import files_beside
from stitchgen.project.ways_in import is_main_test
from stitchgen.source.syntax import all_statements, assigned_pairs
from stitchgen.source.tree import dotted, nodes_in

#: How the builtin is called by which an expression imports.
IMPORT = "__import__"
#: What a module does at its top that does more than to make values: it is a script, and importing it runs it.
RUNS = re.compile(
    r"(.*_)?(backward|download|evaluate|exec|fit|launch|main|run|spawn|step|system|test|train|training"
    r"|urlretrieve|validate)(_.*)?"
)


class ImportedValues(ast.NodeTransformer):
    """Puts `__import__('option').args` into an expression in the place of `args`, or of `option.args`."""

    def __init__(self, values: Mapping[str, ast.expr], lines: Mapping[str, int]):
        self.values, self.lines = values, lines  # by the names of the file; where it imports them

    def filled(self, call: ast.Call, own: Collection[str] = ()) -> ast.Call:
        """The call with them; `own` are names that mean something else where it stands."""
        known = {
            name: value for name, value in self.values.items() if name.partition(".")[0] not in own
        }
        if not known:
            return call
        putting = ImportedValues(known, self.lines)
        arguments = [putting.visit(copy.deepcopy(one)) for one in call.args]
        keywords = [
            ast.keyword(one.arg, putting.visit(copy.deepcopy(one.value))) for one in call.keywords
        ]
        return ast.Call(call.func, arguments, keywords)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self.values.get(node.id, node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        text = ast.unparse(node)
        return self.values[text] if text in self.values else self.generic_visit(node)


def imported_values(
    tree: ast.Module, file: Path, root: Path, only: Collection[str] | None = None
) -> ImportedValues:
    """Those that a file may use, by the names that they have in it: all, or `only` these. Relative imports are left
    alone: the name of the package is not that under which a script would import it."""
    found: dict[str, ast.expr] = {}
    lines: dict[str, int] = {}
    for statement in all_statements(tree):
        if isinstance(statement, ast.Import) and only is None:
            for alias in statement.names:
                for name in values_of(alias.name, file, root):
                    found[f"{alias.asname or alias.name}.{name}"] = value_in(alias.name, name)
        for bound, origin in imported_names(statement):
            module, _, name = origin.rpartition(".")
            if only is not None and bound not in only:
                continue
            if module and not origin.startswith(".") and name in values_of(module, file, root):
                found[bound] = value_in(module, name)
                lines[bound] = statement.lineno
    return ImportedValues(found, lines)


def values_of(module: str, file: Path, root: Path, further: int = 2) -> frozenset[str]:
    """The names to which a module of the project, as a file imports it, assigns something when it is imported, or
    which it takes from another such module."""
    other = files_beside(file, root, root / "src")(module)
    return frozenset() if other is None else values_in(*other, root, further)


@functools.lru_cache(maxsize=256)
def values_in(file: Path, text: str, root: Path, further: int) -> frozenset[str]:
    tree = parsed(text)
    if tree is None:
        return frozenset()
    later = {
        id(part)
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) or is_main_test(node)
        for part in nodes_in(node)
    }
    if runs(tree, later):
        return frozenset()
    found: set[str] = set()
    for statement in all_statements(tree):
        if id(statement) in later:
            continue
        if isinstance(statement, ast.Assign):
            targets = (target for target, _ in assigned_pairs(statement))
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
        elif isinstance(statement, ast.ImportFrom) and further:
            origin = "." * statement.level + (statement.module or "")
            known = values_of(origin, file, root, further - 1)
            found |= {one.asname or one.name for one in statement.names if one.name in known}
    return frozenset(found)


def runs(tree: ast.Module, later: Collection[int]) -> bool:
    """Whether a module does more when it is imported than to make values; `later` is what is not run then."""
    return any(
        isinstance(node, ast.Call)
        and id(node) not in later
        and RUNS.fullmatch(ast.unparse(node.func).rpartition(".")[2])
        for node in nodes_in(tree)
    )


@functools.lru_cache(maxsize=64)
def parsed(text: str) -> ast.Module | None:
    """Many files import the same few."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


def value_in(module: str, name: str) -> ast.expr:
    """`__import__('configs.base').base.cfg`: what is imported is the outermost package."""
    inner = module.partition(".")[2]
    path = f"{inner}.{name}" if inner else name
    return ast.parse(f"{IMPORT}({module!r}).{path}", mode="eval").body


def is_imported_value(node: ast.AST) -> bool:
    """Whether an expression is such a value, or an attribute of one."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return (
        isinstance(node, ast.Call)
        and dotted(node.func) == [IMPORT]
        and all(isinstance(one, ast.Constant) for one in node.args)
    )
