"""Models that take a configuration object of the same file: `Net(NetConfig())`.

Read from the source by `ast`; nothing is run.
"""

from __future__ import annotations

import ast

from stitchgen.analysis.scope import Scope
from stitchgen.source.tree import nodes_in

#: What such an argument is called where no annotation says its class.
NAMES = {"config", "cfg", "conf", "args", "opt", "opts", "options", "hparams", "hps", "params"}
DATACLASSES = {
    "dataclass",
    "dataclasses.dataclass",
    "attr.s",
    "attrs.define",
    "define",
    "attr.define",
}
TUPLES = {"NamedTuple", "typing.NamedTuple"}


def configured_construction(scope: Scope, class_name: str) -> str | None:
    """`Net(NetConfig())` where all arguments that a class needs are configurations with defaults throughout."""
    found = scope.method(class_name, "__init__")
    if found is None:
        return None
    _, function = found
    positional = [*function.args.posonlyargs, *function.args.args][1:]
    needed = positional[: len(positional) - len(function.args.defaults)]
    if not needed or None in function.args.kw_defaults:
        return None
    known = configuration_classes(scope)
    chosen = [configuration_for(one, function, known) for one in needed]
    if None in chosen:
        return None
    return f"{class_name}({', '.join(f'{name}()' for name in chosen)})"


def configuration_for(
    argument: ast.arg, function: ast.FunctionDef, known: dict[str, set[str]]
) -> str | None:
    """The class of an argument: the annotated one, else the only one that has what is read of it."""
    if argument.annotation is not None:
        text = ast.unparse(argument.annotation).strip("'\"")
        return text if text in known else None
    if argument.arg not in NAMES:
        return None
    read = {
        node.attr
        for node in nodes_in(function)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == argument.arg
    }
    fitting = [name for name, fields in known.items() if read <= fields]
    return fitting[0] if len(fitting) == 1 else None


def configuration_classes(scope: Scope) -> dict[str, set[str]]:
    """The classes of the file that hold settings, all of which have a default, with their names."""
    models = set(scope.module_classes())
    found: dict[str, set[str]] = {}
    for name, node in scope.classes.items():
        fields = fields_of(node) if name not in models else None
        if fields:
            found[name] = fields
    return found


def fields_of(node: ast.ClassDef) -> set[str] | None:
    """The settings of one class; None where one has no default, or where it does more."""
    annotated = [one for one in node.body if isinstance(one, ast.AnnAssign)]
    assigned = [one for one in node.body if isinstance(one, ast.Assign)]
    names = {one.target.id for one in annotated if isinstance(one.target, ast.Name)}
    names |= {
        target.id for one in assigned for target in one.targets if isinstance(target, ast.Name)
    }
    decorators = {
        ast.unparse(one.func if isinstance(one, ast.Call) else one) for one in node.decorator_list
    }
    own = constructor(node)
    if decorators & DATACLASSES or {ast.unparse(base) for base in node.bases} & TUPLES:
        return names if all(one.value is not None for one in annotated) else None
    if decorators or any(ast.unparse(base) != "object" for base in node.bases):
        return None
    if own is None:
        return names
    arguments = own.args
    if len(arguments.args) - 1 > len(arguments.defaults) or None in arguments.kw_defaults:
        return None
    for part in nodes_in(own):
        match part:
            case ast.Attribute(value=ast.Name(id="self"), attr=attribute, ctx=ast.Store()):
                names.add(attribute)
            case ast.Call():
                return None  # it may read a file
    return names


def constructor(node: ast.ClassDef) -> ast.FunctionDef | None:
    for one in node.body:
        if isinstance(one, ast.FunctionDef) and one.name == "__init__":
            return one
    return None
