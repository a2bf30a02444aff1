"""Describing the edits of a source file as traces, from its syntax before and after them.

This is done when the edits are made; a trace is as small as what it rewrites has a meaning.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from stitchgen.errors import StitchError
from stitchgen.history import yaml_traces
from stitchgen.history.traces import (
    FILLING,
    SUITES,
    Kind,
    Piece,
    Trace,
    covers,
    elements_of,
    find,
    is_expression,
    scope_of,
    span_of,
    statements,
)
from stitchgen.source.document import NEWLINE, REST_OF_LINE, Document, Span
from stitchgen.source.edits import Edit, apply, in_order, inverse
from stitchgen.source.equivalence import HOLE, same
from stitchgen.source.yaml_document import is_yaml


def describe(path: str, before: bytes, edits: Iterable[Edit]) -> list[Trace]:
    """The traces of these edits, from front to back."""
    edits = in_order(edits)
    if is_yaml(path):
        return yaml_traces.describe(path, before, edits)
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
            if run and replaced and (added := added_element(replaced, run)) is not None:
                found.append(
                    self._element(
                        added, [change], _with_indent(self.old, span_of(self.old, replaced))
                    )
                )
            elif run and replaced:
                span, was = span_of(self.new, run), span_of(self.old, replaced)
                code = _with_indent(self.new, span), _with_indent(self.old, was)
                found.append((span, self._trace("statements", run[0], *code, [change.piece])))
            elif run and replaced is not None:
                found += self._separate(run, change)
            else:
                rest.append(change)
        for statement, changes in self._by_statement(rest):
            if statement is None:
                found += [(c.new, _bytes_only(self.path, [c.piece])) for c in changes]
            elif (added := self._added_to(statement)) is not None:
                found.append(self._element(added, changes))
            else:
                found += self._within(statement, statement, changes)
        found = _absorbed(sorted(found, key=lambda f: (f[0][0], -f[0][1])))
        return [self._counted(span, trace) for span, trace in found]

    def _trace(
        self, kind: Kind, node: ast.AST, now: str, was: str, pieces: Sequence[Piece]
    ) -> Trace:
        return Trace(self.path, kind, scope_of(self.new, node), now, was, tuple(pieces))

    def _element(
        self, element: ast.expr, changes: Sequence[_Change], was: str = ""
    ) -> tuple[Span, Trace]:
        """The trace of an element that was put among others."""
        span = self.new.span_of(element)
        now = _plain(self.new.code(span))
        return span, self._trace("element", element, now, was, [c.piece for c in changes])

    def _added_to(self, statement: ast.stmt) -> ast.expr | None:
        span = self._before(self.new.span_of(statement))
        before = None if span is None else _statements_in(self.old, span)
        return added_element(before, [statement]) if before else None

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
            if span_of(self.new, match.nodes)[0] == span[0]:
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
                if isinstance(node, ast.stmt) and covers(self.new.span_of(node), change.new)
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
            part = next((p for p in parts if covers(self.new.span_of(p), change.new)), None)
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
            whole = self._expression(node, statement, changes, direct)
            if whole is not None:
                return whole
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
        inner = [] if hole is None else [c for c in changes if covers(hole, c.new)]
        own = [change for change in changes if change not in inner]
        was_hole = None if hole is None else self._before(hole)
        if hole is not None and was_hole is not None and len(own) == len(direct):
            now = self.new.code((span[0], hole[0])) + HOLE + self.new.code((hole[1], span[1]))
            was = (
                self.old.code((was_span[0], was_hole[0]))
                + HOLE
                + self.old.code((was_hole[1], was_span[1]))
            )
        else:
            own, inner = changes, []
            now, was = self.new.code(span), self.old.code(was_span)
        if not (is_expression(now) and is_expression(was)):
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
        was_span = self._before(span) or self._before_last_line(span)
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

    def _before_last_line(self, span: Span) -> Span | None:
        """The old span of a suite whose last line was inserted: it ended with the line above."""
        start = self._position(span[0], first=True)
        last = next((c for c in self.changes if c.new[0] < span[1] < c.new[1]), None)
        if start is None or last is None or last.old[0] <= start:
            return None
        kept = self.old.code((start, last.old[0])).rstrip()
        return start, start + len(kept.encode("utf-8"))

    def _position(self, offset: int, *, first: bool) -> int | None:
        """The old offset; at the edge of an insertion, the side that belongs to the node."""
        result = offset
        for change in self.changes:
            if change.new[0] < offset < change.new[1]:
                return None
            # A node that begins where a text begins begins in that text; where one ends, after it.
            if change.new[1] <= offset and not (first and change.new == (offset, offset)):
                result = offset - change.new[1] + change.old[1]
        return result


def added_element(old: object, new: object) -> ast.expr | None:
    """The one construction that stands among the arguments of a call or the elements of a list, where all else
    is as before; None where the two differ otherwise."""
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        differing = [pair for pair in zip(old, new) if not same(*pair)]
        return added_element(*differing[0]) if len(differing) == 1 else None
    if not (isinstance(old, ast.AST) and isinstance(new, ast.AST) and type(old) is type(new)):
        return None
    fields = [
        name for name in new._fields if not same(getattr(old, name, None), getattr(new, name, None))
    ]
    if len(fields) != 1:
        return None
    before, after = getattr(old, fields[0], None), getattr(new, fields[0], None)
    elements, others = elements_of(new), elements_of(old)
    if fields[0] not in ("args", "elts") or len(others) + 1 != len(elements):
        return added_element(before, after)
    for index, element in enumerate(elements):
        rest = [*elements[:index], *elements[index + 1 :]]
        if is_construction(element) and same(others, rest):
            return element
    return None


def is_construction(element: ast.expr) -> bool:
    """Whether it is a call, or the pair of a name and one."""
    if isinstance(element, ast.Tuple) and element.elts:
        element = element.elts[-1]
    return isinstance(element, ast.Call)


def _absorbed(found: Iterable[tuple[Span, Trace]]) -> list[tuple[Span, Trace]]:
    """The traces, outer ones first: what was rewritten as a whole takes in what lies within it."""
    kept: list[tuple[Span, Trace]] = []
    for span, trace in found:
        if kept and HOLE not in kept[-1][1].now and covers(kept[-1][0], span):
            outer = kept[-1][1]
            pieces = sorted({*outer.pieces, *trace.pieces}, key=lambda piece: piece.at)
            kept[-1] = kept[-1][0], replace(outer, pieces=tuple(pieces))
        else:
            kept.append((span, trace))
    return kept


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
        run = [s for s in suite if covers(span, document.span_of(s))]
        if run:
            start, end = span_of(document, run)
            filling = text[span[0] : start], text[end : span[1]]
            whole = all(FILLING.match(part.decode("utf-8")) for part in filling)
            return run if whole else None
    return [] if FILLING.match(text[span[0] : span[1]].decode("utf-8")) else None


def _suites(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    """All suites, outer ones first."""
    for node in ast.walk(tree):
        for name in SUITES:
            suite = getattr(node, name, None)
            if isinstance(suite, list) and suite:
                yield suite


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
