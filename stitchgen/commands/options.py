"""The options that several commands have, and what their texts mean."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from stitchgen.errors import StitchError, UsageError
from stitchgen.fusions.registry import FUSIONS

Command = TypeVar("Command", bound=Callable[..., Any])

#: What `--set` says of the reduction, not of the block: `--set reduce.norm=true`.
REDUCE = "reduce."


def options(*shared: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for option in reversed(shared):
            command = option(command)
        return command

    return decorate


#: `--json` is read from the arguments before click sees them, since it rules usage errors too.
JSON_OPTION = click.option(
    "--json", is_flag=True, expose_value=False, help="Print one JSON object on stdout."
)
PROJECT = click.option(
    "--project",
    metavar="DIR",
    help="The project's root (else the nearest folder upwards with a stitchgen.toml, "
    "pyproject.toml or .git, else the current one).",
)
EVERY_COMMAND = options(PROJECT, JSON_OPTION)


def _quiet(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        ctx.obj.shows = False


WRITES = options(
    click.option("--dry-run", is_flag=True, help="Do all but write."),
    click.option("--diff", is_flag=True, help="A dry run that prints the patch for `git apply`."),
    click.option("--yes", is_flag=True, help="Ask nothing."),
    click.option(
        "--quiet",
        is_flag=True,
        expose_value=False,
        callback=_quiet,
        help="On a terminal, do not show the lines that are written or taken out.",
    ),
)


def _python(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """A path is seen from here, wherever the model is then run; a bare name is left to PATH."""
    if value and os.path.dirname(value):
        return os.path.abspath(os.path.expanduser(value))
    return value


PYTHON = click.option(
    "--python",
    metavar="PATH",
    callback=_python,
    help="The interpreter that runs the model (else the configured one, else the active "
    "virtual environment's, else the one that runs stitchgen).",
)


def _memory(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """For the process that runs the model, as long as the command runs."""
    if value is None:
        return
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?", value.strip(), re.IGNORECASE)
    if match is None:
        raise click.BadParameter(f"{value} is no size: 8G, 512M", ctx, parameter)
    size = int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))

    @contextmanager
    def limited() -> Iterator[None]:
        before = os.environ.get("STITCHGEN_MEMORY")
        os.environ["STITCHGEN_MEMORY"] = str(size)
        try:
            yield
        finally:
            os.environ.pop("STITCHGEN_MEMORY")
            if before is not None:
                os.environ["STITCHGEN_MEMORY"] = before

    ctx.with_resource(limited())


MEMORY = click.option(
    "--memory",
    metavar="SIZE",
    expose_value=False,
    callback=_memory,
    help="What the process that runs the model may take in all, as in 8G (else what is free): a larger model "
    "is refused before it is built.",
)
BUILD_AND_INPUT = options(
    click.option(
        "--build",
        "builds",
        multiple=True,
        metavar="EXPR",
        help="How to construct the model, as in 'resnet18()', evaluated in the model file, or "
        "'package.module:expr'. Repeat for several configurations.",
    ),
    click.option(
        "--input",
        "inputs",
        multiple=True,
        metavar="SHAPE",
        help="What to feed it: 1x3x224x224, 1x16:int64, or a Python expression. Repeat for a "
        "model that takes several tensors.",
    ),
    PYTHON,
    MEMORY,
)
RUNS_THE_MODEL = options(
    BUILD_AND_INPUT,
    click.option("--no-prove", is_flag=True, help="Do not run the edited model; say so."),
)


INPUT_TRAIN = click.option(
    "--input-train",
    "inputs_train",
    multiple=True,
    metavar="SHAPE",
    help="What the model takes in train mode, where that is something else than in eval: images and "
    "their targets, say.",
)


def fuse_option(help: str) -> Callable[[Command], Command]:
    """`--fuse`, whose value is the fusion itself."""

    def fusion(ctx: click.Context, parameter: click.Parameter, name: str | None) -> Any:
        return None if name is None else FUSIONS[name]

    return click.option("--fuse", type=click.Choice(list(FUSIONS)), callback=fusion, help=help)


def _complete_block(ctx: click.Context, parameter: click.Parameter, text: str) -> list[str]:
    from stitchgen.catalog import folders
    from stitchgen.project import config

    try:
        names = folders.load(config.find_project(None).catalogs)
    except StitchError:
        return []
    return sorted(name for name in names if name.startswith(text))


def complete_target(ctx: click.Context, parameter: click.Parameter, text: str) -> list[str]:
    from pathlib import Path

    from stitchgen.targets.completion import complete

    return complete(Path.cwd(), text)


def complete_splice(ctx: click.Context, parameter: click.Parameter, text: str) -> list[str]:
    """The attributes and targets of recorded splices that begin so."""
    from stitchgen.history import ledger
    from stitchgen.project import config

    try:
        entries = ledger.load(config.find_project(ctx.params.get("project")).root).entries
    except StitchError:
        return []
    names = {name for one in entries for name in (one.record.attribute, one.record.target)}
    return sorted(name for name in names if name.startswith(text))


def _complete_recorded_block(
    ctx: click.Context, parameter: click.Parameter, text: str
) -> list[str]:
    from stitchgen.history import ledger
    from stitchgen.project import config

    try:
        entries = ledger.load(config.find_project(ctx.params.get("project")).root).entries
    except StitchError:
        return []
    return sorted({one.record.block for one in entries if one.record.block.startswith(text)})


#: `--block` of what is about recorded splices.
RECORDED_BLOCK = click.option(
    "--block",
    metavar="BLOCK",
    help="Only splices of this block.",
    shell_complete=_complete_recorded_block,
)
BLOCK = click.argument("block", shell_complete=_complete_block)


def mode_of(*, dry_run: bool, diff: bool) -> str:
    return "diff" if diff else "dry-run" if dry_run else "apply"


def pairs_of(
    option: str, values: Iterable[str], below: str = "", *, several: bool = False
) -> dict[str, str]:
    """The `name=value` texts of a repeatable option; `below` a prefix, those with it alone. With
    `several` blocks, a name may begin with that of one: `se.reduction=8`."""
    pairs: dict[str, str] = {}
    for text in values:
        name, equals, value = text.partition("=")
        name = name.strip()
        if below and not name.startswith(below):
            continue
        name = name[len(below) :]
        own = name.partition(".")[2] if several and "." in name else name
        if not equals or not own.isidentifier():
            raise UsageError(
                "bad-argument",
                f"{option} {text!r} is not of the form name=value",
                hint=f"{option} reduction=8",
            )
        if name in pairs:
            raise UsageError(
                "bad-argument",
                f"{option} gives {name} twice",
                hint=f"keep one of {name}={pairs[name]} and {text}",
            )
        pairs[name] = value.strip()
    return pairs
