"""`stitchgen add`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from stitchgen.commands.conversation import (
    answer,
    note_that_the_model_runs,
    offer_to_remember,
    project_at,
)
from stitchgen.commands.options import (
    BLOCK,
    EVERY_COMMAND,
    INPUT_TRAIN,
    REDUCE,
    RUNS_THE_MODEL,
    WRITES,
    Command,
    complete_target,
    fuse_option,
    mode_of,
    pairs_of,
)
from stitchgen.errors import UsageError

if TYPE_CHECKING:
    from stitchgen.targets.request import AddRequest


#: What `--help` says of each placement of `targets/placement.py`, which `--help` does not import.
PLACEMENT_HELP = {
    "after": "Feed the block T's output.",
    "before": "Feed T the block's output.",
    "replace": "The block instead of T.",
    "beside": "Feed the block T's input.",
}


def placement_options(command: Command) -> Command:
    """An option for each placement, whose values are targets."""
    for name, text in reversed(PLACEMENT_HELP.items()):
        command = click.option(
            f"--{name}",
            multiple=True,
            metavar="TARGET...",
            help=text,
            shell_complete=complete_target,
        )(command)
    return command


@click.command("add")
@BLOCK
@click.argument("more_targets", nargs=-1, metavar="[TARGET]...", shell_complete=complete_target)
@placement_options
@click.option(
    "--with",
    "with_",
    multiple=True,
    metavar="S",
    help="A second input of the block.",
    shell_complete=complete_target,
)
@click.option("--pick", is_flag=True, help="The target is a model: choose its layers from a list.")
@click.option(
    "--into",
    metavar="R",
    help="Only reader R of the target sees the block.",
    shell_complete=complete_target,
)
@click.option("--every", metavar="CLASS", help="All layers of this class under the target.")
@click.option("--where", multiple=True, metavar="K=V", help="Of these only those with K == V.")
@fuse_option("Join with T's output.")
@click.option("--reduce", type=click.Choice(["conv", "linear"]), help="Back to T's channels.")
@click.option("--gate", is_flag=True, help="A learnable gate that starts closed.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A block argument.")
@click.option("--name", metavar="ATTR", help="The name of the new attribute.")
@click.option("--channels", metavar="EXPR", help="The channels, where they cannot be found.")
@click.option("--attach", is_flag=True, help="Allow a hook where no source can be edited.")
@click.option("--inside", is_flag=True, help="As an element of the layer's Sequential; keys move.")
@click.option("--weights", metavar="FILE", help="Of a YOLO: make this checkpoint fit, too.")
@RUNS_THE_MODEL
@INPUT_TRAIN
@WRITES
@EVERY_COMMAND
def command(pick: bool, dry_run: bool, diff: bool, yes: bool, project: str, **options: Any) -> Any:
    """Put BLOCK at layers of a model, and prove it.

    \b
    stitchgen add cbam --after model.layer2
    stitchgen add se --after "model.layer[1-4]" --set reduction=8
    stitchgen add ghost --replace models/resnet.py::BasicBlock.conv2
    stitchgen add cbam,se --after model.layer2 --set se.reduction=8

    BLOCK is a name that `stitchgen list` prints, or your own class, model/attention.py::EMSA.
    """
    request = request_of(**options)
    from stitchgen.pipeline import splice

    at = project_at(project)
    if pick:
        request = replace(request, targets=picked(at, request))
    note_that_the_model_runs()
    outcome = splice.run(at, request, mode=mode_of(dry_run=dry_run, diff=diff))
    if not (dry_run or diff or yes):
        offer_to_remember(at, outcome.result, request)
    return answer(outcome, diff, at.root)


def request_of(
    block: str,
    more_targets: tuple[str, ...],
    settings: tuple[str, ...],
    where: tuple[str, ...],
    no_prove: bool,
    **options: Any,
) -> AddRequest:
    """What the options of `add` ask for."""
    from stitchgen.targets.placement import PLACEMENTS
    from stitchgen.targets.request import AddRequest

    named = {placement: options.pop(name) for name, placement in PLACEMENTS.items()}
    given = {placement: targets for placement, targets in named.items() if targets}
    if len(given) != 1:
        both = " and ".join(f"--{placement}" for placement in given)
        *others, last = [f"--{placement}" for placement in named]
        raise UsageError(
            "usage",
            f"{both} do not go together" if given else "it is not said where the block goes",
            hint=f"give one of {', '.join(others)} and {last}, as in "
            f"stitchgen add {block} --after model.layer2",
        )
    [(placement, targets)] = given.items()
    if swallowed := [target for target in targets if target.startswith("-")]:
        raise UsageError(
            "usage",
            f"--{placement} requires an argument, and {swallowed[0]} is an option",
            hint=f"stitchgen add {block} --{placement} model.layer2 {swallowed[0]}",
        )
    return AddRequest(
        block=block,
        placement=placement,
        targets=targets + more_targets,
        settings=pairs_of(
            "--set",
            [text for text in settings if not text.startswith(REDUCE)],
            several="," in block,
        ),
        reduce_settings=pairs_of("--set", settings, REDUCE),
        where=pairs_of("--where", where),
        prove=not no_prove,
        **options,
    )


def picked(project: Any, request: AddRequest) -> tuple[str, ...]:
    """The layers that somebody chooses from those of the model that is named as the target."""
    from stitchgen.commands.picking import check_terminal, pick
    from stitchgen.pipeline import layers

    block, placement, targets = request.block, str(request.placement), request.targets
    check_terminal(f"stitchgen add {block} --{placement} model.layer2")
    if len(targets) > 1:
        raise UsageError(
            "usage",
            "--pick is for the layers of one model",
            hint=f"stitchgen add {block} --{placement} {targets[0]} --pick",
        )
    note_that_the_model_runs()
    found = layers.run(
        project,
        targets[0],
        shown=layers.Shown(None if request.placement.replaces else block.partition(",")[0]),
        builds=request.builds,
        inputs=request.inputs,
        python=request.python,
        prove=request.prove,
    )
    return pick(found["layers"], block)
