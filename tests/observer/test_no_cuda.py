"""Models that name CUDA, on a machine without: they are run and proven on the CPU, and the report says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from stitchgen.errors import StitchError
from stitchgen.observer.no_cuda import NOTE
from stitchgen.pipeline import layers
from stitchgen.pipeline import splice as splicing
from stitchgen.project import config
from tests.support.commands import request_of

MODEL = """\
import torch
from torch import nn

{above}


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.body = nn.Conv2d(3, width, 3, padding=1){made}
        self.head = nn.Conv2d(width, 4, 1)
        {inside}

    def forward(self, x):
        x = self.body(x)
        {run}
        return self.head(x)
"""

NAMED = {
    "when it is imported": {"above": "SCALE = torch.ones(1).cuda()", "run": "x = x * SCALE"},
    "as the default type": {"above": "torch.set_default_tensor_type('torch.cuda.FloatTensor')"},
    "as the default device": {"above": "torch.set_default_device('cuda')"},
    "when it is built": {"inside": "self.cuda()"},
    "a part": {"inside": "self.head = self.head.to('cuda:0')"},
    "by a device": {"run": "x = x + torch.arange(4, device=torch.device('cuda'))[:1]"},
    "by a text": {"run": "x = x + torch.zeros(1, device='cuda')"},
    "by a number": {"run": "x = x.to(0)"},
    "by a number in a keyword": {"run": "x = x + torch.zeros(1, device=0).to(device=0)"},
    "asked for its class": {"run": "assert not isinstance(x.cuda(), torch.cuda.device)"},
    "by a keyword": {"run": "x = x.to(device='cuda', non_blocking=True)"},
    "by a type": {"run": "x = x.type(torch.cuda.FloatTensor)"},
    "by the name of a type": {"run": "x = x.type('torch.cuda.FloatTensor')"},
    "a tensor of a type": {"run": "x = x * torch.cuda.FloatTensor([2.0])"},
    "the current device": {"run": "with torch.cuda.device(torch.cuda.current_device()):\n"
    "            x = x + torch.rand(1).cuda()"},
    "like another": {"run": "x = x + torch.zeros_like(x, device='cuda')"},
    "waits for it": {"run": "x = x.cuda()\n        torch.cuda.synchronize()"},
}  # fmt: skip


def written(root: Path, parts: dict[str, str]) -> None:
    places = dict.fromkeys(("above", "made", "inside", "run"), "") | parts
    (root / "model.py").write_text(MODEL.format(**places))


@pytest.mark.parametrize("parts", NAMED.values(), ids=NAMED.keys())
def test_a_model_that_names_cuda_is_proven_on_the_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python: str, parts: dict[str, str]
) -> None:
    written(tmp_path, parts)
    monkeypatch.chdir(tmp_path)
    project = config.find_project(tmp_path)
    request = request_of("se --after model.py::Net.body --input 2x3x16x16", python)
    result = splicing.run(project, request, "dry-run").result
    assert result["proof"]["laws"], result
    assert NOTE in result["proof"]["notes"]


def test_a_model_that_does_not_is_run_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python: str
) -> None:
    written(tmp_path, {"run": "x = x.to('cuda' if torch.cuda.is_available() else 'cpu')"})
    monkeypatch.chdir(tmp_path)
    request = request_of("se --after model.py::Net.body", python)
    result = splicing.run(config.find_project(tmp_path), request, "dry-run").result
    assert NOTE not in result["proof"]["notes"]


def test_layers_of_such_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python: str
) -> None:
    written(tmp_path, {"run": "x = x.cuda()"})
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = layers.run(config.find_project(tmp_path), "model.py", python=python)
    assert [one["channels"] for one in found["layers"]] == [8, 4]


def test_a_block_beside_a_part_that_is_moved_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python: str
) -> None:
    written(tmp_path, {"made": ".cuda()"})
    monkeypatch.chdir(tmp_path)
    request = request_of("se --after model.py::Net.body", python)
    result = splicing.run(config.find_project(tmp_path), request, "dry-run").result
    (found,) = (one for one in result["warnings"] if one["code"] == "part-converted")
    assert found["where"] == "model.py:10"
    assert found["hint"] == "Do the same to the block: self.body_se.cuda()"


def test_what_the_cpu_cannot_stand_in_for_is_refused_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python: str
) -> None:
    written(tmp_path, {"run": "torch.cuda.get_device_properties(0)"})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StitchError) as refused:
        request = request_of("se --after model.py::Net.body --input 2x3x16x16", python)
        splicing.run(config.find_project(tmp_path), request, "dry-run")
    assert refused.value.code == "does-not-run"
    assert refused.value.where == "model.py:16"
    assert "GPU" in refused.value.hint


def test_what_was_registered_before_cuda_was_missed_is_taken_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python: str
) -> None:
    (tmp_path / "table.py").write_text(
        "FOUND = {}\n\n\ndef register(kind):\n    if kind.__name__ in FOUND:\n"
        "        raise KeyError(f'{kind.__name__} is already registered')\n"
        "    FOUND[kind.__name__] = kind\n    return kind\n"
    )
    (tmp_path / "parts.py").write_text(
        "import torch\nfrom torch import nn\n\nfrom table import register\n\n\n@register\n"
        "class Part(nn.Conv2d):\n    pass\n\n\nMEAN = torch.zeros(1).cuda()\n"
    )
    written(tmp_path, {"above": "from parts import MEAN, Part", "run": "x = x - MEAN"})
    monkeypatch.chdir(tmp_path)
    request = request_of("se --after model.py::Net.body --input 2x3x16x16", python)
    assert splicing.run(config.find_project(tmp_path), request, "dry-run").result["proof"]


def test_weights_that_were_saved_from_cuda_are_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python: str
) -> None:
    project = config.Project(tmp_path)
    inside = "self.body.load_state_dict(torch.load('body.pth'))"
    written(project.root, {"inside": inside})
    with monkeypatch.context() as patched:
        patched.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
        torch.save(torch.nn.Conv2d(3, 8, 3, padding=1).state_dict(), project.root / "body.pth")
    monkeypatch.chdir(project.root)
    outcome = splicing.run(project, request_of("se --after model.head", python), "dry-run")
    assert outcome.result["proof"]["notes"] == [NOTE]
