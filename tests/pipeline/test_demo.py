"""The demo: the main job, for real, on the sample project."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stitchgen.pipeline.proof import CHECKS

PROJECT = Path(__file__).parents[2] / "templates" / "sample"
#: Small enough to be proven in a moment, and still of both kinds.
BUILDS = ["--build", "resnet14(width=4)", "--build", "resnet29(width=4)"]


def demo(folder, *options, builds=BUILDS):
    how = [*builds, "--input", "1x3x16x16", "--python", sys.executable]
    return subprocess.run(
        [sys.executable, "-m", "stitchgen", "demo", *how, *options],
        capture_output=True,
        text=True,
        cwd=folder,
    )


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a demo in it, and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    done = demo(folder)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_the_demo_shows_the_diff_the_channels_and_the_proof(made):
    _, text = made
    assert "$ stitchgen add cbam --after model.layer2" in text
    assert "\n+        x = self.layer2_cbam(x)\n" in text
    assert "  channels    " in text and "block.expansion (observed)" in text
    assert f"  proven      {', '.join(CHECKS)}" in text


def test_the_demo_stays_in_a_folder_of_its_own(made):
    folder, _ = made
    assert [path.name for path in folder.iterdir()] == ["stitchgen-demo"]
    files = tree(folder / "stitchgen-demo")
    assert {"blocks/cbam.py", "model.py", "train.py", "stitchgen.lock"} <= set(files)
    inserted = files["model.py"].splitlines()
    assert [line for line in inserted if b"cbam" in line.lower()] and all(
        line in inserted for line in (PROJECT / "model.py").read_bytes().splitlines()
    )


def test_the_sample_project_trains_with_the_block(made):
    folder, _ = made
    program = "import train; train.train(1)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder / "stitchgen-demo", capture_output=True
    )
    (folder / "stitchgen-demo" / "weights.pt").unlink()
    assert done.returncode == 0, done.stderr


def test_undo_gives_the_sample_project_back(made, tmp_path):
    folder = shutil.copytree(
        made[0] / "stitchgen-demo",
        tmp_path / "project",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    done = subprocess.run(
        [sys.executable, "-m", "stitchgen", "undo"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert tree(folder) == {
        name: raw for name, raw in tree(PROJECT).items() if "__pycache__" not in name
    }


def test_a_second_demo_goes_beside_the_first(made, tmp_path):
    (tmp_path / "stitchgen-demo").mkdir()
    answer = json.loads(demo(tmp_path, "--json", "--no-prove").stdout)
    assert answer["ok"] and answer["folder"] == "stitchgen-demo-2"
    assert (tmp_path / "stitchgen-demo-2" / "model.py").is_file()


def test_the_patch_of_the_demo_makes_what_the_demo_makes(made, tmp_path):
    done = demo(tmp_path, "--diff")
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == [], "a dry run writes nothing"
    subprocess.run(["git", "apply"], input=done.stdout, text=True, cwd=tmp_path, check=True)
    generated = {n: raw for n, raw in tree(made[0]).items() if "__pycache__" not in n}
    assert tree(tmp_path) == generated


def test_a_demo_that_is_refused_leaves_nothing(tmp_path):
    done = demo(tmp_path, "--json", builds=["--build", "resnet14(widths=4)"])
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == "does-not-build"
    assert list(tmp_path.iterdir()) == []


def test_a_demo_where_nothing_may_be_written_is_refused(tmp_path):
    done = demo(tmp_path, "--project", str(tmp_path / "missing"), "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == "not-writable"
