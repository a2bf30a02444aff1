"""Which top-level statements of a model file only define things.

A model file may be a training script. Observing it must never start a training run, so only
imports, classes, functions and assignments that definitions need are run; the rest is left out.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection

from stitchgen.source.tree import DEFINITIONS, imported_names, nodes_in
from stitchgen.source.tree import dotted as dotted

#: Roots of calls whose result is a plain value: running them can start nothing.
PLAIN_CALLS = {
    *("dict", "list", "tuple", "set", "frozenset", "range", "len", "int", "float", "str", "bool"),
    *("sorted", "zip", "map", "filter", "sum", "min", "max", "getattr", "hasattr", "type"),
    *("isinstance", "issubclass", "enumerate", "reversed", "round", "abs", "bytes", "super"),
}
#: Packages whose calls at the top level of a model file make values or settings.
PLAIN_PACKAGES = {"torch", "nn", "numpy", "math", "einops"} | set(sys.stdlib_module_names)
ACTING = {"subprocess", "socket", "urllib", "http", "argparse", "multiprocessing", "shutil"}
#: What ends a program or trains: never run, not even in a file that the model file imports.
TRAINING_NAMES = {"backward", "step", "zero_grad", "fit", "main", "train", "run", "launch"}
TRAINING_NAMES |= {"parse_args", "exit", "quit", "input", "DataLoader"}
#: What makes a folder: the observer forbids it of one that is not there yet.
FOLDER_NAMES = {"makedirs", "mkdir"}
#: What writes, starts or fetches something, which the observer forbids; an import must not fail of it.
TRAINING_NAMES |= {*FOLDER_NAMES, "rmtree", "urlretrieve", "system", "popen", "Popen"}
#: Modules of Python whose functions of these names tell something, and do nothing.
QUIET = set(sys.stdlib_module_names) - ACTING - {"os", "sys", "pathlib", "asyncio", "unittest"}
REPORTING = {"wandb", "mlflow", "requests", "subprocess"}
CONTAINERS = (ast.List, ast.Tuple, ast.Dict, ast.Set, ast.ListComp, ast.DictComp)
#: Methods that fill a list or a table.
FILLING = {"append", "extend", "insert", "add", "update", "setdefault"}
ACTING_NAMES = {"load", "save", "system", "popen", "parse_args", "exit", "open", "input", "print"}
#: Calls that stand as statements and only set things up for the definitions below them.
SETTINGS = ("sys.path.", "os.environ.", "__all__.", "warnings.", "logging.", "torch.set_")


def left_out(
    tree: ast.Module, wanted: Collection[str] = (), *, rebound: bool = False
) -> list[tuple[int, int]]:
    """`(first line, last line)` of each top-level statement that must not be run.

    `wanted` are the names that building the model reads. With `rebound` a name that is bound counts as missing
    where a statement that is left out would have bound it anew: `cfg = None`, and below it the choice.
    """
    reader = Reader(tree, wanted)
    found = []
    for statement in tree.body:
        if reader.keeps(statement):
            reader.bound |= stored(statement)
        else:
            reader.missing |= stored(statement) - (set() if rebound else reader.bound)
            found.append((statement.lineno, statement.end_lineno or statement.lineno))
    return found


def acting(tree: ast.Module, wanted: Collection[str] = ()) -> list[tuple[int, int]]:
    """The same for a file that the model file imports.

    It is run as Python runs it, since packages fill their registries so; left out is only what
    trains or ends the program, and what needs the names that are missing then. Other files import the
    `wanted` names, and fail without: what makes a folder on the way to one of them is run.
    """
    names: set[str] = set()
    missing: set[str] = set()
    reader: Reader | None = None
    found = []
    for statement in tree.body:
        if isinstance(statement, (*DEFINITIONS, ast.Import, ast.ImportFrom)):
            continue
        names = names or acting_names(tree)
        if acts(statement, names) or (missing and loaded(statement) & missing):
            if stored(statement) & set(wanted) and not loaded(statement) & missing:
                others = acting_names(tree, TRAINING_NAMES - FOLDER_NAMES)
                if not acts(statement, others):
                    continue
            reader = reader or Reader(tree)
            if loaded(statement) & missing or not reader.keeps(statement):
                found.append((statement.lineno, statement.end_lineno or statement.lineno))
                missing |= stored(statement)
    return found


def acting_names(tree: ast.Module, known: Collection[str] = TRAINING_NAMES) -> set[str]:
    """The names whose call trains or ends the program, with those of the file's own functions that
    its top level calls."""
    functions = {node.name: node for node in tree.body if isinstance(node, DEFINITIONS[:2])}
    rest = [node for node in tree.body if not isinstance(node, DEFINITIONS)]
    called = {name for node in rest for name in loaded(node)} & set(functions)
    todo, reached = list(called), set(called)
    while todo:
        new = loaded_below(functions[todo.pop()]) & set(functions) - reached
        reached |= new
        todo += new
    names = set(known)
    before = 0
    while before != len(names):
        before = len(names)
        names |= {one for one in reached if any(acts(part, names) for part in functions[one].body)}
    return names


def acts(statement: ast.stmt, names: set[str]) -> bool:
    """Whether running the statement calls one of these names, or goes through a data loader."""
    if isinstance(statement, DEFINITIONS):
        return False
    for node in nodes_in(statement):
        match node:
            case ast.Raise() if node is statement:
                return True
            case ast.Call(func=ast.Attribute(value=ast.Name(id=package))) if package in QUIET:
                continue  # `platform.system()` is not `os.system()`
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in names:
                return True
            case ast.Call(func=ast.Attribute(value=ast.Name(id=package))) if package in REPORTING:
                return True
            case ast.For(iter=place) if "loader" in ast.unparse(place).lower():
                return True
    return False


def loaded_below(node: ast.AST) -> set[str]:
    """The names that a function reads when it runs."""
    return {part.id for part in nodes_in(node) if isinstance(part, ast.Name)}


def loaded(node: ast.AST) -> set[str]:
    """The names that running a statement may read; functions read theirs later."""
    if isinstance(node, DEFINITIONS):
        return set()
    names = (part for part in nodes_in(node) if isinstance(part, ast.Name))
    return {name.id for name in names if isinstance(name.ctx, ast.Load)}


def stored(node: ast.AST) -> set[str]:
    names = (part for part in nodes_in(node) if isinstance(part, ast.Name))
    return {name.id for name in names if isinstance(name.ctx, ast.Store)}


class Reader:
    """Decides statement by statement, knowing what definitions need when they are made."""

    def __init__(self, tree: ast.Module, wanted: Collection[str] = ()) -> None:
        self.needed = needed_by_definitions(tree)
        self.read = read_by_classes(tree) | with_what_they_need(wanted, tree)
        self.acting = acting_names(tree)
        self.packages = imported_packages(tree)
        self.defined = {
            node.name
            for node in tree.body
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        }
        self.bound: set[str] = set()  # names that statements which are run assign
        self.missing: set[str] = set()  # names whose assignment was left out
        self.containers: set[str] = set()  # names of the file's own lists and tables

    def keeps(self, node: ast.stmt) -> bool:
        match node:
            case ast.Import() | ast.ImportFrom() | ast.Pass() | ast.Global():
                return True
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return True
            case ast.Expr(value=ast.Constant()):
                return True
            case ast.Expr(
                value=ast.Call(
                    func=ast.Attribute(value=ast.Name(id=name), attr=method),
                    args=arguments,
                    keywords=keywords,
                )
            ) if (
                name in self.containers and method in FILLING
            ):
                return all(map(self.plain, arguments)) and all(map(self.plain, keywords))
            case ast.Expr(value=ast.Call(func=function)):
                return ast.unparse(function).startswith(SETTINGS)
            case ast.Delete():
                return True
            case ast.Assert(test=test):
                return self.plain(test)
            case ast.For(iter=place, body=body, orelse=orelse):
                known = loaded(place) <= self.containers | PLAIN_CALLS and self.plain(place)
                return known and all(self.keeps(part) for part in body + orelse)
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                return self.keeps_assignment(node)
            case ast.If(test=test) if is_main_test(test):
                return True  # the file is imported under another name, so it is not run
            case ast.If(test=test, body=body, orelse=orelse):
                return self.plain(test) and all(self.keeps(part) for part in body + orelse)
            case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final):
                parts = body + orelse + final
                for handler in handlers:
                    parts = parts + handler.body
                return all(self.keeps(part) or isinstance(part, ast.Raise) for part in parts)
            case _:
                return False

    def keeps_assignment(self, node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> bool:
        names = stored(node)
        if isinstance(node.value, CONTAINERS):
            self.containers |= names
        if names & self.needed or node.value is None or self.plain(node.value):
            return True
        lacks = loaded(node.value) & self.missing
        if names & self.read and not lacks and not acts(node, self.acting | ACTING_NAMES):
            return True  # a model that is run would not find the name
        self.missing |= names
        return False

    def plain(self, expression: ast.expr | ast.keyword) -> bool:
        """Whether evaluating the expression can start nothing and lacks nothing."""
        for part in nodes_in(expression):
            if isinstance(part, ast.Name) and part.id in self.missing:
                return False
            if isinstance(part, ast.Call) and not self.plain_call(part.func):
                return False
            if isinstance(part, (ast.Await, ast.Yield, ast.YieldFrom)):
                return False
        return True

    def plain_call(self, function: ast.expr) -> bool:
        parts = dotted(function)
        if parts is None:
            # A method of a value, as in ", ".join(names) or {...}.items().
            return isinstance(function, ast.Attribute) and function.attr not in ACTING_NAMES
        package = self.packages.get(parts[0])
        if (parts[-1] in ACTING_NAMES and package not in QUIET) or package in ACTING:
            return False
        if package is not None:
            return package in PLAIN_PACKAGES
        if len(parts) > 1:
            return True  # a method of a value made above
        # A helper of the file is run only if a definition needs its result (see `needed`),
        # or if it makes a setting by its look: `_cfg(url="...")`.
        return parts[0] in PLAIN_CALLS or (parts[0] in self.defined and parts[0].startswith("_"))


def is_main_test(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and any(
        isinstance(part, ast.Name) and part.id == "__name__" for part in nodes_in(test)
    )


def imported_packages(tree: ast.Module) -> dict[str, str]:
    """Each imported name with the top-level package that it comes from; "" for the project's own."""
    return {
        name: origin.split(".")[0]
        for node in nodes_in(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name, origin in imported_names(node)
    }


def read_by_classes(tree: ast.Module) -> set[str]:
    """Names that the methods of the file's classes read, and the functions that they call."""
    functions = {
        node.name: node
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    todo: list[ast.AST] = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    read: set[str] = set()
    while todo:
        names = {part.id for part in nodes_in(todo.pop()) if isinstance(part, ast.Name)}
        todo += [functions[name] for name in names - read if name in functions]
        read |= names
    return read


def needed_by_definitions(tree: ast.Module) -> set[str]:
    """Names that are read when classes and functions are made: bases, decorators, defaults,
    annotations and class bodies, and what the assignments of those names read in turn."""
    read: set[str] = set()

    def take(node: ast.AST) -> None:
        read.update(part.id for part in nodes_in(node) if isinstance(part, ast.Name))

    def visit(node: ast.AST) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            arguments = node.args
            for part in (*node.decorator_list, *arguments.defaults, *arguments.kw_defaults):
                if part is not None:
                    take(part)
            for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
                if argument.annotation is not None:
                    take(argument.annotation)
            if node.returns is not None:
                take(node.returns)
        elif isinstance(node, ast.ClassDef):
            for part in (*node.decorator_list, *node.bases):
                take(part)
            for keyword in node.keywords:
                take(keyword.value)
            for statement in node.body:
                if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                    visit(statement)
                else:
                    take(statement)

    for node in tree.body:
        visit(node)
    return with_what_they_need(read, tree)


def with_what_they_need(names: Collection[str], tree: ast.Module) -> set[str]:
    """The names, and those that the assignments of them read in turn."""
    found = set(names)
    before = -1
    while before != len(found):
        before = len(found)
        for node in tree.body:
            if isinstance(node, ast.Assign) and any(
                isinstance(target, ast.Name) and target.id in found for target in node.targets
            ):
                found |= loaded_below(node.value)
    return found
