"""The edits at a call of a Sequential around the layer: a loop in its place, or slices."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from stitchgen.analysis.steps import Step, access
from stitchgen.errors import unsupported
from stitchgen.rewrite.insertion import BRANCH, FED, HERE, VALUE, Call, Chained, Insertion, exchange
from stitchgen.rewrite.wrap import written_around
from stitchgen.source.edits import Edit


def edit_sequential_call(call: Call, chained: Chained) -> tuple[list[Edit], str]:
    """A child of a Sequential: the call becomes a loop, or slices inside an expression."""
    context, document = call.context, call.document
    if any(insertion.lines for _, insertion in chained):
        raise unsupported(
            f"{call.where} calls a Sequential, inside of which no later layer reads a feature",
            call.where,
            "Name layers whose outputs have variables of their own.",
        )
    if context.argument is None:
        raise unsupported(
            f"{call.where} does not feed the Sequential one argument, by position",
            call.where,
            "Splice after the whole Sequential, or at a layer inside of a child.",
        )
    own_line = document.own_line(call.statement_span)
    if context.form == "assign" and own_line:
        code = guarded_loop(call, chained, str(context.name))
        return [document.replace_lines(call.statement_span, call.formatted(code))], "loop"
    [(chain, insertion), *others] = chained
    if not others and not call.sliced and fits_in_slices(chain, insertion):
        condition = call.condition(insertion)
        if condition is None:
            return slices(call, chain, insertion), "slice"
        if not may_come_before(call):
            return slices_for_one(call, chain, insertion, condition), "slice"
    return hoisted(call, chained), "loop"


def fits_in_slices(chain: tuple[Step, ...], insertion: Insertion) -> bool:
    """Whether the block can stand between slices: one module's, which just takes and gives a value."""
    if insertion.branch or insertion.keeps or insertion.optional or insertion.under:
        return False
    if insertion.sequential or insertion.element is not None:
        return False
    if insertion.slot and len(chain) > 1:
        return False
    return all(step.plain and step.numbered for step in chain)


def guarded_loop(call: Call, chained: Chained, name: str) -> str:
    """The loop, behind a condition where the call may also be of another module.

    Of the Sequentials that a variable stands for, each that has a block gets a loop.
    """
    kinds = dict.fromkeys(insertion.sequential for _, insertion in chained)
    sequential = [f"isinstance({call.called_text}, {kind})" for kind in kinds if kind]
    groups: dict[str, list[tuple[tuple[Step, ...], Insertion]]] = {}
    for chain, insertion in chained:
        conditions = [*call.identity(insertion), *sequential]
        groups.setdefault(" and ".join(conditions), []).append((chain, insertion))
    lines: list[str] = []
    for condition, group in groups.items():
        code = loop(call, group, name)
        if not condition:
            return code
        lines += [f"{'el' if lines else ''}if {condition}:", *indented(code.split("\n"))]
    otherwise = f"{name} = {call.document.code(call.context.span)}"
    return "\n".join([*lines, "else:", f"    {otherwise}"])


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
    over, sliced = container, False
    if depth == 0:
        over, sliced = call.run_text, call.sliced
    head = f"for {variable} in {over}:"
    steps = list(dict.fromkeys(chain[0] for chain, _ in chained))
    # Other instances may have fewer children, so the element is known by its number; or by its
    # name, where it stands at another number in each configuration, or at several.
    fewer = any(
        (insertion.slot or insertion.by_number) and not (insertion.under and len(chain) == 1)
        for chain, insertion in chained
    )
    number = ""
    if fewer and not sliced and any(step.numbered for step in steps):
        number = call.free_name("ijkl"[min(depth, 3)], f"index_{depth}")
        head = f"for {number}, {variable} in enumerate({container}):"
    run = f"{name} = {variable}({name})"
    before: list[str] = []
    cases: list[str] = []
    after: list[str] = []
    for step in steps:
        test = f"{variable} is {access(container, (step,))}"
        if number and step.numbered:
            test = f"{number} == {step.index}"
        elif fewer:
            test = f'{variable} is getattr({container}, "{step.name}", None)'
        rests = [(chain[1:], insertion) for chain, insertion in chained if chain[0] == step]
        deeper = [(rest, insertion) for rest, insertion in rests if rest]
        leaves = [insertion for rest, insertion in rests if not rest]
        inside: list[str] = []
        if deeper:
            inside = loop_lines(call, deeper, name, variable, depth + 1)
        for insertion in leaves:
            here = variable if insertion.under else call.receiver
            asked = test
            if insertion.under:
                asked = f'hasattr({variable}, "{insertion.attribute}")'
            elif insertion.optional:
                asked = f"{test} and {here}.{insertion.attribute} is not None"
            if insertion.branch:
                if inside:
                    raise unsupported(f"two of the targets are at {call.where}", call.where)
                inside, test = branch_lines(call, insertion, here, variable, name), asked
                continue
            if insertion.element is not None:
                code = exchange(call, insertion, here, name)
            else:
                code = insertion.statement(here, name)
            lines = [f"if {asked}:", f"    {code}"]
            if not insertion.before:
                after += lines
            else:
                before += lines
        if deeper:
            test += filled(call, [insertion for _, insertion in deeper])
        if inside:
            cases += [f"{'el' if cases else ''}if {test}:", *indented(inside)]
    body = [*before, *([*cases, "else:", f"    {run}"] if cases else [run]), *after]
    return [head, *indented(body)]


def branch_lines(
    call: Call, insertion: Insertion, here: str, variable: str, name: str
) -> list[str]:
    """What runs in the place of a child of a Sequential that has a branch beside it."""
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
    if call.form.called(call_node) is not function:
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
        cut = step.index + (1 if not insertion.before else 0)
        is_leaf = depth == len(chain) - 1
        if is_leaf:
            rest = f"{text}[{cut}:]"
            first = f"{text}[:{cut}]" if cut > 0 else None
        else:
            rest = f"{text}[{step.index + 1}:]"
            first = f"{text}[:{step.index}]" if step.index > 0 else None
        if not step.last or (is_leaf and insertion.before):
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


def slices_for_one(
    call: Call, chain: tuple[Step, ...], insertion: Insertion, condition: str
) -> list[Edit]:
    """`b[1:](self.b_1_0_se(b[:1](x))) if b is self.b[1] else b(x)`, for one of several that are called."""
    (before, after), closing = slice_texts(call, chain, insertion)
    argument = call.context.argument
    assert argument is not None
    fed = call.document.code(call.document.span_of(argument))
    sliced = f"{before}{call.called_text}{after}({fed}){closing}"
    return written_around(call, call.context.call, f"{sliced} if {condition} else {VALUE}")


def may_come_before(call: Call) -> bool:
    """Whether what the call computes may be computed in a statement before."""
    simple = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.Expr)
    if not isinstance(call.context.statement, simple):
        return False
    if call.syntax.is_deferred(call.context.call):
        return False
    return call.document.own_line(call.statement_span)


def hoisted(call: Call, chained: Chained) -> list[Edit]:
    """The loop goes before the statement, on a variable that takes the call's place in it."""
    context, document = call.context, call.document
    if not may_come_before(call):
        raise unsupported(
            f"{call.where} calls the Sequential inside an expression that cannot be taken apart",
            call.where,
            "Splice after the whole Sequential, or write the call as a statement of its own.",
        )
    name = call.free_name("out", "features", "h")
    code = guarded_loop(call, chained, name)
    return [
        document.lines_before(call.statement_span, call.formatted(code)),
        document.replace(context.span, name),
    ]
