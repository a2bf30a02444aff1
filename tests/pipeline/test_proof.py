"""What the command says of the proof, and what it needs for one."""

import base64
import json
import subprocess
import sys

import pytest

from stitchgen.errors import StitchError
from stitchgen.observer import proof as observed
from stitchgen.pipeline import proof, splice
from stitchgen.planning import block_file
from stitchgen.project import config
from tests.support.commands import request_of
from tests.support.spliced import tree

MODEL = """\
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)

    def forward(self, x):
        x = self.conv(x)
        return x
"""
#: Runs a command and prints which modules of the reader are loaded afterwards.
RUN = """\
import sys
from stitchgen.cli import main
status = main.run(sys.argv[1:])
print(status, [name for name in sys.modules if name.startswith("stitchgen.analysis.static")])
"""

#: Answers the request on standard input, away from the folder that it was started in.
ANSWER = """\
import json, sys
sys.path.remove("")
from stitchgen.observer.operations import answer_to
print(json.dumps(answer_to(json.load(sys.stdin))))
"""


def test_the_report_names_the_checks_that_the_observer_makes():
    assert [check.name for check in observed.CHECKS] == list(proof.CHECKS)


def test_a_proven_splice_reads_nothing_that_only_reading_needs(tmp_path):
    (tmp_path / "model.py").write_text(MODEL)
    arguments = ["add", "se", "--after", "model.conv", "--python", sys.executable]

    def run(*more):
        command = [sys.executable, "-c", RUN, *arguments, *more]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()[-1]

    assert run("--dry-run") == "0 []"
    assert "stitchgen.analysis.static" in run("--dry-run", "--no-prove")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A package that two scripts import, each in its own way."""
    files = {
        "net/__init__.py": "",
        "net/model.py": MODEL,
        "net/train.py": "from .model import Net\n\nif __name__ == '__main__':\n    Net()\n",
        "tools/eval.py": "import sys\n\nsys.path.insert(0, '.')\nfrom net.model import Net\n\nNet()\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return config.find_project(tmp_path)


def test_the_edited_file_is_imported_in_every_way_of_the_project(project, python):
    request = request_of("se --after net/model.py::Net.conv", python)
    found = splice.run(project, request).result["proof"]["imports"]
    assert sorted(found, key=str) == [
        {"from": "python -m net.train", "as": "net.model"},
        {"from": "tools/eval.py", "as": "net.model"},
    ]


def test_an_import_that_fails_in_one_way_is_refused(project, python, monkeypatch):
    # Found from the root, and not by the script that has its own folder first on the path.
    monkeypatch.setattr(block_file, "module_to_import", lambda *_, package: "net.blocks.se")
    (project.root / "net" / "run.py").write_text("from model import Net\n\nNet()\n")
    before = tree(project.root)
    with pytest.raises(StitchError) as refused:
        splice.run(project, request_of("se --after net/model.py::Net.conv", python))
    assert refused.value.code == "import-conflict"
    assert "is imported as model by net/run.py, which the edit breaks" in refused.value.message
    assert tree(project.root) == before


@pytest.mark.parametrize(
    ("way", "before", "after"),
    [
        ({"module": "net.model", "paths": ["."]}, None, None),
        ({"module": "model", "paths": ["net"]}, None, "No module named 'net'"),
        ({"module": "absent.model", "paths": ["."]}, "No module named 'absent'", None),
    ],
)
def test_an_import_is_tried_as_the_file_is_and_as_it_would_be(project, way, before, after):
    file = project.root / "net" / "model.py"
    edited = b"from net.blocks import Block\n" + file.read_bytes()
    block = project.root / "net" / "blocks.py"
    overlay = {str(file): edited, str(block): b"Block = None\n"}
    paths = [str(project.root / path) for path in way["paths"]]
    request = {
        "op": "import",
        "file": str(file),
        "module": "net.model",
        "paths": [str(project.root)],
        "root": str(project.root),
        "inputs": [],
        "ways": [{"file": str(file), "module": way["module"], "paths": paths, "by_path": False}],
        "overlay": {path: base64.b64encode(data).decode() for path, data in overlay.items()},
    }
    # In a process of its own: other tests leave folders and modules behind in that of pytest.
    command = [sys.executable, "-c", ANSWER]
    done = subprocess.run(
        command, input=json.dumps(request), capture_output=True, text=True, check=True
    )
    [tried] = json.loads(done.stdout)["ways"]
    for error, expected in ((tried["before"], before), (tried["after"], after)):
        assert (error is None) == (expected is None), error
        assert expected is None or expected in error["message"]


KEPT = """\
from torch import nn


class Net(nn.Module):
    def __init__(self, widths, bias=True):
        super().__init__()
        self.layers = nn.ModuleList()
        before = 3
        for width in widths:
            self.layers.append(nn.Conv2d(before, width, 3, bias=bias))
            before = width

    def forward(self, x):
        kept = {}
        for number, layer in enumerate(self.layers):
            x = layer(x)
            kept[number] = x
        return kept[1]
"""


def test_what_comes_after_a_configuration_that_does_no_harm_is_still_proven(
    tmp_path, python, monkeypatch
):
    """Nothing reads the third layer of a longer list: that one is noted, not counted, and ends nothing."""
    (tmp_path / "model.py").write_text(KEPT)
    monkeypatch.chdir(tmp_path)
    request = request_of("se --after model.py::Net.layers.* --build Net([16,24])", python)
    proof = splice.run(config.find_project(tmp_path), request).result["proof"]
    assert proof["build"] == ["Net([16,24])"]
    assert any("with one more in widths: No gradient reaches" in note for note in proof["notes"])
    assert (proof["configurations"], proof["variants"]) == (2, 1)  # itself, and without a bias
