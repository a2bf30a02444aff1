"""A class of a repository whose models come of YAML files: what builds it is found there."""

from __future__ import annotations

import re

from stitchgen.project import config
from tests.support.commands import refusal


def test_the_models_of_the_yaml_files_are_offered(fork: config.Project, python: str) -> None:
    builder = fork.root / "models" / "yolo.py"
    text = builder.read_text().replace(
        "        self.yaml = cfg\n",
        "        import yaml\n\n        with open(cfg) as file:\n            self.yaml = yaml.safe_load(file)\n",
    )
    builder.write_text(text)
    found = refusal(fork, "se --after models/common.py::Conv.bn", python)
    assert found.code.startswith("does-not-") and "Conv is a row of model.yaml" in (
        found.hint or ""
    )
    offered = found.suggestions[0]
    assert offered == """--build 'models.yolo:DetectionModel("../model.yaml")'"""
    flags = re.sub("^--build '|'$", "", offered)
    # It is built of it, and what `fuse()` binds to forward leaves the block out.
    found = refusal(fork, f"se --after models/common.py::Conv.bn --build '{flags}'", python)
    assert found.code == "law-broken" and "fuse()" in found.message
