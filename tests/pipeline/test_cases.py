"""The whole way of a command, on one small model a file: `tests/cases/add/NAME.py`.

A case is the model file before, a line `# output`, and the model file after. Its first line,
`# flags: cbam --after model.py::Net.layer2`, is the command (of `add`, or `fuse` with its own name
before the targets); further lines of the head are

    # file: src/nets/model.py      where the model file stands (else `model.py`)
    # empty: src/nets/__init__.py  an empty file of the project
    # block: cbam                  a block that was rendered before, beside the model file
    # refused: many-calls          the code of the refusal; then there is no output

Without `# output` and `# refused` the command has to leave the file as it is. One case is run by

    python -m pytest tests/pipeline/test_cases.py -k "[NAME]"

and a further one needs that file and nothing else: where the output is still to be
written, what the test shows as the difference is what the command writes. Projects of several files,
and edits that are wrong today, are cases of `test_projects.py`.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from stitchgen.catalog import folders, render
from stitchgen.errors import InternalError, StitchError
from stitchgen.history import undo
from stitchgen.pipeline import splice as splicing
from stitchgen.project import config, transaction
from stitchgen.project.outcome import Outcome
from stitchgen.targets.request import AddRequest, FuseRequest
from tests.support.commands import request_of
from tests.support.spliced import tree

FOLDER = Path(__file__).parents[1] / "cases" / "add"
HEAD = re.compile(r"# (flags|file|empty|block|refused): (.+)\n")
MISTYPED = re.compile(r"# \w+: \S")
CASES = sorted(path.stem for path in FOLDER.glob("*.py"))


@dataclass
class Case:
    """A case file, taken apart."""

    flags: str = ""
    file: str = "model.py"
    empty: list[str] = field(default_factory=list)
    block: list[str] = field(default_factory=list)
    refused: str | None = None
    before: str = ""
    after: str = ""

    @classmethod
    def read(cls, name: str) -> Case:
        case = cls()
        lines = (FOLDER / f"{name}.py").read_text().splitlines(keepends=True)
        while lines and (head := HEAD.match(lines[0])):
            lines.pop(0)
            key, value = head.groups()
            if key in ("empty", "block"):
                getattr(case, key).append(value)
            else:
                setattr(case, key, value)
        if not case.flags or MISTYPED.match(lines[0]):
            raise ValueError(f"{name}: the head of the case has no flags, or {lines[0]!r}")
        before, mark, after = "".join(lines).partition("# output\n")
        case.before, case.after = before, after if mark else before
        return case

    def request(self, python: str) -> AddRequest:
        return request_of(self.flags, python)

    def write(self, root: Path) -> Path:
        for name in (*self.empty, self.file):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text("")
        for name in self.block:
            block = folders.get(name)
            path = (root / self.file).parent / "blocks" / f"{block.module_for(2)}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(render.block_source(block, 2))
        (root / self.file).write_text(self.before)
        return root / self.file


def run_request(project: config.Project, request: AddRequest, mode: str = "apply") -> Outcome:
    return splicing.run(project, request, mode)


@pytest.mark.parametrize("name", CASES)
def test_case(name: str, tmp_path: Path, python: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case.read(name)
    file = case.write(tmp_path)
    monkeypatch.chdir(tmp_path)
    project = config.find_project(tmp_path)
    request = case.request(python)
    before = tree(tmp_path)
    if case.refused:
        with pytest.raises(StitchError) as refusal:
            run_request(project, request)
        assert refusal.value.code == case.refused
        assert tree(tmp_path) == before
        return

    planned = run_request(project, request, mode="dry-run")
    assert tree(tmp_path) == before, "a dry run wrote something"
    transaction.commit(tmp_path, planned.changes)  # all that a real run does besides
    assert file.read_text() == case.after
    ast.parse(case.after)
    done = tree(tmp_path)

    again = run_request(project, request)
    assert again.changes == [], "the same command again is not a no-op"
    recorded = isinstance(request, FuseRequest) or request.into is not None
    by_ledger = ("slice", "inside")
    recorded |= any(splice["strategy"] in by_ledger for splice in planned.result["splices"])
    if not recorded:  # where the source alone does not tell
        lock = tmp_path / "stitchgen.lock"
        book = lock.read_bytes() if lock.exists() else None
        lock.unlink(missing_ok=True)
        again = run_request(project, request, mode="dry-run")
        assert again.changes == [], "nor is it where the source alone tells"
        if book is not None:
            lock.write_bytes(book)
    assert tree(tmp_path) == done

    if planned.changes:
        undo.run(project)
    assert tree(tmp_path) == before, "undo does not give every byte back"


@pytest.mark.parametrize("name", ["line", "replace_ghost"])
def test_a_dry_run_plans_what_is_applied(
    name: str, tmp_path: Path, python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = Case.read(name)
    case.write(tmp_path)
    monkeypatch.chdir(tmp_path)
    project = config.find_project(tmp_path)
    planned = splicing.run(project, case.request(python), mode="dry-run")
    applied = splicing.run(project, case.request(python))
    assert applied.changes == planned.changes
    for change in applied.changes:
        assert (tmp_path / change.path).read_bytes() == change.after


@pytest.mark.parametrize("name", CASES)
def test_reading_alone_serves_it_or_refuses(
    name: str, tmp_path: Path, python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --no-prove nothing else can come of a case, and a refusal leaves the tree alone."""
    case = Case.read(name)
    case.write(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = tree(tmp_path)
    request = replace(case.request(python), prove=False)
    try:
        outcome = run_request(config.find_project(tmp_path), request, mode="dry-run")
    except StitchError as refusal:
        assert not isinstance(refusal, InternalError), refusal
        return
    finally:
        assert tree(tmp_path) == before
    for change in outcome.changes:
        if change.path.endswith(".py") and change.after is not None:
            ast.parse(change.after)
