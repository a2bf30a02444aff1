"""`stitchgen init`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stitchgen.commands.conversation import current
from stitchgen.commands.options import JSON_OPTION

#: Written out, so that `--help` need not load what makes projects; `tests/scaffold` holds them to it.
MODELS = ("resnet", "unet", "vit", "cnn1d")
DATA = ("digits", "folder")
OPTIMIZERS = ("adamw", "sgd")
SCHEDULES = ("cosine", "step")


@click.command("init", short_help="A new project: model, data, training, metrics and a sweep.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--model",
    type=click.Choice(MODELS),
    help="A small ResNet, a U-Net for masks, a vision transformer, or a 1-D CNN for signals.",
)
@click.option(
    "--data",
    type=click.Choice(DATA),
    help="scikit-learn's digits, or a folder of files of your own: images, images and masks, or signals.",
)
@click.option("--optimizer", type=click.Choice(OPTIMIZERS), help="What moves the weights.")
@click.option("--schedule", type=click.Choice(SCHEDULES), help="How the learning rate falls.")
@click.option("--tasks", type=click.IntRange(1, 2), metavar="1|2", help="Heads of the model.")
@click.option(
    "--distill/--no-distill", default=None, help="Let the model learn from a trained teacher, too."
)
@click.option("--yes", is_flag=True, help="Ask nothing: what is not given is resnet, digits, ...")
@click.option("--dry-run", is_flag=True, help="Do all but write.")
@JSON_OPTION
def command(folder: Path, yes: bool, dry_run: bool, **given: Any) -> Any:
    """A new project: model, data, training, metrics and a sweep, as source of your own.

    \b
    stitchgen init exp --yes && cd exp && stitchgen sweep
    stitchgen init masks --model unet --data folder
    """
    from stitchgen.scaffold import new
    from stitchgen.scaffold.choices import Choices

    if current().interactive and not yes:
        given = _asked(given)
    chosen = {name: value for name, value in given.items() if value is not None}
    return new.run(folder, Choices(**chosen), dry_run=dry_run)


def _asked(given: dict[str, Any]) -> dict[str, Any]:
    """Ask for what was not given; the usual answer is a bare Return."""
    from stitchgen.scaffold.choices import Choices

    usual = Choices()
    lists = {"model": MODELS, "data": DATA, "optimizer": OPTIMIZERS, "schedule": SCHEDULES}
    found = dict(given)
    for name, values in lists.items():
        if found[name] is None:
            kind = click.Choice(values)
            found[name] = click.prompt(name, default=getattr(usual, name), type=kind, err=True)
    if found["tasks"] is None:
        found["tasks"] = click.prompt(
            "heads of the model", default=usual.tasks, type=click.IntRange(1, 2), err=True
        )
    if found["distill"] is None:
        found["distill"] = click.confirm("learn from a teacher, too", default=False, err=True)
    return found
