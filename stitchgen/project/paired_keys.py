"""Where old weights are paired with a model's keys by their order, which the keys of a block change.

    weights = torch.load(path)
    own = model.state_dict()
    own.update({key: value for (_, value), key in zip(weights.items(), own)})

Read from the source by `ast`; nothing is run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from stitchgen.source.syntax import assigned_pairs
from stitchgen.source.tree import dotted, nodes_in

#: What gives the keys or the tensors of a model in their order.
STATES = {"state_dict", "parameters", "named_parameters"}
#: What gives the parts of a dict in their order.
VIEWS = {"items", "keys", "values"}


#: What gives the parts of something else in their order.
IN_ORDER = {"list", "tuple", "iter", "enumerate", "sorted", "reversed"}
#: What an argument is called that holds old weights.
OF_WEIGHTS = ("pretrain", "ckpt", "checkpoint", "state_dict", "weight")
#: What a function is called that loads them.
LOADS = re.compile(r"(.*_)?load(_.*)?")


#: What is assigned to each name.
Values = dict[str, list[ast.expr]]


@dataclass(frozen=True)
class Pairing:
    line: int
    state: str  # `model.state_dict()`, or the name that it has
    by: str  # what pairs: `zip(...)`, `names[...]`


def pairings(tree: ast.Module) -> Iterator[Pairing]:
    """Those of a file, by their lines; names mean what the innermost function gives them."""
    scopes = [tree, *(node for node in nodes_in(tree) if isinstance(node, ast.FunctionDef))]
    found = {one.line: one for scope in reversed(scopes) for one in pairings_in(scope)}
    yield from sorted(found.values(), key=lambda one: one.line)


def pairings_in(scope: ast.AST) -> Iterator[Pairing]:
    values: Values = {}
    for node in nodes_in(scope):
        if isinstance(node, ast.Assign):
            for target, value in assigned_pairs(node):
                if isinstance(target, ast.Name):
                    values.setdefault(target.id, []).append(value)
    for node in nodes_in(scope):
        match node:
            case ast.Call(func=ast.Name(id="zip"), args=[_, _, *_] as sides):
                own = [text for side in sides if (text := own_state(side, values))]
                others = (side for side in sides if not own_state(side, values))
                if own and any(is_loaded(side, values) for side in others):
                    yield Pairing(node.lineno, own[0], "zip")
            case ast.Subscript(slice=ast.Subscript() as key):  # `own[names[number]]`
                yield from by_number(key, values)
            case ast.For(target=target, iter=through, body=body):
                kept = {one.id for one in nodes_in(target) if isinstance(one, ast.Name)}
                if any(assigns_by(one, kept) for one in body):
                    for part in nodes_in(through):  # `enumerate(names[:-4])`
                        if isinstance(part, ast.Subscript) and isinstance(part.slice, ast.Slice):
                            yield from by_number(part, values)


def by_number(node: ast.Subscript, values: Values) -> Iterator[Pairing]:
    """A key that is taken from a list of the model's own by its number."""
    match node:
        case ast.Subscript(value=ast.Name(id=name), slice=index) if is_number(index):
            states = [keys_listed(value, values) for value in values.get(name, ())]
            if states and None not in states:
                yield Pairing(node.lineno, states[0] or "", f"{name}[{ast.unparse(index)}]")


def assigns_by(statement: ast.AST, names: set[str]) -> bool:
    """Whether something is assigned under a key of these names: `own[name] = ...`."""
    return any(
        isinstance(node, ast.Subscript)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.slice, ast.Name)
        and node.slice.id in names
        for node in nodes_in(statement)
    )


def is_number(index: ast.expr) -> bool:
    """Whether an index may be a number or a slice: a name of a loop, a sum; not a key."""
    return not (isinstance(index, ast.Constant) and isinstance(index.value, str))


def keys_listed(node: ast.expr, values: Values) -> str | None:
    """What gives the state whose keys a list has; None where it is no such list."""
    match node:
        case ast.Call(func=ast.Name(id="list" | "tuple" | "sorted")) | ast.ListComp():
            state = own_state(node, values)
            return state if state and "parameters" not in state else None
    return None


def own_state(node: ast.expr, values: Values, seen: frozenset[str] = frozenset()) -> str | None:
    """The text of the model's own state that an expression goes through in its order, None for anything else."""
    match node:
        case ast.Call(func=ast.Attribute(value=owner, attr=name)) if name in STATES:
            return ast.unparse(node) if dotted(owner) is not None else None
        case ast.Name(id=name) if name not in seen:
            found = (own_state(value, values, seen | {name}) for value in values.get(name, ()))
            return name if any(found) else None
    inner = gone_through(node)
    return None if inner is None else own_state(inner, values, seen)


def is_loaded(node: ast.expr, values: Values, seen: frozenset[str] = frozenset()) -> bool:
    """Whether an expression goes through what was loaded, or through an argument of weights."""
    match node:
        case ast.Call(func=function) if LOADS.fullmatch((dotted(function) or [""])[-1]):
            return True
        case ast.Subscript(value=inner):
            return is_loaded(inner, values, seen)
        case ast.Name(id=name) if name not in values:
            return any(word in name for word in OF_WEIGHTS)
        case ast.Name(id=name) if name not in seen:
            return any(is_loaded(value, values, seen | {name}) for value in values[name])
    through = gone_through(node)
    return through is not None and is_loaded(through, values, seen)


def gone_through(node: ast.expr) -> ast.expr | None:
    """What an expression gives the parts of, in their order: `list(x.items())`, `[key for key in x]`, `x[:4]`."""
    match node:
        case ast.Call(func=ast.Attribute(value=inner, attr=name), args=[]) if name in VIEWS:
            return inner
        case ast.Call(func=ast.Name(id=name), args=[inner, *_]) if name in IN_ORDER:
            return inner
        case ast.ListComp(elt=ast.Name(), generators=[ast.comprehension(iter=inner, ifs=[])]):
            return inner
        case ast.Subscript(value=inner, slice=ast.Slice()):
            return inner
    return None
