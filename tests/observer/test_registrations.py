"""A project that registers its models with an installed package can be imported again."""

import json
import os
import subprocess
import sys

import pytest

REGISTRY = """\
NAMES = {}
CLASSES = []


class Registry:
    def __init__(self):
        self._module_dict = {}

    def register_module(self, cls):
        if cls.__name__ in self._module_dict:
            raise KeyError(f"{cls.__name__} is already registered")
        self._module_dict[cls.__name__] = cls
        return cls


MODELS = Registry()


def register_model(function):
    if function.__name__ in NAMES:
        raise ValueError(f"an entry is already registered under the name {function.__name__!r}")
    NAMES[function.__name__] = function
    return function


def listed(cls):
    if any(one.__name__ == cls.__name__ for one in CLASSES):
        raise ValueError("listed twice")
    CLASSES.append(cls)
    return cls
"""
MODEL = """\
import torch.nn as nn

from registry_of_models import {imported}

{on_class}
class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.head = nn.Conv2d(width, 4, 1)

    def forward(self, x):
        return self.head(self.conv(x))

{on_function}
def small(width=8):
    return Net(width)
"""


@pytest.mark.parametrize(
    ("imported", "on_class", "on_function"),
    [
        ("register_model", "", "@register_model"),
        ("MODELS", "@MODELS.register_module", ""),
        ("listed", "@listed", ""),
        ("MODELS, listed, register_model", "@listed\n@MODELS.register_module", "@register_model"),
    ],
)
def test_a_registered_model_is_spliced_and_proven(tmp_path, imported, on_class, on_function):
    installed = tmp_path / "site-packages" / "registry_of_models"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text(REGISTRY)
    project = tmp_path / "project"
    project.mkdir()
    (project / "model.py").write_text(
        MODEL.format(imported=imported, on_class=on_class, on_function=on_function)
    )
    command = [sys.executable, "-m", "stitchgen", "add", "se", "--after", "model.conv", "--json"]
    paths = [str(installed.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [*command, "--python", sys.executable],
        cwd=project,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
    )
    answer = json.loads(done.stdout)
    assert answer["ok"], answer
    assert answer["proof"]["build"]
