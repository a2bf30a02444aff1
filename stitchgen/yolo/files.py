"""The files around a model's YAML: which one a target means, who builds a model from it, which scripts.

`yolov8n.yaml` that is not there means `yolov8.yaml` at scale n, as Ultralytics has it; one that the project
has not at all is the package's, of which the project then gets a copy.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from stitchgen.analysis.subject import installed_packages
from stitchgen.errors import StitchError
from stitchgen.history import ledger
from stitchgen.history.yaml_traces import modules_put_in
from stitchgen.project.config import Project
from stitchgen.project.modules import as_named
from stitchgen.project.python_files import python_files
from stitchgen.project.transaction import read_bytes
from stitchgen.source.yaml_document import is_yaml
from stitchgen.source.yaml_rows import ModelYaml, read_model

SCALES = "nslmx"
SCALE = re.compile(rf"(\d+)([{SCALES}])(.+)?$")
#: What a scale stands behind.
BEFORE_SCALE = re.compile(r"^(yolo(?:e-)?v?\d+)")
#: A scale that is set apart, which Ultralytics does not see.
SET_APART = re.compile(rf"[-_.]([{SCALES}])$")
#: How `parse_model` is found in a repository that has its own: relative to the project's root.
BUILDERS = ("ultralytics/nn/tasks.py", "models/yolo.py")
#: The classes of Ultralytics that build from a YAML's name.
BUILDING = frozenset({"YOLO", "RTDETR", "YOLOWorld", "YOLOE"})


@dataclass(frozen=True)
class YamlFile:
    """The YAML of a target: the file that is read, where the edited one goes, the scale that was named."""

    source: Path
    path: str  # where the edited file goes, relative to the project's root
    copied: bool  # the source is the package's, and stays as it is
    scale: str  # "" where none was named
    model: ModelYaml


def unscaled(name: str) -> tuple[str, str]:
    """`yolov8n-seg.yaml` -> (`yolov8-seg.yaml`, `n`); the name itself and "" where it has no scale."""
    stem, dot, suffix = name.rpartition(".")
    match = SCALE.search(stem)
    if match is None:
        return name, ""
    general = SCALE.sub(r"\1\3", stem)
    return f"{general}{dot}{suffix}", match.group(2)


def at_scale(name: str, scale: str) -> str:
    """`yolov8n-cbam.yaml` of `yolov8-cbam.yaml`; the name itself where it tells one, or cannot tell any."""
    return name if told_scale(name) else BEFORE_SCALE.sub(rf"\g<1>{scale}", name)


def told_scale(name: str) -> str:
    """The scale that Ultralytics takes from a file's name; "" where it takes none."""
    match = BEFORE_SCALE.match(name)
    following = name[match.end() : match.end() + 1] if match else ""
    return following if following and following in SCALES else ""


def meant_scale(name: str) -> str:
    """The scale that a name seems to tell its reader, as `yolov8-s.yaml` does, and Ultralytics does not take."""
    match = SET_APART.search(name.rpartition(".")[0])
    return match.group(1) if match and not told_scale(name) else ""


def yaml_file(project: Project, name: str, block: str, python: str) -> YamlFile:
    """The YAML that a target names; `block` names the copy that the project gets of a packaged one."""
    folder, _, file = name.rpartition("/")
    general, scale = unscaled(file)
    wanted = [(file, "")] + ([(general, scale)] if scale else [])
    for one, of_scale in wanted:
        for base in project.search_folders:
            path = base / folder / one
            if path.is_file():
                return own_file(project, as_named(path), of_scale)
    packaged = dict(packaged_yamls(python))
    for one, of_scale in wanted if not folder else []:
        if one in packaged:
            return packaged_file(project, packaged[one], of_scale, block)
    near = dict.fromkeys([*map(str, project_yamls(project)), *packaged])
    raise StitchError(
        "file-not-found",
        f"there is no file {name}, and the Python that runs the model has no Ultralytics with it",
        where=name,
        hint=None if packaged else f"{python} has no ultralytics; --python names another.",
        suggestions=get_close_matches(name, list(near), n=3, cutoff=0.6),
    )


def own_file(project: Project, path: Path, scale: str) -> YamlFile:
    root = project.root.resolve()
    shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else None
    if shown is None or "site-packages" in path.parts:
        raise StitchError(
            "installed-package",
            f"{path} is not the project's",
            where=str(path),
            hint="Copy it into the project, or name it alone: a copy is made then.",
        )
    model = read_model(read_bytes(path), shown)
    check_scale(model, path.name, scale)
    marks = (mark for entry in ledger.load(project.root).entries for mark in entry.traces)
    return YamlFile(path, shown, False, scale, replace(model, own=modules_put_in(marks)))


def check_scale(model: ModelYaml, name: str, scale: str) -> None:
    """Refuse a scale that the file has not: nothing builds it."""
    names = [one.name for one in model.scales]
    if not scale or scale in names:
        return
    node = model.document.get("scales")
    found = "its scales are " + ", ".join(names) if any(names) else "it has no scales"
    raise StitchError(
        "target-not-found",
        f"{model.document.path} has no scale {scale}: {found}",
        where=f"{model.document.path}:{model.document.line_of(node.span[0]) if node else 1}",
        hint=f"Name the file as it is, {name}, or at a scale that it has.",
    )


def packaged_file(project: Project, path: Path, scale: str, block: str) -> YamlFile:
    """The package's YAML, with the name that the edited copy gets: `yolov8-cbam.yaml`."""
    stem = f"{path.stem}-{block}" if block else path.stem
    if unscaled(f"{stem}.yaml")[1] != unscaled(path.name)[1]:
        stem = f"{path.stem}-block"  # a name in which Ultralytics would see a scale
    current = project.current or project.root
    folder = current if current.resolve().is_relative_to(project.root.resolve()) else project.root
    copy = folder.resolve() / f"{stem}{path.suffix}"
    shown = copy.relative_to(project.root.resolve()).as_posix()
    if block and copy.exists():
        return own_file(project, copy, scale)
    model = read_model(read_bytes(path), shown if block else path.name)
    check_scale(model, path.name, scale)
    return YamlFile(path, shown, True, scale, model)


def packaged_yamls(python: str) -> Iterator[tuple[str, Path]]:
    """The models that the installed Ultralytics of a Python describes, by name; nothing is run."""
    packages = installed_packages(python)
    folder = packages / "ultralytics" / "cfg" / "models" if packages is not None else None
    if folder is not None and folder.is_dir():
        for path in sorted(folder.rglob("*.yaml")):
            yield path.name, path


def project_yamls(project: Project) -> list[Path]:
    """The YAML files of the project's folders down to the third, relative to its root."""
    found = []
    for pattern in ("*", "*/*", "*/*/*"):
        found += [
            p.relative_to(project.root) for p in project.root.glob(pattern) if is_yaml(p.name)
        ]
    return found


# -- who builds --------------------------------------------------------------------------------------


def builder_of(root: Path) -> Path | None:
    """The project's own file with `parse_model`; None where the installed Ultralytics builds."""
    for name in BUILDERS:
        path = root / name
        if path.is_file() and b"def parse_model(" in read_bytes(path):
            return path
    return None


def dotted_name(root: Path, file: Path) -> str:
    """`models.yolo` of `models/yolo.py`."""
    return ".".join(file.relative_to(root).with_suffix("").parts)


@dataclass(frozen=True)
class Naming:
    """A string in a script that names a YAML."""

    script: Path
    line: int
    text: str


def scripts_naming(root: Path, name: str) -> list[Naming]:
    """Where scripts that use Ultralytics name a YAML file, at any scale."""
    found = []
    for path in python_files(root):
        try:
            raw = path.read_bytes()
            tree = ast.parse(raw) if b"ultralytics" in raw else None
        except (OSError, SyntaxError, ValueError):
            continue
        if tree is None or not any(imports_ultralytics(node) for node in ast.walk(tree)):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if names(node.value, name):
                    found.append(Naming(path, node.lineno, node.value))
    return found


def imports_ultralytics(node: ast.AST) -> bool:
    match node:
        case ast.Import(names=aliases):
            return any(alias.name.partition(".")[0] == "ultralytics" for alias in aliases)
        case ast.ImportFrom(module=str(module), level=0):
            return module.partition(".")[0] == "ultralytics"
    return False


def names(text: str, name: str) -> bool:
    """Whether a string is the file's name, or that at a scale."""
    file = text.rpartition("/")[2]
    return is_yaml(file) and name in (file, unscaled(file)[0])
