"""Models that take integers, several tensors, or a dictionary: fed, spliced and proven."""

from __future__ import annotations

from pathlib import Path

import pytest

from stitchgen.pipeline import splice
from stitchgen.project import config
from tests.support.commands import refusal, request_of

TEXT = """\
import torch
import torch.nn as nn


class Classifier(nn.Module):
    def __init__(self, words=100, width=16):
        super().__init__()
        self.embedding = nn.Embedding(words, width, padding_idx=0)
        self.encoder = nn.Linear(width, width)
        self.head = nn.Linear(width, 4)

    def forward(self, input_ids{more}):
        x = self.embedding(input_ids)
        x = self.encoder(x)
        {mask}
        return {result}
"""
PLAIN = TEXT.replace("{more}", "").replace("{mask}\n        ", "")
PLAIN = PLAIN.replace("{result}", "self.head(x.mean(1))")
MASKED = TEXT.replace("{more}", ", attention_mask, labels=None")
MASKED = MASKED.replace("{mask}", "x = x * attention_mask.unsqueeze(-1)")
MASKED = MASKED.replace("{result}", '{"logits": self.head(x.mean(1)), "hidden": x}')
BATCH = TEXT.replace("input_ids{more}", "batch").replace("(input_ids)", '(batch["ids"])')
BATCH = BATCH.replace("{mask}", 'x = x * batch["mask"][..., None]')
BATCH = BATCH.replace("{result}", "self.head(x.mean(1))")
DIFFUSION = """\
import torch
import torch.nn as nn


class Denoiser(nn.Module):
    def __init__(self, width=8, steps=50):
        super().__init__()
        self.time = nn.Embedding(steps, width)
        self.inc = nn.Conv2d(3, width, 3, padding=1)
        self.out = nn.Conv2d(width, 3, 1)

    def forward(self, x, t):
        h = self.inc(x)
        h = h + self.time(t)[:, :, None, None]
        return self.out(h)
"""
SIAMESE = """\
import torch
import torch.nn as nn


class Siamese(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.branch = nn.Conv2d(3, width, 3)
        self.head = nn.Linear(2 * width, 1)

    def forward(self, left, right):
        pair = torch.cat([self.branch(left), self.branch(right)], 1)
        return self.head(pair.mean((2, 3)))
"""
DICT = '{"input_ids": torch.randint(0, 100, (2, 7)), "attention_mask": torch.ones(2, 7)}'
NESTED = '({"ids": torch.randint(0, 100, (2, 7)), "mask": torch.ones(2, 7)},)'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> config.Project:
    monkeypatch.chdir(tmp_path)
    return config.find_project(tmp_path)


@pytest.mark.parametrize(
    ("source", "flags", "fed"),
    [
        pytest.param(PLAIN, "swish --after model.encoder", "2x16:int64", id="token ids guessed"),
        pytest.param(
            PLAIN, "swish --after model.encoder --input 3x9:int64", "3x9:int64", id="token ids"
        ),
        pytest.param(
            MASKED,
            "swish --after model.encoder --input 2x7:int64 --input 2x7",
            "2x7:int64 2x7",
            id="ids and a mask",
        ),
        pytest.param(MASKED, f"swish --after model.encoder --input '{DICT}'", DICT, id="keywords"),
        pytest.param(
            BATCH, f"swish --after model.encoder --input '{NESTED}'", NESTED, id="one dictionary"
        ),
        pytest.param(
            DIFFUSION,
            "se --after model.inc --input 2x3x16x16 --input 2:int64",
            "2x3x16x16 2:int64",
            id="an image and its step",
        ),
        pytest.param(
            DIFFUSION,
            "se --after model.inc --input 2x3x16x16 --input 'torch.tensor([3, 49])'",
            "2x3x16x16 torch.tensor([3, 49])",
            id="a shape and an expression",
        ),
        pytest.param(
            SIAMESE, "se --after model.branch@2", "2x3x64x64 2x3x64x64", id="two images guessed"
        ),
        pytest.param(
            SIAMESE,
            "se --after model.branch@all --input 1x3x20x24 --input 1x3x20x24",
            "1x3x20x24 1x3x20x24",
            id="two images",
        ),
    ],
)
def test_inputs(project: config.Project, source: str, flags: str, fed: str, python: str) -> None:
    (project.root / "model.py").write_text(source)
    outcome = splice.run(project, request_of(flags, python), "dry-run")
    assert outcome.changes
    assert outcome.result["proof"]["input"] == fed


def test_what_cannot_be_guessed_is_asked_for(project: config.Project, python: str) -> None:
    (project.root / "model.py").write_text(DIFFUSION)
    error = refusal(project, "se --after model.inc", python)
    assert (error.code, error.where) == ("does-not-run", "model.py:14")
    assert "--input" in (error.hint or "")
    assert "forward(x, t)" in (error.hint or "")


FUNNEL = """\
import torch
import torch.nn as nn


class Funnel(nn.Module):
    def __init__(self, width=8, places=6):
        super().__init__()
        self.head = nn.Linear(width, 3)
        self.refine = nn.{conv}(width, width, 1)
        self.stem = nn.{conv}(5, width, 3, padding=1)

    def forward(self, x):
        x = self.stem(x)
        {check}
        x = self.refine(x)
        return self.head(x.flatten(2).mean(2))
"""


@pytest.mark.parametrize(
    "conv, fed", [("Conv1d", "2x5x128"), ("Conv2d", "2x5x224x224"), ("Conv3d", "2x5x16x112x112")]
)
def test_an_input_is_guessed_from_the_layer_that_runs_first(
    project: config.Project, python: str, conv: str, fed: str
) -> None:
    source = FUNNEL.format(conv=conv, check="pass")
    (project.root / "model.py").write_text(source)
    outcome = splice.run(project, request_of("mish --after model.stem", python), "dry-run")
    assert outcome.result["proof"]["input"] == ("2x5x64x64" if conv == "Conv2d" else fed)


def test_the_hint_has_the_channels_that_were_found(project: config.Project, python: str) -> None:
    (project.root / "model.py").write_text(
        FUNNEL.format(conv="Conv2d", check="assert x.shape[-1] == 48")
    )
    error = refusal(project, "mish --after model.stem", python)
    assert error.code == "does-not-run"
    assert "--input 1x5xHxW" in (error.hint or "")


WRITTEN = """\
import torch
import torch.nn as nn


class Forecast(nn.Module):
    def __init__(self, length=96, features=9):
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 1, 7))
        self.mix = nn.Conv1d(features, features, 3, padding=1)
        self.out = nn.Linear(length, 12)

    def forward(self, x{more}):
        x = self.mix(x.transpose(1, 2))
        return self.out(x){adds}


if __name__ == "__main__":
    model = Forecast()
    {run}
"""


@pytest.mark.parametrize(
    "parts, fed",
    [
        (("", "", "print(model(torch.randn(32, 96, 9)).shape)"), "2x96x9"),
        (("", "", "x = torch.zeros((1, 96, 9))\n    model(x)"), "2x96x9"),
        (
            (
                ", t",
                " + t[:, :1, None]",
                "model(torch.rand(4, 96, 9), torch.randint(0, 9, (4, 5)))",
            ),
            "2x96x9 2x5:int64",
        ),
    ],
)
def test_an_input_is_taken_from_what_the_file_makes(
    project: config.Project, python: str, parts: tuple[str, str, str], fed: str
) -> None:
    more, adds, run = parts
    (project.root / "model.py").write_text(WRITTEN.format(more=more, adds=adds, run=run))
    outcome = splice.run(project, request_of("mish --after model.mix", python), "dry-run")
    assert outcome.result["proof"]["input"] == fed
