"""What the variants of a sweep cost before the first run: planned and proven on one observer.

Blocks at stages of a small file of ResNet-18, each with and without a gate; processor time of this process and of
the one that runs the models, which other work on the machine does not change.

    python benchmarks/sweep_planning.py 100
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import tempfile
import time
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).parents[1]))

from stitchgen.catalog import folders
from stitchgen.commands import sweep
from stitchgen.errors import StitchError
from stitchgen.project.config import find_project
from stitchgen.sweep.folders import SweepFolder
from stitchgen.sweep.sources import layout_of
from stitchgen.sweep.spec import Metric, Spec, Variant
from stitchgen.sweep.variants import Planner

MODEL = """\
from torch import nn


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


class ResNet18(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.stem = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(Block(64, 64, 1), Block(64, 64, 1))
        self.layer2 = nn.Sequential(Block(64, 128, 2), Block(128, 128, 1))
        self.layer3 = nn.Sequential(Block(128, 256, 2), Block(256, 256, 1))
        self.layer4 = nn.Sequential(Block(256, 512, 2), Block(512, 512, 1))
        self.fc = nn.Linear(512, classes)

    def forward(self, x):
        x = self.layer1(self.pool(self.stem(x)))
        x = self.layer4(self.layer3(self.layer2(x)))
        return self.fc(x.mean((2, 3)))
"""
PATHS = "stem layer1 layer2 layer3 layer4 layer2.0 layer3.0".split()
TARGETS = [f"model.ResNet18.{name}" for name in PATHS]
TICKS = 100  # of /proc, a second
SHOWN = 50  # how often it is said how far it is


def variants() -> list[Variant]:
    """Every block of two-dimensional features at every target, in a random order that is always the same."""
    blocks = [name for name, one in folders.load().items() if 2 in one.dims]
    found = []
    for gate, target, block in itertools.product((False, True), TARGETS, blocks):
        text = f"{block} --after {target}" + " --gate" * gate
        found.append(Variant(f"v{len(found)}", (text,), (sweep.request_of(text),)))
    return random.Random(0).sample(found, len(found))


def seconds(process: int) -> float:
    """The processor time of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int, nargs="?", default=50)
    count = parser.parse_args().count
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "pyproject.toml").touch()
        (root / "model.py").write_text(MODEL)
        with click.Context(sweep.command).scope():
            chosen = tuple(variants()[:count])
        spec = Spec("s", ("python",), (0,), Metric.of("a"), chosen, python=sys.executable)
        folder = SweepFolder(find_project(root).root, "s")
        rows, refused = [], 0
        with Planner(folder, spec, layout_of(root)) as planner:
            for one in chosen:
                before = [seconds(two.process.pid) for two in planner.shared.open.values()]
                own = time.process_time()
                try:
                    planner.plan(one)
                except StitchError as error:
                    refused += 1
                    print(f"{one.texts[0]}: {error.code}")
                after = [seconds(two.process.pid) for two in planner.shared.open.values()]
                rows.append((time.process_time() - own, sum(after) - sum(before)))
                if len(rows) % SHOWN == 0 and len(rows) < count:
                    print(summary(rows, refused), flush=True)
        print(summary(rows, refused))


def summary(rows: list[tuple[float, float]], refused: int) -> str:
    (first, observed), *others = rows
    text = f"first: {first:.2f} s here, {observed:.2f} s in the observer"
    if others:
        here, there = (sum(column) / len(others) for column in zip(*others))
        text += (
            f"; each of {len(others)} more: {here:.3f} s here, {there:.3f} s in the observer"
            f"; {refused} refused"
        )
    return text


if __name__ == "__main__":
    main()
