"""How the builder of a model learns of a block's name: in the project, and never in a package."""

from __future__ import annotations

from pathlib import Path

import pytest

from stitchgen.errors import StitchError
from stitchgen.history import check, undo
from stitchgen.pipeline import splice
from stitchgen.project import config
from stitchgen.project.outcome import Outcome
from stitchgen.yolo.files import at_scale
from tests.support.commands import refusal, request_of
from tests.support.spliced import tree

MODEL = """\
scales:
  n: [0.33, 0.25, 1024]
  s: [0.33, 0.50, 1024]
backbone:
  - [-1, 1, Conv, [64, 3, 2]] # 0
  - [-1, 1, SPPF, [64, 5]] # 1
head:
  - [[0, 1], 1, Detect, [nc]]
"""
SCRIPT = "from ultralytics import YOLO\n\nmodel = YOLO('yolov8s.yaml')\n"
BUILDER = "import torch\n\n\ndef parse_model(d, ch):\n    return d\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> config.Project:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "yolov8.yaml").write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    return config.find_project(tmp_path)


def write(project: config.Project, name: str, text: str) -> Path:
    path = project.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def add(project: config.Project, flags: str, python: str = "no-python") -> Outcome:
    return splice.run(project, request_of(f"{flags} --no-prove", python))


def warning(outcome: Outcome, code: str) -> dict[str, str]:
    [found] = [one for one in outcome.result["warnings"] if one["code"] == code]
    return found


def test_a_script_that_names_the_yaml_imports_the_registration(project: config.Project) -> None:
    script = write(project, "train.py", SCRIPT)
    add(project, "cbam --after yolov8.yaml::SPPF")
    assert script.read_text().splitlines()[:2] == [
        "from ultralytics import YOLO",
        "import stitched_blocks.register  # noqa: F401",
    ]
    register = (project.root / "stitched_blocks" / "register.py").read_text()
    assert "from .cbam import CBAM\n" in register and "\ntasks.CBAM = CBAM\n" in register
    assert "class CBAM" in (project.root / "stitched_blocks" / "cbam.py").read_text()


def test_scripts_that_name_other_files_stay(project: config.Project) -> None:
    write(project, "train.py", SCRIPT.replace("yolov8s", "yolov8s-seg"))
    write(project, "tools.py", "name = 'yolov8.yaml'\n")
    before = tree(project.root)
    found = warning(add(project, "cbam --after yolov8.yaml::SPPF"), "not-imported")
    assert "import stitched_blocks.register" in found["hint"]
    after = tree(project.root)
    assert {name: after[name] for name in before if name != "yolov8.yaml"} == {
        name: before[name] for name in before if name != "yolov8.yaml"
    }


def test_the_blocks_go_beside_the_scripts(project: config.Project) -> None:
    write(project, "tools/train.py", SCRIPT)
    add(project, "cbam --after yolov8.yaml::SPPF")
    assert (project.root / "tools" / "stitched_blocks" / "register.py").is_file()
    assert "import stitched_blocks.register" in (project.root / "tools/train.py").read_text()


def test_scripts_of_several_folders_are_told_of(project: config.Project) -> None:
    write(project, "train.py", SCRIPT)
    other = write(project, "tools/val.py", SCRIPT)
    found = warning(add(project, "cbam --after yolov8.yaml::SPPF"), "not-imported")
    assert found["where"] == "tools/val.py" and " .. " in found["hint"]
    assert other.read_text() == SCRIPT
    assert "register" in (project.root / "train.py").read_text()


def test_a_second_block_is_added_and_taken_back_alone(project: config.Project) -> None:
    write(project, "train.py", SCRIPT)
    before = tree(project.root)
    add(project, "cbam --after yolov8.yaml::SPPF")
    first = tree(project.root)
    add(project, "se --after yolov8.yaml::SPPF")
    register = (project.root / "stitched_blocks" / "register.py").read_text()
    assert "from .cbam import CBAM\nfrom .se import SE\n" in register
    assert "tasks.CBAM = CBAM\ntasks.SE = SE\n" in register
    assert check.run(project)["ok"]
    undo.run(project)
    assert tree(project.root) == first
    undo.run(project)
    assert tree(project.root) == before


def test_the_users_own_class_is_imported_where_it_is(project: config.Project) -> None:
    write(
        project,
        "nets/attention.py",
        "from torch import nn\n\n\nclass EMSA(nn.Module):\n    def __init__(self, dim, heads=8):\n"
        "        super().__init__()\n",
    )
    add(project, "nets/attention.py::EMSA --after yolov8.yaml::SPPF --set heads=4")
    assert "- [-1, 1, EMSA, [c2, 4]] # 2\n" in (project.root / "yolov8.yaml").read_text()
    register = (project.root / "stitched_blocks" / "register.py").read_text()
    assert "from nets.attention import EMSA" in register and "tasks.EMSA = EMSA" in register


def test_a_class_that_ultralytics_has_is_refused(project: config.Project) -> None:
    write(project, "c.py", "from torch import nn\n\n\nclass C2f(nn.Module):\n    pass\n")
    refused = refusal(project, "c.py::C2f --after yolov8.yaml::SPPF --no-prove", "no-python")
    assert refused.code == "bad-argument" and "another name" in (refused.hint or "")


def test_an_attribute_counts_in_the_class_alone_that_is_named(project: config.Project) -> None:
    """parse_model sets `f` on its layers: the other class of the file may have one of its own."""
    body = "    def __init__(self, channels):\n        self.{} = channels\n"
    classes = [("Block", "scale"), ("Other", "f")]
    text = "\n\n".join(f"class {name}:\n{body.format(own)}" for name, own in classes)
    write(project, "mine.py", text)
    add(project, "mine.py::Block --after yolov8.yaml::SPPF")
    found = refusal(project, "mine.py::Other --after yolov8.yaml::SPPF --no-prove", "no-python")
    assert found.code == "unsupported" and found.where == "mine.py:8"


@pytest.mark.parametrize("file", ["ultralytics/nn/tasks.py", "models/yolo.py"])
def test_a_fork_gets_one_import(project: config.Project, file: str) -> None:
    builder = write(project, file, BUILDER)
    for name in {builder.parent, builder.parents[1]} - {project.root}:
        (name / "__init__.py").touch()
    write(project, "train.py", SCRIPT)
    before = tree(project.root)
    add(project, "cbam --after yolov8.yaml::SPPF")
    expected = BUILDER.replace("torch\n", "torch\nfrom stitched_blocks.cbam import CBAM\n")
    assert builder.read_text() == expected
    assert (project.root / "train.py").read_text() == SCRIPT
    assert not (project.root / "stitched_blocks" / "register.py").exists()
    undo.run(project)
    assert tree(project.root) == before


def test_a_fork_with_a_class_of_that_name_keeps_it(project: config.Project) -> None:
    write(project, "models/__init__.py", "")
    write(project, "models/common.py", "class CBAM:\n    pass\n")
    write(project, "models/yolo.py", "from models.common import *\n" + BUILDER)
    add(project, "cbam --after yolov8.yaml::SPPF")
    assert "- [-1, 1, CBAMBlock, [c2]] # 2\n" in (project.root / "yolov8.yaml").read_text()
    assert "import CBAMBlock\n" in (project.root / "models" / "yolo.py").read_text()


def test_what_stands_in_the_way_is_named(project: config.Project) -> None:
    write(project, "stitched_blocks/register.py", "print('mine')\n")
    refused = refusal(project, "cbam --after yolov8.yaml::SPPF --no-prove", "no-python")
    assert (refused.code, refused.where) == ("blocks-in-the-way", "stitched_blocks/register.py")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("yolov8.yaml", False),
        ("yolov8s.yaml", False),
        ("mine.yaml", True),
        ("run3s.yaml", True),
        ("yolov8-s.yaml", True),
        ("yolov8_cbam_s.yaml", True),
        ("yolov8-n.yaml", False),
        ("yolov8-cbam.yaml", False),
    ],
)
def test_a_name_that_tells_no_scale_is_said(project: config.Project, name: str, told: bool) -> None:
    if name != "yolov8.yaml":
        (project.root / "yolov8.yaml").rename(project.root / name)
    outcome = add(project, f"cbam --after {name}::SPPF")
    codes = [one["code"] for one in outcome.result["warnings"]]
    assert ("no-scale" in codes) == told


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("yolov8-cbam.yaml", "yolov8m-cbam.yaml"),
        ("yoloe-v8.yaml", "yoloe-v8m.yaml"),
        ("yolov10m-cbam.yaml", "yolov10m-cbam.yaml"),
        ("mine.yaml", "mine.yaml"),
    ],
)
def test_how_a_model_is_named_at_a_scale(name: str, named: str) -> None:
    assert at_scale(name, "m") == named


# -- the package's own files -------------------------------------------------------------------------


def test_a_packaged_yaml_is_copied_and_not_edited(project: config.Project, packaged: str) -> None:
    (project.root / "yolov8.yaml").unlink()
    before = tree(project.root)
    outcome = add(project, "cbam --after yolov8s.yaml::SPPF", packaged)
    [splice_report] = outcome.result["splices"]
    assert splice_report["target"] == "yolov8-cbam.yaml::model.1"
    assert splice_report["channels"]["value"] == 32
    assert splice_report["readers"] == ["model.3"]  # Detect, which was model.2
    assert "- [-1, 1, CBAM, [c2]] # 2\n" in (project.root / "yolov8-cbam.yaml").read_text()
    assert "yolov8s-cbam.yaml" in warning(outcome, "copied")["hint"]
    original = Path(packaged).parents[1].rglob("yolov8.yaml")
    assert [path.read_text() for path in original] == [MODEL]
    assert check.run(project)["ok"]
    assert add(project, "cbam --after yolov8s.yaml::SPPF", packaged).changes == []
    undo.run(project)
    assert tree(project.root) == before


def test_a_name_that_nobody_has_is_refused_with_near_ones(
    project: config.Project, packaged: str
) -> None:
    with pytest.raises(StitchError) as refused:
        add(project, "cbam --after yolov8-p3.yaml::SPPF", packaged)
    assert refused.value.code == "file-not-found"
    assert "yolov8-p2.yaml" in refused.value.suggestions


def test_a_near_name_of_the_project_and_the_package_is_given_once(
    project: config.Project, packaged: str
) -> None:
    with pytest.raises(StitchError) as refused:
        add(project, "cbam --after yolov8q.yaml::SPPF", packaged)
    assert refused.value.suggestions.count("yolov8.yaml") == 1
