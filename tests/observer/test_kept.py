"""What is kept of an original serves the next proof, and changes no answer; what the project's own code ran on is not kept."""

import base64

import pytest

from stitchgen.observer import kept, operations

MODEL = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Conv2d(8, 4, 1)

    def forward(self, x):
        x = self.conv(x)
        return self.head(self.drop(self.norm(x)))
"""
BLOCK = {
    "half": "nn.Conv2d(8, 8, 1)",
    "full": "nn.Conv2d(8, 8, 3, padding=1)",
    "dropped": "nn.Dropout(0.3)",
}
METHOD = """
    def reset_parameters(self):
        for parameter in self.parameters():
            nn.init.normal_(parameter)
"""


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch):
    monkeypatch.setattr(kept, "_KEPT", {})


@pytest.fixture
def built(monkeypatch):
    """The models that are built, `before` and `after` apart."""
    found, build = [], operations.build

    def noted(project, expression, *device):
        found.append("conv_block" in project.overlay[project.file].decode())
        return build(project, expression, *device)

    monkeypatch.setattr(operations, "build", noted)
    return found


def request(folder, block, call="x = self.conv_block(x)", model=MODEL, **fields):
    """The request of a proof of a block after `conv`."""
    file = folder / "model.py"
    file.write_text(model)
    edited = model.replace(
        "\n        self.norm =", f"\n        self.conv_block = {block}\n        self.norm ="
    )
    edited = edited.replace("x = self.conv(x)", f"x = self.conv(x)\n        {call}")
    splice = {
        "placement": "after",
        "target": "conv",
        "block": "conv_block",
        "layout": ["N", "C", "H", "W"],
    }
    return {
        "op": "prove",
        "file": str(file),
        "module": "model",
        "paths": [str(folder)],
        "root": str(folder),
        "inputs": ["1x3x16x16"],
        "functions": [],
        "overlay": {str(file): base64.b64encode(edited.encode()).decode()},
        "builds": [{"expression": "Net()", "splices": [splice], "extent": "whole", "named": True}],
        **fields,
    }


def answered(asked):
    """The answer, without how many forwards it took."""
    answer = operations.perform(asked)
    assert answer["ok"], answer
    [one] = answer["builds"]
    return {key: value for key, value in one.items() if key != "forwards"}


def test_the_original_is_built_once_and_every_answer_is_as_without(tmp_path, built):
    alone = [answered(request(tmp_path, block)) for block in BLOCK.values()]
    assert built == [False, True] * 3
    built.clear()
    kept_ones = [answered(request(tmp_path, block, keep=True)) for block in BLOCK.values()]
    assert built == [False, True, True, True]
    assert kept_ones == alone
    assert all(one["ok"] for one in alone)


def test_a_wrong_edit_is_found_after_right_ones_and_does_not_spoil_those_after_it(tmp_path, built):
    wrong = "self.conv_block(x); self.norm.weight.data.mul_(1.001)"
    alone = answered(request(tmp_path, BLOCK["half"], wrong))
    assert alone["error"]["check"]
    answers = [
        answered(request(tmp_path, BLOCK["full"], call, keep=True))
        for call in ("x = self.conv_block(x)", wrong, "x = self.conv_block(x)")
    ]
    assert [one["ok"] for one in answers] == [True, False, True]
    assert answers[0] == answers[2]
    assert answers[1]["error"]["check"] == alone["error"]["check"]
    assert built.count(False) == 1 + 2  # what a failed proof ran on is built anew


def test_what_a_method_of_the_project_may_have_changed_is_not_kept(tmp_path, built):
    for _ in range(2):
        answered(request(tmp_path, BLOCK["half"], model=MODEL + METHOD, keep=True))
    assert built.count(False) == 2


def test_a_model_that_takes_much_of_the_memory_is_not_kept(tmp_path, built, monkeypatch):
    asked = [request(tmp_path, block, keep=True) for block in (BLOCK["half"], BLOCK["full"])]
    monkeypatch.setattr(kept.memory, "available", lambda: 29_000)
    monkeypatch.setattr(kept.memory, "size_of", lambda model: 1_000)
    answered(asked[0])
    assert built.count(False) == 1 and not kept._KEPT
    monkeypatch.setattr(kept.memory, "available", lambda: 30_000)
    answered(asked[1])
    assert built.count(False) == 2 and len(kept._KEPT) == 1


def test_other_inputs_are_another_original(tmp_path, built):
    answered(request(tmp_path, BLOCK["half"], keep=True))
    found = answered(request(tmp_path, BLOCK["half"], keep=True, inputs=["1x3x12x12"]))
    assert found["input"] == "1x3x12x12" and built.count(False) == 2
