"""The count of a layer as an expression that means it right after the layer's definition.

The expression is written in the names and attributes that are there, and believed only if it
gives the right count in every run of the class that has the layer, and raises nothing in those
that have not.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Sequence
from dataclasses import replace

from stitchgen.analysis.facts import Channels
from stitchgen.analysis.scope import Scope
from stitchgen.analysis.static.frames import Frame, TooLarge
from stitchgen.analysis.static.runs import Fact, Run, may_have
from stitchgen.analysis.static.statements import Snapshot
from stitchgen.analysis.static.values import (
    UNBOUND,
    ClassRef,
    Compound,
    Global,
    Known,
    Literal,
    Opaque,
    Own,
    Raised,
    Term,
    Unknown,
)
from stitchgen.source.tree import nodes_in

#: Letters of an expression that a colleague would still write as an argument.
_LONGEST = 60


def find_expression(
    kind: ClassRef,
    relative: str,
    symbolic: Run | None,
    runs: list[Run] | None,
    unread: str | None,
    changed: Callable[[], Run | None],
) -> Channels:
    """An expression that gives the count in every run of the class that has the layer.

    `unread` is a configuration of the file that could not be read, `changed` a run in which the
    class is given other numbers: a number is an expression only where it does not follow them.
    """
    facts = [(run, run.facts[relative]) for run in runs or () if relative in run.facts]
    if any(may_have(run.machine, run.root, dict(run.tree), relative) for run in runs or ()):
        return unknown_channels("what holds it could not be read in every configuration")
    named, reason = _of_symbols(symbolic, relative)
    if named is not None:
        candidates = [named]
    elif unread is not None:
        return unknown_channels(f"{unread} could not be read")
    elif runs is None:
        return unknown_channels(f"an instance of {kind.name} could not be read")
    elif not facts:
        return unknown_channels(reason)
    elif reasons := [f.count.reason for _, f in facts if isinstance(f.count, Unknown)]:
        return unknown_channels(reasons[0])
    else:
        candidates = _of_runs(relative, facts, changed)
    short = [text for text in candidates if len(text) <= _LONGEST]
    if candidates and not short:
        return unknown_channels(f"what it is computed from is long: {candidates[0]}")
    short.sort(key=lambda text: as_integer(text) is not None)
    holds = functools.partial(_holds, relative, runs or [], facts, symbolic)
    for text in dict.fromkeys(short):
        if holds(text):
            integer = as_integer(text)
            return Channels(text, integer, "literal" if integer is not None else "symbolic")
    if named is not None:
        return unknown_channels("its expression does not hold in every configuration")
    return _unexplained(relative, facts, holds, changed)


def _of_symbols(symbolic: Run | None, relative: str) -> tuple[str | None, str]:
    """The count as the constructor's parameters give it, else why it cannot be written so."""
    if symbolic is None or relative not in symbolic.facts:
        return None, "it cannot be read"
    fact = symbolic.facts[relative]
    text = write(symbolic, fact)
    if text is None and isinstance(fact.count, Unknown):
        return None, fact.count.reason
    return text, "no names right after its definition give the count"


def _of_runs(
    relative: str, facts: list[tuple[Run, Fact]], changed: Callable[[], Run | None]
) -> list[str]:
    """What the runs of the class have for the count; a number only where it stays with other arguments."""
    written = [write(run, _of_no_loop(fact) if "." in relative else fact) for run, fact in facts]
    candidates = [
        text
        for text in written
        if text is not None
        and ((number := as_integer(text)) is None or _gives(changed(), relative, number))
    ]
    if len(set(candidates)) > 1:
        return [text for text in candidates if not _is_of_one_call(text, facts)]
    return candidates


def _unexplained(
    relative: str,
    facts: list[tuple[Run, Fact]],
    holds: Callable[[str], bool],
    changed: Callable[[], Run | None],
) -> Channels:
    """A count of which nothing says where it comes from: a name that varies with it, or the number."""
    if not all(isinstance(fact.count, Known) for _, fact in facts):
        return unknown_channels("it depends on a branch")
    counts = {fact.count.value for _, fact in facts if isinstance(fact.count, Known)}
    if len(counts) > 1:
        for text in _other_expressions(*facts[0]):
            if len(text) <= _LONGEST and holds(text):
                return Channels(text, None, "symbolic")
        return unknown_channels("no expression holds in every configuration")
    count = counts.pop()
    if not _gives(changed(), relative, count):
        return unknown_channels("a number that what the class is given may change")
    return Channels(str(count), None, "literal", "a number that nothing explains")


def _gives(run: Run | None, relative: str, number: int) -> bool:
    """Whether a run has the layer, with that count."""
    fact = run.facts.get(relative) if run is not None else None
    return fact is not None and isinstance(fact.count, Known) and fact.count.value == number


def _holds(
    relative: str,
    runs: list[Run],
    facts: list[tuple[Run, Fact]],
    symbolic: Run | None,
    text: str,
) -> bool:
    """Whether the expression gives the count, and raises nothing where there is no layer."""
    if not all(
        fact.statement is not None
        and isinstance(fact.count, Known)
        and _evaluate(run, fact.statement, fact.snapshots, text) == [fact.count.value]
        for run, fact in facts
    ):
        return False
    statements = {id(f.statement[2]): f.statement for _, f in facts if f.statement is not None}
    # Of several statements that create the layer the block is created after the last.
    last = max(statements.values(), key=lambda statement: statement[2].lineno, default=None)
    if last is not None and not all(
        _evaluate(run, last, run.snapshots.get(id(last[2]), []), text) == [fact.count.value]
        for run, fact in facts
        if isinstance(fact.count, Known)
    ):
        return False
    if symbolic is not None and relative in symbolic.facts:
        statement = symbolic.facts[relative].statement
        if statement is not None:
            statements.setdefault(id(statement[2]), statement)
    return all(
        _evaluate(run, statement, run.snapshots[number], text) is not None
        for run in runs
        if relative not in run.facts
        for number, statement in statements.items()
        if number in run.snapshots
    )


def _other_expressions(run: Run, fact: Fact) -> list[str]:
    """Names in scope where the layer is defined, then what gives the other layers' counts."""
    if fact.statement is None or not fact.snapshots:
        return []
    snapshot, own = fact.snapshots[0], _own_name(fact.statement)
    found = [
        name
        for name, value in snapshot.names.items()
        if isinstance(value, Known) and isinstance(value.value, int)
    ]
    found += _written(run)
    found += [
        f"{own}.{name}"
        for name, value in snapshot.attributes.items()
        if isinstance(value, Known) and isinstance(value.value, int)
    ]
    return [text for text in dict.fromkeys(found) if as_integer(text) is None]


def _written(run: Run) -> Sequence[str]:
    """What gives the counts of all layers of a run; found once, for each layer may ask."""
    if run.written is None:
        texts = (write(run, fact) for fact in run.facts.values())
        run.written = tuple(dict.fromkeys(text for text in texts if text is not None))
    return run.written


def _is_of_one_call(text: str, facts: Sequence[tuple[Run, Fact]]) -> bool:
    """Whether the text names only what the file binds: `cfgs["A"][0]`, of one factory's argument.

    That another factory's argument gives the same count is an accident.
    """
    inside = {"self"}
    for _, fact in facts:
        for snapshot in fact.snapshots:
            inside.update(snapshot.names)
    names = {node.id for node in nodes_in(ast.parse(text)) if isinstance(node, ast.Name)}
    return bool(names) and not names & inside


def _of_no_loop(fact: Fact) -> Fact:
    """The fact without the names that a loop moves on: behind it they mean its last turn."""
    if fact.statement is None:
        return fact
    owner, _, _, scope = fact.statement
    moved = _moved_by_loops(scope.classes[owner])
    snapshots = [
        Snapshot({n: v for n, v in one.names.items() if n not in moved}, one.attributes)
        for one in fact.snapshots
    ]
    return replace(fact, snapshots=snapshots)


@functools.lru_cache(maxsize=256)
def _moved_by_loops(owner: ast.ClassDef) -> frozenset[str]:
    """The names that loops of a constructor bind."""
    return frozenset(
        name.id
        for method in owner.body
        if isinstance(method, ast.FunctionDef) and method.name == "__init__"
        for loop in nodes_in(method)
        if isinstance(loop, (ast.For, ast.While))
        for name in nodes_in(loop)
        if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
    )


def write(run: Run, fact: Fact) -> str | None:
    """The count in names that mean it right after the layer's definition, in every reading."""
    count = fact.count
    if not isinstance(count, (Known, Opaque)) or fact.statement is None or not fact.snapshots:
        return None
    texts = {
        _write_term(count.term, snapshot, run, fact.statement, outermost=True)
        for snapshot in fact.snapshots
    }
    return texts.pop() if len(texts) == 1 else None


def _write_term(
    term: Term | None,
    snapshot: Snapshot,
    run: Run,
    statement: tuple[str, str, ast.stmt, Scope],
    *,
    outermost: bool = False,
) -> str | None:
    if term is None or _contains_any(term, run.machine.mutated):
        return None
    own = _own_name(statement)
    if isinstance(term, (Literal, Own)):
        return repr(term.value) if isinstance(term, Literal) else own
    if term in snapshot.name_of:
        return snapshot.name_of[term]
    # Of the whole count, `128 * block.expansion` says more than `self.inplanes` does.
    text = _write_parts(term, snapshot, run, statement) if outermost else None
    if text is not None:
        # Written again, so that only the brackets that are needed stay.
        return ast.unparse(ast.parse(text, mode="eval"))
    if term in snapshot.attribute_of:
        return f"{own}.{snapshot.attribute_of[term]}"
    return None if outermost else _write_parts(term, snapshot, run, statement)


def _write_parts(
    term: Term, snapshot: Snapshot, run: Run, statement: tuple[str, str, ast.stmt, Scope]
) -> str | None:
    scope = statement[3]
    match term:
        case Global(scope=home, name=name):
            return name if home == id(scope) and name not in snapshot.names else None
        case Compound(operator=operator, operands=operands):
            parts = []
            for part in operands:
                text = (
                    part if isinstance(part, str) else _write_term(part, snapshot, run, statement)
                )
                if text is None:
                    return None
                parts.append(text)
            if operator == "()" and (parts[0] in snapshot.names or scope.binds(parts[0])):
                return None  # another function of that name
            return _join(operator, parts)
    return None


def _join(operator: str, parts: list[str]) -> str:
    match operator:
        case ".":
            return f"({parts[0]}).{parts[1]}"
        case "[]":
            return f"({parts[0]})[{parts[1]}]"
        case "()":
            return f"{parts[0]}({', '.join(parts[1:])})"
        case "neg":
            return f"-({parts[0]})"
        case "~":
            return f"~({parts[0]})"
    return f"({parts[0]}) {operator} ({parts[1]})"


def _contains_any(term: Term, mutated: set[Term]) -> bool:
    if not mutated or term in mutated:
        return bool(mutated)
    return isinstance(term, Compound) and any(
        not isinstance(operand, str) and _contains_any(operand, mutated)
        for operand in term.operands
    )


def _own_name(statement: tuple[str, str, ast.stmt, Scope]) -> str:
    owner, _, _, scope = statement
    for item in scope.classes[owner].body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            return [*item.args.posonlyargs, *item.args.args][0].arg
    return "self"


def _evaluate(
    run: Run,
    statement: tuple[str, str, ast.stmt, Scope],
    snapshots: list[Snapshot],
    text: str,
) -> list[int] | None:
    """The numbers that an expression gives right after a statement; None if it may raise."""
    engine, scope = run.machine, statement[3]
    own = _own_name(statement)
    found: list[int] = []
    for snapshot in snapshots:
        mark = len(engine.log)
        frame = Frame(engine.new("frame"), scope, "<expression>", own=run.root)
        for name, value in snapshot.names.items():
            engine.put(frame.id, name, value)
        engine.put(frame.id, own, run.root)
        for name in engine.get(run.root.id, "order") or ():
            engine.put(run.root.id, f".{name}", snapshot.attributes.get(name, UNBOUND))
        try:
            result = engine.evaluate(ast.parse(text, mode="eval").body, frame)
        except (Raised, TooLarge):
            return None
        finally:
            engine.undo(mark)
        if not isinstance(result, Known) or not isinstance(result.value, int):
            return None
        if result.value not in found:
            found.append(result.value)
    return found or None


def as_integer(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def unknown_channels(reason: str) -> Channels:
    return Channels(None, None, "unknown", reason)
