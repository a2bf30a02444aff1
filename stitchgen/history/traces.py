"""What a splice left in a source file, and finding it again after others have edited the file.

A `Trace` is one rewriting, said in Python: in this scope, `now` stands where `was` stood. It is
worked out when the edit is made, from the syntax of the file before and after (`describing`), and
kept in the ledger. In a file that black, isort or the user has touched since, it is found by
comparing syntax (`meaning`), never bytes; how a statement is laid out, and where in the file an
import went, does not matter.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from stitchgen.source.document import Document, Scope, Span
from stitchgen.source.equivalence import HOLE, SCOPES, same
from stitchgen.source.tree import nodes_in

Kind = Literal["statements", "expression", "element", "bytes", "row"]

SUITES = ("body", "orelse", "finalbody")
#: What may stand between the statements of an insertion and its ends.
FILLING = re.compile(r"(?:[ \t\f;]|\r\n|\r|\n|#[^\r\n]*)*\Z")


@dataclass(frozen=True)
class Piece:
    """One inserted text, where it begins in the file as the run left it, and what it replaced."""

    at: int
    text: str
    replaced: str = ""


@dataclass(frozen=True)
class Trace:
    """One rewriting: `now` stands where `was` stood, as statements or as expressions with a HOLE.

    Of the kind `element`, `now` is an argument of a call or an element of a list, wherever among the others it
    stands: elements that later runs put beside it are none of its business. `was` is the statement before,
    where all of it was laid out anew.
    Of the kind `row`, `now` is a row of a YAML file and `scope` its name there (`yaml_traces`).
    Of the kind `bytes`, the change is none of Python's syntax (another kind of file), both are
    empty, and it can only be taken back in a file that is as the run left it. Where the same code
    stands in the scope several times, this is the `nth` of `count`.
    """

    path: str
    kind: Kind
    scope: str  # qualified name of the function or class around it; empty: the module
    now: str
    was: str
    pieces: tuple[Piece, ...]
    nth: int = 0
    count: int = 1

    @property
    def first_line(self) -> str:
        """The first line of what was inserted, for messages."""
        first, *rest = self.now.strip().splitlines() or [""]
        return first.replace(HOLE, "...") + (" ..." if rest else "")


@dataclass(frozen=True)
class Match:
    """A place where a trace's code stands: statements in a row, or an expression around a hole."""

    nodes: tuple[ast.AST, ...]
    hole: ast.expr | None = None
    names: tuple[int, ...] = ()  # of an import: which of its names


# -- positions -----------------------------------------------------------------------------------


def covers(outer: Span, inner: Span) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def span_of(document: Document, nodes: Sequence[ast.AST]) -> Span:
    return document.span_of(nodes[0])[0], document.span_of(nodes[-1])[1]


# -- reading code of a trace ---------------------------------------------------------------------


def statements(code: str) -> list[ast.stmt] | None:
    """The statements of recorded code, which may be indented; None where it is no Python."""
    try:
        if code[:1] in (" ", "\t", "\f"):
            [block] = ast.parse("if 1:\n" + code).body
            assert isinstance(block, ast.If)
            return block.body
        return ast.parse(code).body
    except (SyntaxError, ValueError):
        return None


def is_expression(code: str) -> bool:
    return _expression(code) is not None


def _expression(code: str) -> ast.expr | None:
    try:
        return ast.parse(f"(\n{code}\n)", mode="eval").body
    except (SyntaxError, ValueError):
        return None


def _pattern(trace: Trace, *, was: bool) -> list[ast.stmt] | ast.expr | None:
    """The syntax of the trace's `now` or `was`; None where there is none."""
    code = trace.was if was else trace.now
    if not code or trace.kind in ("bytes", "row"):
        return None
    whole = trace.kind == "statements" or (trace.kind == "element" and was)
    return statements(code) if whole else _expression(code)


# -- finding -------------------------------------------------------------------------------------


def scope_of(document: Document, node: ast.AST) -> str:
    """The qualified name of the function or class directly around a node."""
    span = document.span_of(node)
    names = [
        around.name
        for around in (scope.node for scope in document.scopes)
        if isinstance(around, SCOPES)
        and around is not node
        and covers(document.span_of(around), span)
    ]
    return ".".join(names)


def in_scope(document: Document, name: str) -> list[ast.AST]:
    """The nodes directly in the functions, classes or module of that name, in order."""
    return [node for scope in document.scopes if scope.name == name for node in scope.inside]


def nearest(document: Document, trace: Trace) -> int:
    """The line in the trace's scope (else in the file) that is most like what was inserted."""
    likeness = difflib.SequenceMatcher()
    likeness.set_seq2(trace.now.strip())
    best = (0.0, 1)
    for node in in_scope(document, trace.scope) or nodes_in(document.tree):
        if isinstance(node, ast.stmt):
            likeness.set_seq1(document.code(document.span_of(node)))
            best = max(best, (likeness.ratio(), node.lineno))
    return best[1]


def find(document: Document, trace: Trace, *, was: bool = False) -> list[Match]:
    """Where the trace's code stands (with `was`: the code it replaced), in its own scope.

    Where the scope has none, or has been renamed, everywhere else in the file.
    """
    pattern = _pattern(trace, was=was)
    if not pattern:
        return []
    own = [scope for scope in document.scopes if scope.name == trace.scope]
    others = [scope for scope in document.scopes if scope.name != trace.scope]
    if trace.kind == "element" and isinstance(pattern, ast.expr):
        return _elements_in(own, pattern) or _elements_in(others, pattern)
    return _find_in(own, pattern) or _find_in(others, pattern)


def elements_of(node: ast.AST) -> list[ast.expr]:
    """What a node has one after the other: the arguments of a call, the elements of a list."""
    if isinstance(node, ast.Call):
        return node.args
    return node.elts if isinstance(node, ast.List) else []


def _elements_in(scopes: Sequence[Scope], pattern: ast.expr) -> list[Match]:
    found = [
        element
        for scope in scopes
        for node in scope.inside
        for element in elements_of(node)
        if same(pattern, element)
    ]
    return [Match((one,)) for one in sorted(found, key=lambda one: (one.lineno, one.col_offset))]


def _find_in(scopes: Sequence[Scope], pattern: list[ast.stmt] | ast.expr) -> list[Match]:
    found: list[Match] = []
    for scope in scopes:
        for node in (scope.node, *scope.inside):
            if isinstance(pattern, ast.expr):
                holes: list[ast.expr] = []
                if isinstance(node, ast.expr) and same(pattern, node, holes):
                    found.append(Match((node,), holes[0] if holes else None))
            elif node is scope.node or not isinstance(node, SCOPES):
                for name in SUITES:
                    suite = getattr(node, name, None)
                    if isinstance(suite, list):
                        found += _find_run(suite, pattern)
    return found


def _find_run(suite: list[ast.stmt], pattern: list[ast.stmt]) -> list[Match]:
    if len(pattern) == 1 and isinstance(pattern[0], (ast.Import, ast.ImportFrom)):
        return [
            Match((statement,), names=names)
            for statement in suite
            if (names := _names_of(pattern[0], statement))
        ]
    runs = []
    index = 0
    while index + len(pattern) <= len(suite):
        run = suite[index : index + len(pattern)]
        if same(pattern, run):
            runs.append(Match(tuple(run)))
            index += len(pattern)
        else:
            index += 1
    return runs


def _names_of(pattern: ast.Import | ast.ImportFrom, node: ast.stmt) -> tuple[int, ...]:
    """Which names of an import are those of the pattern; none where one of them is missing.

    An import sorter moves imports, and makes one of several from the same module.
    """
    if isinstance(node, ast.ImportFrom) and isinstance(pattern, ast.ImportFrom):
        if (node.module, node.level) != (pattern.module, pattern.level):
            return ()
    elif not (isinstance(node, ast.Import) and isinstance(pattern, ast.Import)):
        return ()
    indexes = []
    for wanted in pattern.names:
        index = next((i for i, name in enumerate(node.names) if same(wanted, name)), None)
        if index is None:
            return ()
        indexes.append(index)
    return tuple(indexes)


@dataclass(frozen=True)
class Located:
    """Where the traces stand in a file; which are missing, and which could be one of several."""

    found: tuple[tuple[Trace, Match], ...]
    missing: tuple[Trace, ...]
    unclear: tuple[tuple[Trace, Match], ...] = ()


def locate(document: Document, traces: Sequence[Trace], elsewhere: Sequence[Match] = ()) -> Located:
    """Look for all traces. Where the same code was put in n times, it must stand there n times.

    Code that could be anybody's (`___[:1]`) is looked for last: not in the code of the others, nor in
    that of `elsewhere`.
    """
    found: list[tuple[Trace, Match]] = []
    missing: list[Trace] = []
    unclear: list[tuple[Trace, Match]] = []
    taken: set[int] = set()
    for group in sorted(_alike(traces), key=lambda group: not is_telling(group[0])):
        matches = find(document, group[0])
        if group[0].kind == "element":
            assigned, guessed = _assigned(group, matches)
            found += [*assigned, *guessed]
            unclear += guessed if len(matches) > len(group) else []
            there = {trace for trace, _ in (*assigned, *guessed)}
            missing += [trace for trace in group if trace not in there]
            continue
        if not is_telling(group[0]):
            taken = taken or nodes_of([*elsewhere, *(match for _, match in found)])
            matches = [match for match in matches if id(match.nodes[0]) not in taken]
        if len(matches) == group[0].count:
            picked = [matches[trace.nth] for trace in group]
        else:
            picked = matches[: len(group)]
            if len(matches) > len(group) and not is_telling(group[0]):
                unclear += zip(group, picked)
        found += zip(group, picked)
        missing += group[len(picked) :]
    return Located(tuple(found), tuple(missing), tuple(unclear))


def _assigned(
    group: Sequence[Trace], matches: Sequence[Match]
) -> tuple[list[tuple[Trace, Match]], list[tuple[Trace, Match]]]:
    """Which of the same elements is whose, and of which that is a guess.

    The last one that was put there knows its number among all, and the one before it that among the rest.
    """
    known: list[tuple[Trace, Match]] = []
    guessed: list[tuple[Trace, Match]] = []
    rest = list(matches)
    for trace in sorted(group, key=lambda trace: trace.count, reverse=True)[: len(rest)]:
        if trace.count == len(rest):
            known.append((trace, rest.pop(trace.nth)))
        else:
            guessed.append((trace, rest.pop(0)))
    return known, guessed


def beside(
    document: Document, traces: Sequence[Trace], others: Sequence[Trace]
) -> tuple[Located, tuple[tuple[Trace, Match], ...]]:
    """Where the traces stand, and where those of other splices do, which may look the same."""
    elements = locate(document, [one for one in (*others, *traces) if one.kind == "element"])
    theirs = locate(document, [one for one in others if one.kind != "element"]).found
    theirs += tuple((one, match) for one, match in elements.found if one in others)
    ours = [one for one in traces if one.kind != "element"]
    located = locate(document, ours, [match for _, match in theirs])
    return (
        Located(
            (*located.found, *((one, match) for one, match in elements.found if one in traces)),
            (*located.missing, *(one for one in elements.missing if one in traces)),
            (*located.unclear, *((one, match) for one, match in elements.unclear if one in traces)),
        ),
        theirs,
    )


def nodes_of(matches: Iterable[Match]) -> set[int]:
    """The nodes, by `id`, of the code that was matched, without what stands in its holes."""
    taken: set[int] = set()
    for match in matches:
        taken |= {id(node) for top in match.nodes for node in ast.walk(top)}
    for match in matches:
        if match.hole is not None:
            taken -= {id(node) for node in ast.walk(match.hole)}
    return taken


def is_telling(trace: Trace) -> bool:
    """Whether it is ours wherever it stands: `self.conv1_cbam(___)` is, and `___[:1]` is not."""
    return trace.was == "" or "." in trace.now.replace(HOLE, "")


def _alike(traces: Sequence[Trace]) -> list[list[Trace]]:
    """The traces in groups of those that look the same."""
    groups: dict[tuple[str, str, str], list[Trace]] = {}
    for trace in traces:
        was = "" if trace.kind == "element" else trace.was
        groups.setdefault((trace.scope, trace.now, was), []).append(trace)
    return list(groups.values())
