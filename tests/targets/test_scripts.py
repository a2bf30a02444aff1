"""Models in a variable of a script: what is read of it, which target it is, what is refused."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from stitchgen.errors import StitchError
from stitchgen.pipeline import layers
from stitchgen.pipeline import splice as splicing
from stitchgen.project import config
from stitchgen.project.modules import files_beside
from stitchgen.targets.scripts import read_script
from tests.support.commands import refusal, request_of

HEAD = """\
import torch
import torch.nn as nn
import torchvision
from torchvision.models import resnet18


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.fc = nn.Linear(width, 4)

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))


def tiny():
    return Net(4)


def fit(model):
    for _ in range(10):
        torch.save(model, "weights.pt")
    return model


"""


def expressions(lines: str) -> list[str]:
    text = HEAD + lines
    script = read_script(ast.parse(text), text, "model", files_beside(Path("/nowhere/t.py")))
    return [one.expression for one in script.variables] if script else []


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ("model = Net(3)\n", ["Net(3)"]),
        ("model: nn.Module = tiny()\n", ["tiny()"]),
        ("model = Net().to('cuda').eval()\n", ["Net()"]),
        ("model = nn.DataParallel(Net().cuda())\n", ["Net()"]),
        ("model = torch.compile(Net())\n", ["Net()"]),
        ("model = Net()\nmodel = nn.DataParallel(model)\n", ["Net()"]),
        ("model = resnet18(pretrained=True)\n", ["resnet18(pretrained=False)"]),
        ("model = resnet18(True)\n", ["resnet18(False)"]),
        ("model = resnet18(weights='DEFAULT')\n", ["resnet18(weights=None)"]),
        (
            "model = torchvision.models.detection.x(weights=W, weights_backbone=B)\n",
            ["torchvision.models.detection.x(weights=None, weights_backbone=None)"],
        ),
        ("if big:\n    model = Net(32)\nelse:\n    model = Net(8)\n", ["Net(32)", "Net(8)"]),
        ("if __name__ == '__main__':\n    model = Net(2)\n", ["Net(2)"]),
        ("def main():\n    model = Net(5)\n    fit(model)\n", ["Net(5)"]),
        # A part of what a function gives is not the model that a script keeps.
        ("def build():\n    model = Net(5)\n    return Big(model, 3)\n", []),
        ("def build():\n    model = Net(5)\n    net = Big(body=model)\n    return net\n", []),
        ("def build():\n    model = Net(5)\n    return nn.DataParallel(model)\n", ["Net(5)"]),
        ("def build():\n    model = Net(5)\n    model.eval()\n    return model\n", ["Net(5)"]),
        ("model = fit(Net())\n", []),  # may train, so it is not run
        ("model = 3\n", []),
        ("model = torch.load('m.pt')\n", []),
        ("net = Net()\n", []),
    ],
)
def test_what_builds_the_variable(lines: str, found: list[str]) -> None:
    assert expressions(lines) == found


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> config.Project:
    monkeypatch.chdir(tmp_path)
    return config.find_project(tmp_path)


def write(project: config.Project, name: str, text: str) -> None:
    path = project.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


NETS = HEAD.replace("import torchvision\nfrom torchvision.models import resnet18\n", "")
TRAINS = "raise SystemExit('training')\n"


@pytest.mark.parametrize("target", ["train.py::model.conv", "train.model.conv", "model.conv"])
def test_a_class_of_another_file_is_edited_there(
    project: config.Project, target: str, python: str
) -> None:
    """Neither file's training is started, and no file is named by the variable."""
    write(project, "nets/__init__.py", "")
    write(project, "nets/small.py", NETS + TRAINS)
    write(project, "train.py", f"from nets.small import Net\n\nmodel = Net(6)\n{TRAINS}")
    result = splicing.run(project, request_of(f"se --after {target}", python)).result
    assert [splice["target"] for splice in result["splices"]] == ["nets/small.py::Net.conv"]
    assert "self.conv_se = SE(channels=width)" in (project.root / "nets/small.py").read_text()
    assert (project.root / "nets/blocks/se.py").is_file()
    assert splicing.run(project, request_of(f"se --after {target}", python)).changes == []


def test_two_scripts_have_the_variable(project: config.Project, python: str) -> None:
    for name in ("train.py", "test.py"):
        write(project, name, HEAD + "net = Net()\n")
    error = refusal(project, "se --after net.conv", python)
    assert error.code == "target-ambiguous"
    assert error.suggestions == ["test.py::net.conv", "train.py::net.conv"]


LIGHTNING = """\
class Lit(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = Net()
        {more}

    def forward(self, x):
        return self.model(x)


model = Lit()
"""


def test_a_child_of_the_variables_name(project: config.Project, python: str) -> None:
    write(project, "train.py", NETS + LIGHTNING.replace("{more}", ""))
    outcome = splicing.run(
        project, request_of("swish --after train.py::model.conv", python), "dry-run"
    )
    assert outcome.result["splices"][0]["target"] == "train.py::Lit.model.conv"


def test_a_child_and_the_variable_both_have_the_layer(project: config.Project, python: str) -> None:
    more = "self.conv = nn.Conv2d(3, 3, 1)"
    write(project, "train.py", NETS + LIGHTNING.replace("{more}", more))
    error = refusal(project, "swish --after train.py::model.conv", python)
    assert error.code == "target-ambiguous"
    assert error.suggestions == ["train.py::Lit.conv", "train.py::Lit.model.conv"]


def test_an_installed_class_needs_attach(project: config.Project, python: str) -> None:
    write(project, "train.py", "from torch import nn\n\nmodel = nn.TransformerDecoderLayer(8, 2)\n")
    flags = "swish --after train.py::model.linear1 --input 2x5x8 --input 2x5x8"
    error = refusal(project, flags, python)
    assert error.code == "installed-package"
    assert "pass --attach" in (error.hint or "")


def test_the_layers_of_a_variable(project: config.Project, python: str) -> None:
    write(project, "train.py", "from torch import nn\n\nmodel = nn.TransformerEncoderLayer(8, 2)\n")
    found = layers.run(project, "train.py::model", inputs=["5x2x8"], python=python)
    assert found["model"] == "train.py::model"
    assert "linear1" in [row["path"] for row in found["layers"]]


def test_no_such_layer_of_a_variable(project: config.Project, python: str) -> None:
    write(project, "train.py", "from torch import nn\n\nmodel = nn.TransformerEncoderLayer(8, 2)\n")
    error = refusal(project, "swish --after train.py::model.lineer1 --input 5x2x8", python)
    assert error.code == "target-not-found"
    assert "train.py::model.linear1" in error.suggestions


def test_every_layer_of_a_variable(project: config.Project, python: str) -> None:
    write(project, "nets.py", NETS)
    write(project, "train.py", f"from nets import Net\n\nmodel = Net(6)\n{TRAINS}")
    flags = "se --every nn.Conv2d --after train.py::model"
    result = splicing.run(project, request_of(flags, python), "dry-run").result
    assert [splice["target"] for splice in result["splices"]] == ["nets.py::Net.conv"]


def test_what_cannot_be_evaluated_asks_for_build(project: config.Project, python: str) -> None:
    write(project, "train.py", NETS.replace("width=8", "width") + "model = Net(args.width)\n")
    error = refusal(project, "se --after train.py::model.conv", python)
    assert error.code == "does-not-build"
    assert "Net(args.width) does not build: NameError: name 'args' is not defined" in error.message
    assert "--build" in (error.hint or "")


def test_what_may_do_more_than_build_is_not_run(project: config.Project, python: str) -> None:
    lines = "model = fit(Net(6))\n"
    write(project, "train.py", NETS.replace("width=8", "width") + lines)
    error = refusal(project, "se --after train.py::model.conv", python)
    line = (NETS + lines).count("\n")
    assert error.code == "does-not-build"
    assert f"model is built at train.py:{line} by fit(...), which may do more" in error.message
    assert error.suggestions == ["--build 'Net(4)'", "--build 'Net(6)'"]
    flags = "se --after train.py::Net.conv --build Net(6)"
    assert splicing.run(project, request_of(flags, python), "dry-run").changes


def test_a_model_wrapped_where_it_is_built(project: config.Project, python: str) -> None:
    lines = "from torch import nn\n\nmodel = nn.DataParallel(nn.TransformerEncoderLayer(8, 2))\n"
    write(project, "train.py", lines)
    flags = "swish --after train.py::model.linear1 --input 5x2x8 --attach"
    error = refusal(project, flags, python)
    assert (error.code, error.where) == ("unsupported", "train.py:3")
    assert error.hint == "Build the model in a statement of its own, and wrap it in the next."


def test_an_installed_model_built_in_two_places(project: config.Project, python: str) -> None:
    lines = "if big:\n    model = nn.TransformerEncoderLayer(8, 2, 64)\n"
    lines += "else:\n    model = nn.TransformerEncoderLayer(8, 2, 32)\n"
    write(project, "train.py", f"from torch import nn\n\nbig = False\n{lines}")
    flags = "swish --after train.py::model.linear2 --attach --input 5x2x8"
    error = refusal(project, flags, python)
    assert (error.code, error.where) == ("configuration-dependent", "train.py:5")
    build = error.suggestions[1]
    assert build == "--build 'nn.TransformerEncoderLayer(8, 2, 32)'"
    outcome = splicing.run(project, request_of(f"{flags} {build}", python), "dry-run")
    [change] = [change for change in outcome.changes if change.path == "train.py"]
    assert (change.after or b"").endswith(
        b"    model = nn.TransformerEncoderLayer(8, 2, 32)\n    model.linear2.swish = Swish()\n"
        b"    model.linear2.register_forward_hook(run_swish)\n"
    )


IN_NET = """\
from torch import nn


class Net(nn.Module):
    def __init__(self, classes=2):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.head = nn.Conv2d(8, classes, 1)

    def forward(self, x):
        return self.head(self.conv(x))


class Photos:
    pass
"""

TRAIN = """\
import torch

from net import Net, Photos

photos = Photos()
records = open("/nowhere/at/all.txt").read()
model = Net(classes=3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
"""


@pytest.fixture
def project_of_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> config.Project:
    (tmp_path / "net.py").write_text(IN_NET)
    (tmp_path / "train.py").write_text(TRAIN)
    monkeypatch.chdir(tmp_path)
    return config.find_project(tmp_path)


def test_a_script_is_asked_for_the_one_model_that_it_keeps(
    project_of_script: config.Project, python: str
) -> None:
    found = layers.run(project_of_script, "train.py", python=python)
    assert (found["model"], found["build"]) == ("train.py::model", "Net(classes=3)")
    assert [one["channels"] for one in found["layers"]] == [8, 3]
    read = layers.run(project_of_script, "train.py", prove=False)
    assert read["model"] == "net.py::Net"


def test_the_variable_of_a_script_is_read_without_a_proof(
    project_of_script: config.Project, python: str
) -> None:
    request = request_of("se --after train.py::model.conv --no-prove", python)
    splicing.run(project_of_script, request)
    text = Path("net.py").read_text()
    assert "self.conv_se = SE(channels=8)" in text
    assert Path("train.py").read_text() == TRAIN


def test_what_is_no_model_is_not_proposed(project_of_script: config.Project, python: str) -> None:
    Path("train.py").write_text(TRAIN.partition("photos")[0])
    with pytest.raises(StitchError) as refused:
        layers.run(project_of_script, "train.py", python=python)
    error = refused.value
    assert (error.code, error.suggestions) == ("not-a-model", ["net.py::Net"])
