"""What the names of one file are bound to: its classes, functions, imports and constants.

A name that is bound more than once at the
top level of the file (or in only one branch of an `if` or `try`) has no certain meaning and is
left out, so that whoever looks it up comes away with nothing instead of a guess.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from stitchgen.source.tree import DEFINITIONS as DEFINITIONS
from stitchgen.source.tree import imported_names as imported_names
from stitchgen.source.tree import joined, nodes_in
from stitchgen.source.tree import parents as parents
from stitchgen.source.tree import top_level as top_level

Function = ast.FunctionDef | ast.AsyncFunctionDef

#: The names under which `nn.Module` can be imported.
TORCH_MODULE = {"torch.nn.Module", "torch.nn.modules.Module", "torch.nn.modules.module.Module"}

_TORCH_LAYER = re.compile(r"torch\.nn\.(modules\.(\w+\.)?)?(?!Parameter)[A-Z]\w*")
#: Names of classes that other libraries are known to provide as bases of something else.
_NO_MODULE = re.compile(
    r"Enum$|Dataset$|^ABC|Protocol$|Tuple$|TypedDict$|Error$|Exception$|Function$|Config$|Generic$"
    r"|Thread$|Process$|Optimizer$|Scheduler$|TestCase$|Sampler$|Dict$|^BaseSettings$"
)

#: Installed packages of models, whose classes others derive from.
_MODELS = re.compile(r"(torchvision|timm)\.models\..*\.[A-Z]\w*")


class Locator(Protocol):
    """Finds what a file imports in the other files of the project."""

    def locate(self, origin: str) -> tuple[Scope, str] | None:
        """The file and the name there of a dotted origin."""


@dataclass
class Scope:
    """The top-level names of a file."""

    tree: ast.Module
    text: str = ""
    path: Path | None = None
    module: str = ""  # how the model file would import it; "" for the model file itself
    project: Locator | None = None
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)  # local name -> dotted origin
    constants: dict[str, ast.expr] = field(default_factory=dict)
    ambiguous: set[str] = field(default_factory=set)  # bound, with no one meaning

    def binds(self, name: str) -> bool:
        """Whether the file binds a name at its top level."""
        return (
            name in self.functions
            or name in self.classes
            or name in self.imports
            or name in self.constants
            or name in self.ambiguous
        )

    def origin(self, expression: ast.expr) -> str | None:
        """The dotted origin of an imported name or attribute: `nn.Conv2d` is `torch.nn.Conv2d`."""
        parts: list[str] = []
        while isinstance(expression, ast.Attribute):
            parts.append(expression.attr)
            expression = expression.value
        if not isinstance(expression, ast.Name) or expression.id not in self.imports:
            return None
        return ".".join([self.imports[expression.id], *reversed(parts)])

    def absolute(self, origin: str) -> str:
        """A relative origin written in this file, in the terms of the model file."""
        name = origin.lstrip(".")
        level = len(origin) - len(name)
        if not level or not self.module:
            return origin
        package = self.module
        if self.path is None or self.path.name != "__init__.py":
            package = _parent(package)
        for _ in range(level - 1):
            package = _parent(package)
        return joined(package, name)

    def bases(self, class_name: str) -> list[str]:
        """The class and its bases in this file, in the order in which Python looks them up."""
        order: list[str] = []
        self._linearise(class_name, order, set())
        return order

    def _linearise(self, name: str, order: list[str], above: set[str]) -> None:
        definition = self.classes.get(name)
        if definition is None or name in above:
            return
        if name in order:  # a diamond: the last place counts, as in C3
            order.remove(name)
        order.append(name)
        for base in definition.bases:
            if isinstance(base, ast.Name):
                self._linearise(base.id, order, above | {name})

    def method(self, class_name: str, method: str) -> tuple[str, ast.FunctionDef] | None:
        """The function that `self.method` finds, with the class of this file that defines it."""
        for name in self.bases(class_name):
            found = [
                item
                for item in self.classes[name].body
                if isinstance(item, Function) and item.name == method
            ]
            if found:
                only = found[0] if len(found) == 1 else None
                return (name, only) if isinstance(only, ast.FunctionDef) else None
        return None

    def outer_bases(self, class_name: str) -> list[str | None]:
        """The origins of the bases that are not of this file; None where one cannot be determined."""
        found: list[str | None] = []
        for name in self.bases(class_name):
            for base in self.classes[name].bases:
                if isinstance(base, ast.Subscript):  # Generic[T]
                    base = base.value
                if not (isinstance(base, ast.Name) and base.id in self.classes):
                    found.append(self.origin(base))
        return found

    def is_module(self, class_name: str) -> bool:
        """Whether the class is an `nn.Module`, as far as this file shows."""
        outer = self.outer_bases(class_name)
        for origin in outer:
            if origin in TORCH_MODULE or _TORCH_LAYER.fullmatch(origin or ""):
                return True
        # An imported base that this file does not explain: a class that has a forward is a module,
        # and one that makes layers.
        if any(_MODELS.fullmatch(origin or "") for origin in outer):
            return True
        known = self.method(class_name, "forward") is not None or self.makes_layers(class_name)
        return self.may_be_module(class_name) and known

    def makes_layers(self, class_name: str) -> bool:
        """Whether the constructor has a `self.fc = nn.Linear(...)`."""
        found = self.method(class_name, "__init__")
        return found is not None and any(
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Attribute)
            and isinstance(node.value, ast.Call)
            and _TORCH_LAYER.fullmatch(self.origin(node.value.func) or "") is not None
            for node in nodes_in(found[1])
        )

    def may_be_module(self, class_name: str) -> bool:
        """Whether nothing in this file speaks against the class being an `nn.Module`."""
        outer = self.outer_bases(class_name)
        return any(
            origin is not None and not _NO_MODULE.search(split_origin(origin)[1])
            for origin in outer
        ) and not any((origin or "").startswith("torch.autograd") for origin in outer)

    def module_classes(self) -> list[str]:
        """The classes of the file that are modules, in the order of the file."""
        return [name for name in self.classes if self.is_module(name)]


def split_origin(origin: str) -> tuple[str, str]:
    """The module and the name of a dotted origin: `..resnet.ResNet`, `.x`, `torch.nn`."""
    module, _, name = origin.rpartition(".")
    dots = len(origin) - len(origin.lstrip("."))
    return (module if module.strip(".") else "." * dots), name


def _parent(module: str) -> str:
    """The package of a module name; that of `.` is `..`."""
    return split_origin(module)[0] if module.strip(".") else f"{module}."


def with_class(scope: Scope, qualified_name: str) -> Scope:
    """The scope with a class that is nested in another, or has two definitions, by that name.

    Raises KeyError where the file has none.
    """
    if qualified_name in scope.classes:
        return scope
    names = [name for name in qualified_name.split(".") if name != "<locals>"]
    node = _class_at(scope.tree, names)
    if node is None:
        raise KeyError(qualified_name)
    return replace(scope, classes={**scope.classes, qualified_name: node})


def _class_at(node: ast.AST, names: list[str]) -> ast.ClassDef | None:
    """The last definition, which is the one that the name is bound to in the end."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = None
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, kinds):
            found = _class_at(child, names) or found
        elif child.name != names[0]:
            continue
        elif len(names) > 1:
            found = _class_at(child, names[1:]) or found
        elif isinstance(child, ast.ClassDef):
            found = child
    return found


def read_scope(
    tree: ast.Module, text: str = "", path: Path | None = None, module: str = ""
) -> Scope:
    """The scope of a parsed file."""
    scope = Scope(tree, text, path, module)
    bound = Counter(_bindings(tree))
    # `from x import *` may bind anything; what the file itself binds afterwards still holds.
    for statement in tree.body:
        match statement:
            case ast.FunctionDef(name=name) if bound[name] == 1:
                scope.functions[name] = statement
            case ast.ClassDef(name=name) if bound[name] == 1:
                scope.classes[name] = statement
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if bound[name] == 1:
                scope.constants[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if (
                bound[name] == 1
            ):
                scope.constants[name] = value
    origins: dict[str, set[str]] = {}
    for statement in top_level(tree.body):
        for name, origin in imported_names(statement):
            origins.setdefault(name, set()).add(scope.absolute(origin))
    imports = Counter(name for s in top_level(tree.body) for name, _ in imported_names(s))
    for name, found in origins.items():
        # `try: from a import f / except ImportError: from b import f` has two origins.
        if len(found) == 1 and bound[name] == imports[name]:
            (scope.imports[name],) = found
    scope.ambiguous = {name for name in bound if not scope.binds(name)}
    return scope


def _bindings(tree: ast.Module) -> Iterator[str]:
    for statement in top_level(tree.body):
        if isinstance(statement, DEFINITIONS):
            yield statement.name
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            for name, _ in imported_names(statement):
                yield name
        else:
            yield from _names_stored(statement)
    for node in nodes_in(tree):
        if isinstance(node, ast.Global):
            yield from node.names


def _names_stored(statement: ast.stmt) -> Iterator[str]:
    """The names that the statement itself binds, not those of statements nested in it."""
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            continue
        for node in nodes_in(child):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                yield node.id
