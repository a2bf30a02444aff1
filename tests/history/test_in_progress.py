"""No command writes while git has stopped in the middle of a merge."""

from __future__ import annotations

from pathlib import Path

import pytest

from stitchgen.errors import StitchError
from stitchgen.history import undo, update
from stitchgen.pipeline import new_module, remove
from stitchgen.project.config import Project
from tests.support.spliced import tree

COMMANDS = {
    "new-module": lambda project, mode: new_module.run(project, "se", mode=mode),
    "remove": lambda project, mode: remove.run(project, (), every=True, mode=mode),
    "undo": lambda project, mode: undo.run(project, mode=mode),
    "update": lambda project, mode: update.run(project, (), every=True, mode=mode),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_refused_but_shown(command: str, tmp_path: Path) -> None:
    project = Project(tmp_path)
    new_module.run(project, "eca")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "MERGE_HEAD").touch()
    before = tree(tmp_path)
    with pytest.raises(StitchError) as refused:
        COMMANDS[command](project, "apply")
    assert refused.value.code == "merge-in-progress"
    COMMANDS[command](project, "dry-run")
    assert tree(tmp_path) == before
