"""undo.py: every byte back, and where somebody edited the file, only our own spans out of it."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import black
import isort
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from stitchgen.errors import StitchError
from stitchgen.history import ledger, traces, undo
from stitchgen.history.record import describe
from stitchgen.history.revert import removal
from stitchgen.project.config import Project
from stitchgen.source import edits
from stitchgen.source.document import Document
from stitchgen.source.edits import FileChange, apply
from tests.support.spliced import BLOCK, MODEL, Plan, commit, record, splice, tree


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # no test looks at it, and disks are slow
    (tmp_path / "model.py").write_text(MODEL)
    return tmp_path


def take_back(root: Path) -> dict[str, object]:
    return undo.run(Project(root)).result


def model(root: Path) -> str:
    return (root / "model.py").read_bytes().decode()


def edit(root: Path, *pairs: tuple[str, str]) -> None:
    """The owner replaces texts in the model file."""
    text = model(root)
    for old, new in pairs:
        assert text.count(old) == 1, (old, text)
        text = text.replace(old, new)
    (root / "model.py").write_bytes(text.encode())


# -- nobody touched anything ---------------------------------------------------------------------


def test_every_byte_is_as_before(root: Path) -> None:
    before = tree(root)
    splice(root)
    assert undo.run(Project(root)).result == {
        "ok": True,
        "command": "undo",
        "dry_run": False,
        "run": "1-" + ledger_name(root, before),
        "undone": "add cbam --after layer2",
        "files": [
            {"path": "model.py", "action": "restore"},
            {"path": "blocks/cbam.py", "action": "delete"},
        ],
        "warnings": [],
    }
    assert tree(root) == before


def ledger_name(root: Path, before: object) -> str:
    """The hash in the name of a first run, made once more."""
    other = root.parent / "other"
    other.mkdir()
    (other / "model.py").write_text(MODEL)
    splice(other)
    return ledger.load(other).runs()[-1].name.split("-")[1]


def test_a_dry_run_says_the_same_and_writes_nothing(root: Path) -> None:
    splice(root)
    before = tree(root)
    outcome = undo.run(Project(root), mode="dry-run")
    assert tree(root) == before
    assert outcome.result["dry_run"] is True
    assert outcome.result["files"] == take_back(root)["files"]
    assert [change.path for change in outcome.changes] == [
        "model.py",
        "blocks/cbam.py",
        "stitchgen.lock",
    ]


def test_the_patch_of_a_dry_run_does_what_undo_does(root: Path) -> None:
    before = tree(root)
    splice(root)
    patch = edits.patch(undo.run(Project(root), mode="diff").changes)
    subprocess.run(["git", "apply"], input=patch, cwd=root, check=True)
    if (root / "blocks").exists():  # some versions of git leave the empty folder
        (root / "blocks").rmdir()
    assert tree(root) == before


def test_runs_are_taken_back_one_by_one(root: Path) -> None:
    stages = [tree(root)]
    for name, block in (("layer2", "cbam"), ("conv1", "cbam"), ("layer2", "se"), ("conv1", "se")):
        splice(root, name, block)
        stages.append(tree(root))
    for stage in reversed(stages[:-1]):
        take_back(root)
        assert tree(root) == stage
    with pytest.raises(StitchError) as caught:
        take_back(root)
    assert caught.value.code == "nothing-to-undo"


def test_a_block_file_stays_while_another_splice_needs_it(root: Path) -> None:
    splice(root, "layer2")
    splice(root, "conv1")
    take_back(root)
    assert (root / "blocks" / "cbam.py").exists()
    take_back(root)
    assert not (root / "blocks").exists()


def test_a_module_alone_is_taken_back(root: Path) -> None:
    before = tree(root)
    lone = ledger.SpliceRecord("cbam", "blocks/cbam.py", "new", "CBAM", "file")
    commit(root, [lone], [], "new-module cbam")
    assert undo.run(Project(root)).result["files"] == [
        {"path": "blocks/cbam.py", "action": "delete"}
    ]
    assert tree(root) == before


def test_compiled_files_that_came_with_the_run_go(root: Path) -> None:
    before = tree(root)
    splice(root)
    for name in ("__pycache__/model.cpython-311.pyc", "blocks/__pycache__/cbam.cpython-311.pyc"):
        (root / name).parent.mkdir()
        (root / name).write_bytes(b"")
    take_back(root)
    assert tree(root) == before


def test_compiled_files_from_before_the_run_stay(root: Path) -> None:
    (root / "__pycache__").mkdir()
    old = root / "__pycache__" / "model.cpython-311.pyc"
    old.write_bytes(b"")
    os.utime(old, (1, 1))
    before = tree(root)
    splice(root)
    take_back(root)
    assert tree(root) == before


def test_a_package_that_the_run_made_goes_and_one_with_other_modules_stays(root: Path) -> None:
    before = tree(root)
    package = FileChange("blocks/__init__.py", None, b'"""Blocks."""\n')
    plan = Plan(MODEL.encode()).after("x = self.layer2(x)", "x = self.layer2_cbam(x)\n")
    commit(root, [record()], [package, plan.change()])
    take_back(root)
    assert tree(root) == before
    commit(root, [record()], [package, plan.change()])
    (root / "blocks" / "mine.py").write_bytes(b"x = 1\n")
    take_back(root)
    assert set(tree(root)) - set(before) == {"blocks", "blocks/__init__.py", "blocks/mine.py"}


# -- every kind of edit, every kind of file ------------------------------------------------------


def a_method(plan: Plan) -> Plan:
    end = plan.raw.index(b"\n\n\ndef build")
    text = b'\n\n    def loss(self, x):\n        """The loss.\n\n        Of x.\n        """\n'
    plan.edits.append(edits.Edit(end, end, text + b"        return self.head_cbam(x)"))
    return plan


def slices(plan: Plan) -> Plan:
    """`self.features(x)` becomes slices of it around a block."""
    start, end = plan.expression("self.features(x)")
    inside = plan.document.to_raw(start + len("self.features"))
    behind = plan.document.to_raw(end)
    text = b"[1:](self.features_0_cbam(self.features[:1]"
    plan.edits += [edits.Edit(inside, inside, text), edits.Edit(behind, behind, b"))")]
    return plan


KINDS: dict[str, Callable[[Plan], Plan]] = {
    "lines": lambda plan: plan.after("x = self.layer2(x)", "x = self.layer2_cbam(x)\n"),
    "a suite": lambda plan: plan.after(
        "x = self.layer2(x)", "if x.ndim == 4:\n    x = self.layer2_cbam(x)\n"
    ),
    "a wrap": lambda plan: plan.wrap("x.mean((2, 3))", "self.head_cbam(", ")"),
    "two wraps": lambda plan: plan.wrap("self.conv1(x)", "self.conv1_cbam(", ")").wrap(
        "x.mean((2, 3))", "self.head_cbam(", ")"
    ),
    "a wrap in a wrap": lambda plan: plan.wrap(
        "self.head(x.mean((2, 3)))", "self.head_cbam(", ")"
    ).wrap("x.mean((2, 3))", "self.pool_cbam(", ")"),
    "a loop for a call": lambda plan: plan.lines_for(
        "x = self.features(x)",
        "for layer in self.features:\n    x = layer(x)\n    if layer is self.features[0]:\n"
        "        x = self.features_0_cbam(x)\n",
    ),
    "another class": lambda plan: plan.replace("nn.Conv2d(3, width, 3)", "CBAM(3, width)"),
    "another class in a Sequential": lambda plan: plan.replace("nn.ReLU()", "CBAM()"),
    "a method": a_method,
    "slices": slices,
}


FILES: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "BOM": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "latin-1": lambda text: b"# coding: latin-1\n"
    + text.replace("A model", "\xe9").encode("latin-1"),
    "tabs": lambda text: text.replace("    ", "\t").encode(),
    "UTF-8": lambda text: text.replace("A model", "\u4e2d\u6587").encode(),
    "form feed": lambda text: text.replace("\n\nclass", "\n\x0c\nclass").encode(),
}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "a method"])
def test_each_kind_of_edit_in_each_kind_of_file(kind: str, file: str, root: Path) -> None:
    raw = FILES[file](MODEL)
    (root / "model.py").write_bytes(raw)
    before = tree(root)
    commit(root, [record()], [KINDS[kind](Plan(raw)).change()])
    spliced = (root / "model.py").read_bytes()
    take_back(root)
    assert tree(root) == before

    # And where the owner has added a line elsewhere, that line stays.
    newline = b"\r\n" if file == "CRLF" else b"\n"
    commit(root, [record()], [KINDS[kind](Plan(raw)).change()])
    own = newline + b"print(1)" + newline
    (root / "model.py").write_bytes(spliced + own)
    take_back(root)
    assert (root / "model.py").read_bytes() == raw + own


# -- others touched the file ---------------------------------------------------------------------


def test_edits_elsewhere_stay_byte_for_byte(root: Path) -> None:
    splice(root)
    changes = [
        ("import torch\n", "import math\nimport torch  # needed\n"),
        ("        # the second layer\n", "        # the 2nd layer\n\n"),
        ("return Net()", "return  Net( )"),
        ("width=8", "width = 16"),
    ]
    edit(root, *changes)
    take_back(root)
    found = model(root)
    (root / "model.py").write_text(MODEL)
    edit(root, *changes)
    assert found == model(root)
    assert not (root / "stitchgen.lock").exists() and not (root / "blocks").exists()


def formatted(text: str) -> str:
    return black.format_str(text, mode=black.Mode(line_length=40, magic_trailing_comma=False))


@pytest.mark.parametrize("kind", KINDS)
def test_black_with_other_settings(kind: str, root: Path) -> None:
    commit(root, [record()], [KINDS[kind](Plan(MODEL.encode())).change()])
    (root / "model.py").write_text(formatted(model(root)))
    take_back(root)
    assert ast.dump(ast.parse(model(root))) == ast.dump(ast.parse(MODEL))
    assert formatted(model(root)) == formatted(MODEL)


def ruffed(text: str) -> str:
    command = [sys.executable, "-m", "ruff", "format", "--line-length", "50", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def isorted(text: str, root: Path, **settings: object) -> str:
    return isort.code(text, config=isort.Config(src_paths=(root,), **settings))


@pytest.mark.parametrize("tool", ["ruff", "isort"])
@pytest.mark.parametrize("kind", KINDS)
def test_other_formatters(tool: str, kind: str, root: Path) -> None:
    commit(root, [record()], [KINDS[kind](Plan(MODEL.encode())).change()])
    run = ruffed if tool == "ruff" else lambda text: isorted(text, root)
    (root / "model.py").write_text(run(model(root)))
    take_back(root)
    if tool == "isort":
        assert model(root) == run(MODEL)
    assert ast.dump(ast.parse(model(root))) == ast.dump(ast.parse(run(MODEL)))


@pytest.mark.parametrize(
    "settings",
    [{}, {"profile": "black"}, {"profile": "google"}, {"force_sort_within_sections": True}],
    ids=str,
)
@pytest.mark.parametrize(
    "imports",
    [
        "import torch\nimport torch.nn as nn\n",
        "import os\n\nimport torch\nimport torch.nn as nn\n\nfrom blocks.other import thing\n",
        "import torch\nimport torch.nn as nn\n\nfrom zebra import stripes\n",
        "import torch.nn as nn\n",
    ],
)
def test_isort_and_an_edit_of_the_owner(
    settings: dict[str, object], imports: str, root: Path
) -> None:
    (root / "blocks").mkdir()  # with a module in it, isort knows it for first-party
    (root / "blocks" / "other.py").write_text("thing = 1\n")
    text = MODEL.replace("import torch\nimport torch.nn as nn\n", imports)
    text = isorted(text, root, **settings)
    (root / "model.py").write_text(text)
    splice(root)
    (root / "model.py").write_text(isorted(model(root), root, **settings))
    edit(root, ("return Net()", "return Net(4)"))
    take_back(root)
    assert model(root) == text.replace("return Net()", "return Net(4)")


def test_an_import_that_isort_merged_with_others(root: Path) -> None:
    splice(root)
    edit(
        root,
        (
            "from blocks.cbam import CBAM\n",
            "from blocks.cbam import (\n    AAA,\n    CBAM,\n    ZZZ,\n)\n",
        ),
    )
    take_back(root)
    assert "from blocks.cbam import (\n    AAA,\n    ZZZ,\n)\n" in model(root)


@pytest.mark.parametrize(
    ("merged", "left"),
    [("CBAM, ZZZ", "ZZZ"), ("AAA, CBAM", "AAA"), ("AAA, CBAM, ZZZ", "AAA, ZZZ")],
)
def test_names_of_an_import_in_one_line(merged: str, left: str, root: Path) -> None:
    splice(root)
    edit(root, ("from blocks.cbam import CBAM\n", f"from blocks.cbam import {merged}\n"))
    take_back(root)
    assert f"from blocks.cbam import {left}\n" in model(root)


def test_an_import_that_the_owner_uses_stays_with_its_file(root: Path) -> None:
    splice(root)
    edit(root, ("self.head = nn", "self.own = CBAM(3)\n        self.head = nn"))
    result = take_back(root)
    assert [warning["code"] for warning in result["warnings"]] == ["still-used", "still-used"]
    assert "from blocks.cbam import CBAM\n" in model(root)
    assert "layer2_cbam" not in model(root)
    assert (root / "blocks" / "cbam.py").exists()
    assert not (root / "stitchgen.lock").exists()


def test_a_block_file_that_its_owner_edited_stays(root: Path) -> None:
    splice(root)
    path = root / "blocks" / "cbam.py"
    path.write_bytes(BLOCK + b"\nEXTRA = 1\n")
    result = take_back(root)
    assert model(root) == MODEL
    assert path.read_bytes() == BLOCK + b"\nEXTRA = 1\n"
    assert result["warnings"][0]["hint"] == "rm blocks/cbam.py"


def test_a_block_file_that_was_only_formatted_goes(root: Path) -> None:
    before = tree(root)
    splice(root)
    text = BLOCK.decode().replace("    ", "  ").replace('"""A block."""', "'''A block.'''")
    (root / "blocks" / "cbam.py").write_text(text)
    take_back(root)
    assert tree(root) == before


def test_a_moved_and_renamed_class_is_found(root: Path) -> None:
    splice(root)
    edit(root, ("class Net(", "class MyNet("), ("return Net()", "return MyNet()"))
    take_back(root)
    assert model(root) == MODEL.replace("Net(", "MyNet(")


def test_lines_that_were_indented_deeper(root: Path) -> None:
    splice(root)
    edit(
        root,
        (
            "        x = self.layer2_cbam(x)\n",
            "        if self.training:\n            x = self.layer2_cbam(x)\n",
        ),
    )
    take_back(root)
    assert model(root) == MODEL.replace(
        "        x = self.layer2(x)\n",
        "        x = self.layer2(x)\n        if self.training:\n            pass\n",
    )


def test_lines_that_were_joined_by_semicolons(root: Path) -> None:
    splice(root)
    edit(
        root,
        (
            "x = self.layer2(x)\n        x = self.layer2_cbam(x)\n",
            "x = self.layer2(x); x = self.layer2_cbam(x); x = x\n",
        ),
    )
    take_back(root)
    assert model(root) == MODEL.replace("x = self.layer2(x)\n", "x = self.layer2(x); x = x\n")


def test_what_is_in_a_wrap_may_be_changed_by_its_owner(root: Path) -> None:
    plan = Plan(MODEL.encode()).wrap("x.mean((2, 3))", "self.head_cbam(", ")")
    commit(root, [record("head")], [plan.change()])
    edit(
        root,
        (
            "self.head_cbam(x.mean((2, 3)))",
            "self.head_cbam(  # ours\n            x.mean((2, 3))\n            + 1\n        )",
        ),
    )
    take_back(root)
    assert "self.head((  # ours\n            x.mean((2, 3))\n            + 1\n        ))" in model(
        root
    )


def test_an_operator_in_a_wrap_gets_parentheses_where_it_needs_them(root: Path) -> None:
    text = MODEL.replace("self.head(x.mean((2, 3)))", "2 * self.head(x)")
    (root / "model.py").write_text(text)
    commit(
        root,
        [record("head")],
        [Plan(text.encode()).wrap("self.head(x)", "self.head_cbam(", ")").change()],
    )
    edit(root, ("self.head_cbam(self.head(x))", "self.head_cbam(self.head(x) + 1)"))
    take_back(root)
    assert "return 2 * (self.head(x) + 1)\n" in model(root)


# -- taken back already --------------------------------------------------------------------------


def test_where_git_took_all_of_it_back_the_entry_is_dropped(root: Path) -> None:
    splice(root)
    (root / "model.py").write_text(MODEL)
    (root / "blocks" / "cbam.py").unlink()
    (root / "blocks").rmdir()
    result = take_back(root)
    assert result["ok"] is True and result["files"] == []
    assert tree(root) == {"model.py": MODEL.encode()}


def test_where_git_took_the_model_back_the_block_file_goes(root: Path) -> None:
    splice(root)
    (root / "model.py").write_text(MODEL.replace("return Net()", "return Net(2)"))
    assert take_back(root)["files"] == [{"path": "blocks/cbam.py", "action": "delete"}]
    assert tree(root) == {"model.py": MODEL.replace("return Net()", "return Net(2)").encode()}


def test_where_the_model_file_is_gone(root: Path) -> None:
    splice(root)
    (root / "model.py").unlink()
    take_back(root)
    assert tree(root) == {}


def test_where_the_model_file_was_moved_it_is_taken_out_there(root: Path) -> None:
    splice(root)
    (root / "nets").mkdir()
    (root / "model.py").rename(root / "nets" / "net.py")
    assert take_back(root)["files"][0] == {"path": "nets/net.py", "action": "restore"}
    assert tree(root) == {"nets": None, "nets/net.py": MODEL.encode()}


def test_where_the_model_file_was_moved_and_copied_nobody_guesses(root: Path) -> None:
    splice(root)
    for name in ("a.py", "b.py"):
        (root / name).write_text(model(root))
    (root / "model.py").unlink()
    assert refused(root).code == "file-changed"


@pytest.mark.parametrize(
    ("line", "stays"),
    [
        ("from blocks.cbam import CBAM", True),
        ("from .blocks import cbam", True),
        ("import nets.blocks.cbam as c", True),
        ("from timm.layers import cbam", False),
        ("from timm.layers.cbam import CbamModule", False),
        ("x = 'blocks.cbam'", False),
    ],
)
def test_a_block_that_another_file_imports_stays(line: str, stays: bool, root: Path) -> None:
    splice(root)
    (root / "other.py").write_text(f"x = 1\n{line}\n")
    result = take_back(root)
    assert (root / "blocks" / "cbam.py").exists() is stays
    assert [warning["where"] for warning in result["warnings"]] == ["other.py:2"] * stays


@pytest.mark.parametrize("folder", ["env/lib/site-packages", ".hidden", "venv/lib"])
def test_what_others_have_written_is_not_looked_at(folder: str, root: Path) -> None:
    splice(root)
    (root / folder).mkdir(parents=True)
    (root / "venv").mkdir(exist_ok=True)
    (root / "venv" / "pyvenv.cfg").write_text("")
    (root / folder / "x.py").write_text("from blocks.cbam import CBAM\n")
    take_back(root)
    assert not (root / "blocks").exists()


def test_a_block_that_its_neighbour_imports_stays(root: Path) -> None:
    splice(root)
    (root / "blocks" / "mine.py").write_text("from .cbam import CBAM\n")
    assert take_back(root)["warnings"][0]["where"] == "blocks/mine.py:1"
    assert (root / "blocks" / "cbam.py").exists()


def test_what_the_owner_took_out_by_hand_needs_no_taking_out(root: Path) -> None:
    splice(root)
    edit(root, ("        x = self.layer2_cbam(x)\n", ""), ("return Net()", "return Net(2)"))
    take_back(root)
    assert model(root) == MODEL.replace("return Net()", "return Net(2)")


# -- refusals ------------------------------------------------------------------------------------


def refused(root: Path) -> StitchError:
    before = tree(root)
    with pytest.raises(StitchError) as caught:
        take_back(root)
    assert tree(root) == before
    return caught.value


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("self.layer2_cbam = CBAM(width)", "self.layer2_cbam = CBAM(width * 2)"),
        ("x = self.layer2_cbam(x)", "x = x + self.layer2_cbam(x)"),
        ("from blocks.cbam import CBAM", "from .blocks.cbam import CBAM"),
    ],
)
def test_a_changed_span_is_refused_with_the_diff(old: str, new: str, root: Path) -> None:
    splice(root)
    edit(root, (old, new))
    error = refused(root)
    assert error.code == "file-changed"
    line = model(root).split(new)[0].count("\n") + 1
    assert error.where == f"model.py:{line}"
    changed = [text for text in error.details["diff"].splitlines() if text[0] in "+-"]
    assert [text[1:].strip() for text in changed[2:]] == [old, new]
    edit(root, (new, old))
    take_back(root)
    assert model(root) == MODEL


def test_a_changed_replacement_is_refused(root: Path) -> None:
    plan = Plan(MODEL.encode()).replace("nn.Conv2d(3, width, 3)", "CBAM(3, width)")
    commit(root, [record("conv1")], [plan.change()])
    edit(root, ("CBAM(3, width)", "CBAM(3, width, 7)"))
    error = refused(root)
    assert error.code == "file-changed" and error.where == "model.py:10"


def test_a_replacement_that_cannot_be_told_from_others_is_refused(root: Path) -> None:
    plan = Plan(MODEL.encode()).replace("nn.ReLU()", "CBAM()")
    commit(root, [record("features.1")], [plan.change()])
    edit(
        root,
        (
            "self.features = nn.Sequential(nn.ReLU(), CBAM())",
            "self.features = nn.Sequential(CBAM(), CBAM())",
        ),
    )
    assert refused(root).code == "file-changed"


def test_one_of_several_alike_is_known_by_its_number(root: Path) -> None:
    text = MODEL.replace(
        "nn.Sequential(nn.ReLU(), nn.ReLU())", "nn.Sequential(CBAM(), nn.ReLU(), CBAM())"
    )
    (root / "model.py").write_text(text)
    commit(
        root, [record("features.1")], [Plan(text.encode()).replace("nn.ReLU()", "CBAM()").change()]
    )
    edit(root, ("return Net()", "return Net(2)"))
    take_back(root)
    assert model(root) == text.replace("return Net()", "return Net(2)")


@pytest.mark.parametrize(
    "text", ["def broken(:\n", "<<<<<<< HEAD\nx = 1\n=======\n>>>>>>> other\n"]
)
def test_a_file_that_does_not_parse_is_refused(text: str, root: Path) -> None:
    splice(root)
    (root / "model.py").write_text(text + model(root))
    error = refused(root)
    assert error.code == "syntax-error" and error.where == "model.py:1"


def test_without_a_ledger_there_is_nothing_to_undo(root: Path) -> None:
    assert refused(root).code == "nothing-to-undo"


# -- branches ------------------------------------------------------------------------------------


def git(root: Path, *arguments: str) -> int:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    return subprocess.run(["git", *identity, *arguments], cwd=root, capture_output=True).returncode


def test_two_branches_that_splice_in_different_places_merge_and_are_taken_back(root: Path) -> None:
    middle = "        self.early = nn.Conv2d(width, width, 3)\n"
    text = MODEL.replace("        self.layer2", middle + "        self.layer2").replace(
        "        # the second", "        x = self.early(x)\n        # the second"
    )
    (root / "model.py").write_text(text)
    git(root, "init", "-q", "-b", "main")
    git(root, "add", ".") or git(root, "commit", "-qm", "model")
    original = tree(root)
    splice(root, "early", "se")
    git(root, "add", ".") or git(root, "commit", "-qm", "base")
    base = tree(root)
    git(root, "checkout", "-qb", "one")
    splice(root, "conv1", "cbam")
    git(root, "add", ".") or git(root, "commit", "-qm", "one")
    git(root, "checkout", "-q", "main")
    splice(root, "layer2", "cbam")
    git(root, "add", ".") or git(root, "commit", "-qm", "two")
    assert git(root, "merge", "-q", "one", "-m", "merged") == 0
    text = model(root)
    assert text.count("import CBAM") == 1 and "conv1_cbam" in text and "layer2_cbam" in text
    assert [run.name.split("-")[0] for run in ledger.load(root).runs()] == ["1", "2", "2"]
    take_back(root)
    assert "import CBAM" in model(root) and (root / "blocks" / "cbam.py").exists()
    assert model(root).count("_cbam") == 2
    take_back(root)
    assert tree(root) == base
    take_back(root)
    assert tree(root) == original


# -- random files --------------------------------------------------------------------------------

LINES = [
    "x = self.layer2(x)",
    "y = 1",
    "# a comment",
    "",
    "z = (  # c\n            1,\n        )",
    "if x is None:\n            return x",
    '"""text\n  more"""',
    "a = 1; b = 2",
    "\x0c",
]


@st.composite
def programs(draw: st.DrawFn) -> tuple[str, list[str], str]:
    """A class with random lines in a method that calls the layer once, its newline and its end."""
    lines = draw(st.lists(st.sampled_from(LINES[1:]), max_size=6))
    lines.insert(draw(st.integers(0, len(lines))), LINES[0])
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    end = draw(st.sampled_from(["", "\n", "\n\n", "\n# end"]))
    return end, lines, newline


def written(case: tuple[str, list[str], str], own: bool) -> str:
    """The program; with `own`, with lines that its owner has added everywhere."""
    end, lines, newline = case
    body = [f"        {line}" if line.strip() else line for line in lines]
    if own:
        body = [text for line in body for text in (line, "        mine(1)  # own")]
    head = ["import nn", "import torch" if not own else "import own, torch", "class Net:"]
    head += ["    def __init__(self):", "        self.layer2 = nn.Conv(3)"]
    head += ["    def forward(self, x):"]
    return "\n".join([*head, *body]).replace("\n", newline) + end.replace("\n", newline)


ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "latin-1"])


@settings(max_examples=80)
@given(programs(), ENCODINGS, st.booleans())
def test_apply_then_undo_is_the_identity_and_own_lines_survive(
    case: tuple[str, list[str], str], encoding: str, mixed: bool
) -> None:
    def raw(own: bool) -> bytes:
        text = written(case, own)
        if encoding == "latin-1":
            text = "# coding: latin-1\n# \xe9\n" + text
        if mixed:
            text = text.replace("import nn\n", "import nn\r\n")
        return text.encode(encoding)

    def spliced(content: bytes) -> FileChange:
        plan = Plan(content)
        plan.after("import nn", "from blocks.cbam import CBAM\n")
        plan.after("self.layer2 = nn.Conv(3)", "self.layer2_cbam = CBAM(3)\n")
        return plan.after("x = self.layer2(x)", "x = self.layer2_cbam(x)\n").change()

    before = raw(own=False)
    try:
        change = spliced(before)
    except StitchError as error:  # LibCST loses some blank lines at the end: nothing is spliced
        assert error.code == "lossy-file"
        reject()
    marks = describe("model.py", before, change.edits)
    exact = [
        edits.Edit(
            piece.at,
            piece.at + len(piece.text.encode(Plan(before).document.encoding.replace("-sig", ""))),
            b"",
        )
        for mark in marks
        for piece in mark.pieces
    ]
    assert apply(change.after, exact) == before

    # The owner's lines, as they would be in a file that was spliced and then edited.
    edited = spliced(raw(own=True)).after
    document = Document(edited, "model.py")
    located = traces.locate(document, marks)
    assert not located.missing
    assert apply(edited, removal(document, located.found)) == raw(own=True)
