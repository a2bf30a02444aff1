"""What the answers of this process depend on: the files that it read, and the folders in which it looked for some."""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
import types
from typing import List, Set

from stitchgen.observer import guard
from stitchgen.observer.protocol import ReadFilesAnswer

#: The folders of a Python in which packages are installed, and its parts that come with it.
PACKAGES = ("site-packages", "dist-packages")
STANDARD = ("stdlib", "platstdlib")


def read_files() -> ReadFilesAnswer:
    """Of the standard library nothing: it changes with the Python."""
    paths = sysconfig.get_paths()
    standard = {paths[name] for name in STANDARD}
    packages = sorted({one for one in sys.path if os.path.basename(one) in PACKAGES})
    files = {source_of(one) for one in guard.opened} | files_loaded()
    own: List[str] = []
    installed: List[str] = []
    for file in sorted(files):
        if any(os.sep + name + os.sep in file for name in PACKAGES):
            installed.append(file)
        elif not is_in(file, standard):
            own.append(file)
    folders = [one for one in sorted(guard.listed) if not is_in(one, [*packages, *standard])]
    return {
        "own": own,
        "installed": installed,
        "folders": folders,
        "packages": packages,
        "executable": sys.executable,
    }


def files_loaded() -> Set[str]:
    """The files of all modules; what only stands in the place of a module may answer anything."""
    found: Set[str] = set()
    for module in list(sys.modules.values()):
        if isinstance(module, types.ModuleType):
            file = vars(module).get("__file__")
            if isinstance(file, str):
                found.add(file)
    return found


def source_of(file: str) -> str:
    """The source of a compiled file, where that was kept beside it."""
    if not file.endswith(".pyc"):
        return file
    try:
        return importlib.util.source_from_cache(file)
    except ValueError:
        return file


def is_in(path: str, folders: "List[str] | Set[str]") -> bool:
    return any(path == folder or path.startswith(folder + os.sep) for folder in folders)
