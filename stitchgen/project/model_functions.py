"""The functions of a project that are given its model: `init_weights(model)`, `model.apply(weights_init)`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stitchgen.project.ways_in import ImportGraph, find_module, relative_start
from stitchgen.source.tree import nodes_in

#: What a function asks a model for that goes through its layers or parameters,
ASKED = {"parameters", "named_parameters", "modules", "named_modules", "children", "named_children"}
ASKED |= {"apply"}
#: and what of it shows that the function does more: trains it, saves it, moves it.
MORE = {
    "train",
    "eval",
    "state_dict",
    "load_state_dict",
    "save",
    "cuda",
    "to",
    "forward",
    "backward",
}
#: Functions that give their argument, or what is in it.
OF_ITS_ARGUMENT = {
    "enumerate",
    "getattr",
    "iter",
    "list",
    "reversed",
    "set",
    "sorted",
    "tuple",
    "zip",
}
#: So many are tried.
MOST = 8


@dataclass(frozen=True)
class ModelFunction:
    """A function, and whether it is given each module by `apply`, or the model itself.

    Where a class applies it to parts of itself, these are named by class and path: `("UNet", "middle")`, and the
    class itself by an empty path.
    """

    file: Path
    name: str
    each: bool
    parts: tuple[tuple[str, str], ...] = ()


def functions_of_models(file: Path, project: ImportGraph) -> list[ModelFunction]:
    """Those that are called in the file of a model, and in the files that may import it."""
    found: dict[ModelFunction, None] = {}
    for path in sorted(project.reaching(file), key=lambda one: (len(one.parts), one)):
        found |= dict.fromkeys(called_in(project, path))
    return list(found)[:MOST]


def called_in(project: ImportGraph, path: Path) -> Iterator[ModelFunction]:
    """The functions that one file calls on a model."""
    tree = project.tree(path)
    if tree is None:
        return
    names = Names.of(tree)
    owners, looped = owners_of(tree), looped_over(tree)
    calls: dict[tuple[str, bool], list[tuple[str, str] | None]] = {}
    for node in nodes_in(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=receiver, attr="apply"),
                args=[ast.Name() | ast.Attribute() as given],
            ):
                receivers = looped.get(id(node)) or [receiver]
                found_parts = (part_of_owner(one, owners.get(id(node))) for one in receivers)
                calls.setdefault((ast.unparse(given), True), []).extend(found_parts)
            case ast.Call(func=ast.Name() | ast.Attribute() as function, args=[_, *_]):
                calls.setdefault((ast.unparse(function), False), [])
    for (called, each), parts in calls.items():
        found = defined(project, path, names, called)
        if found is not None:
            file, definition = found
            if takes_module(definition) if each else takes_model(definition):
                known = tuple(dict.fromkeys(part for part in parts if part is not None))
                whole = len(known) < len(set(parts))  # it is applied to something else as well
                yield ModelFunction(file, definition.name, each, () if whole else known)


def owners_of(tree: ast.Module) -> dict[int, str]:
    """The class in which a call stands, by its id."""
    return {
        id(node): owner.name
        for owner in tree.body
        if isinstance(owner, ast.ClassDef)
        for node in nodes_in(owner)
        if isinstance(node, ast.Call)
    }


def looped_over(tree: ast.AST) -> dict[int, list[ast.expr]]:
    """What the receiver of a call goes through, by the call's id: `for part in (self.a, self.b): part.half()`."""
    found: dict[int, list[ast.expr]] = {}
    for loop in nodes_in(tree):
        match loop:
            case ast.For(target=ast.Name(id=name), iter=ast.List() | ast.Tuple() as listed):
                for node in nodes_in(loop):
                    match node:
                        case ast.Call(func=ast.Attribute(value=ast.Name(id=called))):
                            if called == name:
                                found[id(node)] = listed.elts
    return found


def part_of_owner(receiver: ast.expr, owner: str | None) -> tuple[str, str] | None:
    """The part of a class that an expression of one of its methods means: `self.blocks[0]`, `self`."""
    names: list[str] = []
    while True:
        match receiver:
            case ast.Name(id="self") if owner is not None:
                return owner, ".".join(reversed(names))
            case ast.Attribute(value=inner, attr=name):
                names.append(name)
                receiver = inner
            case ast.Subscript(value=inner, slice=ast.Constant(value=int(index))) if index >= 0:
                names.append(str(index))
                receiver = inner
            case ast.Subscript(value=inner):
                names.clear()  # one of them, whichever it is
                receiver = inner
            case _:
                return None


@dataclass(frozen=True)
class Names:
    """The functions of a file, and the modules from which it imports names."""

    functions: dict[str, ast.FunctionDef]
    imported: dict[str, tuple[str, str]]  # by the bound name, the module and the name in it
    modules: dict[str, str]  # by how they are written

    @classmethod
    def of(cls, tree: ast.Module) -> Names:
        found = cls({}, {}, {})
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                found.functions[node.name] = node
        for part in nodes_in(tree):
            match part:
                case ast.ImportFrom(module=module, names=names, level=level):
                    for alias in names:
                        base = "." * level + (module or "")
                        found.imported[alias.asname or alias.name] = base, alias.name
                case ast.Import(names=names):
                    for alias in names:
                        found.modules[alias.asname or alias.name] = alias.name
        return found


def defined(
    project: ImportGraph, path: Path, names: Names, called: str
) -> tuple[Path, ast.FunctionDef] | None:
    """The file and the definition of what is called by a name: the file's own, or imported."""
    found: tuple[Path, ast.FunctionDef | ast.ClassDef] | None = None
    holder, _, name = called.rpartition(".")
    if called in names.functions:
        found = path, names.functions[called]
    elif called in names.imported:
        found = definition_in(project, path, *names.imported[called])
    elif holder in names.imported:
        base, inner = names.imported[holder]
        module = f"{base}{'' if base.endswith('.') else '.'}{inner}"
        found = definition_in(project, path, module, name)
    elif holder in names.modules:
        found = definition_in(project, path, names.modules[holder], name)
    if found is None or not isinstance(found[1], ast.FunctionDef):
        return None
    return found[0], found[1]


def definition_in(
    project: ImportGraph, path: Path, module: str, name: str
) -> tuple[Path, ast.FunctionDef | ast.ClassDef] | None:
    """The file and the definition of a function or class that one file imports from another."""
    source = project.source(path)
    if source is None or "." in name:
        return None
    if module.startswith("."):
        folder, rest = relative_start(path, module)
        file = find_module(rest, [folder]) if rest else folder / "__init__.py"
    else:
        file = find_module(module, [*project.search_path(source), project.root])
    tree = project.tree(file) if file is not None else None
    for node in tree.body if tree is not None else ():
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
            assert file is not None
            return file, node
    return None


def takes_model(function: ast.FunctionDef) -> bool:
    """Whether a function goes through its first argument's layers or parameters, or those of layers of it, and
    does no more with it."""
    names = [one.arg for one in function.args.args]
    if not names or names[0] in ("self", "cls"):
        return False
    asked, parts = False, parts_of(function, names[0])
    for node in nodes_in(function):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name == names[0]:
                return False
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name == names[0]:
                if attribute in MORE:
                    return False
        if isinstance(node, ast.Attribute) and node.attr in ASKED:
            asked = asked or root_of(node) in parts
    return asked


def parts_of(function: ast.FunctionDef, argument: str) -> set[str]:
    """The names of what a function takes of an argument: `net = model.module`, `for layer in model.layers`."""
    found, before = {argument}, 0
    while len(found) > before:
        before = len(found)
        for node in nodes_in(function):
            match node:
                case ast.Assign(targets=[target], value=value):
                    pass
                case ast.For(target=target, iter=value) | ast.comprehension(
                    target=target, iter=value
                ):
                    pass
                case _:
                    continue
            if root_of(value) in found:
                found |= {one.id for one in nodes_in(target) if isinstance(one, ast.Name)}
    return found


def root_of(node: ast.expr) -> str | None:
    """The name that an expression begins with: `model` of `model.layers[0].parameters()` and of `list(model.layers)`."""
    while True:
        match node:
            case ast.Name(id=name):
                return name
            case ast.Call(func=ast.Name(id=name), args=[first, *_]) if name in OF_ITS_ARGUMENT:
                node = first
            case ast.Call(func=ast.Attribute(value=inner)) | ast.Attribute(value=inner):
                node = inner
            case ast.Subscript(value=inner) | ast.IfExp(body=inner):
                node = inner
            case ast.List(elts=[first, *_]) | ast.Tuple(elts=[first, *_]):
                node = first
            case _:
                return None


def takes_module(function: ast.FunctionDef) -> bool:
    """Whether a function may be applied to each module: it needs one argument."""
    arguments = function.args
    return len(arguments.args) - len(arguments.defaults) == 1 and not arguments.kwonlyargs
