"""A project that registers its models with an installed package can be imported again."""

import json
import os
import subprocess
import sys
import types
from collections import OrderedDict

import pytest

from stitchgen.observer import registrations

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


def spliced(folder, registry, model):
    """The answer of `add` for a model of a project beside which the registry is installed."""
    installed = folder / "site-packages" / "registry_of_models"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text(registry)
    project = folder / "project"
    project.mkdir()
    (project / "model.py").write_text(model)
    command = [sys.executable, "-m", "stitchgen", "add", "se", "--after", "model.conv", "--json"]
    paths = [str(installed.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [*command, "--python", sys.executable],
        cwd=project,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)


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
    model = MODEL.format(imported=imported, on_class=on_class, on_function=on_function)
    answer = spliced(tmp_path, REGISTRY, model)
    assert answer["ok"], answer
    assert answer["proof"]["notes"] == []


def test_a_file_copied_from_the_package_goes_without_its_registration(tmp_path):
    taken = REGISTRY + "\n\n@register_model\ndef small():\n    pass\n"
    model = MODEL.format(imported="register_model", on_class="", on_function="@register_model")
    answer = spliced(tmp_path, taken, model)
    assert answer["ok"], answer
    [note] = answer["proof"]["notes"]
    assert "a decorator of small raises ValueError: an entry is already registered" in note


def test_a_decorator_of_the_project_that_fails_is_its_own_matter(tmp_path):
    own = "def register_model(function):\n    raise ValueError('taken')\n"
    model = MODEL.format(imported="MODELS", on_class="", on_function=own + "\n\n@register_model")
    answer = spliced(tmp_path, REGISTRY, model)
    assert (answer["ok"], answer["error"]["code"]) == (False, "does-not-build")


class Lazy(OrderedDict):
    """As that of transformers: asked, it fills itself, which may fail."""

    def items(self):
        raise ValueError("dictionary update sequence element #0 has length 22; 2 is required")

    def __iter__(self):
        raise ValueError("filled when asked")

    pop = setdefault = items


def test_tables_that_fill_themselves_are_asked_as_plain_ones(monkeypatch):
    package, project = types.ModuleType("filled"), types.ModuleType("of_the_project")
    made = type("Made", (), {"__module__": "of_the_project"})
    package.TABLE = Lazy()
    OrderedDict.__setitem__(package.TABLE, "made", made)
    OrderedDict.__setitem__(package.TABLE, "other", int)
    project.taken = type("Taken", (), {"__module__": "filled"})
    monkeypatch.setitem(sys.modules, "filled", package)
    (put_back,) = registrations.take_out({"of_the_project": project})
    assert list(OrderedDict.items(package.TABLE)) == [("other", int)]
    put_back()
    assert dict.get(package.TABLE, "made") is made
