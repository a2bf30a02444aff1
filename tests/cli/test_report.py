"""What a person reads, whole."""

import re

import pytest

from stitchgen.cli import main, report
from tests.support.results import ADDED, SPLICE

ADDED_TEXT = """\
cbam after model.py::ResNet.layer2: self.layer2_cbam (line)
  channels    128 * block.expansion = 128 (observed)
  read by     layer3
  create      blocks/cbam.py
  edit        model.py
  proven      builds, keys, position, axis, elsewhere, consumed
  build       resnet18(), resnet50()
  input       1x3x224x224
  adds        2,148 parameters, 130,048 MACs
  keys        1 new; all old ones kept with their shapes
warning train.py:208: the block's keys are not in old weights, and this load is strict
  hint: model.load_state_dict(state, strict=False)
stitchgen undo takes it back"""


def test_every_command_has_a_report():
    assert set(main.cli.commands) <= set(report._REPORTS)


def test_what_was_added_is_said_fact_by_fact():
    assert report.text(ADDED) == ADDED_TEXT


def test_a_dry_run_says_that_nothing_was_written():
    lines = report.text(ADDED | {"dry_run": True}).splitlines()
    assert lines[:-1] == ADDED_TEXT.splitlines()[:-1]
    assert lines[-1] == "nothing was written (dry run)"


def test_what_was_not_proven_is_said():
    warning = {"code": "not-proven", "message": "there is no torch", "hint": "pass --python PATH"}
    text = report.text(ADDED | {"proof": None, "warnings": [warning]})
    assert "  not proven  the edited model was not run\n" in text
    assert "              there is no torch\n              pass --python PATH\n" in text
    assert "proven      " not in text and "warning" not in text


def test_a_block_that_takes_no_channels_has_no_line_of_them():
    splice = SPLICE | {"channels": {"expression": None, "value": None, "evidence": "observed"}}
    assert "  channels" not in report.text(ADDED | {"splices": [splice]})


def test_a_splice_that_is_there_already_is_all_that_is_said():
    result = ADDED | {"splices": [SPLICE | {"already": True}], "files": [], "proof": None}
    assert report.text(result | {"warnings": []}).splitlines() == [
        "cbam after model.py::ResNet.layer2: self.layer2_cbam is there already",
        "nothing to do",
    ]


def test_the_layers_of_a_pattern_are_told_together():
    splices = [SPLICE | {"target": f"model.py::Net.layers.{number}.norm"} for number in range(7)]
    splices.append(SPLICE | {"target": "model.py::Net.last", "attribute": "last_cbam"})
    lines = report.text(ADDED | {"splices": splices}).splitlines()
    assert lines[:4] == [
        "cbam after 7 layers, model.py::Net.layers.0.norm to model.py::Net.layers.6.norm: "
        "self.layer2_cbam (line)",
        "  channels    128 * block.expansion = 128 (observed)",
        "cbam after model.py::Net.last: self.last_cbam (line)",
        "  channels    128 * block.expansion = 128 (observed)",
    ]


def test_of_many_warnings_of_one_kind_the_first_are_told():
    [warning] = ADDED["warnings"]
    many = [warning | {"where": f"train.py:{line}"} for line in range(1, 31)]
    other = {"code": "counts-children", "where": "train.py:9", "message": "picks layers"}
    lines = report.text(ADDED | {"warnings": [*many, other]}).splitlines()
    assert len([line for line in lines if line.startswith("warning train.py:")]) == 6
    assert "warning 25 more of strict-load: --json lists them" in lines


def test_keys_that_change_are_named():
    text = report.text(ADDED | {"keys": {"added": [], "lost": ["a.b"], "reshaped": ["a.w"]}})
    assert "  keys        0 new, lost: a.b, reshaped: a.w\n" in text


def test_colour_changes_nothing_but_colour():
    painted = report.text(ADDED, lambda text, role: f"\x1b[1m{text}\x1b[0m")
    assert "\x1b[1m" in painted
    assert re.sub(r"\x1b\[\dm", "", painted) == ADDED_TEXT


def test_layers_are_a_table():
    result = {
        "ok": True,
        "command": "layers",
        "model": "model.py::ResNet",
        "build": "resnet18()",
        "layers": [
            {
                "path": "layer2",
                "target": "model.py::ResNet.layer2@all",
                "class": "Sequential",
                "channels": 128,
                "layout": "NCHW",
                "evidence": "observed",
                "calls": 1,
                "readers": ["layer3"],
            },
            {
                "path": "layers",
                "target": None,
                "class": "ModuleList",
                "channels": None,
                "layout": None,
                "evidence": "unknown",
                "calls": None,
            },
        ],
    }
    assert report.text(result) == "\n".join(
        [
            "model.py::ResNet, built by resnet18()",
            "target                       class       channels  layout  calls  evidence  read by",
            "model.py::ResNet.layer2@all  Sequential  128       NCHW    1      observed  layer3",
            "layers, never called         ModuleList  ?         ?       ?      unknown",
        ]
    )
    assert "it has no layers, or none that" in report.text(result | {"layers": []})


@pytest.mark.parametrize(
    ("suggestions", "lines"),
    [
        ([], []),
        (["model.layer2"], ["  perhaps model.layer2"]),
        (["a", "b"], ["  perhaps:", "    a", "    b"]),
    ],
)
def test_a_refusal_says_what_where_and_what_next(suggestions, lines):
    error = {
        "code": "target-not-found",
        "message": "no layer layer22",
        "where": "model.py:12",
        "hint": "stitchgen layers model",
        "suggestions": suggestions,
    }
    assert report.text({"ok": False, "error": error}).splitlines() == [
        "error[target-not-found]: no layer layer22",
        "  at model.py:12",
        "  hint: stitchgen layers model",
        *lines,
    ]


def test_a_check_names_what_drifted_and_tells_what_is_the_owners():
    drift = {"where": "model.py:12", "message": "`x = self.a(x)` is missing", "hint": "put it back"}
    result = {
        "ok": False,
        "command": "check",
        "splices": 2,
        "files": [{"path": "model.py", "state": "drift"}],
        "drift": [drift],
        "notes": [{"where": "b.py", "message": "b.py was edited since"}],
    }
    assert report.text(result).splitlines() == [
        "drift model.py:12: `x = self.a(x)` is missing",
        "  hint: put it back",
        "note b.py was edited since",
        "2 splices in 1 file: not as recorded",
    ]


def test_the_status_is_a_line_for_each_splice_and_file_with_details_below():
    result = {
        "ok": False,
        "command": "status",
        "splices": [
            {"target": "model.py::Net.a", "attribute": "a_se", "state": "clean"},
            {
                "target": "model.py::Net.b",
                "attribute": "b_se",
                "state": "missing",
                "detail": "gone",
            },
        ],
        "files": [{"path": "blocks/se.py", "state": "clean"}],
    }
    assert report.text(result).splitlines() == [
        "clean     model.py::Net.a a_se",
        "missing   model.py::Net.b b_se",
        "          gone",
        "clean     blocks/se.py",
    ]
    assert "nothing is recorded" in report.text(result | {"splices": [], "files": []})


def test_sentences_are_folded_on_a_terminal_and_commands_are_not() -> None:
    said = {
        "code": "narrow",
        "where": "model.py:3",
        "message": "se has one hidden unit for 16 channels, which a ReLU may leave dead for good",
        "hint": "stitchgen add se --after model.layer1 --set reduction=4 --set activation=gelu",
    }
    result = {"command": "draw", "model": "m", "build": "`Net(1)`", "input": "1x3x8x8"}
    result |= {"files": [1], "graphs": [{"nodes": []}], "warnings": [said]}
    result["files"] = [{"action": "create", "path": "a/" + "b" * 70}]
    bold = report.text(result, lambda text, role: f"\x1b[1m{text}\x1b[0m", 60).splitlines()
    assert bold[-3:] == [
        "\x1b[1mwarning\x1b[0m \x1b[1mmodel.py:3\x1b[0m: se has one hidden unit for 16 channels,",
        "        which a ReLU may leave dead for good",
        f"  hint: {said['hint']}",
    ]
    assert f"\x1b[1m{result['files'][0]['path']}\x1b[0m" in bold[1]
    assert len(report.text(result).splitlines()) == len(bold) - 1


def test_code_in_a_message_is_not_broken() -> None:
    error = {"code": "does-not-build", "message": "a model like `Net(1, 2, 3)` is built with care"}
    lines = report.text({"error": error}, columns=43).splitlines()
    assert lines == ["error[does-not-build]: a model like", "  `Net(1, 2, 3)` is built with care"]
