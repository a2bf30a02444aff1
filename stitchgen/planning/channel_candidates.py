"""Which expression names a channel count, right after the layer's definition.

Candidates come from the source, are evaluated in the live frame of every configuration by the
observer, and are ranked by where they come from (`Origin`): what the layer's own creating call says first.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from stitchgen.source.syntax import Function, Syntax, assigned_pairs
from stitchgen.source.tree import nodes_in

LIMIT = 400
#: How many elements of a sequence are candidates: stages are seldom more.
ELEMENTS = 8
#: Methods that put layers into a list, a dictionary or a Sequential.
COLLECTS = {"append", "extend", "insert", "add_module", "update"}


class Origin(IntEnum):
    """Where a candidate comes from: the nearer to where the number itself comes from, the earlier."""

    PASSED_CLASS_FACTOR = (
        9  # `planes * block.expansion` of a `block` that is passed on, where it varies
    )
    CREATING_CALL = 10  # an argument of the layer's own creation: an integer, a name, arithmetic
    CREATING_PART = 11  # a part of one, as `width` of `width * scale`
    FOLLOWED = 12  # the same of what the creation's own arguments were made with before
    NEXT_LAYER = 15  # what a layer that comes next is made to take
    OTHER_SIDE = 16  # what the layer itself is made to take, where the count is of what it gives
    PASSED_FIELD = 17  # `config.width`, of what the layer's creation is handed as a whole
    CLASS_FACTOR = (
        20  # one of the creation's times an attribute of a class: `planes * block.expansion`
    )
    CHANGED_ATTRIBUTE = 30  # `self.inplanes`, which methods of the class assign more than once
    NAME = 35  # any name in scope
    OWN_ATTRIBUTE = 37  # any attribute of `self`
    LAYER_SIZE = 40  # `self.conv1.out_channels`: a size of a layer near by
    PRODUCT = (
        51  # two of the creation's parts multiplied, or one times or by a number written there
    )
    ELEMENT = 55  # `dims[2]` of a sequence that the creation reads
    OTHER_INDEX = 57  # `dims[2] * blocks[2].expansion`, which the constructor writes of `[-1]`
    SUM = 60  # two of the creation's parts added or divided
    INDEXED_SIZE = 65  # `self.net[3].out_channels`: a layer that may be another one elsewhere
    OTHER_ELEMENT = 74  # `dims[2]` of a sequence that the constructor reads elsewhere
    EARLIER_CALL = 80  # what the statements before it create with, which may be what it is fed

    @property
    def weak(self) -> bool:
        """Whether only the value speaks for it: it is believed where the count is seen to change and the
        candidate to follow."""
        others = (Origin.LAYER_SIZE, Origin.INDEXED_SIZE, Origin.OTHER_INDEX)
        return self >= Origin.NAME and self not in others

    @property
    def varies(self) -> bool:
        """Whether the source says that its parts vary, whatever they are in what was built."""
        return self in (Origin.PASSED_CLASS_FACTOR, Origin.OTHER_INDEX)


@dataclass(frozen=True, order=True)
class Candidate:
    """An expression, with its rank: lower is nearer to the layer's own creating call."""

    rank: Origin
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
    *,
    inside: bool = False,
    given: bool = True,
) -> list[Candidate]:
    """Expressions that may name the count, valid after `creating` in `function`.

    `layer_sizes` are expressions for sizes of modules that exist there (`self.conv1.out_channels`),
    `wanted` the counts observed: an integer literal is a candidate only where it is written. `inside` says that
    the layer is a part of what is created, `given` that the count is of what it gives, and not of what it takes.
    """
    sizes = list(dict.fromkeys(layer_sizes))
    found: dict[str, Origin] = {}
    only_taken = taken_alone(creating) if given else set()
    for text, origin in Constructor(syntax, function, creating).offers(sizes):
        if text in only_taken and origin in (Origin.CREATING_CALL, Origin.CREATING_PART):
            origin = Origin.OTHER_SIDE
        if inside and origin is Origin.PASSED_CLASS_FACTOR:
            continue  # what the class gives itself says nothing of its parts
        text = ast.unparse(ast.parse(text, mode="eval"))  # with the fewest parentheses
        if text not in found or origin < found[text]:
            found[text] = origin
    counts = {str(count) for count in wanted}
    # Behind a loop its names have the values of its last turn, whichever layer is meant.
    moved = assigned_in(creating) if isinstance(creating, (ast.For, ast.While)) else set()
    near = {text: number for number, text in enumerate(sizes)}
    near |= dict.fromkeys(fed_from_same_list(creating), LIMIT)
    ranked = [
        Candidate(origin, near.get(text, len(text)), text)
        for text, origin in found.items()
        if (not text.isdigit() or text in counts) and not moved & names_of(text)
    ]
    return sorted(ranked)[:LIMIT]


class Constructor:
    """What a constructor says around the statement that creates a layer."""

    def __init__(self, syntax: Syntax, function: Function, creating: ast.stmt):
        self.syntax, self.function, self.creating = syntax, function, creating
        self.scope = names_in_scope(function)
        own = atoms(creating)
        self.literals = [text for text in own if text.isdigit()]
        self.named = [text for text in own if not text.isdigit()]
        self.whole = {ast.unparse(one) for one in whole_arguments(creating)}

    @cached_property
    def factors(self) -> list[str]:
        """`block.expansion`: attributes of what is in scope."""
        attributes = class_attributes(self.syntax, self.function)
        return [text for text in attributes if text.split(".")[0] in self.scope | {"self"}]

    def offers(self, layer_sizes: Sequence[str]) -> Iterator[tuple[str, Origin]]:
        """Every candidate with where it comes from; one may come several times."""
        own = [*self.literals, *self.named]
        every: Sequence[tuple[Origin, Iterable[str]]] = (
            (Origin.PASSED_CLASS_FACTOR, self.times(self.varying_factors(), computed=False)),
            (Origin.CREATING_CALL, [text for text in own if text in self.whole]),
            (Origin.CREATING_PART, own),
            (Origin.FOLLOWED, self.followed()),
            (Origin.NEXT_LAYER, self.taken_next()),
            (Origin.PASSED_FIELD, self.passed_fields()),
            (Origin.CLASS_FACTOR, self.times(self.factors)),
            (Origin.CHANGED_ATTRIBUTE, mutated_self_attributes(self.syntax, self.function)),
            (Origin.LAYER_SIZE, [text for text in layer_sizes if "[" not in text]),
            (Origin.INDEXED_SIZE, [text for text in layer_sizes if "[" in text]),
            (Origin.PRODUCT, self.times(self.named)),
            (Origin.PRODUCT, self.scaled()),
            (Origin.ELEMENT, self.elements(self.creating)),
            (Origin.OTHER_INDEX, self.other_indices()),
            (Origin.SUM, self.sums()),
            (Origin.NAME, sorted(self.scope)),
            (Origin.OWN_ATTRIBUTE, self_attributes(self.function)),
            (Origin.OTHER_ELEMENT, self.elements(self.function)),
            (Origin.EARLIER_CALL, self.earlier()),
        )
        for origin, texts in every:
            for text in texts:
                yield text, origin

    def times(self, factors: Sequence[str], *, computed: bool = True) -> Iterator[str]:
        """Each of the creation's parts times a factor; `computed`: one that was made with it, too."""
        for text in self.literals + self.named:
            known = set() if computed else self.computed_with(text)
            for factor in factors:
                if factor != text and factor not in known:
                    yield f"{wrapped(text)} * {wrapped(factor)}"

    def computed_with(self, text: str) -> set[str]:
        """The attributes in what the names of an expression are assigned before: `block.expansion` of
        `widths = [16, 32 * block.expansion]`."""
        return {
            ast.unparse(part)
            for value in self.values_before(names_of(text))
            for part in nodes_in(value)
            if isinstance(part, ast.Attribute)
        }

    def followed(self) -> Iterator[str]:
        """The parts of the calls that made what the creation reads: `cout` of `conv = Conv(cin, cout)`."""
        for value in self.values_before(names_read(self.creating)):
            yield from atoms(value)
        # What a loop puts in there: its names have the values of its last turn, and numbers are always the same.
        for value in self.values_before(names_read(self.creating), turns=True):
            yield from filter(str.isdigit, atoms(value))

    def values_before(self, names: set[str], *, turns: bool = False) -> Iterator[ast.expr]:
        """What names are assigned, or what is put into them, before the creation, and what the names in that are;
        with `turns` also what loops put into them that is another at each turn."""
        names, seen = set(names), set[str]()
        loops = [one for one in nodes_in(self.function) if isinstance(one, (ast.For, ast.While))]
        made = [
            (name, value)
            for one in nodes_in(self.function)
            if isinstance(one, ast.stmt) and one.lineno < self.creating.lineno
            for name, value in values_of(one)
            # Behind a loop its names have the values of its last turn.
            if turns
            or isinstance(one, ast.Assign)
            or not moved_around(loops, one) & names_read(value)
        ]
        while names - seen:
            fresh = names - seen
            seen |= fresh
            for name, value in made:
                if name in fresh:
                    yield value
                    names |= names_read(value)

    def varying_factors(self) -> list[str]:
        """`block.expansion` of a class that the creation passes on, where the file's classes have several."""
        values: dict[str, set[str]] = {}
        for node in self.syntax.tree.body:
            for part in node.body if isinstance(node, ast.ClassDef) else ():
                match part:
                    case ast.Assign(
                        targets=[ast.Name(id=name)], value=ast.Constant(value=int(number))
                    ):
                        values.setdefault(name, set()).add(str(number))
        passed = {one.id for one in whole_arguments(self.creating) if isinstance(one, ast.Name)}
        return [
            text
            for text in self.factors
            if text.partition(".")[0] in passed and len(values.get(text.partition(".")[2], ())) > 1
        ]

    def taken_next(self) -> Iterator[str]:
        """What the layers that are created next are made to take, as far as it names something."""
        after = self.creating.end_lineno or self.creating.lineno
        later = [one for one in nodes_in(self.function) if isinstance(one, ast.Assign)]
        for statement in sorted(later, key=lambda one: one.lineno):
            if statement.lineno > after:
                calls = [one for one in nodes_in(statement.value) if isinstance(one, ast.Call)]
                taken = next(filter(None, map(taken_by, calls)), None)
                for part in nodes_in(taken) if taken is not None else ():
                    if is_atom(part) and not isinstance(part, ast.Constant):
                        yield ast.unparse(part)

    def passed_fields(self) -> Iterator[str]:
        """`config.width` for `Block(config)`, where this class or that of the layer reads it."""
        fields = class_attributes(self.syntax, self.function)
        for call in (one for one in nodes_in(self.creating) if isinstance(one, ast.Call)):
            inside = self.fields_of(call)
            for number, argument in enumerate(call.args):
                if isinstance(argument, ast.Name) and argument.id in self.scope:
                    own = [text for text in fields if text.startswith(f"{argument.id}.")]
                    yield from own
                    yield from (f"{argument.id}.{name}" for name in inside.get(number, ()))

    def fields_of(self, call: ast.Call) -> dict[int, list[str]]:
        """What the class that is called reads of each of its positional arguments, in the same file."""
        constructor = self.syntax.method(ast.unparse(call.func), "__init__")
        if constructor is None:
            return {}
        names = [one.arg for one in constructor.args.args][1:]
        read = class_attributes(self.syntax, constructor)
        return {
            number: [text.split(".")[1] for text in read if text.split(".")[0] == name]
            for number, name in enumerate(names)
        }

    def scaled(self) -> Iterator[str]:
        """A name times or by a number that the creation has."""
        for text in self.named + sorted(self.scope):
            for other in self.literals:
                if int(other) > 1:
                    yield f"{wrapped(text)} // {other}"
                    yield f"{wrapped(text)} * {other}"

    def sums(self) -> Iterator[str]:
        for text in self.named:
            for other in self.named:
                if text != other:
                    yield f"{wrapped(text)} + {wrapped(other)}"
                    yield f"{wrapped(text)} // {wrapped(other)}"

    def elements(self, tree: ast.AST) -> Iterator[str]:
        given = handed_whole(tree) if tree is self.creating else []
        for text in dict.fromkeys((*sequences(tree), *given)):
            if text.split(".")[0] in self.scope | {"self"}:
                for index in (*range(ELEMENTS), -1):
                    yield f"{text}[{index}]"

    def other_indices(self) -> Iterator[str]:
        """What the constructor computes of one element of its sequences, of every other element."""
        for node in nodes_in(self.function):
            if isinstance(node, ast.BinOp) and has_one_index(node):
                for index in (*range(ELEMENTS), -1):
                    yield at_index(node, index)

    def earlier(self) -> Iterator[str]:
        for statement in self.function.body:
            if statement.lineno < self.creating.lineno:
                for text in atoms(statement):
                    yield text
                    for factor in self.factors if text.isdigit() else ():
                        yield f"{text} * {wrapped(factor)}"


def of_layers(sizes: Sequence[str]) -> list[Candidate]:
    """Candidates where only the layers themselves are known."""
    return [
        Candidate(Origin.LAYER_SIZE, number, text)
        for number, text in enumerate(dict.fromkeys(sizes))
    ]


def survivors(
    ranked: Sequence[Candidate], samples: Sequence[Sample], trials: Sequence[Sample]
) -> list[Candidate]:
    """The candidates that equal the true count in every sample and contradict no trial."""
    kept = [one for one in ranked if survives(one, samples, trials)]
    # Where two elements are equal throughout, nothing tells which of them is meant.
    elements = [one for one in kept if one.rank is Origin.OTHER_INDEX and "[-1]" not in one.text]
    return kept if len(elements) < 2 else [one for one in kept if one not in elements]


def survives(candidate: Candidate, samples: Sequence[Sample], trials: Sequence[Sample]) -> bool:
    text = candidate.text
    literal = text.isdigit()

    def value_in(sample: Sample) -> int | None:
        return int(text) if literal else sample.values.get(text)

    if any(value_in(sample) != sample.truth for sample in samples):
        return False
    # What cannot be evaluated with another argument would fail there.
    if any(value_in(trial) != trial.truth for trial in trials):
        return False
    counts = {sample.truth for sample in (*samples, *trials)}
    believed = not candidate.rank.weak or (len(counts) > 1 and not literal)
    return believed and (candidate.rank.varies or not is_idle(text, samples))


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


def moved_around(loops: Sequence[ast.For | ast.While], statement: ast.stmt) -> set[str]:
    """The names that the loops around a statement assign."""
    return {
        name
        for loop in loops
        if loop.lineno <= statement.lineno <= (loop.end_lineno or loop.lineno)
        for name in assigned_in(loop)
    }


def values_of(statement: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    """Each name that is assigned, with its value, those of `a, b = one, two` one by one; each list with what it gets:
    `layers += [...]`, `layers.append(...)`."""
    match statement:
        case ast.Assign():
            for target, value in assigned_pairs(statement):
                for one in target.elts if isinstance(target, ast.Tuple) else [target]:
                    if isinstance(one, ast.Name):
                        yield one.id, value
        case ast.AugAssign(target=ast.Name(id=name), value=value):
            yield name, value
        case ast.Expr(
            value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method), args=given)
        ) if (method in COLLECTS):
            for value in given:
                yield name, value


def atoms(statement: ast.AST) -> list[str]:
    """Integers, names, attributes and simple arithmetic in the arguments of the calls."""
    found: list[str] = []
    layers, bounded = layers_made(statement), within_counts(statement)
    for node in nodes_in(statement):
        if isinstance(node, ast.Call):
            for part in [*node.args, *(keyword.value for keyword in node.keywords)]:
                for piece in nodes_in(part):
                    if is_atom(piece) and piece not in layers and piece not in bounded:
                        text = ast.unparse(piece)
                        if text not in found and text not in ("True", "False", "None"):
                            found.append(text)
    return found


def within_counts(statement: ast.AST) -> set[ast.AST]:
    """What stands in `min(2 * width, 1024)` and `int(width * factor)`: it is the count only as long as the bound is
    not reached, and the factor is one."""
    return {
        piece
        for node in nodes_in(statement)
        if isinstance(node, ast.Call)
        if BOUNDS.fullmatch(ast.unparse(node.func).rpartition(".")[2])
        for part in [*node.args, *(keyword.value for keyword in node.keywords)]
        for piece in nodes_in(part)
    }


def whole_arguments(statement: ast.AST) -> Iterator[ast.expr]:
    """The arguments of the calls, but those that are calls of classes or methods themselves."""
    layers = layers_made(statement)
    for node in nodes_in(statement):
        if isinstance(node, ast.Call):
            for part in [*node.args, *(keyword.value for keyword in node.keywords)]:
                if is_atom(part) and part not in layers:
                    yield part


def handed_whole(statement: ast.AST) -> list[str]:
    """The names that the creation hands on, and those that it binds beside the layer, either of which may be a list:
    `self.stage, channels = self.make_stage(widths)`."""
    found = [one.id for one in whole_arguments(statement) if isinstance(one, ast.Name)]
    match statement:
        case ast.Assign(targets=[ast.Tuple(elts=targets)]):
            found += [one.id for one in targets if isinstance(one, ast.Name)]
    return found


def fed_from_same_list(statement: ast.AST) -> set[str]:
    """`planes[1]` of `conv(planes[1], planes[2])`, where both are equal: what comes later is what the layer gives."""
    found: set[str] = set()
    for call in (node for node in nodes_in(statement) if isinstance(node, ast.Call)):
        given = [
            (ast.unparse(one.value), ast.unparse(one))
            for one in call.args
            if isinstance(one, ast.Subscript) and isinstance(one.slice, ast.Constant)
        ]
        lists = [name for name, _ in given]
        found |= {text for number, (name, text) in enumerate(given) if name in lists[number + 1 :]}
    return found


def layers_made(statement: ast.AST) -> set[ast.AST]:
    """The calls whose results a container takes, `conv3x3(a, b)` in a Sequential: they make layers, no counts."""
    return {
        part
        for node in nodes_in(statement)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).rpartition(".")[2] in ("Sequential", "ModuleList", "ModuleDict")
        for argument in node.args
        for part in (argument.elts if isinstance(argument, (ast.List, ast.Tuple)) else [argument])
        if isinstance(part, ast.Call)
    }


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
        case ast.Call(
            func=ast.Name() | ast.Attribute(value=ast.Name(id="math" | "np")) as called, args=args
        ):
            parts = [*args, *(keyword.value for keyword in node.keywords)]
            return counts(ast.unparse(called)) and all(
                isinstance(one, (ast.Name, ast.Constant, ast.BinOp)) or is_atom(one)
                for one in parts
            )
    return False


def counts(name: str) -> bool:
    """Whether a function may be called again to have its count: `int`, `math.ceil`, `make_divisible`."""
    last = name.rpartition(".")[2]
    return (last[:1].islower() and last not in CHANGING) or last[:1] == "_"


#: Functions that give another number than they are given, for some numbers.
BOUNDS = re.compile(
    r"int|round|ceil|floor|abs|min|max|minimum|maximum|clip|clamp|round_\w+|\w*divisible\w*"
)
#: Functions that give something else at every call, or do something.
CHANGING = {"next", "iter", "input", "open", "print", "exec", "eval", "setattr", "delattr", "super"}


#: The names of the argument that says how many channels a layer of torch takes.
TAKES = (
    "in_channels",
    "in_features",
    "num_features",
    "normalized_shape",
    "input_size",
    "num_channels",
)
#: The layers whose first argument says that.
TAKING = re.compile(
    r"(Lazy)?(Conv(Transpose)?[123]d|Linear|BatchNorm[123]d|LayerNorm|LSTM|GRU|RNN|RMSNorm)"
)


def taken_by(call: ast.Call) -> ast.expr | None:
    """The argument of a layer's creation that says how many channels it takes, if it is one of torch's."""
    if TAKING.fullmatch(ast.unparse(call.func).rpartition(".")[2]) is None:
        return None
    for keyword in call.keywords:
        if keyword.arg in TAKES:
            return keyword.value
    return call.args[0] if call.args and not isinstance(call.args[0], ast.Starred) else None


def taken_alone(creating: ast.stmt) -> set[str]:
    """What the layers of torch that a statement creates are made to take, and is no other argument of theirs. A norm
    gives what it takes."""
    calls = [one for one in nodes_in(creating) if isinstance(one, ast.Call)]
    calls = [one for one in calls if "Norm" not in ast.unparse(one.func).rpartition(".")[2]]
    taken = {id(argument): argument for call in calls if (argument := taken_by(call)) is not None}
    others = {
        ast.unparse(part)
        for call in calls
        for argument in (*call.args, *(one.value for one in call.keywords))
        if id(argument) not in taken
        for part in nodes_in(argument)
        if isinstance(part, ast.expr)
    }
    return {ast.unparse(one) for one in taken.values()} - others


def names_read(node: ast.AST) -> set[str]:
    return {
        part.id
        for part in nodes_in(node)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)
    }


def sequences(tree: ast.AST) -> list[str]:
    """Names and attributes of `self` that are looped over, also in part, or indexed.

    `dims` in `dims[i]`; `self.widths` in `zip(names, self.widths[1:])`.
    """
    found: list[str] = []
    for node in nodes_in(tree):
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


def has_one_index(node: ast.BinOp) -> bool:
    """Whether arithmetic reads elements of sequences at one written number: `dims[-1] * blocks[-1].expansion`."""
    numbers: set[str] = set()
    pieces: list[ast.expr] = [node]
    while pieces:
        match pieces.pop():
            case ast.BinOp(
                left=left, right=right, op=ast.Mult() | ast.FloorDiv() | ast.Add() | ast.Sub()
            ):
                pieces += [left, right]
            case ast.Subscript(value=ast.Name() | ast.Attribute(value=ast.Name()), slice=index):
                numbers.add(ast.unparse(index))
            case ast.Attribute(value=inner):
                pieces.append(inner)
            case ast.Name() | ast.Constant(value=int()):
                pass
            case _:
                return False
    return len(numbers) == 1 and numbers.pop().lstrip("-").isdigit()


def at_index(node: ast.expr, index: int) -> str:
    """The expression with another number in all of its subscripts."""
    tree = ast.parse(ast.unparse(node), mode="eval")
    for place in nodes_in(tree):
        if isinstance(place, ast.Subscript):
            place.slice = ast.Constant(index)
    return ast.unparse(tree)


def class_attributes(syntax: Syntax, function: Function) -> list[str]:
    """`block.expansion`: attributes of names, as the methods of the class read them."""
    enclosing = syntax.parents.get(function)
    found: list[str] = []
    for node in nodes_in(enclosing if isinstance(enclosing, ast.ClassDef) else function):
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
        for node in nodes_in(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def names_of(text: str) -> set[str]:
    return {node.id for node in nodes_in(ast.parse(text)) if isinstance(node, ast.Name)}


def mutated_self_attributes(syntax: Syntax, function: Function) -> list[str]:
    """`self.inplanes`: integers that the class's methods assign more than once."""
    enclosing = syntax.parents.get(function)
    count: dict[str, int] = {}
    for node in nodes_in(enclosing if isinstance(enclosing, ast.ClassDef) else function):
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
            for node in nodes_in(function)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "self"
        }
    )
