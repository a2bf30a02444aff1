"""What a proof takes of a machine: processor time under the load of others, and memory.

    python benchmarks/proof_resources.py load          one `add`, alone and beside eight busy processes
    python benchmarks/proof_resources.py memory        the largest process of an `add`, beside the model's own

`load` gives the ratio of processor times, in turns, with as many threads as torch takes by itself. `memory` runs the model
as training does, forwards and backwards on a batch of two; what it takes beyond `import torch` is the model's own size, and the ratio
is how often the process that runs `add` takes that beyond torch. Needs torchvision.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from proof_cost import MODELS, Model, command_for, run
from zoo_corpus import Entry, Project

BUSY = 8

OWN = """
import torch, model
net = eval({build!r}, dict(vars(model), torch=torch)).train()
given = {given}
result = net(torch.cat([given, given]))
parts = result.values() if isinstance(result, dict) else result if isinstance(result, tuple) else [result]
sum(one.sum() for one in parts if isinstance(one, torch.Tensor)).backward()
"""

#: The largest resident set of a command and all that it waits for, in bytes.
LARGEST = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
sys.exit(done.returncode)
"""


@contextlib.contextmanager
def project_of(model: Model) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, model.name)
        folder.mkdir()
        Project(Entry(model.name, model.source, (model.build,), input=model.input)).write(folder)
        yield folder


@contextlib.contextmanager
def busy(count: int) -> Iterator[None]:
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for one in others:
            one.kill()
            one.wait()


def under_load(models: list[Model], runs: int) -> None:
    os.environ.pop("OMP_NUM_THREADS", None)
    print(f"{'model':20}{'alone':>10}{'beside ' + str(BUSY):>12}{'ratio':>8}")
    for model in models:
        taken: dict[int, list[float]] = {0: [], BUSY: []}
        with project_of(model) as folder:
            for _ in range(runs):
                for count, found in taken.items():
                    with busy(count):
                        found.append(run(command_for(model, "add"), folder)[0])
        alone, beside = map(statistics.median, taken.values())
        print(f"{model.name:20}{alone:10.2f}{beside:12.2f}{beside / alone:8.2f}", flush=True)


def memory(models: list[Model]) -> None:
    def largest(command: list[str], folder: Path) -> int:
        return int(run([sys.executable, "-c", LARGEST, *command], folder)[2].split()[-1])

    print(
        f"{'model':20}{'torch':>9}{'model':>9}{'add':>9}{'ratio':>8}   MB, of model and add beyond torch"
    )
    for model in models:
        with project_of(model) as folder:
            torch = largest([sys.executable, "-c", "import torch"], folder)
            own = OWN.format(build=model.build, given=model.given)
            alone = largest([sys.executable, "-c", own], folder) - torch
            add = largest(command_for(model, "add"), folder) - torch
        sizes = "".join(f"{size / 2**20:9.0f}" for size in (torch, alone, add))
        print(f"{model.name:20}{sizes}{add / alone:8.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("figure", choices=("load", "memory"))
    parser.add_argument("--models", nargs="*", default=["resnet18", "resnet50", "densenet121"])
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    models = [one for one in MODELS if one.name in options.models]
    if options.figure == "load":
        under_load(models, options.runs)
    else:
        memory(models)


if __name__ == "__main__":
    main()
