"""Rows of a YAML file in the ledger: taken back byte for byte, also where others edited the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from stitchgen.errors import StitchError
from stitchgen.history import check, ledger, undo
from stitchgen.project import config, transaction
from stitchgen.source.edits import FileChange
from stitchgen.source.yaml_edits import Insertion, insert_rows, readers_of
from stitchgen.source.yaml_rows import graph_of, read_model

MODEL = """\
backbone:
  - [-1, 1, Conv, [64, 3, 2]] # 0
  - [-1, 1, Conv, [128, 3, 2]] # 1
  - [-1, 3, C2f, [128]] # 2
head:
  - [[-1, 1], 1, Concat, [1]]
  - [[2, 3], 1, Detect, [nc]]
"""
PATH = "model.yaml"


@pytest.fixture
def project(tmp_path: Path) -> config.Project:
    """A project into whose YAML one run has put a row behind each of two others."""
    (tmp_path / PATH).write_bytes(MODEL.encode())
    project = config.find_project(tmp_path)
    put(project, [0, 2], ["model.1.CBAM", "model.4.CBAM"])
    return project


def put(
    project: config.Project, sources: list[int], names: list[str], module: str = "CBAM"
) -> None:
    raw = (project.root / PATH).read_bytes()
    model = read_model(raw, PATH)
    rows = [Insertion(source, readers_of(model, source), module, "c2") for source in sources]
    changes = [FileChange.of(PATH, raw, insert_rows(model, rows))]
    splices = [
        ledger.SpliceRecord("cbam", f"{PATH}::model.{source}", "after", name, "row")
        for source, name in zip(sources, names)
    ]
    book = ledger.load(project.root).with_run("add cbam", splices, changes)
    transaction.commit(project.root, [*changes, book.change()])


def text_of(project: config.Project) -> str:
    return (project.root / PATH).read_text()


def edit(project: config.Project, before: str, after: str) -> None:
    assert before in text_of(project)
    (project.root / PATH).write_text(text_of(project).replace(before, after))


def test_each_splice_has_its_own_row(project: config.Project) -> None:
    rows = {e.record.target: [t.scope for t in e.traces] for e in ledger.load(project.root).entries}
    assert rows == {f"{PATH}::model.0": ["model.1"], f"{PATH}::model.2": ["model.4"]}


def test_undo_gives_every_byte_back(project: config.Project) -> None:
    put(project, [0], ["model.1.SE"], "SE")
    undo.run(project)
    undo.run(project)
    assert [path.name for path in project.root.iterdir()] == [PATH]
    assert text_of(project) == MODEL


def test_undo_finds_the_rows_after_a_formatter_and_the_user(project: config.Project) -> None:
    edit(project, "  - [", "    -   [")
    edit(project, "[64, 3, 2]", "[ 64,3, 2 ]")
    edit(project, "head:\n", "head:\n    - [-1, 1, nn.ReLU, []]\n")
    edit(project, "[4, 5]", "[4, 6]")
    assert check.run(project)["ok"]
    undo.run(project)
    back = read_model(text_of(project).encode(), PATH)
    wanted = MODEL.replace("head:\n", "head:\n  - [-1, 1, nn.ReLU, []]\n").replace(
        "[2, 3]", "[2, 4]"
    )
    assert graph_of(back.rows) == graph_of(read_model(wanted.encode(), PATH).rows)
    assert "[ 64,3, 2 ]" in text_of(project) and "# 2\n" in text_of(project)


def test_undo_writes_sources_as_they_were_after_a_formatter(tmp_path: Path) -> None:
    """Row 3 reads -1; with a row behind 2 that only the head reads, it has to say 2."""
    (tmp_path / PATH).write_bytes(MODEL.encode())
    project = config.find_project(tmp_path)
    model = read_model(MODEL.encode(), PATH)
    edits = insert_rows(model, [Insertion(2, frozenset({(4, 0)}), "CBAM", "c2")])
    changes = [FileChange.of(PATH, MODEL.encode(), edits)]
    record = ledger.SpliceRecord("cbam", f"{PATH}::model.4#0", "before", "model.3.CBAM", "row")
    book = ledger.load(project.root).with_run("add cbam", [record], changes)
    transaction.commit(project.root, [*changes, book.change()])
    assert "[[2, 1], 1, Concat" in text_of(project)
    edit(project, "  - [", "    -   [")
    undo.run(project)
    assert text_of(project) == MODEL.replace("  - [", "    -   [")


def test_a_changed_row_is_drift_and_stays(project: config.Project) -> None:
    edit(project, "  - [-1, 1, CBAM, [c2]] # 4", "  - [-1, 1, CBAM, [c2, 8]] # 4")
    before = text_of(project)
    [drift] = check.run(project)["drift"]
    assert drift["where"] == f"{PATH}:3"
    with pytest.raises(StitchError) as refused:
        undo.run(project)
    assert refused.value.code == "file-changed"
    assert text_of(project) == before


def test_a_row_that_stands_there_more_often_is_not_guessed(project: config.Project) -> None:
    edit(project, "head:\n", "head:\n  - [-1, 1, CBAM, [c2]]\n")
    with pytest.raises(StitchError) as refused:
        undo.run(project)
    assert (refused.value.code, refused.value.where) == ("file-changed", f"{PATH}:8")


def test_what_git_took_back_is_dropped(project: config.Project) -> None:
    (project.root / PATH).write_text(MODEL + "# mine\n")
    assert undo.run(project).result["warnings"][0]["code"] == "taken-back"
    assert text_of(project) == MODEL + "# mine\n"
    assert not (project.root / "stitchgen.lock").exists()


def test_a_file_that_is_gone_is_not_looked_for_in_python(project: config.Project) -> None:
    (project.root / PATH).unlink()
    other = project.root / "numbers.py"
    other.write_text("x = 1\n")
    assert undo.run(project).result["warnings"][0]["code"] == "taken-back"
    assert other.read_text() == "x = 1\n"
