"""Which axis holds the channels: what the tool says of every layer, against what other widths and sizes show.

    python benchmarks/axes.py                       every model, at its default image size and at two others
    python benchmarks/axes.py --models vit swin

The judge shares nothing with the tool. It builds each model of `MODELS` once more with another width, and once more
with another image size, and compares the shapes of what each layer gives: the axis of the samples follows the batch, an
axis that follows the image size is one of positions, an axis that follows the width alone is that of the channels. Where
more than one follows the width alone, or none does, nothing can be said, and the layer is left out.

`right` and `wrong` count the layers of which the tool says a layout; `unsaid` those of which it says none (`layers` shows
no channels there, and `add` refuses them as `layout-ambiguous`). The exit code is 1 if one is wrong. Needs torch, timm,
torchvision, and transformers for BERT.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Model:
    """A model by the expression that builds it, with `{size}` of its image and a width `{width}`."""

    imports: str
    build: str
    widths: tuple[str, str]
    sizes: tuple[int, int, int] = (224, 192, 256)  # the default, and two others
    tokens: bool = False  # it takes a batch of numbers, `{size}` of them
    package: str = "timm"

    def expression(self, size: int, width: int = 0) -> str:
        return self.build.replace("{size}", str(size)).replace("{width}", self.widths[width])

    def input(self, size: int, batch: int = 2) -> torch.Tensor:
        if self.tokens:
            return torch.randint(0, 100, (batch, size))
        return torch.rand(batch, 3, size, size)


TIMM = "import timm"
MODELS: Mapping[str, Model] = {
    "vit": Model(
        TIMM,
        "timm.create_model('vit_tiny_patch16_224', img_size={size}, depth=2, embed_dim={width})",
        ("192", "96"),
    ),
    "deit": Model(
        TIMM,
        "timm.create_model('deit_tiny_distilled_patch16_224', img_size={size}, depth=2, embed_dim={width})",
        ("192", "96"),
    ),
    "swin": Model(
        TIMM,
        "timm.create_model('swin_tiny_patch4_window7_224', img_size={size}, window_size={size} // 32, "
        "depths=(2, 2, 2, 2), embed_dim={width})",
        ("96", "48"),
    ),
    "pvt": Model(
        TIMM,
        "timm.create_model('pvt_v2_b0', embed_dims={width})",
        ("(32, 64, 160, 256)", "(16, 32, 80, 128)"),
    ),
    "mobilevit": Model(TIMM, "timm.create_model('mobilevit_{width}')", ("xxs", "xs")),
    "xcit": Model(
        TIMM,
        "timm.create_model('xcit_nano_12_p16_224', img_size={size}, depth=2, embed_dim={width})",
        ("128", "64"),
    ),
    "mixer": Model(
        "from timm.models.mlp_mixer import MlpMixer",
        "MlpMixer(img_size={size}, patch_size=32, num_blocks=2, embed_dim={width})",
        ("512", "256"),
    ),
    "convnext": Model(
        TIMM,
        "timm.create_model('convnext_atto', dims={width})",
        ("(40, 80, 160, 320)", "(24, 48, 96, 192)"),
    ),
    "efficientformer": Model(
        TIMM,
        "timm.create_model('efficientformer_l1', embed_dims={width})",
        ("(48, 96, 224, 448)", "(24, 48, 112, 224)"),
        sizes=(224, 224, 224),
    ),
    "torchvision-vit": Model(
        "from torchvision.models import VisionTransformer",
        "VisionTransformer({size}, 16, num_layers=2, num_heads=3, hidden_dim={width}, mlp_dim=4 * {width})",
        ("192", "96"),
        package="torchvision",
    ),
    "torchvision-swin": Model(
        "from torchvision.models import SwinTransformer",
        "SwinTransformer([4, 4], {width}, [2, 2, 2, 2], [3, 6, 12, 24], [7, 7])",
        ("96", "48"),
        package="torchvision",
    ),
    "bert": Model(
        "from transformers import BertConfig, BertModel",
        "BertModel(BertConfig(hidden_size={width}, num_hidden_layers=2, num_attention_heads=4, "
        "intermediate_size=4 * {width}))",
        ("256", "128"),
        sizes=(128, 96, 64),
        tokens=True,
        package="transformers",
    ),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", nargs="*", default=list(MODELS), help="names; default all")
    parser.add_argument(
        "--show", action="store_true", help="name each layer that is wrong or unsaid"
    )
    options = parser.parse_args()
    wrong = 0
    print(f"{'model':18} {'size':>5} {'right':>6} {'wrong':>6} {'unsaid':>7} {'not judged':>11}")
    for name in options.models:
        model = MODELS[name]
        if importlib.util.find_spec(model.package) is None:
            print(f"{name:18} {model.package} is not installed")
            continue
        for size in dict.fromkeys(model.sizes):
            wrong += judged(name, model, size, options.show)
    return 1 if wrong else 0


def judged(name: str, model: Model, size: int, show: bool) -> int:
    """Print the row of a model at one size; the number of layers of which the tool is wrong."""
    said, true = layouts_said(model, size), channel_axes(model, size)
    right, wrong, unsaid = [], [], []
    for path, axis in true.items():
        layout = said.get(path)
        if layout is None:
            unsaid.append(path)
        else:
            (right if layout.index("C") == axis else wrong).append(path)
    rest = len(said) - len(true)
    print(f"{name:18} {size:5} {len(right):6} {len(wrong):6} {len(unsaid):7} {rest:11}", flush=True)
    if show:
        for path in wrong:
            print(f"    wrong   {path}: {said[path]}, and the channels are axis {true[path]}")
        for path in unsaid:
            print(f"    unsaid  {path}: axis {true[path]}")
    return len(wrong)


def layouts_said(model: Model, size: int) -> dict[str, str | None]:
    """What `stitchgen layers` says, by the layer's path, of those that are called."""
    with tempfile.TemporaryDirectory() as folder:
        build = model.expression(size)
        file = Path(folder, "model.py")
        file.write_text(f"{model.imports}\n\n\ndef build():\n    return {build}\n")
        given = f"torch.randint(0, 100, (2, {size}))" if model.tokens else f"2x3x{size}x{size}"
        command = ["layers", "model.py", "--build", "build()", "--input", given, "--json"]
        done = subprocess.run(
            [sys.executable, "-m", "stitchgen", *command],
            cwd=folder,
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise SystemExit(f"{build}: {done.stdout}{done.stderr}")
    layers: list[dict[str, Any]] = json.loads(done.stdout)["layers"]
    return {one["path"]: one["layout"] for one in layers if one["calls"]}


def channel_axes(model: Model, size: int) -> dict[str, int]:
    """The axis of the channels of what each layer gives, of those of which it is certain."""
    base = shapes(model, size, 0, 2)
    batch = shapes(model, size, 0, 3)
    width = shapes(model, size, 1, 2)
    others = [one for one in dict.fromkeys(model.sizes) if one != size]
    resized = [other for one in others if (other := tried(lambda: shapes(model, one, 0, 2)))]
    found = {}
    for path, shape in base.items():
        seen = [table.get(path) for table in (batch, width, *resized)]
        if len(shape) < 3 or any(one is None or len(one) != len(shape) for one in seen):
            continue
        ranks = range(len(shape))
        positions = {a for a in ranks for one in (batch, *resized) if one[path][a] != shape[a]}
        wide = [
            axis for axis in ranks if width[path][axis] != shape[axis] and axis not in positions
        ]
        if len(wide) == 1:
            found[path] = wide[0]
    return found


def shapes(model: Model, size: int, width: int, batch: int) -> Shapes:
    """The shape of what each layer gives at its last call."""
    scope: dict[str, Any] = {}
    exec(model.imports, scope)
    built: nn.Module = eval(model.expression(size, width), scope)
    found: Shapes = {}

    def note(path: str) -> Callable[..., None]:
        def noted(_: nn.Module, args: Any, output: Any) -> None:
            if isinstance(output, torch.Tensor):
                found.setdefault(path, tuple(output.shape))

        return noted

    for path, module in built.named_modules():
        if path:
            module.register_forward_hook(note(path))
    with torch.no_grad():
        built.eval()(model.input(size, batch))
    return found


def tried(run: Callable[[], Shapes]) -> Shapes | None:
    try:
        return run()
    except Exception:
        return None  # a model of one image size


if __name__ == "__main__":
    sys.exit(main())
