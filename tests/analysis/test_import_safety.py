"""Which top-level statements are run: of the model's own file, and of those that it imports."""

from __future__ import annotations

import ast

import pytest

from stitchgen.analysis import import_safety

#: A model whose methods read names of the file, one of them through a function.
NET = """\
def fold(x):
    return help(x)


class Net:
    def forward(self, x):
        return rearrange(fold(x))


"""
#: Statement, whether it is run in the model's own file, and in one that it imports.
STATEMENTS = [
    ("import os", True, True),
    ("WIDTHS = [8, 16]", True, True),
    ("TABLE = {}\nTABLE.update(a=1)", True, True),
    ("NAMES = []\nfor name in ('a', 'b'):\n    NAMES.append(name)", True, True),
    ("SIZES = {}\nfor size in (8, 16):\n    SIZES[size] = size * 2", True, True),
    ("del os", True, True),
    ("assert len(WIDTHS) == 2", True, True),
    ("from lab import REGISTRY\nREGISTRY.register('net', None)", False, True),
    ("from lab import register, nets\nfor one in nets():\n    register(one)", False, True),
    ("import sys\nfrom lab import Lazy\nsys.modules[__name__] = Lazy(__name__)", False, True),
    ("print('loaded')", False, True),
    ("def fill():\n    pass\n\n\nfill()", False, True),
    ("def main():\n    pass\n\n\nmain()", False, False),
    ("def go():\n    loss.backward()\n\n\ndef start():\n    go()\n\n\nstart()", False, False),
    ("for x, y in loader:\n    pass", False, False),
    ("for _ in range(3):\n    loss = net(x)\n    loss.backward()", False, False),
    ("total = net(x)\nfor _ in range(3):\n    total = net(total)", False, True),
    ("trainer.fit(net)", False, False),
    ("arguments = parser.parse_args()", False, False),
    ("arguments = parser.parse_args()\nnet = Net(arguments.width)", False, False),
    ("import os\nos.makedirs('runs', exist_ok=True)", False, False),
    ("import os\nos.system('make')", False, False),
    ("import platform\nWINDOWS = platform.system() == 'Windows'", True, True),
    ("import time\nstarted = time.time()", True, True),
    ("import struct\nSIZE = struct.calcsize('i')", True, True),
    ("import subprocess\nVERSION = subprocess.run(['git'])", False, False),
    ("import wandb\nwandb.init(project='net')", False, False),
    ("import wandb\nrun = wandb.init(project='net')\nrun.log(1)", False, False),
    ("raise SystemExit('training')", False, False),
    ("import sys\nsys.exit()", False, False),
    (f"{NET}from lab import optional\nrearrange = optional('einops')", True, True),
    (f"{NET}from lab import optional\nother = optional('einops')", False, True),
    (f"{NET}rearrange = parser.parse_args()", False, False),
    ("if __name__ == '__main__':\n    main()", True, True),
]


@pytest.mark.parametrize(("source", "alone", "imported"), STATEMENTS)
def test_what_is_run(source: str, alone: bool, imported: bool) -> None:
    tree = ast.parse(source)
    last = tree.body[-1].lineno
    assert (last not in [line for line, _ in import_safety.left_out(tree)]) == alone
    assert (last not in [line for line, _ in import_safety.acting(tree)]) == imported


MAKES_A_FOLDER = """
from pathlib import Path


def settings():
    path = Path("settings")
    path.mkdir(exist_ok=True)
    return path


FOLDER = settings()
OTHER = settings()
settings()
"""


def test_what_makes_a_folder_is_run_where_another_file_imports_what_it_binds():
    tree = ast.parse(MAKES_A_FOLDER)
    assert [first for first, _ in import_safety.acting(tree)] == [11, 12, 13]
    assert [first for first, _ in import_safety.acting(tree, {"FOLDER"})] == [12, 13]
    trained = ast.parse(MAKES_A_FOLDER.replace("    return path", "    train()\n    return path"))
    assert len(import_safety.acting(trained, {"FOLDER"})) == 3
