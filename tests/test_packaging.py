"""What is shipped: built, installed without torch, and used from another folder."""

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.slow


def run(*command, **options):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The sdist, and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    [sdist], [wheel] = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """A fresh environment with the wheel, and in it no torch."""
    folder = tmp_path_factory.mktemp("venv")
    run(sys.executable, "-m", "venv", folder)
    bin_folder = folder / ("Scripts" if sys.platform == "win32" else "bin")
    run(bin_folder / "python", "-m", "pip", "install", "-q", built[1])
    return bin_folder


def shipped(folder: str) -> set[str]:
    files = run("git", "ls-files", folder, cwd=ROOT).stdout.splitlines()
    return {file for file in files if (ROOT / file).is_file()}


needs_git = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="the list of files is git's")


@needs_git
def test_the_sdist_holds_all_that_the_tests_need(built):
    with tarfile.open(built[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for folder in ("stitchgen", "templates", "snippets", "tests"):
        assert shipped(folder) <= names
    assert {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml"} <= names


@needs_git
def test_the_wheel_holds_the_catalog_inside_the_package(built):
    with zipfile.ZipFile(built[1]) as archive:
        names = set(archive.namelist())
    for folder in ("templates", "snippets"):
        assert {f"stitchgen/{name}" for name in shipped(folder)} <= names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"stitchgen"}


@pytest.fixture
def stitchgen(installed, tmp_path):
    """The installed command, in a folder of its own and out of reach of any torch."""
    hiding = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH")
    environment = {name: value for name, value in os.environ.items() if name not in hiding}

    def command(*arguments):
        return run(installed / "stitchgen", *arguments, cwd=tmp_path, env=environment)

    return command


def test_the_installed_command_lists_and_shows(stitchgen):
    blocks = json.loads(stitchgen("list", "--json").stdout)["blocks"]
    assert "cbam" in {block["name"] for block in blocks}
    assert "1807.06521" in stitchgen("show", "cbam").stdout
    assert "class CBAM" in stitchgen("show", "cbam", "--source").stdout


def test_the_installed_command_writes_a_module(stitchgen, tmp_path):
    stitchgen("new-module", "cbam")
    assert "class CBAM" in (tmp_path / "blocks" / "cbam.py").read_text("utf-8")


def test_the_installed_command_splices_by_reading(stitchgen, tmp_path):
    model = (ROOT / "templates" / "sample" / "model.py").read_text("utf-8")
    (tmp_path / "model.py").write_text(model, "utf-8")
    answer = json.loads(stitchgen("add", "cbam", "--after", "model.layer2", "--json").stdout)
    assert answer["proof"] is None
    assert "not-proven" in {warning["code"] for warning in answer["warnings"]}
    assert answer["splices"][0]["channels"]["evidence"] == "symbolic"
    assert "self.layer2_cbam(x)" in (tmp_path / "model.py").read_text("utf-8")
    stitchgen("undo")
    assert [path.name for path in tmp_path.iterdir()] == ["model.py"]
    assert (tmp_path / "model.py").read_text("utf-8") == model


def test_there_is_no_torch(installed):
    code = "import importlib.util as u; print(u.find_spec('torch'))"
    assert run(installed / "python", "-c", code).stdout == "None\n"
