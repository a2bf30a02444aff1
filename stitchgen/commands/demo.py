"""`stitchgen demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stitchgen.commands.conversation import answer, note_that_the_model_runs
from stitchgen.commands.options import EVERY_COMMAND, RUNS_THE_MODEL, WRITES, mode_of


@click.command("demo")
@RUNS_THE_MODEL
@WRITES
@EVERY_COMMAND
def command(
    builds: tuple[str, ...],
    inputs: tuple[str, ...],
    python: str | None,
    no_prove: bool,
    dry_run: bool,
    diff: bool,
    yes: bool,
    project: str,
) -> Any:
    """The main job on a sample project, in a new folder here."""
    from stitchgen.pipeline import demo

    parent = Path(project or ".")
    note_that_the_model_runs()
    outcome = demo.run(
        parent,
        builds=builds,
        inputs=inputs,
        python=python,
        prove=not no_prove,
        mode=mode_of(dry_run=dry_run, diff=diff),
    )
    return answer(outcome, diff, parent)
