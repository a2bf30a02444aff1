"""Targets as the user writes them: `[FILE::][CLASS.]PATH[@CALL][#ELEMENT]`, and the file they mean.

Floor 1: standard library.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from stitchgen.errors import StitchError

TARGET = re.compile(
    r"^(?:(?P<file>.+?)::)?(?P<path>[^@#]*?)(?:@(?P<call>all|\d+))?(?:#(?P<element>\w+))?$"
)
NOT_PYTHON = {
    ".ipynb": "Export the notebook first: jupyter nbconvert --to script NOTEBOOK.ipynb",
    ".yaml": "The framework builds this model from its own configuration; give the Python file "
    "that defines the layer's class.",
    ".yml": "The framework builds this model from its own configuration; give the Python file "
    "that defines the layer's class.",
    ".pt": "A checkpoint holds weights and no source; give the Python file of the model.",
    ".pth": "A checkpoint holds weights and no source; give the Python file of the model.",
}


@dataclass(frozen=True)
class Target:
    """A parsed target. `names` are the dotted names after the file, class included."""

    text: str
    file: str | None
    names: tuple[str, ...]
    call: int | str | None = None  # 2, "all"
    element: int | str | None = None  # 0, or a name: "out"


def parse(text: str, whole: bool = False) -> Target:
    """Split a target into its parts; what they mean is decided against the source.

    With `whole`, it may be a model without a layer: `model.py`, `nets.resnet`, `model.py::Net`.
    """
    match = TARGET.match(text.strip())
    if match is None or not (match["path"].strip(".") or (whole and match["file"])):
        raise StitchError(
            "target-not-found",
            f"{text!r} is no target",
            hint="A target is FILE.py::Class.layer, or module.layer: model.layer2",
        )
    file, path = match["file"], match["path"]
    suffix = Path(path).suffix.lower()
    if file is None and ("/" in path or suffix == ".py" or suffix in NOT_PYTHON):
        if whole:
            file, path = path, ""
        elif suffix == ".py":
            raise StitchError(
                "target-not-found",
                f"{text!r} names a file and no layer",
                hint=f"For example {text}::Net.layer1",
            )
        elif suffix in NOT_PYTHON:
            raise not_python(path)
    call, element = match["call"], match["element"]
    return Target(
        text=text,
        file=file,
        names=tuple(name for name in path.split(".") if name),
        call=int(call) if call and call.isdigit() else call,
        element=int(element) if element and element.isdigit() else element,
    )


@dataclass(frozen=True)
class Located:
    """A target whose file is known; `names` are what is left after the file or module."""

    target: Target
    file: Path
    names: tuple[str, ...]
    variable: str | None = None  # of a script, which holds the model; `names` come after it


def locate(
    target: Target, folders: tuple[Path, ...], models: Mapping[str, str], whole: bool = False
) -> Located:
    """Find the file of a target; with `whole`, of a model without a layer.

    `folders` are searched in turn (the current folder, the project root, `src/`); `models` are
    the names that the configuration gives to targets.
    """
    if target.file is not None:
        return Located(target, find_file(target.file, folders), target.names)
    if target.names and target.names[0] in models:
        configured = parse(models[target.names[0]], whole=True)
        rest = (*configured.names, *target.names[1:])
        file = find_file(configured.file or "", folders)
        return Located(target, file, rest)
    for folder in folders:
        found = list(modules_named(folder, target.names, 0 if whole else 1))
        if len(found) > 1:
            raise StitchError(
                "target-ambiguous",
                f"{target.text!r} can mean {len(found)} files",
                suggestions=[
                    f"{file.relative_to(folder).as_posix()}::{'.'.join(names)}"
                    for file, names in found
                ],
            )
        if found:
            file, names = found[0]
            return Located(target, file, names)
    for folder in folders:
        for file, _ in modules_named(folder, target.names, 0):
            raise StitchError(
                "target-not-found",
                f"{target.text!r} names a file and no layer",
                where=(
                    file.relative_to(folder).as_posix()
                    if file.is_relative_to(folder)
                    else str(file)
                ),
                hint=f"Append a layer's path, as in {target.text}.layer2; "
                "stitchgen layers prints all targets of a model.",
            )
    scripts = list(scripts_with(target.names[0], folders))
    if len(scripts) == 1:
        return Located(target, scripts[0][1].resolve(), target.names)
    if scripts:
        raise StitchError(
            "target-ambiguous",
            f"{len(scripts)} files have a variable {target.names[0]}, and no file is "
            f"{target.names[0]}.py",
            suggestions=[f"{shown}::{'.'.join(target.names)}" for shown, _ in scripts],
        )
    near = near_files(target, folders) or files_with(target, folders)
    raise StitchError(
        "file-not-found",
        f"no file is named by {target.text!r}: there is no {target.names[0]}.py in "
        + " or ".join(str(folder) for folder in folders),
        hint="Name the file: --after path/to/model.py::Net.layer2",
        suggestions=near,
    )


def find_file(name: str, folders: tuple[Path, ...]) -> Path:
    suffix = Path(name).suffix.lower()
    for folder in folders:
        path = folder / name
        if path.is_file():
            if suffix in NOT_PYTHON or suffix not in (".py", ".pyw", ".pyi"):
                raise not_python(name)
            return as_named(path)
    if suffix in NOT_PYTHON:
        raise not_python(name)
    candidates = [str(path) for folder in folders[:1] for path in python_files(folder)]
    raise StitchError(
        "file-not-found",
        f"there is no file {name}",
        where=name,
        suggestions=get_close_matches(name, candidates, n=3, cutoff=0.6),
    )


def as_named(path: Path) -> Path:
    """The absolute path of a file by the name that it was given.

    A file that is a symbolic link is imported from the link's folder, and blocks go beside it.
    """
    return path.parent.resolve() / path.name


def not_python(name: str) -> StitchError:
    return StitchError(
        "not-python",
        f"{name} is no Python source file",
        where=name,
        hint=NOT_PYTHON.get(Path(name).suffix.lower(), "Give the .py file of the model."),
    )


def modules_named(
    folder: Path, names: tuple[str, ...], least: int = 1
) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """The files that some leading names mean as a module, the longest first.

    `least` names are left over, for the layer.
    """
    for count in range(len(names) - least, 0, -1):
        if not all(name.isidentifier() for name in names[:count]):
            continue
        base = folder.joinpath(*names[:count])
        module, package = base.with_suffix(".py"), base / "__init__.py"
        hits = [path for path in (module, package) if path.is_file()]
        for path in hits:
            yield as_named(path), names[count:]
        if hits:
            return


def scripts_with(name: str, folders: tuple[Path, ...]) -> Iterator[tuple[str, Path]]:
    """The files, by name and path, of the nearest folder that assign to a variable of that name."""
    assigns = re.compile(rf"^[ \t]*{re.escape(name)}[ \t]*(:[^=\n]+)?=[^=]", re.MULTILINE)
    for folder in folders:
        found = False
        for path in python_files(folder):
            text = (folder / path).read_bytes().decode("utf-8", "replace")
            if name.isidentifier() and assigns.search(text):
                found = True
                yield path.as_posix(), folder / path
        if found:
            return


def python_files(folder: Path, limit: int = 2000) -> list[Path]:
    """The Python files below a folder, without hidden and environment folders."""
    found: list[Path] = []
    for path in sorted(folder.glob("*.py")) + sorted(folder.glob("*/*.py")):
        parts = path.relative_to(folder).parts
        if not any(part.startswith(".") or part in ("venv", "node_modules") for part in parts):
            found.append(path.relative_to(folder))
        if len(found) >= limit:
            break
    return found


def near_files(target: Target, folders: tuple[Path, ...]) -> list[str]:
    first, *others = (part for name in target.names for part in name.split("/"))
    rest = ".".join(others) or "layer"
    stems = {path.stem: path for path in python_files(folders[0])}
    near = get_close_matches(first, stems, n=3, cutoff=0.5)
    return [f"{stems[stem].as_posix()}::{rest}" for stem in near]


def files_with(target: Target, folders: tuple[Path, ...]) -> list[str]:
    """The target in the files that speak of its first name: a class, or a layer of one."""
    word = re.compile(rf"\b{re.escape(target.names[0])}\b".encode())
    rest = ".".join(target.names)
    found = [
        f"{path.as_posix()}::{rest}"
        for path in python_files(folders[0])
        if word.search((folders[0] / path).read_bytes())
    ]
    return found[:3]


@dataclass(frozen=True)
class ImportName:
    """Under which dotted name a file is imported, with which folders first on the path."""

    module: str
    paths: tuple[Path, ...]
    package: str  # dotted name of the folder's package; "" for a top-level module


def named(file: Path, module: str) -> ImportName | None:
    """The name under which the file was seen to be imported; None where it is not its path's."""
    parts = module.split(".")
    path = file.parent if file.stem == "__init__" else file.with_suffix("")
    if tuple(parts) != path.parts[-len(parts) :]:
        return None
    folder = path.parents[len(parts) - 1]
    package = module if file.stem == "__init__" else module.rpartition(".")[0]
    return ImportName(module, (folder,), package)


def import_name(file: Path, root: Path, relative_imports: bool = False) -> ImportName:
    """The name up the chain of `__init__.py`; a file with relative imports is in a package anyway."""
    names = [] if file.stem == "__init__" else [file.stem]
    folder = file.parent
    while (folder / "__init__.py").is_file() and folder != folder.parent:
        names.insert(0, folder.name)
        folder = folder.parent
    if relative_imports and folder == file.parent:
        # The folder is a package without `__init__.py`, perhaps of one that has it.
        above = [one for one in folder.parents if one.is_relative_to(root)]
        top = next((one for one in above if (one / "__init__.py").is_file()), folder)
        while (top.parent / "__init__.py").is_file():
            top = top.parent
        names = [*folder.relative_to(top.parent).parts, *names]
        folder = top.parent
    paths = [folder]
    for extra in (root, root / "src"):
        if extra.is_dir() and extra not in paths:
            paths.append(extra)
    if file.stem == "__init__":
        package = ".".join(names)
    else:
        package = ".".join(names[:-1])
    return ImportName(".".join(names), tuple(paths), package)
