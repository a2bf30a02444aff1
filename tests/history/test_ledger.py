"""The ledger: what is recorded, what cannot be read, and how two of them merge."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitchgen.errors import StitchError
from stitchgen.history import ledger
from stitchgen.history.entries import SpliceRecord
from stitchgen.history.ledger import Ledger
from stitchgen.history.traces import Piece, Trace
from stitchgen.project.transaction import LEDGER, digest
from stitchgen.source.edits import Edit, FileChange
from stitchgen.source.equivalence import meaning
from tests.support.spliced import BLOCK, MODEL, Plan, record, splice


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    (tmp_path / "model.py").write_text(MODEL)
    return tmp_path


# -- what is recorded ----------------------------------------------------------------------------


def test_a_project_without_a_ledger_has_an_empty_one(tmp_path: Path) -> None:
    book = ledger.load(tmp_path)
    assert book.runs() == [] and book.change() == FileChange(LEDGER, None, None)


def test_a_run_is_read_as_it_was_written(root: Path) -> None:
    splice(root, "layer2", "cbam")
    splice(root, "conv1", "se")
    book = ledger.load(root)
    assert book.to_bytes() == (root / LEDGER).read_bytes() == book.raw
    first, second = book.runs()
    assert first.command == "add cbam --after layer2" and second.command == "add se --after conv1"
    assert first.folders == ["blocks"] and second.folders == []
    block = first.created[0]
    assert (block.path, block.sha256) == ("blocks/cbam.py", digest(BLOCK))
    assert block.meaning == meaning(BLOCK)
    assert first.edited[0].before == digest(MODEL.encode())
    assert first.edited[0].after == second.edited[0].before
    assert second.edited[0].after == digest((root / "model.py").read_bytes())
    assert [mark.now.strip() for mark in first.traces("model.py")] == [
        "from blocks.cbam import CBAM",
        "self.layer2_cbam = CBAM(width)",
        "x = self.layer2_cbam(x)",
    ]
    assert [mark.scope for mark in first.traces("model.py")] == ["", "Net.__init__", "Net.forward"]


def test_the_same_run_gives_the_same_bytes_anywhere(tmp_path: Path, root: Path) -> None:
    splice(root)
    other = tmp_path / "a" / "copy"
    other.mkdir(parents=True)
    (other / "model.py").write_text(MODEL)
    splice(other)
    assert (other / LEDGER).read_bytes() == (root / LEDGER).read_bytes()


def test_tables_are_sorted_by_target_and_not_by_age(root: Path) -> None:
    for name, block in (("layer2", "se"), ("conv1", "cbam"), ("layer2", "cbam")):
        splice(root, name, block)
    headers = [
        line for line in (root / LEDGER).read_text().splitlines() if line.startswith("[splice")
    ]
    assert headers == [
        '[splice."model.py::Net.conv1"."conv1_cbam"]',
        '[splice."model.py::Net.layer2"."layer2_cbam"]',
        '[splice."model.py::Net.layer2"."layer2_se"]',
    ]
    names = [run.name.split("-")[0] for run in ledger.load(root).runs()]
    assert names == ["1", "2", "3"]


def test_one_run_of_several_splices_gives_each_its_own_spans(root: Path) -> None:
    plan = Plan(MODEL.encode())
    plan.after("import torch.nn as nn", "from blocks.cbam import CBAM\n")
    for name in ("conv1", "layer2"):
        plan.after(f"x = self.{name}(x)", f"x = self.{name}_cbam(x)\n")
    block = FileChange("blocks/cbam.py", None, BLOCK)
    book = ledger.load(root).with_run(
        "add cbam", [record("layer2"), record("conv1")], [block, plan.change()]
    )
    (run,) = book.runs()
    conv1, layer2 = run.entries
    assert [mark.now.strip() for mark in conv1.traces] == ["x = self.conv1_cbam(x)"]
    assert [mark.now.strip() for mark in layer2.traces] == [
        "from blocks.cbam import CBAM",
        "x = self.layer2_cbam(x)",
    ]
    assert conv1.edited == layer2.edited and len(run.edited) == 1
    assert len(run.created) == 1


def test_a_splice_at_the_place_of_a_lost_one_takes_over_its_files(root: Path) -> None:
    splice(root)
    (root / "model.py").write_text(MODEL)
    splice(root)
    (run,) = ledger.load(root).runs()
    assert [file.path for file in run.created] == ["blocks/cbam.py"]
    assert run.folders == ["blocks"]


def test_a_change_without_edits_is_recorded_by_its_difference(root: Path) -> None:
    change = FileChange("model.py", b"a = 1\nb = 2\n", b"a = 1\nc = 3\nb = 2\n")
    (run,) = ledger.load(root).with_run("add x", [record()], [change]).runs()
    assert [mark.now for mark in run.traces("model.py")] == ["c = 3"]


def test_a_file_that_is_no_python_is_recorded_by_its_bytes(root: Path) -> None:
    change = FileChange.of("a.toml", b"x = \xff\n", [Edit(8 - 2, 8 - 2, b"y = \xfe\n")])
    (run,) = ledger.load(root).with_run("add x", [record()], [change]).runs()
    assert [(mark.kind, mark.pieces) for mark in run.traces("a.toml")] == [
        ("bytes", (Piece(6, "y = \xfe\n", ""),))
    ]


texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs"]) | st.sampled_from('"\\\x7f\x00\r\n\t')
)


@given(texts.filter(bool), texts, st.lists(st.tuples(st.integers(0, 99), texts, texts), min_size=1))
def test_any_text_survives_the_file(
    target: str, code: str, pieces: list[tuple[int, str, str]]
) -> None:
    mark = Trace("m.py", "bytes", code, code, code, tuple(Piece(*piece) for piece in pieces))
    splice = SpliceRecord(code, target, code, code, code, code, (code,))
    entry = ledger.Entry(splice, "1-a", code, folders=(code,), traces=(mark,))
    book = Ledger(Path(), (entry,))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / LEDGER).write_bytes(book.to_bytes())
        assert ledger.load(Path(folder)).entries == book.entries


# -- what cannot be read -------------------------------------------------------------------------


def broken(root: Path) -> StitchError:
    with pytest.raises(StitchError) as caught:
        ledger.load(root)
    assert caught.value.code == "ledger-broken" and caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        pytest.param("version = 1", "version = ", 3, id="no TOML"),
        pytest.param("version = 1", "version = 2", 1, id="a newer version"),
        pytest.param("version = 1\n", "", 1, id="no version"),
        pytest.param("run = ", "ran = ", 5, id="a missing key"),
        pytest.param('run = "1-', 'run = "x-', 5, id="no run"),
        pytest.param("now = ", "then = ", 5, id="a span without code"),
        pytest.param("CBAM(width)", "CBAM(3)", 5, id="a span that was changed"),
        pytest.param("how = {", "how = 3 #", 5, id="a wrong type"),
        pytest.param("[splice.", "<<<<<<< HEAD\n[splice.", 5, id="a conflict"),
    ],
)
def test_a_ledger_that_cannot_be_read_says_where(old: str, new: str, line: int, root: Path) -> None:
    splice(root)
    path = root / LEDGER
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    assert broken(root).where == f"{LEDGER}:{line}"


def test_bytes_that_are_no_text(root: Path) -> None:
    (root / LEDGER).write_bytes(b"\xff\xfe")
    assert broken(root).where == f"{LEDGER}:1"


def test_splices_that_are_no_tables(root: Path) -> None:
    (root / LEDGER).write_text("version = 1\nsplice = 3\n")
    broken(root)


# -- merging -------------------------------------------------------------------------------------


def git(root: Path, *arguments: str) -> int:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    return subprocess.run(["git", *identity, *arguments], cwd=root, capture_output=True).returncode


@pytest.mark.parametrize("style", ["merge", "diff3", "zdiff3"])
@pytest.mark.parametrize("base", [(), ("head", "se")], ids=["new", "grown"])
def test_a_conflict_is_solved_by_taking_out_its_markers(
    style: str, base: tuple[str, ...], root: Path
) -> None:
    text = MODEL.replace("return self.head(x.mean((2, 3)))", "x = self.head(x)\n        return x")
    (root / "model.py").write_text(text)
    git(root, "init", "-q", "-b", "main")
    if base:
        splice(root, *base)
    git(root, "add", ".")
    git(root, "commit", "-qm", "base")
    git(root, "checkout", "-qb", "one")
    splice(root, "conv1")
    git(root, "add", ".")
    git(root, "commit", "-qm", "one")
    git(root, "checkout", "-q", "main")
    splice(root, "features")
    git(root, "add", ".")
    git(root, "commit", "-qm", "two")
    assert git(root, "-c", f"merge.conflictStyle={style}", "merge", "-q", "one") == 1
    broken(root)
    path = root / LEDGER
    markers = ("<<<<<<<", "=======", ">>>>>>>", "|||||||")
    lines = [line for line in path.read_text().splitlines(True) if not line.startswith(markers)]
    path.write_text("".join(lines))
    book = ledger.load(root)
    assert {entry.record.attribute for entry in book.entries} >= {"conv1_cbam", "features_cbam"}
