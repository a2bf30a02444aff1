"""A file that is as a run left it: its former bytes."""

from __future__ import annotations

from collections.abc import Sequence

from stitchgen.errors import StitchError
from stitchgen.history.entries import Edited
from stitchgen.history.traces import Trace
from stitchgen.project.transaction import digest
from stitchgen.source.document import Document
from stitchgen.source.edits import Edit, apply
from stitchgen.source.yaml_document import is_yaml


def exact(raw: bytes, edited: Edited, marks: Sequence[Trace]) -> list[Edit] | None:
    """The edits that give a file its former bytes; None where it is not as the run left it."""
    if digest(raw) != edited.after:
        return None
    for encoding in (encoding_of(raw, edited.path), "latin-1"):  # the second: what is no Python
        try:
            edits = [
                Edit(p.at, p.at + len(p.text.encode(encoding)), p.replaced.encode(encoding))
                for mark in marks
                for p in mark.pieces
            ]
        except UnicodeEncodeError:
            continue
        if digest(apply(raw, edits)) == edited.before:
            return edits
    return None


def encoding_of(raw: bytes, path: str) -> str:
    """The encoding of the texts of a file's traces."""
    if is_yaml(path):
        return "utf-8"
    try:
        encoding = Document(raw, path).encoding
    except StitchError:
        return "latin-1"
    return "utf-8" if encoding == "utf-8-sig" else encoding
