"""A class of a repository whose models come of YAML files: what builds it is found there."""

from __future__ import annotations

import re

from stitchgen.errors import StitchError
from stitchgen.project import config
from stitchgen.yolo.constructions import with_yaml_offers, yamls_of
from tests.support.commands import refusal, request_of

PART = """

class Part(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1)


class Whole(nn.Module):
    def __init__(self, channels, width, size=5):
        super().__init__()
        self.part = Part(channels)
"""


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
    assert offered == """--build 'models.yolo:DetectionModel("model.yaml")'"""
    flags = re.sub("^--build '|'$", "", offered)
    # It is built of it, and what `fuse()` binds to forward leaves the block out.
    found = refusal(fork, f"se --after models/common.py::Conv.bn --build '{flags}'", python)
    assert found.code == "law-broken" and "fuse()" in found.message


def test_a_part_of_a_row_is_built_by_the_rows_around_it(fork: config.Project) -> None:
    """Nothing is built here: what is asked is which YAML files have it."""
    common = fork.root / "models" / "common.py"
    common.write_text(common.read_text() + PART)
    model = fork.root / "model.yaml"
    model.write_text(model.read_text().replace("Conv, [32, 3]]", "Whole, [32, 3]]"))
    request = request_of("se --after models/common.py::Part.conv", "no-python")
    found = with_yaml_offers(fork, request, StitchError("does-not-build", "no Part was built"))
    assert "Part is a part of rows of model.yaml" in (found.hint or "")
    assert found.suggestions[0] == """--build 'models.yolo:DetectionModel("model.yaml")'"""
    assert found.suggestions[-1].startswith("--after model.yaml::model.5,")


def test_the_narrowest_of_the_upper_models_is_offered_first(fork: config.Project) -> None:
    text = (fork.root / "model.yaml").read_text()
    (fork.root / "wide.yaml").write_text(text.replace("n: [0.33, 0.25", "n: [0.33, 2.0"))
    (fork.root / "model.yaml").rename(fork.root / "x.yaml")
    (fork.root / "hub").mkdir()
    (fork.root / "hub" / "a.yaml").write_text(text)
    (fork.root / "data.yaml").write_text("names: [a, b]\n")
    found = yamls_of(fork, {"Conv"})
    assert found == [("x.yaml", "model.0"), ("wide.yaml", "model.0"), ("hub/a.yaml", "model.0")]


def test_a_row_is_offered_where_a_number_means_another_layer_in_the_next_file(
    fork: config.Project,
) -> None:
    request = request_of("se --after models/yolo.py::DetectionModel.model.2", "no-python")
    found = with_yaml_offers(fork, request, StitchError("channels-unknown", "64 and 32"))
    assert found.suggestions == ["--after model.yaml::model.2"]
    assert "builds a model of any YAML" in (found.hint or "")
