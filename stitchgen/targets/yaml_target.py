"""Which targets are rows of a YAML file, or may be: found out cheaply, before anything else is loaded for them."""

from __future__ import annotations

from stitchgen.project.config import Project
from stitchgen.source.yaml_document import is_yaml


def names_yaml(text: str) -> bool:
    """Whether a target, or a model, is in a YAML file."""
    file, _, _ = text.partition("::")
    return is_yaml(file.strip())


def may_name_yaml(project: Project, text: str) -> bool:
    """Whether it is, or is in a script that speaks of Ultralytics, whose models are built from a YAML."""
    file, separator, _ = text.strip().partition("::")
    if names_yaml(text):
        return True
    if not separator or not file.endswith(".py"):
        return False
    paths = [folder / file for folder in project.search_folders]
    found = next((path for path in paths if path.is_file()), None)
    return found is not None and b"ultralytics" in found.read_bytes()
