"""The one walk over a project's Python files."""

from pathlib import Path

import pytest

from stitchgen.project.python_files import python_files


def project(root: Path, *files: str, **contents: str) -> Path:
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(contents.get(name, ""))
    return root


def found(root: Path, **options: int) -> set[str]:
    return {path.relative_to(root).as_posix() for path in python_files(root, **options)}


@pytest.mark.parametrize("folder", ["env", "venv", "build", "dist", "lib/env", "agents"])
def test_the_name_of_a_folder_does_not_hide_its_source(tmp_path, folder):
    assert found(project(tmp_path, f"{folder}/agent.py")) == {f"{folder}/agent.py"}


@pytest.mark.parametrize("mark", ["pyvenv.cfg", "conda-meta/history"])
def test_an_environment_is_known_by_its_mark(tmp_path, mark):
    project(tmp_path, "model.py", "env/lib/torch.py", f"env/{mark}")
    assert found(tmp_path) == {"model.py"}


def test_hidden_folders_and_those_of_other_tools_are_left_out(tmp_path):
    files = (".tox/a.py", "node_modules/b.py", "__pycache__/c.py", "x/site-packages/d.py", "e.py")
    assert found(project(tmp_path, *files)) == {"e.py"}


def test_what_git_ignores_is_no_source(tmp_path):
    project(
        tmp_path, "a.py", "out/b.py", "keep/c.py", "deep/out/d.py", "deep/e_pb2.py", "deep/f.py"
    )
    (tmp_path / ".gitignore").write_text("/out/\n*_pb2.py\n")
    assert found(tmp_path) == {"a.py", "keep/c.py", "deep/out/d.py", "deep/f.py"}


def test_a_nearer_gitignore_decides(tmp_path):
    project(tmp_path, "gen/a.py", "gen/kept.py")
    (tmp_path / ".gitignore").write_text("gen/*.py\n")
    (tmp_path / "gen" / ".gitignore").write_text("!kept.py\n")
    assert found(tmp_path) == {"gen/kept.py"}


def test_the_repository_around_a_project_is_heard(tmp_path):
    root = project(tmp_path / "repository" / "part", "a.py", "runs/b.py")
    (tmp_path / "repository" / ".git").mkdir()
    (tmp_path / "repository" / ".gitignore").write_text("runs/\n")
    (tmp_path / ".gitignore").write_text("a.py\n")  # above the repository: not git's
    assert found(root) == {"a.py"}


def test_a_project_that_its_repository_ignores_is_seen_whole(tmp_path):
    root = project(tmp_path / "scratch", "a.py", "env/b.py")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("scratch/\n")
    assert found(root) == {"a.py", "env/b.py"}


def test_depth_and_number_bound_the_walk(tmp_path):
    project(tmp_path, "a.py", "b/c.py", "b/d/e.py")
    assert found(tmp_path, depth=1) == {"a.py"}
    assert found(tmp_path, depth=2) == {"a.py", "b/c.py"}
    assert len(found(tmp_path, most=1)) == 1
