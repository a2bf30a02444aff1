"""`add --pick`: the layers of a model as a list, from which somebody at a terminal chooses.

With questionary (the extra `pick`) they are ticked with the arrow keys, and searched by typing; without it they
are numbered.
"""

from __future__ import annotations

import importlib.util
import re
import sys
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
    rows = described(offered)
    ask = ticked if importlib.util.find_spec("questionary") is not None else numbered
    return tuple(offered[index]["target"] for index in ask(rows))


def described(layers: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each layer: its target, class, channels and layout."""
    wide = max(len(layer["target"]) for layer in layers)
    return [
        f"{layer['target']:<{wide}}  {layer['class']:<16} "
        f"{'?' if layer.get('channels') is None else layer['channels']:>5} channels  {layer.get('layout') or '?'}"
        for layer in layers
    ]


def ticked(rows: Sequence[str]) -> list[int]:
    """The rows that are ticked; raises KeyboardInterrupt where the question is left with Ctrl-C."""
    import questionary
    from prompt_toolkit.output import create_output

    found: list[int] = questionary.checkbox(
        "layers",
        choices=[questionary.Choice(row, value=index) for index, row in enumerate(rows)],
        validate=lambda indices: bool(indices) or "tick at least one, with the space bar",
        use_jk_keys=False,  # they are typed to search
        use_search_filter=True,
        output=create_output(sys.stderr),  # stdout is for the report
    ).unsafe_ask()
    return sorted(found)


def numbered(rows: Sequence[str]) -> list[int]:
    """The rows whose numbers are typed."""
    width = len(str(len(rows)))
    for number, row in enumerate(rows, 1):
        click.echo(f"{number:>{width}}  {row}", err=True)
    found: list[int] = click.prompt(
        "layers (as 3 or 1,4-6)", value_proc=lambda text: chosen(text, len(rows)), err=True
    )
    return [number - 1 for number in found]


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
