"""Which expression names a channel count, right after the layer's definition.

Candidates come from the source, are evaluated in the live frame of every configuration by the
observer, and are ranked by where they come from: what the layer's own creating call says first.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from stitchgen.source.syntax import Function, Syntax

LIMIT = 400
#: From this rank on a candidate has nothing to do with the layer but its value, so it is believed
#: only where the count is seen to change and the candidate to follow.
WEAK = 50
#: The rank of what other layers have as their sizes.
SIZES = 40
#: How many elements of a sequence are candidates: stages are seldom more.
ELEMENTS = 8


@dataclass(frozen=True, order=True)
class Candidate:
    """An expression, with its rank: lower is nearer to the layer's own creating call."""

    rank: int
    order: int  # among those of one rank: the shorter first, sizes as the layers are near
    text: str


@dataclass(frozen=True)
class Sample:
    """The candidates' values in one configuration, where the true count is known."""

    build: str
    values: Mapping[str, int]
    truth: int


def candidates(
    syntax: Syntax,
    function: Function,
    creating: ast.stmt,
    layer_sizes: Sequence[str],
    wanted: Iterable[int],
) -> list[Candidate]:
    """Expressions that may name the count, valid after `creating` in `function`.

    `layer_sizes` are expressions for sizes of modules that exist there (`self.conv1.out_channels`),
    `wanted` the counts observed: an integer literal is a candidate only where it is written.
    """
    found: dict[str, int] = {}

    def offer(text: str, rank: int) -> None:
        text = ast.unparse(ast.parse(text, mode="eval"))  # with the fewest parentheses
        if text not in found or rank < found[text]:
            found[text] = rank

    own = atoms(creating)
    attributes = class_attributes(syntax, function)
    scope = names_in_scope(function)
    mutated = mutated_self_attributes(syntax, function)
    literals = [text for text in own if text.isdigit()]
    named = [text for text in own if not text.isdigit()]
    for text in literals + named:
        offer(text, 10)
    factors = [text for text in attributes if text.split(".")[0] in scope | {"self"}]
    for text in literals + named:
        for factor in factors:
            if factor != text:
                offer(f"{wrapped(text)} * {wrapped(factor)}", 20)
        for factor in named:
            if factor != text:
                offer(f"{wrapped(text)} * {wrapped(factor)}", 50)
    for text in mutated:
        offer(text, 30)
    for text in layer_sizes:
        offer(text, SIZES)
    for text in named + sorted(scope):
        for other in literals:
            if int(other) > 1:
                offer(f"{wrapped(text)} // {other}", 50)
                offer(f"{wrapped(text)} * {other}", 50)
    for text in named:
        for other in named:
            if text != other:
                offer(f"{wrapped(text)} + {wrapped(other)}", 60)
                offer(f"{wrapped(text)} // {wrapped(other)}", 60)
    for rank, tree in ((55, creating), (74, function)):
        for text in sequences(tree):
            if text.split(".")[0] in scope | {"self"}:
                for index in range(ELEMENTS):
                    offer(f"{text}[{index}]", rank)
    for text in sorted(scope):
        offer(text, 70)
    for text in self_attributes(function):
        offer(text, 72)
    # What the statements before it create may be what it is fed.
    for statement in function.body:
        if statement.lineno < creating.lineno:
            for text in atoms(statement):
                offer(text, 80)
                for factor in factors:
                    if text.isdigit():
                        offer(f"{text} * {wrapped(factor)}", 80)
    counts = {str(count) for count in wanted}
    # Behind a loop its names have the values of its last turn, whichever layer is meant.
    moved = assigned_in(creating) if isinstance(creating, (ast.For, ast.While)) else set()
    near = {text: number for number, text in enumerate(dict.fromkeys(layer_sizes))}
    ranked = [
        Candidate(rank, near.get(text, 0) if rank == SIZES else len(text), text)
        for text, rank in found.items()
        if (not text.isdigit() or text in counts) and not moved & names_of(text)
    ]
    return sorted(ranked)[:LIMIT]


def of_layers(sizes: Sequence[str]) -> list[Candidate]:
    """Candidates where only the layers themselves are known."""
    return [Candidate(SIZES, number, text) for number, text in enumerate(dict.fromkeys(sizes))]


def survivors(
    ranked: Sequence[Candidate], samples: Sequence[Sample], trials: Sequence[Sample]
) -> list[Candidate]:
    """The candidates that equal the true count in every sample and contradict no trial."""
    kept = []
    for candidate in ranked:
        text = candidate.text
        literal = text.isdigit()
        if literal:
            if any(sample.truth != int(text) for sample in samples):
                continue
        elif any(sample.values.get(text) != sample.truth for sample in samples):
            continue
        wrong = [
            trial
            for trial in trials
            if (int(text) if literal else trial.values.get(text, trial.truth)) != trial.truth
        ]
        counts = {sample.truth for sample in samples}
        counts |= {t.truth for t in trials if literal or text in t.values}
        believed = candidate.rank < WEAK or (len(counts) > 1 and not literal)
        if believed and not wrong and not is_idle(text, samples):
            kept.append(candidate)
    return kept


def is_idle(text: str, samples: Sequence[Sample]) -> bool:
    """Whether the expression has a part that does nothing in any sample: `x * 1`, `0 + x`."""
    node = ast.parse(text, mode="eval").body
    if not isinstance(node, ast.BinOp):
        return False
    neutral = 0 if isinstance(node.op, (ast.Add, ast.Sub)) else 1
    for side in (node.left, node.right):
        of_samples = {sample.values.get(ast.unparse(side)) for sample in samples}
        values = {side.value} if isinstance(side, ast.Constant) else of_samples
        if values == {neutral}:
            return True
    return False


def wrapped(text: str) -> str:
    """The text, in parentheses where it is a sum or product itself."""
    node = ast.parse(text, mode="eval").body
    return f"({text})" if isinstance(node, (ast.BinOp, ast.IfExp, ast.BoolOp, ast.Lambda)) else text


def atoms(statement: ast.stmt) -> list[str]:
    """Integers, names, attributes and simple arithmetic in the arguments of the calls."""
    found: list[str] = []
    for node in ast.walk(statement):
        if isinstance(node, ast.Call):
            for part in [*node.args, *(keyword.value for keyword in node.keywords)]:
                for piece in ast.walk(part):
                    if is_atom(piece):
                        text = ast.unparse(piece)
                        if text not in found and text not in ("True", "False", "None"):
                            found.append(text)
    return found


def is_atom(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=value):
            return isinstance(value, int) and not isinstance(value, bool)
        case ast.Name() | ast.Attribute(value=ast.Name()):
            return True
        case ast.Subscript(
            value=ast.Name() | ast.Attribute(), slice=ast.Constant() | ast.UnaryOp()
        ):
            return True
        case ast.BinOp(
            left=left, right=right, op=ast.Mult() | ast.FloorDiv() | ast.Add() | ast.Sub()
        ):
            return is_atom(left) and is_atom(right)
        case ast.Call(func=ast.Name(id="int" | "max" | "min" | "round"), args=args, keywords=[]):
            return all(
                isinstance(argument, (ast.Name, ast.Constant, ast.BinOp)) for argument in args
            )
    return False


def sequences(tree: ast.AST) -> list[str]:
    """Names and attributes of `self` that are looped over, also in part, or indexed.

    `dims` in `dims[i]`; `self.widths` in `zip(names, self.widths[1:])`.
    """
    found: list[str] = []
    for node in ast.walk(tree):
        match node:
            case ast.For(iter=place) | ast.comprehension(iter=place) | ast.Subscript(value=place):
                pass
            case _:
                continue
        pieces = [place]
        while pieces:
            piece = pieces.pop(0)
            match piece:
                case ast.Call(args=args):
                    pieces.extend(args)
                case ast.Subscript(value=value, slice=ast.Slice()):
                    pieces.append(value)
                case ast.Name() | ast.Attribute(value=ast.Name(id="self")):
                    text = ast.unparse(piece)
                    if text not in found:
                        found.append(text)
    return found


def class_attributes(syntax: Syntax, function: Function) -> list[str]:
    """`block.expansion`: attributes of names, as the methods of the class read them."""
    enclosing = syntax.parents.get(function)
    found: list[str] = []
    for node in ast.walk(enclosing if isinstance(enclosing, ast.ClassDef) else function):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if isinstance(node.ctx, ast.Load) and node.value.id != "nn":
                text = f"{node.value.id}.{node.attr}"
                if text not in found and node.value.id != "self":
                    found.append(text)
    return found


def names_in_scope(function: Function) -> set[str]:
    """Arguments of the function and names that it assigns."""
    arguments = function.args
    every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    return {argument.arg for argument in every[1:]} | assigned_in(function)


def assigned_in(tree: ast.AST) -> set[str]:
    return {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def names_of(text: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}


def mutated_self_attributes(syntax: Syntax, function: Function) -> list[str]:
    """`self.inplanes`: integers that the class's methods assign more than once."""
    enclosing = syntax.parents.get(function)
    count: dict[str, int] = {}
    for node in ast.walk(enclosing if isinstance(enclosing, ast.ClassDef) else function):
        for target in getattr(node, "targets", None) or [getattr(node, "target", None)]:
            if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
                if target.value.id == "self" and isinstance(target.ctx, ast.Store):
                    text = f"self.{target.attr}"
                    count[text] = count.get(text, 0) + 1
    return [text for text, times in count.items() if times > 1]


def self_attributes(function: Function) -> list[str]:
    return sorted(
        {
            f"self.{node.attr}"
            for node in ast.walk(function)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "self"
        }
    )
