"""`stitchgen show`."""

from __future__ import annotations

from typing import Any

import click

from stitchgen.commands.conversation import project_at
from stitchgen.commands.options import BLOCK, EVERY_COMMAND


@click.command("show")
@BLOCK
@click.option("--source", is_flag=True, help="The block's source as well.")
@EVERY_COMMAND
def command(block: str, source: bool, project: str) -> Any:
    """One block: paper, arguments, layouts, cost, example."""
    from stitchgen.catalog import show

    return show.run(project_at(project), block, source=source)
