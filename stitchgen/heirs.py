"""Which classes of a project inherit a class, and so run what is edited in it (floor 3).

By name alone, from the source: more may be found than there are, which costs a slot and no harm.
"""

from __future__ import annotations

import ast
from pathlib import Path

from stitchgen.advice import python_files

#: More than are read for advice: one that is not seen would fail.
MOST_FILES = 10_000


def has_other_heirs(root: Path, class_name: str, own: str) -> bool:
    """Whether a class below `root` but `own` names `class_name` among its bases."""
    name = class_name.encode()
    for path in python_files(root, MOST_FILES):
        try:
            raw = path.read_bytes()
        except OSError:
            continue
        if name in raw:
            if any(class_name in above and heir != own for heir, above in bases_in(raw).items()):
                return True
    return False


def bases_in(raw: bytes) -> dict[str, set[str]]:
    """The classes of a file, each with the names that its bases mention."""
    try:
        tree = ast.parse(raw)
    except (SyntaxError, ValueError):
        return {}
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            parts = [part for base in node.bases for part in ast.walk(base)]
            names = {part.attr for part in parts if isinstance(part, ast.Attribute)}
            names |= {part.id for part in parts if isinstance(part, ast.Name)}
            found.setdefault(node.name, set()).update(names - {node.name})
    return found
