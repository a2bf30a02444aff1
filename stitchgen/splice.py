"""From a decided place to edits: what is inserted into `__init__` and into `forward`.

Each function returns edits on one document and names the strategy (design: the table of
strategies, best first). The fragments themselves are in `snippets/`. Floor 4.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from stitchgen.cst import Document, Span
from stitchgen.edits import Edit
from stitchgen.errors import StitchError
from stitchgen.render import snippet
from stitchgen.sites import Site, Step, access
from stitchgen.style import format_statements
from stitchgen.syntax import CallContext, Function, Syntax

#: Strategies of a call site, best first.
RANK = ["line", "wrap", "loop", "slice"]


@dataclass(frozen=True)
class Anchor:
    """The statement of an `__init__` after which a definition goes.

    Where the class has no `__init__` of its own (`new`), it is the class's docstring or first
    statement, at which one is written that calls the inherited one.
    """

    file: str
    span: Span
    function: str  # qualified name
    line: int
    new: bool = False


def unsupported(message: str, where: str, hint: str | None = None) -> StitchError:
    return StitchError("unsupported", message, where=where, hint=hint)


# Definitions ----------------------------------------------------------------------------------


def definition_anchor(syntax: Syntax, function: Function, lines: Iterable[int]) -> ast.stmt:
    """The statement of `__init__` after which the layer exists, whatever branch was taken.

    It is the innermost statement that creates the layer, or the outermost loop, `with` or `try`
    around it; where several branches create it, the `if` around them.
    """
    picks: list[list[ast.stmt]] = []
    for line in sorted(set(lines)):
        chain = syntax.statement_chain(function, line)
        if not chain:
            raise unsupported(
                f"{syntax.document.path}:{line} is in no statement of {function.name}",
                f"{syntax.document.path}:{line}",
            )
        for index, statement in enumerate(chain):
            repeated = isinstance(statement, (ast.For, ast.While, ast.With, ast.Try, ast.Match))
            one_line = index and syntax.document.in_one_line_suite(
                syntax.document.span_of(statement)
            )
            if one_line:
                chain = chain[:index]
                break
            if repeated:
                chain = chain[: index + 1]
                break
        picks.append(chain)
    common = picks[0]
    for chain in picks[1:]:
        common = later_of(common, chain)
    return common[-1]


def later_of(one: list[ast.stmt], other: list[ast.stmt]) -> list[ast.stmt]:
    """The chain that ends later where both are in one suite, else what they have in common."""
    depth = 0
    while depth < min(len(one), len(other)) and one[depth] is other[depth]:
        depth += 1
    if depth in (len(one), len(other)):
        return one[:depth]
    if depth == 0 or same_suite(one[depth - 1], one[depth], other[depth]):
        return max(one, other, key=lambda chain: chain[depth].lineno)
    return one[:depth]


def same_suite(parent: ast.stmt, one: ast.stmt, other: ast.stmt) -> bool:
    suites = [getattr(parent, name, []) for name in ("body", "orelse", "finalbody")]
    return any(one in suite and other in suite for suite in suites)


def define(syntax: Syntax, anchor: Anchor, code: str, line_length: int) -> Edit:
    """Statements on lines of their own after the anchor."""
    document, span = syntax.document, anchor.span
    if anchor.new:
        return constructor(syntax, anchor, code, line_length)
    indent = len(document.indent_of(span).expandtabs(4))
    return document.lines_after(span, format_statements(code, indent, line_length, document.quote))


def constructor(syntax: Syntax, anchor: Anchor, code: str, line_length: int) -> Edit:
    """An `__init__` of its own for a class that inherits one."""
    document, span = syntax.document, anchor.span
    text = snippet("constructor", "init", code=code.strip().replace("\n", "\n    "))
    indent = len(document.indent_of(span).expandtabs(4))
    formatted = format_statements(text, indent, line_length, document.quote)
    if document.code(span).lstrip("rRuUbB").startswith(('"', "'")):
        return document.lines_after(span, "\n" + formatted)
    return document.lines_before(span, formatted + "\n")


# Calls ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """One call site, ready to be edited."""

    syntax: Syntax
    site: Site
    context: CallContext
    attribute: str
    placement: str  # after, before
    slot: bool  # other instances run this code with an empty slot
    under: bool  # the block is a child of the layer: `layer.cbam`
    by_number: bool  # the container may be shorter in other configurations
    identity: str  # how the file names torch.nn.Identity
    line_length: int

    @property
    def document(self) -> Document:
        return self.syntax.document

    @property
    def where(self) -> str:
        return f"{self.document.path}:{self.context.call.lineno}"

    @property
    def receiver(self) -> str:
        return self.context.receiver

    @property
    def statement_span(self) -> Span:
        return self.document.span_of(self.context.statement)

    @property
    def indent(self) -> int:
        return len(self.document.indent_of(self.statement_span).expandtabs(4))

    def formatted(self, code: str) -> str:
        return format_statements(code, self.indent, self.line_length, self.document.quote)

    def called_text(self) -> str:
        """The source text of the module that is called: `self.features`, `blk`."""
        call = self.context.call
        node: ast.expr = call.func
        if self.site.how == "argument":
            node = call.args[0]
        elif self.site.how == "forward" and isinstance(node, ast.Attribute):
            node = node.value
        return self.document.code(self.document.span_of(node))

    @property
    def holder(self) -> str:
        """The expression of the module that has the block."""
        return self.called_text() if self.under else self.receiver

    def condition(self) -> str | None:
        """`blk is self.blocks[5]` where the call's function is a variable, else None.

        A block under the layer is told by its being there.
        """
        text = self.called_text()
        if self.under:
            return f'hasattr({text}, "{self.attribute}")'
        target = access(self.receiver, self.site.to_called)
        if same_expression(text, target):
            return None
        return f"{text} is {target}"

    def free_name(self, *wishes: str) -> str:
        taken = self.syntax.names_bound_in(self.context.function or self.syntax.tree)
        for wish in wishes:
            if wish not in taken:
                return wish
        number = 2
        while f"{wishes[0]}_{number}" in taken:
            number += 1
        return f"{wishes[0]}_{number}"


def same_expression(one: str, other: str) -> bool:
    try:
        first, second = (ast.dump(ast.parse(text, mode="eval")) for text in (one, other))
    except SyntaxError:
        return False
    return first == second


def edit_call(call: Call) -> tuple[list[Edit], str]:
    """The edits at a call site and the strategy: the first that applies."""
    chain = trimmed(call.site.chain, call.placement)
    if chain:
        return edit_container_call(call, chain)
    condition = call.condition()
    if condition is None:
        return edit_plain_call(call)
    return edit_variable_call(call, condition)


def trimmed(chain: tuple[Step, ...], placement: str) -> tuple[Step, ...]:
    """Without the steps at whose end (or start) the Sequential itself ends (or starts)."""
    while chain and (chain[-1].last if placement == "after" else chain[-1].index == 0):
        chain = chain[:-1]
    return chain


def edit_plain_call(call: Call) -> tuple[list[Edit], str]:
    """`x = self.layer2(x)`: a line of its own; anything else: the expression is wrapped."""
    context, document = call.context, call.document
    names = {"receiver": call.receiver, "attribute": call.attribute}
    alone = context.form == "assign" and document.own_line(call.statement_span)
    argument = first_argument(call) if call.placement == "before" else None
    if argument is not None:
        # The variable may be bound anew only where nothing else reads its old value.
        alone = alone and isinstance(argument, ast.Name) and argument.id == context.name
    if alone:
        code = call.formatted(snippet("serial", "forward", name=context.name, **names))
        insert = document.lines_after if argument is None else document.lines_before
        return [insert(call.statement_span, code)], "line"
    span = context.span if argument is None else document.span_of(argument)
    return document.wrap(span, snippet("serial", "wrap", **names), ")"), "wrap"


def first_argument(call: Call) -> ast.expr:
    """The expression that the layer is fed."""
    arguments = call.context.call.args[1 if call.site.how == "argument" else 0 :]
    if not arguments or isinstance(arguments[0], ast.Starred):
        raise unsupported(
            f"{call.where} feeds the layer by keyword or by *args, so --before has no place",
            call.where,
            "Use --after the layer that comes before.",
        )
    return arguments[0]


def edit_variable_call(call: Call, condition: str) -> tuple[list[Edit], str]:
    """`x = blk(x)` in a loop, one element wanted: an `if` on the element's identity."""
    context, document = call.context, call.document
    names = {"receiver": call.holder, "attribute": call.attribute, "condition": condition}
    for part in ast.walk(ast.parse(call.called_text(), mode="eval")):
        if isinstance(part, ast.Call) and not is_getattr(part):
            raise unsupported(
                f"{call.where} calls the result of a call, which may differ each time", call.where
            )
    argument = first_argument(call) if call.placement == "before" else None
    simple = context.form == "assign" and document.own_line(call.statement_span)
    if simple and call.placement == "after":
        code = snippet("serial", "forward_if", name=context.name, **names)
        return [document.lines_after(call.statement_span, call.formatted(code))], "loop"
    if simple and isinstance(argument, ast.Name) and argument.id == context.name:
        code = snippet("serial", "forward_if", name=context.name, **names)
        return [document.lines_before(call.statement_span, call.formatted(code))], "loop"
    span = context.span if argument is None else document.span_of(argument)
    opening = snippet("serial", "wrap_if", **names)
    closing = snippet("serial", "wrap_if_end", condition=condition, otherwise=document.code(span))
    if not is_whole(call.syntax, argument or context.call):
        opening, closing = f"({opening}", f"{closing})"
    return document.wrap(span, opening, closing), "wrap"


def is_whole(syntax: Syntax, node: ast.expr) -> bool:
    """Whether a conditional expression may stand in the node's place without parentheses."""
    match syntax.parents[node]:
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.Return():
            return True
        case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element) | ast.SetComp(elt=element):
            return element is node
        case ast.Call(args=arguments):
            return node in arguments
    return False


def is_getattr(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id == "getattr"


def edit_container_call(call: Call, chain: tuple[Step, ...]) -> tuple[list[Edit], str]:
    """A child of a Sequential: the call becomes a loop, or slices inside an expression."""
    context, document = call.context, call.document
    if call.under:
        raise unsupported(
            f"{call.where} calls a Sequential in a module that runs all its children, where a "
            "block has no place of its own",
            call.where,
            "Splice after the whole Sequential.",
        )
    if call.site.how == "argument":
        raise unsupported(
            f"{call.where} runs the Sequential under checkpoint, where its children have no "
            "call of their own",
            call.where,
            "Splice after the whole Sequential, or at a layer inside of a child.",
        )
    if context.argument is None:
        raise unsupported(f"{call.where} calls a Sequential with several arguments", call.where)
    own_line = document.own_line(call.statement_span)
    condition = call.condition()
    if context.form == "assign" and own_line and condition is None:
        code = loop(call, chain, str(context.name))
        return [document.replace_lines(call.statement_span, call.formatted(code))], "loop"
    plain = all(step.plain for step in chain) and condition is None
    if plain and not (call.slot and len(chain) > 1):
        return slices(call, chain), "slice"
    return hoisted(call, chain, condition), "loop"


def loop(call: Call, chain: tuple[Step, ...], name: str) -> str:
    """The statements that do what `name = self.features(argument)` does, and run the block."""
    argument = call.context.argument
    assert argument is not None
    text = call.document.code(call.document.span_of(argument))
    lines = [] if text == name else [f"{name} = {text}"]
    lines += loop_lines(call, chain, name, call.called_text(), 0)
    return "\n".join(lines)


VARIABLES = ("layer", "sublayer", "inner_layer", "innermost_layer")


def loop_lines(
    call: Call, chain: tuple[Step, ...], name: str, container: str, depth: int
) -> list[str]:
    step, rest = chain[0], chain[1:]
    variable = call.free_name(VARIABLES[min(depth, 3)], f"layer_{depth}", "module")
    run = f"{name} = {variable}({name})"
    block = f"{name} = {call.receiver}.{call.attribute}({name})"
    if call.slot or call.by_number:
        # Other instances may have fewer children, so the element is told by its number.
        number = call.free_name("ijkl"[min(depth, 3)], f"index_{depth}")
        head = f"for {number}, {variable} in enumerate({container}):"
        test = f"{number} == {step.index}"
        if rest:
            own = f"{call.receiver}.{call.attribute}"
            if not call.slot:
                raise unsupported(
                    f"{call.where}: not every configuration has the Sequential in a Sequential",
                    call.where,
                    "Name the configuration that you use: --build EXPR",
                )
            test += f" and not isinstance({own}, {call.identity})"
    else:
        head = f"for {variable} in {container}:"
        test = f"{variable} is {access(container, (step,))}"
    if rest:
        inner = loop_lines(call, rest, name, variable, depth + 1)
        body = [f"if {test}:", *indented(inner), "else:", f"    {run}"]
    elif call.placement == "after":
        body = [run, f"if {test}:", f"    {block}"]
    else:
        body = [f"if {test}:", f"    {block}", run]
    return [head, *indented(body)]


def indented(lines: Iterable[str]) -> list[str]:
    return ["    " + line for line in lines]


def slices(call: Call, chain: tuple[Step, ...]) -> list[Edit]:
    """`self.features[4:](self.features_3_cbam(self.features[:4](x)))`, inserted around the call."""
    document = call.document
    call_node = call.context.call
    function = call_node.func
    if call.site.how == "forward" and isinstance(function, ast.Attribute):
        raise unsupported(f"{call.where} calls forward() of a Sequential", call.where)
    container = call.called_text()
    opening, closing = slice_texts(call, chain, container)
    span = document.span_of(function)
    document.expression(span)
    # The text of the call stays; what is inserted turns its function into the first slice.
    before, after = opening
    edits = []
    if before:
        edits.append(document.insert(span[0], before))
    if after:
        edits.append(document.insert(span[1], after))
    edits.append(document.insert(call.context.span[1], closing))
    return edits


def slice_texts(call: Call, chain: tuple[Step, ...], container: str) -> tuple[tuple[str, str], str]:
    """What goes before and after the function's text, and what closes the call."""
    block = f"{call.receiver}.{call.attribute}("
    heads: list[str] = []  # outermost first: what runs after the block
    tails: list[str] = []  # what runs before it, innermost container first
    text = container
    for depth, step in enumerate(chain):
        cut = step.index + (1 if call.placement == "after" else 0)
        is_leaf = depth == len(chain) - 1
        if is_leaf:
            rest = f"{text}[{cut}:]"
            first = f"{text}[:{cut}]" if cut > 0 else None
        else:
            rest = f"{text}[{step.index + 1}:]"
            first = f"{text}[:{step.index}]" if step.index > 0 else None
        if not step.last or (is_leaf and call.placement == "before"):
            heads.append(rest)
        if first is not None:
            tails.append(first)
        text = access(text, (step,))
    # The composition is heads(block(tails(x))); the container's own text must stand once,
    # unbroken, as the start of the call that takes the argument.
    inner = tails[0] if tails else None
    outer = "".join(f"{head}(" for head in heads) + block
    outer += "".join(f"{tail}(" for tail in reversed(tails[1:]))
    closing = ")" * (len(heads) + 1 + len(tails[1:]))
    if inner is None:
        raise unsupported(f"{call.where} starts with the layer itself", call.where)
    return (outer, inner[len(container) :]), closing


def hoisted(call: Call, chain: tuple[Step, ...], condition: str | None) -> list[Edit]:
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
    code = loop(call, chain, name)
    if condition is not None:
        # Only one of the modules that the variable stands for has the block.
        otherwise = f"{name} = {document.code(context.span)}"
        code = "\n".join(
            [f"if {condition}:", *indented(code.split("\n")), "else:", f"    {otherwise}"]
        )
    return [
        document.lines_before(call.statement_span, call.formatted(code)),
        document.replace(context.span, name),
    ]
