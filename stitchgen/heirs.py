"""Which classes of a project inherit a class, and so run what is edited in it (floor 3).

By name alone, from the source: more may be found than there are, which costs a slot and no harm.
"""

from __future__ import annotations

import ast
from pathlib import Path

from stitchgen.advice import python_files


def heirs(root: Path, class_name: str) -> set[str]:
    """The names of the classes below `root` that inherit `class_name`, directly or not."""
    bases: dict[str, set[str]] = {}
    for path in python_files(root):
        try:
            raw = path.read_bytes()
            tree = ast.parse(raw) if b"class " in raw else None
        except (OSError, SyntaxError, ValueError):
            continue
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.ClassDef):
                names = {
                    part.attr
                    for base in node.bases
                    for part in ast.walk(base)
                    if isinstance(part, ast.Attribute)
                }
                names |= {
                    part.id
                    for base in node.bases
                    for part in ast.walk(base)
                    if isinstance(part, ast.Name)
                }
                bases.setdefault(node.name, set()).update(names - {node.name})
    found: set[str] = set()
    todo = [class_name]
    while todo:
        base = todo.pop()
        new = {name for name, above in bases.items() if base in above} - found
        found |= new
        todo += new
    return found - {class_name}
