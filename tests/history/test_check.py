"""check.py: drift is found, and neither the owner's edits nor formatters are taken for it."""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path

import black
import isort
import pytest

from stitchgen.errors import StitchError
from stitchgen.history import check, ledger
from stitchgen.project.config import Project
from tests.support.spliced import BLOCK, MODEL, Plan, commit, record, splice


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    (tmp_path / "model.py").write_text(MODEL)
    return tmp_path


def edit(root: Path, old: str, new: str, path: str = "model.py") -> None:
    text = (root / path).read_text()
    assert text.count(old) == 1
    (root / path).write_text(text.replace(old, new))


def passes(root: Path, **settings: object) -> dict[str, object]:
    result = check.run(Project(root, **settings))
    assert result["ok"] and result["drift"] == [], result
    return result


def drifts(root: Path, **settings: object) -> list[tuple[str, str]]:
    result = check.run(Project(root, **settings))
    assert not result["ok"]
    assert all(fault["hint"] for fault in result["drift"])
    return [(fault["where"], fault["message"]) for fault in result["drift"]]


# -- nothing is wrong ----------------------------------------------------------------------------


def test_a_project_without_splices_passes(root: Path) -> None:
    assert passes(root) == {
        "ok": True,
        "command": "check",
        "splices": 0,
        "files": [],
        "drift": [],
        "notes": [],
    }


def test_right_after_a_run_all_is_as_recorded(root: Path) -> None:
    splice(root)
    splice(root, "conv1", "se")
    result = passes(root)
    assert result["notes"] == [] and result["splices"] == 2
    assert result["files"] == [
        {"path": "blocks/cbam.py", "state": "recorded"},
        {"path": "blocks/se.py", "state": "recorded"},
        {"path": "model.py", "state": "recorded"},
    ]


def test_edits_of_the_owner_are_information(root: Path) -> None:
    splice(root)
    edit(root, "return Net()", "return Net(4)")
    edit(root, "class Net(", "class MyNet(")
    edit(root, "return Net(4)", "return MyNet(4)")
    edit(root, "x = self.layer2_cbam(x)", "x = self.layer2_cbam(  # attention\n            x)")
    result = passes(root)
    assert [note["code"] for note in result["notes"]] == ["edited"]
    assert {"path": "model.py", "state": "edited"} in result["files"]


def test_formatters_and_import_sorters_are_no_drift(root: Path) -> None:
    plan = Plan(MODEL.encode()).after("import torch.nn as nn", "from blocks.cbam import CBAM\n")
    plan.wrap("self.conv1(x)", "self.conv1_cbam(", ")").replace("nn.ReLU()", "CBAM()")
    commit(root, [record("conv1")], [plan.change()])
    for name in ("model.py", "blocks/cbam.py"):
        text = isort.code((root / name).read_text(), profile="black")
        mode = black.Mode(line_length=30)
        (root / name).write_text(black.format_str(text, mode=mode))
    passes(root)


def test_other_newlines_are_no_drift(root: Path) -> None:
    splice(root)
    for name in ("model.py", "blocks/cbam.py", "stitchgen.lock"):
        raw = (root / name).read_bytes()
        (root / name).write_bytes(raw.replace(b"\n", b"\r\n"))
    assert [note["where"] for note in passes(root)["notes"]] == ["model.py"]


def test_a_later_run_within_the_lines_of_an_earlier_one(root: Path) -> None:
    first = Plan(MODEL.encode()).lines_for(
        "x = self.features(x)",
        "for layer in self.features:\n    x = layer(x)\n    if layer is self.features[0]:\n"
        "        x = self.features_0_cbam(x)\n",
    )
    commit(root, [record("features.0")], [first.change()])
    second = Plan((root / "model.py").read_bytes())
    second.after("x = layer(x)", "x = self.features_cbam(x)\n")
    commit(root, [record("features")], [second.change()])
    passes(root)
    edit(root, "is self.features[0]", "is self.features[1]")
    assert [where for where, _ in drifts(root)] == ["model.py:19"]


def test_a_block_file_formatted_by_another_formatter(root: Path) -> None:
    splice(root)
    text = BLOCK.decode().replace("    ", "  ")
    (root / "blocks" / "cbam.py").write_text(text)
    assert drifts(root) == [("blocks/cbam.py", "blocks/cbam.py is not formatted")]
    assert drifts(root, formatter="black")
    passes(root, formatter="ruff")


def test_torch_and_black_are_not_imported_for_a_project_that_is_as_recorded(root: Path) -> None:
    splice(root)
    script = (
        "import sys; from pathlib import Path; from stitchgen.history import check\n"
        "from stitchgen.project.config import Project\n"
        "assert check.run(Project(Path(sys.argv[1])))['ok']\n"
        "assert not {'torch', 'black', 'jinja2'} & set(sys.modules)\n"
    )
    package = Path(check.__file__).parents[2]
    assert (
        os.spawnle(
            os.P_WAIT,
            sys.executable,
            sys.executable,
            "-c",
            script,
            str(root),
            {**os.environ, "PYTHONPATH": str(package)},
        )
        == 0
    )


# -- drift ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("        x = self.layer2_cbam(x)\n", "", 20),
        ("x = self.layer2_cbam(x)", "x = self.layer2_cbam(x) + x", 21),
        ("CBAM(width)", "CBAM(width * 2)", 13),
        ("from blocks.cbam import CBAM\n", "", 3),
    ],
)
def test_a_span_that_is_missing_or_changed(old: str, new: str, line: int, root: Path) -> None:
    splice(root)
    edit(root, old, new)
    ((where, message),) = drifts(root)
    assert where == f"model.py:{line}"  # of what is most like it now
    assert "(add cbam --after layer2)" in message


def test_a_model_file_that_is_gone(root: Path) -> None:
    splice(root)
    (root / "model.py").unlink()
    assert [where for where, _ in drifts(root)] == ["model.py"]


def test_a_conflict_in_the_model_file(root: Path) -> None:
    splice(root)
    edit(root, "def build", "<<<<<<< HEAD\n=======\n>>>>>>> other\ndef build")
    line = (root / "model.py").read_text().split("<<<<<<<")[0].count("\n") + 1
    assert drifts(root) == [(f"model.py:{line}", "model.py holds a merge conflict")]


def test_a_model_file_that_does_not_parse(root: Path) -> None:
    splice(root)
    edit(root, "def build():", "def build(:")
    ((where, message),) = drifts(root)
    assert where == "model.py:26" and "does not parse" in message


def test_a_block_file_that_is_gone(root: Path) -> None:
    splice(root)
    (root / "blocks" / "cbam.py").unlink()
    assert [where for where, _ in drifts(root)] == ["blocks/cbam.py"]


def test_a_block_file_that_was_changed(root: Path) -> None:
    splice(root)
    edit(root, "return x", "return x + 1", "blocks/cbam.py")
    assert drifts(root) == [("blocks/cbam.py", "blocks/cbam.py is not as stitchgen wrote it")]


def test_a_conflict_in_a_block_file(root: Path) -> None:
    splice(root)
    edit(root, "        return x", "<<<<<<< a\n=======\n>>>>>>> b", "blocks/cbam.py")
    assert drifts(root) == [("blocks/cbam.py:8", "blocks/cbam.py holds a merge conflict")]


def test_a_block_that_the_owner_brought_must_be_there_and_no_more(root: Path) -> None:
    (root / "blocks").mkdir()
    own = root / "blocks" / "cbam.py"
    own.write_bytes(BLOCK)
    splice(root)
    own.write_text("CBAM = None\n")
    passes(root)
    own.unlink()
    drifts(root)


def test_a_conflict_in_the_ledger_is_refused(root: Path) -> None:
    splice(root)
    edit(root, "version = 1\n", "<<<<<<< a\nversion = 1\n", "stitchgen.lock")
    with pytest.raises(StitchError) as caught:
        check.run(Project(root))
    assert caught.value.code == "ledger-broken"


def test_checking_writes_nothing(root: Path) -> None:
    splice(root)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    passes(root)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before
    assert ast.parse((root / "model.py").read_text()) and ledger.load(root).entries
