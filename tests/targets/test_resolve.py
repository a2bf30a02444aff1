"""Where models live: packages, `src/`, notebooks as scripts, Sequentials, what is no Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from stitchgen.pipeline import splice
from stitchgen.project import config
from tests.support.commands import refusal, request_of

HEAD = "import torch\nimport torch.nn as nn\n"
SEQUENTIAL = f"""\
{HEAD}
model = nn.Sequential(
    nn.Conv2d(3, 8, 3),
    nn.ReLU(),
    nn.Conv2d(8, 16, 3),
)
"""
FACTORY = f"""\
{HEAD}

def make_model(width=8):
    layers = [nn.Conv2d(3, width, 3), nn.ReLU()]
    return nn.Sequential(*layers)
"""
SUBCLASS = f"""\
{HEAD}

class Net(nn.Sequential):
    def __init__(self, width=8):
        super().__init__(nn.Conv2d(3, width, 3), nn.ReLU())
"""
PASSED = f"""\
{HEAD}

class Block(nn.Module):
    def __init__(self, fed, width, norm=None, act=nn.ReLU):
        super().__init__()
        self.conv = nn.Conv2d(fed, width, 3)
        self.norm = norm(width) if norm is not None else nn.Identity()
        self.act = act()

    def forward(self, x):
        return self.act(self.norm(self.conv(x)))


class Net(nn.Module):
    def __init__(self, block=Block, norm=nn.BatchNorm2d):
        super().__init__()
        self.first = block(3, 8, norm=norm)
        self.second = block(8, 16)

    def forward(self, x):
        return self.second(self.first(x))
"""
PACKAGE = {
    "pyproject.toml": "",
    "src/pkg/__init__.py": "from .net import Net\n",
    "src/pkg/net.py": HEAD
    + """\
from .parts.layers import Conv


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = Conv(3, width)

    def forward(self, x):
        return self.stem(x)
""",
    "src/pkg/parts/__init__.py": "",
    "src/pkg/parts/layers.py": HEAD
    + """\


class Conv(nn.Module):
    def __init__(self, fed, width):
        super().__init__()
        self.conv = nn.Conv2d(fed, width, 3)

    def forward(self, x):
        return self.conv(x)
""",
    "train.py": "from pkg import Net\n\nnet = Net(4)\nraise SystemExit('training')\n",
}
NOTEBOOK = f"""\
{HEAD}from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
WIDTH = 8
data = TensorDataset(torch.randn(64, 3, 8, 8), torch.randint(0, 2, (64,)))
loader = DataLoader(data, batch_size=16)

# In[2]:


class Net(nn.Module):
    def __init__(self, width=WIDTH):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.fc = nn.Linear(width, 2)

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))


# In[3]:

"""
TRAINING = """\
model = Net()
opt = torch.optim.Adam(model.parameters())
for x, y in loader:
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward(); opt.step()
    open("trained", "w").close()
"""
GUARDED = "if __name__ == '__main__':\n" + "".join(
    f"    {line}\n" for line in TRAINING.splitlines()
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> config.Project:
    monkeypatch.chdir(tmp_path)
    return config.find_project(tmp_path)


def write(project: config.Project, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = project.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


#: The class in one file, the functions that build it in another.
FACTORIES = {
    "nets.py": f"""\
{HEAD}

class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3)

    def forward(self, x):
        return self.stem(x).mean((2, 3))
""",
    "factories.py": "from nets import Net\n\n\ndef small(times=1):\n    return Net(4 * times)\n\n\n"
    "def large():\n    return Net(width=16)\n",
}
EDITED = {"nets.py": "        self.stem_se = SE(channels=width)\n"}


@pytest.mark.parametrize(
    ("files", "flags", "edited"),
    [
        pytest.param(
            {"train.py": SEQUENTIAL},
            "se --after train.py::model.2 --attach",
            {"train.py": "model[2].se = SE(channels=16)\n"},
            id="a Sequential in a variable",
        ),
        pytest.param(
            {"model.py": FACTORY, "train.py": "import model\n\nnet = model.make_model(4)\n"},
            "se --after train.py::net.0 --attach",
            {"train.py": "net[0].se = SE(channels=4)\n"},
            id="a Sequential of a factory",
        ),
        pytest.param(
            {"model.py": SUBCLASS},
            "se --after model.0 --attach",
            {"model.py": "        self[0].se = SE(channels=width)\n"},
            id="a class of Sequential",
        ),
        pytest.param(
            {"model.py": PASSED},
            "se --after model.first",
            {"model.py": "        self.first_se = SE(channels=8)\n"},
            id="a class passed in",
        ),
        pytest.param(
            {"model.py": PASSED},
            "se --after model.first.norm",
            {"model.py": "        self.first.norm_se = SE(channels=8)\n"},
            id="a layer of a class passed in",
        ),
        pytest.param(
            {"model.py": PASSED},
            "se --after model.py::Block.act",
            {"model.py": "        self.act_se = SE(channels=width)\n"},
            id="what a class passed in makes",
        ),
        pytest.param(
            PACKAGE,
            "se --after pkg.net.stem",
            {"src/pkg/net.py": "from .blocks.se import SE\n"},
            id="a package in src",
        ),
        pytest.param(
            PACKAGE,
            "se --after src/pkg/net.py::Net.stem.conv",
            {"src/pkg/parts/layers.py": "        self.conv_se = SE(channels=width)\n"},
            id="a layer of another file of the package",
        ),
        pytest.param(
            {name: text for name, text in PACKAGE.items() if name != "src/pkg/parts/__init__.py"},
            "se --after src/pkg/net.py::Net.stem.conv",
            {"src/pkg/parts/layers.py": "        self.conv_se = SE(channels=width)\n"},
            id="a folder of a package that is no package itself",
        ),
        pytest.param(
            PACKAGE,
            "se --after pkg.Net.stem",
            {"src/pkg/net.py": "        self.stem_se = SE(channels=width)\n"},
            id="a class that the package imports",
        ),
        pytest.param(
            PACKAGE,
            "se --after train.py::net.stem",
            {"src/pkg/net.py": "        self.stem_se = SE(channels=width)\n"},
            id="a variable of a class that the package imports",
        ),
        *(
            pytest.param(FACTORIES, f"se --after {target} {build}", EDITED, id=f"{target} {build}")
            for target in ("factories.py::Net.stem", "factories.stem", "factories.py::st[e]m")
            for build in ("", "--build small(1)")
        ),
        pytest.param(
            FACTORIES, "se --after factories.py::Net --every nn.Conv2d", EDITED, id="every"
        ),
        pytest.param(
            {
                **FACTORIES,
                "make.py": "from nets import Net as N\n\n\ndef make(*sizes):\n    print()\n    return N(*sizes)\n",
                "stitchgen.toml": '[models.net]\ntarget = "make.py"\nbuild = ["make(4)"]\n',
            },
            "se --after make.py::N.stem",
            EDITED,
            id="built as the configuration of the file named says",
        ),
        pytest.param(
            {**FACTORIES, "train.py": "from nets import Net\nimport gone\n"},
            "se --after train.py::Net.stem --build Net(4)",
            EDITED,
            id="a class imported by a script that does not run",
        ),
        pytest.param(
            {"nb.py": NOTEBOOK + TRAINING},
            "se --after nb.conv",
            {"nb.py": "        self.conv_se = SE(channels=width)\n"},
            id="a notebook with its training",
        ),
        pytest.param(
            {"nb.py": NOTEBOOK + GUARDED},
            "se --after nb.model.conv",
            {"nb.py": "        self.conv_se = SE(channels=width)\n"},
            id="a notebook with guarded training",
        ),
    ],
)
def test_found(
    project: config.Project,
    files: dict[str, str],
    flags: str,
    edited: dict[str, str],
    python: str,
) -> None:
    write(project, files)
    outcome = splice.run(config.find_project(project.root), request_of(flags, python))
    assert outcome.result["proof"]["laws"]
    for name, line in edited.items():
        assert line in (project.root / name).read_text()
    changed = {change.path for change in outcome.changes if change.action == "edit"}
    assert changed == set(edited)
    assert not (project.root / "trained").exists(), "a training run was started"


def test_what_of_a_notebook_is_not_run_is_said(project: config.Project, python: str) -> None:
    write(project, {"nb.py": NOTEBOOK + TRAINING})
    result = splice.run(project, request_of("se --after nb.conv", python), "dry-run").result
    [warning] = [one for one in result["warnings"] if one["code"] == "left-out"]
    assert warning["message"] == "only definitions were run; left out: lines 5, 25, 26, 27"


def test_an_attached_block_is_for_this_model_alone(project: config.Project, python: str) -> None:
    """A trainer that builds its model from a configuration file would drop it."""
    write(project, {"train.py": SEQUENTIAL})
    request = request_of("se --after train.py::model.2 --attach", python)
    told = splice.run(project, request, "dry-run").result["warnings"]
    [warning] = [one for one in told if one["code"] == "attached"]
    assert "train.py::model" in warning["message"]
    assert "configuration file" in warning["hint"]


@pytest.mark.parametrize(
    ("files", "flags", "code", "where", "message", "hint"),
    [
        (
            {"train.py": SEQUENTIAL},
            "se --after train.py::model.2",
            "installed-package",
            "train.py:4",
            "called by torch's Sequential, which the model itself is",
            "--attach",
        ),
        (
            {"model.py": FACTORY},
            "se --after model.0",
            "installed-package",
            "model.py:7",
            "make_model() gives a Sequential of an installed package",
            "--after SCRIPT.py::model.0 --attach",
        ),
        (
            {"model.py": FACTORY},
            "se --after model.py::make_model.0",
            "installed-package",
            "model.py:7",
            "no forward in model.py could run a block",
            "--after SCRIPT.py::model.0 --attach",
        ),
        (
            {"model.py": FACTORY},
            "se --after model.0 --build make_model(4)",
            "installed-package",
            "model.py",
            "make_model(4) gives a Sequential of an installed package",
            "model = make_model(4)",
        ),
        (
            {"model.py": SUBCLASS},
            "se --after model.0",
            "installed-package",
            "model.py:7",
            "called by torch's Sequential, from which its class inherits",
            "--attach",
        ),
        (
            {"faster_rcnn.py": "model = dict(type='FasterRCNN', backbone=dict(type='ResNet'))\n"},
            "se --after faster_rcnn.py::model.backbone.layer3",
            "does-not-build",
            "faster_rcnn.py:1",
            "OpenMMLab's kind",
            "stitchgen new-module BLOCK --register mmengine",
        ),
        (
            {
                "lib.py": "class AutoModel:\n    from_pretrained = from_config = print\n",
                "run.py": "from lib import AutoModel\nmodel = AutoModel.from_pretrained('bert')\n",
            },
            "se --after run.py::model.encoder",
            "does-not-build",
            "run.py:2",
            "built by from_pretrained",
            "modelling file into the project",
        ),
        (
            {
                "lib.py": "class AutoModel:\n    @classmethod\n    def from_pretrained(cls, name):\n"
                "        raise OSError('no connection')\n",
                "run.py": "from lib import AutoModel\nmodel = AutoModel.from_pretrained('bert')\n",
            },
            "se --after run.py::model.encoder --build \"AutoModel.from_pretrained('bert')\"",
            "does-not-build",
            "lib.py:4",
            "OSError: no connection",
            "modelling file into the project",
        ),
        (
            {"yolo.yaml": "backbone: []\n"},
            "se --after yolo.yaml::model.2",
            "not-a-model",
            "yolo.yaml:1",
            "it has no head",
            "as in yolov8.yaml",
        ),
        (
            {"yolo.yaml": "backbone: []\n"},
            "se --after yolo.yaml",
            "not-python",
            "yolo.yaml",
            "yolo.yaml is no Python source file",
            "name a row, as in yolov8.yaml::model.9",
        ),
        (
            {"best.pt": ""},
            "se --every nn.Conv2d --after best.pt",
            "not-python",
            "best.pt",
            "best.pt is no Python source file",
            "give the Python file of the model",
        ),
        (
            {"nb.ipynb": "{}"},
            "se --after nb.ipynb",
            "not-python",
            "nb.ipynb",
            "nb.ipynb is no Python source file",
            "jupyter nbconvert --to script",
        ),
    ],
)
def test_refused(
    project: config.Project,
    files: dict[str, str],
    flags: str,
    code: str,
    where: str,
    message: str,
    hint: str,
    python: str,
) -> None:
    write(project, files)
    error = refusal(project, flags, python)
    assert (error.code, error.where) == (code, where)
    assert message in error.message
    assert hint in (error.hint or "")


def test_a_factory_in_another_file_is_offered(project: config.Project, python: str) -> None:
    write(project, FACTORIES)
    error = refusal(project, "se --after nets.py::Net.stem --build small()", python)
    assert error.code == "does-not-build"
    assert error.suggestions == ["--build 'factories:small()'"]
    found = splice.run(project, request_of("se --after nets.py::Net.stem", python), "dry-run")
    built = {"factories:small()", "factories:large()", "Net(width=16)"}
    assert set(found.result["proof"]["build"]) <= built
    flags = "se --after nets.py::Net.stem --build factories:large()"
    assert splice.run(project, request_of(flags, python), "dry-run").result["proof"]["laws"]


def test_a_package_that_only_imports_names_the_file(project: config.Project, python: str) -> None:
    write(project, PACKAGE)
    error = refusal(project, "se --after pkg.stem", python)
    assert error.code == "not-a-model"
    assert error.suggestions == ["src/pkg/net.py::Net.stem"]


NARROW = """\
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3)
        self.head = nn.Conv2d(width, 2 * width, 1)

    def forward(self, x):
        x = self.stem(x)
        return self.head(x)
"""


@pytest.mark.parametrize(
    "flags, said",
    [
        ("se --after model.py::Net.stem", "one hidden unit for 24 channels"),
        ("se --after model.py::Net.head", "3 hidden units for 48 channels"),
        (
            "se --after model.py::Net.stem model.py::Net.head",
            "one hidden unit for 24 channels, 3 for 48, which",
        ),
        ("se --after model.py::Net.stem --set reduction=6", None),
        ("se --after model.py::Net.head --set reduction=12", None),
        ("eca --after model.py::Net.stem", None),
    ],
)
def test_a_bottleneck_that_may_be_dead_is_said(
    project: config.Project, python: str, flags: str, said: str | None
) -> None:
    """24 channels by 16 are one unit, and one of two such units is dead behind a ReLU."""
    write(project, {"model.py": NARROW})
    result = splice.run(project, request_of(flags, python), "dry-run").result
    told = [one for one in result["warnings"] if one["code"] == "narrow"]
    assert [said in one["message"] for one in told] == ([True] if said else [])
    if told:
        assert told[0]["where"].startswith("model.py:")
        assert told[0]["hint"] in ("--set reduction=6", "--set reduction=12")
