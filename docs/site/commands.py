"""The reference of commands, written from click's own description of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from inspect import cleandoc

import click

from stitchgen.cli.main import cli


def page() -> str:
    """All commands in the order of the work, with their options."""
    lines = [
        "# Commands",
        "",
        "Written from the command line itself; `stitchgen COMMAND --help` prints the same.",
    ]
    for name, command in cli.commands.items():
        context = click.Context(command, info_name=f"stitchgen {name}")
        lines += ["", f"## {name}", "", "```text", *usage(command, context), "```", ""]
        lines += [*description(command.help or ""), "", *parameters(command, context)]
        if isinstance(command, click.Group):
            for below in command.list_commands(context):
                inner = command.get_command(context, below)
                assert inner is not None
                at = click.Context(inner, info_name=f"stitchgen {name} {below}")
                lines += ["", f"### {name} {below}", "", "```text", *usage(inner, at), "```", ""]
                lines += [*description(inner.help or ""), "", *parameters(inner, at)]
    return "\n".join(lines) + "\n"


def usage(command: click.Command, context: click.Context) -> list[str]:
    return [" ".join([context.info_name or "", *command.collect_usage_pieces(context)])]


def description(text: str) -> Iterator[str]:
    """The paragraphs of a help text; those that are laid out by hand, as code."""
    for paragraph in re.split(r"\n\s*\n", cleandoc(text.replace("\f", ""))):
        if paragraph.startswith("\b"):
            lines = paragraph.splitlines()[1:]
            language = "sh" if lines[0].startswith("stitchgen ") else "text"
            yield from (f"```{language}", *lines, "```", "")
        else:
            yield from (escaped(" ".join(paragraph.split())), "")


def parameters(command: click.Command, context: click.Context) -> Iterator[str]:
    rows = [
        record
        for one in command.get_params(context)
        if isinstance(one, click.Option) and (record := one.get_help_record(context)) is not None
    ]
    if rows:
        yield from ("| option | what |", "| --- | --- |")
        for option, what in rows:
            # Where a line is too long for a phone it is broken between the choices.
            breakable = escaped(option).replace("&#124;", "&#124;<wbr>")
            yield f"| <code>{breakable}</code> | {escaped(what)} |"


def escaped(text: str) -> str:
    """Plain text as Markdown that shows it, in a cell of a table, too; what is in backticks stays code."""
    parts = re.split(r"(`[^`]*`)", text)
    for place, part in enumerate(parts):
        if place % 2 == 0:
            shown = re.sub(r"([*_\[\]\\])", r"\\\1", escape(part, quote=False))
            parts[place] = shown.replace("|", "&#124;")
    return "".join(parts)
