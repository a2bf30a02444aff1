"""The edits at one call site: what is computed there beside the call, and how it is written.

An `Insertion` says what is to be computed in terms of what the layer gives; `edit_call` finds the
form that the call allows (design: the table of strategies, best first) and writes it there. What
is computed is the business of `methods`. Floor 4.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from stitchgen.cst import Document, Span
from stitchgen.edits import Edit
from stitchgen.errors import unsupported
from stitchgen.sites import Element, Step, access, free_name
from stitchgen.style import format_statements
from stitchgen.syntax import CallContext, Syntax

#: Strategies of a call site, best first.
RANK = ["line", "wrap", "loop", "slice"]

#: What an insertion's texts say for: what the layer gives (or, before it, is fed), what the layer
#: is fed, what runs beside the layer, and the module that has the block.
VALUE, FED, BRANCH, HERE = "__value__", "__fed__", "__branch__", "__here__"


@dataclass(frozen=True)
class Insertion:
    """What is computed at a call, and for which of the layers that are called there.

    `join` is an expression over VALUE, BRANCH and HERE that takes the place of the value; `branch`
    one over FED and HERE that takes the place of BRANCH. With `keeps`, the value itself goes on, and
    a variable of that name keeps it for later.
    """

    attribute: str
    placement: str  # after, before
    to_called: tuple[Step, ...] = ()  # from the call's owner to the module that is called
    chain: tuple[Step, ...] = ()  # from there down to the layer
    join: str = f"{HERE}.block({VALUE})"
    branch: str = ""
    keeps: str = ""
    lines: tuple[str, ...] = ()  # statements over VALUE and HERE, in the place of all that
    #: Before: which argument (by number or name) and which element of it; None for the first.
    argument: tuple[int | str, int | None] | None = None
    element: Element | None = None  # of the tuple, list or dict that the layer gives
    slot: bool = False  # other instances run this code with an empty slot
    empty: str = ""  # how the slot is empty: `nn.Identity`, or None for what is no serial block
    under: bool = False  # the block is a child of the layer: `layer.cbam`
    by_number: bool = False  # the container may be shorter in other configurations
    sequential: str = ""  # `nn.Sequential`, where not every instance has one around the layer
    overwritten: bool = False  # what is kept, or what the layer is fed, is written to in place

    @property
    def optional(self) -> bool:
        """Whether the code has to ask if the slot is filled."""
        return self.slot and not self.empty and not self.keeps

    def expression(self, here: str, value: str, fed: str = "", first: str | None = None) -> str:
        """What is computed; `first` stands for the value where it is evaluated first."""
        text = self.join.replace(BRANCH, self.branch).replace(HERE, here).replace(FED, fed)
        head, mark, rest = text.partition(VALUE)
        return head + (first or value if mark else "") + rest.replace(VALUE, value)

    def statement(self, here: str, name: str) -> str:
        """The same for a value that a variable has, which then has the result."""
        if self.lines:
            return "\n".join(self.lines).replace(HERE, here).replace(VALUE, name)
        if self.keeps:
            return f"{self.keeps} = {name}" + (".clone()" if self.overwritten else "")
        return f"{name} = {self.expression(here, name)}"


@dataclass(frozen=True)
class Call:
    """One call site, with all that is to be inserted there."""

    syntax: Syntax
    how: str  # call, argument (of checkpoint), forward
    context: CallContext
    insertions: Sequence[Insertion]
    line_length: int

    @property
    def document(self) -> Document:
        return self.syntax.document

    @property
    def where(self) -> str:
        return f"{self.document.path}:{self.context.call.lineno}"

    @property
    def receiver(self) -> str:
        """What the module that owns the layer is called here: `self`, or `attn` in `attn.to_q(x)`."""
        for insertion in self.insertions:
            below = access("", insertion.to_called)
            if below and self.called_text.endswith(below):
                return self.called_text.removesuffix(below)
        return self.context.receiver

    @property
    def statement_span(self) -> Span:
        return self.document.span_of(self.context.statement)

    @property
    def indent(self) -> int:
        return len(self.document.indent_of(self.statement_span).expandtabs(4))

    def formatted(self, code: str) -> str:
        return format_statements(code, self.indent, self.line_length, self.document.quote)

    @cached_property
    def called_text(self) -> str:
        """The source text of the module that is called: `self.features`, `blk`."""
        call = self.context.call
        node: ast.expr = call.func
        if self.how == "argument":
            node = call.args[0]
        elif self.how == "forward" and isinstance(node, ast.Attribute):
            node = node.value
        return self.document.code(self.document.span_of(node))

    def holder(self, insertion: Insertion) -> str:
        """The expression of the module that has the block."""
        return self.called_text if insertion.under else self.receiver

    def condition(self, insertion: Insertion) -> str | None:
        """`blk is self.blocks[5]` where the call's function is a variable, else None.

        A block under the layer is told by its being there, one in a slot by its being filled.
        """
        text = self.called_text
        found = []
        if insertion.under:
            found.append(f'hasattr({text}, "{insertion.attribute}")')
        elif not any(same_expression(text, way) for way in self.ways(insertion)):
            if insertion.by_number:
                found += self.long_enough(insertion)
            found.append(f"{text} is {access(self.receiver, insertion.to_called)}")
        if insertion.optional:
            found.append(f"{self.receiver}.{insertion.attribute} is not None")
        return " and ".join(found) or None

    def ways(self, insertion: Insertion) -> list[str]:
        """How the layer may be written: `self.blocks[5]`, and `self.blocks[-1]` if it is the last."""
        found = [self.receiver]
        for step in insertion.to_called:
            texts = [step.access if step.writable else None]
            if step.last and step.access.startswith("[") and step.parent != "dict":
                texts.append("[-1]")
            found = [
                f"{start}{text}" if text is not None else access(start, (step,))
                for start in found
                for text in texts
            ]
        return found

    def long_enough(self, insertion: Insertion) -> list[str]:
        """That the lists on the way hold so many layers: in other configurations they are shorter."""
        steps = insertion.to_called
        return [
            f"len({access(self.receiver, steps[:depth])}) > {step.index}"
            for depth, step in enumerate(steps)
            if step.access.startswith("[") and step.parent != "dict"
        ]

    @cached_property
    def taken(self) -> set[str]:
        names = self.syntax.names_bound_in(self.context.function or self.syntax.tree)
        return names | {insertion.keeps for insertion in self.insertions}

    def free_name(self, *wishes: str) -> str:
        first = next((wish for wish in wishes if wish not in self.taken), wishes[0])
        return free_name(first, self.taken)


def same_expression(one: str, other: str) -> bool:
    try:
        first, second = (ast.dump(ast.parse(text, mode="eval")) for text in (one, other))
    except SyntaxError:
        return False
    return first == second


def edit_call(call: Call) -> tuple[list[Edit], str]:
    """The edits at a call site and the strategy: the first that applies."""
    chains = [trimmed(insertion) for insertion in call.insertions]
    if any(chains):
        # One that stands at the end of the Sequential can stand in its loop as well.
        if len(chains) > 1:
            chains = [insertion.chain for insertion in call.insertions]
        return edit_container_call(call, list(zip(chains, call.insertions)))
    edits: list[Edit] = []
    strategies = []
    for insertion in call.insertions:
        edit = edit_plain_call if insertion.element is None else edit_element
        found, strategy = edit(call, insertion)
        strategies.append(strategy)
        edits += found
    if len(strategies) > 1 and "wrap" in strategies:
        raise unsupported(
            f"two of the targets change the same statement at {call.where}",
            call.where,
            "Run the command once for each of them.",
        )
    return edits, max(strategies, key=RANK.index)


def trimmed(insertion: Insertion) -> tuple[Step, ...]:
    """Without the steps at whose end (or start) the Sequential itself ends (or starts)."""
    chain, after = insertion.chain, insertion.placement == "after"
    if insertion.branch:
        return chain  # what the layer is fed is inside
    while chain and (chain[-1].last if after else chain[-1].index == 0 and chain[-1].numbered):
        chain = chain[:-1]
    return chain


# A call of the layer itself -------------------------------------------------------------------


def edit_plain_call(call: Call, insertion: Insertion) -> tuple[list[Edit], str]:
    """`x = self.layer2(x)`: a line of its own; anything else: the expression is wrapped.

    Where the call's function is a variable (`x = blk(x)` in a loop) and one element is wanted, there
    is an `if` on the element's identity.
    """
    condition = call.condition(insertion)
    if condition is not None:
        require_constant_function(call)
    if insertion.branch:
        return with_branch(call, insertion, condition)
    context, document = call.context, call.document
    argument = fed_argument(call, insertion) if insertion.placement == "before" else None
    alone = context.form == "assign" and document.own_line(call.statement_span)
    if argument is not None:
        # The variable may be bound anew only where nothing else reads its old value.
        alone = alone and isinstance(argument, ast.Name) and argument.id == context.name
        alone = alone and insertion.argument is None
    if insertion.lines and (not alone or condition is not None):
        raise unsupported(
            f"{call.where} does not give the output a variable, which could be bound anew",
            call.where,
            "Write the call as a statement of its own: x = self.layer(x).",
        )
    if not alone:
        return wrapped(call, insertion, argument or context.call, condition), "wrap"
    code = insertion.statement(call.holder(insertion), str(context.name))
    if condition is not None:
        code = f"if {condition}:\n    {code}"
    insert = document.lines_after if argument is None else document.lines_before
    edit = insert(call.statement_span, call.formatted(code))
    return [edit], "line" if condition is None else "loop"


def edit_element(call: Call, insertion: Insertion) -> tuple[list[Edit], str]:
    """`x, h = self.rnn(x)`, `out = self.backbone(x)`, `self.rnn(x)[0]`: the element is exchanged."""
    context, document, element = call.context, call.document, insertion.element
    assert element is not None
    here, condition = call.holder(insertion), call.condition(insertion)
    own_line = document.own_line(call.statement_span)
    parent = call.syntax.parents[context.call]
    if condition is not None:
        require_constant_function(call)
    if isinstance(parent, ast.Subscript) and is_key(parent.slice, element):
        return wrapped(call, insertion, parent, condition), "wrap"
    statement = context.statement
    name = None
    if context.form == "assign" and own_line:
        name = str(context.name)
        code = exchange(call, insertion, here, name)
    elif unpacks(statement, context.call) and own_line and element.kind != "dict":
        assert isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Tuple)
        targets = statement.targets[0].elts
        number = int(element.key)
        starred = any(isinstance(target, ast.Starred) for target in targets[: number + 1])
        if not starred and number < len(targets) and isinstance(targets[number], ast.Name):
            name = ast.unparse(targets[number])
            code = insertion.statement(here, name)
    if name is None:
        raise unsupported(
            f"{call.where} does not give the result a name, so its element cannot be exchanged",
            call.where,
            f"Write the call as a statement of its own: out = {ast.unparse(context.call)}"
            + (", or pass --attach" if insertion.under else ""),
        )
    if condition is not None:
        code = f"if {condition}:\n    {code}"
    edit = document.lines_after(call.statement_span, call.formatted(code))
    return [edit], "line" if condition is None else "loop"


def exchange(call: Call, insertion: Insertion, here: str, name: str) -> str:
    """The statement that exchanges the element of the result that a variable has."""
    element = insertion.element
    assert element is not None
    picked = f"{name}[{quoted(call, element)}]"
    value = insertion.expression(here, picked)
    if element.kind == "tuple":
        return f"{name} = {exchanged(name, element, value)}"
    return f"{picked} = {value}"


def exchanged(name: str, element: Element, value: str) -> str:
    """A tuple, list or dict like the one that the variable has, with the element's new value."""
    if element.kind == "dict":
        return f"{{**{name}, {element.text}: {value}}}"
    items = with_rest(name, element, value)
    if element.kind == "list":
        return f"[{', '.join(items)}]"
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"


def with_rest(name: str, element: Element, value: str) -> list[str]:
    """The elements of a tuple with one of them exchanged: `out[0]`, `*out[:1]`, `*out[2:]`."""
    number = int(element.key)
    before = [] if number == 0 else [f"*{name}[:{number}]" if number > 1 else f"{name}[0]"]
    left = element.length - number - 1
    after = (
        [] if left == 0 else [f"*{name}[{number + 1}:]" if left > 1 else f"{name}[{number + 1}]"]
    )
    return [*before, value, *after]


def is_key(node: ast.expr, element: Element) -> bool:
    return isinstance(node, ast.Constant) and repr(node.value) == element.text


def unpacks(statement: ast.stmt, call: ast.Call) -> bool:
    match statement:
        case ast.Assign(targets=[ast.Tuple()], value=value):
            return value is call
    return False


def quoted(call: Call, element: Element) -> str:
    """The key with the quotes of the file."""
    if call.document.quote == '"' and element.text.startswith("'") and '"' not in element.text:
        return f'"{element.text[1:-1]}"'
    return element.text


def wrapped(
    call: Call, insertion: Insertion, node: ast.expr, condition: str | None, fed: str = ""
) -> list[Edit]:
    """What is computed, written around the expression that gives the value."""
    document, span = call.document, call.document.span_of(node)
    here = call.holder(insertion)
    text = insertion.expression(here, VALUE, fed)
    if insertion.keeps:
        # Whoever writes to it in place gets the copy.
        text = f"({insertion.keeps} := {VALUE})" + (".clone()" if insertion.overwritten else "")
    elif isinstance(node, ast.Name):
        text = insertion.expression(here, node.id, fed, first=VALUE)
    elif text.count(VALUE) > 1:
        name = call.free_name("out", "feature", "h")
        text = insertion.expression(here, name, fed, first=f"({name} := {VALUE})")
    require_walrus(call, node, text)
    if condition is not None:
        text = f"{text} if {condition} else {document.code(span)}"
    compound = isinstance(ast.parse(text, mode="eval").body, (ast.BinOp, ast.IfExp))
    if compound and not is_whole(call.syntax, node):
        text = f"({text})"
    else:
        compound = False
    opening, _, closing = broken(call, node, text, bracketed=compound).partition(VALUE)
    return [edit for edit in document.wrap(span, opening, closing) if edit.text]


def broken(call: Call, node: ast.expr, text: str, bracketed: bool = False) -> str:
    """The text over several lines, as black would break them, where one would be too long.

    `bracketed`: it has parentheses around it, which it needs.
    """
    document, span = call.document, call.document.span_of(node)
    code = document.code(span)
    line = document.text_of_line(span[0])
    fits = len(line) + len(text) - len(VALUE) <= call.line_length
    if fits or "\n" in code or not document.own_line(call.statement_span):
        return text
    stand_in = "v" * len(code)
    while stand_in in text:
        stand_in += "v"
    stood = text.replace(VALUE, stand_in)
    indent = document.indent_of(call.statement_span)
    if bracketed or is_argument(call.syntax, node):
        # These brackets, or those of the call around it, are where black breaks the line.
        inner = stood[1:-1] if bracketed else stood
        lines = call.formatted(f"_({inner},)").rstrip("\n").split("\n")[1:-1]
        lines[-1] = lines[-1].removesuffix(",")
        if bracketed and (lines[0].strip(), lines[-1].strip()) == ("(", ")"):
            lines = [line[4:] for line in lines[1:-1]]  # black has put brackets around it as well
        text = "\n" + document.indented("\n".join(lines), indent) + indent
        text = f"({text})" if bracketed else text
    else:
        lines = call.formatted(f"_ = {stood}").removeprefix("_ = ").rstrip("\n").split("\n")
        rest = document.indented("\n".join(lines[1:]), indent).rstrip("\n")
        text = "\n".join([lines[0], *([rest] if lines[1:] else [])])
    return text.replace(stand_in, VALUE, 1)


def with_branch(call: Call, insertion: Insertion, condition: str | None) -> tuple[list[Edit], str]:
    """`self.layer2(x) + self.layer2_se(x)`: what the layer is fed is read twice."""
    document, context = call.document, call.context
    argument = fed_argument(call, insertion)
    span = document.span_of(argument)
    alone = context.form == "assign" and document.own_line(call.statement_span)
    if alone and isinstance(argument, ast.Name):
        text = insertion.expression(call.holder(insertion), VALUE, argument.id)
        longer = len(text) - len(VALUE)
        if condition is not None:
            longer += len(f" if {condition} else {document.code(context.span)}")
        width = max(map(len, document.code(call.statement_span).splitlines())) + longer
        if text.count(VALUE) > 1 or insertion.overwritten or width + call.indent > call.line_length:
            strategy = "line" if condition is None else "loop"
            return branch_before(call, insertion, argument.id, condition), strategy
    edits: list[Edit] = []
    if isinstance(argument, ast.Name):
        fed = argument.id
        if insertion.overwritten:
            edits.append(document.insert(span[1], ".clone()"))
    else:
        fed = call.free_name("fed", "source", "layer_input")
        opening, closing = f"{fed} := ", ""
        if insertion.overwritten:
            opening, closing = f"({opening}", ").clone()"
        elif isinstance(call.syntax.parents[argument], ast.keyword):
            opening, closing = f"({opening}", ")"
        require_walrus(call, argument, opening)
        edits += document.wrap(span, opening, closing)
    return [*edits, *wrapped(call, insertion, call.context.call, condition, fed)], "wrap"


def branch_before(call: Call, insertion: Insertion, fed: str, condition: str | None) -> list[Edit]:
    """The branch in a line before the layer's call, what it is joined to in one behind it."""
    document, here = call.document, call.holder(insertion)
    name = call.free_name("branch", "side", "beside")
    branch = insertion.branch.replace(HERE, here)
    # The layer writes to what it is fed, which the branch needs as it was.
    branch = branch.replace(FED, f"{fed}.clone()" if insertion.overwritten else fed)
    value = str(call.context.name)
    joined = insertion.join.replace(BRANCH, name).replace(HERE, here).replace(VALUE, value)
    first, last = f"{name} = {branch}", f"{value} = {joined}"
    if condition is not None:
        first, last = f"if {condition}:\n    {first}", f"if {condition}:\n    {last}"
    return [
        document.lines_before(call.statement_span, call.formatted(first)),
        document.lines_after(call.statement_span, call.formatted(last)),
    ]


def fed_argument(call: Call, insertion: Insertion) -> ast.expr:
    """The expression that the layer is fed."""
    node = call.context.call
    arguments = node.args[1 if call.how == "argument" else 0 :]
    wanted, element = insertion.argument or (0, None)
    if isinstance(wanted, str):
        for keyword in node.keywords:
            if keyword.arg == wanted:
                return element_of(call, keyword.value, element)
    number = wanted if isinstance(wanted, int) else 0
    if number >= len(arguments) or any(isinstance(a, ast.Starred) for a in arguments[: number + 1]):
        raise unsupported(
            f"{call.where} feeds the layer by keyword or by *args, so --{insertion.placement} has "
            "no place",
            call.where,
            "Use --after the layer that comes before.",
        )
    return element_of(call, arguments[number], element)


def element_of(call: Call, node: ast.expr, element: int | None) -> ast.expr:
    """The element of an argument that is written as a list or tuple."""
    if element is None:
        return node
    if isinstance(node, (ast.List, ast.Tuple)) and element < len(node.elts):
        if not any(isinstance(part, ast.Starred) for part in node.elts):
            return node.elts[element]
    raise unsupported(
        f"{call.where} feeds the layer a list that is made elsewhere",
        call.where,
        "Write the list where the layer is called: self.layer([a, b]).",
    )


def require_constant_function(call: Call) -> None:
    for part in ast.walk(ast.parse(call.called_text, mode="eval")):
        if isinstance(part, ast.Call) and not is_getattr(part):
            raise unsupported(
                f"{call.where} calls the result of a call, which may differ each time", call.where
            )


def is_getattr(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id == "getattr"


def require_walrus(call: Call, node: ast.expr, text: str) -> None:
    """`:=` may stand neither in what a comprehension goes over nor in the body of a class."""
    if ":=" not in text:
        return
    inner: ast.AST = node
    for parent in call.syntax.above(node):
        if isinstance(parent, ast.comprehension) and parent.iter is inner:
            raise unsupported(
                f"{call.where} stands in what a comprehension goes over, where no value can be kept",
                call.where,
                "Give the value a name in a statement of its own.",
            )
        if isinstance(parent, ast.stmt):
            return
        inner = parent


def is_argument(syntax: Syntax, node: ast.expr) -> bool:
    """Whether the node is the only argument of a call."""
    match syntax.parents[node]:
        case ast.Call(args=[only], keywords=[]):
            return only is node
    return False


def is_whole(syntax: Syntax, node: ast.expr) -> bool:
    """Whether a sum or a conditional may stand in the node's place without parentheses."""
    match syntax.parents[node]:
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.Return() | ast.keyword():
            return True
        case ast.List() | ast.Tuple():
            return True
        case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element) | ast.SetComp(elt=element):
            return element is node
        case ast.DictComp(value=element) | ast.Lambda(body=element):
            return element is node
        case ast.Dict(values=values):
            return node in values
        case ast.Call(args=arguments):
            return node in arguments
    return False


# A call of a Sequential around the layer ------------------------------------------------------

Chained = Sequence[tuple[tuple[Step, ...], Insertion]]


def edit_container_call(call: Call, chained: Chained) -> tuple[list[Edit], str]:
    """A child of a Sequential: the call becomes a loop, or slices inside an expression."""
    context, document = call.context, call.document
    if any(insertion.lines for _, insertion in chained):
        raise unsupported(
            f"{call.where} calls a Sequential, inside of which no later layer reads a feature",
            call.where,
            "Name layers whose outputs have variables of their own.",
        )
    if any(insertion.under for _, insertion in chained):
        raise unsupported(
            f"{call.where} calls a Sequential in a module that runs all its children, where a "
            "block has no place of its own",
            call.where,
            "Splice after the whole Sequential.",
        )
    if call.how == "argument":
        raise unsupported(
            f"{call.where} runs the Sequential under checkpoint, where its children have no "
            "call of their own",
            call.where,
            "Splice after the whole Sequential, or at a layer inside of a child.",
        )
    if context.argument is None:
        raise unsupported(f"{call.where} calls a Sequential with several arguments", call.where)
    own_line = document.own_line(call.statement_span)
    called = {access(call.receiver, insertion.to_called) for _, insertion in chained}
    variable = not all(same_expression(call.called_text, text) for text in called)
    if variable and len(called) > 1:
        raise unsupported(
            f"the targets are in several of the Sequentials that {call.where} calls",
            call.where,
            "Run the command once for each of them.",
        )
    if context.form == "assign" and own_line and not variable:
        code = guarded_loop(call, chained, str(context.name), variable)
        return [document.replace_lines(call.statement_span, call.formatted(code))], "loop"
    [(chain, insertion), *others] = chained
    plain = all(step.plain and step.numbered for step in chain) and not variable and not others
    serial = not insertion.branch and not insertion.keeps and not insertion.optional
    serial = serial and not insertion.sequential and insertion.element is None
    if plain and serial and not (insertion.slot and len(chain) > 1):
        return slices(call, chain, insertion), "slice"
    return hoisted(call, chained, variable), "loop"


def guarded_loop(call: Call, chained: Chained, name: str, variable: bool) -> str:
    """The loop, behind a condition where the call may also be of another module."""
    conditions = []
    if variable:
        # Only one of the modules that the variable stands for has the block.
        way = access(call.receiver, chained[0][1].to_called)
        conditions.append(f"{call.called_text} is {way}")
    for kind in dict.fromkeys(insertion.sequential for _, insertion in chained):
        if kind:
            conditions.append(f"isinstance({call.called_text}, {kind})")
    code = loop(call, chained, name)
    if not conditions:
        return code
    head = f"if {' and '.join(conditions)}:"
    otherwise = f"    {name} = {call.document.code(call.context.span)}"
    return "\n".join([head, *indented(code.split("\n")), "else:", otherwise])


def loop(call: Call, chained: Chained, name: str) -> str:
    """The statements that do what `name = self.features(argument)` does, and the insertions."""
    argument = call.context.argument
    assert argument is not None
    text = call.document.code(call.document.span_of(argument))
    lines = [] if text == name else [f"{name} = {text}"]
    lines += loop_lines(call, chained, name, call.called_text, 0)
    return "\n".join(lines)


VARIABLES = ("layer", "sublayer", "inner_layer", "innermost_layer")


def loop_lines(call: Call, chained: Chained, name: str, container: str, depth: int) -> list[str]:
    """`for layer in container:` with each insertion at the child that its chain starts with."""
    variable = call.free_name(VARIABLES[min(depth, 3)], f"layer_{depth}", "module")
    head = f"for {variable} in {container}:"
    steps = list(dict.fromkeys(chain[0] for chain, _ in chained))
    # Other instances may have fewer children, so the element is told by its number; or by its
    # name, where it stands at another number in each configuration, or at several.
    fewer = any(insertion.slot or insertion.by_number for _, insertion in chained)
    number = ""
    if fewer and any(step.numbered for step in steps):
        number = call.free_name("ijkl"[min(depth, 3)], f"index_{depth}")
        head = f"for {number}, {variable} in enumerate({container}):"
    run = f"{name} = {variable}({name})"
    before: list[str] = []
    cases: list[str] = []
    after: list[str] = []
    for step in steps:
        test = f"{variable} is {access(container, (step,))}"
        if fewer and step.numbered:
            test = f"{number} == {step.index}"
        elif fewer:
            test = f'{variable} is getattr({container}, "{step.name}", None)'
        here = [(chain[1:], insertion) for chain, insertion in chained if chain[0] == step]
        deeper = [(rest, insertion) for rest, insertion in here if rest]
        leaves = [insertion for rest, insertion in here if not rest]
        inside: list[str] = []
        if deeper:
            inside = loop_lines(call, deeper, name, variable, depth + 1)
        for insertion in leaves:
            own = f"{call.receiver}.{insertion.attribute}"
            asked = f"{test} and {own} is not None" if insertion.optional else test
            if insertion.branch:
                if inside:
                    raise unsupported(f"two of the targets are at {call.where}", call.where)
                inside, test = branch_lines(call, insertion, variable, name), asked
                continue
            if insertion.element is not None:
                code = exchange(call, insertion, call.receiver, name)
            else:
                code = insertion.statement(call.receiver, name)
            lines = [f"if {asked}:", f"    {code}"]
            if insertion.placement == "after":
                after += lines
            else:
                before += lines
        if deeper:
            test += filled(call, [insertion for _, insertion in deeper])
        if inside:
            cases += [f"{'el' if cases else ''}if {test}:", *indented(inside)]
    body = [*before, *([*cases, "else:", f"    {run}"] if cases else [run]), *after]
    return [head, *indented(body)]


def branch_lines(call: Call, insertion: Insertion, variable: str, name: str) -> list[str]:
    """What runs in the place of a child of a Sequential that has a branch beside it."""
    here = call.receiver
    if insertion.join.count(VALUE) == 1 and not insertion.overwritten:
        return [f"{name} = {insertion.expression(here, f'{variable}({name})', name)}"]
    branch = call.free_name("branch", "side", "beside")
    # The layer writes to what it is fed, which the branch needs as it was.
    fed = f"{name}.clone()" if insertion.overwritten else name
    first = insertion.branch.replace(HERE, here).replace(FED, fed)
    joined = insertion.join.replace(BRANCH, branch).replace(HERE, here).replace(VALUE, name)
    return [f"{branch} = {first}", f"{name} = {variable}({name})", f"{name} = {joined}"]


def filled(call: Call, insertions: Sequence[Insertion]) -> str:
    """The further condition under which another Sequential in a Sequential is gone through."""
    texts: dict[str, None] = {}
    for insertion in insertions:
        own = f"{call.receiver}.{insertion.attribute}"
        if insertion.slot and not insertion.keeps:
            text = f"not isinstance({own}, {insertion.empty})"
            texts[text if insertion.empty else f"{own} is not None"] = None
        elif insertion.slot or insertion.by_number:
            raise unsupported(
                f"{call.where}: not every configuration has the Sequential in a Sequential",
                call.where,
                "Name the configuration that you use: --build EXPR",
            )
    return "".join(f" and {text}" for text in texts)


def indented(lines: Iterable[str]) -> list[str]:
    return ["    " + line for line in lines]


def slices(call: Call, chain: tuple[Step, ...], insertion: Insertion) -> list[Edit]:
    """`self.features[4:](self.features_3_cbam(self.features[:4](x)))`, inserted around the call."""
    document = call.document
    call_node = call.context.call
    function = call_node.func
    if call.how == "forward" and isinstance(function, ast.Attribute):
        raise unsupported(f"{call.where} calls forward() of a Sequential", call.where)
    (before, after), closing = slice_texts(call, chain, insertion)
    span = document.span_of(function)
    document.expression(span)
    # The text of the call stays; what is inserted turns its function into the first slice.
    edits = []
    if before:
        edits.append(document.insert(span[0], before))
    if after:
        edits.append(document.insert(span[1], after))
    edits.append(document.insert(call.context.span[1], closing))
    return edits


def slice_texts(
    call: Call, chain: tuple[Step, ...], insertion: Insertion
) -> tuple[tuple[str, str], str]:
    """What goes before and after the function's text, and what closes the call."""
    container = call.called_text
    text = insertion.expression(call.receiver, VALUE)
    if text.count(VALUE) > 1:
        name = call.free_name("out", "feature", "h")
        text = insertion.expression(call.receiver, name, first=f"({name} := {VALUE})")
    block, _, end = text.partition(VALUE)
    heads: list[str] = []  # outermost first: what runs after the block
    tails: list[str] = []  # what runs before it, innermost container first
    text = container
    for depth, step in enumerate(chain):
        cut = step.index + (1 if insertion.placement == "after" else 0)
        is_leaf = depth == len(chain) - 1
        if is_leaf:
            rest = f"{text}[{cut}:]"
            first = f"{text}[:{cut}]" if cut > 0 else None
        else:
            rest = f"{text}[{step.index + 1}:]"
            first = f"{text}[:{step.index}]" if step.index > 0 else None
        if not step.last or (is_leaf and insertion.placement == "before"):
            heads.append(rest)
        if first is not None:
            tails.append(first)
        text = access(text, (step,))
    # The composition is heads(block(tails(x))); the container's own text must stand once,
    # unbroken, as the start of the call that takes the argument.
    inner = tails[0] if tails else None
    outer = "".join(f"{head}(" for head in heads) + block
    outer += "".join(f"{tail}(" for tail in reversed(tails[1:]))
    closing = ")" * len(tails[1:]) + end + ")" * len(heads)
    if inner is None:
        raise unsupported(f"{call.where} starts with the layer itself", call.where)
    return (outer, inner[len(container) :]), closing


def hoisted(call: Call, chained: Chained, variable: bool) -> list[Edit]:
    """The loop goes before the statement, on a variable that takes the call's place in it."""
    context, document = call.context, call.document
    statement = context.statement
    simple = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.Expr)
    if (
        not isinstance(statement, simple)
        or call.syntax.is_deferred(context.call)
        or not document.own_line(call.statement_span)
    ):
        raise unsupported(
            f"{call.where} calls the Sequential inside an expression that cannot be taken apart",
            call.where,
            "Splice after the whole Sequential, or write the call as a statement of its own.",
        )
    name = call.free_name("out", "features", "h")
    code = guarded_loop(call, chained, name, variable)
    return [
        document.lines_before(call.statement_span, call.formatted(code)),
        document.replace(context.span, name),
    ]
