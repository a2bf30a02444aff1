"""What the proof costs: `add` beside the bare minimum that runs the model.

    python benchmarks/proof_cost.py                    a few models of torchvision, and a U-Net
    python benchmarks/proof_cost.py --models unet --runs 5

`bare` is a process that imports torch, builds the model and runs it, twice, by hand; `add` is the whole command, in
which the observer surveys the model, evaluates candidates for the channels and proves. Medians of whole processes, in
turns. Needs torchvision and rich.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from zoo_corpus import Entry, Project

#: name, module, expression that builds it, input, target
MODELS = (
    ("resnet18", "torchvision.models.resnet", "resnet18()", "1x3x224x224", "layer2"),
    ("resnet50", "torchvision.models.resnet", "resnet50()", "1x3x224x224", "layer3.2.conv2"),
    ("mobilenet_v3", "torchvision.models.mobilenetv3", "mobilenet_v3_large()", "1x3x224x224", "features.6"),
    ("densenet121", "torchvision.models.densenet", "densenet121()", "1x3x224x224", "features.denseblock2"),
    ("swin_t", "torchvision.models.swin_transformer", "swin_t()", "1x3x224x224", "features.3"),
    ("unet", "specimens.unet", "UNet()", "1x3x128x128", "down2"),
)  # fmt: skip

BARE = """
import torch, model
for number in range(2):
    net = eval({build!r}, vars(model)).eval()
    with torch.no_grad():
        net(torch.randn({size}))
"""


def seconds(command: list[str], folder: Path) -> float:
    started = time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return time.perf_counter() - started


def measure(model: tuple[str, ...], runs: int) -> dict[str, float]:
    """Medians of the three, each of them measured once in every round."""
    name, source, build, size, target = model
    taken: dict[str, list[float]] = {"bare": [], "add": []}
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch, name)
        project.mkdir()
        Project(Entry(name, source, (build,), input=size)).write(project)
        add = [sys.executable, "-m", "stitchgen", "add", "se", "--dry-run"]
        add += ["--after", f"model.{target}"]
        commands = {
            "bare": [sys.executable, "-c", BARE.format(build=build, size=size.replace("x", ", "))],
            "add": [*add, "--build", build, "--input", size],
        }
        for _ in range(runs):
            for label, command in commands.items():
                taken[label].append(seconds(command, project))
    return {label: statistics.median(values) for label, values in taken.items()}


def main() -> None:
    from rich.console import Console
    from rich.table import Table

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="*", default=[one[0] for one in MODELS])
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    table = Table("model", "bare", "add", "add / bare")
    for model in MODELS:
        if model[0] in options.models:
            found = measure(model, options.runs)
            figures = [f"{found[label]:.1f} s" for label in ("bare", "add")]
            table.add_row(model[0], *figures, f"{found['add'] / found['bare']:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
