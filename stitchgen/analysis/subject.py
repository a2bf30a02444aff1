"""What is analysed: a model file, how it is imported and built, and by which interpreter it is run."""

from __future__ import annotations

import os
import re
import shutil
import sys
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: What Python says of a module that is not there.
MISSING = re.compile(r"[Nn]o module (?:named )?'?([\w.]+)")


@dataclass(frozen=True)
class Subject:
    """A model file: how it is imported, how its model is built and fed, which layers are asked for."""

    file: Path
    module: str
    paths: tuple[Path, ...]
    root: Path
    left_out: Mapping[str, Sequence[int]] = field(default_factory=dict)  # lines not run, by file
    script: Mapping[str, Any] | None = None  # where the model is a variable: see `targets.scripts`
    python: str = sys.executable  # the interpreter that runs the model
    builds: tuple[str, ...] = ()  # the constructions given first, then those found in the file
    given: tuple[str, ...] = ()  # those that the user named
    relatives: tuple[str, ...] = ()  # the same of classes that inherit from the same class
    inputs: tuple[str, ...] = ()
    inputs_train: tuple[str, ...] = ()  # in train mode, where that is something else
    folders: tuple[Path, ...] = ()  # those that the project's scripts are run from
    names: tuple[
        tuple[str, ...], ...
    ] = ()  # of each target, after its file: `("ResNet", "layer2")`
    base: Mapping[Path, bytes] = field(default_factory=dict)  # in place of those on the disk

    def as_request(self) -> dict[str, Any]:
        return {
            "file": str(self.file),
            "module": self.module,
            "paths": [str(path) for path in self.paths],
            "root": str(self.root),
            "left_out": {path: list(lines) for path, lines in self.left_out.items()},
            "script": self.script,
            "folders": [str(folder) for folder in self.folders],
            "earlier": {str(path): b64encode(raw).decode() for path, raw in self.base.items()},
        }


def interpreter(chosen: str | None, configured: str | None, root: Path) -> str:
    """The Python that runs the user's model.

    In order: `--python`, `[tool.stitchgen] python` (relative to the project root), the active
    virtual or conda environment, the Python that runs stitchgen.
    """
    if chosen:
        return chosen
    if configured:
        path = Path(configured).expanduser()
        return str(path if path.is_absolute() else root / path)
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        prefix = os.environ.get(variable)
        if prefix:
            for name in ("bin/python", "Scripts/python.exe", "python.exe"):
                if (Path(prefix) / name).exists():
                    return str(Path(prefix) / name)
    return sys.executable


def installed_packages(python: str) -> Path | None:
    """The folder in which that Python's packages are, as its environment is laid out; nothing is run."""
    found = shutil.which(python)
    if found is None:
        return None
    prefix = Path(os.path.abspath(found)).parent.parent
    folders = [*prefix.glob("lib/python3*/site-packages"), *prefix.glob("Lib/site-packages")]
    folders = [folder for folder in folders if folder.is_dir()]
    return folders[0] if len(folders) == 1 else None


def missing_package(message: str, python: str) -> str | None:
    """What to do where a module is not found, which is no fault of the model; None for another failure."""
    found = MISSING.search(message)
    if found is None:
        return None
    package, _, module = found.group(1).rpartition(".")
    # Another version than the code was written for, or a part of the project that is not there.
    if package:
        return (
            f"{python} finds {package}, and no {module} in it. Mend that import, or pass --python PATH "
            "of the environment that runs your model."
        )
    return (
        f"{python} does not find {found.group(1)}. Pass --python PATH of the environment that runs "
        "your model, or install it there."
    )
