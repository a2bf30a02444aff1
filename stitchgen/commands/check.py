"""`stitchgen check`."""

from __future__ import annotations

from typing import Any

import click

from stitchgen.commands.conversation import project_at
from stitchgen.commands.options import EVERY_COMMAND


@click.command("check")
@EVERY_COMMAND
def command(project: str) -> Any:
    """Is what was generated as recorded?"""
    from stitchgen.history import check

    return check.run(project_at(project))
