"""Every block of the catalog put to use: spliced, and written into a project.

    python benchmarks/catalog.py add                  after a layer of two small models, proven, undone
    python benchmarks/catalog.py new-module           in every dims, into one project: black, ruff, mypy
    python benchmarks/catalog.py add cbam mhsa        some blocks
    python benchmarks/catalog.py add --json add.json

`add` takes each block that fits: one input, channels and size kept, and a layout that the model has;
of the others it expects a refusal that leaves the folder as it was. Both end with status 1
where something is not as it should be. `new-module` needs ruff and mypy.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from stitchgen.catalog import folders
from stitchgen.catalog.block import Block
from stitchgen.cli import main as command_line
from stitchgen.pipeline.proof import CHECKS
from tests.support.warm import warm_python

CONVOLUTIONAL = '''\
import torch
from torch import nn


class Net(nn.Module):
    """Convolutions, with a layer that works on channels last."""

    def __init__(self, width=128):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.stage = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.ReLU())
        self.mlp = nn.Linear(width, width)
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = self.stage(torch.relu(self.norm(self.stem(x))))
        x = self.mlp(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return self.head(x.mean((2, 3)))
'''

TOKENS = '''\
import torch
from torch import nn


class Net(nn.Module):
    """Tokens of patches, two layers, a mean."""

    def __init__(self, width=128):
        super().__init__()
        self.patches = nn.Conv2d(3, width, 8, stride=8)
        self.norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = self.norm(x)
        x = x + self.mlp(x)
        return self.head(x.mean(1))
'''

#: Name, source, size of the input, and for each layout a layer whose output has it.
MODELS = [
    ("convolutional", CONVOLUTIONAL, "2x3x24x32", {"NCHW": "model.stage", "NHWC": "model.mlp"}),
    ("token", TOKENS, "2x3x32x48", {"NLC": "model.norm"}),
]


def fits(block: Block) -> bool:
    """Whether it can follow a layer as it is: one input, and nothing changes its shape."""
    if block.inputs != 1 or block.variadic or (block.channels, block.size) == ("same", "same"):
        return block.inputs == 1 and not block.variadic
    values = {p.name: ast.literal_eval(p.default) for p in block.parameters if p.default}
    values |= {name: ast.literal_eval(text) for name, text in block.example.items()}
    values |= dict.fromkeys(block.channel_parameters, 128) | {"dims": block.usual_dims}
    sizes = all(block.output_size(n, values) == n for n in (12, 16))
    return sizes and block.output_channels(128, values) == 128


def splice(block: Block, model: int, layout: str, python: str) -> dict[str, Any]:
    """`add` in a fresh folder, `undo`, and what became of both."""
    name, source, size, targets = MODELS[model]
    row = {"block": block.name, "model": name, "target": targets[layout], "fits": fits(block)}
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.py"
        file.write_text(source)
        (Path(folder) / "stitchgen.toml").write_text("")
        given = [
            f"--set={k}={v}" for k, v in block.example.items() if k not in block.channel_parameters
        ]
        options = ["--after", targets[layout], "--input", size, "--python", python, *given]
        answer = stitchgen(folder, "add", block.name, *options)
        if answer["ok"]:
            proof = answer["proof"] or {}
            row |= {
                "outcome": "proven",
                "laws": proof.get("laws", []),
                "strategy": answer["splices"][0]["strategy"],
            }
            if row["laws"] != list(CHECKS) or proof.get("not_proven"):
                row["outcome"] = "not proven"
            undone = stitchgen(folder, "undo")
            if (
                not undone["ok"]
                or written(folder) != {"model.py", "stitchgen.toml"}
                or file.read_text() != source
            ):
                row["outcome"] = "not undone"
        else:
            row |= {
                "outcome": "refused",
                "code": answer["error"]["code"],
                "message": answer["error"]["message"],
            }
            if written(folder) != {"model.py", "stitchgen.toml"} or file.read_text() != source:
                row["outcome"] = "refused, yet written"
    return row | {"seconds": round(time.perf_counter() - start, 1)}


def written(folder: str) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in Path(folder).rglob("*") if p.is_file()}


def stitchgen(folder: str, *arguments: str) -> dict[str, Any]:
    """The command's answer. In this process: it never imports torch, and starting takes longer."""
    with (
        contextlib.redirect_stdout(io.StringIO()) as said,
        contextlib.redirect_stderr(io.StringIO()),
    ):
        command_line.run([*arguments, "--json", "--project", folder])
    return json.loads(said.getvalue())


def add(blocks: Iterable[Block], out: Path | None) -> int:
    cases = [
        (block, number, layout)
        for block in blocks
        for number, (_, _, _, targets) in enumerate(MODELS)
        for layout in targets
        if block.dims_for(layout) is not None and not (layout == "NHWC" and "any" in block.layouts)
    ]
    rows = []
    with tempfile.TemporaryDirectory() as folder, warm_python(Path(folder)) as python:
        for case in cases:
            row = splice(*case, python)
            rows.append(row)
            detail = row.get("strategy") or f"{row['code']}: {row['message']}"
            print(
                f"{row['block']:<20} {row['target']:<12} {row['outcome']:<10} {detail}", flush=True
            )
    wrong = [r for r in rows if r["outcome"] != ("proven" if r["fits"] else "refused")]
    wrong = [r for r in wrong if r["fits"] or r["outcome"] != "proven"]  # a shape may fit by chance
    fitting = [row for row in rows if row["fits"]]
    others = sorted({row["block"] for row in rows} - {row["block"] for row in fitting})
    print(
        f"{len({row['block'] for row in fitting})} blocks that fit, {len(fitting)} splices: "
        f"{sum(row['outcome'] == 'proven' for row in fitting)} proven and undone; others: "
        + ", ".join(others)
    )
    if out:
        out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    for row in wrong:
        print("wrong:", json.dumps(row))
    return 1 if wrong else 0


def new_module(blocks: Iterable[Block]) -> int:
    """Every block in every dims into the `blocks` folder of one project."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        (project / "pyproject.toml").write_text("")
        names = []
        for block in blocks:
            for dims in block.dims:
                answer = stitchgen(folder, "new-module", block.name, "--dims", str(dims))
                if not answer["ok"]:
                    raise SystemExit(f"{block.name} {dims}: {answer['error']}")
                path = project / "blocks" / f"{block.module_for(dims)}.py"
                names.append(f"blocks.{path.stem}")
                assert path.is_file() and block.class_for(dims) == answer["class"]
        names = list(dict.fromkeys(names))
        (project / "everything.py").write_text("".join(f"import {name}\n" for name in names))
        failed = 0
        for command in (
            ["everything.py"],
            ["-m", "black", "--check", "--quiet", "blocks"],
            ["-m", "ruff", "check", "--no-cache", "blocks"],
            ["-m", "mypy", "--no-error-summary", "blocks"],
        ):
            start = time.perf_counter()
            done = subprocess.run(
                [sys.executable, *command], cwd=folder, capture_output=True, text=True, check=False
            )
            said = done.stdout.replace("All checks passed!\n", "") + done.stderr
            silent = done.returncode == 0 and not said
            failed += not silent
            seconds = time.perf_counter() - start
            print(
                f"{' '.join(command):<40} {'silent' if silent else said} ({seconds:.0f} s)",
                flush=True,
            )
        print(f"{len(names)} modules")
        return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("task", choices=["add", "new-module"])
    parser.add_argument("blocks", nargs="*")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows of `add`")
    options = parser.parse_args()
    found = folders.load()
    blocks = [found[name] for name in options.blocks or found]
    return new_module(blocks) if options.task == "new-module" else add(blocks, options.json)


if __name__ == "__main__":
    sys.exit(main())
