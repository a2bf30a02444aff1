"""Every refusal: its code, what happened, where, what to type next, and a tree left as it was."""

from __future__ import annotations

import re
import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from stitchgen.errors import StitchError
from stitchgen.pipeline import layers, splice
from stitchgen.project import config, transaction
from tests.support.commands import request_of
from tests.support.spliced import tree

NET = """\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.layer1 = nn.Conv2d(3, width, 3)
        self.layer2 = nn.Conv2d(width, width, 3)
        self.fc = nn.Linear(width, 10)

    def forward(self, x):
        x = self.layer1(x)
        x = self.layer2(x)
        x = F.relu(x)
        return self.fc(x.mean((2, 3)))
"""
ONE = """\
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3)
        self.layers = nn.ModuleList([nn.Conv2d(16, 16, 3), nn.Conv2d(16, 16, 3)])

    def forward(self, x):
        {forward}
"""


def with_forward(*lines: str) -> str:
    return ONE.replace("{forward}", "\n        ".join(lines))


@dataclass(frozen=True)
class Refusal:
    """A command, the files it finds, and what it must say."""

    name: str
    flags: str
    code: str
    message: str
    where: str | None = None
    hint: str = ""
    suggestions: tuple[str, ...] = ()
    model: str | None = NET
    others: dict[str, str] = field(default_factory=dict)


CONVOLUTION = "self.conv = nn.Conv2d(3, 16, 3)"
IN_DICT = """\
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = Body([nn.Conv2d(3, 8, 3), nn.Sequential(nn.Conv2d(8, 8, 1), nn.ReLU())])

    def forward(self, x):
        return self.layers(x)


class Body(nn.ModuleList):
    def forward(self, x):
        for layer in self:
            x = layer(x)
        return x
"""
TWICE = with_forward("return self.conv(x) - self.conv(-x)")
WIDER = """\
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.act = nn.ReLU()
        self.convs = nn.ModuleList([nn.Conv2d(3, 8, 3), nn.Conv2d(8, 16, 3)])

    def forward(self, x):
        for conv in self.convs:
            x = self.act(conv(x))
        return x
"""
HOOKED = """\
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.layer.dropout2 = self.layer.dropout1

    def forward(self, x):
        return self.layer(x)
"""
FROM_TORCHVISION = """\
import torch.nn as nn
from torchvision.models import resnet18


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = resnet18()

    def forward(self, x):
        return self.net(x)
"""
RECURRENT = """\
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(8, 16)

    def forward(self, x):
        x, _ = self.rnn(x)
        return x
"""

REFUSALS = [
    # The file
    Refusal(
        "no such file",
        "se --after modle.py::Net.layer1",
        code="file-not-found",
        message="there is no file modle.py",
        where="modle.py",
        suggestions=("model.py",),
    ),
    Refusal(
        "no such module",
        "se --after modle.layer1",
        code="file-not-found",
        message="there is no modle.py",
        hint="--after path/to/model.py::Net.layer2",
        suggestions=("model.py::layer1",),
    ),
    Refusal(
        "notebook",
        "se --after net.ipynb::Net.conv",
        code="not-python",
        message="net.ipynb is no Python source file",
        where="net.ipynb",
        hint="jupyter nbconvert --to script",
        others={"net.ipynb": "{}"},
    ),
    Refusal(
        "checkpoint",
        "se --after weights.pt::Net.conv",
        code="not-python",
        message="weights.pt is no Python source file",
        where="weights.pt",
        hint="A checkpoint holds weights and no source",
    ),
    Refusal(
        "syntax error",
        "se --after model.layer1",
        code="syntax-error",
        message="model.py does not parse: ",
        where="model.py:13",
        hint="Correct the syntax error",
        model=NET.replace("def forward(self, x):", "def forward(self, x:"),
    ),
    Refusal(
        "not a model",
        "se --after model.layer1",
        code="not-a-model",
        message="model.py defines no nn.Module",
        where="model.py",
        hint="Name the file that holds the model's class",
        model="x = 1\n",
    ),
    Refusal(
        "two files",
        "se --after model.layer1 other.layer1",
        code="target-ambiguous",
        message="model.py and other.py",
        hint="once for each file",
        others={"other.py": NET},
    ),
    # The layer
    Refusal(
        "no such layer",
        "se --after model.layer3",
        code="target-not-found",
        message="no layer 'layer3' (looked in Net())",
        where="model.py:1",
        hint="stitchgen layers",
        suggestions=("model.py::Net.layer2", "model.py::Net.layer1"),
    ),
    Refusal(
        "no such layer of a class",
        "se --after model.py::Net.leyer2",
        code="target-not-found",
        message="Net has no layer 'leyer2'",
        where="model.py:6",
        hint="stitchgen layers",
        suggestions=("model.py::Net.layer2",),
    ),
    Refusal(
        "class and no layer",
        "se --after model.py::Net",
        code="target-not-found",
        message="names a class and no layer",
        hint="Append a layer's path",
        suggestions=("model.py::Net.layer1",),
    ),
    Refusal(
        "module and no layer",
        "se --after model",
        code="target-not-found",
        message="'model' names a file and no layer",
        where="model.py",
        hint="model.layer2",
    ),
    Refusal(
        "a function",
        "se --after model.relu",
        code="function-call",
        message="relu is called as F.relu at model.py:16, it is no layer",
        where="model.py:16",
        hint="make it a layer first",
    ),
    Refusal(
        "ambiguous class",
        "se --after model.conv",
        code="target-ambiguous",
        message="2 classes of model.py have conv: Net, Other",
        where="model.py",
        suggestions=("model.py::Net.conv", "model.py::Other.conv"),
        model=with_forward("return self.conv(x)")
        + with_forward("return self.conv(x)")[
            len("import torch\nimport torch.nn as nn\n") :
        ].replace("Net", "Other"),
    ),
    Refusal(
        "container",
        "se --after model.layers",
        code="never-called",
        message="model.py::Net.layers is never called",
        where="model.py:9",
        hint="after its last one: model.py::Net.layers.1",
        suggestions=("model.py::Net.layers.1",),
        model=with_forward(
            "x = self.conv(x)", "for layer in self.layers:", "    x = layer(x)", "return x"
        ),
    ),
    Refusal(
        "never called",
        "se --after model.layers.1",
        code="never-called",
        message="model.py::Net.layers.1 is never called",
        where="model.py:9",
        hint="in eval and in train",
        model=with_forward("return self.layers[0](self.conv(x))"),
    ),
    Refusal(
        "no call that is read",
        "se --after model.layers.1 --no-prove",
        code="never-called",
        message="the source alone shows no call of model.py::Net.layers.1",
        where="model.py:9",
        hint="Let the model run (leave out --no-prove)",
        model=with_forward("return self.layers[len(x.shape) - 3](self.conv(x))"),
    ),
    Refusal(
        "replaced and never called",
        "swish --replace model.layers.1",
        code="never-called",
        hint="No call of it was seen in Net(), in eval and in train.",
        message="model.py::Net.layers.1 is never called",
        where="model.py:9",
        model=with_forward("return self.layers[0](self.conv(x))"),
    ),
    Refusal(
        "called in train alone",
        "se --after model.conv",
        code="never-called",
        message="model.py::Net.conv is called in train alone",
        where="model.py:13",
        hint="--build EXPR",
        model=with_forward("if self.training:", "    x = self.conv(x)", "return x"),
    ),
    Refusal(
        "many calls",
        "se --after model.conv",
        code="many-calls",
        message="is called 2 times in one forward pass",
        where="model.py:12",
        hint="model.py::Net.conv@all",
        suggestions=("model.py::Net.conv@1", "model.py::Net.conv@2"),
        model=TWICE,
    ),
    Refusal(
        "no such call",
        "se --after model.conv@3",
        code="target-not-found",
        message="is called 2 times in one forward pass, not 3 times",
        suggestions=("model.py::Net.conv@2",),
        model=TWICE,
    ),
    Refusal(
        "calls of several widths, one block",
        "cbam --after model.act@all --input 1x3x32x32",
        code="many-calls",
        message="the calls of model.py::Net.act@all have 8, 16 channels",
        where="model.py:12",
        hint="Blocks for any number of channels: ",
        suggestions=("simam",),
        model=WIDER,
    ),
    Refusal(
        "a hook and no such call",
        "swish --after model.layer.dropout1@3 --attach --input 2x5x16",
        code="target-not-found",
        message="is called 2 times in one forward pass, not 3 times",
        suggestions=("model.py::Net.layer.dropout1@2",),
        model=HOOKED,
    ),
    Refusal(
        "weight used functionally",
        "se --after model.conv",
        code="used-functionally",
        message="model.py:13 uses conv.weight without calling the layer",
        where="model.py:13",
        hint="splice elsewhere",
        model=with_forward("x = self.conv(x)", "return x + self.conv.weight.sum()"),
    ),
    Refusal(
        "a Sequential as an element of a container that runs all",
        "se --after model.layers.1 --input 1x3x8x8",
        code="unsupported",
        message="a block under model.py::Net.layers.1 would become one of the layers that it runs",
        where="model.py:16",
        hint="Pass --attach to run the block from a forward hook of its last layer",
        suggestions=("model.py::Net.layers.1.1",),
        model=IN_DICT,
    ),
    Refusal(
        "another module of the name of the blocks folder",
        "se --after model.layer1",
        code="blocks-in-the-way",
        message="src/blocks.py, and not the folder of the new blocks",
        hint='[tool.stitchgen] blocks = "stitched_blocks"',
        others={"src/blocks.py": "import os\n"},
    ),
    Refusal(
        "another module of the name of a blocks folder that is there",
        "se --after model.layer1",
        code="blocks-in-the-way",
        message="src/blocks/__init__.py, and not the folder of the new blocks",
        hint='[tool.stitchgen] blocks = "stitched_blocks"',
        others={"src/blocks/__init__.py": "", "blocks/mine.py": ""},
    ),
    Refusal(
        "calls that only one configuration makes",
        "se --after model.act@all --build Net(1) --build Net(2) --input 1x3x8x8",
        code="configuration-dependent",
        message="act is called 2x in Net(2) and 1x in Net(1), so call 2 is not in both",
        where="model.py:12",
        hint="--build EXPR",
        suggestions=("--build 'Net(2)'",),
        model=with_forward(
            "x = self.act(self.conv(x))",
            "if self.times > 1:",
            "    x = self.act(x - 1)",
            "return x",
        )
        .replace("__init__(self)", "__init__(self, times)")
        .replace(CONVOLUTION, CONVOLUTION + "; self.act = nn.ReLU(); self.times = times"),
    ),
    Refusal(
        "a layer alone, no file",
        "se --after layer2",
        code="file-not-found",
        message="there is no layer2.py",
        hint="Name the file",
        suggestions=("model.py::layer2",),
    ),
    Refusal(
        "a path of folders",
        "se --after model/layer2",
        code="file-not-found",
        message="there is no model/layer2.py",
        hint="Name the file",
        suggestions=("model.py::layer2",),
    ),
    Refusal(
        "an element as Python writes it",
        "se --after 'model.layers[1]'",
        code="target-not-found",
        message="'model.layers[1]' matches no layer",
        where="model.py",
        hint="stitchgen layers prints all targets",
        suggestions=("model.layers.1",),
        model=with_forward("return self.layers[1](self.layers[0](self.conv(x)))"),
    ),
    Refusal(
        "a class for a construction",
        "se --after model.layer1 --build Net",
        code="not-a-model",
        message="Net gives a type, not an nn.Module",
        hint="Call it",
        suggestions=("--build 'Net()'",),
    ),
    Refusal(
        "a construction that does not parse",
        "se --after model.layer1 --build 'Net('",
        code="does-not-build",
        message="Net( does not build: SyntaxError",
        hint="--build 'Net(...)'",
    ),
    Refusal(
        "an input that is a name",
        "se --after model.layer1 --input abc",
        code="bad-argument",
        message="--input abc: NameError: name 'abc' is not defined",
        hint="--input 1x3x224x224",
    ),
    Refusal(
        "an input of no dtype",
        "se --after model.layer1 --input 1x3x8x8:float8",
        code="bad-argument",
        message="--input 1x3x8x8:float8: AttributeError",
        hint="--input 1x3x224x224",
    ),
    Refusal(
        "weight used functionally, never called",
        "swish --after model.attention.out_proj --input 2x5x8",
        code="used-functionally",
        message="model.py::Net.attention.out_proj is never called: its weight is used directly",
        where="model.py:12",
        hint="Splice after the layer that uses it: model.py::Net.attention",
        suggestions=("model.py::Net.attention",),
        model=with_forward("return self.attention(x, x, x)[0]").replace(
            CONVOLUTION, "self.attention = nn.MultiheadAttention(8, 2, batch_first=True)"
        ),
    ),
    Refusal(
        "weight of a layer that is only a store",
        "se --after model.conv",
        code="used-functionally",
        message="model.py::Net.conv is never called: its weight is used directly",
        where="model.py:12",
        hint="A block there would not be run",
        model=with_forward("return torch.conv2d(x, self.conv.weight)"),
    ),
    Refusal(
        "passed on where no run comes",
        "se --after model.conv",
        code="bypasses-call",
        hint="Splice after a layer that is called by name there, or write the call out.",
        message="model.py:13 passes model.py::Net.conv to self.run",
        where="model.py:13",
        model=with_forward(
            "if x.sum() > 1e9:",
            "    return self.run(self.conv, x)",
            "x = self.conv(x)",
            "return x",
        )
        + "\n    def run(self, layer, x):\n        return layer(x)\n",
    ),
    Refusal(
        "no call expression",
        "se --after model.conv",
        code="unsupported",
        hint="Pass --attach to run the block from a forward hook.",
        message="at model.py:12 has no expression of its own",
        where="model.py:12",
        model=with_forward("return sum(map(self.conv, [x, x]))"),
    ),
    Refusal(
        "scripted",
        "se --after model.conv --input 1x3x8x8",
        code="scripted",
        message="model.py::Net.conv is a scripted module",
        where="model.py:8",
        hint="before it is scripted",
        model=with_forward("x = self.conv(x)", "return x").replace(
            CONVOLUTION, "self.conv = torch.jit.script(nn.Conv2d(3, 16, 3))"
        ),
    ),
    Refusal(
        "tuple",
        "se --after model.rnn --input 2x5x8",
        code="not-a-tensor",
        message="model.py::Net.rnn gives a tuple, not a tensor",
        where="model.py:10",
        hint="Its elements 0 are tensors: name one, model.py::Net.rnn#0",
        suggestions=("model.py::Net.rnn#0",),
        model=RECURRENT,
    ),
    # Building and running
    Refusal(
        "does not build",
        "se --after model.layer1",
        code="does-not-build",
        message="Net() does not build: NameError: name 'classes' is not defined",
        where="model.py:11",
        hint="--build 'Net(...)'",
        model=NET.replace("nn.Linear(width, 10)", "nn.Linear(width, classes)"),
    ),
    Refusal(
        "import fails",
        "se --after model.layer1",
        code="does-not-build",
        hint="does not find mycuda. Pass --python PATH",
        message="ModuleNotFoundError: No module named 'mycuda'",
        where="model.py:1",
        model="import mycuda\n" + NET,
    ),
    Refusal(
        "import of another version",
        "se --after model.layer1",
        code="does-not-build",
        hint="finds torch, and no _six in it. Mend that import",
        message="ModuleNotFoundError: No module named 'torch._six'",
        where="model.py:1",
        model="from torch._six import container_abcs\n" + NET,
    ),
    Refusal(
        "needs arguments",
        "se --after model.layer1",
        code="does-not-build",
        message="no construction without arguments was found for Net",
        where="model.py:6",
        hint="--build 'Net(width)'",
        model=NET.replace("width=16", "width"),
    ),
    Refusal(
        "given build fails",
        "se --after model.layer1 --build Net(0/0)",
        code="does-not-build",
        message="Net(0/0) does not build: ZeroDivisionError: division by zero",
        hint="--build 'Net(...)'",
    ),
    Refusal(
        "no module is built",
        "se --after model.layer1 --build str(Net())",
        code="not-a-model",
        hint="Pass the construction that your training script uses: --build 'Net(...)'",
        message="str(Net()) gives a str, not an nn.Module",
    ),
    Refusal(
        "constructor exits",
        "se --after model.layer1",
        code="does-not-build",
        hint="Pass the construction that your training script uses: --build 'Net(...)'",
        message="Net() calls sys.exit(3)",
        where="model.py:9",
        model=NET.replace("super().__init__()", "super().__init__()\n        raise SystemExit(3)"),
    ),
    Refusal(
        "does not run",
        "se --after model.layer1",
        code="does-not-run",
        message="RuntimeError: mat1 and mat2 shapes cannot be multiplied",
        where="model.py:17",
        hint="--input 1x3xHxW",
        model=NET.replace("nn.Linear(width, 10)", "nn.Linear(width + 1, 10)"),
    ),
    Refusal(
        "wrong input",
        "se --after model.layer1 --input 1x5x32x32",
        code="does-not-run",
        message="the model does not run on input 1x5x32x32: RuntimeError",
        where="model.py:14",
        hint="--input 1x3x224x224",
    ),
    # The block
    Refusal(
        "no such block",
        "cbma --after model.layer1",
        code="block-not-found",
        message="cbma",
        hint="stitchgen show cbam",
        suggestions=("cbam",),
    ),
    Refusal(
        "a vector",
        "cbam --after model.fc",
        code="layout-mismatch",
        message="cbam works on NCHW, and the feature at model.py::Net.fc is NC",
        where="model.py:17",
        suggestions=("swish",),
    ),
    Refusal(
        "unknown argument",
        "cbam --after model.layer1 --set ratio=4",
        code="bad-argument",
        message="cbam has no argument 'ratio'",
        hint="channels, reduction, kernel_size",
    ),
    Refusal(
        "argument of another type",
        "cbam --after model.layer1 --set reduction=many",
        code="bad-argument",
        message="reduction=many is no int",
        hint="stitchgen show cbam",
    ),
    Refusal(
        "no stand-in",
        "swish --replace model.layer1",
        code="bad-argument",
        message="swish cannot stand in for model.py::Net.layer1, a Conv2d",
        where="model.py:14",
        hint="ReLU",
    ),
    Refusal(
        "no stand-in for a linear layer",
        "ghost --replace model.fc",
        code="bad-argument",
        message="ghost cannot stand in for model.py::Net.fc, a Linear",
        where="model.py:17",
        hint="It replaces Conv",
    ),
    Refusal(
        "blocks.py in the way",
        "se --after model.layer1",
        code="blocks-in-the-way",
        message="blocks.py stands where the folder blocks/ would go",
        where="blocks.py",
        hint='blocks = "stitched_blocks"',
        others={"blocks.py": "x = 1\n"},
    ),
    Refusal(
        "file of the block's name",
        "se --after model.layer1",
        code="blocks-in-the-way",
        message="blocks/se.py is there already and defines no class SE",
        where="blocks/se.py",
        hint="Rename it",
        others={"blocks/se.py": "x = 1\n"},
    ),
    # The proof
    Refusal(
        "block that never trains",
        "se --after model.layer1",
        code="law-broken",
        message="No gradient reaches layer1_se.fc.0.weight",
        hint="no gradient comes back (detach, no_grad)",
        model=NET.replace("x = self.layer2(x)", "x = self.layer2(x.detach())"),
    ),
    Refusal(
        "a layer whose output nobody reads",
        "se --after model.layer1",
        code="law-broken",
        message="Nothing in the model reads the output of layer1_se",
        hint="What the layer gives reaches no output here",
        model=NET.replace("x = self.layer2(x)", "x = self.layer2(x * 0)"),
    ),
    # Without running
    Refusal(
        "reading is not certain",
        "se --before model.layer1 --no-prove",
        code="channels-unknown",
        message="the source alone does not tell the axes and channels of the feature at "
        "model.py::Net.layer1",
        where="model.py:14",
        hint="Let the model run (leave out --no-prove)",
    ),
]


def say(root: Path, flags: str, python: str) -> StitchError:
    """The refusal of a command; nothing may have been written."""
    before = tree(root)
    with pytest.raises(StitchError) as refusal:
        splice.run(config.find_project(root), request_of(flags, python))
    assert tree(root) == before
    return refusal.value


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.name.replace(" ", "-"))
def test_refusal(
    case: Refusal, tmp_path: Path, python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = {"model.py": case.model, **case.others}
    for name, source in sources.items():
        if source is not None:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(source)
    monkeypatch.chdir(tmp_path)
    error = say(tmp_path, case.flags, python)
    assert error.code == case.code
    assert case.message in error.message
    assert error.where == case.where
    assert case.hint or case.suggestions, "what to type next is a part of every refusal"
    assert case.hint in (error.hint or "")
    assert set(case.suggestions) <= set(error.suggestions)
    assert str(tmp_path) not in f"{error.where} {error.suggestions}", "paths are the project's own"


def test_a_hook_cannot_tell_calls_apart(project: Path, python: str) -> None:
    (project / "model.py").write_text(HOOKED)
    for call in ("", "@2"):
        flags = f"swish --after model.layer.dropout1{call} --attach --input 2x5x16"
        error = say(project, flags, python)
        assert error.code == "many-calls"
        assert "Net.layer.dropout1 is called 2 times in one forward pass" in error.message
        assert error.hint == "One block at all of them: model.py::Net.layer.dropout1@all --attach"
        assert error.suggestions == ["model.py::Net.layer.dropout1@all"]
        assert re.search(r"transformer\.py:\d+$", error.where or "")


# What the machine lacks ---------------------------------------------------------------------------


def program(folder: Path, code: str) -> str:
    """A Python that first runs some code, then what it is given."""
    path = folder / "python"
    start = f"import runpy, sys; sys.argv = sys.argv[1:]; {code}; "
    run = "runpy.run_path(sys.argv[0], run_name='__main__')"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{start}{run}" "$@"\n')
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "model.py").write_text(NET)
    monkeypatch.chdir(root)
    return root


NO_TORCH = "sys.modules['torch'] = None"


def test_no_torch_and_reading_is_not_certain(project: Path, tmp_path: Path) -> None:
    python = program(tmp_path, NO_TORCH)
    error = say(project, "se --before model.layer1", python)
    assert error.code == "channels-unknown"
    assert f"{python} has no torch. Pass --python PATH" in (error.hint or "")
    assert "the source alone does not tell" in error.message
    assert "--input" not in (error.hint or "") and "--no-prove" not in (error.hint or "")


def test_reading_does_not_say_that_there_is_no_layer(project: Path, python: str) -> None:
    (project / "model.py").write_text(
        NET.replace("self.fc = ", "self.add_layers()\n        self.fc = ")
    )
    error = say(project, "se --after model.py::Net.layer9 --no-prove", python)
    assert error.code == "target-not-found"
    assert error.message == "the source alone shows no layer 'layer9' in Net"
    assert error.hint == "Let the model run (leave out --no-prove)."


def test_no_torch_and_reading_is_certain(project: Path, tmp_path: Path) -> None:
    request = request_of("se --after model.layer1", program(tmp_path, NO_TORCH))
    result = splice.run(config.find_project(project), request).result
    assert result["proof"] is None
    assert [warning["code"] for warning in result["warnings"]] == ["not-proven"]
    assert "self.layer1_se = SE(channels=width)" in (project / "model.py").read_text()


OLD_TORCH = "import types; t = sys.modules['torch'] = types.ModuleType('torch'); "
OLD_TORCH += "t.__version__ = '1.12.1+cu113'"


@pytest.mark.parametrize(
    ("code", "message"),
    [("sys.version_info = (3, 7, 16)", "Python 3.7"), (OLD_TORCH, "torch 1.12.1")],
)
def test_too_old(project: Path, tmp_path: Path, code: str, message: str) -> None:
    error = say(project, "se --after model.layer1", program(tmp_path, code))
    assert (error.code, error.message) == ("too-old", message)
    assert "Python 3.8 or newer and torch 1.13 or newer" in (error.hint or "")


def test_no_such_python(project: Path) -> None:
    error = say(project, "se --after model.layer1", "/nowhere/python")
    assert error.code == "bad-argument"
    assert "/nowhere/python cannot be started" in error.message
    assert "--python PATH" in (error.hint or "")


# What others do meanwhile -------------------------------------------------------------------------


def planned(root: Path, python: str) -> splice.Outcome:
    request = request_of("se --after model.layer1", python)
    return splice.run(config.find_project(root), request, mode="dry-run")


def test_file_changed_meanwhile(project: Path, python: str) -> None:
    outcome = planned(project, python)
    (project / "model.py").write_text(NET + "# edited\n")
    before = tree(project)
    with pytest.raises(StitchError) as refusal:
        transaction.commit(project, outcome.changes)
    assert refusal.value.code == "file-changed"
    assert refusal.value.where == "model.py"
    assert tree(project) == before


def test_block_file_appears_meanwhile(project: Path, python: str) -> None:
    outcome = planned(project, python)
    (project / "blocks").mkdir()
    (project / "blocks" / "se.py").write_text("")
    before = tree(project)
    with pytest.raises(StitchError) as refusal:
        transaction.commit(project, outcome.changes)
    assert refusal.value.code == "file-changed"
    assert refusal.value.where == "blocks/se.py"
    assert tree(project) == before


def test_not_writable(project: Path, python: str) -> None:
    project.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        error = say(project, "se --after model.layer1", python)
    finally:
        project.chmod(stat.S_IRWXU)
    assert error.code == "not-writable"


def test_a_file_where_the_blocks_folder_would_go(project: Path, python: str) -> None:
    (project / "blocks").write_text("")
    error = say(project, "se --after model.layer1", python)
    assert (error.code, error.where) == ("blocks-in-the-way", "blocks")


def test_a_configuration_that_breaks_is_named(project: Path, python: str) -> None:
    """A count that is right for one build alone is wrong."""
    flags = "se --after model.layer1 --channels 16 --build Net(16) --build Net(8)"
    assert "Net(8)" in say(project, flags, python).message


@pytest.mark.parametrize(
    "model, message",
    [
        ("model.layer2", "model.py has no class layer2; it is a layer of Net"),
        ("model.py::Nte", "model.py has no class Nte"),
    ],
)
def test_layers_of_what_is_no_model(
    model: str, message: str, tmp_path: Path, python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.py").write_text(NET)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StitchError) as refusal:
        layers.run(config.find_project(tmp_path), model, python=python)
    assert (refusal.value.code, refusal.value.message) == ("target-not-found", message)
    assert refusal.value.where == "model.py"
    assert refusal.value.suggestions == ["model.py::Net"]


def test_of_several_constructions_the_one_that_fails_is_named(
    tmp_path: Path, python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.py").write_text(NET)
    monkeypatch.chdir(tmp_path)
    error = say(
        tmp_path, "se --after model.layer1 --build Net() --build Net(8) --input 2x5x9", python
    )
    assert error.code == "does-not-run"
    assert error.message.startswith("Net(): ")


def test_no_construction_is_asked_for_where_the_class_takes_no_arguments(
    tmp_path: Path, python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = NET.replace("width=16", "").replace("self, ):", "self):")
    (tmp_path / "model.py").write_text(model.replace("nn.Linear(width, 10)", "nn.Linear(16, 2.5)"))
    monkeypatch.chdir(tmp_path)
    error = say(tmp_path, "se --after model.layer1", python)
    assert error.code == "does-not-build"
    assert error.hint.startswith("It takes no arguments")
