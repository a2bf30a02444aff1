"""Optimizers that a script makes of parts of its model, each named.

    groups = [model.backbone, model.head]
    SGD([{"params": part.parameters()} for part in groups], lr=0.1)

What is not among them is not trained, without a word. Read from the source by `ast`; nothing is run.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from stitchgen.source.syntax import assigned_pairs
from stitchgen.source.tree import dotted, nodes_in

#: The classes of `torch.optim`; others are known by a name that says it.
OPTIMIZERS = {"ASGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "LBFGS", "Lamb", "Lars"}
OPTIMIZERS |= {"Lion", "NAdam", "RAdam", "RMSprop", "Ranger", "Rprop", "SGD", "SparseAdam"}
#: Methods that give the parameters of a module.
GIVE = {"parameters", "named_parameters"}
#: Methods that put something into a list.
ADD = {"append", "extend", "insert", "add_param_group"}
#: What wraps a model, which is its attribute: `model.module.head`.
WRAPPER = "module"
#: So deep are names followed to what they are assigned.
DEPTH = 8


@dataclass(frozen=True)
class PartsOnly:
    """An optimizer that is made of parts of the model, and the block that is in none of them."""

    line: int
    parts: tuple[str, ...]  # as they are written, `model.head`
    block: str  # its path in the model


@dataclass
class Handed:
    """What the optimizers of a file are given of one model: its parts, or more than can be told."""

    line: int
    parts: dict[str, str] = field(default_factory=dict)  # as written, by path
    whole: bool = False


def made_of_parts(
    tree: ast.Module,
    layers: Collection[str],
    blocks: Iterable[str],
    lists: Mapping[str, Collection[str]] | None = None,
) -> Iterator[PartsOnly]:
    """The optimizers of a file that leave out blocks whose neighbours they are given.

    `layers` and `blocks` are paths in the model, `lists` the strings that an attribute may hold.
    """
    handed: dict[str, Handed] = {}
    for scope in scopes(tree):
        for call in calls_in(scope):
            if is_optimizer(call) and (given := parameters_of(call)) is not None:
                found = Reading(scope, set(layers), lists or {}).owners(given)
                for base, part, written in found:
                    known = handed.setdefault(base, Handed(call.lineno))
                    if part:
                        known.parts.setdefault(part, written)
                    else:
                        known.whole = True
    for known in handed.values():
        if known.whole or not known.parts:
            continue
        for block in blocks:
            if not any(is_within(block, part) for part in known.parts) and has_neighbour(
                block, known.parts
            ):
                yield PartsOnly(known.line, tuple(known.parts.values()), block)


def attribute_lists(trees: Iterable[ast.Module]) -> dict[str, set[str]]:
    """The strings in what attributes are assigned: `self.exclusive = ["head"]`, `setattr(self, "exclusive", ["head"])`."""
    found: dict[str, set[str]] = defaultdict(set)
    for tree in trees:
        for node in nodes_in(tree):
            match node:
                case ast.Assign(targets=[ast.Attribute(attr=name)], value=value):
                    found[name] |= strings_in(value)
                case ast.Call(
                    func=ast.Name(id="setattr") | ast.Attribute(attr="__setattr__"),
                    args=[*_, ast.Constant(value=str(name)), value],
                ):
                    found[name] |= strings_in(value)
    return {name: texts for name, texts in found.items() if texts}


def strings_in(node: ast.expr) -> set[str]:
    return {
        part.value
        for part in nodes_in(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    }


def scopes(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    """The bodies of the file and of its functions."""
    yield tree.body
    for node in nodes_in(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.body


def own_nodes(body: Iterable[ast.stmt]) -> Iterator[ast.AST]:
    """The nodes of a body as they are written, without those of the functions and classes in it."""
    todo: list[ast.AST] = [*reversed([*body])]
    while todo:
        node = todo.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        yield node
        todo.extend([*ast.iter_child_nodes(node)][::-1])


def calls_in(body: Iterable[ast.stmt]) -> Iterator[ast.Call]:
    return (node for node in own_nodes(body) if isinstance(node, ast.Call))


def is_optimizer(call: ast.Call) -> bool:
    name = (dotted(call.func) or [""])[-1]
    return name in OPTIMIZERS or name.lower().endswith("optimizer")


def parameters_of(call: ast.Call) -> ast.expr | None:
    """What an optimizer is made of."""
    if call.args:
        return call.args[0]
    return next((one.value for one in call.keywords if one.arg == "params"), None)


class Reading:
    """What an expression of a function holds of a model, by what its names are assigned there."""

    def __init__(
        self, body: list[ast.stmt], layers: set[str], lists: Mapping[str, Collection[str]]
    ) -> None:
        self.layers = layers
        self.lists = lists
        #: What each name is assigned, what is added to it, and what a loop takes it from.
        self.values: dict[str, list[ast.expr]] = defaultdict(list)
        for node in own_nodes(body):
            match node:
                case ast.Assign():
                    for target, value in assigned_pairs(node):
                        self.note(target, value)
                case ast.AugAssign(target=target, value=value):
                    self.note(target, value)
                case ast.AnnAssign(target=target, value=ast.expr() as value):
                    self.note(target, value)
                case ast.For(target=target, iter=values) | ast.comprehension(
                    target=target, iter=values
                ):
                    self.note(target, values)
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=added)):
                    if added in ADD:
                        self.values[name] += node.args

    def note(self, target: ast.expr, value: ast.expr) -> None:
        for part in target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]:
            if isinstance(part, ast.Name):
                self.values[part.id].append(value)

    def owners(self, node: ast.AST, depth: int = DEPTH) -> Iterator[tuple[str, str, str]]:
        """The modules whose parameters an expression gives: the model's name, the path below it ("" for the whole
        of it, or for what cannot be told), and as it is written."""
        if depth == 0:
            return
        match node:
            case ast.Call(func=ast.Attribute(value=owner, attr=method)) if method in GIVE:
                yield from self.modules(owner, depth)
                return
            case ast.Name(id=name) if name in self.values:
                for value in self.values[name]:
                    yield from self.owners(value, depth - 1)
                return
            case ast.Call(args=arguments, keywords=keywords):
                for argument in [*arguments, *(one.value for one in keywords)]:
                    names = dotted(argument)
                    if names is not None and names[0] not in self.values:
                        yield ".".join(without_wrapper(names)), "", ".".join(names)
                    else:
                        yield from self.owners(argument, depth)
                return
            case ast.Attribute() if (names := dotted(node)) and names[0] not in ("self", "cls"):
                yield from self.chain(names)
                return
        for child in ast.iter_child_nodes(node):
            yield from self.owners(child, depth)

    def modules(self, node: ast.expr, depth: int) -> Iterator[tuple[str, str, str]]:
        """The same of an expression that is a module, or one of several."""
        if depth == 0:
            return
        match node:
            case ast.Name(id=name) if name in self.values:
                for value in self.values[name]:
                    if isinstance(value, ast.Call) and not self.is_getattr(value):
                        yield name, "", name  # it is constructed here: a model of its own
                    else:
                        yield from self.modules(value, depth - 1)
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                for element in elements:
                    yield from self.modules(element, depth)
            case ast.Call(args=[owner, name, *_]) if self.is_getattr(node):
                base = dotted(owner) or []
                for text in sorted(self.strings(name, depth)) if base else ():
                    yield from self.chain([*base, *text.split(".")])
            case ast.BinOp(left=left, right=right):
                yield from self.modules(left, depth)
                yield from self.modules(right, depth)
            case ast.Name() | ast.Attribute() if names := dotted(node):
                yield from self.chain(names)

    def is_getattr(self, node: ast.expr) -> bool:
        return (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "getattr"
        )

    def chain(self, names: list[str]) -> Iterator[tuple[str, str, str]]:
        """What `model.module.head` is, also where the first name is assigned another such chain."""
        written = ".".join(names)
        values = self.values.get(names[0], [])
        chains = [found for value in values if (found := dotted(value)) is not None]
        if len(names) > 1 and len(chains) == len(values) == 1 and chains[0][0] != names[0]:
            names = [*chains[0], *names[1:]]
        for start in range(1, len(names)):
            path = ".".join(names[start:])
            if path in self.layers:
                yield ".".join(without_wrapper(names[:start])), path, written
                return
        yield ".".join(without_wrapper(names)), "", written

    def strings(self, node: ast.expr, depth: int) -> set[str]:
        """The strings that an expression may be, as far as they name layers."""
        found = strings_in(node)
        for part in nodes_in(node):
            match part:
                case ast.Name(id=name) if depth:
                    for value in self.values.get(name, ()):
                        found |= self.strings(value, depth - 1)
                case ast.Attribute(attr=name):
                    found |= set(self.lists.get(name, ()))
        return found & self.layers


def without_wrapper(names: list[str]) -> list[str]:
    return [name for number, name in enumerate(names) if name != WRAPPER or not number]


def is_within(path: str, part: str) -> bool:
    return path == part or path.startswith(part + ".")


def has_neighbour(block: str, parts: Iterable[str]) -> bool:
    """Whether one of the parts lies in the module that holds the block."""
    around = block.rpartition(".")[0]
    return any(part.rpartition(".")[0] == around for part in parts)
