"""`stitchgen prove`."""

from __future__ import annotations

from typing import Any

import click

from stitchgen.commands.conversation import note_that_the_model_runs, project_at
from stitchgen.commands.options import (
    BUILD_AND_INPUT,
    EVERY_COMMAND,
    INPUT_TRAIN,
    complete_target,
)


@click.command("prove")
@click.argument("model", required=False, shell_complete=complete_target)
@click.option(
    "--base",
    default="HEAD",
    metavar="REV|FILE",
    show_default=True,
    help="What the edit was made to: a git revision, or the model's file as it was.",
)
@BUILD_AND_INPUT
@INPUT_TRAIN
@EVERY_COMMAND
def command(
    model: str | None,
    base: str,
    builds: tuple[str, ...],
    inputs: tuple[str, ...],
    inputs_train: tuple[str, ...],
    python: str | None,
    project: str,
) -> Any:
    """Prove an edit that is in the files already, whoever made it.

    \b
    stitchgen prove
    stitchgen prove models/resnet.py --base main --build 'resnet18()'
    stitchgen prove model.py --base model_before.py

    MODEL is found among the changed files where there is but one. The new modules are found by what they
    are fed; then all checks of `add` are held against them. Nothing is written.
    """
    from stitchgen.pipeline import prove
    from stitchgen.targets.model import RunOptions

    at = project_at(project)
    note_that_the_model_runs()
    options = RunOptions(builds, inputs, python, inputs_train)
    return prove.run(at, prove.ProveRequest(model, base, options))
