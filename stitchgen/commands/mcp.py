"""`stitchgen mcp`."""

from __future__ import annotations

import importlib.util
from typing import Any

import click

from stitchgen.commands.conversation import project_at
from stitchgen.commands.options import PROJECT
from stitchgen.errors import StitchError


@click.command("mcp", short_help="Serve the commands to assistants.")
@PROJECT
def command(project: str) -> Any:
    """Serve the Model Context Protocol on standard input and output, for assistants.

    The tools are list, show, layers, add, prove, undo and status of this project, and no other.
    """
    if importlib.util.find_spec("mcp") is None:
        raise StitchError(
            "no-mcp",
            "the Model Context Protocol is served with the mcp package, which is not installed",
            hint="pip install 'stitchgen[mcp]'",
        )
    from stitchgen.server import session

    session.serve(project_at(project).root)
    # Standard output was the client's alone.
    return {"ok": True, "command": "mcp"}
