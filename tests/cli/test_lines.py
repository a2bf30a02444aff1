"""On a terminal a command shows the lines that it wrote or took out."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from stitchgen.cli import report
from tests.support.spliced import MODEL, splice

pytestmark = pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals of POSIX")

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
ROOT = Path(__file__).parents[2]


def on_a_terminal(folder: Path, *arguments: str) -> str:
    here, there = os.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"}
    environment.pop("NO_COLOR", None)
    done = subprocess.run(
        [sys.executable, "-m", "stitchgen", *arguments],
        stdin=there,
        stdout=there,
        stderr=there,
        cwd=folder,
        env=environment,
    )
    assert done.returncode == 0
    shown = os.read(here, 100_000).decode()
    os.close(here)
    os.close(there)
    return shown.replace("\r\n", "\n")


def test_remove_shows_what_went_in_colour_and_quiet_does_not(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(MODEL)
    splice(tmp_path)
    shown = on_a_terminal(tmp_path, "remove", "layer2_cbam", "--dry-run")
    assert "\x1b[31m\x1b[1m-        self.layer2_cbam = CBAM(width)\x1b[0m\n" in shown
    plain = COLOUR.sub("", shown).splitlines()
    assert plain[0] == "model.py:2"
    assert plain[1:6] == [
        " ",
        " import torch",
        " import torch.nn as nn",
        "-from blocks.cbam import CBAM",
        " ",
    ]
    assert "stitchgen.lock" not in shown and "return x" not in shown
    end = [
        "",
        "removed: cbam at model.py::Net.layer2: layer2_cbam",
        "  edit        model.py",
        "  delete      blocks/cbam.py",
        "nothing was written (dry run)",
    ]
    assert untimed(plain)[-5:] == end
    quiet = on_a_terminal(tmp_path, "remove", "layer2_cbam", "--dry-run", "--quiet")
    assert untimed(COLOUR.sub("", quiet).splitlines()) == end[1:]


def untimed(lines: list[str]) -> list[str]:
    """Without how long it took, which is said on a busy machine."""
    return [line for line in lines if not line.startswith("took ")]


def test_what_is_piped_has_no_lines(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(MODEL)
    splice(tmp_path)
    command = [sys.executable, "-m", "stitchgen", "undo", "--dry-run"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout.startswith("taken back: add cbam --after layer2\n")


def test_the_lines_come_before_the_report() -> None:
    patch = "--- a/a b.py\t\n+++ b/a b.py\t\n@@ -1,2 +7,3 @@\n x = 1\n+y = 2\r\n z = 3\n"
    result = {"command": "undo", "undone": "add x", "files": [1], "warnings": [], "lines": patch}
    lines = report.text(result | {"files": [{"path": "a b.py", "action": "restore"}]}).splitlines()
    assert lines[:5] == ["a b.py:7", " x = 1", "+y = 2", " z = 3", ""]
    assert lines[5] == "taken back: add x"
