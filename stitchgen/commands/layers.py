"""`stitchgen layers`."""

from __future__ import annotations

from typing import Any

import click

from stitchgen.commands.conversation import note_that_the_model_runs, project_at
from stitchgen.commands.options import EVERY_COMMAND, RUNS_THE_MODEL, complete_target, pairs_of


@click.command("layers")
@click.argument("model", shell_complete=complete_target)
@click.option("--fits", metavar="BLOCK", help="Only layers at which the block can be put.")
@click.option("--depth", type=click.IntRange(1), help="Only paths of so many names at most.")
@click.option("--where", multiple=True, metavar="K=V", help="Only those with K == V: channels=256.")
@RUNS_THE_MODEL
@EVERY_COMMAND
def command(
    model: str,
    fits: str | None,
    depth: int | None,
    where: tuple[str, ...],
    builds: tuple[str, ...],
    inputs: tuple[str, ...],
    python: str | None,
    no_prove: bool,
    project: str,
) -> Any:
    """The targets of MODEL, with channels and readers."""
    from stitchgen.pipeline import layers

    at = project_at(project)
    note_that_the_model_runs()
    return layers.run(
        at,
        model,
        shown=layers.Shown(fits, depth, pairs_of("--where", where)),
        builds=builds,
        inputs=inputs,
        python=python,
        prove=not no_prove,
    )
