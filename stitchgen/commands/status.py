"""`stitchgen status`."""

from __future__ import annotations

from typing import Any

import click

from stitchgen.commands.conversation import project_at
from stitchgen.commands.options import EVERY_COMMAND


@click.command("status", short_help="The state of each splice and block file.")
@EVERY_COMMAND
def command(project: str) -> Any:
    """The state of each splice and block file: clean, edited, outdated, missing, ...

    Exit status 1 where something is missing or in conflict.
    """
    from stitchgen.history import status

    return status.run(project_at(project))
