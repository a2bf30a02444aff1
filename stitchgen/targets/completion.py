"""What a shell completes a target with: read from the source, or what `stitchgen layers` saw of this very file.

Nothing is run. The cache is kept outside of the project, a file for the content of a model file, so that it is
never out of date.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from stitchgen.project.user_cache import cache_folder, write
from stitchgen.source.tree import nodes_in

#: So many model files are remembered, the last ones.
MOST_REMEMBERED = 200
#: Larger files are not parsed while somebody waits for the shell.
MOST_BYTES = 2_000_000


def complete(folder: Path, text: str) -> list[str]:
    """The targets, seen from `folder`, that begin with what was typed, up to the next dot."""
    file, separator, typed = named_file(folder, text)
    if file is None:
        return [one for one in modules_in(folder) if one.startswith(text)]
    prefix = text[: len(text) - len(typed)] if separator else f"{text}."
    try:
        raw = file.read_bytes()
    except OSError:
        return []
    known = remembered(raw)
    classes = {} if len(raw) > MOST_BYTES else attributes_in(raw)
    for name, paths in known.items():
        classes[name] = [*dict.fromkeys([*classes.get(name, []), *paths])]
    found = [path for paths in classes.values() for path in paths]
    found += [f"{name}.{path}" for name, paths in classes.items() for path in paths]
    return [f"{prefix}{one}" for one in next_names(found, typed)]


def named_file(folder: Path, text: str) -> tuple[Path | None, str, str]:
    """The model file that a text begins with, what parts it from the rest, and the rest."""
    name, separator, rest = text.partition("::")
    if separator:
        return folder / name, separator, rest
    parts = text.split(".")
    for number in range(len(parts), 0, -1):
        for start in (folder, folder / "src"):
            file = start.joinpath(*parts[:number]).with_suffix(".py")
            if all(parts[:number]) and file.is_file():
                return file, "." if number < len(parts) else "", ".".join(parts[number:])
    return None, "", text


def next_names(paths: Sequence[str], typed: str) -> list[str]:
    """The paths that begin so, each up to the end of the name that is being typed."""
    depth = typed.count(".") + 1
    return sorted({".".join(one.split(".")[:depth]) for one in paths if one.startswith(typed)})


def modules_in(folder: Path) -> list[str]:
    """The modules of a folder that mention a Module, as targets begin with them."""
    found = []
    for path in sorted(folder.glob("*.py")):
        with suppress(OSError):
            if path.stem.isidentifier() and b"Module" in path.read_bytes():
                found.append(f"{path.stem}.")
    return found


def attributes_in(raw: bytes) -> dict[str, list[str]]:
    """The attributes that the constructors of a file's classes assign calls to, by class."""
    try:
        tree = ast.parse(raw)
    except (SyntaxError, ValueError):
        return {}
    return {
        node.name: [*dict.fromkeys(layers_of(node))]
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.bases
    }


def layers_of(node: ast.ClassDef) -> Iterator[str]:
    for part in nodes_in(node):
        if isinstance(part, ast.Assign) and isinstance(part.value, ast.Call):
            for target in part.targets:
                match target:
                    case ast.Attribute(value=ast.Name("self"), attr=name):
                        yield name


# -- what `layers` has seen ----------------------------------------------------------------------


def cache_file(raw: bytes) -> Path | None:
    folder = cache_folder("targets")
    return folder and folder / f"{hashlib.sha256(raw).hexdigest()[:32]}.json"


def remember(raw: bytes, class_name: str, paths: Sequence[str]) -> None:
    """Keep the paths of a model whose file has this content."""
    file = cache_file(raw)
    if file is not None:
        known = {**remembered(raw), class_name: list(paths)}
        write(file, json.dumps(known).encode(), MOST_REMEMBERED)


def remembered(raw: bytes) -> dict[str, list[str]]:
    """The paths that were seen of a file with this content, by class."""
    file = cache_file(raw)
    try:
        known = json.loads(file.read_bytes()) if file else {}
    except (OSError, ValueError):
        return {}
    return {
        str(name): [str(path) for path in paths]
        for name, paths in (known.items() if isinstance(known, dict) else ())
        if isinstance(paths, list)
    }
