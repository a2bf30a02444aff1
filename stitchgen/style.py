"""Formatting of what is inserted. The only module that imports black (floor 2)."""

from __future__ import annotations

import black

from stitchgen.errors import InternalError


def format_statements(text: str, indent: int = 0, line_length: int = 88) -> str:
    """Statements at column 0, as black would leave them at that indent.

    The quotes stay as they are written, since they follow the user's file.
    """
    mode = black.Mode(line_length=max(line_length - indent, 20), string_normalization=False)
    try:
        return black.format_str(text, mode=mode)
    except black.InvalidInput as error:
        raise InternalError(f"a fragment does not parse: {error}\n{text}") from error
