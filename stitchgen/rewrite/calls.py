"""The edits at one call site: the strategy that the call allows, best first.

A call of the layer itself is edited here, one of a Sequential around it as its form says. What is
computed is decided in `planning.joins`.
"""

from __future__ import annotations

import ast

from stitchgen.analysis.steps import Element, Step
from stitchgen.errors import unsupported
from stitchgen.rewrite.insertion import BRANCH, FED, HERE, VALUE, Call, Insertion, exchange
from stitchgen.rewrite.wrap import require_walrus, written_around
from stitchgen.source.edits import Edit

#: Strategies of a call site, best first.
RANK = ["line", "wrap", "loop", "slice"]


def edit_call(call: Call) -> tuple[list[Edit], str]:
    """The edits at a call site and the strategy: the first that applies."""
    chains = [trimmed(insertion) for insertion in call.insertions]
    if any(chains):
        # One that stands at the end of the Sequential can stand in its loop as well.
        if len(chains) > 1:
            chains = [insertion.chain for insertion in call.insertions]
        return call.form.edit_inside(call, list(zip(chains, call.insertions)))
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
    chain, after = insertion.chain, not insertion.before
    if insertion.branch or insertion.under:
        return chain  # what the layer is fed is inside, or what has the block
    while chain and (chain[-1].last if after else chain[-1].first):
        chain = chain[:-1]
    return chain


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
    argument = fed_argument(call, insertion) if insertion.before else None
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


def is_key(node: ast.expr, element: Element) -> bool:
    return isinstance(node, ast.Constant) and repr(node.value) == element.text


def unpacks(statement: ast.stmt, call: ast.Call) -> bool:
    match statement:
        case ast.Assign(targets=[ast.Tuple()], value=value):
            return value is call
    return False


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
    return written_around(call, node, text)


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
    arguments = call.form.arguments(node)
    wanted, element = insertion.argument or (0, None)
    if isinstance(wanted, str):
        for keyword in node.keywords:
            if keyword.arg == wanted:
                return element_of(call, keyword.value, element)
    number = wanted if isinstance(wanted, int) else 0
    if number >= len(arguments) or any(isinstance(a, ast.Starred) for a in arguments[: number + 1]):
        raise unsupported(
            f"{call.where} feeds the layer by keyword or by *args, so --{'before' if insertion.before else 'after'} has "
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
        if isinstance(part, ast.Call) and not only_reads(part):
            raise unsupported(
                f"{call.where} calls the result of a call, which may differ each time", call.where
            )


#: What the observer knows to read only (`observer/tracing/reading.py`).
READING_FUNCTIONS = {"getattr", "str", "int", "len", "list", "tuple", "min", "max", "abs"}
READING_METHODS = {"format", "children", "keys", "values", "items", "get", "get_submodule"}


def only_reads(call: ast.Call) -> bool:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr in READING_METHODS
    return isinstance(call.func, ast.Name) and call.func.id in READING_FUNCTIONS
