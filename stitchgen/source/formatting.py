"""Formatting of what is inserted. The only module that imports black."""

from __future__ import annotations

import re

import black
from black.parsing import InvalidInput

from stitchgen.errors import InternalError


def format_statements(text: str, indent: int = 0, line_length: int = 88, quote: str = '"') -> str:
    """Statements at column 0, as black would leave them at that indent, with the file's quotes."""
    mode = black.Mode(line_length=max(line_length - indent, 20))
    try:
        formatted = black.format_str(text, mode=mode)
    except InvalidInput as error:
        raise InternalError(f"a fragment does not parse: {error}\n{text}") from error
    return formatted if quote == '"' else single_quoted(formatted)


def single_quoted(text: str) -> str:
    """Short string literals in single quotes, where that needs no escape."""
    return re.sub(r'(?<!")"([^"\'\\\n]*)"(?!")', r"'\1'", text)
