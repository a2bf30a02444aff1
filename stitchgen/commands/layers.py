"""`stitchgen layers`."""

from __future__ import annotations

from typing import Any

import click

from stitchgen.commands.conversation import note_that_the_model_runs, project_at
from stitchgen.commands.options import EVERY_COMMAND, RUNS_THE_MODEL


@click.command("layers")
@click.argument("model")
@RUNS_THE_MODEL
@EVERY_COMMAND
def command(
    model: str,
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
    return layers.run(at, model, builds=builds, inputs=inputs, python=python, prove=not no_prove)
