"""update.py: what the catalog has changed is taken over, and what the user has changed stays."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import black
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stitchgen.catalog import folders
from stitchgen.errors import StitchError
from stitchgen.history import ledger, status, undo, update
from stitchgen.pipeline import new_module, remove
from stitchgen.project.config import Project
from stitchgen.source.document import NEWLINE
from tests.support.spliced import tree

TEMPLATE = folders.get("eca").template
PATH = "blocks/eca.py"
#: What the catalog changes in its template.
NEWER = {
    "constructor": ("got {channels}", "not {channels}"),
    "forward": ("return x * gate", "return 1 * x * gate"),
    "docstring": ("Scales each channel by a gate", "Scales every channel by a gate"),
    "line": ("        super().__init__()\n", "        super().__init__()\n        self.new = 1\n"),
}
#: What the user changes in the file.
OWN = {
    "kernel": ("padding=kernel_size // 2, bias=False", "padding=kernel_size // 2, bias=True"),
    "import": ("import math\n", "import logging\nimport math\n"),
    "main": ("x = torch.randn(2,", "x = torch.zeros(2,"),
}


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with the block of a catalog beside it, rendered."""
    return made(tmp_path)


def made(folder: Path) -> Project:
    catalog = folder / "lab-blocks" / "attention"
    catalog.mkdir(parents=True)
    shutil.copy(TEMPLATE, catalog / "eca.py.j2")
    root = folder / "project"
    root.mkdir()
    project = Project(root, catalogs=(str(folder / "lab-blocks"),))
    new_module.run(project, "lab/eca")
    return project


def template(project: Project) -> Path:
    return project.root.parent / "lab-blocks" / "attention" / "eca.py.j2"


def edit(path: Path, *pairs: tuple[str, str]) -> None:
    text = path.read_bytes().decode()
    for old, new in pairs:
        assert text.count(old) == 1, (old, text)
        text = text.replace(old, new)
    path.write_bytes(text.encode())


def own(project: Project) -> Path:
    return project.root / PATH


def state(project: Project) -> str:
    (file,) = status.run(project)["files"]
    return str(file["state"])


def updated(project: Project, *names: str, **options: object) -> list[tuple[str, str]]:
    result = update.run(project, names or ("lab/eca",), **options).result
    assert result["ok"] is not any(file["state"] == "conflict" for file in result["files"])
    return [(file["path"], file["state"]) for file in result["files"]]


def refused(project: Project, *names: str, **options: object) -> StitchError:
    before = tree(project.root)
    with pytest.raises(StitchError) as caught:
        update.run(project, names, **options)
    assert tree(project.root) == before
    return caught.value


# -- without conflicts ---------------------------------------------------------------------------


def test_nothing_is_newer(project: Project) -> None:
    before = tree(project.root)
    outcome = update.run(project, ("lab/eca",))
    assert outcome.result == {
        "ok": True,
        "command": "update",
        "dry_run": False,
        "files": [{"path": PATH, "block": "lab/eca", "state": "current"}],
        "warnings": [],
    }
    edit(own(project), OWN["kernel"])
    assert updated(project) == [(PATH, "current")]
    assert tree(project.root) == before | {PATH: own(project).read_bytes()}


@pytest.mark.parametrize("name", ["lab/eca", PATH, "eca"])
def test_a_file_that_nobody_edited_becomes_the_new_rendering(name: str, project: Project) -> None:
    edit(template(project), NEWER["constructor"])
    assert state(project) == "outdated"
    before = tree(project.root)
    assert updated(project, name, mode="dry-run") == [(PATH, "updated")]
    assert tree(project.root) == before
    assert updated(project, name) == [(PATH, "updated")]
    assert "not {channels}" in own(project).read_text()
    assert state(project) == "clean"
    undo.run(project)
    assert tree(project.root) == {}


def test_edits_of_both_are_merged_and_the_next_merge_starts_from_there(project: Project) -> None:
    edit(template(project), NEWER["constructor"])
    edit(own(project), OWN["kernel"])
    assert updated(project) == [(PATH, "merged")]
    text = own(project).read_text()
    assert "not {channels}" in text and "bias=True" in text
    assert state(project) == "edited"
    assert updated(project) == [(PATH, "current")]
    edit(template(project), NEWER["docstring"])
    edit(own(project), ("bias=True", "bias=False"))
    assert updated(project) == [(PATH, "updated")]
    assert state(project) == "clean"


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_newlines_of_the_file_stay(newline: str, project: Project) -> None:
    own(project).write_bytes(own(project).read_bytes().replace(b"\n", newline.encode()))
    edit(own(project), OWN["kernel"])
    edit(template(project), NEWER["constructor"])
    assert updated(project) == [(PATH, "merged")]
    text = own(project).read_bytes().decode()
    assert set(NEWLINE.findall(text)) == {newline} and "not {channels}" in text


def test_another_layout_is_no_conflict(project: Project) -> None:
    mode = black.Mode(line_length=30, magic_trailing_comma=False)
    own(project).write_text(black.format_str(own(project).read_text(), mode=mode))
    edit(template(project), NEWER["constructor"])
    assert updated(project) == [(PATH, "updated")]
    assert "not {channels}" in own(project).read_text()


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    newer=st.lists(st.sampled_from(sorted(NEWER)), min_size=1, max_size=3, unique=True),
    mine=st.sets(st.sampled_from(sorted(OWN))),
    split=st.integers(1, 3),
)
def test_whatever_the_order_nothing_is_lost(
    newer: list[str], mine: set[str], split: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    project = made(tmp_path_factory.mktemp("life"))
    pending = sorted(mine)
    for number, name in enumerate(newer):
        edit(template(project), NEWER[name])
        while pending and (number + 1 >= split or number + 1 == len(newer)):
            edit(own(project), OWN[pending.pop()])
        updated(project)
    for name in pending:
        edit(own(project), OWN[name])
    expected = made(tmp_path_factory.mktemp("plain"))
    edit(template(expected), *(NEWER[name] for name in newer))
    updated(expected)
    edit(own(expected), *(OWN[name] for name in sorted(mine)))
    assert own(project).read_text() == own(expected).read_text()
    assert state(project) == ("edited" if mine else "clean")


# -- conflicts -----------------------------------------------------------------------------------


@pytest.fixture
def conflict(project: Project) -> Project:
    edit(template(project), ("got {channels}", "not {channels}"))
    edit(own(project), ("got {channels}", "and not {channels}"), OWN["kernel"])
    result = update.run(project, ("lab/eca",)).result
    assert result["ok"] is False
    assert result["files"] == [
        {"path": PATH, "block": "lab/eca", "state": "conflict", "conflicts": 1}
    ]
    return project


def test_a_conflict_is_marked_and_the_ledger_waits(conflict: Project) -> None:
    text = own(conflict).read_text()
    assert "<<<<<<< yours\n" in text and ">>>>>>> lab/eca of the catalog\n" in text
    created = ledger.load(conflict.root).created(PATH)
    assert created is not None and "got {channels}" in str(created.base)
    assert created.merging is not None and "not {channels}" in created.merging
    assert state(conflict) == "conflict"
    error = refused(conflict, "eca")
    assert error.code == "merge-conflict"
    assert error.where == f"{PATH}:{text.split('<<<<<<<')[0].count(chr(10)) + 1}"


@pytest.mark.parametrize("keep", ["yours", "theirs", "both"])
def test_once_the_marks_are_gone_the_ledger_goes_on(keep: str, conflict: Project) -> None:
    before, _, rest = own(conflict).read_text().partition("<<<<<<< yours\n")
    mine, _, rest = rest.partition("=======\n")
    theirs, _, after = rest.partition(">>>>>>> lab/eca of the catalog\n")
    kept = {"yours": mine, "theirs": theirs, "both": mine + theirs}[keep]
    own(conflict).write_text(before + kept + after)
    assert updated(conflict) == [(PATH, "resolved")]
    assert own(conflict).read_text() == before + kept + after
    assert state(conflict) == "edited"
    assert updated(conflict) == [(PATH, "current")]
    edit(template(conflict), NEWER["docstring"])
    assert updated(conflict) == [(PATH, "merged")]


def test_a_resolved_merge_and_a_still_newer_block(conflict: Project) -> None:
    edit(template(conflict), NEWER["docstring"])
    text = own(conflict).read_text()
    mine = text.partition("<<<<<<< yours\n")[2].partition("=======\n")[0]
    own(conflict).write_text(
        text.partition("<<<<<<<")[0] + mine + text.partition("of the catalog\n")[2]
    )
    assert updated(conflict) == [(PATH, "merged")]
    assert "and not {channels}" in own(conflict).read_text()
    assert "Scales every channel" in own(conflict).read_text()


def test_a_merge_that_was_given_up_is_made_anew(conflict: Project) -> None:
    created = ledger.load(conflict.root).created(PATH)
    assert created is not None and created.base is not None
    own(conflict).write_text(created.base)
    assert updated(conflict) == [(PATH, "updated")]
    assert state(conflict) == "clean"


def test_a_file_in_conflict_stays_where_its_splice_goes(conflict: Project) -> None:
    result = remove.run(conflict, ("ECA",)).result
    assert result["warnings"][0]["code"] == "edited"
    assert own(conflict).exists() and not (conflict.root / "stitchgen.lock").exists()


def test_without_git_both_sides_cannot_be_merged(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    edit(template(project), NEWER["constructor"])
    edit(own(project), OWN["kernel"])
    assert refused(project, "eca").code == "no-git"
    edit(own(project), (OWN["kernel"][1], OWN["kernel"][0]))
    assert updated(project) == [(PATH, "updated")]


def test_a_merge_that_is_no_python_is_not_written(project: Project) -> None:
    """The catalog puts lines into a string, and the user puts a string between them."""
    edit(
        template(project),
        ("        pooled = x", '        _ = """\n        pooled = x'),
        ("        return x * gate", '        """\n        return x * gate'),
    )
    edit(
        own(project), ("        gate = torch", '        why = """because"""\n        gate = torch')
    )
    error = refused(project, "eca")
    assert error.code == "merge-conflict" and "--upstream" in str(error.hint)


# -- several, and what is refused ----------------------------------------------------------------


def test_all_are_updated_and_one_in_conflict_does_not_keep_the_others(conflict: Project) -> None:
    new_module.run(conflict, "lab/eca", dims=3)
    edit(template(conflict), NEWER["docstring"])
    result = update.run(conflict, (), every=True).result
    assert result["ok"] is False
    assert [(file["path"], file["state"]) for file in result["files"]] == [
        ("blocks/eca3d.py", "updated")
    ]
    assert [one["code"] for one in result["warnings"]] == ["merge-conflict"]


def test_a_block_that_is_gone_from_the_catalog(project: Project) -> None:
    template(project).unlink()
    assert refused(project, "lab/eca").code == "block-not-found"


def test_which_block_has_to_be_said(project: Project) -> None:
    assert refused(project).suggestions == ["stitchgen update lab/eca"]
    assert refused(project, "cbam").suggestions == ["lab/eca"]
    own(project).unlink()
    assert refused(project, "lab/eca").code == "file-not-found"


def test_a_ledger_without_the_text(project: Project) -> None:
    """Of an older version: what is still as it was rendered is its own base."""
    lock = project.root / "stitchgen.lock"
    start, _, rest = lock.read_text().partition(", base = ")
    lock.write_text(start + " }]\n" + rest.partition("\n")[2])
    edit(template(project), NEWER["constructor"])
    edit(own(project), OWN["kernel"])
    assert refused(project, "eca").code == "ledger-broken"
    edit(own(project), (OWN["kernel"][1], OWN["kernel"][0]))
    assert updated(project) == [(PATH, "updated")]


def test_a_spoiled_text_in_the_ledger_is_noticed(project: Project) -> None:
    edit(project.root / "stitchgen.lock", ("got {channels}", "not {channels}"))
    assert refused(project, "eca").code == "ledger-broken"


# -- diff ----------------------------------------------------------------------------------------


def test_diff_shows_what_update_would_do_and_either_side(project: Project) -> None:
    def changed(side: update.Side) -> set[tuple[bool, bool]]:
        found = set()
        for change in update.diff(project, (), side).changes:
            before, after = (change.before or b"").decode(), (change.after or b"").decode()
            found.add(("not {channels}" in after, "bias=True" in after))
            assert before != after
        return found

    assert [changed(side) for side in ("update", "upstream", "local")] == [set(), set(), set()]
    edit(template(project), NEWER["constructor"])
    edit(own(project), OWN["kernel"])
    before = tree(project.root)
    assert changed("update") == {(True, True)}
    assert changed("upstream") == {(True, False)}
    assert changed("local") == {(False, True)}
    assert tree(project.root) == before
