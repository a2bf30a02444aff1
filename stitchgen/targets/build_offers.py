"""How the project itself constructs a model: calls to offer for `--build`, ready to paste.

Read from the source by `ast`; nothing is run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stitchgen.analysis.compared_arguments import comparisons, tables_of
from stitchgen.analysis.factories import factories, harmless
from stitchgen.analysis.import_safety import dotted
from stitchgen.project.modules import files_beside, named_in_project
from stitchgen.project.python_files import python_files
from stitchgen.source.syntax import Function, Syntax, module_classes
from stitchgen.source.tree import nodes_in
from stitchgen.targets.imported_values import (
    ImportedValues,
    imported_values,
    is_imported_value,
)
from stitchgen.targets.parsed_arguments import is_namespace, parsed_arguments

#: What an argument is called that says how many classes there are.
CLASSES = {"num_classes", "n_classes", "nclass", "nclasses", "num_class", "classes", "class_num"}
#: What a value is called that holds the options of a whole project.
HOLDERS = ("args", "opt", "opts", "options", "cfg", "config", "conf", "hparams", "hps", "params")

#: Of an object of options with more than so many fields a hint does not write them all.
MOST_OPTIONS = 24

IMPORTS_HOLDER = re.compile(
    rb"^\s*from\s+[\w.]+\s+import\s[^#\n]*\b(?:%s)\b" % "|".join(HOLDERS).encode(), re.MULTILINE
)


@dataclass(frozen=True)
class Offer:
    """A construction with literal arguments, and the `path:line` where it stands."""

    text: str
    where: str


def constructions(root: Path, file: Path, syntax: Syntax, names: set[str]) -> list[Offer]:
    """The calls in the project of classes and factories of the model file, the likeliest first."""
    names = names | factories_returning(syntax.tree, names)
    bound = syntax.top_level_names
    reads = attributes_read(syntax.tree)
    found: dict[str, tuple[int, Offer]] = {}
    built: list[Offer] = []
    alike: list[Offer] = []
    handed_on: list[HandedOn] = []
    holders: dict[str, ast.expr] = {}
    # Whose options may be those of this model: of a file that imports it, or a package that it is in.
    around = imports_of_any([file.stem, *names, *packages_of(file, root)])
    for path in python_files(root):
        own = path.resolve() == file
        try:
            raw = b"" if own else path.read_bytes()
            mentioned = own or any(word.encode() in raw for word in (file.stem, *names))
            near = own or around.search(raw) is not None
            if not mentioned and not (near and IMPORTS_HOLDER.search(raw)):
                continue
            tree = syntax.tree if own else ast.parse(raw)
        except (OSError, SyntaxError, ValueError):
            continue
        shown = path.relative_to(root).as_posix()
        values = imported_values(tree, path, root, None if mentioned else HOLDERS)
        if near:
            alike += of_arguments_alike(syntax, names, values, shown)
            holders = {one: values.values[one] for one in HOLDERS if one in values.values} | holders
        if not mentioned:
            continue
        aliases = {name: name for name in names} if own else imported(tree, names, file)
        aliases |= {
            f"{alias}.{method}": f"{name}.{method}"
            for alias, name in aliases.items()
            for method in constructing_methods(syntax, name)
        }
        if aliases and not own:
            built += factories_elsewhere(root, path, tree, set(aliases.values()))
        if not aliases:
            continue
        parsed = parsed_arguments(tree)
        for call in calls_of(tree, aliases):
            name = aliases.get(ast.unparse(call.func), names_last(call))
            line = call.lineno
            call = values.filled(parsed.filled(call, reads), names_around(tree, line))
            call = ast.Call(ast.Name(name, ast.Load()), call.args, call.keywords)
            if not all(is_literal(part, bound) for part in arguments(call)):
                handed_on.append(HandedOn(call, tree, line, shown))
                continue
            text = ast.unparse(call)
            rank = rank_of(shown, own=own)
            if text not in found or rank < found[text][0]:
                found[text] = rank, Offer(text, f"{shown}:{line}")
    # A call without arguments was tried already, or has failed.
    ranked = sorted(found.values(), key=lambda pair: pair[0])
    offers = [offer for _, offer in ranked if not offer.text.endswith("()")] + built
    unlike: dict[str, Offer] = {}
    for offer in offers:
        unlike.setdefault(bound_call(syntax, offer.text), offer)
    offers = list(unlike.values())
    further = [*alike, *filled_in(handed_on, holders, bound)]
    return offers or list({offer.text: offer for offer in further}.values())


def constructing_methods(syntax: Syntax, name: str) -> list[str]:
    """The class methods of a class that give an instance of it, `from_name`; not those that fetch weights."""
    node = syntax.class_named(name)
    return [
        method.name
        for method in (node.body if node is not None else ())
        if isinstance(method, ast.FunctionDef)
        and any(ast.unparse(one) == "classmethod" for one in method.decorator_list)
        and method.args.args
        and "pretrained" not in method.name
        and returns_call_of(method, {method.args.args[0].arg, name})
    ]


def bound_call(syntax: Syntax, text: str) -> str:
    """A construction with its arguments by their names, but those that are the defaults: `Net(3, width=64)` and
    `Net(channels=3)` may be one and the same."""
    callee = text.partition("(")[0]
    functions: list[Function | None] = [syntax.function(callee)]
    functions += [syntax.method(name, "__init__") for name in syntax.lineage(callee)]
    function = next((one for one in functions if one is not None), None)
    if not callee.isidentifier() or function is None or function.args.vararg:
        return text
    call = ast.parse(text, mode="eval").body
    if not isinstance(call, ast.Call) or any(isinstance(one, ast.Starred) for one in call.args):
        return text
    arguments = function.args
    names = [one.arg for one in (*arguments.posonlyargs, *arguments.args)]
    last = zip(reversed(names), reversed(arguments.defaults))
    by_name = zip([one.arg for one in arguments.kwonlyargs], arguments.kw_defaults)
    defaults = {name: ast.unparse(value) for name, value in (*last, *by_name) if value is not None}
    own = names if syntax.function(callee) else names[1:]
    bound = dict(zip(own, map(ast.unparse, call.args)))
    bound |= {one.arg or "**": ast.unparse(one.value) for one in call.keywords}
    told = sorted(pair for pair in bound.items() if defaults.get(pair[0]) != pair[1])
    return f"{callee}({', '.join(f'{name}={value}' for name, value in told)})"


def packages_of(file: Path, root: Path) -> list[str]:
    """The names of the folders that a file is in, below the root."""
    return list(file.parent.relative_to(root).parts) if file.is_relative_to(root) else []


def imports_of_any(words: Sequence[str]) -> re.Pattern[bytes]:
    """What finds a line that imports one of these names, or something of it."""
    any_of = "|".join(map(re.escape, words))
    return re.compile(rf"^\s*(?:from|import)\b[^#\n]*\b(?:{any_of})\b".encode(), re.MULTILINE)


@dataclass(frozen=True)
class HandedOn:
    """A construction within a function, of what the function is given."""

    call: ast.Call
    tree: ast.Module
    line: int
    shown: str


def filled_in(
    calls: Iterable[HandedOn], holders: Mapping[str, ast.expr], bound: frozenset[str]
) -> Iterator[Offer]:
    """Those that are known with the defaults of their functions, a small number of classes, and the options that
    other files of the project import under the same names."""
    for one in calls:
        known = {
            name: holders[name] if default is None and name in holders else default
            for name, default in parameters_at(one.tree, one.line).items()
        }
        call = ImportedValues({name: value for name, value in known.items() if value}, {})
        filled = call.filled(one.call)
        if all(is_literal(part, bound) for part in arguments(filled)):
            yield Offer(ast.unparse(filled), f"{one.shown}:{one.line}")


def parameters_at(tree: ast.Module, line: int) -> dict[str, ast.expr | None]:
    """The parameters of the function around a line, with their defaults; a count of classes is 3, as good as any.

    Of a method there are none: what it creates is a part of its class, which is the model.
    """
    found: dict[str, ast.expr | None] = {}
    for function in tree.body:
        if isinstance(function, ast.FunctionDef) and within(function, line):
            given = [*function.args.args, *function.args.kwonlyargs]
            late = [None] * (len(function.args.args) - len(function.args.defaults))
            defaults = [*late, *function.args.defaults, *function.args.kw_defaults]
            found |= {one.arg: default for one, default in zip(given, defaults)}
            for name, default in found.items():
                if default is None and name in CLASSES:
                    found[name] = ast.Constant(3)
            changed = names_bound(function)
            found = {name: default for name, default in found.items() if name not in changed}
    return found


def names_around(tree: ast.Module, line: int) -> set[str]:
    """The names that the functions around a line have of their own."""
    found: set[str] = set()
    for function in nodes_in(tree):
        if isinstance(function, (ast.FunctionDef, ast.Lambda)) and within(function, line):
            arguments = function.args
            found |= {one.arg for one in (*arguments.posonlyargs, *arguments.args)}
            found |= {one.arg for one in arguments.kwonlyargs}
            if isinstance(function, ast.FunctionDef):
                found |= names_bound(function)
    return found


def names_bound(function: ast.FunctionDef) -> set[str]:
    """The names that a function binds itself, besides its parameters."""
    return {
        node.id
        for node in nodes_in(function)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    }


def within(node: ast.FunctionDef | ast.Lambda, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or node.lineno)


def of_arguments_alike(
    syntax: Syntax, names: set[str], values: ImportedValues, shown: str
) -> Iterator[Offer]:
    """Constructions by what a script imports under the names of the arguments that a class needs: `Net(args)` may
    be written where `args` is handed on from far away."""
    for name in sorted(names):
        method = syntax.method(name, "__init__")
        needed = [one for part in required_arguments(method) for one in part] if method else []
        if needed and all(one in values.values and one in HOLDERS for one in needed):
            given = ", ".join(f"{one}={ast.unparse(values.values[one])}" for one in needed)
            text = f"{name}({given})" if len(needed) > 1 else f"{name}({given.partition('=')[2]})"
            yield Offer(text, f"{shown}:{values.lines[needed[0]]}")


def required_arguments(
    function: ast.FunctionDef | ast.AsyncFunctionDef,
) -> tuple[list[str], list[str]]:
    """Those without a default, but for `self`: by their place, and by their names alone."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    needed = [one.arg for one in positional[: len(positional) - len(arguments.defaults)]]
    by_name = zip(arguments.kwonlyargs, arguments.kw_defaults)
    return (
        [one for one in needed if one != "self"],
        [one.arg for one, default in by_name if default is None],
    )


def safe_constructions(root: Path, file: Path, syntax: Syntax, classes: set[str]) -> list[str]:
    """The constructions of classes, and of those of the file that are made of them, which build a model
    and do nothing else; whole models first."""
    around = classes_around(syntax, classes)
    found = []
    for names in (around, classes) if around else (classes,):
        offers = constructions(root, file, syntax, names)
        found += [offer.text for offer in offers if "..." not in offer.text]
        found += cases_of_factories(syntax, names)
    known = {*module_classes(syntax), *harmless(syntax.tree, syntax.document.text)}
    return [
        text
        for text in dict.fromkeys(found)
        if ":" in text.partition("(")[0] or text.partition("(")[0] in known
    ]


def classes_around(syntax: Syntax, classes: set[str]) -> set[str]:
    """The classes of the file that construct one of these, or one that does."""
    found: set[str] = set()
    while True:
        more = {
            name
            for name in module_classes(syntax)
            if name not in found | classes
            and any(
                isinstance(node, ast.Name) and node.id in found | classes
                for node in nodes_in(syntax.class_named(name) or ast.Pass())
            )
        }
        if not more:
            return found
        found |= more


def cases_of_factories(syntax: Syntax, classes: set[str]) -> list[str]:
    """The functions of the file that build such a class and tell each argument that they need apart by
    constants, with the first of these: `resnet(18)`."""
    found = []
    tables = tables_of(syntax.tree)
    for name in sorted(factories_returning(syntax.tree, classes)):
        function = syntax.function(name)
        if function is None:
            continue
        values: dict[str, object] = {}
        for node in nodes_in(function):
            for argument, constant in comparisons(node, tables):
                values.setdefault(argument, constant)
        arguments = function.args
        positional = [*arguments.posonlyargs, *arguments.args]
        needed = [one.arg for one in positional[: len(positional) - len(arguments.defaults)]]
        if needed and None not in arguments.kw_defaults and all(one in values for one in needed):
            found.append(f"{name}({', '.join(repr(values[one]) for one in needed)})")
    return found


def factories_elsewhere(root: Path, path: Path, tree: ast.Module, classes: set[str]) -> list[Offer]:
    """The functions of another file that build such a class: `zoo.nets:resnet50()`."""
    module, paths = named_in_project(path, root, tree)
    files = files_beside(path, *paths)
    lines = {node.name: node.lineno for node in tree.body if isinstance(node, ast.FunctionDef)}
    shown = path.relative_to(root).as_posix()
    return [
        Offer(f"{module}:{text}", f"{shown}:{lines.get(text.partition('(')[0], 1)}")
        for made, texts in factories(tree, "", files, imported=True).items()
        for text in texts
        if made in classes
    ]


def factories_returning(tree: ast.Module, classes: set[str]) -> set[str]:
    """Functions of the file that return a construction of one of its classes, or a name that has one."""
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and returns_call_of(node, classes)
    }


def returns_call_of(function: ast.FunctionDef, names: set[str]) -> bool:
    """Whether a function returns what a call of one of these names gives."""
    made = {
        target.id
        for part in nodes_in(function)
        if isinstance(part, ast.Assign) and is_call_of(part.value, names)
        for target in part.targets
        if isinstance(target, ast.Name)
    }
    return any(
        is_call_of(part.value, names)
        or (isinstance(part.value, ast.Name) and part.value.id in made)
        for part in nodes_in(function)
        if isinstance(part, ast.Return)
    )


def is_call_of(node: ast.expr | None, names: set[str]) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names


def imported(tree: ast.Module, names: set[str], file: Path) -> dict[str, str]:
    """How another file writes the names that it may have from the model file: `{"m.Net": "Net"}`."""
    stems = {file.stem, *(part.name for part in file.parents)}
    found: dict[str, str] = {}
    for node in nodes_in(tree):
        if isinstance(node, ast.ImportFrom):
            origin = (node.module or "").rpartition(".")[2]
            for alias in node.names:
                bound = alias.asname or alias.name
                if alias.name == "*" and (origin == file.stem or origin == file.parent.name):
                    found |= {name: name for name in names}
                if alias.name in names and (node.level or origin in stems):
                    found[bound] = alias.name
                if alias.name == file.stem:
                    found |= {f"{bound}.{name}": name for name in names}
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.rpartition(".")[2] == file.stem:
                    found |= {f"{alias.asname or alias.name}.{name}": name for name in names}
    return found


def attributes_read(tree: ast.Module) -> frozenset[str]:
    """The names of all attributes that a file reads."""
    return frozenset(node.attr for node in nodes_in(tree) if isinstance(node, ast.Attribute))


def calls_of(tree: ast.Module, aliases: dict[str, str]) -> Iterator[ast.Call]:
    """The calls of these names, but for those inside of the model's own classes."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop(0)
        if isinstance(node, ast.ClassDef) and node.name in aliases:
            continue
        if isinstance(node, ast.Call) and ast.unparse(node.func) in aliases:
            yield node
        todo.extend(ast.iter_child_nodes(node))


def signature(syntax: Syntax, class_name: str) -> str:
    """`Generator(channels, width)`: a construction, with the names of the arguments that it needs; an object of options
    with what the constructor reads of it, `Generator(SimpleNamespace(width=...))`."""
    for name in syntax.lineage(class_name):
        function = syntax.method(name, "__init__")
        if function is not None:
            needed, by_name = required_arguments(function)
            options = options_read(function)
            words = [options.get(name, name) for name in needed]
            words += [f"{name}={options.get(name, '...')}" for name in by_name]
            return f"{class_name}({', '.join(words) or '...'})"
    return f"{class_name}(...)"


def options_read(function: Function) -> dict[str, str]:
    """By argument, the object that has what a constructor reads of it; where it is nothing else than read of."""
    fields: dict[str, dict[str, None]] = {}
    of_field = {
        id(node.value)
        for node in nodes_in(function)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }
    whole = {
        node.id
        for node in nodes_in(function)
        if isinstance(node, ast.Name) and id(node) not in of_field
    }
    called = {id(node.func) for node in nodes_in(function) if isinstance(node, ast.Call)}
    for node in nodes_in(function):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if id(node) in called:
                whole.add(node.value.id)  # an object with methods
            fields.setdefault(node.value.id, {})[node.attr] = None
    return {
        name: f"SimpleNamespace({', '.join(f'{field}=...' for field in read)})"
        for name, read in fields.items()
        if name not in whole and len(read) <= MOST_OPTIONS
    }


def names_last(call: ast.Call) -> str:
    return (dotted(call.func) or [""])[-1]


def arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


COMPUTED = (
    *(ast.Call, ast.Starred, ast.Lambda, ast.JoinedStr),
    *(ast.ListComp, ast.GeneratorExp, ast.Await, ast.Subscript),
)


def is_literal(node: ast.AST, bound: frozenset[str]) -> bool:
    """Whether the value can be pasted: literals, and classes that the model file has itself: `Block`, `nn.Conv2d`."""
    if is_namespace(node) or is_imported_value(node):
        return True
    if isinstance(node, (ast.Name, ast.Attribute)):
        names = dotted(node)
        return names is not None and names[0] in bound and names[-1][:1].isupper()
    return not isinstance(node, COMPUTED) and all(
        is_literal(part, bound)
        for part in ast.iter_child_nodes(node)
        if isinstance(part, (ast.expr, ast.keyword))
    )


def rank_of(shown: str, *, own: bool) -> int:
    """Hub files and the model file's own example before training scripts, those before tests."""
    name = shown.rpartition("/")[2]
    if name == "hubconf.py":
        return 0
    if own:
        return 1
    if name.startswith("test") or "/test" in f"/{shown}":
        return 4
    return 2 if name.startswith(("train", "main", "run")) else 3
