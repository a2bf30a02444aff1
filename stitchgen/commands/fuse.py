"""`stitchgen fuse`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from stitchgen.commands.conversation import (
    answer,
    note_that_the_model_runs,
    offer_to_remember,
    project_at,
)
from stitchgen.commands.options import (
    EVERY_COMMAND,
    INPUT_TRAIN,
    REDUCE,
    RUNS_THE_MODEL,
    WRITES,
    complete_target,
    fuse_option,
    mode_of,
    pairs_of,
)

if TYPE_CHECKING:
    from stitchgen.targets.request import FuseRequest


@click.command("fuse", short_help="Fuse the outputs of several layers into one.")
@click.argument("targets", nargs=-1, metavar="TARGET TARGET...", shell_complete=complete_target)
@fuse_option("How (else concat).")
@click.option("--reduce", type=click.Choice(["conv", "linear"]), help="Back to its channels.")
@click.option(
    "--resize",
    type=click.Choice(["nearest", "bilinear", "area"]),
    default="bilinear",
    help="How outputs of another size are brought to that of the last target.",
)
@click.option(
    "--at",
    metavar="TARGET",
    help="Fuse at this one of the targets (else the last).",
    shell_complete=complete_target,
)
@click.option("--block", metavar="fpn|pan", help="A pyramid, whose outputs go to all the targets.")
@click.option("--gate", is_flag=True, help="A learnable gate that starts closed.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A block argument.")
@click.option("--name", metavar="ATTR", help="The name of the new attribute.")
@RUNS_THE_MODEL
@INPUT_TRAIN
@WRITES
@EVERY_COMMAND
def command(dry_run: bool, diff: bool, yes: bool, project: str, **options: Any) -> Any:
    """Fuse the outputs of several layers, in the place of the last one's, and prove it.

    \b
    stitchgen fuse model.layer2 model.layer3
    stitchgen fuse model.layer2 model.layer3 model.layer4 --fuse add --gate
    stitchgen fuse model.down1 model.down2 model.down3 --block fpn
    """
    request = request_of(**options)
    from stitchgen.pipeline import splice

    at = project_at(project)
    note_that_the_model_runs()
    outcome = splice.run(at, request, mode=mode_of(dry_run=dry_run, diff=diff))
    if not (dry_run or diff or yes):
        offer_to_remember(at, outcome.result, request)
    return answer(outcome, diff, at.root)


def request_of(
    targets: tuple[str, ...],
    block: str | None,
    settings: tuple[str, ...],
    no_prove: bool,
    **options: Any,
) -> FuseRequest:
    """What the options of `fuse` ask for."""
    from stitchgen.targets.request import FuseRequest

    return FuseRequest(
        block=block or "",
        targets=targets,
        settings=pairs_of("--set", [text for text in settings if not text.startswith(REDUCE)]),
        reduce_settings=pairs_of("--set", settings, REDUCE),
        prove=not no_prove,
        **options,
    )
