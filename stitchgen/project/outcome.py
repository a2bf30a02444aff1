"""What every command that writes gives back to the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stitchgen.source.edits import FileChange


@dataclass(frozen=True)
class Outcome:
    """What a command did or would do: the `--json` object, and the changes to the files."""

    result: dict[str, Any]
    changes: Sequence[FileChange]
