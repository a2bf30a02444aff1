"""The options of `add` and `fuse`: what they mean as a request, and which make no sense."""

import os

import pytest

from stitchgen.cli import main
from stitchgen.commands.add import PLACEMENT_HELP
from stitchgen.errors import UsageError
from stitchgen.fusions.registry import FUSIONS
from stitchgen.targets.placement import AFTER, BEFORE, BESIDE, PLACEMENTS, REPLACE
from stitchgen.targets.request import AddRequest
from tests.support.results import ADDED, Outcome
from tests.support.stand import the_object


def requested(stand, *arguments):
    stand.put("add", Outcome(ADDED))
    assert main.run(["add", *arguments]) == 0
    [((_, request), kwargs)] = stand.calls
    return request, kwargs["mode"]


def test_a_request_has_the_defaults_of_the_contract(stand):
    request, mode = requested(stand, "cbam", "--after", "model.layer2")
    assert request == AddRequest(block="cbam", placement=AFTER, targets=("model.layer2",))
    assert mode == "apply"
    assert request.fuse is None and request.prove


def test_every_placement_is_an_option():
    assert PLACEMENT_HELP.keys() == PLACEMENTS.keys()


@pytest.mark.parametrize("name", PLACEMENTS)
def test_a_target_reaches_its_placement(stand, name):
    request, _ = requested(stand, "cbam", f"--{name}", "a")
    assert (request.placement, request.targets) == (PLACEMENTS[name], ("a",))


def test_every_option_reaches_the_request(stand):
    request, mode = requested(
        stand,
        *"cbam --before m.a m.b --set reduction=8 --set p=x=y".split(),
        *"--name attn --channels 2*width --attach --build f(1) --build f(2) --input 1x3x8x8".split(),
        *"--python py --no-prove --dry-run --yes".split(),
    )
    assert request == AddRequest(
        block="cbam",
        placement=BEFORE,
        targets=("m.a", "m.b"),
        settings={"reduction": "8", "p": "x=y"},
        name="attn",
        channels="2*width",
        attach=True,
        builds=("f(1)", "f(2)"),
        inputs=("1x3x8x8",),
        python="py",
        prove=False,
    )
    assert mode == "dry-run"


@pytest.mark.parametrize(
    "arguments",
    ["cbam --after a b c", "cbam --after a --after b --after c", "--after a cbam b c"],
)
def test_several_targets_may_be_written_either_way(stand, arguments):
    request, _ = requested(stand, *arguments.split())
    assert request.targets == ("a", "b", "c")


@pytest.mark.parametrize(
    ("typed", "means"),
    [
        ("python3", "python3"),
        (".venv/bin/python", "{here}/.venv/bin/python"),
        ("~/py", "{home}/py"),
    ],
)
def test_a_path_of_a_python_is_seen_from_the_current_folder(stand, tmp_path, typed, means):
    request, _ = requested(stand, "cbam", "--after", "a", "--python", typed)
    assert request.python == means.format(here=tmp_path, home=os.path.expanduser("~"))


def test_the_options_that_join_reach_the_request(stand):
    words = "cbam --after a --with b --with c --into d --fuse concat --reduce linear --gate"
    options = ["--set", "reduction=8", "--set", "reduce.norm=true"]
    request, _ = requested(stand, *words.split(), *options)
    assert (request.with_, request.into, request.gate) == (("b", "c"), "d", True)
    assert (request.fuse, request.reduce) == (FUSIONS["concat"], "linear")
    assert (request.settings, request.reduce_settings) == ({"reduction": "8"}, {"norm": "true"})
    assert "--set reduce.norm=true --gate" in request.command_line()


def test_beside_is_fused_by_concatenation_and_a_convolution():
    request = AddRequest(block="cbam", placement=BESIDE, targets=("a",))
    assert (request.fuse, request.reduce) == (FUSIONS["concat"], "conv")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"placement": BEFORE, "fuse": FUSIONS["add"]}, "--fuse does not go with --before"),
        ({"reduce": "conv"}, "--reduce is only for --fuse concat"),
        ({"fuse": FUSIONS["add"], "reduce": "conv"}, "--reduce is only for --fuse concat"),
        ({"where": {"k": "3"}}, "--where narrows --every"),
        ({"placement": REPLACE, "gate": True}, "--gate does not go with --replace"),
        ({"placement": REPLACE, "with_": ("b",)}, "--with does not go with --replace"),
        ({"placement": BESIDE, "into": "b"}, "--into does not go with --beside"),
        ({"targets": ()}, "no target is given"),
        ({"name": "class"}, "no attribute name"),
        ({"channels": "128 +"}, "no Python expression"),
    ],
)
def test_options_that_contradict_each_other_are_wrong_usage(options, says):
    with pytest.raises(UsageError, match=says):
        AddRequest(**{"block": "cbam", "placement": AFTER, "targets": ("a",)} | options)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("a", "two targets or more"),
        ("a b --at c", "--at c is none of the targets"),
        ("a b --block fpn --fuse add", "do not go with --block fpn"),
        ("a b --block fpn --at a", "--at does not go with --block fpn"),
        ("a b --fuse add --reduce conv", "--reduce is only for --fuse concat"),
    ],
)
def test_a_fusion_that_makes_no_sense_is_wrong_usage(stand, capsys, arguments, says):
    stand.put("fuse", Outcome(ADDED))
    assert main.run(["fuse", *arguments.split()]) == 2
    assert says in capsys.readouterr().err
    assert stand.calls == []


def test_a_fusion_concatenates_at_the_last_target_where_nothing_is_said(stand):
    stand.put("fuse", Outcome(ADDED))
    assert main.run(["fuse", "a", "b"]) == 0
    [((_, request), _)] = stand.calls
    assert (request.fuse, request.reduce, request.resize) == (FUSIONS["concat"], "conv", "bilinear")
    assert (request.fused_at, request.command_line()) == (
        "b",
        "fuse a b --fuse concat --reduce conv",
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("cbam", "not said where"),
        ("cbam --after a --before b", "--after and --before do not go together"),
        ("cbam --after a --set reduction", "not of the form name=value"),
        ("cbam --after a --set x=1 --set x=2", "gives x twice"),
        ("cbam --after a --name 1x", "no attribute name"),
        ("cbam --after a --fuse sub", "'sub' is not one of"),
        ("cbam --after", "requires an argument"),
        ("cbam --afer a", "no such option"),
        ("", "missing argument"),
    ],
)
def test_wrong_usage_is_refused_with_what_to_type(stand, capsys, arguments, says):
    stand.put("add", Outcome(ADDED))
    assert main.run(["add", *arguments.split()]) == 2
    out, err = capsys.readouterr()
    assert out == "" and says in err and "hint: " in err
    assert main.run(["add", *arguments.split(), "--json"]) == 2
    error = the_object(capsys)["error"]
    assert says in error["message"] and error["hint"]
    assert stand.calls == []
