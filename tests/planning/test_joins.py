"""The stitching methods as their user meets them: what training and the gates do to a small U-Net."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from stitchgen.history import undo
from stitchgen.pipeline import splice
from stitchgen.pipeline.proof import CHECKS
from stitchgen.project import config
from tests.support.commands import request_of
from tests.support.spliced import tree

UNET = """\
import torch
from torch import nn


def conv(channels, out):
    return nn.Sequential(nn.Conv2d(channels, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU())


class Down(nn.Module):
    def __init__(self, channels, out):
        super().__init__()
        self.pool = nn.MaxPool2d(2)
        self.conv = conv(channels, out)

    def forward(self, x):
        return self.conv(self.pool(x))


class Up(nn.Module):
    def __init__(self, channels, out):
        super().__init__()
        self.up = nn.ConvTranspose2d(channels, out, 2, stride=2)
        self.conv = conv(2 * out, out)

    def forward(self, x, skip):
        return self.conv(torch.cat([skip, self.up(x)], dim=1))


class UNet(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.inc = conv(3, width)
        self.down1 = Down(width, 2 * width)
        self.down2 = Down(2 * width, 4 * width)
        self.down3 = Down(4 * width, 8 * width)
        self.down4 = Down(8 * width, 16 * width)
        self.up1 = Up(16 * width, 8 * width)
        self.up2 = Up(8 * width, 4 * width)
        self.up3 = Up(4 * width, 2 * width)
        self.up4 = Up(2 * width, width)
        self.outc = nn.Conv2d(width, 2, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, x):
        x1 = self.inc(x)
        x2 = self.down1(x1)
        x3 = self.down2(x2)
        x4 = self.down3(x3)
        x5 = self.down4(x4)
        x = self.up1(x5, x4)
        x = self.up2(x, x3)
        x = self.up3(x, x2)
        x = self.up4(x, x1)
        return self.outc(x)
"""

#: One command a method, with the arguments that the cases do not combine.
METHODS = [
    "cbam --after model.down2 --set reduction=4",
    "se --beside model.down2 --fuse concat --reduce linear --set reduction=2",
    "se --after model.down2 --into model.up2 --fuse add --set reduction=2",
    "fuse model.down1 model.down2 --block fpn --set out_channels=8",
]
GATED = [
    "attention-gate --after model.inc --with model.up3 --into model.up4 --fuse mul --gate",
    "fuse model.inc model.down1 --fuse concat --reduce linear --gate",
]
#: The encoder's stage, the decoder's map, and the up block that reads the stage.
SKIPS = [
    ("down3", "down4", "up1"),
    ("down2", "up1", "up2"),
    ("down1", "up2", "up3"),
    ("inc", "up3", "up4"),
]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> config.Project:
    (tmp_path / "model.py").write_text(UNET)
    monkeypatch.chdir(tmp_path)
    return config.find_project(tmp_path)


def run(project: config.Project, flags: str, python: str) -> dict:
    request = request_of(f"{flags} --input 2x3x16x16", python)
    return splice.run(project, request).result


def built(project: config.Project) -> nn.Module:
    """The model as the project has it now, imported anew, with the same random numbers."""
    ours = [name for name in sys.modules if name.partition(".")[0] in ("model", "blocks")]
    for name in ours:
        del sys.modules[name]
    with pytest.MonkeyPatch.context() as patch:
        # Another `blocks` on the path, left by some other test, would go before the project's folder.
        names = ("blocks", "blocks.py", "model.py")
        others = [p for p in sys.path if not any((Path(p or ".") / n).exists() for n in names)]
        patch.setattr(sys, "path", [str(project.root), *others])
        importlib.invalidate_caches()
        patch.setattr(sys, "dont_write_bytecode", True)
        module = importlib.import_module("model")
        torch.manual_seed(0)
        return module.UNet()


def train(model: nn.Module, x: torch.Tensor) -> None:
    """Five steps of SGD, in double precision: a first step behind a closed gate is short."""
    model.double().train()
    descent = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(5):
        descent.zero_grad()
        torch.manual_seed(1)
        output = model(x.double())
        nn.functional.mse_loss(output, torch.randn_like(output)).backward()
        descent.step()


@pytest.mark.parametrize("flags", [*METHODS, *GATED])
def test_a_few_steps_of_training_move_every_new_parameter(
    project: config.Project, python: str, flags: str
) -> None:
    torch.manual_seed(2)
    x = torch.randn(2, 3, 16, 16)
    old = built(project).eval()
    result = run(project, flags, python)
    added = result["keys"]["added"]
    assert not any(Path(told["where"]).is_absolute() for told in result["warnings"])
    new = built(project).eval()
    assert new.state_dict().keys() - old.state_dict().keys() == set(added)
    assert new.load_state_dict(old.state_dict(), strict=False).unexpected_keys == []
    if "--gate" in flags:
        assert torch.equal(new(x), old(x))
    before = {k: p.detach().double() for k, p in new.named_parameters() if k in added}
    train(new, x)
    after = dict(new.named_parameters())
    assert before
    assert [k for k in before if torch.equal(before[k], after[k])] == []
    assert all(torch.isfinite(after[k]).all() for k in before)


def test_attention_unet_comes_by_four_commands_and_goes_by_four_undos(
    project: config.Project, python: str
) -> None:
    trees = []
    for encoder, gating, reader in SKIPS:
        trees.append(tree(project.root))
        flags = f"--after model.{encoder} --with model.{gating} --into model.{reader}"
        report = run(project, f"attention-gate {flags}", python)
        assert report["proof"]["laws"] == list(CHECKS)
    source = (project.root / "model.py").read_text()
    forward = source[source.index("x5 = self.down4") :]
    assert forward == """\
x5 = self.down4(x4)
        x = self.up1(x5, self.down3_attention_gate(x4, x5))
        x = self.up2(x, self.down2_attention_gate(x3, x))
        x = self.up3(x, self.down1_attention_gate(x2, x))
        x = self.up4(x, self.inc_attention_gate(x1, x))
        return self.outc(x)
"""
    for before in reversed(trees):
        undo.run(project)
        assert tree(project.root) == before
