"""`stitchgen new-module`."""

from __future__ import annotations

from typing import Any

import click

from stitchgen.commands.conversation import answer, project_at
from stitchgen.commands.options import BLOCK, EVERY_COMMAND, WRITES, mode_of


@click.command("new-module")
@BLOCK
@click.option("--name", metavar="CLASS", help="The name of the class.")
@click.option("--dims", type=click.IntRange(1, 3), metavar="1|2|3", help="Spatial dimensions.")
@click.option("--into", metavar="DIR", help="The folder (else the blocks folder).")
@click.option(
    "--register", type=click.Choice(["mmengine"]), help="Give it to the registry of OpenMMLab."
)
@WRITES
@EVERY_COMMAND
def command(
    block: str,
    name: str | None,
    dims: int | None,
    into: str | None,
    register: str | None,
    dry_run: bool,
    diff: bool,
    yes: bool,
    project: str,
) -> Any:
    """Write a block into the project, without splicing it."""
    from stitchgen.pipeline import new_module

    at = project_at(project)
    outcome = new_module.run(
        at,
        block,
        name=name,
        dims=dims,
        into=into,
        register=register,
        mode=mode_of(dry_run=dry_run, diff=diff),
    )
    return answer(outcome, diff, at.root)
