"""Where the configuration files of a project name a module: `_target_: src.models.net.Net`, as Hydra takes it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from stitchgen.project.python_files import is_source_folder

SUFFIXES = (".yaml", ".yml", ".toml", ".json")
#: Larger ones hold data.
LARGEST = 100_000
MOST_FILES = 1_000


def names_in_configs(file: Path, root: Path) -> Iterator[tuple[Path, str, Path]]:
    """Each configuration file that names a Python file, or something in it, with the dotted name of the
    module and the folder below which that is its place."""
    names = file.with_suffix("").parts
    word = re.compile(rf"[\w.]*\b{re.escape(file.stem)}\b[\w.]*")
    for path in config_files(root):
        try:
            text = path.read_text("utf-8", "replace") if path.stat().st_size < LARGEST else ""
        except OSError:
            continue
        for found in dict.fromkeys(word.findall(text)):
            parts = found.split(".")
            for end in (len(parts), len(parts) - 1):
                module = tuple(parts[:end])
                if len(module) > 1 and names[-len(module) :] == module:
                    folder = Path(*names[: -len(module)])
                    if folder.is_relative_to(root):
                        yield path, ".".join(module), folder


def config_files(root: Path) -> Iterator[Path]:
    todo, count = [root], 0
    while todo and count < MOST_FILES:
        try:
            entries = sorted(todo.pop(0).iterdir())
        except OSError:
            continue
        for entry in entries:
            if entry.is_dir() and not entry.is_symlink():
                if is_source_folder(entry):
                    todo.append(entry)
            elif entry.suffix in SUFFIXES:
                count += 1
                yield entry
