"""What the proof costs: `add` beside the bare minimum that runs the model.

    python benchmarks/proof_cost.py                    twelve models: torchvision, a U-Net, BERT
    python benchmarks/proof_cost.py --models unet --runs 5
    python benchmarks/proof_cost.py --command layers

`bare` is a process that imports torch and the model's packages, builds the model twice, runs it twice in eval and
runs it forwards and backwards twice in train; for `layers` it builds and runs it once. The parts are those of the
process that runs the model: each request answered once more, in the order in which the command asked. Medians of whole
processes, in turns; processor time, so that other work on the machine counts little, and beside it the clock. A model
whose package is not here is left out by name. Needs torchvision.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from zoo_corpus import Entry, Project


@dataclass(frozen=True)
class Model:
    name: str
    source: str  # the module whose file is copied into a project
    build: str
    target: str
    input: str = "1x3x224x224"
    block: str = "se"

    @property
    def given(self) -> str:
        """The input as an expression."""
        size, _, dtype = self.input.partition(":")
        sizes = size.replace("x", ", ")
        return f"torch.randint(0, 2, ({sizes}))" if dtype == "int64" else f"torch.randn({sizes})"


MODELS = (
    Model("resnet18", "torchvision.models.resnet", "resnet18()", "layer2"),
    Model("resnet50", "torchvision.models.resnet", "resnet50()", "layer3.2.conv2"),
    Model("densenet121", "torchvision.models.densenet", "densenet121()", "features.denseblock2"),
    Model("mobilenet_v3", "torchvision.models.mobilenetv3", "mobilenet_v3_large()", "features.6"),
    Model("efficientnet_b0", "torchvision.models.efficientnet", "efficientnet_b0()", "features.4"),
    Model("swin_t", "torchvision.models.swin_transformer", "swin_t()", "features.3"),
    Model(
        "vit_b_16",
        "torchvision.models.vision_transformer",
        "vit_b_16()",
        "encoder.ln",
        block="mhsa",
    ),
    Model("convnext_tiny", "torchvision.models.convnext", "convnext_tiny()", "features.3"),
    Model("unet", "specimens.unet", "UNet()", "down2", "1x3x128x128"),
    Model(
        "deeplabv3",
        "torchvision.models.segmentation.deeplabv3",
        "deeplabv3_resnet50(weights_backbone=None)",
        "classifier.0.project",
    ),
    Model(
        "mask_rcnn_backbone",
        "torchvision.models.detection.backbone_utils",
        'resnet_fpn_backbone(backbone_name="resnet50", weights=None)',
        "fpn#0",
    ),
    Model(
        "bert_base",
        "transformers.models.bert.modeling_bert",
        "BertModel(BertConfig())",
        "encoder.layer.3",
        "1x128:int64",
        "mhsa",
    ),
)

#: The parts of a command that are told apart, beside the rest: the command's own process.
PART_NAMES = ("torch", "survey", "evaluate", "prove", "import")

BARE = """
import contextlib, torch, model
def tensors(value):
    if isinstance(value, torch.Tensor):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (tuple, list)) else ()
    return [one for part in parts for one in tensors(part)]
def run(net):
    given = {given}
    batch = torch.cat([given, given]) if net.training else given
    with contextlib.nullcontext() if net.training else torch.no_grad():
        return sum(one.sum() for one in tensors(net(batch)) if one.is_floating_point())
for number in range({builds}):
    net = eval({build!r}, dict(vars(model), torch=torch))
    run(net.eval())
    if {trained}:
        run(net.train()).backward()
"""

PARTS = """
import json, sys, time
started = time.process_time()
import torch
from stitchgen.observer import operations
taken = [["torch", time.process_time() - started]]
for line in open(sys.argv[1]):
    request = json.loads(line)
    started = time.process_time()
    operations.perform(request)
    taken.append([request["op"], time.process_time() - started])
print("\\n" + json.dumps(taken))
"""


def run(command: list[str], folder: Path, **more: str) -> tuple[float, float, str]:
    """The processor time of a command and all that it starts, the time by the clock, its output."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    # What an earlier run learnt is not to be had for nothing.
    own = {"PYTHONPATH": str(HERE.parent), "STITCHGEN_CACHE": ""}
    environment = {**os.environ, **own, **more}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    clock, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, clock, done.stdout


def command_for(model: Model, name: str) -> list[str]:
    tool = [sys.executable, "-m", "stitchgen"]
    given = ["--build", model.build, "--input", model.input]
    if name == "layers":
        return [*tool, "layers", "model", *given]
    return [*tool, "add", model.block, "--dry-run", "--after", f"model.{model.target}", *given]


def measure(model: Model, name: str, runs: int) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Processor time and clock of `bare` and the command, and the parts of the command."""
    taken: dict[str, list[tuple[float, float]]] = {"bare": [], name: []}
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch, model.name)
        project.mkdir()
        entry = Entry(model.name, model.source, (model.build,), input=model.input)
        Project(entry).write(project)
        bare = BARE.format(
            build=model.build,
            given=model.given,
            builds=1 if name == "layers" else 2,
            trained=name == "add",
        )
        commands = {"bare": [sys.executable, "-c", bare], name: command_for(model, name)}
        record = Path(scratch, "requests.jsonl")
        run(commands[name], project, STITCHGEN_RECORD=str(record))
        parts = run([sys.executable, "-c", PARTS, str(record)], project)[2].splitlines()[-1]
        for _ in range(runs):
            for label, command in commands.items():
                taken[label].append(run(command, project)[:2])
    summed: dict[str, float] = {}
    for part, seconds in json.loads(parts):
        summed[part] = summed.get(part, 0.0) + seconds
    return {k: [statistics.median(column) for column in zip(*v)] for k, v in taken.items()}, summed


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--models", nargs="*", default=[one.name for one in MODELS])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--command", choices=("add", "layers"), default="add")
    options = parser.parse_args()
    name = options.command
    titles = ("bare", name, "ratio", "clock", *PART_NAMES, "the rest")
    print(f"{'model':20}" + "".join(f"{title:>10}" for title in titles), flush=True)
    ratios = []
    for model in MODELS:
        if model.name not in options.models:
            continue
        if importlib.util.find_spec(model.source.partition(".")[0]) is None:
            print(f"{model.name}: {model.source} is not installed")
            continue
        found, summed = measure(model, name, options.runs)
        bare, used = found["bare"], found[name]
        ratios.append(used[0] / bare[0])
        figures = [bare[0], used[0], ratios[-1], used[1] / bare[1]]
        figures += [summed.get(part, 0.0) for part in PART_NAMES]
        figures.append(used[0] - sum(summed.values()))
        print(f"{model.name:20}" + "".join(f"{figure:10.2f}" for figure in figures), flush=True)
    if ratios:
        mean = math.exp(statistics.fmean(map(math.log, ratios)))
        print(f"{'geometric mean':20}{'':20}{mean:10.2f}")


if __name__ == "__main__":
    main()
