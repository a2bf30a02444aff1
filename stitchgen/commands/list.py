"""`stitchgen list`."""

from __future__ import annotations

from typing import Any

import click

from stitchgen.commands.conversation import project_at
from stitchgen.commands.options import EVERY_COMMAND


@click.command("list")
@click.option("--family", metavar="F", help="Only blocks of this family.")
@click.option("--layout", metavar="L", help="Only blocks that take this layout, as in NCHW.")
@click.option("--dims", type=click.IntRange(1, 3), metavar="1|2|3", help="Spatial dimensions.")
@click.option("--search", metavar="TEXT", help="Only blocks whose head has these words.")
@click.option("--year", metavar="YEARS", help="The paper's: 2021, 2019-2022, 2022-.")
@click.option("--max-parameters", metavar="N", help="At 256 channels: 8000, 8k, 1.5M.")
@EVERY_COMMAND
def command(project: str, **wanted: Any) -> Any:
    """The blocks of the catalog."""
    from stitchgen.catalog import listing

    return listing.run(project_at(project), **wanted)
