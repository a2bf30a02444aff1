"""How long commands take, as ratios within one run (whole processes, medians).

    python benchmarks/times.py [--runs 7]

`add --no-prove` with a literal channel, on a model file of 1,000 lines, against black rewriting that
file and against LibCST parsing it; `--help` and `list` against `import click`. Milliseconds differ from
machine to machine; the ratios carry over.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BLOCK = """

class Block{number}(nn.Module):
    def __init__(self, channels, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, stride = stride, padding = 1)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding = 1)
        self.norm2 = nn.BatchNorm2d(channels)
        self.act = nn.ReLU()

    def forward(self, x):
        out = self.act(self.norm1(self.conv1(x)))
        out = self.norm2(self.conv2(out))
        return self.act(x + out)
"""
MODEL = """

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, padding = 1)
        self.block = Block0(32)

    def forward(self, x):
        x = self.stem(x)
        x = self.block(x)
        return x
"""


def source(lines: int) -> str:
    """A model file of so many lines, not formatted as black would have it."""
    text, number = "import torch\nfrom torch import nn\n", 0
    while text.count("\n") + MODEL.count("\n") < lines:
        text += BLOCK.format(number=number)
        number += 1
    return text + MODEL


def seconds(command: list[str], folder: Path, prepare: str, runs: int) -> float:
    """The median of whole runs, after one that warms the caches; the file is as before each time."""
    taken = []
    for _ in range(runs + 1):
        (folder / "model.py").write_text(prepare)
        started = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    python, text = sys.executable, source(1000)
    add = ["add", "cbam", "--after", "model.py::Net.stem", "--no-prove", "--dry-run"]
    parse = "import libcst; libcst.parse_module(open('model.py', 'rb').read())"
    commands = {
        "add --no-prove": [python, "-m", "stitchgen", *add],
        "black, rewriting the file": [python, "-m", "black", "-q", "model.py"],
        "libcst.parse_module": [python, "-c", parse],
        "--help": [python, "-m", "stitchgen", "--help"],
        "list": [python, "-m", "stitchgen", "list"],
        "import click": [python, "-c", "import click"],
    }
    with tempfile.TemporaryDirectory() as name:
        found = {
            label: seconds(command, Path(name), text, runs) for label, command in commands.items()
        }
    print(f"{'command':28} {'ms':>7}   (a model file of {text.count(chr(10))} lines)")
    for label, taken in found.items():
        print(f"{label:28} {taken * 1000:7.0f}")
    for label, others in (
        ("add --no-prove", ("black, rewriting the file", "libcst.parse_module")),
        ("--help", ("import click",)),
        ("list", ("import click",)),
    ):
        for other in others:
            print(f"{label} / {other}: {found[label] / found[other]:.2f}")


if __name__ == "__main__":
    main()
