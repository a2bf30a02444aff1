"""`--inside`: what becomes of a block among the elements of a Sequential, and how old weights load."""

from __future__ import annotations

import ast
import itertools
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import black
import pytest

from stitchgen.errors import StitchError, UsageError
from stitchgen.history import check, ledger, status, undo
from stitchgen.pipeline import remove
from stitchgen.pipeline import splice as splicing
from stitchgen.project.config import Project
from stitchgen.project.outcome import Outcome
from tests.support.commands import request_of
from tests.support.pages import SCRIPTS
from tests.support.spliced import tree

MODEL = """\
from torch import nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, width, 3),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3),
            nn.ReLU(),
        )
        self.head = nn.Conv2d(2 * width, 5, 1)

    def forward(self, x):
        x = self.body[:2](x)
        return self.head(self.body[2:](x))
"""

#: The same, called as a whole.
WHOLE = """\
from torch import nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3)
        self.body = nn.Sequential(nn.Conv2d(width, width, 1), nn.ReLU(), nn.Conv2d(width, width, 1))

    def forward(self, x):
        x = self.stem(x)
        x = self.body(x)
        return x
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.py").write_text(MODEL)
    return Project(tmp_path)


def add(project: Project, flags: str, mode: str = "apply") -> Outcome:
    return splicing.run(project, request_of(f"{flags} --inside --no-prove", "python"), mode)


def text(project: Project) -> str:
    return (project.root / "model.py").read_text()


def same(one: str, other: str) -> bool:
    return ast.dump(ast.parse(one)) == ast.dump(ast.parse(other))


def test_taken_out_of_a_file_that_others_have_edited(project: Project) -> None:
    before = tree(project.root)
    result = add(project, "eca --after model.body.1").result
    [splice] = result["splices"]
    assert splice["element"] == "body.2" and splice["strategy"] == "inside"
    assert splice["loader"] == "blocks/net_body_1_eca_keys.py"
    assert "self.body[:3](x)" in text(project) and "self.body[3:](x)" in text(project)
    edited = text(project).replace("        self.head", "        self.mine = 1\n        self.head")
    (project.root / "model.py").write_text(
        black.format_str(edited, mode=black.Mode(line_length=40))
    )
    found = status.run(project)
    assert [one["state"] for one in found["splices"]] == ["clean"] and found["ok"]
    assert check.run(project)["ok"]
    remove.run(project, ("body_1_eca",))
    wanted = MODEL.replace("        self.head", "        self.mine = 1\n        self.head")
    assert same(text(project), wanted)
    assert [*tree(project.root)] == [*before]


def test_two_at_one_layer(project: Project) -> None:
    before = tree(project.root)
    add(project, "eca --after model.body.1")
    one = tree(project.root)
    assert add(project, "eca --after model.body.1").changes == []
    add(project, "simam --after model.body.1")
    assert "self.body[:4](x)" in text(project)
    names = [
        ast.unparse(node.func)
        for node in ast.walk(ast.parse(text(project)))
        if isinstance(node, ast.Call)
    ]
    assert names.index("SimAM") < names.index("ECA")
    assert status.run(project)["ok"]
    undo.run(project)
    assert tree(project.root) == one
    undo.run(project)
    assert tree(project.root) == before


def test_removed_by_its_target(project: Project) -> None:
    before = tree(project.root)
    result = add(project, "simam --after model.body.2").result
    assert result["splices"][0]["element"] == "body.3"
    assert "self.body[:2](x)" in text(project)
    remove.run(project, ("model.body.2",))
    assert tree(project.root) == before


def test_where_an_element_is_today(project: Project) -> None:
    """Its target was said by a number that another layer has since."""
    (project.root / "model.py").write_text(WHOLE)
    add(project, "se --after model.body.1")
    add(project, "eca --after model.body.0")
    said = {one["attribute"]: one["detail"] for one in status.run(project)["splices"]}
    assert said["body_1_se"].startswith("element 3 of its Sequential today, model.py:")
    assert said["body_0_eca"].startswith("element 1 of its Sequential today, model.py:")
    warnings = add(project, "simam --after model.body.1", "dry-run").result["warnings"]
    assert "other-block" not in [one["code"] for one in warnings]
    warnings = add(project, "simam --after model.body.0", "dry-run").result["warnings"]
    [other] = [one["message"] for one in warnings if one["code"] == "other-block"]
    assert other == "body_0_eca is at this target too; body_0_simam comes before it"


THREE = ("se --after model.body.1", "eca --after model.body.0", "simam --after model.body.1")


@pytest.mark.parametrize("formatted", [False, True], ids=["as it was left", "formatted"])
@pytest.mark.parametrize("order", [*itertools.permutations(range(3))])
def test_elements_of_one_sequential_go_in_any_order(
    project: Project, order: tuple[int, ...], *, formatted: bool
) -> None:
    (project.root / "model.py").write_text(WHOLE)
    before = tree(project.root)
    for flags in THREE:
        add(project, flags)
    names = ("body_1_se", "body_0_eca", "body_1_simam")
    for left, number in enumerate(order, start=-2):
        if formatted:
            mode = black.Mode(line_length=60 + left * 10)
            (project.root / "model.py").write_text(black.format_str(text(project), mode=mode))
        remove.run(project, (names[number],))
        found = status.run(project)["splices"] if left else []
        assert [one["state"] for one in found] == ["clean"] * -left
    assert same(text(project), WHOLE)
    assert [*tree(project.root)] == [*before]


@pytest.mark.parametrize(
    "elements",
    [
        'OrderedDict([("a", nn.Conv2d(width, width, 1)), ("b", nn.ReLU())])',
        'OrderedDict([\n            ("a", nn.Conv2d(width, width, 1)),  # one\n            ("b", nn.ReLU())  # two\n        ])',
        "nn.Conv2d(width, width, 1),  # one\n            nn.ReLU()  # two\n        ",
        "nn.Conv2d(width, width, 1),\n            nn.ReLU(),  # two\n        ",
    ],
)
@pytest.mark.parametrize("number", [0, 1])
def test_however_the_elements_are_written(project: Project, elements: str, number: int) -> None:
    whole = "nn.Conv2d(width, width, 1), nn.ReLU(), nn.Conv2d(width, width, 1)"
    before = "from collections import OrderedDict\n" + WHOLE.replace(whole, elements)
    (project.root / "model.py").write_text(before)
    layer = ("ab" if "Ordered" in elements else "01")[number]
    add(project, f"simam --after model.body.{layer}")
    (project.root / "model.py").write_text(text(project) + "\nMINE = 1\n")
    assert [one["state"] for one in status.run(project)["splices"]] == ["clean"]
    remove.run(project, (), every=True)
    assert same(text(project), before + "\nMINE = 1\n")
    assert text(project).count("#") == before.count("#")


def test_of_two_that_look_the_same_the_right_one_goes(project: Project) -> None:
    (project.root / "model.py").write_text(WHOLE)
    add(project, "simam --after model.body.1")
    add(project, "simam --after model.body.0")  # in front of the other one
    (project.root / "model.py").write_text(text(project) + "\nMINE = 1\n")
    remove.run(project, ("body_1_simam",))
    [kept] = re.findall(r"SimAM\(\)", text(project))
    assert text(project).index(kept) < text(project).index("nn.ReLU()")
    undo.run(project)
    assert same(text(project), WHOLE + "\nMINE = 1\n")


def test_an_element_that_the_owner_has_changed(project: Project) -> None:
    (project.root / "model.py").write_text(WHOLE)
    add(project, "eca --after model.body.1")
    changed = text(project).replace("ECA(channels=width)", "ECA(channels=width, kernel_size=5)")
    (project.root / "model.py").write_text(changed)
    [found] = status.run(project)["splices"]
    assert found["state"] == "edited" and "kernel_size=5" in found["detail"]
    with pytest.raises(StitchError) as refused:
        remove.run(project, ("body_1_eca",))
    assert refused.value.code == "file-changed"
    (project.root / "model.py").write_text(
        changed.replace("ECA(channels=width, kernel_size=5)", "nn.Tanh()")
    )
    [found] = status.run(project)["splices"]
    assert found["state"] == "missing"


LOADING = """\
import sys
import torch
sys.path.insert(0, ".")
from model import Net
if sys.argv[1] == "save":
    torch.manual_seed(0)
    torch.save(Net().state_dict(), "old.pt")
else:
    from blocks.net_body_1_eca_keys import load_before
    model, old = Net(), torch.load("old.pt")
    load_before(model, old)
    state = model.state_dict()
    assert torch.equal(state["body.3.weight"], old["body.2.weight"])
    assert torch.equal(state["body.0.weight"], old["body.0.weight"])
    del old["head.bias"]
    try:
        load_before(model, old)
    except RuntimeError as error:
        assert "head.bias" in str(error)
    else:
        raise AssertionError("a tensor that is missing was passed over")
"""


def test_old_checkpoints_load(
    project: Project, python: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    script = tmp_path_factory.mktemp("elsewhere") / "loading.py"  # no file of the project
    script.write_text(LOADING)
    for word in ("save", "load"):
        words = [python, str(SCRIPTS), "script", str(script), word]
        done = subprocess.run(words, cwd=project.root, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        if word == "save":
            add(project, "eca --after model.body.1")


def test_strict_loads_are_told_of_the_function(project: Project) -> None:
    (project.root / "train.py").write_text(
        "from model import Net\n\nmodel = Net()\nmodel.load_state_dict(torch.load('old.pt'))\n"
    )
    warnings = add(project, "eca --after model.body.1").result["warnings"]
    [strict] = [one for one in warnings if one["code"] == "strict-load"]
    assert strict["where"] == "train.py:4"
    assert strict["hint"] == (
        "from blocks.net_body_1_eca_keys import load_before; load_before(model, torch.load('old.pt'))"
    )


def test_a_script_that_reads_by_number_is_named(project: Project) -> None:
    (project.root / "look.py").write_text("from model import Net\nprint(Net().body[2])\n")
    before = tree(project.root)
    with pytest.raises(StitchError) as refused:
        add(project, "eca --after model.body.1")
    assert (refused.value.code, refused.value.where) == ("unsupported", "look.py:2")
    assert tree(project.root) == before


@pytest.mark.parametrize(
    ("flags", "option"),
    [
        ("eca --beside model.body.1", "--beside"),
        ("ghost --replace model.body.0", "--replace"),
        ("eca --after model.body.1 --fuse add", "--fuse"),
        ("eca --after model.body.1 --gate", "--gate"),
        ("eca --after model.body.1 --with model.head", "--with"),
        ("eca --after model.body --every nn.ReLU", "--every"),
        ("eca --after model.body.1 --name attention", "--name"),
        ("eca,se --after model.body.1", "more than one block does not"),
    ],
)
def test_options_that_do_not_go_with_it(flags: str, option: str) -> None:
    with pytest.raises(UsageError) as refused:
        request_of(f"{flags} --inside", "python")
    assert option in refused.value.message


def test_it_is_part_of_the_command(project: Project) -> None:
    request = request_of("eca --after model.body.1 --inside", "python")
    assert request.command_line() == "add eca --after model.body.1 --inside"
    assert not request_of("eca --after model.body.1", "python").inside
    assert replace(request, inside=False).command_line() == "add eca --after model.body.1"


@pytest.mark.parametrize(
    "option", ["--inside --set kernel_size=5", ""], ids=["an element", "beside"]
)
def test_a_layer_that_has_the_number_of_an_earlier_one(project: Project, option: str) -> None:
    """Elements move on: the third command means another layer by the words of the first."""
    (project.root / "model.py").write_text(WHOLE)
    before = tree(project.root)
    add(project, "eca --after model.body.2")
    add(project, "eca --after model.body.0")
    request = request_of(f"eca --after model.body.2 {option} --no-prove", "python")
    splicing.run(project, request, "apply")
    assert splicing.run(project, request, "apply").changes == []
    names = {entry.record.attribute for entry in ledger.load(project.root).entries}
    assert names == {"body_0_eca", "body_2_eca", "body_2_eca_2"}
    assert status.run(project)["ok"]
    remove.run(project, (), every=True)
    assert tree(project.root) == before
