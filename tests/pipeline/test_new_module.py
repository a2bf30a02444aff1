"""`new-module`: a block's file written once, inside the project."""

from __future__ import annotations

import pytest

from stitchgen.catalog import folders, render
from stitchgen.errors import StitchError
from stitchgen.pipeline import new_module
from stitchgen.project.config import Project


def test_new_module_writes_once(tmp_path, monkeypatch):
    project = Project(root=tmp_path)
    monkeypatch.chdir(tmp_path)
    outcome = new_module.run(project, "cbam", dims=3, into="parts", mode="dry-run")
    assert outcome.result["files"] == [{"path": "parts/cbam3d.py", "action": "create"}]
    assert outcome.result["dry_run"] and not (tmp_path / "parts").exists()
    new_module.run(project, "cbam")
    path = tmp_path / "blocks" / "cbam.py"
    assert path.read_text() == render.block_source(folders.get("cbam"))
    assert new_module.run(project, "cbam").result["files"] == []
    path.write_text("mine = 1\n")
    with pytest.raises(StitchError) as error:
        new_module.run(project, "cbam")
    assert error.value.code == "blocks-in-the-way" and path.read_text() == "mine = 1\n"
    assert error.value.where == "blocks/cbam.py"
    named = new_module.run(project, "cbam", name="MyCBAM").result
    assert named["files"][0]["path"] == "blocks/my_cbam.py" and named["class"] == "MyCBAM"


@pytest.mark.parametrize("into", ["..", "/tmp", "blocks/../../x"])
def test_new_module_stays_in_the_project(tmp_path, monkeypatch, into):
    inner = tmp_path / "project"
    inner.mkdir()
    monkeypatch.chdir(inner)
    with pytest.raises(StitchError) as error:
        new_module.run(Project(root=inner), "cbam", into=into)
    assert error.value.exit_status == 2 and list(tmp_path.iterdir()) == [inner]
