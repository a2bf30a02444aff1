"""`stitchgen weights`."""

from __future__ import annotations

from typing import Any

import click

from stitchgen.commands.conversation import note_that_the_model_runs, project_at
from stitchgen.commands.options import EVERY_COMMAND, PYTHON


@click.command("weights")
@click.argument("checkpoint")
@click.option("--for", "yaml", required=True, metavar="YAML", help="The model's edited YAML.")
@PYTHON
@click.option("--dry-run", is_flag=True, help="Do all but write.")
@EVERY_COMMAND
def command(checkpoint: str, yaml: str, python: str | None, dry_run: bool, project: str) -> Any:
    """Make CHECKPOINT fit a YOLO whose YAML got new rows.

    \b
    stitchgen weights yolov8n.pt --for yolov8-cbam.yaml

    Layers behind a new row have other numbers, so that most old weights no longer fit by name. The new file has
    every tensor of the old one under its new number; load it as usual.
    """
    from stitchgen.pipeline import weights

    at = project_at(project)
    note_that_the_model_runs()
    return weights.run(at, checkpoint, yaml, python=python, write=not dry_run).result
