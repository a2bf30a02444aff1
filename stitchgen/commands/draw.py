"""`stitchgen draw`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stitchgen.commands.conversation import note_that_the_model_runs, project_at
from stitchgen.commands.options import BUILD_AND_INPUT, EVERY_COMMAND, complete_target


@click.command("draw", short_help="A picture of MODEL: its stages, and the shapes between them.")
@click.argument("model", shell_complete=complete_target)
@click.option(
    "--around",
    metavar="TARGET",
    help="Only that layer, opened, and what is near it.",
    shell_complete=complete_target,
)
@click.option("--now", is_flag=True, help="Without what was before the last run.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where to: model.svg, model.mmd or model.html (else Mermaid text is printed).",
)
@BUILD_AND_INPUT
@EVERY_COMMAND
def command(
    model: str,
    around: str | None,
    now: bool,
    output: Path | None,
    builds: tuple[str, ...],
    inputs: tuple[str, ...],
    python: str | None,
    project: str,
) -> Any:
    """A picture of MODEL: its stages, the shapes between them, stitchgen's blocks.

    \b
    stitchgen draw model -o model.svg
    stitchgen draw model --around model.layer3 -o model.html

    What the last run changed is drawn side by side with what was before.
    """
    from stitchgen.pipeline import draw
    from stitchgen.targets.model import RunOptions

    at = project_at(project)
    note_that_the_model_runs()
    drawn = draw.Drawn(around, now, output)
    return draw.run(at, model, drawn, RunOptions(builds, inputs, python))
