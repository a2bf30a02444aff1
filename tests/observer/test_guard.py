"""Models that do what they like: what they print, touch, end or run on import."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from stitchgen.analysis import import_safety
from stitchgen.errors import StitchError
from stitchgen.pipeline import splice
from stitchgen.project import config
from tests.support.commands import request_of
from tests.support.spliced import tree

NET = """\
import os
import socket
import subprocess
import sys
import time

import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        {forward}
        x = self.conv(x)
        return x
"""
FLAGS = "se --after model.py::Net.conv"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def net(forward: str = "pass", top: str = "") -> str:
    return NET.replace("{forward}", forward) + top


def spliced(root: Path, python: str, source: str) -> dict[str, Any]:
    (root / "model.py").write_text(source)
    return splice.run(config.find_project(root), request_of(FLAGS, python)).result


def refused(root: Path, python: str, source: str) -> StitchError:
    (root / "model.py").write_text(source)
    before = tree(root)
    with pytest.raises(StitchError) as refusal:
        splice.run(config.find_project(root), request_of(FLAGS, python))
    assert tree(root) == before
    return refusal.value


def test_prints(root: Path, python: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Prints, also past `sys.stdout`, spoil no answer and reach no terminal."""
    forward = (
        "print('{', x.shape); os.write(1, b'[1'); sys.stderr.write('oops'); sys.stdout.flush()"
    )
    assert spliced(root, python, net(forward))["proof"]["laws"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("call", ["sys.exit(3)", "raise SystemExit", "exit()"])
def test_exits_in_forward(root: Path, python: str, call: str) -> None:
    error = refused(root, python, net(call))
    assert error.code == "does-not-run"
    assert "sys.exit" in error.message


def test_exits_at_import(root: Path, python: str) -> None:
    error = refused(
        root, python, "import sys\n\nclass Meta(type):\n    x = sys.exit(4)\n\n" + net()
    )
    assert error.code == "does-not-build"


def test_is_killed(root: Path, python: str) -> None:
    error = refused(root, python, net("os.kill(os.getpid(), 9)"))
    assert error.code == "too-large"
    assert "was killed while it was building" in error.message
    error = refused(root, python, net("os.kill(os.getpid(), 15)"))
    assert error.code == "does-not-run"
    assert "ended by signal 15" in error.message
    assert "--python" in (error.hint or "")


def test_ends_the_process(root: Path, python: str) -> None:
    error = refused(root, python, net("os._exit(5)"))
    assert (error.code, "ended with status 5" in error.message) == ("does-not-run", True)


@pytest.mark.parametrize("place", ["forward", "import"])
def test_hangs(root: Path, python: str, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STITCHGEN_TIMEOUT", "8")
    wait = "time.sleep(600)"
    source = net(wait) if place == "forward" else net() + f"\n\nclass Late:\n    x = {wait}\n"
    started = time.monotonic()
    error = refused(root, python, source)
    assert time.monotonic() - started < 60
    assert (error.code, "more than 8 seconds" in error.message) == ("does-not-run", True)
    assert "STITCHGEN_TIMEOUT" in (error.hint or "")


def test_runs_in_a_circle(root: Path, python: str) -> None:
    error = refused(root, python, net("return self(x)"))
    assert error.code == "does-not-run"
    assert "RecursionError" in error.message


FORBIDDEN = {
    "a process": "subprocess.run(['touch', 'touched'])",
    "a shell": "os.system('touch touched')",
    "a file": "open('touched', 'w').close()",
    "a folder": "os.mkdir('touched')",
    "a removal": "os.remove('model.py')",
    "the network": "socket.create_connection(('127.0.0.1', 9), timeout=1)",
    "a server": "socket.socket().bind(('127.0.0.1', 0))",
}


@pytest.mark.parametrize("place", ["forward", "import"])
@pytest.mark.parametrize("what", FORBIDDEN)
def test_may_not_touch_anything(root: Path, python: str, what: str, place: str) -> None:
    code = FORBIDDEN[what]
    source = net(code) if place == "forward" else net(top=f"\n\nclass Late:\n    x = {code}\n")
    error = refused(root, python, source)
    assert error.code == ("does-not-run" if place == "forward" else "does-not-build")
    assert "not allowed here" in error.message
    assert not (root / "touched").exists()


def test_careful_code_goes_on_without(root: Path, python: str) -> None:
    """A model that logs where it may, and else not, is run."""
    lines = "try:", "    open('log.txt', 'a').write('x')", "except OSError:", "    pass"
    forward = "\n        ".join(lines)
    assert spliced(root, python, net(forward))["proof"]["laws"]
    assert not (root / "log.txt").exists()


SCRIPT = """

print("starting")
model = Net()
WIDTHS = [8, 16]
for epoch in range(3):
    open("touched", "w").close()
model.load_state_dict({})
if len(sys.argv) > 99:
    os.remove("model.py")


def build():
    return Net()


open("touched", "a")
"""


def test_a_training_script_is_not_run(root: Path, python: str) -> None:
    result = spliced(root, python, net(top=SCRIPT))
    assert not (root / "touched").exists()
    (warning,) = (w for w in result["warnings"] if w["code"] == "left-out")
    first = net().count("\n") + 3
    assert warning["where"] == f"model.py:{first}"
    assert "only definitions were run" in warning["message"]


def test_what_is_left_out_of_a_script() -> None:
    import ast

    source = net(top=SCRIPT)
    first = {line for line, _ in import_safety.left_out(ast.parse(source))}
    kept = [node for node in ast.parse(source).body if node.lineno not in first]
    assert "WIDTHS = [8, 16]" in [ast.unparse(node) for node in kept]
    names = [node.name for node in kept if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    assert names == ["Net", "build"]
    assert not any("touched" in ast.unparse(node) for node in kept)


def test_leaves_no_bytecode(root: Path, python: str) -> None:
    spliced(root, python, net())
    assert not [path for path in root.rglob("*") if "__pycache__" in path.parts]
    assert os.listdir(root / "blocks") == ["se.py"]
