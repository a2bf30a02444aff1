"""The import of a block's class that works in every way in which the project imports the edited file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from keyword import iskeyword
from os.path import relpath
from pathlib import Path, PurePosixPath

from stitchgen.errors import StitchError
from stitchgen.project.ways_in import WayIn, files_of, is_main_test
from stitchgen.project.workspace import Workspace
from stitchgen.source.imports import has_relative_imports


def module_to_import(workspace: Workspace, user_file: Path, file: Path, *, package: bool) -> str:
    """The module name by which the user's file is to import `file`; raises `import-conflict`.

    Relative where the file's own imports are, or where it is only ever imported as part of a package and
    no absolute name serves. `package`: the folder of `file` has, or gets, an `__init__.py`.
    """
    every = workspace.ways_into(user_file)
    # Who runs the file itself can run it as a module as well: `python -m models.net`.
    others = [way for way in every if not way.itself]
    for ways in (every, others) if others else (every,):
        module = fitting_all(workspace, user_file, file, package=package, ways=ways)
        if module is not None:
            return module
    raise conflict(workspace, user_file, file, others or every, package=package)


def fitting_all(
    workspace: Workspace, user_file: Path, file: Path, *, package: bool, ways: Sequence[WayIn]
) -> str | None:
    """The module name that works in all these ways; None where there is none."""
    relative = relative_name(user_file, file)
    fits_relative = all(allows_relative(way, relative) for way in ways)
    if fits_relative and imports_relatively(workspace, user_file):
        return relative
    names = [absolute_names(way, file, package=package) for way in ways]
    common = [name for name in names[0] if all(name in other for other in names)]
    if common:
        return nearest(common, ways[0], relative)
    return relative if fits_relative else None


def relative_name(user_file: Path, file: Path) -> str:
    """`.blocks.se`, `..blocks.se`."""
    parts = PurePosixPath(Path(relpath(file.with_suffix(""), user_file.parent)).as_posix()).parts
    up = len([part for part in parts if part == ".."])
    return "." * (up + 1) + ".".join(parts[up:])


def allows_relative(way: WayIn, name: str) -> bool:
    """Whether a relative import works: the file is a module of a package that reaches so far up."""
    level = len(name) - len(name.lstrip("."))
    parts = name.lstrip(".").split(".")
    depth = len(way.package.split(".")) if way.package else 0
    return not way.itself and not way.by_path and depth >= level and all(map(is_name, parts))


def absolute_names(way: WayIn, file: Path, *, package: bool) -> list[str]:
    """The absolute names under which a file is found on a search path."""
    found = []
    for folder in way.paths:
        if not file.is_relative_to(folder):
            continue
        parts = file.relative_to(folder).with_suffix("").parts
        if all(map(is_name, parts)) and is_reached(parts, folder, way.paths, package=package):
            found.append(".".join(parts))
    return found


def is_name(part: str) -> bool:
    return part.isidentifier() and not iskeyword(part)


def is_reached(parts: Sequence[str], folder: Path, paths: Sequence[Path], *, package: bool) -> bool:
    """Whether the first part of a name leads into that folder, and to no other module of the name."""
    top = parts[0]
    if top in sys.stdlib_module_names:
        return False  # which may be imported already, as `code` is by torch
    here = folder / top
    regular = any(one.is_file() for one in files_of(folder, top)) or (len(parts) == 2 and package)
    for other in paths:
        if other == folder:
            if regular:
                return True
            continue
        if any(one.is_file() for one in files_of(other, top)):
            return False  # earlier on the path, or a package, which comes before a plain folder
        if (other / top).is_dir() and not here.is_dir() and len(parts) > 1:
            continue
    return True


def nearest(names: Sequence[str], way: WayIn, relative: str) -> str:
    """The name by which the file's neighbours would be imported, from the folder in which its own name begins; else
    the one that has most in common with its own."""
    beside = name_beside(way.module, relative)
    if beside is not None and beside in names:
        return beside

    def shared(name: str) -> int:
        count = 0
        for one, other in zip(name.split("."), way.module.split(".")):
            if one != other:
                break
            count += 1
        return count

    return max(names, key=shared)


def name_beside(module: str, relative: str) -> str | None:
    """The absolute name that a relative one means in a module, where it does not lead out of its package."""
    names = module.split(".")
    up = len(relative) - len(relative.lstrip("."))
    return ".".join((*names[:-up], relative.lstrip("."))) if up <= len(names) else None


def imports_relatively(workspace: Workspace, user_file: Path) -> bool:
    """Whether an import of a file beside this one is to be relative, by style.

    So are the file's own; where it has none of its neighbours, those of its package.
    """
    user = workspace.syntax(user_file)
    if has_relative_imports(user.tree):
        return True
    if not (user_file.parent / "__init__.py").is_file() or any(map(is_main_test, user.tree.body)):
        return False
    neighbours = {path.stem: path for path in user_file.parent.glob("*.py") if path != user_file}
    if any(one.module.split(".")[-1] in neighbours for one in workspace.imports_of(user_file)):
        return False  # it imports a neighbour by an absolute name
    return any(
        one.module.startswith(".")
        for path in neighbours.values()
        for one in workspace.imports_of(path)
    )


def conflict(
    workspace: Workspace,
    user_file: Path,
    file: Path,
    ways: Sequence[WayIn],
    *,
    package: bool,
) -> StitchError:
    """That no import works in all ways: with the first two that have nothing in common."""
    names = [absolute_names(way, file, package=package) for way in ways]
    shown, block = workspace.relative(user_file), workspace.relative(file)
    pairs = [
        (one, other)
        for number, one in enumerate(ways)
        for position, other in enumerate(ways)
        if number < position and not set(names[number]) & set(names[position])
    ]
    if not pairs:
        way = ways[0]
        by = f" by {way.importer}" if way.importer else ""
        return StitchError(
            "import-conflict",
            f"{shown} is imported as {way.module}{by}, where no import finds {block}",
            where=shown,
            hint="Name a folder with an importable name for the blocks, in pyproject.toml: "
            '[tool.stitchgen] blocks = "stitched_blocks"',
        )
    one, other = pairs[0]
    return StitchError(
        "import-conflict",
        f"{shown} is {taken(one)} and {taken(other)}: no import of {block} works in both",
        where=shown,
        hint=(
            by_path_hint(one if one.by_path else other, user_file, workspace)
            if one.by_path or other.by_path
            else "Let both import it under one name, or name a folder for the blocks that both find, in "
            'pyproject.toml: [tool.stitchgen] blocks = "..."; --project DIR makes one of them a project '
            "of its own."
        ),
    )


def taken(way: WayIn) -> str:
    if way.by_path:
        return f"run by its path by {way.importer}"
    return f"imported as {way.module} by {way.importer}"


def by_path_hint(way: WayIn, user_file: Path, workspace: Workspace) -> str:
    folder = workspace.relative(user_file.parent)
    return (
        f"Let {way.importer} find what lies beside the file: sys.path.insert(0, {folder!r}) before it runs it. "
        "Then run this again."
    )
