"""`adopt`: an installed model as a file of the project, compared with the original."""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from stitchgen.errors import StitchError
from stitchgen.history import ledger, status, undo
from stitchgen.pipeline import adopt, remove
from stitchgen.pipeline import splice as splicing
from stitchgen.project.config import Project
from stitchgen.project.outcome import Outcome
from stitchgen.project.transaction import commit, recover
from stitchgen.source.adoption import Adopted
from stitchgen.source.edits import FileChange
from stitchgen.targets.model import RunOptions
from tests.support.commands import refusal, request_of
from tests.support.faults import inject
from tests.support.spliced import tree

SCRIPT = """\
import torchvision
from torchvision.models import squeezenet1_1, vgg11

model = squeezenet1_1(num_classes=4)
old = torchvision.models.SqueezeNet("1_0")
"""
MODULE = "torchvision.models.squeezenet"
INPUT = ("1x3x64x64",)


@pytest.fixture
def python(python_with_torchvision: str) -> str:
    return python_with_torchvision


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(SCRIPT)
    return Project(tmp_path)


def adopted(
    project: Project, python: str, *scripts: str, to: str | None = None, mode: str = "apply"
) -> Outcome:
    options = RunOptions((), INPUT, python)
    return adopt.run(project, adopt.AdoptRequest(MODULE, to, scripts), options, mode)


@pytest.fixture(scope="module")
def planned(
    python_with_torchvision: str, tmp_path_factory: pytest.TempPathFactory
) -> adopt.Outcome:
    """The model adopted and the script pointed to it, proven and not written."""
    root = tmp_path_factory.mktemp("planned")
    (root / "train.py").write_text(SCRIPT)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        before = tree(root)
        outcome = adopted(Project(root), python_with_torchvision, "train.py", mode="dry-run")
        assert tree(root) == before and outcome.result["dry_run"]
    return outcome


def test_adopted_spliced_and_taken_back(
    project: Project, planned: adopt.Outcome, python: str
) -> None:
    before = tree(project.root)
    commit(project.root, planned.changes)
    result = planned.result
    assert result["files"] == [
        {"path": "squeezenet.py", "action": "create"},
        {"path": "train.py", "action": "edit"},
    ]
    assert result["package"]["name"] == "torchvision" and result["package"]["licence"]
    assert result["left_out"] == {"register_model": 2}
    proof = result["proof"]
    assert proof["build"][:2] == ["squeezenet1_1(num_classes=4)", "SqueezeNet('1_0')"]
    assert proof["imports"] == [{"from": "train.py", "as": "squeezenet"}]
    text = (project.root / "squeezenet.py").read_text()
    assert text.startswith("# From torchvision ") and "from ._" not in text
    assert (project.root / "train.py").read_text() == SCRIPT.replace(
        "import torchvision\nfrom torchvision.models import squeezenet1_1, vgg11",
        "from squeezenet import SqueezeNet\nfrom torchvision.models import vgg11\n"
        "from squeezenet import squeezenet1_1",
    ).replace("torchvision.models.SqueezeNet(", "SqueezeNet(")
    assert status.run(project)["ok"]
    again = adopted(project, python, mode="apply").result
    assert again["files"] == [] and again["proof"] is None

    request = request_of(
        "se --after squeezenet.py::Fire.expand1x1_activation --set reduction=4", python
    )
    splicing.run(project, replace(request, inputs=INPUT))
    states = {one["path"]: one["state"] for one in status.run(project)["files"]}
    assert states["squeezenet.py"] == "clean"
    with pytest.raises(StitchError) as refused:
        remove.run(project, ("squeezenet",))
    assert refused.value.code == "depended-on"
    spliced = tree(project.root)
    undo.run(project)
    undo.run(project)
    assert tree(project.root) == before

    for path, content in spliced.items():
        if content is not None:
            (project.root / path).parent.mkdir(exist_ok=True)
            (project.root / path).write_bytes(content)
    remove.run(project, ("squeezenet",), cascade=True)
    assert tree(project.root) == before


def test_a_copy_that_is_another_model_is_refused(
    project: Project, python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = adopt.adopted

    def changed(*arguments: object, **options: object) -> Adopted:
        done = real(*arguments, **options)  # type: ignore[arg-type]
        return replace(done, content=done.content.replace(b"nn.ReLU(", b"nn.Hardtanh("))

    monkeypatch.setattr(adopt, "adopted", changed)
    before = tree(project.root)
    with pytest.raises(StitchError) as refused:
        adopted(project, python)
    assert refused.value.code == "law-broken"
    assert refused.value.details["law"] == "elsewhere"
    assert tree(project.root) == before


@pytest.mark.parametrize(
    ("name", "to", "script", "code", "message"),
    [
        ("torchvision.models.squeezenot", None, None, "file-not-found", "squeezenot"),
        ("torchvision/models", None, None, "usage", "no dotted name"),
        ("torchvision.models", None, None, "not-a-model", "defines no nn.Module"),
        ("torchvision.models.get_model", None, None, "not-a-model", "torchvision.models._api"),
        ("math", None, None, "not-python", "no Python source"),
        (MODULE, "../x.py", None, "bad-argument", "outside of the project"),
        (MODULE, "types.py", None, "bad-argument", "could not be imported"),
        (MODULE, "train.py", None, "not-writable", "is there already"),
        (MODULE, None, "other.py", "target-not-found", "takes nothing from"),
        (MODULE, None, "none.py", "file-not-found", "there is no file none.py"),
    ],
)
def test_refused(
    project: Project,
    name: str,
    to: str | None,
    script: str | None,
    code: str,
    message: str,
    python: str,
) -> None:
    (project.root / "other.py").write_text("import torchvision\nprint(torchvision.__version__)\n")
    before = tree(project.root)
    request = adopt.AdoptRequest(name, to, (script,) if script else ())
    with pytest.raises(StitchError) as refused:
        adopt.run(project, request, RunOptions((), INPUT, python))
    assert refused.value.code == code
    assert message in refused.value.message
    assert tree(project.root) == before


def test_a_file_of_the_project_needs_no_adoption(project: Project, python: str) -> None:
    with pytest.raises(StitchError) as refused:
        adopt.run(project, adopt.AdoptRequest("train"), RunOptions((), INPUT, python))
    assert refused.value.code in ("usage", "file-not-found")


def test_a_refusal_offers_it(project: Project, python: str) -> None:
    flags = "se --after train.py::model.features.3 --input 1x3x64x64"
    error = refusal(project, flags, python)
    assert error.code == "installed-package"
    assert error.suggestions == [f"stitchgen adopt {MODULE} --in train.py"]


def test_killed_at_any_step(
    project: Project, planned: adopt.Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planned once, written with a kill at every step: the next command finds all done, or nothing."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    changes: tuple[FileChange, ...] = planned.changes
    before = tree(project.root)
    commit(project.root, changes)
    after = tree(project.root)
    [entry] = ledger.load(project.root).entries
    assert entry.record.placement == "adopt"
    undo.run(project)
    assert tree(project.root) == before
    outcomes = set()
    for step in range(1, 200, 2):
        root = tmp_path / "root"
        root.mkdir()
        (root / "train.py").write_text(SCRIPT)
        child = os.fork()
        if child == 0:
            inject(step, lambda name: os.kill(os.getpid(), signal.SIGKILL), late=step % 4 == 1)
            try:
                commit(root, changes)
            finally:
                os._exit(0)
        killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
        recover(root)
        found = tree(root)
        assert found in (before, after), step
        outcomes.add(found == after)
        shutil.rmtree(root)
        if not killed:
            assert outcomes == {True, False}
            return
    raise AssertionError("the command never came to an end")
