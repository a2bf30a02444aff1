"""A script pointed to the project's own copy of an installed module."""

from __future__ import annotations

import ast

import pytest

from stitchgen.errors import StitchError
from stitchgen.rewrite.adopted_uses import Copy, Rewriting, pointed_to_copy, uses_of
from stitchgen.source.document import Document
from stitchgen.source.edits import apply
from stitchgen.source.syntax import Syntax

NAMES = {"resnet18", "resnet50", "ResNet", "ResNet50_Weights"}


def home(name: str) -> str | None:
    """What a package with `timm.models.resnet` and names handed on by `timm.models` would answer."""
    package, _, last = name.rpartition(".")
    if name == "timm.models.resnet":
        return ""
    return last if package in ("timm.models.resnet", "timm.models") and last in NAMES else None


def pointed(text: str, module: str = "resnet") -> tuple[str, Rewriting]:
    syntax = Syntax(Document(text.encode(), "train.py"))
    uses = uses_of(syntax)
    copy = Copy("timm.models.resnet", module, NAMES)
    found = pointed_to_copy(uses, copy, {name: home(name) for name in uses.names})
    after = apply(text.encode(), found.edits).decode()
    ast.parse(after)
    return after, found


@pytest.mark.parametrize(
    ("text", "after"),
    [
        (
            "from timm.models.resnet import resnet50\nnet = resnet50()\n",
            "from resnet import resnet50\nnet = resnet50()\n",
        ),
        (
            "from timm.models import resnet50 as make, vgg16, ResNet  # models\nnet = make()\n",
            "from timm.models import vgg16  # models\nfrom resnet import resnet50 as make, ResNet\nnet = make()\n",
        ),
        (
            "import timm\nnet = timm.models.resnet50(num_classes=3)\n",
            "from resnet import resnet50\nnet = resnet50(num_classes=3)\n",
        ),
        (
            "import timm\nnet = timm.models.resnet50(weights=timm.models.ResNet50_Weights.DEFAULT)\n"
            "print(timm.__version__)\n",
            "import timm\nfrom resnet import ResNet50_Weights, resnet50\n"
            "net = resnet50(weights=ResNet50_Weights.DEFAULT)\nprint(timm.__version__)\n",
        ),
        (
            "import timm.models as models, os\nnet = models.resnet50()\n",
            "import os\nfrom resnet import resnet50\nnet = resnet50()\n",
        ),
        (
            "from timm.models import resnet\nnet = resnet.resnet50()\n",
            "import resnet\nnet = resnet.resnet50()\n",
        ),
        (
            "import timm.models.resnet as zoo\nnet = zoo.ResNet()\n",
            "import resnet as zoo\nnet = zoo.ResNet()\n",
        ),
        (
            "import timm.models.resnet\nnet = timm.models.resnet.resnet50()\n",
            "from resnet import resnet50\nnet = resnet50()\n",
        ),
        (
            "import timm\n\ndef resnet50():\n    return timm.models.resnet50()\n",
            "from resnet import resnet50 as adopted_resnet50\n\ndef resnet50():\n    return adopted_resnet50()\n",
        ),
        (
            "import timm\nnet = timm.create_model('resnet50', pretrained=True, num_classes=n)\n",
            "from resnet import resnet50\nnet = resnet50(pretrained=True, num_classes=n)\n",
        ),
        (
            "import timm\nnet = timm.create_model('resnet50')\n",
            "from resnet import resnet50\nnet = resnet50()\n",
        ),
        (
            "from timm import create_model\nnet = create_model('resnet50.a1', True)\n",
            "from resnet import resnet50\nnet = resnet50(True, pretrained_cfg='a1')\n",
        ),
        (
            'import timm\nnet = timm.create_model(model_name="resnet50.a1", num_classes=2)\n',
            'from resnet import resnet50\nnet = resnet50(pretrained_cfg="a1", num_classes=2)\n',
        ),
    ],
)
def test_pointed_to_the_copy(text: str, after: str) -> None:
    assert pointed(text)[0] == after


def test_of_a_folder() -> None:
    after, found = pointed(
        "from timm.models import resnet\nnet = resnet.resnet50(num_classes=3)\n", "nets.resnet"
    )
    assert after.startswith("from nets import resnet\n")
    assert found.calls == ["resnet50(num_classes=3)"]


def test_the_constructions_are_known() -> None:
    text = "from timm.models.resnet import resnet50 as make\nnet = make(in_chans=1).eval()\n"
    assert pointed(text)[1].calls == ["resnet50(in_chans=1)"]


def test_a_model_whose_name_is_not_written_is_told() -> None:
    text = "import timm\nfrom timm.models import ResNet\nnet = timm.create_model(args.model)\nprint(ResNet)\n"
    after, found = pointed(text)
    assert "timm.create_model(args.model)" in after
    assert found.notes == [
        "train.py:3 makes a model whose name is not written there; that one stays the installed one"
    ]


@pytest.mark.parametrize(
    ("text", "code", "where", "message"),
    [
        ("import os\n", "target-not-found", "train.py", "takes nothing from timm.models.resnet"),
        (
            "import timm\nnet = timm.create_model(args.model)\n",
            "target-not-found",
            "train.py:2",
            "whose name is not written there",
        ),
        (
            "import timm\nnet = timm.create_model('resnet50', checkpoint_path='a.pth')\n",
            "unsupported",
            "train.py:2",
            "checkpoint_path, which resnet50() itself does not take",
        ),
        (
            "import timm\nnet = timm.create_model('resnet50', **options)\n",
            "unsupported",
            "train.py:2",
            "by position",
        ),
        (
            "import os; from timm.models import resnet50\n",
            "unsupported",
            "train.py:1",
            "shares its line",
        ),
    ],
)
def test_refused(text: str, code: str, where: str, message: str) -> None:
    with pytest.raises(StitchError) as refused:
        pointed(text)
    assert (refused.value.code, refused.value.where) == (code, where)
    assert message in refused.value.message
