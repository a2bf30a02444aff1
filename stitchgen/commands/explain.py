"""`stitchgen explain`."""

from __future__ import annotations

from typing import Any

import click

from stitchgen.commands.options import JSON_OPTION


def _complete(ctx: click.Context, parameter: click.Parameter, text: str) -> list[str]:
    from stitchgen.explanations.entries import explanations

    return [code for code in sorted(explanations()[0]) if code.startswith(text)]


@click.command("explain", short_help="What the CODE of an error or warning means, and what to do.")
@click.argument("code", required=False, shell_complete=_complete)
@click.option(
    "--lang", type=click.Choice(["en", "zh"]), help="English or Chinese (else the locale's)."
)
@JSON_OPTION
def command(code: str | None, lang: str | None) -> Any:
    """What the CODE of an error or warning means, and what to do; without it, all codes."""
    from stitchgen.explanations import explain

    return explain.run(code, lang)
