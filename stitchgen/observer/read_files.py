"""What the answers of this process depend on: the files that it read, and the folders in which it looked for some."""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
from typing import List, Set

from stitchgen.observer import guard
from stitchgen.observer.protocol import ReadFilesAnswer

#: The parts of a Python in which packages are installed, and that which comes with it.
INSTALLED = ("purelib", "platlib")
STANDARD = ("stdlib", "platstdlib")


def read_files() -> ReadFilesAnswer:
    """Of the standard library nothing: it changes with the Python."""
    paths = sysconfig.get_paths()
    packages = sorted({paths[name] for name in INSTALLED})
    standard = {paths[name] for name in STANDARD}
    loaded = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    files = {source_of(one) for one in guard.opened} | {one for one in loaded if one}
    own: List[str] = []
    installed: List[str] = []
    for file in sorted(files):
        if is_in(file, packages):
            installed.append(file)
        elif not is_in(file, standard):
            own.append(file)
    folders = [one for one in sorted(guard.listed) if not is_in(one, [*packages, *standard])]
    return {"own": own, "installed": installed, "folders": folders, "packages": packages}


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
