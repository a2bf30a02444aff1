"""The user's own folder for what may be forgotten: STITCHGEN_CACHE names another, and where it is empty nothing is kept."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path


def cache_folder(name: str) -> Path | None:
    """Its part of that name, which may not be there yet; None where nothing is to be kept."""
    if "STITCHGEN_CACHE" in os.environ:
        given = os.environ["STITCHGEN_CACHE"]
        return Path(given) / name if given else None
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "stitchgen" / name


def write(file: Path, content: bytes, most: int) -> None:
    """Put a file into a part of the cache, which holds so many, the last ones; where that cannot be, nothing is lost."""
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(f".{os.getpid()}")
        draft.write_bytes(content)
        draft.replace(file)
        ages = sorted(file.parent.glob(f"*{file.suffix}"), key=lambda one: one.stat().st_mtime)
        for old in ages[:-most]:
            old.unlink()
