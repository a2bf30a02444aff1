"""What else in a project a splice concerns: strict loads, resumed optimizers.

Read from the source by `ast`; nothing is run and nothing is changed.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from stitchgen.project.constructions import built_first
from stitchgen.project.missing_keys import checks_of_missing_keys
from stitchgen.project.model_functions import owners_of
from stitchgen.project.module_walks import walks_of
from stitchgen.project.optimizer_parts import attribute_lists, made_of_parts
from stitchgen.project.paired_keys import pairings
from stitchgen.project.ways_in import ImportGraph, own_name
from stitchgen.source.syntax import assigned_pairs
from stitchgen.source.tree import dotted, nodes_in

#: The classes of torch that hold other modules.
HOLDING = {"DataParallel", "Module", "ModuleDict", "ModuleList", "Sequential"}
#: What the attribute is called that holds a whole model.
WHOLE = {"model", "net", "network", "module"}


@dataclass(frozen=True)
class Parts:
    """The names on the paths of a model's layers, and those on the paths of its blocks."""

    names: frozenset[str]
    holding: frozenset[str]

    def is_without_block(self, receiver: ast.expr) -> bool:
        """Whether what is loaded into, `self.model.backbone`, is a part of the model that has no block, or a
        part that the model does not have."""
        names = dotted(receiver) or []
        if len(names) < 2 or names[-1] in self.holding:
            return False
        return names[-1] in self.names or (names[-2] in WHOLE and names[-1] not in WHOLE)


def for_project(
    project: ImportGraph,
    model_file: Path,
    classes: Collection[str] = (),
    ran: Collection[str] = (),
    parts: Parts | None = None,
) -> list[dict[str, str]]:
    """Warnings about places of the project that the new keys will meet: in the model's file and those that
    may import it, or in all of them where none does. `classes` are those that are edited: what is seen to be
    built of others alone is passed over, and so is what is loaded into `parts` without a block. Methods that
    `ran` on the edited model, by their `path:line`, are not named.
    """
    found: list[dict[str, str]] = []
    reaching = project.reaching(model_file)
    helpers = helpers_of(project, reaching)
    trees = trees_around(project, model_file)
    others, related = defined_elsewhere(trees.values(), classes) if classes else (set(), set())
    alike = classes_alike(trees.values(), classes)
    functions = {
        node.name: node
        for tree in trees.values()
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }
    called = {
        name for path, tree in trees.items() if path in reaching for name in names_called(tree)
    }
    modules = {own_name(path) for path in project.contents}
    for path, tree in trees.items():
        raw = project.contents[path]
        if not any(word in raw for word in (b"state_dict", b"children", b"modules")):
            continue
        shown = path.relative_to(project.root).as_posix()
        bound = bound_in(tree, modules)
        if path in helpers:
            found += loads_of_arguments(tree, shown, bound)
            found += loads_of_holders(tree, shown, called, bound)
            continue
        foreign = built_of(tree, others, related, functions)
        siblings = siblings_in(tree, alike)
        owners = owners_of(tree)
        found += (
            {
                "code": "module-walk",
                "where": f"{shown}:{walk.line}",
                "message": f"{walk.method} {walk.does} the modules that it goes through; it was not called on the "
                "model with the block",
                "hint": "Call it once on the edited model; where it fails, let it pass over the block.",
            }
            for walk in walks_of(tree, others)
            if f"{path.resolve()}:{walk.defined}" not in ran
        )
        found += (warning | {"where": f"{shown}:{line}"} for line, warning in counted_keys(tree))
        found += (
            {
                "code": "strict-load",
                "where": f"{shown}:{one.line}",
                "message": f"old weights are paired with the keys of {one.state} by their order ({one.by}), and the "
                "block's keys come between them",
                "hint": "Pair them by name: {key: value for key, value in weights.items() if key in own}.",
            }
            for one in pairings(tree)
        )

        found += (
            {
                "code": "strict-load",
                "where": f"{shown}:{one.line}",
                "message": f"{one.text} is checked, and old weights lack the block's keys",
                "hint": "Leave the block's keys out there: they are missing in weights of before.",
            }
            for one in (checks_of_missing_keys(tree) if b"missing" in raw else ())
            if not has_no_block(one.receiver, foreign, parts)
        )
        for node in nodes_in(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr == "load_state_dict":
                    if has_no_block(node.func.value, foreign, parts):
                        sibling = siblings.get(ast.unparse(node.func.value))
                        loads = load_warning(node, f"{shown}:{node.lineno}", bound)
                        if sibling is not None and loads is not None:
                            message = f"{sibling} has no block, and weights of {' or '.join(sorted(classes))} have its keys"
                            found.append(loads | {"message": message})
                        continue
                    if is_self(node.func.value) and owners.get(id(node)) in others:
                        continue
                    warning = load_warning(node, f"{shown}:{node.lineno}", bound)
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


def has_no_block(receiver: ast.expr, foreign: set[str], parts: Parts | None) -> bool:
    """Whether what is loaded into is another model, or a part of this one without a block."""
    if ast.unparse(receiver) in foreign:
        return True
    return parts is not None and parts.is_without_block(receiver)


def helpers_of(project: ImportGraph, reaching: Collection[Path]) -> set[Path]:
    """What the files that reach the model's import besides: they load what they are given."""
    return {other for path in reaching for other in project.imported_by(path)} - set(reaching)


def trees_around(project: ImportGraph, model_file: Path) -> dict[Path, ast.Module]:
    """The files that may import the model's, and their helpers; all of them where none does."""
    reaching = project.reaching(model_file)
    helpers = helpers_of(project, reaching)
    trees: dict[Path, ast.Module] = {}
    for path in project.contents:
        if len(reaching) == 1 or path in reaching or path in helpers:
            tree = project.tree(path)
            if tree is not None:
                trees[path] = tree
    return trees


def optimizers_of_parts(
    project: ImportGraph, model_file: Path, layers: Collection[str], blocks: Iterable[str]
) -> Iterator[dict[str, str]]:
    """Warnings about optimizers that are made of parts of the model, and of none with the block."""
    blocks = list(blocks)
    trees = trees_around(project, model_file)
    lists = attribute_lists(trees.values())
    for path, tree in trees.items():
        for one in made_of_parts(tree, layers, blocks, lists):
            *first, last = one.parts
            parts = f"{', '.join(first)} and {last}" if first else f"{last} alone"
            yield {
                "code": "optimizer-groups",
                "where": f"{path.relative_to(project.root).as_posix()}:{one.line}",
                "message": f"the optimizer is made of {parts}: {one.block} is not among them, and would not be "
                "trained",
                "hint": f"Add {one.block} there.",
            }


def defined_elsewhere(
    trees: Iterable[ast.Module], classes: Collection[str]
) -> tuple[set[str], set[str]]:
    """The classes and functions that have nothing of the edited classes in them, not by others either; and those
    that have."""
    mentioned: dict[str, set[str]] = {}
    for tree in trees:
        for node in tree.body:
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
                names = names_in(node) | {
                    part.attr for part in nodes_in(node) if isinstance(part, ast.Attribute)
                }
                mentioned[node.name] = mentioned.get(node.name, set()) | names
    related, before = set(classes), -1
    while before != len(related):
        before = len(related)
        related |= {name for name, names in mentioned.items() if names & related}
    return mentioned.keys() - related, related


def classes_alike(trees: Iterable[ast.Module], classes: Collection[str]) -> set[str]:
    """The classes that share a base of the project with an edited one: weights of the one may be meant for the other."""
    bases: dict[str, set[str]] = {}
    for tree in trees:
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                bases[node.name] = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
    own = {base for name in classes for base in bases.get(name, ()) if base in bases}
    return {name for name, found in bases.items() if found & own} - set(classes)


def siblings_in(tree: ast.Module, alike: Collection[str]) -> dict[str, str]:
    """The variables of a file that are built of such a class alone, each with the class."""
    made: dict[str, set[str]] = {}
    for name, value in assignments(tree):
        value = built_first(value)
        if isinstance(value, ast.Call):
            made.setdefault(name, set()).add(ast.unparse(value.func).rpartition(".")[2])
    return {
        name: found.pop() for name, found in made.items() if len(found) == 1 and found <= set(alike)
    }


def built_of(
    tree: ast.AST,
    others: Collection[str],
    related: Collection[str] = (),
    functions: Mapping[str, ast.FunctionDef] | None = None,
) -> set[str]:
    """What a file, or a function, assigns constructions of these alone to, and the optimizers of such: `judge`,
    `self.judge`; also where `functions` of the project give them, in a tuple with others."""
    made: dict[str, set[bool]] = {}
    optimizers: list[tuple[str, set[str]]] = []
    handed = [*arguments_handed(tree)]
    for name, value in (*assignments(tree), *handed):
        value = built_first(value)
        if isinstance(value, ast.Call):
            callee = ast.unparse(value.func).rpartition(".")[2]
            # What is neither, as torch.hub.load, says nothing of what another branch builds.
            if callee in others or callee in related or is_plain_layer(value):
                made.setdefault(name, set()).add(callee not in related)
            optimizers.append((name, optimized_in(value)))
    for name, index, call in unpacked(tree):
        function = (functions or {}).get(ast.unparse(call.func).rpartition(".")[2])
        given = None if function is None else given_back(function, index)
        if function is None or given is None:
            continue
        arguments = dict(zip([one.arg for one in function.args.args], map(ast.unparse, call.args)))
        optimizers.append((name, {arguments.get(one, one) for one in optimized_in(given)}))
        made.setdefault(name, set()).add(
            isinstance(given, ast.Name) and given.id in built_of(function, others, related)
        )
    for name, value in handed:
        if isinstance(value, ast.Name) and value.id != name:
            made.setdefault(name, set()).update(made.get(value.id, {False}))
    for name, value in assignments(tree):
        # What is handed a model that may have the block may hold it.
        for part in value.args if isinstance(value, ast.Call) else ():
            if isinstance(part, ast.Name) and False in made.get(part.id, ()):
                made.setdefault(name, set()).add(False)
    foreign = {name for name, known in made.items() if known == {True}}
    for name, variable, function in dictionaries_given(tree, functions or {}):
        own = built_of(function, others, related)
        start = f"{variable}["
        foreign |= {name + one.removeprefix(variable) for one in own if one.startswith(start)}
    return foreign | {name for name, owners in optimizers if owners and owners <= foreign}


def arguments_handed(tree: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Each parameter of a function of the file, with what a call in the file hands it."""
    functions = {one.name: one for one in nodes_in(tree) if isinstance(one, ast.FunctionDef)}
    for node in nodes_in(tree):
        match node:
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=keywords):
                if name in functions:
                    names = [one.arg for one in functions[name].args.args]
                    yield from zip(names, arguments)
                    yield from ((one.arg, one.value) for one in keywords if one.arg)


def is_plain_layer(call: ast.Call) -> bool:
    """Whether a layer of torch is made that holds no others: `nn.Embedding(10, 256)`."""
    module, _, name = ast.unparse(call.func).rpartition(".")
    return module in ("nn", "torch.nn") and name[:1].isupper() and name not in HOLDING


def optimized_in(value: ast.expr) -> set[str]:
    """The models whose parameters an optimizer is made of; none where it is something else."""
    if "optim" not in ast.unparse(value).lower():
        return set()
    return {
        ast.unparse(part.value)
        for part in nodes_in(value)
        if isinstance(part, ast.Attribute) and part.attr in ("parameters", "named_parameters")
    }


def unpacked(tree: ast.AST) -> Iterator[tuple[str, int, ast.Call]]:
    """Each name to which a part of a function's result is assigned: `loss, centers = make_loss()`."""
    for node in nodes_in(tree):
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Call() as call):
                for index, name in enumerate(names):
                    yield ast.unparse(name), index, call


def dictionaries_given(
    tree: ast.AST, functions: Mapping[str, ast.FunctionDef]
) -> Iterator[tuple[str, str, ast.FunctionDef]]:
    """Each name to which the result of a function is assigned, with the variable that the function gives back."""
    for name, value in assignments(tree):
        if isinstance(value, ast.Call):
            function = functions.get(ast.unparse(value.func).rpartition(".")[2])
            match function.body[-1] if function is not None else None:
                case ast.Return(value=ast.Name(id=given)) if function is not None:
                    yield name, given, function


def given_back(function: ast.FunctionDef, index: int) -> ast.expr | None:
    """That part of what a function gives, where it has one return."""
    returns = [
        node.value
        for node in function.body
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple)
    ]
    if len(returns) != 1 or index >= len(returns[0].elts):
        return None
    found = returns[0].elts[index]
    if isinstance(found, ast.Name):
        values = [value for name, value in assignments(function) if name == found.id]
        if len(values) == 1 and optimized_in(values[0]):
            return values[0]
    return found


def is_self(receiver: ast.expr) -> bool:
    return isinstance(receiver, ast.Name) and receiver.id == "self"


def assignments(tree: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Each name or attribute that is assigned, with its value; those of `a, b = A(), B()` and of
    `nets = {"a": A()}` one by one, these as `nets['a']`."""
    for node in nodes_in(tree):
        if isinstance(node, ast.Assign):
            for target, value in assigned_pairs(node):
                name = ast.unparse(target)
                yield name, value
                if isinstance(value, ast.Dict):
                    for key, one in zip(value.keys, value.values):
                        if isinstance(key, ast.Constant):
                            yield f"{name}[{key.value!r}]", one


def loads_of_arguments(tree: ast.Module, shown: str, bound: Bound) -> Iterator[dict[str, str]]:
    """Warnings about what the functions of a helper load into the models that they are given, or make of a
    class that a table has: `models[name](**arguments)`."""
    for function in (one for one in tree.body if isinstance(one, ast.FunctionDef)):
        given = {one.arg for one in function.args.args}
        given |= {
            name
            for name, value in assignments(ast.Module(function.body, []))
            if isinstance(value, ast.Call) and isinstance(value.func, (ast.Subscript, ast.Call))
        }
        for node in nodes_in(function):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="load_state_dict")):
                    warning = (
                        load_warning(node, f"{shown}:{node.lineno}", bound)
                        if name in given
                        else None
                    )
                    if warning is not None:
                        yield warning


def names_called(tree: ast.Module) -> set[str]:
    """The last names of all that a file calls."""
    return {
        ast.unparse(node.func).rpartition(".")[2]
        for node in nodes_in(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute))
    }


def loads_of_holders(
    tree: ast.Module, shown: str, called: Collection[str], bound: Bound
) -> Iterator[dict[str, str]]:
    """Warnings about what the methods of a helper's classes load, where these are `called` with a model that
    they keep: `self.base_net.load_state_dict(...)`, and their own."""
    for owner in tree.body:
        if not isinstance(owner, ast.ClassDef) or owner.name not in called:
            continue
        kept, models = arguments_kept(owner)
        receivers = {f"self.{name}" for name in kept} | ({"self"} if models else set())
        for node in nodes_in(owner) if kept else ():
            match node:
                case ast.Call(func=ast.Attribute(value=receiver, attr="load_state_dict")):
                    if ast.unparse(receiver) in receivers:
                        warning = load_warning(node, f"{shown}:{node.lineno}", bound)
                        if warning is not None:
                            yield warning


def arguments_kept(owner: ast.ClassDef) -> tuple[set[str], set[str]]:
    """The attributes that are arguments of the constructor, and that a method runs or takes elements of, or that are
    called a model; and those of them that are run or called so: what has elements may be a list of widths.
    """
    found: set[str] = set()
    models: set[str] = set()
    for method in owner.body:
        if isinstance(method, ast.FunctionDef) and method.name == "__init__":
            given = {one.arg for one in [*method.args.args, *method.args.kwonlyargs]}
            for name, value in assignments(ast.Module(method.body, [])):
                if isinstance(value, ast.Name) and value.id in given and name.startswith("self."):
                    found.add(name.removeprefix("self."))
                    models |= {name.removeprefix("self.")} if value.id in WHOLE else set()
    run: set[str] = set()
    indexed: set[str] = set()
    for node in nodes_in(owner):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=name)):
                run.add(name)
            case ast.Call(
                func=ast.Subscript(value=ast.Attribute(value=ast.Name(id="self"), attr=name))
            ):
                run.add(name)
            case ast.For(iter=ast.Attribute(value=ast.Name(id="self"), attr=name)) | ast.For(
                iter=ast.Subscript(value=ast.Attribute(value=ast.Name(id="self"), attr=name))
            ):
                (run if calls_element(node) else indexed).add(name)
            case ast.Subscript(value=ast.Attribute(value=ast.Name(id="self"), attr=name)):
                indexed.add(name)
    return found & (run | indexed) | models, found & run | models


def calls_element(loop: ast.For) -> bool:
    """Whether a loop calls what it goes through: `for layer in self.layers: x = layer(x)`."""
    called = {ast.unparse(node.func) for node in nodes_in(loop) if isinstance(node, ast.Call)}
    return ast.unparse(loop.target) in called


def counted_keys(tree: ast.Module) -> Iterator[tuple[int, dict[str, str]]]:
    """The comparisons of how many keys a model and other weights have: `assert len(own) == len(theirs)`."""
    for function in nodes_in(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        states = {
            target.id
            for node in nodes_in(function)
            if isinstance(node, ast.Assign) and reads_state(node.value)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        states |= {
            target.id
            for node in nodes_in(function)
            if isinstance(node, ast.Assign) and states & names_in(node.value)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in nodes_in(function):
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
        for part in nodes_in(node)
    )


def counted_in(node: ast.expr) -> set[str] | None:
    """The names in what `len` counts; None for another expression."""
    match node:
        case ast.Call(func=ast.Name(id="len"), args=[inner]):
            return names_in(inner)
    return None


def names_in(node: ast.AST) -> set[str]:
    return {part.id for part in nodes_in(node) if isinstance(part, ast.Name)}


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


def is_live_state(node: ast.expr, bound: Bound) -> bool:
    """`module.state_dict()`: what a model has now, which is no old state. A model that was read, as in
    `checkpoint["model"].state_dict()`, may be old."""
    match node:
        case ast.Call(func=ast.Attribute(value=value, attr="state_dict")):
            return dotted(value) is not None and ast.unparse(value) not in bound.read
    return False


@dataclass(frozen=True)
class Bound:
    """What names of a file stand for, as far as it concerns loads."""

    modules: frozenset[str]  # of the project, that it imports
    states: frozenset[tuple[str, str]]  # `own = model.state_dict()`, with the model
    read: frozenset[str]  # `old = checkpoint["model"]`, `old = torch.load(path)`: a model of before

    def is_no_old_state(self, call: ast.Call) -> bool:
        """Whether a function of a module is called, or a model is given back what it has."""
        assert isinstance(call.func, ast.Attribute)
        receiver = ast.unparse(call.func.value)
        given = ast.unparse(call.args[0]) if call.args else ""
        return receiver in self.modules or (given, receiver) in self.states


def bound_in(tree: ast.Module, modules: Collection[str]) -> Bound:
    """`modules` are the names of the project's."""
    imported = {
        alias.asname or alias.name
        for node in nodes_in(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
        if isinstance(node, ast.Import) or alias.name in modules
    }
    states, read = set(), set()
    for name, value in assignments(tree):
        match value:
            case ast.Call(func=ast.Attribute(value=model, attr="state_dict")):
                states.add((name, ast.unparse(model)))
            case ast.Subscript(slice=ast.Constant(value=str())):
                read.add(name)
            case ast.Call(func=function) if ast.unparse(function) == "torch.load":
                read.add(name)
    return Bound(frozenset(imported), frozenset(states), frozenset(read))


def load_warning(call: ast.Call, where: str, bound: Bound) -> dict[str, str] | None:
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
    if bound.is_no_old_state(call) or (call.args and is_live_state(call.args[0], bound)):
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
    kept = [*call.args[:1], *(one for one in call.keywords if one.arg != "strict")]
    arguments = ", ".join(ast.unparse(argument) for argument in kept)
    return {
        "code": "strict-load",
        "where": where,
        "message": f"{receiver}.load_state_dict is strict, and old weights lack the block's keys",
        "hint": f"{receiver}.load_state_dict({arguments}, strict=False)",
    }
