"""The Python files of a project that have a word in them, each parsed once."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from stitchgen.project.python_files import python_files

#: More than are read for advice: one that is not seen would fail.
MOST_FILES = 10_000


@dataclass(frozen=True)
class ParsedFile:
    """A file that parses."""

    path: Path
    raw: bytes
    tree: ast.Module


class ParsedFiles:
    """Those of one project; `base` are files that stand for those on the disk."""

    def __init__(self, root: Path, base: Mapping[Path, bytes] | None = None) -> None:
        self.root = root
        self.base = base or {}
        self._parsed: dict[Path, ParsedFile | None] = {}

    def having(self, *words: str) -> Iterator[ParsedFile]:
        """The files that have one of the words."""
        wanted = [word.encode() for word in words]
        for path in python_files(self.root, MOST_FILES):
            try:
                raw = self.base[path] if path in self.base else path.read_bytes()
            except OSError:
                continue
            if any(word in raw for word in wanted):
                if path not in self._parsed:
                    self._parsed[path] = parsed(path, raw)
                found = self._parsed[path]
                if found is not None:
                    yield found


def parsed(path: Path, raw: bytes) -> ParsedFile | None:
    try:
        return ParsedFile(path, raw, ast.parse(raw))
    except (SyntaxError, ValueError):
        return None
