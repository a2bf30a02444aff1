"""remove.py: one splice of any age out, and everything as if it had never been put in."""

from __future__ import annotations

import ast
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import black
import isort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stitchgen.errors import StitchError
from stitchgen.history import check, ledger, status, undo
from stitchgen.pipeline import remove
from stitchgen.pipeline import splice as splicing
from stitchgen.project import transaction
from stitchgen.project.config import ModelConfig, Project
from stitchgen.source.edits import Edit, FileChange, patch
from stitchgen.targets.placement import AFTER
from stitchgen.targets.request import AddRequest
from tests.support.commands import request_of
from tests.support.spliced import BLOCK, MODEL, Plan, commit, record, splice, tree


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    monkeypatch.setattr(status, "rendered", lambda project, file: None)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "model.py").write_text(MODEL)
    return tmp_path


def take_out(root: Path, *texts: str, **options: object) -> dict[str, object]:
    return remove.run(Project(root), texts, **options).result


def model(root: Path) -> str:
    return (root / "model.py").read_bytes().decode()


def edit(root: Path, *pairs: tuple[str, str]) -> None:
    text = model(root)
    for old, new in pairs:
        assert text.count(old) == 1, (old, text)
        text = text.replace(old, new)
    (root / "model.py").write_bytes(text.encode())


def refused(root: Path, *texts: str, **options: object) -> StitchError:
    before = tree(root)
    with pytest.raises(StitchError) as caught:
        take_out(root, *texts, **options)
    assert tree(root) == before
    return caught.value


def books(root: Path) -> object:
    """What the ledger says, but for the numbers of the runs."""
    runs = ledger.load(root).runs()
    return [[(e.record, e.command, e.edited, e.traces) for e in run.entries] for run in runs]


# -- nobody touched anything ---------------------------------------------------------------------


@pytest.mark.parametrize("victim", ["conv1_cbam", "layer2_se", "layer2_cbam", "features_eca"])
def test_any_of_several_goes_and_undo_still_gives_every_byte_back(
    victim: str, tmp_path: Path
) -> None:
    def added(root: Path, without: str) -> list[dict[str, bytes | None]]:
        root.mkdir()
        (root / "model.py").write_text(MODEL)
        stages = [tree(root)]
        for name in ("conv1_cbam", "layer2_se", "layer2_cbam", "features_eca"):
            if name != without:
                splice(root, *name.split("_"))
                stages.append(tree(root))
        return stages

    added(tmp_path / "one", without="")
    take_out(tmp_path / "one", victim)
    stages = added(tmp_path / "other", without=victim)
    if victim != "conv1_cbam":  # else the import that it shares is where it had put it
        assert books(tmp_path / "one") == books(tmp_path / "other")
    result = check.run(Project(tmp_path / "one"))
    assert result["ok"] and result["notes"] == []
    for stage in reversed(stages[:-1]):
        undo.run(Project(tmp_path / "one"))
        if victim != "conv1_cbam":
            assert tree(tmp_path / "one")["model.py"] == stage["model.py"]
    assert tree(tmp_path / "one") == {"model.py": MODEL.encode()}


def test_the_result_says_what_went(root: Path) -> None:
    splice(root)
    splice(root, "conv1", "se")
    assert take_out(root, "conv1_se") == {
        "ok": True,
        "command": "remove",
        "dry_run": False,
        "splices": [
            {
                "target": "model.py::Net.conv1",
                "attribute": "conv1_se",
                "block": "se",
                "cascade": False,
            }
        ],
        "files": [
            {"path": "model.py", "action": "edit"},
            {"path": "blocks/se.py", "action": "delete"},
        ],
        "warnings": [],
    }


def test_the_patch_of_a_dry_run_does_what_remove_does(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.py").write_text(MODEL)
        for layer, block in (("conv1", "se"), ("layer2", "cbam")):
            splice(tmp_path / name, layer, block)
    outcome = remove.run(Project(tmp_path / "one"), ["conv1_se"], mode="diff")
    subprocess.run(["git", "apply"], input=patch(outcome.changes), cwd=tmp_path / "one", check=True)
    take_out(tmp_path / "other", "conv1_se")
    assert tree(tmp_path / "one") == tree(tmp_path / "other")


# -- any sequence --------------------------------------------------------------------------------

LAYERS = ("conv1", "layer2", "features")
BLOCKS = ("cbam", "se", "eca")
#: What the user changes, wherever it stands.
OWN = {
    "import": ("import torch\n", "import math\nimport torch  # needed\n"),
    "comment": ("        # the second layer\n", "        # the 2nd layer\n\n"),
    "default": ("width=8", "width = 16"),
    "class": ("class Net(", "class MyNet("),
    "end": ("def build():", "X = 1\n\n\ndef build():"),
    "call": ("return self.head(", "y = 1\n        return self.head("),
}
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(LAYERS), st.sampled_from(BLOCKS)),
        st.sampled_from(sorted(OWN)),
    ),
    min_size=1,
    max_size=9,
    unique=True,
)


def carry_out(root: Path, steps: Sequence[object]) -> None:
    root.mkdir()
    (root / "model.py").write_text(MODEL)
    for step in steps:
        if isinstance(step, tuple):
            splice(root, *step)
        else:
            edit(root, OWN[str(step)])


def tidied(text: str) -> str:
    text = isort.code(text, profile="black")
    return black.format_str(text, mode=black.Mode(line_length=40, magic_trailing_comma=False))


@settings(max_examples=25)
@given(STEPS, st.data(), st.booleans())
def test_removed_is_as_never_added(steps: list[object], data: st.DataObject, tidy: bool) -> None:
    splices = [step for step in steps if isinstance(step, tuple)]
    if not splices:
        return
    victim = data.draw(st.sampled_from(splices))
    with tempfile.TemporaryDirectory() as folder:
        one, other = Path(folder, "one"), Path(folder, "other")
        carry_out(one, steps)
        carry_out(other, [step for step in steps if step != victim])
        if tidy:
            (one / "model.py").write_text(tidied(model(one)))
        take_out(one, "_".join(victim))
        # An import that two share stands where the first of them had put it.
        if not tidy and not any(step[1] == victim[1] for step in splices if step != victim):
            assert model(one) == model(other)
        assert tidied(model(one)) == tidied(model(other))
        assert {*tree(one)} == {*tree(other)}
        if (other / "stitchgen.lock").exists():
            assert [e.record for e in ledger.load(one).entries] == [
                e.record for e in ledger.load(other).entries
            ]
            assert check.run(Project(one))["ok"] and status.run(Project(one))["ok"]
        for _ in splices[1:]:
            undo.run(Project(one))
        left = [step for step in steps if not isinstance(step, tuple)]
        carry_out(Path(folder, "plain"), left)
        assert tidied(model(one)) == tidied(model(Path(folder, "plain")))
        assert {*tree(one)} == {"model.py"}


# -- edited, moved, formatted --------------------------------------------------------------------


def test_edits_of_the_user_stay_byte_for_byte(root: Path) -> None:
    splice(root, "conv1", "se")
    splice(root)
    own = [("import torch\n", "import math\nimport torch  # needed\n"), ("width=8", "width = 16")]
    edit(root, *own)
    take_out(root, "layer2_cbam")
    take_out(root, "conv1_se")
    found = model(root)
    (root / "model.py").write_text(MODEL)
    edit(root, *own)
    assert found == model(root)
    assert {*tree(root)} == {"model.py"}


def test_a_changed_span_is_refused_with_the_difference(root: Path) -> None:
    splice(root, "conv1", "se")
    splice(root)
    edit(root, ("self.conv1_se = SE(width)", "self.conv1_se = SE(width * 2)"))
    error = refused(root, "conv1_se")
    assert error.code == "file-changed" and "run `stitchgen remove` again" in str(error.hint)
    assert "+        self.conv1_se = SE(width * 2)" in error.details["diff"]
    take_out(root, "layer2_cbam")


def test_a_changed_call_within_another_is_refused_and_not_passed_over(root: Path) -> None:
    plan = Plan(MODEL.encode()).wrap("x.mean((2, 3))", "self.mean_se(", ")")
    commit(root, [record("mean", "se")], [plan.change()])
    plan = Plan((root / "model.py").read_bytes())
    inner = plan.replace(
        "self.mean_se(x.mean((2, 3)))", "self.mean_se(self.mean_cbam(x.mean((2, 3))))"
    )
    commit(root, [record("mean")], [inner.change()])
    edit(root, ("self.mean_cbam(x.mean", "self.mean_cbam(2 * x.mean"))
    assert refused(root, "mean_cbam").code == "file-changed"


def test_what_git_took_back_already_is_dropped_from_the_ledger(root: Path) -> None:
    splice(root, "conv1", "se")
    (root / "model.py").write_text(MODEL)
    splice(root)
    assert take_out(root, "conv1_se")["files"] == [{"path": "blocks/se.py", "action": "delete"}]
    assert [entry.name for entry in ledger.load(root).entries] == ["layer2_cbam"]


def test_in_a_file_that_was_moved(root: Path) -> None:
    splice(root, "conv1", "se")
    splice(root)
    (root / "nets").mkdir()
    (root / "model.py").rename(root / "nets" / "net.py")
    assert take_out(root, "conv1_se")["files"][0] == {"path": "nets/net.py", "action": "edit"}
    assert "conv1_se" not in (root / "nets" / "net.py").read_text()
    take_out(root, "layer2_cbam")
    assert (root / "nets" / "net.py").read_text() == MODEL


def test_where_the_users_own_code_uses_it_that_is_warned_of(root: Path) -> None:
    splice(root)
    splice(root, "conv1", "se")
    edit(root, ("self.head = nn", "self.own = CBAM(3)\n        self.head = nn"))
    edit(root, ("return self.head(", "y = self.layer2_cbam\n        return self.head("))
    warnings = take_out(root, "layer2_cbam")["warnings"]
    assert [one["where"] for one in warnings] == ["model.py:16", "model.py:25", "model.py:6"]
    assert "from blocks.cbam import CBAM\n" in model(root)
    assert (root / "blocks" / "cbam.py").exists()
    assert [e.name for e in ledger.load(root).entries] == ["conv1_se"]
    assert check.run(Project(root))["ok"]


def test_out_of_a_file_that_is_no_python(root: Path) -> None:
    """It is given back by position, as long as nobody else has edited it."""
    (root / "net.cfg").write_text("a\nb\nc\n")

    def insert(name: str, line: str, behind: str) -> None:
        before = (root / "net.cfg").read_bytes()
        at = before.index(behind.encode()) + len(behind)
        one = ledger.SpliceRecord(name, f"net.cfg::{name}", "after", f"{name}_row", "row", "", ())
        change = FileChange.of("net.cfg", before, [Edit(at, at, line.encode())])
        book = ledger.load(root).with_run(f"add {name}", [one], [change])
        transaction.commit(root, [change, book.change()])

    insert("first", "one\n", "a\n")
    insert("second", "two\n", "one\n")
    insert("third", "three\n", "a\n")
    assert status.run(Project(root))["ok"]
    take_out(root, "first_row")
    assert (root / "net.cfg").read_text() == "a\nthree\ntwo\nb\nc\n"
    undo.run(Project(root))
    assert (root / "net.cfg").read_text() == "a\ntwo\nb\nc\n"
    (root / "net.cfg").write_text("a\ntwo\nb\nc\nd\n")
    assert refused(root, "second_row").code == "file-changed"
    (root / "net.cfg").write_text("a\n")
    assert not status.run(Project(root))["ok"]


# -- what is shared ------------------------------------------------------------------------------


def test_a_shared_import_and_block_file_pass_to_the_one_that_stays(root: Path) -> None:
    splice(root)
    splice(root, "conv1")
    take_out(root, "layer2_cbam")
    (entry,) = ledger.load(root).entries
    assert entry.traces[0].now == "from blocks.cbam import CBAM"
    assert [file.path for file in entry.created] == ["blocks/cbam.py"]
    assert entry.folders == ("blocks",)
    take_out(root, "conv1_cbam")
    assert tree(root) == {"model.py": MODEL.encode()}


@pytest.mark.parametrize("first", ["layer2_cbam", "conv1_se"])
def test_a_package_of_blocks_goes_with_its_last_block(first: str, root: Path) -> None:
    package = FileChange("blocks/__init__.py", None, b'"""Blocks."""\n')
    plan = Plan(MODEL.encode()).after("x = self.layer2(x)", "x = self.layer2_cbam(x)\n")
    commit(root, [record()], [package, plan.change()])
    splice(root, "conv1", "se")
    take_out(root, first)
    assert (root / "blocks" / "__init__.py").exists()
    take_out(root, *({"layer2_cbam", "conv1_se"} - {first}))
    assert tree(root) == {"model.py": MODEL.encode()}


def test_a_block_file_that_was_made_for_itself_stays(root: Path) -> None:
    lone = ledger.SpliceRecord(
        "cbam", "blocks/cbam.py", "new", "CBAM", "file", "", ("blocks/cbam.py",)
    )
    commit(root, [lone], [], "new-module cbam")
    splice(root)
    take_out(root, "layer2_cbam")
    assert (root / "blocks" / "cbam.py").read_bytes() == BLOCK
    take_out(root, "CBAM")
    assert tree(root) == {"model.py": MODEL.encode()}


SLOTS = """\
import torch.nn as nn


class Block(nn.Module):
    def __init__(self, planes):
        super().__init__()
        self.conv = nn.Conv2d(planes, planes, 3, padding=1)

    def forward(self, x):
        x = self.conv(x)
        return x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = Block(16)
        self.second = Block(16)
        self.stage = nn.Sequential(*[Block(16) for _ in range(2)])
        self.head = nn.Sequential(nn.Conv2d(16, 16, 1), nn.ReLU(), nn.Conv2d(16, 4, 1))

    def forward(self, x):
        x = self.stage(self.second(self.first(x)))
        return self.head(x)
"""


@pytest.fixture
def slots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "model.py").write_text(SLOTS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def add(root: Path, *commands: str) -> None:
    for command in commands:
        splicing.run(Project(root), request_of(f"{command} --no-prove", ""))


@pytest.mark.parametrize("edited", [False, True])
@pytest.mark.parametrize("victim", ["first", "second"])
def test_a_slot_stays_while_another_instance_has_its_block(
    victim: str, edited: bool, slots: Path
) -> None:
    other = {"first": "second", "second": "first"}[victim]
    add(slots, "se --after model.py::Net.first.conv model.py::Net.second.conv")
    own = "\nX = 1\n" if edited else ""
    with (slots / "model.py").open("a") as file:
        file.write(own)
    result = take_out(slots, f"model.{victim}.conv")
    assert result["warnings"] == []
    text = model(slots)
    assert f"self.{victim}.conv_se" not in text and f"self.{other}.conv_se = SE(" in text
    assert "self.conv_se = nn.Identity()" in text
    assert check.run(Project(slots))["ok"] and status.run(Project(slots))["ok"]
    take_out(slots, "conv_se")
    assert tree(slots) == {"model.py": (SLOTS + own).encode()}


def test_layers_of_one_loop_go_together_or_not_at_all(slots: Path) -> None:
    add(slots, "se --after 'model.py::Net.stage.*.conv'", "eca --after model.py::Net.first.conv")
    error = refused(slots, "model.stage.0.conv")
    assert error.code == "depended-on"
    assert "conv_se at model.py::Net.stage.1.conv: one piece of code runs both" in error.message
    assert error.details["dependents"] == [
        {"target": "model.py::Net.stage.1.conv", "attribute": "conv_se"}
    ]
    result = take_out(slots, "model.stage.0.conv", cascade=True)
    assert [one["cascade"] for one in result["splices"]] == [False, True]
    assert "conv_se" not in model(slots) and "self.first.conv_eca = ECA(" in model(slots)
    add(slots, "se --after 'model.py::Net.stage.*.conv'")
    take_out(slots, "model.stage.*.conv", every=True)
    take_out(slots)
    assert tree(slots) == {"model.py": SLOTS.encode()}


# -- what depends on it --------------------------------------------------------------------------


@pytest.mark.parametrize("edited", [False, True])
def test_a_block_after_it_is_named_and_goes_along_with_cascade(edited: bool, slots: Path) -> None:
    add(slots, "cbam --after model.py::Net.first", "se --after model.py::Net.first_cbam")
    add(slots, "eca --after model.py::Net.second")
    own = "\nX = 1\n" if edited else ""
    with (slots / "model.py").open("a") as file:
        file.write(own)
    error = refused(slots, "first_cbam")
    assert error.code == "depended-on" and "first_cbam_se at" in error.message
    assert "stitchgen add se --after model.py::Net.first_cbam" in str(error.hint)
    take_out(slots, "first_cbam", cascade=True)
    assert [entry.name for entry in ledger.load(slots).entries] == ["second_eca"]
    take_out(slots, "second_eca")
    assert tree(slots) == {"model.py": (SLOTS + own).encode()}


@pytest.mark.parametrize("edited", [False, True])
def test_code_within_the_code_of_another_is_named(edited: bool, slots: Path) -> None:
    """Both cut the one call of a Sequential; what the second cut are slices that the first made."""
    add(slots, "cbam --after model.py::Net.head.0", "eca --after model.py::Net.head.0")
    if edited:
        edit(slots, ("return self.head", "y = 1\n        return self.head"))
    elif "return self.head" in model(slots):
        pass
    error = refused(slots, "head_0_cbam")
    assert error.code == "depended-on" and "head_0_eca at" in error.message
    take_out(slots, "head_0_cbam", cascade=True)
    assert {*tree(slots)} == {"model.py"}


# -- which one is meant --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["layer2_cbam", "model.layer2", "model.Net.layer2", "model.py::Net.layer2", "small.layer2"],
)
def test_ways_to_name_a_splice(text: str, root: Path) -> None:
    splice(root)
    splice(root, "conv1")
    project = Project(root, models={"small": ModelConfig("small", "model.py::Net")})
    result = remove.run(project, [text], mode="dry-run").result
    assert [one["attribute"] for one in result["splices"]] == ["layer2_cbam"]


@pytest.mark.parametrize(
    ("texts", "options", "attributes"),
    [
        (["model.*"], {}, ["conv1_cbam", "layer2_cbam", "layer2_se"]),
        (["model.layer2"], {"block": "se"}, ["layer2_se"]),
        (["model.layer2"], {"every": True}, ["layer2_cbam", "layer2_se"]),
        ([], {"block": "se"}, ["layer2_se"]),
        ([], {"every": True, "block": "cbam"}, ["conv1_cbam", "layer2_cbam"]),
        (["conv1_cbam", "layer2_se"], {}, ["conv1_cbam", "layer2_se"]),
    ],
    ids=str,
)
def test_several(
    texts: list[str], options: dict[str, object], attributes: list[str], root: Path
) -> None:
    for name, block in (("layer2", "cbam"), ("conv1", "cbam"), ("layer2", "se")):
        splice(root, name, block)
    result = remove.run(Project(root), texts, mode="dry-run", **options).result
    assert [one["attribute"] for one in result["splices"]] == attributes


@pytest.mark.parametrize(
    ("texts", "options", "code", "suggestion"),
    [
        (["model.layer2"], {}, "target-ambiguous", "stitchgen remove layer2_cbam"),
        (["model.layer3"], {}, "splice-not-found", None),
        (["layer2_cban"], {}, "splice-not-found", "layer2_cbam"),
        ([], {}, "usage", "stitchgen remove conv1_cbam"),
        ([], {"block": "cbam"}, "usage", "stitchgen remove conv1_cbam"),
        ([], {"block": "eca"}, "splice-not-found", "--block cbam"),
    ],
    ids=str,
)
def test_what_is_not_clear_is_refused(
    texts: list[str], options: dict[str, object], code: str, suggestion: str | None, root: Path
) -> None:
    for name, block in (("layer2", "cbam"), ("conv1", "cbam"), ("layer2", "se")):
        splice(root, name, block)
    error = refused(root, *texts, **options)
    assert error.code == code
    assert suggestion is None or suggestion in error.suggestions


def test_without_a_ledger_there_is_nothing_to_remove(root: Path) -> None:
    assert refused(root, "layer2_cbam").code == "splice-not-found"


CHAIN = """\
from torch import nn


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.first = nn.Conv2d(3, width, 3)
        self.head = nn.Conv2d(width, 5, 3)

    def forward(self, x):
        return self.head(self.first(x))
"""


def test_what_a_later_run_put_into_a_chain_goes_alone(tmp_path: Path) -> None:
    """Its code names the blocks around it, which stood there before and do not need it."""
    (tmp_path / "model.py").write_text(CHAIN)
    project = Project(tmp_path)

    def add(block: str, layer: str) -> None:
        request = AddRequest(
            block=block, placement=AFTER, targets=(f"model.py::Net.{layer}",), prove=False
        )
        splicing.run(project, request)

    add("simam,eca", "first")
    add("cbam,simam,eca", "first_simam")
    text = (tmp_path / "model.py").read_text()
    add("se", "first_simam_cbam")
    assert "first_simam_cbam_se(" in (tmp_path / "model.py").read_text()
    (tmp_path / "model.py").write_text((tmp_path / "model.py").read_text() + "\n# mine\n")
    remove.run(project, ("first_simam_cbam_se",))
    left = (tmp_path / "model.py").read_text().removesuffix("\n# mine\n")
    assert ast.dump(ast.parse(left)) == ast.dump(ast.parse(text))
    remove.run(project, (), every=True)
    left = (tmp_path / "model.py").read_text().removesuffix("\n# mine\n")
    assert ast.dump(ast.parse(left)) == ast.dump(ast.parse(CHAIN))
