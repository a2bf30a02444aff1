"""`add cbam,se`: several blocks at one layer, as one run with one undo."""

from __future__ import annotations

from pathlib import Path

import pytest

from stitchgen.errors import StitchError
from stitchgen.history import ledger, undo
from stitchgen.pipeline import remove, splice
from stitchgen.project.config import Project
from tests.support.commands import request_of
from tests.support.spliced import tree

MODEL = """\
from torch import nn


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.neck = nn.Conv2d(width, width, 1)
        self.body = nn.Sequential(nn.Conv2d(width, width, 1), nn.ReLU(), nn.Conv2d(width, width, 1))
        self.fc = nn.Linear(width, 5)

    def forward(self, x):
        x = self.conv(x)
        x = self.neck(x)
        x = self.body(x)
        return self.fc(x.mean((2, 3)))
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "model.py").write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def add(root: Path, flags: str) -> dict[str, object]:
    return splice.run(Project(root), request_of(f"{flags} --no-prove", "python")).result


def lines(root: Path) -> list[str]:
    """The statements of `forward`, and what is constructed."""
    return [line.strip() for line in (root / "model.py").read_text().splitlines()]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (
            "cbam,se,eca --after model.conv",
            [
                "x = self.conv(x)",
                "x = self.conv_cbam(x)",
                "x = self.conv_se(x)",
                "x = self.conv_eca(x)",
            ],
        ),
    ],
)
def test_stand_in_the_order_in_which_they_were_named(
    flags: str, expected: list[str], root: Path
) -> None:
    before = tree(root)
    result = add(root, flags)
    found = lines(root)
    start = found.index(expected[0])
    assert found[start : start + len(expected)] == expected
    assert [one["block"] for one in result["splices"]] == flags.partition(" ")[0].split(",")
    assert len(ledger.load(root).runs()) == 1
    again = add(root, flags)
    assert again["files"] == [] and all(one["already"] for one in again["splices"])
    undo.run(Project(root))
    assert tree(root) == before


def test_before_a_layer_the_first_goes_in_first() -> None:
    for placement, order in (("after", ["se", "cbam"]), ("before", ["cbam", "se"])):
        request = request_of(f"cbam,se --{placement} model.conv --set se.reduction=8", "python")
        turns = request.in_turn()
        assert [one.block for one in turns] == order
        assert {one.block: dict(one.settings) for one in turns}["se"] == {"reduction": "8"}


def test_one_of_them_is_removed_alone(root: Path) -> None:
    for victim, other in (("conv_cbam", "se"), ("conv_se", "cbam")):
        before = tree(root)
        add(root, "cbam,se --after model.conv")
        remove.run(Project(root), (victim,))
        left = lines(root)
        undo.run(Project(root))
        assert tree(root) == before
        add(root, f"{other} --after model.conv")
        assert lines(root) == left
        undo.run(Project(root))


def test_order_that_cannot_be_kept_is_refused(root: Path) -> None:
    add(root, "cbam --after model.conv")
    before = tree(root)
    with pytest.raises(StitchError) as caught:
        add(root, "cbam,se --after model.conv")
    assert caught.value.code == "already-there"
    assert "stitchgen add se --after 'model.py::Net.conv_cbam'" in str(caught.value.hint)
    assert tree(root) == before
    add(root, "eca,cbam --after model.conv")  # which comes before the one that is there
    assert lines(root).index("x = self.conv_eca(x)") < lines(root).index("x = self.conv_cbam(x)")


@pytest.mark.parametrize(
    "flags",
    [
        "cbam,se --beside model.conv",
        "cbam,se --replace model.conv",
        "cbam,se --after model.conv --name both",
        "cbam,se --after model.conv --set reduction=4",
        "cbam,cbam --after model.conv",
        "cbam, --after model.conv",
    ],
)
def test_what_has_no_meaning_for_several_is_wrong_usage(flags: str, root: Path) -> None:
    with pytest.raises(StitchError) as caught:
        add(root, flags.replace("cbam, ", "cbam,' ' "))
    assert caught.value.exit_status == 2
