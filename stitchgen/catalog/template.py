"""The files that templates are: found safely, read as text, and complained of by their line."""

from __future__ import annotations

import stat
from pathlib import Path

from stitchgen.errors import StitchError

SUFFIX = ".py.j2"
# A template is a page of source; more than this is a mistake or an attack.
MAX_BYTES = 256 * 1024


def contents(path: Path, root: Path) -> str:
    """The template's text, if it is a plain file of sane size inside its catalog."""
    try:
        if not path.resolve().is_relative_to(root.resolve()):
            raise broken(path, None, "the file is a link out of its catalog", "copy the file in")
        if not stat.S_ISREG(path.stat().st_mode):
            raise broken(path, None, "it is no regular file", "remove it from the catalog")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise broken(path, None, f"the file is larger than {MAX_BYTES} bytes", "split it")
        return raw.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise broken(path, line, "the file is not UTF-8", "save it as UTF-8") from None
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of symlinks, before 3.13
        reason = getattr(error, "strerror", None) or "a loop of links"
        raise broken(path, None, reason, "remove it from the catalog") from None


def broken(path: Path, line: int | None, message: str, hint: str) -> StitchError:
    where = f"{path}:{line}" if line else str(path)
    return StitchError("catalog-broken", f"{path.name}: {message}", where=where, hint=hint)
