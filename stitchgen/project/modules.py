"""The project's files by the names under which they are imported, and by those that users type.

A module's name and its file, both ways: `find_file`, `modules_named` and `files_beside` go from a name
to the file, `import_name` back.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from stitchgen.errors import StitchError
from stitchgen.project.python_files import python_files
from stitchgen.project.ways_in import files_of, imports_of, likely_way
from stitchgen.source.imports import has_relative_imports

#: What is not said of a row, `yolov8.yaml::model.9`, which is a target.
CONFIGURATION = (
    "Of a YOLO's YAML name a row, as in yolov8.yaml::model.9, which stitchgen layers prints; of any other "
    "configuration the Python file that defines the layer's class."
)
NOT_PYTHON = {
    ".ipynb": "Export the notebook first: jupyter nbconvert --to script NOTEBOOK.ipynb",
    ".yaml": CONFIGURATION,
    ".yml": CONFIGURATION,
    ".pt": "A checkpoint holds weights and no source; give the Python file of the model.",
    ".pth": "A checkpoint holds weights and no source; give the Python file of the model.",
}


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
    candidates = [str(path) for folder in folders[:1] for path in nearby_files(folder)]
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


def nearby_files(folder: Path) -> list[Path]:
    """The Python files in a folder and in those one below, relative to it, the nearest first."""
    found = [path.relative_to(folder) for path in python_files(folder, 2000, depth=2)]
    return sorted(found, key=lambda path: (len(path.parts), path))


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


def import_name(file: Path, root: Path, *, relative_imports: bool = False) -> ImportName:
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


def named_in_project(file: Path, root: Path, tree: ast.Module) -> tuple[str, tuple[Path, ...]]:
    """The module that a file of the project is most likely imported as, and the search path of that."""
    if has_relative_imports(tree):
        name = import_name(file, root, relative_imports=True)
        return name.module, name.paths
    way = likely_way(file, root, [*imports_of(tree)])
    return way.module, way.paths


#: Gives the path and the decoded text of an imported module, or None if it is not the project's.
ProjectFiles = Callable[[str], "tuple[Path, str] | None"]


#: Packages of which tables tell what is known: their source is not read.
_KNOWN = frozenset({"torch", "numpy"})


def no_files(module: str) -> None:
    """The project files of a model file that stands alone."""
    return None


def files_beside(
    file: Path,
    *roots: Path,
    installed: Path | None = None,
    base: Mapping[Path, bytes] | None = None,
) -> ProjectFiles:
    """Looks relative names up beside the file, absolute ones where Python would find them.

    That is the folder of the file (it runs as a script), the folder above its outermost package
    (it is imported) and the given roots. Where these disagree there is no certain answer. What is
    in none of them may be in the folder of installed packages. `base` are files that stand for those on
    the disk.
    """
    texts = base or {}
    top = file.parent
    while (top / "__init__.py").is_file() and top != top.parent:
        top = top.parent
    folders = list(dict.fromkeys([file.parent, top, *roots]))

    def find(module: str) -> tuple[Path, str] | None:
        name = module.lstrip(".")
        level = len(module) - len(name)
        if level:
            if level > len(file.parents):
                return None
            starts = [file.parents[level - 1]]
        else:
            starts = folders
        found = {path.resolve() for start in starts if (path := _module_file(start, name, texts))}
        if not found and not level and installed is not None:
            if name.partition(".")[0] not in _KNOWN and (path := _module_file(installed, name)):
                found = {path}
        if len(found) != 1:
            return None
        (path,) = found
        try:
            return path, _decode(texts[path] if path in texts else path.read_bytes())
        except (OSError, SyntaxError, UnicodeDecodeError, LookupError):
            return None

    return find


def _module_file(folder: Path, name: str, base: Mapping[Path, bytes] | None = None) -> Path | None:
    for candidate in files_of(folder, name):
        if candidate.is_file() or (base and candidate in base):
            return candidate
    return None


def _decode(raw: bytes) -> str:
    encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
    return raw.decode(encoding)
