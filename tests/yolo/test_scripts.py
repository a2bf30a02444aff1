"""`train.py::model.9`: a row of the YAML that a script names; the script is read and never run."""

from __future__ import annotations

from pathlib import Path

import pytest

from stitchgen.errors import StitchError
from stitchgen.history import undo
from stitchgen.pipeline import layers, splice
from stitchgen.project import config
from tests.support.commands import request_of
from tests.support.spliced import tree

SCRIPT = """\
from ultralytics import YOLO

raise SystemExit("this script is not to be run")
model = YOLO('yolov8s.yaml').load("yolov8s.pt")
model.train(data="coco8.yaml")
other = YOLO("yolov8n.yaml")
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> config.Project:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "train.py").write_text(SCRIPT)
    monkeypatch.chdir(tmp_path)
    return config.find_project(tmp_path)


@pytest.mark.parametrize("row", ["model.1", "model.model.model.1", "SPPF"])
def test_the_script_gets_the_copy_with_the_block(
    project: config.Project, packaged: str, row: str
) -> None:
    before = tree(project.root)
    request = request_of(f"cbam --after train.py::model.{row} --no-prove", packaged)
    outcome = splice.run(project, request)
    [found] = outcome.result["splices"]
    assert found["target"] == "yolov8-cbam.yaml::model.1"
    assert (project.root / "train.py").read_text() == SCRIPT.replace(
        "import YOLO\n", "import YOLO\nimport stitched_blocks.register  # noqa: F401\n"
    ).replace("'yolov8s.yaml'", "'yolov8s-cbam.yaml'")
    assert splice.run(project, request).changes == []
    undo.run(project)
    assert tree(project.root) == before


def test_the_projects_own_yaml_is_edited_where_it_is(
    project: config.Project, packaged: str
) -> None:
    own = project.root / "yolov8.yaml"
    own.write_bytes(next(Path(packaged).parents[1].rglob("yolov8.yaml")).read_bytes())
    splice.run(project, request_of("cbam --after train.py::model.1 --no-prove", packaged))
    assert "- [-1, 1, CBAM, [c2]] # 2\n" in own.read_text()
    assert "YOLO('yolov8s.yaml')" in (project.root / "train.py").read_text()


def test_layers_of_a_script(project: config.Project, packaged: str) -> None:
    found = layers.run(project, "train.py::model", python=packaged)
    assert (found["model"], found["scales"]) == ("yolov8s.yaml", ["s"])
    assert [one["channels"] for one in found["layers"]] == [32, 32, None]


@pytest.mark.parametrize(
    ("built", "says"),
    [
        ("YOLO('yolov8s.pt')", "the checkpoint yolov8s.pt"),
        ("YOLO(path)", "a file that train.py does not write out"),
    ],
)
def test_a_model_of_no_yaml_is_refused(
    project: config.Project, packaged: str, built: str, says: str
) -> None:
    text = SCRIPT.replace("YOLO('yolov8s.yaml').load(\"yolov8s.pt\")", built)
    (project.root / "train.py").write_text(text)
    with pytest.raises(StitchError) as refused:
        splice.run(project, request_of("cbam --after train.py::model.1", packaged))
    assert (refused.value.code, refused.value.where) == ("not-python", "train.py:4")
    assert says in refused.value.message
