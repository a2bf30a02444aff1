"""status.py: what each splice and block file is like, after people and formatters were at work."""

from __future__ import annotations

import os
from pathlib import Path

import black
import isort
import pytest

from stitchgen.catalog import folders, render
from stitchgen.history import ledger, status
from stitchgen.project import transaction
from stitchgen.project.config import Project
from stitchgen.source.edits import FileChange
from tests.support.spliced import MODEL, Plan, commit, record, splice, tree


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    # The block files of these splices are not the catalog's.
    monkeypatch.setattr(status, "rendered", lambda project, file: None)
    (tmp_path / "model.py").write_text(MODEL)
    return tmp_path


def edit(root: Path, old: str, new: str, path: str = "model.py") -> None:
    text = (root / path).read_text()
    assert text.count(old) == 1
    (root / path).write_text(text.replace(old, new))


def states(root: Path) -> dict[str, tuple[str, str]]:
    """By attribute and path: the state with its detail."""
    before = tree(root)
    result = status.run(Project(root))
    assert tree(root) == before
    found = {one["attribute"]: one for one in result["splices"]}
    found |= {one["path"]: one for one in result["files"]}
    faults = [one for one in found.values() if one["state"] in ("missing", "conflict")]
    assert result["ok"] is not bool(faults)
    return {name: (one["state"], one.get("detail", "")) for name, one in found.items()}


def test_a_project_without_splices(root: Path) -> None:
    result = {"ok": True, "command": "status", "splices": [], "files": []}
    assert status.run(Project(root)) == result


def test_right_after_a_run_all_is_clean(root: Path) -> None:
    splice(root)
    assert status.run(Project(root)) == {
        "ok": True,
        "command": "status",
        "splices": [
            {
                "target": "model.py::Net.layer2",
                "attribute": "layer2_cbam",
                "block": "cbam",
                "command": "add cbam --after layer2",
                "state": "clean",
            }
        ],
        "files": [{"path": "blocks/cbam.py", "state": "clean"}],
    }


def test_formatters_and_edits_elsewhere_leave_it_clean(root: Path) -> None:
    plan = Plan(MODEL.encode()).after("import torch.nn as nn", "from blocks.cbam import CBAM\n")
    plan.wrap("self.conv1(x)", "self.conv1_cbam(", ")")
    commit(root, [record("conv1")], [plan.change()])
    edit(root, "return Net()", "return Net(4)")
    for name in ("model.py", "blocks/cbam.py"):
        text = isort.code((root / name).read_text(), profile="black")
        mode = black.Mode(line_length=30)
        (root / name).write_text(black.format_str(text, mode=mode))
    assert states(root) == {"conv1_cbam": ("clean", ""), "blocks/cbam.py": ("clean", "")}


def test_what_was_edited_is_said_in_a_line(root: Path) -> None:
    splice(root)
    splice(root, "conv1", "se")
    edit(root, "CBAM(width)", "CBAM(\n            width * 2)")
    found = states(root)
    assert found["layer2_cbam"] == (
        "edited",
        "model.py:15 is now `self.layer2_cbam = CBAM( width * 2)`",
    )
    assert found["conv1_se"] == ("clean", "")


def test_what_is_gone_is_missing(root: Path) -> None:
    splice(root)
    edit(root, "        x = self.layer2_cbam(x)\n", "")
    edit(root, "CBAM(width)", "CBAM(4)")
    state, detail = states(root)["layer2_cbam"]
    assert state == "missing"
    assert detail.startswith("`x = self.layer2_cbam(x)` is gone from model.py; model.py:13 is now")


def test_an_import_serves_all_splices_of_its_block(root: Path) -> None:
    splice(root)
    splice(root, "conv1")
    splice(root, "conv1", "se")
    edit(root, "from blocks.cbam import CBAM", "from .blocks.cbam import CBAM")
    found = states(root)
    detail = "model.py:6 is now `from .blocks.cbam import CBAM`"
    assert found["layer2_cbam"] == found["conv1_cbam"] == ("edited", detail)
    assert found["conv1_se"] == ("clean", "")


def test_an_import_that_is_gone_is_missing_where_its_name_is_used(root: Path) -> None:
    splice(root)
    edit(root, "from blocks.cbam import CBAM\n", "")
    detail = "`from blocks.cbam import CBAM` is gone from model.py"
    assert states(root)["layer2_cbam"] == ("missing", detail)


def test_a_renamed_class_and_a_moved_file(root: Path) -> None:
    splice(root)
    edit(root, "class Net(", "class MyNet(")
    edit(root, "return Net()", "return MyNet()")
    state, detail = states(root)["layer2_cbam"]
    assert state == "moved"
    assert detail.startswith("model.py:13, from Net.__init__ to MyNet.__init__; model.py:21")
    (root / "nets").mkdir()
    (root / "model.py").rename(root / "nets" / "net.py")
    state, detail = states(root)["layer2_cbam"]
    assert state == "moved" and detail.startswith("model.py is now nets/net.py; nets/net.py:13")


def test_a_file_that_is_gone_or_was_copied(root: Path) -> None:
    splice(root)
    text = (root / "model.py").read_text()
    (root / "model.py").unlink()
    assert states(root)["layer2_cbam"] == ("missing", "model.py is no longer there")
    for name in ("a.py", "b.py"):
        (root / name).write_text(text)
    detail = "model.py is no longer there, and a.py and b.py hold it"
    assert states(root)["layer2_cbam"] == ("missing", detail)


def test_a_conflict(root: Path) -> None:
    splice(root)
    splice(root, "conv1", "se")
    edit(root, "def build", "<<<<<<< HEAD\n=======\n>>>>>>> other\ndef build")
    found = states(root)
    assert found["layer2_cbam"] == ("conflict", "model.py:29 holds a merge conflict")
    assert found["conv1_se"][0] == "conflict"
    edit(root, "<<<<<<< HEAD\n=======\n>>>>>>> other\n", "")
    edit(root, "def build():", "def build(:")
    assert states(root)["layer2_cbam"][0] == "conflict"


def test_block_files(root: Path) -> None:
    splice(root)
    path = root / "blocks" / "cbam.py"
    edit(root, "return x", "return x + 1", "blocks/cbam.py")
    detail = "it was edited after stitchgen wrote it"
    assert states(root)["blocks/cbam.py"] == ("edited", detail)
    edit(root, "        return x + 1", "<<<<<<< a\n=======\n>>>>>>> b", "blocks/cbam.py")
    assert states(root)["blocks/cbam.py"] == (
        "conflict",
        "blocks/cbam.py:8 holds a merge conflict",
    )
    path.unlink()
    assert states(root)["blocks/cbam.py"][0] == "missing"


def test_a_block_file_that_was_moved(root: Path) -> None:
    splice(root)
    (root / "layers").mkdir()
    (root / "blocks" / "cbam.py").rename(root / "layers" / "cbam.py")
    assert states(root)["blocks/cbam.py"] == ("moved", "it is now layers/cbam.py")


def test_the_catalogs_block_is_newer(tmp_path: Path) -> None:
    """The file is as an older catalog wrote it, for three dims and for a class of another name."""
    block = folders.get("cbam")
    records, written = [], []
    for dims, name in ((3, None), (3, "MyBlock"), (2, None)):
        path = f"blocks/{block.module_for(dims, name)}.py"
        text = render.block_source(block, dims, name).encode()
        older = text.replace(b"class ", b"#: Older.\nclass ", 1) if dims == 3 else text
        written.append(FileChange(path, None, older))
        attribute = name or block.class_for(dims)
        one = ledger.SpliceRecord("cbam", path, "new", attribute, "file", f"dims={dims}", (path,))
        records.append(one)
    book = ledger.load(tmp_path).with_run("new-module cbam", records, written)
    transaction.commit(tmp_path, [*written, book.change()])
    newer = ("outdated", "the catalog has a newer cbam")
    found = {
        "blocks/cbam3d.py": newer,
        "blocks/my_block.py": newer,
        "blocks/cbam.py": ("clean", ""),
    }
    assert states(tmp_path) == found


def test_a_block_that_no_catalog_has_now_is_judged_by_itself(root: Path) -> None:
    splice(root, "layer2", "eca")
    text = (root / "stitchgen.lock").read_text().replace('block = "eca"', 'block = "lab/eca"')
    (root / "stitchgen.lock").write_text(text)
    assert states(root)["blocks/eca.py"] == ("clean", "")
