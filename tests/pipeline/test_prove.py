"""Edits by hand, right and wrong, told apart: a file a case, `tests/cases/prove/NAME.py`.

A case is the model file before, a line `# after`, and the model file after somebody edited it. Its head:

    # What the edit is, in a sentence.
    # expect: proven               or the check that does not hold: builds, keys, position, ...
    # place: se after layer1 add   where each new module is found (add, mul: how it is joined; gate)
    # line: x = self.se(x)         the line of the edited file that the refusal names
    # unshown: axis                a check that nothing can be shown of, which the report then does not name
    # input: 2x3x64x64             what the model is fed, where that has to be said
    # build: Net(8)                how it is built; several times for several

    python -m pytest tests/pipeline/test_prove.py -k "[NAME]"
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from stitchgen.errors import StitchError
from stitchgen.pipeline import prove
from stitchgen.pipeline.edit_base import as_it_was
from stitchgen.pipeline.proof import CHECKS
from stitchgen.project import config
from stitchgen.source.document import Document
from stitchgen.source.syntax import Syntax
from stitchgen.targets.model import RunOptions
from tests.support.spliced import tree

FOLDER = Path(__file__).parents[1] / "cases" / "prove"
CASES = sorted(path.stem for path in FOLDER.glob("*.py"))
HEAD = re.compile(r"# (expect|place|line|unshown|input|build): (.+)\n")


@dataclass
class Case:
    """A case file, taken apart."""

    expect: list[str] = field(default_factory=list)
    place: list[str] = field(default_factory=list)
    line: list[str] = field(default_factory=list)
    unshown: list[str] = field(default_factory=list)
    input: list[str] = field(default_factory=list)
    build: list[str] = field(default_factory=list)
    before: str = ""
    after: str = ""

    @classmethod
    def read(cls, name: str) -> Case:
        case = cls()
        lines = (FOLDER / f"{name}.py").read_text().splitlines(keepends=True)
        assert re.match(r"# [A-Z].+\.\n", lines.pop(0)), f"{name} does not say what the edit is"
        while head := HEAD.match(lines[0]):
            lines.pop(0)
            getattr(case, head[1]).append(head[2])
        case.before, mark, case.after = "".join(lines).partition("# after\n")
        assert mark and len(case.expect) == 1, f"{name} has no outcome"
        return case


def placed(splice: dict) -> str:
    """`se after layer1 add`."""
    target = splice["target"].partition("::")[2].partition(".")[2]
    words = [splice["attribute"], splice["placement"], target, splice.get("fuse", "")]
    return " ".join(word for word in [*words, "gate" * ("gate" in splice)] if word)


@pytest.mark.parametrize("name", CASES)
def test_case(name: str, tmp_path: Path, python: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case.read(name)
    monkeypatch.chdir(tmp_path)
    Path("before.py").write_text(case.before)
    Path("model.py").write_text(case.after)
    options = RunOptions(tuple(case.build), tuple(case.input), python)
    request = prove.ProveRequest("model.py", "before.py", options)
    files = tree(tmp_path)
    [expected] = case.expect
    if expected == "proven":
        report = prove.run(config.find_project(tmp_path), request)
        places = [placed(splice) for splice in report["splices"]]
        assert set(case.place) <= set(places)
        assert bool(case.place) == bool(places)
        assert report["proof"]["laws"] == [one for one in CHECKS if one not in case.unshown]
        return
    with pytest.raises(StitchError) as refused:
        prove.run(config.find_project(tmp_path), request)
    error = refused.value
    assert (error.code, error.details["law"]) == ("law-broken", expected), error.message
    path, _, number = str(error.where).rpartition(":")
    assert path == "model.py"
    assert case.after.splitlines()[int(number) - 1].strip() == case.line[0]
    assert error.hint
    assert tree(tmp_path) == files


# In a repository ----------------------------------------------------------------------------------

MODEL = Case.read("after").before
TRAIN = "from model import Net\n\nif __name__ == '__main__':\n    Net()\n"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in a folder of a repository, whose model is run by a script in another folder."""
    root = tmp_path / "project"
    (root / "tools").mkdir(parents=True)
    (root / "pyproject.toml").write_text("")
    (root / "model.py").write_text(MODEL)
    (root / "tools" / "train.py").write_text("import sys\nsys.path.insert(0, '.')\n" + TRAIN)
    for words in ("init -q", "add -A", "commit -q -m before"):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        subprocess.run(["git", *identity, *words.split()], cwd=tmp_path, check=True)
    monkeypatch.chdir(root)
    return root


def edit(root: Path, gate: str) -> None:
    """A block in a file of its own, which the model imports."""
    block = Case.read("after").after.partition("class SE")[2].partition("class Net")[0]
    (root / gate).write_text(
        "import torch\nfrom torch import nn\nfrom torch.nn import functional as F\n\n\nclass SE"
        + block
    )
    text = MODEL.replace("import torch\n", f"import torch\nfrom {Path(gate).stem} import SE\n", 1)
    text = text.replace("        self.fc =", "        self.se = SE(width)\n        self.fc =")
    text = text.replace("        x = self.layer1(x)\n", "        x = self.se(self.layer1(x))\n")
    (root / "model.py").write_text(text)


def test_the_working_tree_against_a_revision(repository: Path, python: str) -> None:
    project = config.find_project(repository)
    options = RunOptions(("Net(8)",), (), python)
    edit(repository, "gate.py")
    report = prove.run(project, prove.ProveRequest(options=options))
    assert [placed(splice) for splice in report["splices"]] == ["se after layer1"]
    assert report["files"] == [
        {"path": "gate.py", "action": "create"},
        {"path": "model.py", "action": "edit"},
    ]
    assert {"from": "tools/train.py", "as": "model"} in report["proof"]["imports"]
    assert report["keys"]["added"] and not report["keys"]["lost"]


def test_built_as_the_project_builds_it(repository: Path, python: str) -> None:
    for path in ("model.py", "tools/train.py"):
        text = (repository / path).read_text()
        text = text.replace("width=16", "width").replace("Net()", "Net(12)")
        (repository / path).write_text(text)
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run(["git", *identity, "commit", "-qam", "a width to be given"], check=True)
    edit(repository, "gate.py")
    text = (repository / "model.py").read_text()
    (repository / "model.py").write_text(text.replace("width=16", "width"))
    options = RunOptions((), (), python)
    report = prove.run(config.find_project(repository), prove.ProveRequest(options=options))
    assert report["proof"]["build"] == ["Net(12)"]
    assert [placed(one) for one in report["splices"]] == ["se after layer1"]


def test_an_import_that_only_some_scripts_find(repository: Path, python: str) -> None:
    """The block lies beside one script, which alone has its folder on the path."""
    (repository / "main.py").write_text(TRAIN)
    edit(repository, "tools/gate.py")
    request = prove.ProveRequest("model.py", options=RunOptions(("Net(8)",), (), python))
    with pytest.raises(StitchError) as refused:
        prove.run(config.find_project(repository), request)
    assert (refused.value.code, refused.value.details["law"]) == ("import-conflict", "imports")
    assert "main.py" in refused.value.message
    assert refused.value.where == "model.py:2"


@pytest.mark.parametrize(
    ("base", "files", "code", "saying"),
    [
        ("nowhere", {}, "bad-argument", "neither a revision"),
        ("--output=x", {}, "bad-argument", "neither a revision"),
        ("HEAD", {"new.py": MODEL}, "target-not-found", "no file with a model has changed"),
        ("HEAD", {"model.py": "def x(:\n"}, "syntax-error", ""),
        ("HEAD", {"model.py": MODEL + "\n", "new.py": MODEL}, None, ""),
    ],
)
def test_what_there_is_to_prove(
    repository: Path, python: str, base: str, files: dict, code: str, saying: str
) -> None:
    for name, text in files.items():
        (repository / name).write_text(text)
    request = prove.ProveRequest(base=base, options=RunOptions(("Net(8)",), (), python))
    if code is None:
        report = prove.run(config.find_project(repository), request)
        assert report["splices"] == [] and report["proof"]["build"] == ["Net(8)"]
        return
    with pytest.raises(StitchError) as refused:
        prove.run(config.find_project(repository), request)
    assert saying in refused.value.message
    assert refused.value.code == code and (refused.value.hint or code == "syntax-error")


def test_a_file_that_cannot_be_imported(repository: Path, python: str) -> None:
    """Where nothing of the project imports it, the proof itself tells."""
    (repository / "tools" / "train.py").unlink()
    (repository / "model.py").write_text(
        MODEL.replace("import torch\n", "import torch\nimport gate\n", 1)
    )
    request = prove.ProveRequest(options=RunOptions(("Net(8)",), (), python))
    with pytest.raises(StitchError, match="No module named 'gate'") as refused:
        prove.run(config.find_project(repository), request)
    assert (refused.value.details["law"], refused.value.where) == ("builds", "model.py:2")


def test_a_construction_that_the_base_does_not_have(repository: Path, python: str) -> None:
    text = MODEL + "\n\ndef tiny():\n    return Net(4)\n"
    (repository / "model.py").write_text(text)
    request = prove.ProveRequest(options=RunOptions(("tiny()",), (), python))
    with pytest.raises(StitchError, match="as it was in HEAD") as refused:
        prove.run(config.find_project(repository), request)
    assert refused.value.code == "does-not-build" and refused.value.hint


def test_a_new_file_has_nothing_to_be_compared_with(repository: Path) -> None:
    (repository / "new.py").write_text(MODEL)
    with pytest.raises(StitchError, match="not in HEAD"):
        prove.run(config.find_project(repository), prove.ProveRequest("new.py"))


def test_nothing_has_changed(repository: Path) -> None:
    report = prove.run(config.find_project(repository), prove.ProveRequest())
    assert report["proof"] is None and report["files"] == []


@pytest.mark.parametrize(
    ("now", "before"),
    [
        ("Net(8, use_se=True)", "Net(8)"),
        ("Net(width=8, deep=True)", "Net(width=8, deep=True)"),
        ("net(kind=2)", "net(kind=2)"),
        ("nets.Net(use_se=True)", "nets.Net(use_se=True)"),
    ],
)
def test_the_construction_as_it_was(now: str, before: str) -> None:
    source = MODEL + "\n\ndef net(**options):\n    return Net(**options)\n"
    assert as_it_was(now, Syntax(Document(source.encode(), "model.py"))) == before
