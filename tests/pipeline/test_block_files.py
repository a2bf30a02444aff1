"""A block file that is there already: what it is used as, and what is said of it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from stitchgen.catalog import folders
from stitchgen.errors import StitchError
from stitchgen.history import status
from stitchgen.pipeline import splice as splicing
from stitchgen.project.config import Project
from tests.support.commands import request_of
from tests.support.spliced import tree

MODEL = """\
from torch import nn


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 1)
        self.body = nn.Conv2d(width, width, 1)

    def forward(self, x):
        x = self.stem(x)
        x = self.body(x)
        return x
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)
    (root / "model.py").write_text(MODEL)
    (tmp_path / "lab-blocks").mkdir()
    shutil.copy(folders.get("eca").template, tmp_path / "lab-blocks")
    return Project(root, catalogs=(str(tmp_path / "lab-blocks"),))


def add(project: Project, flags: str) -> dict[str, Any]:
    return splicing.run(project, request_of(f"{flags} --no-prove", "python")).result


def said(result: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (one["message"], one.get("hint", ""))
        for one in result["warnings"]
        if one["code"] == "block-as-it-is"
    ]


def change_catalog(project: Project) -> None:
    template = project.root.parent / "lab-blocks" / "eca.py.j2"
    template.write_text(template.read_text().replace("\n\nclass ", "\nNEWER = 1\n\n\nclass ", 1))


@pytest.mark.parametrize("edit", ["", "# a comment\n", "\n\nMINE = 1\n"])
def test_an_edited_file_is_said(project: Project, edit: str) -> None:
    add(project, "lab/eca --after model.stem")
    path = project.root / "blocks" / "eca.py"
    path.write_text(path.read_text() + edit)
    found = said(add(project, "lab/eca --after model.body"))
    message = "blocks/eca.py is used as it is; the catalog's lab/eca is another one today"
    hint = "stitchgen diff lab/eca shows what is newer there"
    assert found == ([(message, hint)] if "MINE" in edit else [])


def test_an_older_file_is_said(project: Project) -> None:
    add(project, "lab/eca --after model.stem")
    change_catalog(project)
    assert len(said(add(project, "lab/eca --after model.body"))) == 1


def test_the_block_of_another_catalog_is_not_taken_for_it(project: Project) -> None:
    """The file has the name of both, and the class too; that they are the same nobody has said."""
    change_catalog(project)
    add(project, "eca --after model.stem")
    before = tree(project.root)
    with pytest.raises(StitchError) as refused:
        add(project, "lab/eca --after model.body")
    assert (refused.value.code, refused.value.where) == ("blocks-in-the-way", "blocks/eca.py")
    assert refused.value.message == (
        "blocks/eca.py holds eca, and lab/eca is another block of that name"
    )
    assert tree(project.root) == before


@pytest.mark.parametrize("layers", [("stem", "body"), ("body", "stem")])
def test_the_same_block_of_another_catalog_is(project: Project, layers: tuple[str, str]) -> None:
    """The file stays that of the catalog that it came from: what the other one changes is no news of it."""
    add(project, f"eca --after model.{layers[0]}")
    assert said(add(project, f"lab/eca --after model.{layers[1]}")) == []
    change_catalog(project)
    found = status.run(project)
    assert {one["state"] for one in (*found["splices"], *found["files"])} == {"clean"}
