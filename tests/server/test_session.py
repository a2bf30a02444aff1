"""A session of the server with the client of the mcp package itself."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason="the mcp package is not installed: pip install 'stitchgen[mcp]'")

from mcp import StdioServerParameters
from mcp.client import Client

from stitchgen.server.session import Session
from stitchgen.targets.placement import PLACEMENTS
from tests.support.spliced import MODEL, tree

TOOLS = {"list", "show", "layers", "add", "adopt", "prove", "undo", "status"}
TARGET = "model.py::Net.layer2"
SCRIPT = """\
from torchvision.models import squeezenet1_1

model = squeezenet1_1(num_classes=4)
"""


@pytest.fixture
def project(tmp_path: Path, python: str) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "model.py").write_text(MODEL)
    (root / "stitchgen.toml").write_text(f"python = {json.dumps(python)}\n")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "as it was"]):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        subprocess.run(["git", *identity, *words], cwd=root, check=True)
    return root


def test_the_tool_has_an_argument_for_every_placement():
    assert PLACEMENTS.keys() <= signature(Session.add).parameters.keys()


def command_line(root: Path, *words: str) -> dict[str, Any]:
    """What the same command answers on the command line."""
    done = subprocess.run(
        [sys.executable, "-m", "stitchgen", *words, "--json"],
        cwd=root,
        capture_output=True,
        env=dict(os.environ),
    )
    return json.loads(done.stdout)


def server_of(root: Path) -> StdioServerParameters:
    words = ["-m", "stitchgen", "mcp"]
    return StdioServerParameters(command=sys.executable, args=words, cwd=root, env=dict(os.environ))


async def answer_of(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    answer = result.structured_content
    assert json.loads(result.content[0].text) == answer
    assert result.is_error is not answer["ok"]
    return answer


def test_a_session(project: Path) -> None:
    asyncio.run(session(project))


async def session(root: Path) -> None:
    async with Client(server_of(root)) as client:
        call = partial(answer_of, client)
        listed = (await client.list_tools()).tools
        assert {tool.name for tool in listed} == TOOLS
        assert all(tool.description for tool in listed)

        assert await call("list", search="squeeze") == command_line(
            root, "list", "--search=squeeze"
        )
        assert await call("show", block="se") == command_line(root, "show", "se")
        layers = await call("layers", model="model.py", depth=1)
        assert TARGET in [layer["target"] for layer in layers["layers"]]
        outside = await call("layers", model="../other.py")
        assert outside["error"]["code"] == "bad-argument"

        before = tree(root)
        early = await call("add", block="se", after=[TARGET], apply=True)
        assert early["error"]["code"] == "usage"
        shown = await call("add", block="se", after=[TARGET])
        assert "+        x = self.layer2_se(x)" in shown["patch"]
        assert tree(root) == before
        done = await call("add", block="se", after=[TARGET], apply=True)
        assert done["splices"] == shown["splices"]
        assert "self.layer2_se(x)" in (root / "model.py").read_text()
        assert (await call("status"))["splices"][0]["state"] == "clean"
        proven = await call("prove")
        assert [one["attribute"] for one in proven["splices"]] == ["layer2_se"]

        text = (root / "model.py").read_text()
        (root / "model.py").write_text(text.replace("x = self.layer2_se(x)", "self.layer2_se(x)"))
        wrong = await call("prove")
        assert wrong["error"]["law"] == "consumed"
        line = (root / "model.py").read_text().splitlines().index("        self.layer2_se(x)") + 1
        assert wrong["error"]["where"] == f"model.py:{line}"
        (root / "model.py").write_text(text)

        await call("undo")
        assert tree(root) == before


def test_an_installed_model_is_adopted_in_a_session(
    tmp_path: Path, python_with_torchvision: str
) -> None:
    config = f"python = {json.dumps(python_with_torchvision)}\n"
    (tmp_path / "stitchgen.toml").write_text(config)
    (tmp_path / "train.py").write_text(SCRIPT)
    asyncio.run(adopting(tmp_path))


async def adopting(root: Path) -> None:
    before = tree(root)
    given: dict[str, Any] = {
        "module": "torchvision.models.squeezenet",
        "scripts": ["train.py"],
        "input": ["1x3x64x64"],
    }
    async with Client(server_of(root)) as client:
        call = partial(answer_of, client)
        outside = await call("adopt", **{**given, "to": "../nets"})
        assert outside["error"]["code"] == "bad-argument"
        early = await call("adopt", **given, apply=True)
        assert early["error"]["code"] == "usage" and tree(root) == before

        shown = await call("adopt", **given)
        assert "+from squeezenet import squeezenet1_1" in shown["patch"]
        assert tree(root) == before
        done = await call("adopt", **given, apply=True)
        assert done["files"] == shown["files"]
        assert [one["path"] for one in done["files"]] == ["squeezenet.py", "train.py"]
        assert "from squeezenet import" in (root / "train.py").read_text()

        layers = await call("layers", model="squeezenet.py::SqueezeNet", depth=1)
        assert "squeezenet.py::SqueezeNet.features" in [one["target"] for one in layers["layers"]]
        await call("undo")
        assert tree(root) == before
