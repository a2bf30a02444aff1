"""What a splice left in a source file, and finding it again after others have edited the file.

A `Trace` is one rewriting, said in Python: in this scope, `now` stands where `was` stood. It is
worked out when the edit is made, from the syntax of the file before and after, and kept in the
ledger. In a file that black, isort or its owner has touched since, it is found by comparing syntax,
never bytes; how a statement is laid out, and where in the file an import went, does not matter.
Taking it out again yields edits at positions that LibCST confirms.

Floor 3: pure; imports cst, edits and errors.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import inspect
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from stitchgen.cst import NEWLINE, REST_OF_LINE, Document, Span
from stitchgen.edits import Edit, apply, in_order, inverse
from stitchgen.errors import InternalError, StitchError

#: Stands for any one expression: `self.conv1_cbam(___)` was `___`.
HOLE = "___"

Kind = Literal["statements", "expression", "bytes"]

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_SUITES = ("body", "orelse", "finalbody")
#: Fields of the syntax tree that say nothing about the meaning.
_IGNORED = {"ctx", "kind", "type_comment", "type_ignores"}
#: What may stand between the statements of an insertion and its ends.
_FILLING = re.compile(r"(?:[ \t\f;]|\r\n|\r|\n|#[^\r\n]*)*\Z")


@dataclass(frozen=True)
class Piece:
    """One inserted text, where it begins in the file as the run left it, and what it replaced."""

    at: int
    text: str
    replaced: str = ""


@dataclass(frozen=True)
class Trace:
    """One rewriting: `now` stands where `was` stood, as statements or as expressions with a HOLE.

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


@dataclass(frozen=True)
class Match:
    """A place where a trace's code stands: statements in a row, or an expression around a hole."""

    nodes: tuple[ast.AST, ...]
    hole: ast.expr | None = None
    names: tuple[int, ...] = ()  # of an import: which of its names


# -- making traces -------------------------------------------------------------------------------


def describe(path: str, before: bytes, edits: Iterable[Edit]) -> list[Trace]:
    """The traces of these edits, from front to back."""
    edits = in_order(edits)
    after = apply(before, edits)
    try:
        old, new = Document(before, path), Document(after, path)
    except StitchError:  # no Python: only the bytes are known
        pieces = [
            Piece(back.start, _lossless(after[back.start : back.end]), _lossless(back.text))
            for back in inverse(before, edits)
        ]
        return [_bytes_only(path, [piece]) for piece in pieces]
    return _Description(path, old, new, edits).traces()


def _bytes_only(path: str, pieces: Sequence[Piece]) -> Trace:
    return Trace(path, "bytes", "", "", "", tuple(pieces))


def _lossless(raw: bytes) -> str:
    """Any bytes as text; Latin-1 has a character for each."""
    return raw.decode("latin-1")


@dataclass(frozen=True)
class _Change:
    """An edit in offsets of the text: `new` in the file after, `old` in the file before."""

    new: Span
    old: Span
    piece: Piece


class _Description:
    """The comparison of one file before and after."""

    def __init__(self, path: str, old: Document, new: Document, edits: Sequence[Edit]):
        self.path, self.old, self.new = path, old, new
        self.changes = [
            _Change(
                (from_raw(new, back.start), from_raw(new, back.end)),
                (from_raw(old, edit.start), from_raw(old, edit.end)),
                Piece(back.start, _text(new, edit.text), _text(old, back.text)),
            )
            for edit, back in zip(edits, inverse(old.raw, edits))
        ]

    def traces(self) -> list[Trace]:
        found: list[tuple[Span, Trace]] = []
        rest: list[_Change] = []
        for change in self.changes:
            run = _statements_in(self.new, change.new)
            replaced = _statements_in(self.old, change.old)
            if run and replaced:
                span, was = _span(self.new, run), _span(self.old, replaced)
                code = _with_indent(self.new, span), _with_indent(self.old, was)
                found.append((span, self._trace("statements", run[0], *code, [change.piece])))
            elif run and replaced is not None:
                found += self._separate(run, change)
            else:
                rest.append(change)
        for statement, changes in self._by_statement(rest):
            if statement is None:
                found += [(c.new, _bytes_only(self.path, [c.piece])) for c in changes]
            else:
                found += self._within(statement, statement, changes)
        found = _absorbed(sorted(found, key=lambda f: (f[0][0], -f[0][1])))
        return [self._counted(span, trace) for span, trace in found]

    def _trace(
        self, kind: Kind, node: ast.AST, now: str, was: str, pieces: Sequence[Piece]
    ) -> Trace:
        return Trace(self.path, kind, scope_of(self.new, node), now, was, tuple(pieces))

    def _separate(self, run: Sequence[ast.stmt], change: _Change) -> list[tuple[Span, Trace]]:
        """A trace for each inserted statement: others may move them apart, as isort does."""
        found = []
        start = change.new[0]
        for index, statement in enumerate(run):
            span = self.new.span_of(statement)
            rest = REST_OF_LINE.match(self.new.utf8[span[1] :].decode("utf-8"))
            end = span[1] + len(rest.group().encode("utf-8")) if rest else span[1]
            if index == len(run) - 1:
                end = change.new[1]
            text = self.new.code((start, end))
            replaced = change.piece.replaced if index == 0 else ""
            piece = Piece(self.new.to_raw(start), text, replaced)
            now = _with_indent(self.new, span)
            found.append((span, self._trace("statements", statement, now, "", [piece])))
            start = end
        return found

    def _counted(self, span: Span, trace: Trace) -> Trace:
        matches = find(self.new, trace)
        for index, match in enumerate(matches):
            if _span(self.new, match.nodes)[0] == span[0]:
                return replace(trace, nth=index, count=len(matches))
        return trace

    def _by_statement(
        self, changes: Sequence[_Change]
    ) -> list[tuple[ast.stmt | None, list[_Change]]]:
        """The changes, by the innermost statement that holds each."""
        groups: dict[int, tuple[ast.stmt | None, list[_Change]]] = {}
        for change in changes:
            around = [
                node
                for node in ast.walk(self.new.tree)
                if isinstance(node, ast.stmt) and _covers(self.new.span_of(node), change.new)
            ]
            # `walk` goes from the outside to the inside.
            statement = around[-1] if around else None
            groups.setdefault(id(statement), (statement, []))[1].append(change)
        return list(groups.values())

    def _within(
        self, node: ast.AST, statement: ast.stmt, changes: list[_Change]
    ) -> list[tuple[Span, Trace]]:
        """The traces of changes that lie within a node: as deep in it as they have a meaning."""
        parts = _parts(node)
        below: dict[int, list[_Change]] = {}
        direct = []
        for change in changes:
            part = next((p for p in parts if _covers(self.new.span_of(p), change.new)), None)
            if part is None:
                direct.append(change)
            else:
                below.setdefault(id(part), []).append(change)
        if not direct:
            found = []
            for part in parts:
                if id(part) in below:
                    found += self._within(part, statement, below[id(part)])
            return found
        if isinstance(node, ast.expr):
            found = self._expression(node, statement, changes, direct)
            if found is not None:
                return found
        return [self._statement(statement, changes)]

    def _expression(
        self,
        node: ast.expr,
        statement: ast.stmt,
        changes: list[_Change],
        direct: list[_Change],
    ) -> list[tuple[Span, Trace]] | None:
        """The trace of an expression that was changed itself, and those of the part it kept."""
        span = self.new.span_of(node)
        was_span = self._before(span)
        if was_span is None:
            return None
        hole = self._kept(node, direct)
        inner = [] if hole is None else [c for c in changes if _covers(hole, c.new)]
        own = [change for change in changes if change not in inner]
        if hole is not None and len(own) == len(direct):
            was_hole = self._before(hole)
            now = self.new.code((span[0], hole[0])) + HOLE + self.new.code((hole[1], span[1]))
            was = (
                self.old.code((was_span[0], was_hole[0]))
                + HOLE
                + self.old.code((was_hole[1], was_span[1]))
            )
        else:
            own, inner = changes, []
            now, was = self.new.code(span), self.old.code(was_span)
        if not (_is_expression(now) and _is_expression(was)):
            return None
        now, was = _plain(now), _plain(was)
        found = [(span, self._trace("expression", node, now, was, [c.piece for c in own]))]
        if inner:
            kept = next(p for p in _below(node) if self.new.span_of(p) == hole)
            found += self._within(kept, statement, inner)
        return found

    def _kept(self, node: ast.expr, direct: Sequence[_Change]) -> Span | None:
        """The largest part of an expression that stood there before."""
        spans = [self.new.span_of(part) for part in _below(node)]
        kept = [
            span
            for span in spans
            if self._before(span) is not None
            and not any(c.new[0] < span[1] and span[0] < c.new[1] for c in direct)
        ]
        return max(kept, key=lambda span: span[1] - span[0], default=None)

    def _statement(self, statement: ast.stmt, changes: Sequence[_Change]) -> tuple[Span, Trace]:
        span = self.new.span_of(statement)
        was_span = self._before(span)
        now, was = _with_indent(self.new, span), ""
        if was_span is not None:
            was = _with_indent(self.old, was_span)
        pieces = [change.piece for change in changes]
        if not was.strip() or statements(was) is None:
            return span, _bytes_only(self.path, pieces)
        return span, self._trace("statements", statement, now, was, pieces)

    def _before(self, span: Span) -> Span | None:
        """Where a span that begins and ends outside of inserted text was in the file before."""
        start = self._position(span[0], first=True)
        end = self._position(span[1], first=False)
        return None if start is None or end is None or start > end else (start, end)

    def _position(self, offset: int, first: bool) -> int | None:
        """The old offset; at the edge of an insertion, the side that belongs to the node."""
        result = offset
        for change in self.changes:
            if change.new[0] < offset < change.new[1]:
                return None
            # A node that begins where a text begins begins in that text; where one ends, after it.
            if change.new[1] <= offset and not (first and change.new == (offset, offset)):
                result = offset - change.new[1] + change.old[1]
        return result


def _absorbed(found: Iterable[tuple[Span, Trace]]) -> list[tuple[Span, Trace]]:
    """The traces, outer ones first: what was rewritten as a whole takes in what lies within it."""
    kept: list[tuple[Span, Trace]] = []
    for span, trace in found:
        if kept and HOLE not in kept[-1][1].now and _covers(kept[-1][0], span):
            outer = kept[-1][1]
            pieces = sorted({*outer.pieces, *trace.pieces}, key=lambda piece: piece.at)
            kept[-1] = kept[-1][0], replace(outer, pieces=tuple(pieces))
        else:
            kept.append((span, trace))
    return kept


def _covers(outer: Span, inner: Span) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _parts(node: ast.AST) -> list[ast.expr]:
    """The nearest expressions below a node, without going into suites."""
    parts: list[ast.expr] = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            parts.append(child)
        elif not isinstance(child, ast.stmt):
            parts += _parts(child)
    return parts


def _below(node: ast.AST) -> Iterator[ast.expr]:
    for part in _parts(node):
        yield part
        yield from _below(part)


def _statements_in(document: Document, span: Span) -> list[ast.stmt] | None:
    """The statements that a stretch of text consists of; None where it is something else."""
    text = document.utf8
    for suite in _suites(document.tree):
        run = [s for s in suite if _covers(span, document.span_of(s))]
        if run:
            start, end = _span(document, run)
            filling = text[span[0] : start], text[end : span[1]]
            whole = all(_FILLING.match(part.decode("utf-8")) for part in filling)
            return run if whole else None
    return [] if _FILLING.match(text[span[0] : span[1]].decode("utf-8")) else None


def _suites(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    """All suites, outer ones first."""
    for node in ast.walk(tree):
        for name in _SUITES:
            suite = getattr(node, name, None)
            if isinstance(suite, list) and suite:
                yield suite


def _span(document: Document, nodes: Sequence[ast.AST]) -> Span:
    return document.span_of(nodes[0])[0], document.span_of(nodes[-1])[1]


def _with_indent(document: Document, span: Span) -> str:
    """The code of statements, with the indent of the first line, as the other lines have theirs."""
    return _plain(document.indent_of(span) + document.code(span))


def _plain(code: str) -> str:
    return NEWLINE.sub("\n", code)


def _text(document: Document, raw: bytes) -> str:
    encoding = "utf-8" if document.encoding == "utf-8-sig" else document.encoding
    return raw.decode(encoding)


def from_raw(document: Document, offset: int) -> int:
    """The offset in the UTF-8 text of an offset in the raw bytes."""
    if document.encoding in ("utf-8", "utf-8-sig"):
        return offset - document.to_raw(0)
    return len(document.raw[:offset].decode(document.encoding).encode("utf-8"))


# -- reading code of a trace ---------------------------------------------------------------------


def statements(code: str) -> list[ast.stmt] | None:
    """The statements of recorded code, which may be indented; None where it is no Python."""
    try:
        if code[:1] in (" ", "\t", "\f"):
            return ast.parse("if 1:\n" + code).body[0].body
        return ast.parse(code).body
    except (SyntaxError, ValueError):
        return None


def _is_expression(code: str) -> bool:
    return _expression(code) is not None


def _expression(code: str) -> ast.expr | None:
    try:
        return ast.parse(f"(\n{code}\n)", mode="eval").body
    except (SyntaxError, ValueError):
        return None


def _pattern(trace: Trace, code: str) -> list[ast.stmt] | ast.expr | None:
    """The syntax of the trace's `now` or `was`; None where there is none."""
    if not code or trace.kind == "bytes":
        return None
    return statements(code) if trace.kind == "statements" else _expression(code)


# -- comparing -----------------------------------------------------------------------------------


def same(pattern: object, node: object, holes: list[ast.expr] | None = None) -> bool:
    """Whether two pieces of syntax mean the same; what a HOLE stood for is put into `holes`."""
    if isinstance(pattern, ast.Name) and pattern.id == HOLE and holes is not None:
        if not isinstance(node, ast.expr):
            return False
        holes.append(node)
        return True
    if isinstance(pattern, list):
        return (
            isinstance(node, list)
            and len(pattern) == len(node)
            and all(same(left, right, holes) for left, right in zip(pattern, node))
        )
    if not isinstance(pattern, ast.AST):
        return type(pattern) is type(node) and pattern == node
    if type(pattern) is not type(node):
        return False
    if isinstance(pattern, _SCOPES):
        pattern, node = _without_docstring_layout(pattern), _without_docstring_layout(node)
    return all(
        same(getattr(pattern, name, None), getattr(node, name, None), holes)
        for name in pattern._fields
        if name not in _IGNORED
    )


def _without_docstring_layout(node: ast.AST) -> ast.AST:
    """A copy whose docstring has no indent: formatters may change that."""
    match node.body[0]:
        case ast.Expr(value=ast.Constant(value=str(text))):
            lines = [line.rstrip() for line in inspect.cleandoc(text).split("\n")]
            plain = ast.Expr(value=ast.Constant(value="\n".join(lines)))
            fields = {name: getattr(node, name, None) for name in node._fields}
            return type(node)(**fields | {"body": [plain, *node.body[1:]]})
    return node


def meaning(raw: bytes) -> str | None:
    """A hash of what the source means: the same after any formatter and on any Python.

    None where it is no Python.
    """
    try:
        tree = ast.parse(raw)
    except (SyntaxError, ValueError):
        return None
    return hashlib.sha256(_canonical(tree).encode("utf-8")).hexdigest()


def _canonical(node: object) -> str:
    """The tree in one form for all versions: fields that are absent or empty are left out."""
    if isinstance(node, list):
        return "[" + ",".join(map(_canonical, node)) + "]"
    if not isinstance(node, ast.AST):
        return f"{type(node).__name__}:{node!r}"
    if isinstance(node, (*_SCOPES, ast.Module)) and node.body:
        node = _without_docstring_layout(node)
    fields = []
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(node, ast.JoinedStr):  # Python 3.12 puts empty texts in between
            value = [part for part in value if getattr(part, "value", None) != ""]
        if name not in _IGNORED and value is not None and value != []:
            fields.append(f"{name}={_canonical(value)}")
    if isinstance(node, ast.Constant) and node.value is None:
        fields = ["value=None"]
    return f"{type(node).__name__}({','.join(fields)})"


# -- finding -------------------------------------------------------------------------------------


def scope_of(document: Document, node: ast.AST) -> str:
    """The qualified name of the function or class directly around a node."""
    span = document.span_of(node)
    names = [
        around.name
        for around in ast.walk(document.tree)
        if isinstance(around, _SCOPES)
        and around is not node
        and _covers(document.span_of(around), span)
    ]
    return ".".join(names)


def _scopes(tree: ast.AST, name: str = "") -> Iterator[tuple[str, ast.AST]]:
    """The module, classes and functions, with their qualified names."""
    yield name, tree
    for child in _inside(tree):
        if isinstance(child, _SCOPES):
            yield from _scopes(child, f"{name}.{child.name}" if name else child.name)


def _inside(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope in the order of the source; nested scopes only as such."""
    for child in ast.iter_child_nodes(scope):
        yield child
        if not isinstance(child, _SCOPES):
            yield from _inside(child)


def in_scope(document: Document, name: str) -> list[ast.AST]:
    """The nodes directly in the functions, classes or module of that name, in order."""
    return [
        node
        for qualified, scope in _scopes(document.tree)
        if qualified == name
        for node in _inside(scope)
    ]


def nearest(document: Document, trace: Trace) -> int:
    """The line in the trace's scope (else in the file) that is most like what was inserted."""
    likeness = difflib.SequenceMatcher()
    likeness.set_seq2(trace.now.strip())
    best = (0.0, 1)
    for node in in_scope(document, trace.scope) or ast.walk(document.tree):
        if isinstance(node, ast.stmt):
            likeness.set_seq1(document.code(document.span_of(node)))
            best = max(best, (likeness.ratio(), node.lineno))
    return best[1]


def find(document: Document, trace: Trace, was: bool = False) -> list[Match]:
    """Where the trace's code stands (with `was`: the code it replaced), in its own scope.

    Where the scope has none, or has been renamed, everywhere else in the file.
    """
    pattern = _pattern(trace, trace.was if was else trace.now)
    if not pattern:
        return []
    scopes = list(_scopes(document.tree))
    own = [scope for name, scope in scopes if name == trace.scope]
    others = [scope for name, scope in scopes if name != trace.scope]
    return _find_in(own, pattern) or _find_in(others, pattern)


def _find_in(scopes: Sequence[ast.AST], pattern: list[ast.stmt] | ast.expr) -> list[Match]:
    found: list[Match] = []
    for scope in scopes:
        for node in (scope, *_inside(scope)):
            if isinstance(pattern, ast.expr):
                holes: list[ast.expr] = []
                if isinstance(node, ast.expr) and same(pattern, node, holes):
                    found.append(Match((node,), holes[0] if holes else None))
            elif node is scope or not isinstance(node, _SCOPES):
                for name in _SUITES:
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
    if type(node) is not type(pattern):
        return ()
    if isinstance(node, ast.ImportFrom) and (node.module, node.level) != (
        pattern.module,
        pattern.level,
    ):
        return ()
    indexes = []
    for wanted in pattern.names:
        index = next((i for i, name in enumerate(node.names) if same(wanted, name)), None)
        if index is None:
            return ()
        indexes.append(index)
    return tuple(indexes)


# -- taking out ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Located:
    """Where the traces stand in a file; which are missing, and which could be one of several."""

    found: tuple[tuple[Trace, Match], ...]
    missing: tuple[Trace, ...]
    unclear: tuple[tuple[Trace, Match], ...] = ()


def locate(document: Document, traces: Sequence[Trace]) -> Located:
    """Look for all traces. Where the same code was put in n times, it must stand there n times."""
    found: list[tuple[Trace, Match]] = []
    missing: list[Trace] = []
    unclear: list[tuple[Trace, Match]] = []
    for group in _alike(traces):
        matches = find(document, group[0])
        if len(matches) == group[0].count:
            picked = [matches[trace.nth] for trace in group]
        else:
            picked = matches[: len(group)]
            if len(matches) > len(group) and group[0].was not in ("", HOLE):
                unclear += zip(group, picked)
        found += zip(group, picked)
        missing += group[len(picked) :]
    return Located(tuple(found), tuple(missing), tuple(unclear))


def missing(document: Document, runs: Sequence[Sequence[Trace]]) -> list[Trace]:
    """The traces that are not found, by run from the oldest to the last.

    A later run may have put its own lines into an earlier one's. So where something is missing, the
    later runs are taken out first, in memory, as `undo` would. Of a change that is none of Python's
    syntax nothing can be said once the file was edited.
    """
    runs = [[mark for mark in marks if mark.kind != "bytes"] for marks in runs]
    absent = [mark for marks in runs for mark in locate(document, marks).missing]
    if not absent or len(runs) < 2:
        return absent
    absent = []
    for marks in reversed(runs):
        located = locate(document, marks)
        absent += located.missing
        edits = removal(document, located.found)
        document = Document(apply(document.raw, edits), document.path)
    return absent


def removal(document: Document, found: Sequence[tuple[Trace, Match]]) -> list[Edit]:
    """The edits that take these out again, and nothing else."""
    return _Surgery(document, found).edits()


def _alike(traces: Sequence[Trace]) -> list[list[Trace]]:
    """The traces in groups of those that look the same."""
    groups: dict[tuple[str, str, str], list[Trace]] = {}
    for trace in traces:
        groups.setdefault((trace.scope, trace.now, trace.was), []).append(trace)
    return list(groups.values())


#: Expressions that bind more tightly than any operator: they need no parentheses in one line.
_ATOMS = (
    ast.Name,
    ast.Attribute,
    ast.Call,
    ast.Subscript,
    ast.Constant,
    ast.JoinedStr,
    ast.List,
    ast.Dict,
    ast.Set,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
)


class _Surgery:
    """Takes matches out of one document."""

    def __init__(self, document: Document, chosen: Sequence[tuple[Trace, Match]]):
        self.document = document
        self.chosen = chosen
        self.text = document.utf8
        self.parents = {
            id(child): node
            for node in ast.walk(document.tree)
            for child in ast.iter_child_nodes(node)
        }
        # Statements that go and leave nothing; a suite that loses all of its own needs a `pass`.
        self.going: set[int] = set()
        # Whole lines of imports and definitions, which may have blank lines around them.
        self.sections: list[Span] = []

    def edits(self) -> list[Edit]:
        edits: list[Edit] = []
        runs: list[tuple[Trace, tuple[ast.AST, ...]]] = []
        imports: dict[int, tuple[ast.AST, Trace, set[int]]] = {}
        for trace, match in self.chosen:
            if match.names:
                node = match.nodes[0]
                imports.setdefault(id(node), (node, trace, set()))[2].update(match.names)
            elif trace.kind == "statements":
                runs.append((trace, match.nodes))
            else:
                edits += self._expression(trace, match)
        for node, trace, names in imports.values():
            if len(names) == len(node.names):
                runs.append((trace, (node,)))
            else:
                edits += self._names(node, names)
        self.going = {id(node) for trace, nodes in runs if not trace.was for node in nodes}
        for trace, nodes in runs:
            edits += self._statements(trace, nodes)
        for section in _joined(self.sections):
            edits.append(self._cut(section[0], self._with_blank_lines(section)))
        return edits

    def _cut(self, start: int, end: int, text: str = "") -> Edit:
        document = self.document
        return Edit(document.to_raw(start), document.to_raw(end), document.encode(text))

    # Statements

    def _statements(self, trace: Trace, nodes: Sequence[ast.AST]) -> list[Edit]:
        document = self.document
        for node in nodes:
            document.statement_path(document.span_of(node))
        span = _span(document, nodes)
        suite = getattr(self.parents[id(nodes[0])], self._field_of(nodes[0]))
        if (
            not trace.was
            and not isinstance(self.parents[id(nodes[0])], ast.Module)
            and all(id(node) in self.going for node in suite)
        ):
            # The owner has taken out all else: a `pass` in the place of the first statement.
            if suite[0] is not nodes[0]:
                return self._lines(suite, nodes, span)
            return [self._cut(*span, "pass")]
        verbatim = self._verbatim(trace, nodes, span)
        if verbatim is not None:
            return [verbatim]
        if trace.was:
            return [self._cut(*span, self._reindented(trace.was, span))]
        return self._lines(suite, nodes, span)

    def _field_of(self, node: ast.AST) -> str:
        parent = self.parents[id(node)]
        return next(
            name
            for name in _SUITES
            if any(child is node for child in getattr(parent, name, None) or [])
        )

    def _verbatim(self, trace: Trace, nodes: Sequence[ast.AST], span: Span) -> Edit | None:
        """The edit that takes the very bytes out that were put in, where they stand unchanged."""
        if len(trace.pieces) != 1:
            return None
        piece = trace.pieces[0]
        text = piece.text.encode("utf-8")
        lead = text.find(self.text[span[0] : span[1]])
        start = span[0] - lead
        end = start + len(text)
        if lead < 0 or start < 0 or end < span[1] or self.text[start:end] != text:
            return None
        in_front = self.text[start : span[0]].decode("utf-8")
        behind = self.text[span[1] : end].decode("utf-8")
        if not (_FILLING.match(in_front) and _FILLING.match(behind)):
            return None
        if in_front[:1] in ("", " ", "\t", "\f") and not trace.was:
            if start not in self.document.line_starts:
                return None  # deeper in than it was, or no longer the first of its line
        if (
            isinstance(nodes[0], (ast.Import, ast.ImportFrom))
            and in_front == ""
            and len(NEWLINE.findall(behind)) == 1
            and piece.at > self.document.to_raw(0)
        ):
            return None  # an import sorter may have given it blank lines
        document = self.document
        encoding = "utf-8" if document.encoding == "utf-8-sig" else document.encoding
        raw_span = document.to_raw(start), document.to_raw(end)
        return Edit(*raw_span, piece.replaced.encode(encoding))

    def _reindented(self, code: str, span: Span) -> str:
        """Recorded statements at the indent of this place, without that of the first line."""
        body = code.lstrip(" \t\f")
        old, new = code[: len(code) - len(body)], self.document.indent_of(span)
        lines = body.split("\n")
        moved = [new + line[len(old) :] if line.startswith(old) else line for line in lines[1:]]
        return "\n".join([lines[0], *moved])

    def _lines(self, suite: Sequence[ast.AST], nodes: Sequence[ast.AST], span: Span) -> list[Edit]:
        """Cut statements with their lines, or from between their neighbours' semicolons."""
        document = self.document
        start = document.line_starts[document.line_of(span[0]) - 1]
        rest = REST_OF_LINE.match(self.text[span[1] :].decode("utf-8"))
        alone = not self.text[start : span[0]].decode("utf-8").strip(" \t\f")
        if alone and rest:
            end = span[1] + len(rest.group().encode("utf-8"))
            if isinstance(nodes[0], (ast.Import, ast.ImportFrom, *_SCOPES)):
                self.sections.append((start, end))
                return []
            return [self._cut(start, end)]
        first = next(i for i, node in enumerate(suite) if node is nodes[0])
        if first > 0 and suite[first - 1].end_lineno == nodes[0].lineno:
            return [self._cut(document.span_of(suite[first - 1])[1], span[1])]
        return [self._cut(span[0], document.span_of(suite[first + len(nodes)])[0])]

    def _with_blank_lines(self, section: Span) -> int:
        """Where the cut must end for the blank lines above and below to become the longer run.

        An import sorter gives an import a section of its own, with a blank line.
        """
        start, end = section
        blank = re.compile(rb"[ \t\f]*(?:\r\n|\r|\n)")
        above, top = 0, start
        for line in reversed([at for at in self.document.line_starts if at < start]):
            if not blank.fullmatch(self.text, line, top):
                break
            above, top = above + 1, line
        at_top = top == 0
        while above > 0 or at_top:
            line = blank.match(self.text, end)
            if line is None:
                break
            end = line.end()
            above -= 1
        return end

    # Parts of statements

    def _names(self, node: ast.AST, gone: set[int]) -> list[Edit]:
        """Take some names out of an import that others share."""
        document = self.document
        document.statement_path(document.span_of(node))
        spans = [document.span_of(name) for name in node.names]
        last_kept = max(index for index in range(len(spans)) if index not in gone)
        edits = [
            self._cut(spans[index][0], spans[index + 1][0])
            for index in sorted(gone)
            if index < last_kept
        ]
        if last_kept < len(spans) - 1:
            edits.append(self._cut(spans[last_kept][1], spans[-1][1]))
        return edits

    def _expression(self, trace: Trace, match: Match) -> list[Edit]:
        document = self.document
        node = match.nodes[0]
        span = document.span_of(node)
        self._confirm(node)
        if match.hole is None:
            return [self._cut(*span, trace.was)]
        hole = document.span_of(match.hole)
        self._confirm(match.hole)
        in_front, behind = trace.was.split(HOLE)
        if trace.was == HOLE:
            around = document.code((span[0], hole[0])) + document.code((hole[1], span[1]))
            if "#" in around and isinstance(node, ast.Call):
                # The owner's comments stand inside of our parentheses: these stay, for them.
                return [self._cut(span[0], document.span_of(node.func)[1])]
            if self._needs_parentheses(node, match.hole):
                in_front, behind = "(", ")"
        return [self._cut(span[0], hole[0], in_front), self._cut(hole[1], span[1], behind)]

    def _confirm(self, node: ast.expr) -> None:
        """What stands at the node's span must be the node: LibCST's word, or else the parser's.

        The two differ on where a tuple in parentheses begins, and LibCST has no starred expression.
        """
        span = self.document.span_of(node)
        try:
            self.document.expression(span)
        except InternalError:
            there = ast.parse(f"f(\n{self.document.code(span)}\n)", mode="eval").body
            if not same(there.args, [node]):
                raise

    def _needs_parentheses(self, node: ast.expr, hole: ast.expr) -> bool:
        """Whether the hole alone in the place of the whole would be read otherwise."""
        (start, end), kept = self.document.span_of(node), self.document.span_of(hole)
        code = self.text[kept[0] : kept[1]]
        if isinstance(hole, _ATOMS) and not re.search(rb"[\r\n]", code):
            return False
        around = [self.text[:start].decode("utf-8"), self.text[end:].decode("utf-8")]
        holes: list[ast.expr] = []
        try:
            there = ast.parse(code.decode("utf-8").join(around))
        except SyntaxError:
            return True
        return not (same(ast.parse(HOLE.join(around)), there, holes) and same(hole, holes[0]))


def _joined(spans: Iterable[Span]) -> list[Span]:
    """The spans in order; those that touch are made one."""
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and joined[-1][1] == span[0]:
            joined[-1] = (joined[-1][0], span[1])
        else:
            joined.append(span)
    return joined
