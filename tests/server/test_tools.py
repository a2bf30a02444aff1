"""What the tools of the server make of their arguments, without the server."""

import pytest

from stitchgen.errors import StitchError
from stitchgen.server.tools import Tools, answer_of


@pytest.fixture
def tools(tmp_path):
    (tmp_path / "project").mkdir()
    return Tools(tmp_path / "project")


def test_a_tool_is_the_command_of_its_name(tools):
    given = {"block": "cbam", "after": ["model.py::Net.a", "model.py::Net.b"], "gate": True}
    given |= {"settings": ["reduction=8"], "name": None, "diff": True}
    words = tools.command_line("add", given)
    assert words == [
        *("add", "--json", f"--project={tools.root}"),
        *("--after=model.py::Net.a", "--after=model.py::Net.b", "--set=reduction=8"),
        *("--gate", "--diff", "--", "cbam"),
    ]


def test_a_number_is_passed_on_where_it_is_zero(tools):
    """The command line refuses it, which an argument that is left out would not show."""
    assert "--depth=0" in tools.command_line("layers", {"model": "model.py", "depth": 0})
    assert tools.command_line("layers", {"model": "", "build": []})[1:] == [
        *("--json", f"--project={tools.root}"),
    ]


def test_adopt_names_a_module_and_scripts(tools):
    given = {"module": "timm.models.resnet", "to": "models", "scripts": ["train.py", "eval.py"]}
    words = tools.command_line("adopt", given)
    assert words[3:] == ["--to=models", "--in=train.py", "--in=eval.py", "--", "timm.models.resnet"]


def test_no_argument_is_taken_for_an_option(tools):
    words = tools.command_line("show", {"block": "--project=/etc"})
    assert words[-2:] == ["--", "--project=/etc"]
    words = tools.command_line("prove", {"base": "--output=x", "model": "-h"})
    assert words[2:] == [f"--project={tools.root}", "--base=--output=x", "--", "-h"]


@pytest.mark.parametrize(
    ("command", "given"),
    [
        ("layers", {"model": "../other.py"}),
        ("layers", {"model": "/etc/other.py::Net"}),
        ("layers", {"model": "nets/../../other.py"}),
        ("layers", {"model": "~/other.py"}),
        ("layers", {"model": "link/model.py"}),
        ("layers", {"model": "model.py", "fits": "../own.py::Block"}),
        ("add", {"block": "/tmp/own.py::Block", "after": ["model.py::Net.a"]}),
        ("add", {"block": "cbam", "replace": ["model.py::Net.a", "../x.py::Net.a"]}),
        ("add", {"block": "cbam", "before": ["model.a"], "with_": ["../x.py::Net.a"]}),
        ("prove", {"model": "model.py", "base": "../before.py"}),
        ("adopt", {"module": "timm.models.resnet", "to": "../nets"}),
        ("adopt", {"module": "timm.models.resnet", "scripts": ["../train.py"]}),
    ],
)
def test_paths_outside_the_project_are_refused(tools, command, given):
    (tools.root / "link").symlink_to(tools.root.parent)
    with pytest.raises(StitchError) as refused:
        tools.command_line(command, given)
    assert refused.value.code == "bad-argument"
    assert "outside of the project" in refused.value.message


def test_what_names_no_path_is_left_alone(tools):
    for base in ("HEAD~1", "origin/main", "v1.0"):
        assert f"--base={base}" in tools.command_line("prove", {"base": base})
    assert tools.command_line("layers", {"model": "nets.resnet"})[-1] == "nets.resnet"


def test_only_what_was_shown_is_applied(tools):
    given = {"block": "cbam", "after": ["model.a"]}
    with pytest.raises(StitchError, match="has shown before"):
        tools.check_shown("add", given)
    tools.note_shown("add", given, {"ok": False})
    with pytest.raises(StitchError):
        tools.check_shown("add", given)
    tools.note_shown("add", given, {"ok": True})
    tools.check_shown("add", given)
    for command, other in (("add", {**given, "block": "se"}), ("adopt", given)):
        with pytest.raises(StitchError, match=f"{command} with apply"):
            tools.check_shown(command, other)


def test_a_command_without_an_answer_is_a_defect():
    answer = answer_of(b"", -9, ["last words"])
    assert answer["error"]["code"] == "internal"
    assert "status -9" in answer["error"]["message"]
    assert answer_of(b'{"ok": true}\n', 0) == {"ok": True}
