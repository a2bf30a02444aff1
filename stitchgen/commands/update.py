"""`stitchgen update`."""

from __future__ import annotations

from typing import Any

import click

from stitchgen.commands.conversation import answer, project_at
from stitchgen.commands.options import EVERY_COMMAND, WRITES, mode_of


@click.command("update")
@click.argument("blocks", nargs=-1, metavar="[BLOCK]...")
@click.option("--all", "every", is_flag=True, help="All block files.")
@WRITES
@EVERY_COMMAND
def command(
    blocks: tuple[str, ...], every: bool, dry_run: bool, diff: bool, yes: bool, project: str
) -> Any:
    """Merge a newer block of the catalog into your file of it.

    Your edits stay. Where both have changed the same lines, both stand in the file between marks, and
    the exit status is 1: take the marks out, then run the command again.
    """
    from stitchgen.history import update

    at = project_at(project)
    outcome = update.run(at, blocks, every=every, mode=mode_of(dry_run=dry_run, diff=diff))
    return answer(outcome, diff, at.root)
