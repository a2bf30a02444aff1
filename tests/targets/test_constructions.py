"""Which constructions of a project are found by reading, and with which arguments."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from stitchgen.source.document import Document
from stitchgen.source.syntax import Syntax
from stitchgen.targets.build_offers import constructions

NET = """\
from torch import nn


class Net(nn.Module):
    def __init__(self, width, classes=10):
        super().__init__()
        self.body = nn.Conv2d(3, width, 3)
"""


def found(root: Path, files: dict[str, str]) -> list[str]:
    for name, text in {"net.py": NET, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(textwrap.dedent(text))
    file = (root / "net.py").resolve()
    syntax = Syntax(Document(file.read_bytes(), "net.py"))
    return [one.text for one in constructions(root.resolve(), file, syntax, {"Net"})]


OPTIONS = "args = parse()\nwidth = args.width\n"


@pytest.mark.parametrize(
    ("script", "options", "texts"),
    [
        ("from opt import args\nfrom net import Net\nNet(args.width)", OPTIONS, ["args.width"]),
        ("import opt\nfrom net import Net\nNet(opt.width)", OPTIONS, ["width"]),
        # Where the name means something else, or a script is run.
        (
            "from opt import width\nfrom net import Net\ndef make(width): return Net(width)",
            OPTIONS,
            [],
        ),
        (
            "from opt import width\nfrom net import Net\ndef a():\n    for width in (8, 16): Net(width)",
            OPTIONS,
            [],
        ),
        ("from opt import args\nfrom net import Net\nNet(args)", "args = launch_training()", []),
        (
            "from opt import args\nfrom net import Net\nNet(args)",
            "if __name__ == '__main__':\n    args = 1",
            [],
        ),
    ],
)
def test_options_of_another_file(
    tmp_path: Path, script: str, options: str, texts: list[str]
) -> None:
    wanted = [f"Net(__import__('opt').{text})" for text in texts]
    assert found(tmp_path, {"opt.py": options, "train.py": script}) == wanted


@pytest.mark.parametrize(
    ("function", "texts"),
    [
        ("def make(width=8): return Net(width)", ["zoo:make()"]),
        ("def make(num_classes, width=8): return Net(width, num_classes)", ["Net(8, 3)"]),
        ("def make(data, num_classes=1000): return Net(16, num_classes)", ["Net(16, 1000)"]),
        ("def make(data, width=8):\n    width *= 4\n    return Net(width)", []),
        ("def make(n, width=8):\n    width, n = n, width\n    return Net(width)", []),
        ("def make(width): return Net(width)", []),
    ],
)
def test_what_a_function_is_given(tmp_path: Path, function: str, texts: list[str]) -> None:
    assert found(tmp_path, {"zoo.py": f"from net import Net\n\n{function}\n"}) == texts


def test_options_of_a_program_that_has_nothing_to_do_with_the_model(tmp_path: Path) -> None:
    files = {
        "other.py": "config = dict(lr=1)",
        "tool.py": "from other import config\nprint(config)",
        "zoo.py": "from net import Net\n\ndef make(config): return Net(config)\n",
    }
    assert found(tmp_path, files) == []
    files["train.py"] = (
        "from other import config\nfrom zoo import make\nfrom net import Net\nmake(config)"
    )
    assert found(tmp_path, files) == ["Net(__import__('other').config)"]
