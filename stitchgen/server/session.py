"""The Model Context Protocol server, on standard input and output; the one place that imports `mcp`."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp_types import CallToolResult, TextContent, ToolAnnotations

from stitchgen import __version__
from stitchgen.errors import StitchError
from stitchgen.server.tools import INSTRUCTIONS, Json, Tools, answer_of, refused

READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)


def serve(root: Path) -> None:
    """Serve one project until the client closes the input."""
    server_of(root).run("stdio")


def server_of(root: Path) -> MCPServer:
    tools = Tools(root)
    server = MCPServer("stitchgen", instructions=INSTRUCTIONS, version=__version__)
    session = Session(tools)
    server.add_tool(session.list_blocks, name="list", annotations=READS, structured_output=False)
    for function in (session.show, session.layers, session.prove, session.status):
        server.add_tool(function, annotations=READS, structured_output=False)
    for writing in (session.add, session.adopt, session.undo):
        server.add_tool(writing, annotations=WRITES, structured_output=False)
    return server


class Session:
    """The tools. Their names, arguments and docstrings are what the client sees."""

    def __init__(self, tools: Tools):
        self.tools = tools

    async def list_blocks(
        self,
        family: str | None = None,
        layout: str | None = None,
        dims: int | None = None,
        search: str | None = None,
    ) -> CallToolResult:
        """The blocks of the catalog; search for words of their titles and papers, English or Chinese."""
        return await self.run("list", family=family, layout=layout, dims=dims, search=search)

    async def show(self, block: str, source: bool = False) -> CallToolResult:
        """One block: its paper, arguments, layouts, cost and an example; with source=true its code."""
        return await self.run("show", block=block, source=source)

    async def layers(
        self,
        model: str,
        build: list[str] | None = None,
        input: list[str] | None = None,
        depth: int | None = None,
        fits: str | None = None,
    ) -> CallToolResult:
        """The targets of a model (path/model.py, or path/model.py::Class), with channels and layout.

        The model is built and run. build: how it is constructed, as in resnet18(). input: what it is fed,
        as in 1x3x224x224. fits: only layers at which this block can be put.
        """
        return await self.run(
            "layers", model=model, build=build, input=input, depth=depth, fits=fits
        )

    async def add(
        self,
        block: str,
        after: list[str] | None = None,
        before: list[str] | None = None,
        beside: list[str] | None = None,
        replace: list[str] | None = None,
        with_: list[str] | None = None,
        into: str | None = None,
        every: str | None = None,
        fuse: str | None = None,
        gate: bool = False,
        settings: list[str] | None = None,
        name: str | None = None,
        channels: str | None = None,
        build: list[str] | None = None,
        input: list[str] | None = None,
        apply: bool = False,
    ) -> CallToolResult:
        """Put a block after, before, beside or in place of layers, with proof. First without apply.

        Targets are what layers prints: model.py::ResNet.layer2. settings: arguments of the block, as in
        reduction=8. With apply=false nothing is written and the answer has the patch; with apply=true the
        same call writes it.
        """
        given = {key: value for key, value in locals().items() if key not in ("self", "apply")}
        return await self.shown_first("add", given, apply=apply)

    async def adopt(
        self,
        module: str,
        to: str | None = None,
        scripts: list[str] | None = None,
        build: list[str] | None = None,
        input: list[str] | None = None,
        apply: bool = False,
    ) -> CallToolResult:
        """Copy the file of an installed model into the project, proven to be the same model. First without apply.

        For layers that belong to a package: their file cannot be edited, the copy can. module: a dotted name,
        timm.models.resnet or torchvision.models.resnet50. to: the new file or its folder. scripts: files that
        are to construct the copy. With apply=false the answer has the patch; with apply=true the same call
        writes it.
        """
        given = {key: value for key, value in locals().items() if key not in ("self", "apply")}
        return await self.shown_first("adopt", given, apply=apply)

    async def prove(
        self,
        model: str | None = None,
        base: str = "HEAD",
        build: list[str] | None = None,
        input: list[str] | None = None,
    ) -> CallToolResult:
        """Prove an edit that is in the files already, made by hand or by you, against a git revision.

        Finds the new modules and where they sit, and holds all checks of add against them. Where one does
        not hold, error.law names it and error.where is path:line. base may be the model's file as it was.
        """
        return await self.run("prove", model=model, base=base, build=build, input=input)

    async def undo(self, dry_run: bool = False) -> CallToolResult:
        """Take the last run of add back; again for the one before. Edits of others are kept."""
        return await self.run("undo", dry_run=dry_run)

    async def status(self) -> CallToolResult:
        """The state of each splice and block file: clean, edited, moved, outdated, missing, conflict."""
        return await self.run("status")

    async def shown_first(self, command: str, given: Json, *, apply: bool) -> CallToolResult:
        """The patch of a command; with `apply`, what the same call has shown is written."""
        if apply:
            try:
                self.tools.check_shown(command, given)
            except StitchError as error:
                return result_of(refused(error))
            return await self.run(command, **given)
        answer = await self.answer(command, **given, diff=True)
        self.tools.note_shown(command, given, answer)
        return result_of(answer)

    async def run(self, command: str, **arguments: Any) -> CallToolResult:
        return result_of(await self.answer(command, **arguments))

    async def answer(self, command: str, **arguments: Any) -> Json:
        """What the command line answers; the command ends with the call that waits for it."""
        try:
            words = self.tools.command_line(command, arguments)
        except StitchError as error:
            return refused(error)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "stitchgen", *words),
            cwd=self.tools.root,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            output, errors = await process.communicate()
        finally:
            if process.returncode is None:
                process.terminate()
        return answer_of(
            output, process.returncode, errors.decode("utf-8", "replace").splitlines()[-3:]
        )


def result_of(answer: Json) -> CallToolResult:
    text = TextContent(type="text", text=json.dumps(answer))
    failed = not answer.get("ok")
    return CallToolResult(content=[text], structured_content=answer, is_error=failed)
