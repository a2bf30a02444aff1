"""The proof of rows, with a small repository that has a parse_model of its own: `fork/`.

What is right is proven and written; each wrong edit, and each block that breaks a promise, fails its check.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from stitchgen.errors import StitchError
from stitchgen.history import undo
from stitchgen.observer.rows.builder import Builder
from stitchgen.observer.rows.proof import prove_rows
from stitchgen.pipeline import splice
from stitchgen.project import config
from stitchgen.source.yaml_edits import Insertion, Moved, edited, insert_rows, readers_of
from stitchgen.source.yaml_rows import ModelYaml, read_model
from tests.support.commands import request_of
from tests.support.spliced import tree

MODEL = (Path(__file__).parent / "fork" / "model.yaml").read_bytes()


@pytest.mark.parametrize(
    "flags",
    [
        "se --before model.yaml::Detect#all",
        "simam --after model.yaml::model.0 --into model.4",
    ],
)
def test_a_right_edit_is_proven_written_and_taken_back(
    fork: config.Project, python: str, flags: str
) -> None:
    before = tree(fork.root)
    result = splice.run(fork, request_of(flags, python)).result
    proof = result["proof"]
    assert proof["build"] == ["model.yaml at scale n"]
    assert proof["built"] == ["model.yaml at scale l"]
    assert proof["builder"].endswith("models/yolo.py")
    indices = tuple(f"{one['attribute']}." for one in result["splices"])
    assert all(key.startswith(indices) for key in result["keys"]["added"])
    assert bool(proof["params_added"]) == (not flags.startswith("simam"))
    undo.run(fork)
    assert tree(fork.root) == before


def test_a_scale_that_is_named_is_run(fork: config.Project, python: str) -> None:
    (fork.root / "model.yaml").rename(fork.root / "yolo1.yaml")
    flags = "cbam --after yolo1l.yaml::model.2 --input 1x3x64x64"
    proof = splice.run(fork, request_of(flags, python), mode="dry-run").result["proof"]
    assert (proof["build"], proof["built"]) == (["yolo1l.yaml"], ["yolo1n.yaml"])
    assert proof["input"] == "2x3x64x64"


def test_a_model_that_does_not_build_is_said_to_be_so(fork: config.Project, python: str) -> None:
    path = fork.root / "model.yaml"
    path.write_bytes(MODEL.replace(b"Conv, [64, 3, 2]", b"Strange, [64, 3, 2]"))
    before = tree(fork.root)
    with pytest.raises(StitchError) as refused:
        splice.run(fork, request_of("cbam --after model.yaml::model.2", python))
    assert refused.value.code == "does-not-build"
    assert "KeyError: 'Strange'" in refused.value.message
    assert refused.value.where == "model.yaml:7"
    assert "Strange is no name" in (refused.value.hint or "")
    assert tree(fork.root) == before


# -- wrong edits -----------------------------------------------------------------------------------


def proven(module: str, source: int, *changes: tuple[str, str], args: str = "c2") -> Any:
    """The answer to the proof of a row behind `source`, with texts of the edited YAML changed besides."""
    model = read_model(MODEL, "model.yaml")
    row = Insertion(source, readers_of(model, source), module, args)
    after = edited(model, insert_rows(model, [row])).document.text
    for before, now in changes:
        assert before in after
        after = after.replace(before, now)
    return prove_rows(request(model, [row], after, module))


def request(model: ModelYaml, rows: Sequence[Insertion], after: str, module: str) -> Any:
    moved = Moved(tuple(rows))
    return {
        "before": model.document.text,
        "after": after,
        "rows": [
            {
                "index": moved.inserted(number),
                "sources": list(moved.read_by_inserted(number)),
                "readers": sorted({moved.old(index) for index, _ in row.readers}),
                "replaces": None,
            }
            for number, row in enumerate(rows)
        ],
        "moved": [moved.old(row.index) for row in model.rows],
        "scales": ["n", "l"],
        "full": ["n"],
        "name": module,
        "builder": "models.yolo",
        "register": None,
        "inputs": ["1x3x64x64"],
    }


@pytest.mark.usefixtures("importable")
@pytest.mark.parametrize("source", range(-1, 6))
def test_a_row_behind_each_other_holds(source: int) -> None:
    answer = proven("Counted", source)
    assert answer["error"] is None
    assert [one["full"] for one in answer["scales"]] == [True, False]


#: Of each wrong edit: the block, behind which row, what else is changed, the check that fails.
WRONG = {
    "nothing_moved": ("Counted", 1, [("[[6, 3], 1", "[[5, 2], 1")], "builds keys elsewhere"),
    "one_index_not_moved": (
        "Counted",
        0,
        [("[-1, 1], 1, Concat", "[-1, 0], 1, Concat")],
        "position",
    ),
    "another_row_is_read": ("Counted", 2, [("[[6, 3], 1", "[[6, 2], 1")], "position"),
    "nobody_reads_it": (
        "Counted",
        0,
        [
            ("[-1, 1], 1, Concat", "[-1, 0], 1, Concat"),
            ("- [-1, 1, Conv, [64", "- [0, 1, Conv, [64"),
        ],
        "position",
    ),
    "fed_by_another": (
        "Counted",
        2,
        [("- [-1, 1, Counted", "- [1, 1, Counted")],
        "position elsewhere",
    ),
    "another_row_changed": ("Counted", 2, [("[32, 3]] # 6", "[32, 1]] # 6")], "keys"),
    "a_dead_parameter": ("Dead", 1, [], "consumed"),
    "without_effect": ("Idle", 1, [], "consumed"),
    "lost_once_fused": ("Boosted", 1, [], "elsewhere position"),
    "a_module_without_a_name": ("Unknown", 1, [], "builds"),
}


@pytest.mark.usefixtures("importable")
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_edit_fails_a_check(name: str) -> None:
    module, source, changes, checks = WRONG[name]
    error = proven(module, source, *changes)["error"]
    assert error is not None, "a wrong edit is proven"
    assert error["code"] == "law-broken" and error["check"] in checks.split(), error


@pytest.mark.usefixtures("importable")
def test_a_width_of_one_scale_fails_at_the_other() -> None:
    answer = proven("Counted", 1, args="16")
    assert [one["scale"] for one in answer["scales"]] == ["n"]
    assert answer["error"]["check"] == "builds"
    assert answer["error"]["message"].startswith("at scale l: ")


@pytest.mark.usefixtures("importable")
@pytest.mark.parametrize("name", ["YOLO_CONFIG_DIR", "YOLOV5_CONFIG_DIR"])
def test_a_repository_makes_its_settings_where_it_may(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """When they are imported, they make a folder in the user's home, unless one is named."""
    monkeypatch.setenv(name, "")
    monkeypatch.delenv(name)
    Builder("models.yolo", None)
    assert Path(os.environ[name]).is_relative_to(tempfile.gettempdir())


def test_what_a_registration_sets_is_taken_out_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process answers several requests, each with blocks of its own."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "ultralytics"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "package"))
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "registering.py").write_text(
        "from ultralytics.nn import tasks\nfrom ultralytics.utils import dist\n\n"
        "tasks.Mine, dist.generate_ddp_file = object, None\n"
    )
    for _ in range(2):
        with Builder(None, "registering", "Mine") as builder:
            assert builder.tasks.Mine is object
        assert not hasattr(builder.tasks, "Mine")
        assert sys.modules["ultralytics.utils.dist"].generate_ddp_file is not None
        del sys.modules["registering"]
