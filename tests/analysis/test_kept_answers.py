"""Answers of the observer that a later command takes from the user's cache, and what makes it ask again."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stitchgen.analysis import kept_answers, runtime_backend
from stitchgen.errors import StitchError
from stitchgen.pipeline import layers
from stitchgen.pipeline import splice as splicing
from stitchgen.project import config
from tests.support.commands import request_of

MODEL = """\
import json
from pathlib import Path

from torch import nn

from parts import width


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        depth = json.loads((Path(__file__).parent / "size.json").read_text())["depth"]
        self.stem = nn.Conv2d(3, width(), 3)
        self.body = nn.Sequential(*(nn.Conv2d(width(), width(), 1) for _ in range(depth)))

    def forward(self, x):
        return self.body(self.stem(x))
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> config.Project:
    root = tmp_path / "project"
    root.mkdir()
    (root / "net.py").write_text(MODEL)
    (root / "parts.py").write_text("def width():\n    return 8\n")
    (root / "size.json").write_text('{"depth": 2}')
    monkeypatch.chdir(root)
    # The stand-in for a Python starts another, of which nothing is kept.
    monkeypatch.setattr(kept_answers, "is_itself", lambda python, executable: True)
    time.sleep(2 * kept_answers.LAG)  # the files are older than the process
    monkeypatch.setenv("STITCHGEN_CACHE", str(tmp_path / "cache"))
    return config.find_project(root)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The processes that were started."""
    found: list[str] = []

    class Counted(runtime_backend.Observer):
        def __init__(self, python: str, *rest: Any) -> None:
            found.append(python)
            super().__init__(python, *rest)

    monkeypatch.setattr(runtime_backend, "Observer", Counted)
    return found


def seen(project: config.Project, python: str, **options: Any) -> list[tuple[str, int]]:
    found = layers.run(project, "net.py", python=python, **options)
    return [(one["path"], one["channels"]) for one in found["layers"] if one["path"] != "body"]


AS_IT_WAS = [("stem", 8), ("body.0", 8), ("body.1", 8)]


def test_what_was_asked_before_starts_no_process(
    project: config.Project, python: str, started: list[str]
) -> None:
    first = layers.run(project, "net.py", python=python)
    assert len(started) == 1
    assert layers.run(project, "net.py", python=python) == first
    assert len(started) == 1


def widened() -> None:
    Path("parts.py").write_text("def width():\n    return 16\n")


def deepened() -> None:
    Path("size.json").write_text('{"depth": 1}')


def hidden() -> None:
    # A folder of that name is found before the file.
    Path("parts").mkdir()
    Path("parts/__init__.py").write_text("def width():\n    return 4\n")


def edited() -> None:
    Path("net.py").write_text(MODEL.replace("nn.Conv2d(3, width(), 3)", "nn.Conv2d(3, 8, 5)"))


def with_old_date() -> None:
    # An editor or an archive may keep the date of a file, and its size.
    about = Path("parts.py").stat()
    Path("parts.py").write_text("def width():\n    return 6\n")
    os.utime("parts.py", ns=(about.st_atime_ns, about.st_mtime_ns))


def with_a_folder() -> None:
    Path("data/train").mkdir(parents=True)


def with_a_file_of_another_program() -> None:
    Path("weights.bin").write_bytes(b"0" * 32)


@pytest.mark.parametrize("change", [with_a_folder, with_a_file_of_another_program])
def test_what_code_may_ask_for_without_reading_it_is_looked_at(
    project: config.Project, python: str, started: list[str], change: Callable[[], None]
) -> None:
    text = MODEL.replace(
        'json.loads((Path(__file__).parent / "size.json").read_text())["depth"]',
        '2 + (Path(__file__).parent / "data" / "train").is_dir()',
    )
    Path("net.py").write_text(text)
    time.sleep(2 * kept_answers.LAG)
    assert len(seen(project, python)) == 3
    change()
    assert len(seen(project, python)) == (4 if change is with_a_folder else 3)
    assert len(started) == 2


def test_a_python_is_itself_or_a_program_that_starts_one(tmp_path: Path) -> None:
    link, script = tmp_path / "python", tmp_path / "shim"
    link.symlink_to(sys.executable)
    script.write_text('#!/bin/sh\nexec python "$@"\n')
    assert kept_answers.is_itself(str(link), sys.executable)
    assert not kept_answers.is_itself(str(script), sys.executable)


def test_a_module_that_answers_anything_is_no_obstacle(
    project: config.Project, python: str, started: list[str]
) -> None:
    Path("parts.py").write_text(
        "import sys\n\nclass Settings:\n    def __getattr__(self, name):\n        return {}\n\n"
        "sys.modules['settings'] = Settings()\n\ndef width():\n    return 8\n"
    )
    assert seen(project, python) == AS_IT_WAS


@pytest.mark.parametrize(
    ("change", "then"),
    [
        (widened, [("stem", 16), ("body.0", 16), ("body.1", 16)]),
        (deepened, [("stem", 8), ("body.0", 8)]),
        (hidden, [("stem", 4), ("body.0", 4), ("body.1", 4)]),
        (edited, AS_IT_WAS),
        (with_old_date, [("stem", 6), ("body.0", 6), ("body.1", 6)]),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_what_changed_is_asked_again(
    project: config.Project,
    python: str,
    started: list[str],
    change: Callable[[], None],
    then: list[tuple[str, int]],
) -> None:
    assert seen(project, python) == AS_IT_WAS
    change()
    assert seen(project, python) == then
    assert len(started) == 2


def test_the_environment_and_the_options_are_part_of_the_question(
    project: config.Project, python: str, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen(project, python)
    seen(project, python, inputs=("1x3x32x32",))
    assert len(started) == 2
    monkeypatch.setenv("WIDTH_OF_THE_NET", "8")
    seen(project, python)
    assert len(started) == 3
    monkeypatch.setenv("OLDPWD", "/elsewhere")
    seen(project, python)
    assert len(started) == 3


def test_a_proof_is_made_anew_each_time(
    project: config.Project, python: str, started: list[str]
) -> None:
    request = request_of("se --after net.stem", python)
    first = splicing.run(project, request, "dry-run").result
    second = splicing.run(project, request, "dry-run").result
    assert len(started) == 2
    assert first["splices"] == second["splices"]


def test_a_refusal_of_a_known_model_starts_no_process(
    project: config.Project, python: str, started: list[str]
) -> None:
    for _ in range(2):
        with pytest.raises(StitchError) as refused:
            splicing.run(project, request_of("se --after net.stam", python), "dry-run")
        assert refused.value.code == "target-not-found"
    assert len(started) == 1


def test_nothing_is_kept_where_the_user_wants_none(
    project: config.Project, python: str, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STITCHGEN_CACHE", "")
    assert seen(project, python) == seen(project, python) == AS_IT_WAS
    assert len(started) == 2


@pytest.mark.parametrize("content", [b"", b"no answer", b"x\x9c\x03\x00\x00\x00\x00\x01"])
def test_a_spoilt_cache_is_passed_over(
    project: config.Project, python: str, started: list[str], tmp_path: Path, content: bytes
) -> None:
    seen(project, python)
    for file in (tmp_path / "cache" / "answers").iterdir():
        file.write_bytes(content)
    assert seen(project, python) == AS_IT_WAS
    assert len(started) == 2


def test_a_cache_that_cannot_be_written_harms_nobody(
    project: config.Project, python: str, tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("a file in the place of the folder")
    assert seen(project, python) == AS_IT_WAS


def test_what_was_edited_while_the_model_ran_is_not_kept(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text("")
    now = file.stat().st_mtime
    assert kept_answers.changed_since(str(file), now)
    assert kept_answers.changed_since(str(file), now - 1)
    assert not kept_answers.changed_since(str(file), now + 1)
    os.utime(file, (0, 0))  # as of a file that was moved here
    assert kept_answers.changed_since(str(file), now)
    assert not kept_answers.changed_since(str(tmp_path / "none.py"), now)


def test_what_only_holds_for_the_moment_is_not_kept(
    project: config.Project, python: str, tmp_path: Path
) -> None:
    subject = runtime_backend.Subject(Path("net.py"), "net", (), project.root, python=python)
    kept = kept_answers.KeptAnswers(subject, tmp_path / "kept")
    read = {"own": [], "installed": [], "folders": [], "packages": [], "executable": python}
    later = time.time() + 1
    kept.keep({"op": "survey"}, {"builds": [{"error": {"code": "too-large"}}]}, read, later)
    assert kept.find({"op": "survey"}) is None
    kept.keep({"op": "survey"}, {"builds": [{"layers": []}]}, read, later)
    assert kept.find({"op": "survey"}) == json.loads('{"builds": [{"layers": []}]}')
