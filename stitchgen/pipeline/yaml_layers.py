"""`stitchgen layers yolov8.yaml`: the rows of a model's YAML, with channels at every scale, stride, readers."""

from __future__ import annotations

from typing import Any

from stitchgen.analysis.subject import interpreter
from stitchgen.project.config import Project
from stitchgen.source.yaml_rows import ModelYaml, Row, Scale
from stitchgen.targets.yaml_target import names_yaml
from stitchgen.yolo.files import yaml_file
from stitchgen.yolo.parse_model import Feature, features
from stitchgen.yolo.scripts import yaml_of_script


def yaml_named(project: Project, text: str) -> str | None:
    """The YAML that a model means: itself, or the one that a script names; None for Python source."""
    if names_yaml(text):
        return text
    found = yaml_of_script(project, text)
    return found[0].name if found is not None else None


def describe(project: Project, text: str, python: str | None) -> dict[str, Any]:
    """The object of `--json`. The YAML is read, as parse_model does; nothing is built."""
    name = text.partition("::")[0].strip()
    file = yaml_file(project, name, "", interpreter(python, project.python, project.root))
    model = file.model
    scales = [one for one in model.scales if one.name == file.scale] or list(model.scales)
    found = [features(model, one) for one in scales]
    return {
        "ok": True,
        "command": "layers",
        "model": name,
        "file": str(file.source) if file.copied else file.path,
        "build": None,
        "scales": [one.name for one in scales],
        "layers": [
            row_report(model, row, scales, [at[row.index] for at in found]) for row in model.rows
        ],
        "warnings": [],
    }


def row_report(
    model: ModelYaml, row: Row, scales: list[Scale], at: list[Feature]
) -> dict[str, Any]:
    reads, _, _, args = row.node.items
    known = at[0].channels is not None
    return {
        "path": row.name,
        "class": row.module,
        "channels": at[0].channels,
        "layout": "NCHW" if known and at[0].stride is not None else None,
        "evidence": "read" if known else "unknown",
        "calls": 1,
        "readers": [reader.name for reader in model.readers(row.index)],
        "line": row.line,
        "from": reads.value,
        "repeats": row.repeats,
        "arguments": model.document.code(args.span)[1:-1].strip(),
        "channels_at": {one.name: feature.channels for one, feature in zip(scales, at)},
        "stride": at[0].stride,
    }
