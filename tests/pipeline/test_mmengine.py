"""`new-module --register mmengine`: a block that a configuration names by its type."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
import torch

from stitchgen.errors import StitchError
from stitchgen.history import undo
from stitchgen.pipeline import new_module
from stitchgen.project.config import Project
from tests.support.spliced import tree

#: What MMEngine's registry does with a class and a configuration.
REGISTRY = """
class Registry(dict):
    def register_module(self):
        def decorate(kind):
            self[kind.__name__] = kind
            return kind
        return decorate

    def build(self, cfg, **kwargs):
        cfg = dict(cfg)
        return self[cfg.pop("type")](**cfg, **kwargs)


MODELS = Registry()
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    package = tmp_path / "packages" / "mmengine"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "registry.py").write_text(REGISTRY)
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)
    for path in (package.parent, root):
        monkeypatch.syspath_prepend(str(path))
    for name in [*sys.modules]:
        if name.partition(".")[0] in ("mmengine", "blocks"):
            monkeypatch.delitem(sys.modules, name)
    return Project(root=root)


@pytest.mark.parametrize(("block", "kind"), [("cbam", "CBAM"), ("ghost", "GhostModule")])
def test_a_configuration_builds_it(project: Project, block: str, kind: str) -> None:
    result = new_module.run(project, block, register="mmengine").result
    kind = result["class"]
    names: dict[str, dict[str, list[str]]] = {}
    exec(result["register"]["imports"], names)
    for name in names["custom_imports"]["imports"]:
        importlib.import_module(name)
    models = importlib.import_module("mmengine.registry").MODELS
    plugin: dict[str, list[dict[str, dict[str, str]]]] = {}
    exec(result["register"]["plugin"], plugin)
    built = models.build(plugin["plugins"][0]["cfg"], in_channels=32)
    assert type(built).__name__ == kind
    assert built(torch.rand(2, 32, 8, 8)).shape == (2, 32, 8, 8)
    assert new_module.run(project, block, register="mmengine").result["files"] == []
    undo.run(project)
    assert not [path for path in tree(project.root) if path.endswith(".py")]


@pytest.mark.parametrize("block", ["attention-gate", "simam"])
def test_what_no_plugin_can_be_is_refused(project: Project, block: str) -> None:
    with pytest.raises(StitchError) as refused:
        new_module.run(project, block, register="mmengine")
    assert refused.value.code == "unsupported" and not tree(project.root)
