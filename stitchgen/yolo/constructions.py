"""How a repository that has its own parse_model builds the models of its YAML files, ready to paste."""

from __future__ import annotations

import ast
from pathlib import Path

from stitchgen.errors import StitchError
from stitchgen.project.config import Project
from stitchgen.project.transaction import read_bytes
from stitchgen.source.yaml_rows import ModelYaml, read_model
from stitchgen.targets.relatives import related_classes
from stitchgen.targets.request import SpliceRequest
from stitchgen.yolo.files import builder_of, dotted_name, project_yamls
from stitchgen.yolo.parse_model import features

#: What the class of a model is called there.
MODELS = ("DetectionModel", "Model")
#: What a layer's number in the class is refused with, where the models of the YAML files differ in it.
OF_ONE_MODEL = ("channels-unknown", "configuration-dependent")
#: So many constructions are offered.
MOST = 3


def with_yaml_offers(project: Project, request: SpliceRequest, error: StitchError) -> StitchError:
    """The refusal of a class that was not built, with the models of the project's YAML files."""
    builder = builder_of(project.root)
    if builder is not None and error.code in OF_ONE_MODEL:
        return with_rows(project, request, builder, error)
    files = {text.partition("::")[0] for text in request.targets if ".py::" in text}
    if (
        error.code not in ("does-not-build", "does-not-run")
        or request.builds
        or builder is None
        or len(files) != 1
    ):
        return error
    [file] = files
    names = {text.partition("::")[2].partition(".")[0] for text in request.targets}
    found = yamls_of(project, names)
    rows = f"{', '.join(sorted(names))} is a row"
    around = set() if found else classes_around(project.root / file, names)
    if around:
        found = yamls_of(project, around)
        rows = f"{', '.join(sorted(names))} is a part of rows"
    kind = model_class(builder)
    if not found or kind is None:
        return error
    module = dotted_name(project.root, builder)
    (first, row), *_ = found
    error.hint = f"{rows} of {first}: name a model that is built of it"
    error.suggestions = [f"""--build '{module}:{kind}("{path}")'""" for path, _ in found[:MOST]]
    error.suggestions.append(f"--after {first}::{row}, a row of its own")
    return error


def with_rows(
    project: Project, request: SpliceRequest, builder: Path, error: StitchError
) -> StitchError:
    """The refusal of an edit by number in the class that builds from any YAML, with the row of one instead."""
    file = builder.relative_to(project.root).as_posix()
    numbers = [text.rpartition(".")[2] for text in request.targets if text.startswith(f"{file}::")]
    rows = [f"model.{number}" for number in numbers if number.isdigit()]
    found = yamls_of(project, None)
    if not rows or not found:
        return error
    error.hint = f"{file} builds a model of any YAML: put the block into a row of yours"
    error.suggestions = [f"--after {path}::{rows[0]}" for path, _ in found[:MOST]]
    return error


def classes_around(file: Path, names: set[str]) -> set[str]:
    """The classes of a file that inherit from, or create, one of these."""
    try:
        return related_classes(ast.parse(read_bytes(file)), names)
    except (OSError, SyntaxError, ValueError):
        return set()


def yamls_of(project: Project, names: set[str] | None) -> list[tuple[str, str]]:
    """The YAML files with a row of one of these classes (None: of any), each with the first such row's name.

    First those of the upper folders; of one folder the narrowest model, which is proven soonest.
    """
    found = []
    for path in project_yamls(project):
        try:
            model = read_model(read_bytes(project.root / path), path.as_posix())
        except StitchError:
            continue  # a dataset's, say
        rows = [row.name for row in model.rows if names is None or row.module in names]
        if rows:
            found.append((len(path.parts), width_of(model), path.as_posix(), rows[0]))
    return [(path, row) for *_, path, row in sorted(found)]


def width_of(model: ModelYaml) -> int:
    """The channels of all rows at the first scale, as far as they are read."""
    return sum(feature.channels or 0 for feature in features(model, model.scales[0]))


def model_class(builder: Path) -> str | None:
    """The class of the file that takes a YAML."""
    tree = ast.parse(read_bytes(builder))
    classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    return next((name for name in MODELS if name in classes), None)
