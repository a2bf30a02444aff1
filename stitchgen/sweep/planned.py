"""A variant as it was planned: read without what plans it, since each run's process does.

The folder of a variant is written by `variants`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stitchgen.sweep.folders import SweepFolder, read_json


@dataclass(frozen=True)
class Planned:
    """A variant whose files are known: by their paths below the root, None for one that goes."""

    name: str
    texts: tuple[str, ...]
    files: Mapping[str, bytes | None]
    attributes: tuple[str, ...]
    params_added: int | None
    macs_added: int | None
    laws: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def edited(self) -> list[str]:
        """The Python files that a training has to load from its own tree."""
        return [path for path, new in self.files.items() if new and path.endswith(".py")]


def load(folder: SweepFolder, name: str) -> Planned | None:
    """The variant as it was planned; None where it was not, or not to the end."""
    kept = folder.variant(name)
    about = read_json(kept / "variant.json")
    if about is None:
        return None
    files = {path: content_of(kept / "files" / path) for path in about["files"]}
    lists = ("texts", "attributes", "laws", "warnings")
    return Planned(**{**about, **{key: tuple(about[key]) for key in lists}, "files": files})


def content_of(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None
