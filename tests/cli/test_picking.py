"""`add --pick`: layers from a list, on a terminal alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from stitchgen.commands.picking import chosen, ticked

ROOT = Path(__file__).parents[2]
MODEL = """\
from torch import nn


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3)
        self.neck = nn.Conv2d(width, 32, 1)
        self.fc = nn.Linear(32, 5)

    def forward(self, x):
        x = self.stem(x)
        x = self.neck(x)
        return self.fc(x.mean((2, 3)))
"""


@pytest.mark.parametrize(
    ("text", "numbers"), [("2", [2]), ("1,3-5", [1, 3, 4, 5]), ("3 1 3", [1, 3])]
)
def test_numbers(text: str, numbers: list[int]) -> None:
    assert chosen(text, 5) == numbers


@pytest.mark.parametrize("text", ["", "0", "6", "3-1", "layer2", "1-9", "-1"])
def test_no_numbers_of_the_list(text: str) -> None:
    with pytest.raises(click.BadParameter):
        chosen(text, 5)


DOWN, SPACE, ENTER, CTRL_C = "\x1b[B", " ", "\r", "\x03"


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """What is typed into questionary's list."""
    toolkit = pytest.importorskip("prompt_toolkit.application", reason="needs the extra `pick`")
    from prompt_toolkit import output
    from prompt_toolkit.input import create_pipe_input

    monkeypatch.setattr(output, "create_output", lambda stream: output.DummyOutput())
    with create_pipe_input() as typed, toolkit.create_app_session(input=typed):
        yield typed


ROWS = ["model.py::Net.stem", "model.py::Net.neck", "model.py::Net.fc"]


def test_ticked_in_a_list_and_searched(keys: Any) -> None:
    keys.send_text(f"{ENTER}{DOWN}{DOWN}{SPACE}neck{SPACE}{ENTER}")  # nothing is ticked at first
    assert ticked(ROWS) == [1, 2]


def test_a_list_is_left_with_control_c(keys: Any) -> None:
    keys.send_text(f"{SPACE}{CTRL_C}")
    with pytest.raises(KeyboardInterrupt):
        ticked(ROWS)


def test_numbers_on_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(MODEL)
    here, there = os.openpty()
    os.write(here, b"9\n2\n")
    words = ["add", "se", "--after", "model.py", "--pick", "--no-prove", "--quiet", "--yes"]
    without = (
        "import sys; sys.modules['questionary'] = None; from stitchgen.cli.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", without, *words],
        stdin=there,
        stdout=subprocess.PIPE,
        stderr=there,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    shown = os.read(here, 100_000).decode()
    os.close(here)
    os.close(there)
    assert done.returncode == 0, (shown, done.stdout)
    assert "9 is not within 1 to" in shown
    assert "2  model.py::Net.neck" in shown and "32 channels" in shown
    assert "x = self.neck_se(x)" in (tmp_path / "model.py").read_text()


def test_refused_in_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(MODEL)
    done = subprocess.run(
        [sys.executable, "-m", "stitchgen", "add", "se", "--after", "model", "--pick", "--json"],
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["code"]) == (2, "usage")
    assert "stitchgen layers MODEL" in error["hint"]
    assert (tmp_path / "model.py").read_text() == MODEL
