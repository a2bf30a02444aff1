"""Positions in a source file, as LibCST gives them. The only module that imports libcst.

A `Document` is a file's bytes and its concrete syntax tree. Spans that come in are those of `ast`
and of `code.co_positions()`: UTF-8 byte offsets into the decoded text without a BOM. Every span is
looked up in the tree, and the bytes there must be the node's own code; what goes out are `Edit`s on
the raw bytes of the file, whatever its encoding, newlines or indents.
"""

from __future__ import annotations

import ast
import codecs
import importlib
import io
import re
import tokenize
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from stitchgen.errors import InternalError, StitchError
from stitchgen.source.edits import Edit
from stitchgen.source.equivalence import SCOPES

if TYPE_CHECKING:
    import libcst
    from libcst import metadata
else:

    class Late:
        """A module that is imported when something of it is first used: LibCST takes as long to import as all
        that a command needs which only looks."""

        def __init__(self, name: str) -> None:
            self.name = name

        def __getattr__(self, attribute: str) -> Any:
            return getattr(importlib.import_module(self.name), attribute)

    libcst, metadata = Late("libcst"), Late("libcst.metadata")

Span = tuple[int, int]
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

NEWLINE = re.compile("\r\n|\r|\n")
CONTINUATION = re.compile("(?:\r\n|\r|\n)[ \t\f]*")
#: What may stand between the end of a line's last statement and its newline.
REST_OF_LINE = re.compile(r"[ \t\f]*;?[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n|\Z)")


def decode(raw: bytes, where: str) -> tuple[str, str]:
    """The file's text without a BOM, and its encoding, by its cookie or BOM."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        text = raw.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise StitchError(
            "syntax-error", f"{where} cannot be decoded: {error}", where=f"{where}:1"
        ) from error
    return text, encoding


@dataclass(frozen=True)
class Scope:
    """A module, class or function, with what stands directly in it, in the order of the source."""

    name: str  # qualified; empty: the module
    node: ast.AST
    inside: tuple[ast.AST, ...]  # of nested scopes the definition alone


@dataclass
class Document:
    """A parsed source file that can say where text may be inserted.

    Raises StitchError `syntax-error` where the file does not parse, `lossy-file` where LibCST
    does not give it back byte for byte, since then its positions cannot be trusted.
    """

    raw: bytes
    path: str
    text: str = field(init=False)
    encoding: str = field(init=False)
    _spans: dict[int, dict[libcst.CSTNode, Span]] = field(
        init=False, repr=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        self.text, self.encoding = decode(self.raw, self.path)
        try:
            self.tree = ast.parse(self.text, self.path)
        except SyntaxError as error:
            raise StitchError(
                "syntax-error",
                f"{self.path} does not parse: {error.msg}",
                where=f"{self.path}:{error.lineno or 1}",
                hint="Correct the syntax error, then run the command again.",
            ) from error
        except (ValueError, RecursionError) as error:
            raise StitchError(
                "syntax-error", f"{self.path} does not parse: {error}", where=f"{self.path}:1"
            ) from error

    @cached_property
    def scopes(self) -> tuple[Scope, ...]:
        """The module, classes and functions, outer ones first."""
        return tuple(_scopes(self.tree))

    @cached_property
    def module(self) -> libcst.Module:
        try:
            module = libcst.parse_module(self.raw)
            same = module.bytes == self.raw
        except libcst.ParserSyntaxError as error:
            raise StitchError(
                "syntax-error",
                f"LibCST cannot parse {self.path}: {error.message}",
                where=f"{self.path}:{error.raw_line}",
            ) from error
        except RecursionError as error:
            raise StitchError(
                "lossy-file",
                f"{self.path} holds an expression too deep for LibCST",
                where=self.path,
            ) from error
        if not same:
            raise StitchError(
                "lossy-file",
                f"LibCST does not give {self.path} back byte for byte, so it is left alone",
                where=self.path,
                hint="A space before a colon, or blank lines before a mis-indented last comment, "
                "are known causes; format the file with black first.",
            )
        return module

    @cached_property
    def top_level(self) -> list[int]:
        """Where the code of each top-level statement begins, its own comments included."""
        starts = [0]
        header = self.module.header
        for number, node in enumerate([*header, *self.module.body]):
            length = len(self.module.code_for_node(node).encode("utf-8"))
            if number < len(header):
                starts[0] += length
            else:
                starts.append(starts[-1] + length)
        return starts

    def top_level_at(self, offset: int) -> int:
        """The number of the top-level statement that an offset lies in."""
        return max(0, min(bisect_right(self.top_level, offset), len(self.module.body)) - 1)

    def spans_in(self, number: int) -> dict[libcst.CSTNode, Span]:
        """The spans of all nodes of a top-level statement.

        Positions are computed for that statement alone: for a whole file they cost twice its parse.
        """
        if number not in self._spans:
            part = self.module.with_changes(
                body=[self.module.body[number]], header=[], footer=[], encoding="utf-8"
            )
            wrapper = metadata.MetadataWrapper(part, unsafe_skip_copy=True)
            start = self.top_level[number]
            self._spans[number] = {
                node: (start + span.start, start + span.start + span.length)
                for node, span in wrapper.resolve(metadata.ByteSpanPositionProvider).items()
            }
        return self._spans[number]

    @cached_property
    def utf8(self) -> bytes:
        return self.text.encode("utf-8")

    @cached_property
    def line_starts(self) -> list[int]:
        """UTF-8 offset of each line, counted as Python does (\\n, \\r\\n, \\r)."""
        starts, offset, last = [0], 0, 0
        for match in NEWLINE.finditer(self.text):
            offset += len(self.text[last : match.end()].encode("utf-8"))
            last = match.end()
            starts.append(offset)
        return starts

    @property
    def newline(self) -> str:
        """The newline of the file's first line, as far as it has one."""
        match = NEWLINE.search(self.text)
        return match.group() if match else "\n"

    @cached_property
    def quote(self) -> str:
        """The quote that most of the file's short strings have; black's where they are even."""
        single = double = 0
        try:
            for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
                if token.type == tokenize.STRING:
                    text = token.string.lstrip("rbfuRBFU")
                    single += text[0] == "'" and not text.startswith("'''")
                    double += text[0] == '"' and not text.startswith('"""')
        except (tokenize.TokenError, SyntaxError):
            pass
        return "'" if single > double else '"'

    @property
    def indent(self) -> str:
        """One level of indent, as the file is written."""
        return self.module.default_indent

    def offset(self, line: int, column: int) -> int:
        """The offset of an `ast` position (1-based line, UTF-8 column)."""
        return self.line_starts[line - 1] + column

    def span_of(self, node: ast.AST) -> Span:
        """The span of an `ast` node of this file's tree; a definition's starts at its keyword."""
        at: Any = node  # which kinds of nodes have a place, the types of `ast` do not say
        return (
            self.offset(at.lineno, at.col_offset),
            self.offset(at.end_lineno, at.end_col_offset),
        )

    def code(self, span: Span) -> str:
        return self.utf8[span[0] : span[1]].decode("utf-8")

    def line_of(self, offset: int) -> int:
        return bisect_right(self.line_starts, offset)

    def to_raw(self, offset: int) -> int:
        """The offset in the raw bytes of a UTF-8 offset into the text."""
        bom = len(codecs.BOM_UTF8) if self.raw.startswith(codecs.BOM_UTF8) else 0
        if self.encoding in ("utf-8", "utf-8-sig"):
            return bom + offset
        return len(self.utf8[:offset].decode("utf-8").encode(self.encoding))

    # Nodes ------------------------------------------------------------------------------------

    def span_in(self, node: libcst.CSTNode, near: Span) -> Span | None:
        """The span of a node of the top-level statement that `near` lies in."""
        return self.spans_in(self.top_level_at(near[0])).get(node)

    def path_to(self, span: Span) -> list[libcst.CSTNode]:
        """The nodes from the module down to the innermost one that covers the span."""
        if not self.module.body:
            return [self.module]
        number = self.top_level_at(span[0])
        spans = self.spans_in(number)
        path: list[libcst.CSTNode] = [self.module]
        node: libcst.CSTNode | None = self.module.body[number]
        while node is not None:
            path.append(node)
            node = next(
                (
                    child
                    for child in node.children
                    if (own := spans.get(child)) is not None
                    and own[0] <= span[0]
                    and span[1] <= max(own[1], end_of_default(child, spans))
                ),
                None,
            )
        return path

    def node_at(self, span: Span, kind: type | tuple[type, ...]) -> list[libcst.CSTNode]:
        """The path to the node of that kind with exactly this span, verified by its code."""
        path = self.path_to(span)
        for index in range(len(path) - 1, -1, -1):
            if isinstance(path[index], kind) and self.span_in(path[index], span) == span:
                return path[: index + 1]
        raise InternalError(
            f"LibCST has no {kind} at {self.path}:{self.line_of(span[0])}",
            details={"span": list(span)},
        )

    def expression(self, span: Span) -> libcst.BaseExpression:
        """The expression with this span; the bytes there decode to the node's own code."""
        node = self.node_at(span, libcst.BaseExpression)[-1]
        assert isinstance(node, libcst.BaseExpression)
        bare = node.with_changes(lpar=[], rpar=[]) if hasattr(node, "lpar") else node
        # A node alone does not know the indent of its suite, which begins its further lines.
        codes = (self.module.code_for_node(bare), self.code(span))
        if len({CONTINUATION.sub("\n", code) for code in codes}) > 1:
            raise InternalError(
                f"the span at {self.path}:{self.line_of(span[0])} is not its node's"
            )
        return node

    # Insertions -------------------------------------------------------------------------------

    def wrap(self, span: Span, before: str, after: str) -> list[Edit]:
        """Insert text directly before and after an expression."""
        self.expression(span)
        return [self.insert(span[0], before), self.insert(span[1], after)]

    def insert(self, offset: int, text: str) -> Edit:
        position = self.to_raw(offset)
        return Edit(position, position, self.encode(text))

    def replace(self, span: Span, text: str) -> Edit:
        return Edit(self.to_raw(span[0]), self.to_raw(span[1]), self.encode(text))

    def encode(self, text: str) -> bytes:
        """The text in the file's encoding and with its newlines."""
        name = "utf-8" if self.encoding == "utf-8-sig" else self.encoding
        return text.replace("\n", self.newline).encode(name)

    def own_line(self, span: Span) -> bool:
        """Whether the statement stands alone on its lines, in an indented suite or the module."""
        path = self.statement_path(span)
        if isinstance(path[-1], libcst.BaseCompoundStatement):
            return True
        line = path[-2]
        return isinstance(line, libcst.SimpleStatementLine) and len(line.body) == 1

    def in_one_line_suite(self, span: Span) -> bool:
        """Whether the statement stands behind the colon of `if c: x = self.l(x)`."""
        path = self.statement_path(span)
        return isinstance(path[-2], libcst.SimpleStatementSuite)

    def statement_path(self, span: Span) -> list[libcst.CSTNode]:
        kinds = (libcst.BaseSmallStatement, libcst.BaseCompoundStatement)
        path = self.path_to(span)
        for index in range(len(path) - 1, -1, -1):
            own = self.span_in(path[index], span)
            # LibCST lets a compound statement end with its last newline; `ast` does not.
            if isinstance(path[index], kinds) and own is not None and own[0] == span[0]:
                if own[1] == span[1] or isinstance(path[index], libcst.BaseCompoundStatement):
                    return path[: index + 1]
        raise InternalError(f"LibCST has no statement at {self.path}:{self.line_of(span[0])}")

    def indent_of(self, span: Span) -> str:
        """The white space before the statement on its first line."""
        start = self.line_starts[self.line_of(span[0]) - 1]
        text = self.utf8[start : span[0]].decode("utf-8")
        return text if text.strip(" \t\f") == "" else ""

    def text_of_line(self, offset: int) -> str:
        """The line that an offset is in, without its end."""
        start = self.line_starts[self.line_of(offset) - 1]
        return re.split("[\r\n]", self.utf8[start:].decode("utf-8"), maxsplit=1)[0]

    def lines_after(self, span: Span, lines: str) -> Edit:
        """Insert whole lines after a statement that stands on lines of its own.

        `lines` are written at column 0 with four-space indents; they take the statement's indent
        and the file's own indent unit.
        """
        path = self.statement_path(span)
        if isinstance(path[-1], libcst.BaseSmallStatement):
            if not isinstance(path[-2], libcst.SimpleStatementLine):
                raise InternalError(f"{self.path}:{self.line_of(span[0])} is a one-line suite")
            line, last = self.span_in(path[-2], span), self.span_in(path[-2].body[-1], span)
            assert line is not None and last is not None
            span = (line[0], last[1])
        rest = REST_OF_LINE.match(self.utf8[span[1] :].decode("utf-8"))
        if rest is None:
            raise InternalError(f"{self.path}:{self.line_of(span[1])} does not end its line")
        offset = span[1] + len(rest.group().encode("utf-8"))
        offset += len(self.footer(offset, self.indent_of(span)).encode("utf-8"))
        text = self.indented(lines, self.indent_of(span))
        if not rest.group().endswith(("\n", "\r")):
            text = "\n" + text.rstrip("\n")
        return self.insert(offset, text)

    def footer(self, offset: int, indent: str) -> str:
        """The comments below a statement that belong to its suite, being indented deeper."""
        text = self.utf8[offset:].decode("utf-8")
        kept = end = 0
        for line in text.splitlines(keepends=True):
            code = line.lstrip(" \t")
            if code.strip() and not (code.startswith("#") and deeper(line, indent)):
                break
            if not line.endswith(("\n", "\r")):
                break  # the file's last line, which has no end: what is inserted would join it
            end += len(line)
            kept = end if code.strip() else kept
        return text[:kept]

    def lines_before(self, span: Span, lines: str) -> Edit:
        """Insert whole lines directly before a statement, below the comments above it."""
        if not self.own_line(span):
            raise InternalError(f"{self.path}:{self.line_of(span[0])} shares its line")
        start = self.line_starts[self.line_of(span[0]) - 1]
        return self.insert(start, self.indented(lines, self.indent_of(span)))

    def definition_before(self, node: Definition, lines: str) -> Edit:
        """Insert a top-level definition before another one (and its decorators), as black spaces them."""
        self.statement_path(self.span_of(node))
        line = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        return self.insert(self.line_starts[line - 1], lines.rstrip("\n") + "\n\n\n")

    def replace_lines(self, span: Span, lines: str) -> Edit:
        """Put whole lines in the place of a statement; a comment behind it stays behind them."""
        if not self.own_line(span):
            raise InternalError(f"{self.path}:{self.line_of(span[0])} shares its line")
        indent = self.indent_of(span)
        return self.replace(span, self.indented(lines, indent)[len(indent) :].rstrip("\n"))

    def indented(self, lines: str, indent: str) -> str:
        result = []
        for line in lines.rstrip("\n").split("\n"):
            body = line.lstrip(" ")
            depth = (len(line) - len(body)) // 4
            rest = (len(line) - len(body)) % 4
            result.append((indent + self.indent * depth + " " * rest + body) if body else "")
        return "\n".join(result) + "\n"

    def top_lines_after(self, span: Span | None, lines: str) -> Edit:
        """Insert lines at the module's top level, after a statement or at the very start.

        The start is below a shebang and a coding cookie.
        """
        if span is not None:
            return self.lines_after(span, lines)
        offset = 0
        for number, start in enumerate(self.line_starts[:2]):
            rest = self.utf8[start:].decode("utf-8")
            if re.match(r"#!|[ \t\f]*#.*?coding[:=]", rest) and len(self.line_starts) > number + 1:
                offset = self.line_starts[number + 1]
        return self.insert(offset, lines if lines.endswith("\n") else lines + "\n")


def _scopes(tree: ast.AST, name: str = "") -> Iterator[Scope]:
    inside = tuple(_inside(tree))
    yield Scope(name, tree, inside)
    for child in inside:
        if isinstance(child, SCOPES):
            yield from _scopes(child, f"{name}.{child.name}" if name else child.name)


def _inside(scope: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(scope):
        yield child
        if not isinstance(child, SCOPES):
            yield from _inside(child)


def end_of_default(node: libcst.CSTNode, spans: Mapping[libcst.CSTNode, Span]) -> int:
    """Where a parameter's default ends: LibCST's span of the parameter ends before it."""
    default = node.default if isinstance(node, libcst.Param) else None
    return spans[default][1] if default is not None else 0


def deeper(line: str, indent: str) -> bool:
    """Whether a line is indented further than this, by more of the same."""
    return line.startswith(indent) and line[len(indent) :][:1] in (" ", "\t")
