"""`stitchgen diff`."""

from __future__ import annotations

from typing import Any

import click

from stitchgen.commands.conversation import answer, project_at
from stitchgen.commands.options import EVERY_COMMAND
from stitchgen.errors import UsageError


@click.command("diff")
@click.argument("blocks", nargs=-1, metavar="[BLOCK]...")
@click.option("--upstream", is_flag=True, help="What the catalog has changed since.")
@click.option("--local", is_flag=True, help="What you have changed since.")
@EVERY_COMMAND
def command(blocks: tuple[str, ...], upstream: bool, local: bool, project: str) -> Any:
    """What `stitchgen update` would change in your block files."""
    from stitchgen.history import update

    if upstream and local:
        raise UsageError(
            "usage", "--upstream and --local do not go together", hint="give one of the two"
        )
    at = project_at(project)
    side: update.Side = "upstream" if upstream else "local" if local else "update"
    return answer(update.diff(at, blocks, side), True, at.root)
