"""Taking what was inserted out of source files again: what `undo` and `remove` share.

In a file that black, isort, git or the user has changed since, each trace is looked for by its
syntax and taken out, and every other byte stays. Refused is only where what was inserted has itself
been changed; an import that the user's own code uses stays.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from stitchgen.errors import StitchError
from stitchgen.history import changes, traces
from stitchgen.history.entries import Created
from stitchgen.history.revert import removal
from stitchgen.history.traces import Trace
from stitchgen.source.document import Document
from stitchgen.source.edits import Edit, FileChange, apply


@dataclass
class Withdrawal:
    """What taking entries back changes, and what it keeps for others."""

    command: str  # that does it, for hints: `undo`
    changes: list[FileChange] = field(default_factory=list)
    prune: list[str] = field(default_factory=list)
    kept_traces: list[Trace] = field(default_factory=list)
    kept_files: list[Created] = field(default_factory=list)
    warnings: list[dict[str, str]] = field(default_factory=list)

    def warn(self, code: str, where: str, message: str, hint: str = "") -> None:
        warning = {"code": code, "where": where, "message": message}
        self.warnings.append(warning | ({"hint": hint} if hint else {}))


def by_syntax(
    document: Document,
    marks: Sequence[Trace],
    own: Collection[str],
    taken: Withdrawal,
    kept: Sequence[Trace] = (),
) -> list[Edit]:
    """The edits that take traces, which brought the attributes `own`, out of an edited file.

    `kept` is the code of other splices: it is neither the user's, nor what became of ours.
    """
    path = document.path
    located, theirs = traces.beside(document, marks, kept)
    refusal = changes.unclear(document, located, kept)
    if refusal is not None:
        raise refusal
    found = list(located.found)
    rest = changes.others_in(document, [*found, *theirs])
    for mark in located.missing:
        line = changes.what_became_of(document, rest, mark, own)
        if line is not None:
            raise changed(document, mark, line, taken.command)
    # An import of ours that the user's own code uses has become theirs.
    used = {node.id for node in rest if isinstance(node, ast.Name)}
    kept = [mark for mark, match in found if match.names and used & changes.bound_by(mark)]
    taken.kept_traces += kept
    edits = removal(document, [(mark, match) for mark, match in found if mark not in kept])
    after = Document(apply(document.raw, edits), path)  # refuses if it would no longer parse
    for node in ast.walk(after.tree):
        for mark in kept:
            if isinstance(node, ast.Name) and node.id in changes.bound_by(mark):
                where = f"{path}:{node.lineno}"
                taken.warn("still-used", where, f"`{mark.now}` stays: {node.id} is used here")
    return edits


def warn_of_uses(document: Document, gone: Collection[str], taken: Withdrawal) -> None:
    """Warn of where the user's own code uses an attribute that nothing defines any more."""
    for node in ast.walk(document.tree):
        if isinstance(node, ast.Attribute) and node.attr in gone:
            taken.warn(
                "still-used",
                f"{document.path}:{node.lineno}",
                f"self.{node.attr} is used here, and no longer exists",
                "take this line out, or put the block back with stitchgen add",
            )


def changed(document: Document, mark: Trace, line: int, command: str) -> StitchError:
    """That a trace is no longer as it was inserted, with the difference."""
    recorded = mark.now or "".join(piece.text for piece in mark.pieces)
    there = changes.statement_at(document, line)
    names = "as inserted", f"{document.path}:{line}"
    diff = list(difflib.unified_diff(recorded.splitlines(), there, *names, n=1, lineterm=""))
    return StitchError(
        "file-changed",
        f"what was inserted into {document.path} has been changed since:\n"
        + "\n".join("    " + text for text in diff),
        where=f"{document.path}:{line}",
        hint="put the line back as it was inserted, or take out all of the block's lines, then "
        f"run `stitchgen {command}` again",
        details={"diff": "\n".join(diff) + "\n"},
    )
