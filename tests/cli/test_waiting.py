"""While the model runs: a line on a terminal, nothing in a pipe, and no process that outlives the command."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stitchgen.observer.__main__ import ATTACHED

#: A model whose forward takes long, and says that it has begun.
SLOW = """\
import pathlib
import tempfile
import time

import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        pathlib.Path(tempfile.gettempdir(), "begun").write_text("")
        time.sleep({seconds})
        return self.conv(x)
"""


@pytest.fixture
def begun(tmp_path, monkeypatch):
    """The file that the model writes when its forward begins, where a model may write."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    return scratch / "begun"


@pytest.fixture
def folder(tmp_path, begun):
    project = tmp_path / "project"
    project.mkdir()
    return project


def slow(folder: Path, seconds: float) -> list[str]:
    (folder / "model.py").write_text(SLOW.format(seconds=seconds))
    command = [sys.executable, "-m", "stitchgen", "layers", "model.py", "--input", "1x3x8x8"]
    return [*command, "--python", sys.executable]


def until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def observers_in(folder: Path) -> list[int]:
    """The processes that run the model of the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            attached = ATTACHED.encode() in (entry / "cmdline").read_bytes().split(b"\0")
            if attached and (entry / "cwd").resolve() == folder.resolve():
                found.append(int(entry.name))
        except (OSError, ValueError):
            continue
    return found


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="no /proc to look for processes in")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_model_ends_with_the_command(folder, begun, number):
    process = subprocess.Popen(
        slow(folder, 300), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until(begun.exists)
    assert observers_in(folder)
    process.send_signal(number)
    process.wait(timeout=90)
    until(lambda: not observers_in(folder), 20)


def test_ctrl_c_is_answered_while_the_model_runs(folder, begun, request):
    # In the background of a shell the signal is ignored, and whoever is started ignores it as well.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    process = subprocess.Popen(
        slow(folder, 300), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    until(begun.exists)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=90)
    assert process.returncode == 130
    assert b"interrupted" in errors


def on_a_terminal(command: list[str], folder: Path, **settings: str) -> str:
    """What a command shows on a terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execve(command[0], command, {**os.environ, "TERM": "xterm", **settings})
    shown = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.waitpid(pid, 0)
    os.close(terminal)
    return shown.decode()


def test_a_terminal_shows_what_is_done_and_erases_it(folder):
    shown = on_a_terminal(slow(folder, 0.3), folder, NO_COLOR="")
    assert "building Net() (" in shown
    erased = shown.rindex("\r\x1b[K")
    assert "building" not in shown[erased:]
    assert "took " in shown[erased:]


def test_plain_output_where_that_is_asked_for(folder):
    shown = on_a_terminal(slow(folder, 0.3), folder, NO_COLOR="1")
    assert "\x1b[K" not in shown
    assert "building" not in shown


def test_nothing_in_a_pipe(folder):
    done = subprocess.run(slow(folder, 0.3), cwd=folder, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "building" not in done.stdout


def test_a_model_that_hangs_is_ended_and_named(folder):
    settings = {**os.environ, "STITCHGEN_TIMEOUT": "4"}
    done = subprocess.run(
        slow(folder, 300), cwd=folder, capture_output=True, text=True, env=settings
    )
    assert done.returncode == 1
    assert "building Net() took more than 4 seconds" in done.stderr
    assert not Path("/proc").exists() or not observers_in(folder)


def test_a_model_that_reads_its_standard_input_gets_nothing(folder):
    (folder / "model.py").write_text("answer = input('which? ')\n" + SLOW.format(seconds=0))
    command = slow(folder, 0)
    (folder / "model.py").write_text(
        SLOW.format(seconds=0).replace("        super", "        input('which? ')\n        super")
    )
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 1
    assert "EOFError" in done.stderr
