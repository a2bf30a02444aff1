"""`stitchgen adopt`."""

from __future__ import annotations

from typing import Any

import click

from stitchgen.commands.conversation import answer, note_that_the_model_runs, project_at
from stitchgen.commands.options import (
    BUILD_AND_INPUT,
    EVERY_COMMAND,
    INPUT_TRAIN,
    WRITES,
    mode_of,
)


@click.command("adopt", short_help="Copy the file of an installed model into the project, proven.")
@click.argument("module")
@click.option("--to", metavar="PATH", help="The new file, or its folder (else beside the script).")
@click.option(
    "--in",
    "scripts",
    multiple=True,
    metavar="SCRIPT",
    help="Let this script construct the copy: its import is rewritten. Repeat for several.",
)
@BUILD_AND_INPUT
@INPUT_TRAIN
@WRITES
@EVERY_COMMAND
def command(
    module: str,
    to: str | None,
    scripts: tuple[str, ...],
    builds: tuple[str, ...],
    inputs: tuple[str, ...],
    inputs_train: tuple[str, ...],
    python: str | None,
    dry_run: bool,
    diff: bool,
    yes: bool,
    project: str,
) -> Any:
    """Copy the file of an installed model into the project, and prove that it is the same model.

    \b
    stitchgen adopt timm.models.resnet
    stitchgen adopt torchvision.models.resnet50 --to models --in train.py

    MODULE is the dotted name of an installed module, or of what it defines. Its source is then yours: every
    other command works on it.
    """
    from stitchgen.pipeline import adopt
    from stitchgen.targets.model import RunOptions

    at = project_at(project)
    note_that_the_model_runs()
    outcome = adopt.run(
        at,
        adopt.AdoptRequest(module, to, scripts),
        RunOptions(builds, inputs, python, inputs_train),
        mode=mode_of(dry_run=dry_run, diff=diff),
    )
    return answer(outcome, diff, at.root)
