"""Where a node stands: UTF-8 byte offsets into the decoded text, as in `facts`.

`ast` gives lines and UTF-8 byte columns; its
lines end at `\\n`, `\\r\\n` and `\\r` only, unlike those of `str.splitlines`.
"""

from __future__ import annotations

import ast
import re

_LINE_END = re.compile(rb"\r\n|\r|\n")


class Lines:
    """The line starts of a text, which must be the one that the tree was parsed from."""

    def __init__(self, text: str) -> None:
        raw = text.removeprefix("\ufeff").encode("utf-8", "surrogatepass")
        self._starts = [0, *(match.end() for match in _LINE_END.finditer(raw))]

    def span(self, node: ast.AST) -> tuple[int, int]:
        """The half-open span of a node that has a place (a statement, an expression)."""
        start = self._starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        end = self._starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]
        return start, end
