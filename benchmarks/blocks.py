"""Each block of the catalog beside an independent implementation: error, time, memory.

    python benchmarks/blocks.py                        the table of all blocks
    python benchmarks/blocks.py cbam mhsa --channels 64 256 --sizes 14 56
    python benchmarks/blocks.py --markdown blocks.md --csv blocks.csv --json blocks.json

Both get the same weights and the same inputs, one thread, in turns, in one process. `error` is the
largest difference of outputs and input gradients in float64, relative to the largest value; `time`
is the ratio of a forward and backward pass in float32, ours to theirs, in processor time of the
thread, as the geometric mean over the settings (`slowest`: the largest of them); `memory` the same
of the peak of what such a pass allocates. A block whose head says `oracle = "none"` has
`unverified` in these columns. Exit status 1 where a block is above LIMITS.

It needs torch, torchvision and timm; pytest too, since the formulas are those of the tests.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import csv
import json
import math
import os
import statistics
import sys
import time
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.oracles import Oracle, oracles
from stitchgen.catalog import folders, formula, render
from stitchgen.catalog.block import Block

CHANNELS, SIZES, BATCH = (64, 256, 512), (7, 14, 28), 4
COLUMNS = ("block", "family", "paper", "oracle", "error", "time", "slowest", "memory")
RATIOS = ("time", "slowest", "memory")
#: What no block may be above: slower than its oracle, or heavier (a part in a hundred is one
#: allocation of a few numbers).
LIMITS = {"time": 1.1, "memory": 1.01}

Pass = Callable[[], None]


def measure(
    block: Block, oracle: Oracle, channels: tuple[int, ...], sizes: tuple[int, ...]
) -> dict[str, Any]:
    """One row of the table."""
    made = types.ModuleType(f"rendered_{block.name}")
    exec(render.block_source(block), made.__dict__)
    settings = []
    for c in channels:
        arguments, theirs = oracle.make(c)
        ours = getattr(made, block.class_name)(**arguments)
        randomise(ours)
        if isinstance(theirs, nn.Module):
            (oracle.load or by_names(oracle.names))(ours, theirs)
            theirs.train(oracle.training)
        ours.train(oracle.training)
        for size in oracle.sizes or sizes:
            shapes = input_shapes(block, arguments, c, size)
            passes = both(ours, theirs, shapes)
            mine, other = map(peak, passes)
            inputs = 4 * sum(map(math.prod, shapes))  # bytes that both find there
            setting = {
                "shapes": shapes,
                "error": error(ours, theirs, shapes),
                "time": time_ratio(*passes),
                "memory": (mine + inputs) / (other + inputs),
            }
            settings.append(setting)
    times = [setting["time"] for setting in settings]
    return {
        **known(block),
        "error": max(setting["error"] for setting in settings),
        "time": mean(times),
        "slowest": max(times),
        "memory": mean([setting["memory"] for setting in settings]),
        "settings": settings,
    }


def known(block: Block) -> dict[str, Any]:
    """What the head says."""
    paper = block.paper
    number = f"arXiv:{paper['arxiv']}" if "arxiv" in paper else paper.get("doi") or paper.get("url")
    return {
        "block": block.name,
        "family": block.family,
        "paper": f"{paper['title']} ({paper['year']}{', ' + number if number else ''})",
        "oracle": block.oracle,
    }


def input_shapes(
    block: Block, arguments: Mapping[str, Any], channels: int, size: int
) -> list[tuple[int, ...]]:
    """The shape of each input; the size is made even where the block halves or doubles it."""
    if any(one.scale not in ("1", "any") for one in block.inputs_) or "n //" in block.size:
        size += size % 2
    defaults = {p.name: ast.literal_eval(p.default) for p in block.parameters if p.default}
    values = {**defaults, "channels": channels, **arguments}
    shapes: list[tuple[int, ...]] = []
    for one in block.inputs_:
        width = formula.evaluate(one.channels, values) if one.channels else channels
        n = int(size * (1 if one.scale == "any" else formula.evaluate(one.scale, {})))
        match one.layout or block.layouts[0]:
            case "NC":
                shapes.append((BATCH, width))
            case "NLC":
                shapes.append((BATCH, n * n, width))
            case "NHWC":
                shapes.append((BATCH, n, n, width))
            case _:
                shapes.append((BATCH, width, n, n))
    return shapes


def randomise(module: nn.Module) -> None:
    """Weights without symmetry, near enough to zero for deep blocks."""
    for key, value in module.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.rand_like(value) * 0.1 + (0.5 if "var" in key else 0.01))


def by_names(names: Mapping[str, str]) -> Callable[[nn.Module, nn.Module], None]:
    """Copies the weights, each to the key whose prefix `names` gives, else in order."""

    def load(ours: nn.Module, theirs: nn.Module) -> None:
        source, target = ours.state_dict(), theirs.state_dict()
        assert len(source) == len(target), (list(source), list(target))

        def renamed(key: str) -> str:
            prefix = max((p for p in names if key.startswith(p)), key=len)
            return names[prefix] + key[len(prefix) :]

        keys = [renamed(key) for key in source] if names else list(target)
        values = zip(keys, source.values())
        theirs.load_state_dict({key: value.reshape(target[key].shape) for key, value in values})

    return load


def error(ours: nn.Module, theirs: Any, shapes: list[tuple[int, ...]]) -> float:
    """The largest difference in float64, relative to the largest value."""
    inputs = [torch.randn(shape, dtype=torch.float64) for shape in shapes]
    results = []
    for run in forwards(copy.deepcopy(ours).double(), exact(theirs)):
        torch.manual_seed(0)
        own = [x.clone().requires_grad_() for x in inputs]
        outputs = tensors(run(*own))
        torch.autograd.backward([y.square().sum() for y in outputs])
        results.append([y.detach() for y in outputs] + [x.grad for x in own])
    differences = []
    for a, b in zip(*results):
        assert a is not None and b is not None and a.shape == b.shape
        differences.append(float((a - b).abs().max() / b.abs().max().clamp(min=1e-30)))
    return max(differences)


def exact(theirs: Any) -> Any:
    return copy.deepcopy(theirs).double() if isinstance(theirs, nn.Module) else theirs


def forwards(ours: nn.Module, theirs: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Ours and theirs as functions of the inputs alone; a formula uses our weights."""
    if isinstance(theirs, nn.Module):
        return ours, theirs
    return ours, lambda *inputs: theirs(ours, *inputs)


def tensors(value: Any) -> list[Tensor]:
    return list(value) if isinstance(value, (tuple, list)) else [value]


def both(ours: nn.Module, theirs: Any, shapes: list[tuple[int, ...]]) -> tuple[Pass, Pass]:
    """A forward and backward pass of each, on the same inputs."""
    inputs = [torch.randn(shape, requires_grad=True) for shape in shapes]
    owners = [ours, theirs] if isinstance(theirs, nn.Module) else [ours]
    leaves = inputs + [p for owner in owners for p in owner.parameters()]

    def one(run: Callable[..., Any]) -> Pass:
        def forward_and_backward() -> None:
            outputs = tensors(run(*inputs))
            torch.autograd.backward(outputs, [torch.ones_like(y) for y in outputs])
            for leaf in leaves:
                leaf.grad = None

        return forward_and_backward

    mine, other = map(one, forwards(ours, theirs))
    return mine, other


def time_ratio(ours: Pass, theirs: Pass) -> float:
    """Ours to theirs, each the best of passes in turns: others on the machine only add time.

    Measured again, twice at most, where ours seems slower: then each has had more chances.
    """

    def once(run: Pass) -> float:
        start = time.thread_time()
        run()
        return time.thread_time() - start

    once(ours), once(theirs)
    repeats = max(4, min(60, int(0.2 / max(once(theirs), 1e-5))))
    best = [math.inf, math.inf]
    for _ in range(3):
        for number in range(repeats):
            for which in (0, 1) if number % 2 else (1, 0):  # neither is always the first
                best[which] = min(best[which], once((ours, theirs)[which]))
        if best[0] < best[1] * 1.02:
            break
    return best[0] / best[1]


def peak(run: Pass) -> int:
    """The most bytes that a pass holds at one time, beyond what was there."""
    run()
    with quiet(), torch.profiler.profile(profile_memory=True) as profile:
        run()
    events = [e for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"]
    held = highest = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        highest = max(highest, held)
    return highest


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """The profiler's own library writes to the file behind stderr."""
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def mean(ratios: list[float]) -> float:
    return math.exp(statistics.fmean(map(math.log, ratios)))


def cells(row: Mapping[str, Any]) -> list[str]:
    """A row as people read it."""

    def shown(column: str, value: Any) -> str:
        if isinstance(value, str):
            return value
        return f"{value:.1e}" if column == "error" else f"{value:.2f}"

    return [shown(column, row[column]) for column in COLUMNS]


def markdown(rows: list[dict[str, Any]], last: dict[str, Any]) -> str:
    lines = [COLUMNS, ["---"] * len(COLUMNS), *(cells(row) for row in [*rows, last])]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The last row: geometric means, and the largest error."""
    measured = [row for row in rows if not isinstance(row["time"], str)]
    if not measured:
        return dict.fromkeys(COLUMNS, "unverified") | {"block": "all"}
    return {
        "block": "all",
        "family": f"{len({row['family'] for row in rows})} families",
        "paper": f"{len({row['paper'] for row in rows})} papers",
        "oracle": f"{len(measured)} of {len(rows)} blocks have one",
        "error": max(row["error"] for row in measured),
        **{column: mean([row[column] for row in measured]) for column in RATIOS},
    }


def above_limits(rows: list[dict[str, Any]]) -> list[str]:
    return [
        f"{row['block']}: {column} {row[column]:.2f}, above {limit}"
        for row in rows
        for column, limit in LIMITS.items()
        if not isinstance(row[column], str) and row[column] > limit
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("blocks", nargs="*")
    parser.add_argument("--channels", nargs="*", type=int, default=CHANNELS)
    parser.add_argument("--sizes", nargs="*", type=int, default=SIZES)
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the table")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the rows, and each setting's figures"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    found, theirs = folders.load(), oracles()
    rows: list[dict[str, Any]] = []
    widths = (20, 18, 44, 34, 10, 10, 10, 10)

    def show(line: list[str]) -> None:
        cut = (f"{text[:width]:<{width}}" for text, width in zip(line, widths))
        print("  ".join(cut).rstrip(), flush=True)

    show(list(COLUMNS))
    for name in options.blocks or found:
        block = folders.get(name)
        if block.oracle == "none":
            row = known(block) | dict.fromkeys(("error", *RATIOS), "unverified")
        else:
            row = measure(block, theirs[name], tuple(options.channels), tuple(options.sizes))
        rows.append(row)
        show(cells(row))
    last = summary(rows)
    show(cells(last))
    if options.markdown:
        options.markdown.write_text(markdown(rows, last), encoding="utf-8")
    if options.csv:
        with options.csv.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([COLUMNS, *([row[c] for c in COLUMNS] for row in rows)])
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    faults = above_limits(rows)
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
