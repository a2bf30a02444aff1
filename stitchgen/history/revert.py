"""Taking traces out of a source file again, and nothing else.

The edits are at positions that LibCST confirms. Where a later run has put its own lines into an
earlier one's, what is `missing` is determined with the later ones taken out, in memory.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence

from stitchgen.errors import InternalError
from stitchgen.history.traces import (
    FILLING,
    SUITES,
    Match,
    Trace,
    elements_of,
    locate,
    span_of,
    statements,
)
from stitchgen.source.document import NEWLINE, REST_OF_LINE, Document, Span
from stitchgen.source.edits import Edit, apply
from stitchgen.source.equivalence import HOLE, SCOPES, same

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


#: Behind an element: its comma; and what may stand between that and the next one in the line.
_COMMA = re.compile(rb"\s*,")
_SPACES = re.compile(rb"[ \t]*")


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
        document = without(document, located.found)
    return absent


def removal(document: Document, found: Sequence[tuple[Trace, Match]]) -> list[Edit]:
    """The edits that take these out again, and nothing else."""
    return _Surgery(document, found).edits()


def without(document: Document, found: Sequence[tuple[Trace, Match]]) -> Document:
    """The file without these, to look into: nothing of it is written, and LibCST is not asked."""
    edits = _Surgery(document, found, confirmed=False).edits()
    return Document(apply(document.raw, edits), document.path)


class _Surgery:
    """Takes matches out of one document."""

    def __init__(
        self,
        document: Document,
        chosen: Sequence[tuple[Trace, Match]],
        *,
        confirmed: bool = True,
    ):
        self.document = document
        self.confirmed = confirmed  # whether LibCST has to know each position
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
        imports: dict[int, tuple[ast.Import | ast.ImportFrom, Trace, set[int]]] = {}
        for trace, match in self.chosen:
            if match.names:
                node = match.nodes[0]
                assert isinstance(node, (ast.Import, ast.ImportFrom))
                imports.setdefault(id(node), (node, trace, set()))[2].update(match.names)
            elif trace.kind == "statements":
                runs.append((trace, match.nodes))
            elif trace.kind == "element":
                edits.append(self._element(trace, match))
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
        self._confirm_statements(nodes)
        span = span_of(document, nodes)
        suite = getattr(self.parents[id(nodes[0])], self._field_of(nodes[0]))
        if (
            not trace.was
            and not isinstance(self.parents[id(nodes[0])], ast.Module)
            and all(id(node) in self.going for node in suite)
        ):
            # The user has taken out all else: a `pass` in the place of the first statement.
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
            for name in SUITES
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
        if not (FILLING.match(in_front) and FILLING.match(behind)):
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

    def _lines(self, suite: Sequence[ast.stmt], nodes: Sequence[ast.AST], span: Span) -> list[Edit]:
        """Cut statements with their lines, or from between their neighbours' semicolons."""
        document = self.document
        start = document.line_starts[document.line_of(span[0]) - 1]
        rest = REST_OF_LINE.match(self.text[span[1] :].decode("utf-8"))
        alone = not self.text[start : span[0]].decode("utf-8").strip(" \t\f")
        if alone and rest:
            end = span[1] + len(rest.group().encode("utf-8"))
            if isinstance(nodes[0], (ast.Import, ast.ImportFrom, *SCOPES)):
                self.sections.append((start, end))
                return []
            return [self._cut(start, end)]
        first = next(i for i, node in enumerate(suite) if node is nodes[0])
        if first > 0 and suite[first - 1].end_lineno == suite[first].lineno:
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
            below = blank.match(self.text, end)
            if below is None:
                break
            end = below.end()
            above -= 1
        return end

    # Parts of statements

    def _names(self, node: ast.Import | ast.ImportFrom, gone: set[int]) -> list[Edit]:
        """Take some names out of an import that others share."""
        document = self.document
        self._confirm_statements([node])
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
        assert isinstance(node, ast.expr)
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
                # The user's comments stand inside of our parentheses: these stay, for them.
                return [self._cut(span[0], document.span_of(node.func)[1])]
            if self._needs_parentheses(node, match.hole):
                in_front, behind = "(", ")"
        return [self._cut(span[0], hole[0], in_front), self._cut(hole[1], span[1], behind)]

    def _element(self, trace: Trace, match: Match) -> Edit:
        """Cut an element with its comma, and the line that it has for itself."""
        node = match.nodes[0]
        assert isinstance(node, ast.expr)
        self._confirm(node)
        statement: ast.AST = node
        while not isinstance(statement, ast.stmt):
            statement = self.parents[id(statement)]
        start, end = self._around_element(node)
        span = self.document.span_of(statement)
        left = self.text[span[0] : start] + self.text[end : span[1]]
        if trace.was and b"#" not in left:
            try:
                as_it_was = same(statements(trace.was), ast.parse(left).body)
            except SyntaxError:
                as_it_was = False
            if as_it_was:
                return self._cut(*span, self._reindented(trace.was, span))
        return self._cut(start, end)

    def _around_element(self, node: ast.expr) -> Span:
        among = elements_of(self.parents[id(node)])
        number = next(index for index, one in enumerate(among) if one is node)
        start, end = self.document.span_of(node)
        line = self.document.line_starts[self.document.line_of(start) - 1]
        alone = not self.text[line:start].strip()
        comma = _COMMA.match(self.text, end)
        if comma is not None:
            rest = REST_OF_LINE.match(self.text[comma.end() :].decode("utf-8"))
            if alone and rest is not None and NEWLINE.search(rest.group()):
                return line, comma.end() + len(rest.group().encode("utf-8"))
            return start, _SPACES.match(self.text, comma.end()).end()  # type: ignore[union-attr]
        if number > 0:
            before = self.document.span_of(among[number - 1])[1]
            between = self.text[before:start]
            if b"#" not in between:
                return before + between.rindex(b","), end
        return start, end

    def _confirm_statements(self, nodes: Sequence[ast.AST]) -> None:
        for node in nodes if self.confirmed else ():
            self.document.statement_path(self.document.span_of(node))

    def _confirm(self, node: ast.expr) -> None:
        """What stands at the node's span must be the node: LibCST's word, or else the parser's.

        The two differ on where a tuple in parentheses begins, and LibCST has no starred expression.
        """
        if not self.confirmed:
            return
        span = self.document.span_of(node)
        try:
            self.document.expression(span)
        except InternalError:
            there = ast.parse(f"f(\n{self.document.code(span)}\n)", mode="eval").body
            if not (isinstance(there, ast.Call) and same(there.args, [node])):
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
