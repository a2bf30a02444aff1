"""The zoo's judge, tried on edits of a small model made by hand: the right pass, the wrong do not.

It judges the tool, so it is tested without the tool.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import zoo_tree  # noqa: E402

MODEL = """\
import torch
from torch import nn


class Unit(nn.Module):
    def __init__(self, channels, bottleneck=False):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.norm.weight)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):
        out = self.norm(self.conv(x))
        return self.act(x + out)


class Pair(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width, 1, 1))

    def forward(self, x):
        return x * self.scale, {"half": x * 0.5}


class Net(nn.Module):
    def __init__(self, width=8, deep=False, aux=False):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.act = nn.ReLU(inplace=True)
        self.stage = nn.Sequential(Unit(width), Unit(width))
        self.same = self.stage[1]
        self.pair = Pair(width)
        self.side = nn.Conv2d(width, width, 1)
        self.drop = nn.Dropout(0.5)
        if deep:
            self.extra = nn.Conv2d(width, width, 1)
        self.head = nn.Linear(width, 5)
        self.deep = deep

    def forward(self, x):
        x = self.act(self.norm(self.stem(x)))
        x = self.stage(x)
        y = self.side(x)
        x = self.drop(x) + y
        if self.deep:
            x = self.extra(x)
        x = self.act(x)
        x, others = self.pair(x)
        x = x + others["half"]
        return self.head(x.mean((2, 3)))


def small():
    return Net()


def deep():
    return Net(16, deep=True)
"""

BLOCK = """\
import torch
from torch import nn


class Gate(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.scale = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        return x * self.scale(x).sigmoid()
"""

IMPORT = ("from torch import nn\n", "from torch import nn\n\nfrom blocks.gate import Gate\n")


def after(line: str, new: str) -> tuple[str, str]:
    """A replacement that adds a line after `line`, at the same indent."""
    indent = line[: len(line) - len(line.lstrip())]
    return line + "\n", f"{line}\n{indent}{new}\n"


STAGE = after(
    "        self.stage = nn.Sequential(Unit(width), Unit(width))", "self.stage_gate = Gate(width)"
)
SIDE = after("        self.side = nn.Conv2d(width, width, 1)", "self.side_gate = Gate(width)")
PAIR = after("        self.pair = Pair(width)", "self.pair_gate = Gate(width)")
CALL_STAGE = "        x = self.stage(x)"
CALL_SIDE = "        y = self.side(x)"

RIGHT = {
    "a line after the call": ("stage", [STAGE, after(CALL_STAGE, "x = self.stage_gate(x)")]),
    "the call wrapped, before a norm that starts at zero": (
        "stage.1.conv",
        [
            after(
                "        self.conv = nn.Conv2d(channels, channels, 3, padding=1)",
                "self.conv_gate = nn.Identity()",
            ),
            ("self.norm(self.conv(x))", "self.norm(self.conv_gate(self.conv(x)))"),
            after(STAGE[0].rstrip(), "self.stage[1].conv_gate = Gate(width)"),
        ],
    ),
    "one child of a Sequential, by a loop": (
        "stage.0",
        [
            STAGE,
            (
                CALL_STAGE,
                "        for layer in self.stage:\n            x = layer(x)\n"
                "            if layer is self.stage[0]:\n                x = self.stage_gate(x)",
            ),
        ],
    ),
    "both calls of a layer that is called twice": (
        "act",
        [
            (
                STAGE[0],
                STAGE[0]
                + "        self.act_gate = Gate(width)\n        self.act_gate2 = Gate(width)\n",
            ),
            (
                "x = self.act(self.norm(self.stem(x)))",
                "x = self.act_gate(self.act(self.norm(self.stem(x))))",
            ),
            (
                "x = self.act(x)\n        x, others",
                "x = self.act_gate2(self.act(x))\n        x, others",
            ),
        ],
    ),
    "after dropout in train mode": (
        "drop",
        [
            after("        self.drop = nn.Dropout(0.5)", "self.drop_gate = Gate(width)"),
            ("self.drop(x) + y", "self.drop_gate(self.drop(x)) + y"),
        ],
    ),
    "a layer that only one configuration has": (
        "extra",
        [
            after(
                "            self.extra = nn.Conv2d(width, width, 1)",
                "self.extra_gate = Gate(width)",
            ),
            after("            x = self.extra(x)", "x = self.extra_gate(x)"),
        ],
    ),
    "a hook that is a function of the module": (
        "side",
        [
            after(
                SIDE[0].rstrip(),
                "self.side.gate = Gate(width); self.side.register_forward_hook(call_gate)",
            ),
            (
                "class Net",
                "def call_gate(module, args, output):\n    return module.gate(output)\n\n\nclass Net",
            ),
        ],
    ),
    "a call of forward itself": (
        "side",
        [SIDE, ("y = self.side(x)", "y = self.side_gate.forward(self.side.forward(x))")],
    ),
    "one element of a tuple": (
        "pair#0",
        [PAIR, after("        x, others = self.pair(x)", "x = self.pair_gate(x)")],
    ),
    "fed channels last": (
        "side",
        [
            SIDE,
            (
                "y = self.side(x)",
                "y = self.side_gate(self.side(x).transpose(2, 3)).transpose(2, 3)",
            ),
        ],
    ),
}

WRONG = {
    "in one branch only": (
        "stage",
        [STAGE, after(CALL_STAGE, "x = x if self.training else self.stage_gate(x)")],
        "calls",
    ),
    "fed another tensor": (
        "side",
        [SIDE, (CALL_SIDE, "        y = self.side_gate(x) * 0 + self.side(x)")],
        "fed",
    ),
    "fed the layer's input": (
        "side",
        [SIDE, (CALL_SIDE, "        y = self.side(self.side_gate(x))")],
        "fed",
    ),
    "fed before a change in place": (
        "act",
        [
            (STAGE[0], STAGE[0] + "        self.act_gate = Gate(width)\n"),
            (
                "x = self.act(self.norm(self.stem(x)))",
                "x = self.act(self.act_gate(self.norm(self.stem(x))))",
            ),
        ],
        "calls",
    ),
    "another element": (
        "pair#0",
        [PAIR, ('others["half"]', 'self.pair_gate(others["half"])')],
        "fed",
    ),
    "discarded": ("stage", [STAGE, after(CALL_STAGE, "self.stage_gate(x)")], "readers"),
    "seen by one of two readers": (
        "stage",
        [STAGE, ("x = self.drop(x) + y", "x = self.drop(self.stage_gate(x)) + y")],
        "readers",
    ),
    "called twice": (
        "stage",
        [STAGE, after(CALL_STAGE, "x = self.stage_gate(self.stage_gate(x))")],
        "calls",
    ),
    "called once for a layer that is called twice": (
        "act",
        [
            (STAGE[0], STAGE[0] + "        self.act_gate = Gate(width)\n"),
            (
                "x = self.act(self.norm(self.stem(x)))",
                "x = self.act_gate(self.act(self.norm(self.stem(x))))",
            ),
        ],
        "calls",
    ),
    "a stage wrapped in a Sequential": (
        "stage",
        [
            (
                "nn.Sequential(Unit(width), Unit(width))",
                "nn.Sequential(nn.Sequential(Unit(width), Unit(width)), Gate(width))",
            )
        ],
        "keys-lost",
    ),
    "a child inserted by index": (
        "stage.0",
        [
            (
                "nn.Sequential(Unit(width), Unit(width))",
                "nn.Sequential(Unit(width), Gate(width), Unit(width))",
            )
        ],
        "keys-lost",
    ),
    "a key that belongs to no block": (
        "stage",
        [
            STAGE,
            after(STAGE[0].rstrip(), "self.spare = nn.Linear(2, 2)"),
            after(CALL_STAGE, "x = self.stage_gate(x)"),
        ],
        "keys-foreign",
    ),
    "an old layer of another size": (
        "stage",
        [
            STAGE,
            after(CALL_STAGE, "x = self.stage_gate(x)"),
            ("self.head = nn.Linear(width, 5)", "self.head = nn.Linear(width, 6)"),
        ],
        "keys-reshaped",
    ),
    "channels true of one configuration": (
        "stage",
        [
            (STAGE[0], STAGE[0] + "        self.stage_gate = Gate(8)\n"),
            after(CALL_STAGE, "x = self.stage_gate(x)"),
        ],
        "runs",
    ),
    "parameters that one configuration never uses": (
        "extra",
        [
            (SIDE[0], SIDE[0] + "        self.extra_gate = Gate(width)\n"),
            after("            x = self.extra(x)", "x = self.extra_gate(x)"),
        ],
        "dead-parameters",
    ),
    "something else changed": (
        "stage",
        [
            STAGE,
            after(CALL_STAGE, "x = self.stage_gate(x)"),
            ("nn.Dropout(0.5)", "nn.Dropout(0.4)"),
        ],
        "elsewhere",
    ),
    "detached": ("stage", [STAGE, after(CALL_STAGE, "x = self.stage_gate(x.detach())")], "slopes"),
    "without a gradient": (
        "stage",
        [STAGE, after(CALL_STAGE, "with torch.no_grad():\n            x = self.stage_gate(x)")],
        "slopes",
    ),
    "a block whose parameters stand still": (
        "stage",
        [
            (STAGE[0], STAGE[0] + "        self.stage_gate = Gate(width).requires_grad_(False)\n"),
            after(CALL_STAGE, "x = self.stage_gate(x)"),
        ],
        "gradient",
    ),
    "without effect": (
        "stage",
        [STAGE, after(CALL_STAGE, "x = torch.where(self.stage_gate(x).isnan(), x, x)")],
        "readers",
    ),
    "a hook that holds on to its block": (
        "side",
        [
            after(
                SIDE[0].rstrip(),
                "self.side_gate = g = Gate(width); self.side.register_forward_hook(lambda m, a, o: g(o))",
            ),
        ],
        "deepcopy",
    ),
    "does not import": ("stage", [("class Net", "class Net(Gone)(")], "import"),
    "does not build": (
        "stage",
        [STAGE, ("Unit(width), Unit(width)", "Unit(width), Unit(wide)")],
        "build",
    ),
    "no block at all": ("stage", [], "no-block"),
}


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    """The judge's process, with the original of the small model loaded."""
    project = tmp_path_factory.mktemp("original")
    (project / "model.py").write_text(MODEL)
    process = subprocess.Popen(
        [sys.executable, str(BENCHMARKS / "zoo_judge.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )

    def ask(request: dict) -> dict:
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    survey = ask(
        {
            "project": str(project),
            "module": "model",
            "builds": ["small()", "deep()"],
            "spec": {"input": "1x3x8x8"},
        }
    )
    assert survey["ok"], survey
    ask.survey = survey
    yield ask
    process.stdin.close()
    process.wait(30)


def edit(replacements) -> str:
    text = MODEL
    for old, new in [IMPORT, *replacements]:
        assert old in text, old
        text = (
            text.replace(old, new, 1)
            if old != "class Net"
            else text.replace("class Net(", new + "(", 1)
        )
    return text


def verdict(judge, folder: Path, path: str, replacements) -> dict:
    (folder / "blocks").mkdir()
    (folder / "blocks" / "gate.py").write_text(BLOCK)
    (folder / "model.py").write_text(edit(replacements))
    path, _, element = path.partition("#")
    created = ["blocks/gate.py"]
    return judge(
        {"edited": str(folder), "path": path, "element": element or None, "created": created}
    )


@pytest.mark.parametrize("name", RIGHT)
def test_right_edit_passes(judge, tmp_path, name):
    path, replacements = RIGHT[name]
    answer = verdict(judge, tmp_path, path, replacements)
    assert answer["verdict"] == "right", answer


@pytest.mark.parametrize("name", WRONG)
def test_wrong_edit_is_caught(judge, tmp_path, name):
    path, replacements, why = WRONG[name]
    answer = verdict(judge, tmp_path, path, replacements)
    assert answer["verdict"] == "wrong", answer
    assert answer["why"] == why, answer


CONV = """\
import torch
from torch import nn


class Conv(nn.Conv2d):
    def __init__(self, old, **more):
        kernel = more.pop("kernel", old.kernel_size[0])
        super().__init__(
            old.in_channels + 1, old.out_channels, kernel, padding=kernel // 2, **more
        )

    def forward(self, x):
        x = torch.cat([x, x.new_ones(len(x), 1, *x.shape[2:])], 1)
        return super().forward(x)
"""

CONV_IMPORT = ("from torch import nn\n", "from torch import nn\nfrom blocks.conv import Conv\n")
SIDE = "        self.side = nn.Conv2d(width, width, 1)\n"
IN_ITS_PLACE = (SIDE, SIDE + "        self.side = Conv(self.side)\n")

REPLACED = {
    "in its place": ([IN_ITS_PLACE], "right", None),
    "another layer as well": (
        [
            IN_ITS_PLACE,
            ("        self.drop =", "        self.stem = Conv(self.stem)\n        self.drop ="),
        ],
        "wrong",
        "foreign-block",
    ),
    "another layer instead": (
        [("        self.drop =", "        self.stem = Conv(self.stem)\n        self.drop =")],
        "wrong",
        "foreign-block",
    ),
    "not at all": ([], "wrong", "no-block"),
    "another layer is wider, too": (
        [IN_ITS_PLACE, ("self.head = nn.Linear(width, 5)", "self.head = nn.Linear(width, 7)")],
        "wrong",
        "keys-reshaped",
    ),
    "another layer is of another class": (
        [IN_ITS_PLACE, ("self.drop = nn.Dropout(0.5)", "self.drop = nn.Dropout2d(0.5)")],
        "wrong",
        "paths-lost",
    ),
    "a reader lost": (
        [IN_ITS_PLACE, ("x = self.drop(x) + y", "x = self.drop(x)")],
        "wrong",
        "elsewhere",
    ),
    "called twice": (
        [IN_ITS_PLACE, ("y = self.side(x)", "y = self.side(self.side(x))")],
        "wrong",
        "calls",
    ),
    "fed something else": (
        [IN_ITS_PLACE, ("y = self.side(x)", "y = self.side(x + 1)")],
        "wrong",
        "fed",
    ),
    "of another size": (
        [(SIDE, SIDE + "        self.side = Conv(self.side, kernel=3, stride=2)\n")],
        "wrong",
        "shape",
    ),
    "frozen": (
        [
            (
                SIDE,
                SIDE
                + "        self.side = Conv(self.side)\n"
                + "        self.side.requires_grad_(False)\n",
            )
        ],
        "wrong",
        "gradient",
    ),
}


@pytest.mark.parametrize("name", REPLACED)
def test_a_block_in_the_place_of_a_layer(judge, tmp_path, name):
    replacements, verdict, why = REPLACED[name]
    (tmp_path / "blocks").mkdir()
    (tmp_path / "blocks" / "conv.py").write_text(CONV)
    text = MODEL
    for old, new in [CONV_IMPORT, *replacements]:
        assert old in text, old
        text = text.replace(old, new, 1)
    (tmp_path / "model.py").write_text(text)
    request = {"edited": str(tmp_path), "path": "side", "created": ["blocks/conv.py"]}
    answer = judge(request | {"placement": "replace"})
    assert answer["verdict"] == verdict, answer
    assert answer.get("why") == why, answer
    if verdict == "right":
        assert answer["keys_reshaped"]["small()"] == ["side.weight"]
        assert not answer["keys_lost"]["small()"] and not answer["keys_added"]["small()"]


def test_survey_tells_calls_and_results(judge):
    layers = {layer["path"]: layer for layer in judge.survey["layers"]}
    assert layers["act"]["calls"] == {"eval": 2, "train": 2}
    assert layers["act"]["call"] == "several sites"
    assert layers["stage"]["definition"] == "Sequential, literal"
    assert layers["stage"]["call"] == "x = l(x)"
    assert layers["stage.0"]["call"] == "Sequential.forward"
    assert layers["stage.0.conv"]["call"] == "nested"
    assert layers["head"]["layout"] == "NC"
    assert judge.survey["exact"] == ["small()", "deep()"]


def test_tokens_of_an_insertion_are_kept():
    before = b"x = f(a)  # why\nif x:\n    y = g(x)\n"
    after_ = b"import b\nx = h(f(a))  # why\nif x:\n    y = g(x)\n    y = h(y)\n"
    assert zoo_tree.lines_lost(before, after_) == []


@pytest.mark.parametrize(
    "after_, lost",
    [
        (b"x = f(a)\nif x:\n    y = g(x)\n", ["x = f ( a ) # why"]),
        (b"x = f(a)  # why\nif x:\n    for l in g:\n        y = l(x)\n", ["y = g ( x )"]),
        (b"if x:\n    y = g(x)\nx = f(a)  # why\n", ["x = f ( a ) # why"]),
    ],
    ids=["a comment lost", "a call made a loop", "lines in another order"],
)
def test_tokens_that_are_lost_are_named(after_, lost):
    before = b"x = f(a)  # why\nif x:\n    y = g(x)\n"
    found = zoo_tree.lines_lost(before, after_)
    assert found == lost


def test_digest_sees_content_mode_and_empty_folders(tmp_path):
    (tmp_path / "a.py").write_text("1")
    before = zoo_tree.digest(tmp_path)
    (tmp_path / "a.py").chmod(0o600)
    (tmp_path / "blocks").mkdir()
    found = zoo_tree.difference(before, zoo_tree.digest(tmp_path))
    assert found == ["a.py differs", "blocks was left behind"]


class FakeTool:
    """Stands for the command line: `add` makes an edit by hand, or refuses; `undo` takes it back."""

    def __init__(self, path, replacements, strategy="line", refusals=(), litter=None, silent=False):
        self.path, self.replacements, self.strategy = path, replacements, strategy
        self.refusals, self.litter, self.silent = list(refusals), litter, silent
        self.asked = []

    def run(self, project, *arguments):
        self.asked.append(arguments)
        if self.silent:
            return 1, None, "Traceback"
        if arguments[0] == "undo":
            (project / "model.py").write_text(MODEL)
            (project / "blocks" / "gate.py").unlink()
            (project / "blocks").rmdir()
            return 0, {"ok": True}, ""
        if self.refusals:
            code = self.refusals.pop(0)
            if self.litter:
                (project / self.litter).write_text("")
            return 1, {"ok": False, "error": {"code": code, "message": "no"}}, ""
        (project / "blocks").mkdir()
        (project / "blocks" / "gate.py").write_text(BLOCK)
        (project / "model.py").write_text(edit(self.replacements))
        if self.litter:
            (project / self.litter).write_text("")
        splices = [{"strategy": self.strategy}]
        return 0, {"ok": True, "splices": splices, "files": [{"path": "model.py"}]}, ""


def through_zoo(judge, folder: Path, tool: FakeTool, options=()) -> dict:
    sys.path.insert(0, str(BENCHMARKS))
    import zoo
    import zoo_corpus

    (folder / "model.py").write_text(MODEL)
    entry = zoo_corpus.Entry("net", "net", ("small()", "deep()"), input="1x3x8x8")
    layer = next(la for la in judge.survey["layers"] if la["path"] == tool.path)
    judge.ask = judge
    return zoo.attempt(entry, folder, judge, tool, layer, zoo.parse(list(options)))


LINE = RIGHT["a line after the call"]
REWRITTEN = ("x.mean((2, 3))", "x.mean([2, 3])")
LOOP = RIGHT["one child of a Sequential, by a loop"]


@pytest.mark.parametrize(
    "tool, verdict, why",
    [
        (lambda: FakeTool(*LINE), "right", None),
        (lambda: FakeTool(*LOOP, strategy="loop"), "right", None),
        (lambda: FakeTool("stage", [*LINE[1], REWRITTEN]), "wrong", "tokens"),
        (lambda: FakeTool(*WRONG["discarded"][:2]), "wrong", "readers"),
        (lambda: FakeTool(*LINE, litter="left.txt"), "wrong", "undo"),
        (lambda: FakeTool("stage", [], refusals=["unsupported"]), "refused", None),
        (
            lambda: FakeTool("stage", [], refusals=["unsupported"], litter="x"),
            "wrong",
            "refusal-wrote",
        ),
        (lambda: FakeTool("stage", [], silent=True), "wrong", "no-json"),
    ],
    ids=[
        "right",
        "a loop reported as such",
        "its own style imposed on a line",
        "discarded",
        "undo leaves a file",
        "refused",
        "refused, and wrote",
        "no JSON",
    ],
)
def test_zoo_judges_what_the_command_does(judge, tmp_path, tool, verdict, why):
    record = through_zoo(judge, tmp_path, tool())
    assert record["verdict"] == verdict, record
    assert record.get("why") == why, record


@pytest.mark.parametrize("undo, verdict", [(True, "right"), (False, "wrong")])
def test_zoo_edits_the_file_as_isort_and_its_owner_would(judge, tmp_path, undo, verdict):
    pytest.importorskip("isort")

    class Undo(FakeTool):
        def run(self, project, *arguments):
            """Take out its own lines; else write the file as it was, and lose the owner's edits."""
            text = (project / "model.py").read_text()
            answer = super().run(project, *arguments)
            if arguments[0] == "undo" and undo and "owner" in text:
                own = [new for _, new in LINE[1]] + ["from blocks.gate import Gate\n"]
                for old, new in [IMPORT, *LINE[1]]:
                    text = text.replace(new, old).replace(own[-1], "")
                (project / "model.py").write_text(text.replace("\n\n\n\n", "\n\n\n"))
            return answer

    record = through_zoo(judge, tmp_path, Undo(*LINE), ["--edits"])
    assert record["verdict"] == verdict, record
    assert record.get("why") == (None if undo else "undo-after-edits")


def test_zoo_asks_for_what_a_refusal_proposes(judge, tmp_path):
    path, replacements = RIGHT["both calls of a layer that is called twice"]
    tool = FakeTool(path, replacements, refusals=["many-calls", "installed-package"])
    record = through_zoo(judge, tmp_path, tool)
    assert record["verdict"] == "right", record
    assert record["tried"] == ["many-calls", "installed-package"]
    assert "model.py::Net.act@all" in tool.asked[2] and "--attach" in tool.asked[2]


@pytest.mark.parametrize(
    ("lines", "splices", "fine"),
    [
        (["return x + self . conv ( x )", "return self . conv ( x )"], 1, True),
        (["x = self . a ( x )", "x = self . b ( x )"], 1, False),
        (["x = self . relu ( a )", "x = self . relu ( b )"], 1, False),
        (["x = self . a ( x )", "x = self . b ( x )"], 2, True),
        (["x = layer ( x )"], 1, True),
        (["x = layer ( x )", "y = layer ( y )"], 1, False),
        ([], 0, True),
    ],
)
def test_zoo_lets_one_call_be_rewritten_wherever_it_stands(lines, splices, fine):
    import zoo

    assert zoo.same_calls(lines, splices, "features.5.conv.0.0") is fine
