"""Random lives of splices: add, edit, format, remove, update and undo in any order.

    python benchmarks/lifecycle.py 10000          # so many steps, in lives of 25
    python benchmarks/lifecycle.py 25 --seed 7    # one life again
    python benchmarks/lifecycle.py 500 --only body   # all at the Sequential, where splices meet

After each step: no command has crashed, what was refused has changed nothing, the file parses, every line of the
user's own is there, every splice that is recorded stands, and none that was taken out. At the end of a life all
splices are removed, and what is left means what the file meant before, with the user's lines in it.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import black
import isort

from stitchgen.catalog import folders
from stitchgen.errors import InternalError, StitchError
from stitchgen.history import ledger, status, undo, update
from stitchgen.pipeline import remove
from stitchgen.pipeline import splice as splicing
from stitchgen.project.config import Project
from stitchgen.targets.placement import AFTER, BEFORE
from stitchgen.targets.request import AddRequest

LIFE = 25
BLOCKS = ("cbam", "se", "eca", "simam")
CLASSES = ("CBAM", "SE", "ECA", "SimAM")
MARK = re.compile(r"^\s*mark_\d+ = \d+$", re.MULTILINE)

MODEL = '''\
"""A model with most ways to run a layer."""

import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, planes):
        super().__init__()
        self.conv = nn.Conv2d(planes, planes, 3, padding=1)
        self.norm = nn.BatchNorm2d(planes)

    def forward(self, x):
        out = self.conv(x)
        out = self.norm(out)
        return out + x


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.first = Block(width)
        self.second = Block(width)
        self.stage = nn.Sequential(*[Block(width) for _ in range(3)])
        self.body = nn.Sequential(nn.Conv2d(width, width, 1), nn.ReLU(), nn.Conv2d(width, width, 1))
        self.layers = nn.ModuleList([nn.Conv2d(width, width, 1) for _ in range(3)])
        self.head = nn.Linear(width, 10)

    def features(self, x):
        x = self.stem(x)
        x = self.second(self.first(x))
        return self.stage(x)

    def forward(self, x):
        x = self.features(x)
        x = self.body(x)
        for layer in self.layers:
            x = layer(x)
        return self.head(x.mean((2, 3)))
'''

TARGETS = (
    "stem",
    "first",
    "second",
    "stage",
    "body",
    "first.conv",
    "second.norm",
    "stage.1.conv",
    "stage.*.norm",
    "body.0",
    "body.2",
    "layers.1",
    "layers.*",
)


class Wrong(Exception):
    """What must never be."""


class Life:
    """One project, from the first step to the last."""

    def __init__(self, folder: Path, choice: random.Random, targets: Sequence[str] = TARGETS):
        self.choice = choice
        self.targets = targets
        self.root = folder / "project"
        self.root.mkdir()
        self.file = self.root / "model.py"
        self.file.write_text(MODEL)
        self.catalog = folder / "lab-blocks"
        self.catalog.mkdir()
        for name in BLOCKS:
            shutil.copy(folders.get(name).template, self.catalog)
        self.project = Project(self.root, catalogs=(str(self.catalog),))
        self.marks = 0
        self.own: set[int] = set()  # the numbers of the user's lines
        self.said: Counter[str] = Counter()
        os.chdir(self.root)

    # -- steps

    def step(self) -> str:
        name = self.choice.choices(
            ("add", "edit", "format", "remove", "update", "undo"), (8, 4, 2, 4, 3, 2)
        )[0]
        self.before = self.tree()
        try:
            what = getattr(self, name)()
        except StitchError as error:
            if isinstance(error, InternalError):
                raise
            if self.tree() != self.before:
                raise Wrong(f"{name} was refused and has changed something") from error
            what = f"{name}: {error.code}"
        self.said[what if ": " in what else what.partition(" ")[0]] += 1
        self.check()
        return what

    def add(self) -> str:
        many = self.choice.choices((1, 2, 3), (8, 2, 1))[0]
        block = ",".join(f"lab/{name}" for name in self.choice.sample(BLOCKS, many))
        names = [e.record.attribute for e in ledger.load(self.root).entries if e.names[0] == "Net"]
        places = [*self.targets, *(name for name in names if "." not in name)]
        target = f"model.py::Net.{self.choice.choice(places)}"
        placement = self.choice.choice((AFTER, AFTER, BEFORE))
        inside = many == 1 and target.startswith("model.py::Net.body.")
        request = AddRequest(
            block=block,
            placement=placement,
            targets=(target,),
            prove=False,
            inside=inside and self.choice.random() < 0.7,
        )
        splicing.run(self.project, request)
        return f"add {request.command_line()}"

    def edit(self) -> str:
        """A line of the user's own, in front of some statement."""
        source = self.file.read_text()
        tree = ast.parse(source)
        suites = [
            statement
            for node in ast.walk(tree)
            if isinstance(node, (ast.FunctionDef, ast.Module))
            for statement in node.body[1:]
            if not isinstance(statement, ast.Module)
        ]
        line = self.choice.choice(suites).lineno - 1
        lines = source.splitlines(keepends=True)
        indent = re.match(r"\s*", lines[line])
        assert indent is not None
        self.marks += 1
        lines.insert(line, f"{indent.group()}mark_{self.marks} = {self.marks}\n")
        self.file.write_text("".join(lines))
        return "edit"

    def format(self) -> str:
        text = self.file.read_text()
        if self.choice.random() < 0.5:
            text = isort.code(text, profile=self.choice.choice(("black", "google")))
        length = self.choice.choice((50, 88, 120))
        self.file.write_text(black.format_str(text, mode=black.Mode(line_length=length)))
        return "format"

    def remove(self) -> str:
        entries = ledger.load(self.root).entries
        if not entries:
            return "remove: nothing"
        entry = self.choice.choice(entries)
        cascade = self.choice.random() < 0.4
        remove.run(self.project, (entry.record.attribute,), every=True, cascade=cascade)
        return f"remove {entry.record.attribute}{' --cascade' * cascade}"

    def update(self) -> str:
        """The catalog changes a block, or the user does, and then both are merged."""
        name = self.choice.choice(BLOCKS)
        template = self.catalog / f"{name}.py.j2"
        self.marks += 1
        text = template.read_text()
        template.write_text(text.replace("\n\nclass ", f"\nNEWER_{self.marks} = 1\n\n\nclass ", 1))
        for path in (self.root / "blocks").glob(f"{name}*.py"):
            if self.choice.random() < 0.5:
                path.write_text(path.read_text() + f"\n\nOWN_{self.marks} = {self.marks}\n")
        self.before = self.tree()
        result = update.run(self.project, (f"lab/{name}",)).result
        return "update: " + "-".join(sorted({file["state"] for file in result["files"]}))

    def undo(self) -> str:
        return f"undo {undo.run(self.project).result['undone']}"

    # -- what holds

    def tree(self) -> dict[str, bytes]:
        return {str(p): p.read_bytes() for p in sorted(self.root.rglob("*")) if p.is_file()}

    def check(self) -> None:
        text = self.file.read_text()
        ast.parse(text)
        marks = {int(number) for number in re.findall(r"mark_\d+ = (\d+)", text)}
        lost = set(self.own) - marks
        if lost:
            raise Wrong(f"lines of the user are lost: {sorted(lost)}")
        self.own = marks
        entries = ledger.load(self.root).entries
        found = status.run(self.project)
        bad = [one for one in found["splices"] if one["state"] in ("missing", "conflict", "edited")]
        if bad:
            raise Wrong(f"not as recorded: {bad}")
        known = {entry.name for entry in entries}
        for attribute in set(re.findall(rf"\.(\w+_(?:{'|'.join(BLOCKS)})(?:_\d+)?)\b", text)):
            if attribute not in known:
                raise Wrong(f"{attribute} stands in the file, and no splice has it")
        elements = [
            element
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "nn.Sequential"
            for element in node.args
            if isinstance(element, ast.Call) and isinstance(element.func, ast.Name)
            if element.func.id in CLASSES
        ]
        inside = sum(entry.record.strategy == "inside" for entry in entries)
        if len(elements) != inside:
            raise Wrong(f"{len(elements)} blocks are elements of a Sequential, {inside} recorded")

    def end(self) -> None:
        remove.run(self.project, (), every=True) if ledger.load(self.root).entries else None
        left = MARK.sub("", self.file.read_text())
        for one in (left, MODEL):
            ast.parse(one)
        if _meaning(left) != _meaning(MODEL):
            raise Wrong("what is left is not the model as it was")
        if (self.root / "stitchgen.lock").exists():
            raise Wrong("the ledger is still there")


def _meaning(text: str) -> str:
    return ast.dump(ast.parse(isort.code(text, profile="black")))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("steps", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="targets that begin so")
    options = parser.parse_args(arguments)
    targets = [target for target in TARGETS if target.startswith(options.only)]
    here = Path.cwd()
    said: Counter[str] = Counter()
    failures = 0
    for seed in range(options.seed, options.seed + (options.steps + LIFE - 1) // LIFE):
        steps: list[str] = []
        with tempfile.TemporaryDirectory() as folder:
            life = Life(Path(folder), random.Random(seed), targets)
            try:
                for _ in range(LIFE):
                    steps.append(life.step())
                life.end()
            except Exception as error:
                failures += 1
                print(f"seed {seed}: {type(error).__name__}: {error}")
                for one in steps[-8:]:
                    print("   ", one)
                if os.environ.get("KEEP"):
                    shutil.copytree(folder, f"{os.environ['KEEP']}/{seed}", dirs_exist_ok=True)
            os.chdir(here)
        said += life.said
    print(f"{said.total()} steps, {failures} lives went wrong")
    for what, count in said.most_common():
        print(f"{count:6} {what}")
    return 1 if failures else 0


if __name__ == "__main__":
    os.fsync = lambda handle: None  # type: ignore[assignment]
    sys.exit(main())
