"""git.py: what has stopped in the middle, and which files differ from the last commit."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from stitchgen.project import git


def run(root: Path, *arguments: str) -> int:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    return subprocess.run(["git", *identity, *arguments], cwd=root, capture_output=True).returncode


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two branches that differ in one line, and a project in a folder of it."""
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "model.py").write_text("x = 1\n")
    (tmp_path / "net" / "other.py").write_text("x = 1\n")
    run(tmp_path, "init", "-q", "-b", "main")
    for branch, text in (("main", "x = 1\n"), ("one", "x = 2\n"), ("two", "x = 3\n")):
        run(tmp_path, "checkout", "-q", "main")
        run(tmp_path, "checkout", "-qb", branch)
        (tmp_path / "net" / "model.py").write_text(text)
        run(tmp_path, "add", ".")
        run(tmp_path, "commit", "-qm", branch, "--allow-empty")
    return tmp_path / "net"


def test_without_a_repository_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("x = 1\n")
    assert git.in_progress(tmp_path) is None and git.uncommitted(tmp_path, ["model.py"]) == []


@pytest.mark.parametrize("command", ["merge", "rebase", "cherry-pick"])
def test_what_has_stopped_in_the_middle(command: str, repository: Path) -> None:
    assert git.in_progress(repository) is None
    assert run(repository, command, "one") != 0
    assert git.in_progress(repository) == command
    run(repository, command, "--abort")
    assert git.in_progress(repository) is None


def test_in_a_work_tree_of_its_own(repository: Path, tmp_path: Path) -> None:
    run(repository, "worktree", "add", "-q", str(tmp_path / "tree"), "one")
    assert git.in_progress(tmp_path / "tree" / "net") is None
    assert run(tmp_path / "tree", "merge", "two") != 0
    assert git.in_progress(tmp_path / "tree" / "net") == "merge"
    assert git.in_progress(repository) is None


def test_which_files_differ_from_the_last_commit(repository: Path) -> None:
    names = ["model.py", "other.py", "new.py"]
    assert git.uncommitted(repository, names) == []
    (repository / "model.py").write_text("x = 4\n")
    (repository / "new.py").write_text("")
    assert git.uncommitted(repository, names) == ["model.py"]
    run(repository, "add", ".")
    assert git.uncommitted(repository, names) == ["model.py", "new.py"]
    assert git.uncommitted(repository, ["other.py"]) == []
