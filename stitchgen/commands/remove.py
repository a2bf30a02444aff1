"""`stitchgen remove`."""

from __future__ import annotations

from typing import Any

import click

from stitchgen.commands.conversation import answer, project_at
from stitchgen.commands.options import (
    EVERY_COMMAND,
    RECORDED_BLOCK,
    WRITES,
    complete_splice,
    mode_of,
)


@click.command("remove")
@click.argument("splices", nargs=-1, metavar="TARGET|ATTRIBUTE...", shell_complete=complete_splice)
@RECORDED_BLOCK
@click.option("--all", "every", is_flag=True, help="All splices that are meant, not one alone.")
@click.option("--cascade", is_flag=True, help="What depends on them as well.")
@WRITES
@EVERY_COMMAND
def command(
    splices: tuple[str, ...],
    block: str | None,
    every: bool,
    cascade: bool,
    dry_run: bool,
    diff: bool,
    yes: bool,
    project: str,
) -> Any:
    """Take splices of any age out; your own edits stay.

    \b
    stitchgen remove model.layer2
    stitchgen remove layer2_cbam --cascade
    stitchgen remove --block se --all
    """
    from stitchgen.pipeline import remove

    at = project_at(project)
    outcome = remove.run(
        at,
        splices,
        block=block,
        every=every,
        cascade=cascade,
        mode=mode_of(dry_run=dry_run, diff=diff),
    )
    return answer(outcome, diff, at.root)
