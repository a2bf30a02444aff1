"""Every way in which stitchgen says no: one exception family and the closed list of codes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: The closed list of error codes, each with what it means. The README prints this table.
CODES: dict[str, str] = {
    "already-there": "The block is at this target with other arguments.",
    "bad-argument": "An option or a `--set` value does not fit the block.",
    "baseline-failed": "The training of the project as it is failed, so that no variant was run.",
    "block-not-found": "No block of the catalogs has this name.",
    "blocks-in-the-way": "A file that is not stitchgen's stands where a block file should go.",
    "bypasses-call": "The layer is run in a way that passes by its call.",
    "catalog-broken": "A template of a catalog has a faulty head or does not render.",
    "channels-unknown": "The number of channels at the target could not be established.",
    "configuration-dependent": "The edit would be wrong in another configuration of the class.",
    "constant-seed": "The training script sets a seed of its own, so that all runs would be one.",
    "depended-on": "Another splice depends on the one that is to be removed.",
    "disk-full": "The disk is full, or would be by the next run of a sweep.",
    "does-not-build": "The model could not be constructed.",
    "does-not-run": "The model was constructed, but its forward pass fails.",
    "drift": "What was generated is not as recorded.",
    "file-changed": "A file changed between reading and writing, or an inserted span was changed.",
    "file-not-found": "There is no such file.",
    "folder-not-empty": "The folder for a new project has files in it.",
    "function-call": "The name is called as a function and is no layer.",
    "function-fails": "A function of the project that goes through the model fails on what the block has.",
    "import-conflict": "No import of the block works in every way in which the project imports the file.",
    "installed-package": "The layer is called in an installed package.",
    "internal": "A defect of stitchgen itself.",
    "interrupted": "The command was interrupted; nothing is half-written.",
    "law-broken": "The edited model fails a check of the proof.",
    "layout-ambiguous": "The axes of the feature could not be determined.",
    "layout-mismatch": "The block does not work on features of this layout.",
    "ledger-broken": "stitchgen.lock cannot be read.",
    "locked": "Another stitchgen command is at work in this project.",
    "lossy-file": "LibCST does not give the file back byte for byte.",
    "many-calls": "The layer is called several times in one forward pass.",
    "merge-conflict": "A block file holds the marks of a merge, or cannot be merged.",
    "merge-in-progress": "git has a merge or a rebase in progress in this project.",
    "never-called": "The layer is never called.",
    "no-cluster": "No cluster takes the runs of a sweep.",
    "no-configuration": "The configuration file is malformed.",
    "no-git": "There is no git to merge a block file with.",
    "no-mcp": "The server is to be started, and the mcp package is not installed.",
    "no-metric": "A training neither wrote nor printed the metric.",
    "no-torch": "The Python that should run the model has no torch.",
    "no-yaml": "A YAML file is to be read, and PyYAML is not installed.",
    "not-a-model": "The file or the object defines no nn.Module.",
    "not-a-tensor": "The layer's result is not a tensor.",
    "not-python": "The file is no Python source file.",
    "not-writable": "A file or folder cannot be written.",
    "nothing-to-undo": "The ledger records no run.",
    "scripted": "The layer is a scripted or traced module.",
    "sources-changed": "The sources are no longer those that the results of a sweep are of.",
    "splice-not-found": "The ledger records no splice, and no block file, of this name.",
    "strict-load": "The model loads saved weights strictly while it is built.",
    "syntax-error": "The file does not parse.",
    "target-ambiguous": "The target has several meanings.",
    "target-not-found": "The target names no layer.",
    "too-large": "The model is too large to be proven on this machine.",
    "too-old": "Python or torch is too old.",
    "unsupported": "stitchgen cannot edit code of this form.",
    "usage": "The command line is wrong.",
    "used-functionally": "The layer's weights are used without calling the layer.",
}


@dataclass
class StitchError(Exception):
    """A refusal: what happened, where, and what to type next. Nothing has been written.

    `where` is `path:line` (or a path), `hint` a sentence or a command line, `suggestions`
    ready-to-paste values. The exit status is 1 unless a subclass says otherwise.
    """

    code: str
    message: str
    where: str | None = None
    hint: str | None = None
    suggestions: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    exit_status = 1

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise AssertionError(f"{self.code!r} is not in the list of error codes")
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message

    def as_dict(self) -> dict[str, Any]:
        """The `error` object of `--json`; keys without a value are left out."""
        fields = {
            "code": self.code,
            "message": self.message,
            "where": self.where,
            "hint": self.hint,
            "suggestions": self.suggestions,
        }
        return {key: value for key, value in fields.items() if value} | self.details


def unsupported(message: str, where: str | None, hint: str | None = None) -> StitchError:
    """What stitchgen cannot do yet, or not in this form of source."""
    return StitchError("unsupported", message, where=where, hint=hint)


@contextlib.contextmanager
def shown_below(root: Path) -> Iterator[None]:
    """Refusals from within name the project's files relative to its root, as people do."""
    prefix = f"{root}{os.sep}"
    try:
        yield
    except StitchError as error:
        error.message = error.message.replace(prefix, "")
        error.where = error.where and error.where.replace(prefix, "")
        error.hint = error.hint and error.hint.replace(prefix, "")
        error.suggestions = [text.replace(prefix, "") for text in error.suggestions]
        raise


class UsageError(StitchError):
    """The command line itself is wrong (exit status 2)."""

    exit_status = 2


class InternalError(StitchError):
    """A defect of stitchgen itself (exit status 70)."""

    exit_status = 70

    def __init__(self, message: str, **fields: Any) -> None:
        super().__init__("internal", message, **fields)
