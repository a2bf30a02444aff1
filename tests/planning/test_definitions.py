"""A layer of one instance: what else has its class stays as it is, in whichever file it stands.

Each project is spliced once with the proof and once by reading alone.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from stitchgen.errors import StitchError
from stitchgen.history import undo
from stitchgen.pipeline import splice as splicing
from stitchgen.project import config
from stitchgen.project.outcome import Outcome
from tests.support.commands import request_of

UNIT = """\
class Unit(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 1)

    def forward(self, x):
        return x + self.conv(x)
"""
NET = """\
class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3)
        self.one = Unit(width)

    def forward(self, x):
        return self.one(self.stem(x))
"""
TORCH = "import torch.nn as nn\n"
IMPORTS = TORCH + "from unit import Unit\n"
SLOT = "self.conv_se = nn.Identity()"

both = pytest.mark.parametrize("flags", ["", "--no-prove"], ids=["proven", "read"])


def spliced(root: Path, sources: dict[str, str], python: str, flags: str) -> Outcome:
    root.mkdir(exist_ok=True)
    for name, text in {"pyproject.toml": "", **sources}.items():
        (root / name).write_text(text)
    request = request_of(f"se --after model.py::Net.one.conv {flags}", python)
    return splicing.run(config.find_project(root), request)


def source(*parts: str) -> str:
    return "\n\n".join(parts)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@both
@pytest.mark.parametrize(
    "other",
    [
        {"other.py": source(IMPORTS, NET.replace("Net", "Other"))},
        {"other.py": source("import unit\n" + TORCH, NET.replace("Unit(", "unit.Unit("))},
        {"other.py": source(IMPORTS, "class Twice(Unit):\n    pass\n")},
        {"other.py": source(IMPORTS, "def stack():\n    return nn.Sequential(Unit(3), Unit(3))\n")},
    ],
    ids=[
        "a model of another file",
        "by the name of its module",
        "a class that inherits it",
        "a factory",
    ],
)
def test_what_else_uses_the_class_gets_an_empty_slot(
    root: Path, python: str, flags: str, other: dict[str, str]
) -> None:
    files = {"model.py": source(IMPORTS, NET), "unit.py": source(TORCH, UNIT), **other}
    outcome = spliced(root, files, python, flags)
    assert [splice["strategy"] for splice in outcome.result["splices"]] == ["slot"]
    assert SLOT in (root / "unit.py").read_text()
    assert "self.one.conv_se = SE(channels=" in (root / "model.py").read_text()
    assert (root / "other.py").read_text() == other["other.py"]
    undo.run(config.find_project(root))
    assert (root / "unit.py").read_text() == files["unit.py"]


@both
def test_another_model_of_the_same_file_needs_not_be_built(
    root: Path, python: str, flags: str
) -> None:
    other = NET.replace("Net", "Other").replace("width=8", "width")
    spliced(root, {"model.py": source(TORCH, UNIT, NET, other)}, python, f"{flags} --build Net()")
    text = (root / "model.py").read_text()
    assert SLOT in text and text.count("SE(") == 1


@both
def test_a_class_that_only_the_model_uses_gets_the_block_itself(
    root: Path, python: str, flags: str
) -> None:
    stranger = source(TORCH, UNIT, NET.replace("Net", "Stranger"))
    factory = "def net():\n    assert Unit\n    return Net()\n\n\ndef check():\n    Unit(3)\n"
    files = {"model.py": source(IMPORTS, NET, factory), "unit.py": source(TORCH, UNIT)}
    spliced(root, {**files, "stranger.py": stranger}, python, flags)
    assert "self.conv_se = SE(channels=width)" in (root / "unit.py").read_text()
    assert (root / "model.py").read_text() == files["model.py"]


@both
def test_one_of_two_instances_of_another_file(root: Path, python: str, flags: str) -> None:
    twice = NET.replace("Unit(width)\n", "Unit(width)\n        self.two = Unit(width)\n")
    twice = twice.replace("self.one(self.stem(x))", "self.two(self.one(self.stem(x)))")
    files = {"model.py": source(IMPORTS, twice), "unit.py": source(TORCH, UNIT)}
    spliced(root, files, python, flags)
    assert SLOT in (root / "unit.py").read_text()
    assert "self.one.conv_se = SE(" in (root / "model.py").read_text()


LOOP = """\
class Net(nn.Module):
    def __init__(self, widths):
        super().__init__()
        layers = []
        for width in widths:
            layers.append(Unit(width))
        self.one = nn.Sequential(*layers)

    def forward(self, x):
        return self.one(x)
"""


def test_reading_hears_the_configurations_that_the_user_names(root: Path, python: str) -> None:
    (root / "pyproject.toml").write_text("")
    (root / "model.py").write_text(source(TORCH, UNIT, LOOP))
    flags = "se --after model.py::Net.one.1.conv --no-prove"
    with pytest.raises(StitchError) as refusal:
        splicing.run(config.find_project(root), request_of(flags, python))
    assert refusal.value.code == "target-not-found"
    request = request_of(f"{flags} --build 'Net((8, 8))' --build 'Net((6, 4))'", python)
    outcome = splicing.run(config.find_project(root), request)
    assert "self.one[1].conv_se = SE(channels=widths[1])" in (root / "model.py").read_text()
    assert outcome.result["splices"][0]["channels"]["evidence"] == "symbolic"


def test_reading_writes_no_number_that_other_arguments_change(root: Path, python: str) -> None:
    table = "def wide(n):\n    return {4: 8, 8: 8}[n]\n"
    model = LOOP.replace("for width in widths:", "for width in map(wide, widths):")
    (root / "pyproject.toml").write_text("")
    (root / "model.py").write_text(source(TORCH, UNIT, table, model))
    flags = "se --after model.py::Net.one.1.conv --no-prove --build 'Net((4, 8))'"
    with pytest.raises(StitchError) as refusal:
        splicing.run(config.find_project(root), request_of(flags, python))
    assert refusal.value.code == "channels-unknown"
    assert "a number that what the class is given may change" in refusal.value.message


def test_reading_writes_a_number_that_no_argument_changes(root: Path, python: str) -> None:
    model = LOOP.replace("Unit(width)", "Unit(32)").replace("widths):", "widths, rate=0.5):")
    (root / "pyproject.toml").write_text("")
    (root / "model.py").write_text(source(TORCH, UNIT, model))
    flags = "se --after model.py::Net.one.1.conv --no-prove --build 'Net((4, 8))'"
    splicing.run(config.find_project(root), request_of(flags, python))
    assert "self.one[1].conv_se = SE(channels=32)" in (root / "model.py").read_text()
