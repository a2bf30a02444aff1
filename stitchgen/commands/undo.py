"""`stitchgen undo`."""

from __future__ import annotations

from typing import Any

import click

from stitchgen.commands.conversation import answer, project_at
from stitchgen.commands.options import EVERY_COMMAND, WRITES, mode_of


@click.command("undo")
@WRITES
@EVERY_COMMAND
def command(dry_run: bool, diff: bool, yes: bool, project: str) -> Any:
    """Take the last run back; again for the one before."""
    from stitchgen.history import undo

    at = project_at(project)
    return answer(undo.run(at, mode=mode_of(dry_run=dry_run, diff=diff)), diff, at.root)
