"""`add --pick`: the layers of a model as a numbered list, from which somebody at a terminal chooses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import click

from stitchgen.commands.conversation import current
from stitchgen.errors import UsageError


def check_terminal(command: str) -> None:
    """Refuse to ask where nobody answers."""
    if not current().interactive:
        raise UsageError(
            "usage",
            "--pick asks which layers, which needs a terminal, and no --json",
            hint=f"see the layers with stitchgen layers MODEL, then name one: {command}",
        )


def pick(layers: Sequence[Mapping[str, Any]], block: str) -> tuple[str, ...]:
    """The targets that somebody chooses; a refusal where there is none to choose."""
    offered = [layer for layer in layers if layer.get("target")]
    if not offered:
        raise UsageError(
            "usage",
            f"no layer of this model takes {block}",
            hint="stitchgen layers MODEL shows all of them, with channels and layout",
        )
    width = len(str(len(offered)))
    wide = max(len(layer["target"]) for layer in offered)
    for number, layer in enumerate(offered, 1):
        channels = "?" if layer.get("channels") is None else layer["channels"]
        facts = f"{layer['class']:<16} {channels:>5} channels  {layer.get('layout') or '?'}"
        click.echo(f"{number:>{width}}  {layer['target']:<{wide}}  {facts}", err=True)
    numbers = click.prompt(
        "layers (as 3 or 1,4-6)",
        value_proc=lambda text: chosen(text, len(offered)),
        err=True,
    )
    return tuple(offered[number - 1]["target"] for number in numbers)


def chosen(text: str, count: int) -> list[int]:
    """`1,4-6` as numbers, each once, in the order of the list."""
    found: set[int] = set()
    for part in text.replace(" ", ",").split(","):
        if not part:
            continue
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        if match is None:
            raise click.BadParameter(f"{part!r} is no number of the list")
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last <= count:
            raise click.BadParameter(f"{part} is not within 1 to {count}")
        found |= set(range(first, last + 1))
    if not found:
        raise click.BadParameter("name at least one")
    return sorted(found)
