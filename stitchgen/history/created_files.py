"""Taking back the files that runs created: block files, packages, and what Python compiled of them."""

from __future__ import annotations

import ast
import os
from collections.abc import Sequence
from pathlib import Path

from stitchgen.history.changes import line_of, sources
from stitchgen.history.entries import Created
from stitchgen.history.withdrawal import Withdrawal
from stitchgen.project import transaction
from stitchgen.project.transaction import digest
from stitchgen.source.edits import FileChange
from stitchgen.source.equivalence import meaning


def importers(root: Path, created: Sequence[Created], taken: Withdrawal) -> dict[str, str]:
    """Who imports a file once the changes are made: `path:line`, by the file's path."""
    modules = {file.path: tuple(Path(file.path).with_suffix("").parts[-2:]) for file in created}
    # By real paths: a symbolic link to a file of the run shows what the run put there.
    afters = {(root / change.path).resolve(): change.after for change in taken.changes}
    found: dict[str, str] = {}
    for path, raw in sources(root) if created else ():
        if path in modules or not any(parts[-1].encode() in raw for parts in modules.values()):
            continue
        after = afters.get((root / path).resolve(), raw)
        try:
            tree = ast.parse(after or b"")
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            for name in _modules(node, Path(path).parent.parts):
                for file, parts in modules.items():
                    if tuple(name.split(".")[-len(parts) :]) == parts:
                        found.setdefault(file, f"{path}:{line_of(node)}")
    return found


def _modules(node: ast.AST, folder: tuple[str, ...]) -> list[str]:
    """The dotted names that an import in a file of this folder may mean."""
    match node:
        case ast.Import():
            return [name.name for name in node.names]
        case ast.ImportFrom():
            above = folder[: len(folder) - node.level + 1] if node.level else ()
            module = ".".join((*above, node.module) if node.module else above)
            return [module, *(f"{module}.{name.name}" for name in node.names)]
    return []


def delete(
    root: Path,
    created: Created,
    importer: str | None,
    taken: Withdrawal,
    left: bytes | None = None,
) -> None:
    """Delete a file that no splice needs, unless others import it or the user has edited it.

    `left` is what it holds once what was put into it is taken out.
    """
    path = created.path
    if not (root / path).is_file():
        return
    raw = transaction.read_bytes(root / path)
    if importer is not None:
        taken.warn("still-used", importer, f"{path} stays, since it is imported here")
    elif is_edited(created, raw if left is None else left):
        taken.warn(
            "edited", path, f"{path} stays: it was edited after stitchgen wrote it", f"rm {path}"
        )
    else:
        taken.changes.append(FileChange(path, raw, None))
        taken.prune += _compiled(root, path)


def is_edited(created: Created, raw: bytes) -> bool:
    """Whether a file means something else than when it was written."""
    if digest(raw) == created.sha256:
        return False
    return created.meaning is None or meaning(raw) != created.meaning


def keep_packages(root: Path, created: Sequence[Created], taken: Withdrawal) -> None:
    """A package keeps the `__init__.py` that it was given as long as it has other modules."""
    deleted = {change.path for change in taken.changes if change.after is None}
    for path in sorted(deleted):
        folder, name = os.path.split(path)
        others = {f"{folder}/{other.name}" for other in (root / folder).glob("*.py")}
        if name == "__init__.py" and others - deleted:
            taken.changes = [change for change in taken.changes if change.path != path]
            taken.kept_files += [file for file in created if file.path == path]


def compiled_since(root: Path, path: str) -> list[str]:
    """The compiled copies that were made from a source as it is now: they came with the run."""
    cache, *copies = _compiled(root, path)
    written = os.stat(root / path).st_mtime_ns
    fresh = [copy for copy in copies if os.stat(root / copy).st_mtime_ns >= written]
    return [cache, *fresh] if fresh else []


def _compiled(root: Path, path: str) -> list[str]:
    """The compiled copies of a source file, and the folder they are in."""
    source = Path(path)
    cache = source.parent / "__pycache__"
    copies = (root / cache).glob(f"{source.stem}.*.pyc")
    return [cache.as_posix(), *((cache / copy.name).as_posix() for copy in copies)]
