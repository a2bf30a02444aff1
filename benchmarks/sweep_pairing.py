"""Does a variant begin where its baseline began? Splices in architectures of torchvision, each swept at one seed.

    python benchmarks/sweep_pairing.py                18 splices in 11 architectures; minutes
    python benchmarks/sweep_pairing.py resnet vgg     those alone

Each file of torchvision is a project's model as it is, but for its relative imports and its registrations; the training
initialises by hand and splits after the model is made. Held: all shared tensors are the baseline's at the first step, or the
run says that it is unpaired, with names. The exit status is 1 where one is not paired.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from torchvision import models

ROOT = Path(__file__).resolve().parents[1]

#: By file of torchvision: what builds the model, and the variants.
SPLICES = {
    "resnet": (
        "resnet18(num_classes=4)",
        {
            "cbam": "cbam --after model.layer2",
            "se": "se --after model.layer3",
            "gate": "cbam --after model.layer2 --gate",
            "beside": "se --beside model.layer1.1 --fuse concat",
            "every": "se --after model.BasicBlock.bn2",
            "slot": "eca --after model.layer3.1",
            "replace": "ghost --replace model.layer3.0.conv1",
            "dropblock": "dropblock --after model.layer2",
        },
    ),
    "vgg": ("vgg11_bn(num_classes=4)", {"se": "se --after model.features"}),
    "densenet": ("densenet121(num_classes=4)", {"se": "se --after model.features.denseblock2"}),
    "mobilenetv2": ("mobilenet_v2(num_classes=4)", {"se": "se --after model.features.4"}),
    "efficientnet": ("efficientnet_b0(num_classes=4)", {"eca": "eca --after model.features.3"}),
    "convnext": ("convnext_tiny(num_classes=4)", {"se": "se --after model.features.3"}),
    "shufflenetv2": ("shufflenet_v2_x0_5(num_classes=4)", {"se": "se --after model.stage2"}),
    "squeezenet": ("squeezenet1_1(num_classes=4)", {"se": "se --after model.features.6"}),
    "googlenet": (
        "googlenet(num_classes=4, aux_logits=False, init_weights=True)",
        {"se": "se --after model.inception3b"},
    ),
    "mnasnet": ("mnasnet0_5(num_classes=4)", {"se": "se --after model.layers.8"}),
    "regnet": ("regnet_y_400mf(num_classes=4)", {"se": "se --after model.trunk_output.block2"}),
}
TRAIN = """\
import sys
import torch
from torch.utils.data import DataLoader, TensorDataset, random_split
import model

torch.manual_seed(int(sys.argv[1]))
net = model.make()
for module in net.modules():
    if isinstance(module, torch.nn.Conv2d):
        torch.nn.init.kaiming_normal_(module.weight)
made = torch.Generator().manual_seed(1)
images, labels = torch.randn(12, 3, 64, 64, generator=made), torch.arange(12) % 4
data, held = random_split(TensorDataset(images, labels), [8, 4])
optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)
for x, y in DataLoader(data, 4, shuffle=True):
    loss = torch.nn.functional.cross_entropy(net(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"val_acc: {loss.item():.6f} held {sum(held.indices)}")
"""


def source_of(name: str, build: str) -> str:
    """A file of torchvision as one of a project."""
    text = Path(models.__file__).with_name(f"{name}.py").read_text()
    text = re.sub(r"from \.\.(\w)", r"from torchvision.\1", text)
    text = re.sub(r"from \.(\w)", r"from torchvision.models.\1", text)
    text = re.sub(r"@register_model\(.*\)\n", "", text)
    return f"{text}\n\ndef make():\n    return {build}\n"


def swept(name: str, folder: Path) -> list[str]:
    """What is to be said of each variant of one architecture; what is wrong begins with a !."""
    build, variants = SPLICES[name]
    (folder / "pyproject.toml").touch()
    (folder / "model.py").write_text(source_of(name, build))
    (folder / "train.py").write_text(TRAIN)
    words = [sys.executable, "-m", "stitchgen", "sweep", "--seeds", "1", "--metric", "val_acc"]
    for one, text in variants.items():
        words += ["--variant", f"{one}={text} --build make() --input 2x3x64x64"]
    words += ["--python", sys.executable, "--json", "--", "python", "train.py", "{seed}"]
    done = subprocess.run(
        words,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    try:
        answer = json.loads(done.stdout)
        rows = answer["variants"][1:]
    except (ValueError, KeyError):
        return [f"! {name}: {done.stdout[-600:]}{done.stderr[-600:]}"]
    said = []
    for row in rows:
        run = folder / f".stitchgen/sweeps/sweep/runs/{row['name']}/seed-0"
        if not (run / "result.json").exists():
            said.append(f"! {name} {row['name']}: no result: {row['missing']}")
            continue
        pairing = json.loads((run / "result.json").read_text())["pairing"]
        baseline = folder / ".stitchgen/sweeps/sweep/runs/baseline/seed-0/try-1/output.txt"
        split = [path.read_text().split()[-1] for path in (baseline, run / "try-1" / "output.txt")]
        same = "same split" if split[0] == split[1] else "ANOTHER SPLIT"
        mark = "" if pairing["paired"] and split[0] == split[1] else "! "
        said.append(f"{mark}{name} {row['name']}: {pairing}, {same}")
    return said


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(SPLICES))
    lines = []
    for name in parser.parse_args().names:
        with tempfile.TemporaryDirectory() as folder:
            for line in swept(name, Path(folder)):
                lines.append(line)
                print(line, flush=True)
    wrong = [line for line in lines if line.startswith("!")]
    print(f"{len(lines) - len(wrong)} of {len(lines)} paired")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
