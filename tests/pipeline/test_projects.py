"""Small projects, the commands that somebody ran in them, and what would have been right.

A case is a folder `tests/cases/projects/NAME/`: the files that the commands find, and `case.toml`,
which says what is right. It is run by

    python -m pytest tests/pipeline/test_projects.py -k "[NAME]"

in a copy, and no more is needed for a further case than a further folder. The keys of `case.toml`:

    shows = "..."            what the case is about, in a sentence
    commands = ["add ..."]   what is typed after `stitchgen`, in turn
    fails = "..."            why it does not do what is right today, and
    seen = "..."             a part of what the test says then: whoever mends that takes both out

    folder = "."             where the commands and the scripts are run
    environment = { A = "b" }    environment variables of the commands and the scripts
    exit = 0                 the exit status of the last command, or a list of those that are right;
                             of the others it is 0
    error = "..."            the code of its refusal, if it is refused
    says = ["..."]           what its report has to hold: its JSON as a person reads it
    says_not = ["..."]       and must not hold
    expressions = ["..."]    the channels of each splice of the last command

    runs = ["train.py 3"]    scripts that run before the commands, and have to run after them
    module = "model"         where the builds are evaluated
    builds = ["Net(8)"]      models that build and run before, and have to after; with all old keys,
                             but for --replace, and giving results of the same shapes
    inputs = ["torch..."]    what they are fed, an expression an argument, which may ask for `model`
    argv = ["--fast"]        the arguments of the process that builds them
    blocks = { "Net(8)" = { SE = 1 } }     how many modules of a class a build has afterwards

    [files."model.py"]       of a file, afterwards
    contains = ["..."]
    lacks = ["..."]

After what was spliced, as many `undo` have to give every file back. A refusal has to leave them alone.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pytest

from stitchgen.cli import main
from tests.support import fresh
from tests.support.spliced import tree

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).parents[1] / "cases" / "projects"
RUNNING = ("add", "fuse", "layers")


class UnsoundCase(Exception):
    """The case itself is wrong: not what `fails` may excuse."""


@dataclass
class Case:
    """A `case.toml`."""

    name: str
    shows: str
    commands: list[str]
    fails: str = ""
    seen: str = ""
    folder: str = "."
    environment: dict[str, str] = field(default_factory=dict)
    exit: int | list[int] = 0
    error: str | None = None
    says: list[str] = field(default_factory=list)
    says_not: list[str] = field(default_factory=list)
    expressions: list[str] | None = None
    runs: list[str] = field(default_factory=list)
    module: str = "model"
    builds: list[str] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    argv: list[str] = field(default_factory=list)
    blocks: dict[str, dict[str, int]] = field(default_factory=dict)
    files: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Case:
        given = tomllib.loads((folder / "case.toml").read_text("utf-8"))
        unknown = given.keys() - {one.name for one in fields(cls)} | given.keys() & {"name"}
        for wanted in given.get("files", {}).values():
            unknown |= wanted.keys() - {"contains", "lacks"}
        if unknown:
            raise UnsoundCase(f"{folder.name}: case.toml has {', '.join(sorted(unknown))}")
        case = cls(name=folder.name, **given)
        if bool(case.fails) != bool(case.seen):
            raise UnsoundCase(f"{folder.name}: fails and seen go together")
        expected = (case.error, case.says, case.says_not, case.expressions, case.runs, case.builds)
        if not any(expected) and not case.files and 0 in case.exits:
            raise UnsoundCase(f"{folder.name}: any splice at all would be right")
        if bool(case.builds) != bool(case.inputs) or not case.blocks.keys() <= {*case.builds}:
            raise UnsoundCase(f"{folder.name}: builds, inputs and blocks do not go together")
        return case

    @property
    def exits(self) -> list[int]:
        return self.exit if isinstance(self.exit, list) else [self.exit]

    @property
    def replaces(self) -> bool:
        return any("--replace" in command for command in self.commands)


def parameters() -> list[Any]:
    found = []
    for file in sorted(FOLDER.glob("*/case.toml")):
        case = Case.read(file.parent)
        # Strict (pyproject.toml): a case that is mended has to lose its mark.
        marks = [pytest.mark.xfail(reason=case.fails, raises=AssertionError)] if case.fails else []
        found.append(pytest.param(case, id=case.name, marks=marks))
    return found


@dataclass
class Workplace:
    """A copy of a project, and the Python in which its scripts and models run."""

    folder: Path
    python: str

    def fresh(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [self.python, fresh.__file__, *words]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=300)

    def script(self, words: str) -> str | None:
        """Why a script does not run."""
        done = self.fresh("script", *shlex.split(words))
        return None if done.returncode == 0 else f"{words}: {done.stderr[-2000:]}"

    def models(self, case: Case) -> list[dict[str, Any]]:
        """What `fresh` tells of each build."""
        if not case.builds:
            return []
        keys = ("module", "builds", "inputs", "argv")
        done = self.fresh("models", json.dumps({key: getattr(case, key) for key in keys}))
        if done.returncode != 0:
            return [{"error": done.stderr[-2000:]} for _ in case.builds]
        return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("case", parameters())
def test_project(
    case: Case,
    tmp_path: Path,
    python: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    try:
        check(case, tmp_path, python, monkeypatch, capsys)
    except AssertionError as error:
        if case.fails and case.seen not in str(error):
            raise UnsoundCase(f"it fails, but not as `seen` says: {error}") from error
        raise


def check(
    case: Case,
    tmp_path: Path,
    python: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = shutil.copytree(FOLDER / case.name, tmp_path / "copy")
    (root / "case.toml").unlink()
    place = Workplace(root / case.folder, python)
    monkeypatch.chdir(place.folder)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "nothing-was-downloaded"))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    for name, value in case.environment.items():
        monkeypatch.setenv(name, value)
    before, models = tree(root), sound(case, place)

    def stitchgen(command: str) -> tuple[int, dict[str, Any]]:
        words = shlex.split(command)
        options = ["--python", python] if words[0] in RUNNING else []
        capsys.readouterr()
        status = main.run([*words, *options, "--json"])
        return status, json.loads(capsys.readouterr().out)

    *earlier, last = case.commands
    for command in earlier:
        status, answer = stitchgen(command)
        assert status == 0, said(answer)
    spliced = tree(root)
    status, answer = stitchgen(last)
    assert status in case.exits, said(answer)
    check_report(case, answer)
    for file, wanted in case.files.items():
        text = (root / file).read_text("utf-8")
        assert [part for part in wanted.get("contains", []) if part not in text] == [], text
        assert [part for part in wanted.get("lacks", []) if part in text] == [], text
    if status != 0:
        assert tree(root) == spliced, "a refusal wrote something"
        return
    for words in case.runs:
        why = place.script(words)
        assert why is None, why
    check_models(case, models, place.models(case))
    take_back(case, stitchgen)
    assert tree(root) == before, "undo does not give every byte back"


def sound(case: Case, place: Workplace) -> list[dict[str, Any]]:
    """What is told of the builds as their owner has them; its scripts run, and so do they."""
    for words in case.runs:
        if why := place.script(words):
            raise UnsoundCase(why)
    models = place.models(case)
    for build, model in zip(case.builds, models):
        if "error" in model:
            raise UnsoundCase(f"{build}: {model['error']}")
    return models


def said(answer: dict[str, Any]) -> str:
    """An answer as a person reads it."""
    return json.dumps(answer, indent=1, ensure_ascii=False).replace('\\"', '"')


def check_report(case: Case, answer: dict[str, Any]) -> None:
    if not answer["ok"] and case.error is not None:
        assert answer["error"]["code"] == case.error, said(answer)
    text = said(answer)
    assert [part for part in case.says if part not in text] == [], text
    assert [part for part in case.says_not if part in text] == [], text
    if case.expressions is not None and answer["ok"]:
        found = [splice["channels"]["expression"] for splice in answer["splices"]]
        assert found == case.expressions


def check_models(case: Case, before: list[dict[str, Any]], after: list[dict[str, Any]]) -> None:
    for build, old, new in zip(case.builds, before, after):
        assert "error" not in new, f"{build}: {new['error']}"
        assert new["gives"] == old["gives"], build
        if not case.replaces:
            assert [key for key in old["keys"] if key not in new["keys"]] == [], build
        for name, count in case.blocks.get(build, {}).items():
            assert new["classes"].get(name, 0) == count, build


def take_back(case: Case, stitchgen: Callable[[str], tuple[int, dict[str, Any]]]) -> None:
    for command in case.commands:
        if command.split()[0] in ("add", "fuse"):
            status, answer = stitchgen("undo")
            assert status == 0, said(answer)
