"""The Python files of a project: one walk, for whoever looks through them.

What counts as source does not depend on the name of its folder: reinforcement learning keeps code in
`env/`. An environment is known by its `pyvenv.cfg`, and what git ignores is nobody's source.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

#: Folders of other tools, which never hold the project's own source.
FOREIGN = {"node_modules", "site-packages", "dist-packages", "__pycache__"}
#: What marks a folder as an environment with packages of its own.
ENVIRONMENT = ("pyvenv.cfg", "conda-meta")
#: More than so many files are not looked through for advice; whoever must see all asks for more.
MOST_FILES = 400

#: A folder and what its `.gitignore` says.
Ignored = tuple[Path, "GitIgnoreSpec"]


def python_files(root: Path, most: int = MOST_FILES, depth: int | None = None) -> Iterator[Path]:
    """The Python files below a folder, without environments, hidden folders and what git ignores.

    `depth` is how many folders down it goes: 1 for those that lie in `root` itself.
    """
    return files_ending(root, ".py", most, depth)


def files_ending(root: Path, suffix: str, most: int, depth: int | None = None) -> Iterator[Path]:
    """The same of another suffix."""
    todo: list[tuple[Path, int, tuple[Ignored, ...]]] = [(root, 1, ignored_around(root))]
    count = 0
    while todo and count < most:
        folder, level, ignored = todo.pop()
        try:
            entries = sorted(folder.iterdir())
        except OSError:
            continue
        if folder != root:
            ignored = (*ignored, *ignored_in(folder))
        for entry in entries:
            if entry.is_dir() and not entry.is_symlink():
                deep = depth is not None and level >= depth
                if not deep and is_source_folder(entry) and not is_ignored(entry, ignored, "/"):
                    todo.append((entry, level + 1, ignored))
            elif entry.suffix == suffix and entry.is_file() and not is_ignored(entry, ignored):
                count += 1
                yield entry


def is_source_folder(folder: Path) -> bool:
    if folder.name.startswith(".") or folder.name in FOREIGN:
        return False
    return not any((folder / mark).exists() for mark in ENVIRONMENT)


def ignored_around(root: Path) -> tuple[Ignored, ...]:
    """What the `.gitignore`s of a folder and of those above it say, up to its repository."""
    above = [root, *root.parents]
    top = next((folder for folder in above if (folder / ".git").exists()), root)
    outside = reversed(above[1 : above.index(top) + 1])
    around = tuple(one for folder in outside for one in ignored_in(folder))
    if is_ignored(root, around, "/"):
        around = ()  # a project in a folder that its repository ignores is asked for all the same
    return (*around, *ignored_in(root))


def ignored_in(folder: Path) -> tuple[Ignored, ...]:
    """What the `.gitignore` of a folder says, if it has one."""
    try:
        lines = (folder / ".gitignore").read_text("utf-8", "replace").splitlines()
    except OSError:
        return ()
    # Most projects that are looked through have one such file, and many none.
    from pathspec import GitIgnoreSpec

    return ((folder, GitIgnoreSpec.from_lines(lines)),)


def is_ignored(path: Path, ignored: Sequence[Ignored], end: str = "") -> bool:
    """Whether git ignores a file, or with `end="/"` a folder: the nearest `.gitignore` decides."""
    for folder, spec in reversed(ignored):
        decided = spec.check_file(path.relative_to(folder).as_posix() + end).include
        if decided is not None:
            return decided
    return False


def in_project(file: str | Path | None, root: Path) -> bool:
    """Whether a file is the user's to edit."""
    if not file:
        return False
    path = Path(file)
    installed = {"site-packages", "dist-packages"} & set(path.parts)
    return path.is_relative_to(root) and not installed and path.is_file()


def shown_path(path: Path, root: Path) -> str:
    """The path as the user reads it: relative to the root, with slashes; whole where it is elsewhere."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
