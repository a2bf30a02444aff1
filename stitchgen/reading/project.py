"""The other files of the project, found by the names under which the model file imports them.

Part of `stitchgen.reading`; standard library only. Names are always those that the *model file*
would write (`..resnet`, `models.common`): an import in a second file is put in these terms.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

from stitchgen.reading.scope import Scope, read_scope, split_origin

#: Gives the path and the decoded text of an imported module, or None if it is not the project's.
ProjectFiles = Callable[[str], "tuple[Path, str] | None"]


#: Packages of which tables tell what is known: their source is not read.
_KNOWN = frozenset({"torch", "numpy"})


def no_files(module: str) -> None:
    """The project files of a model file that stands alone."""
    return None


def files_beside(file: Path, *roots: Path, installed: Path | None = None) -> ProjectFiles:
    """Looks relative names up beside the file, absolute ones where Python would find them.

    That is the folder of the file (it runs as a script), the folder above its outermost package
    (it is imported) and the given roots. Where these disagree there is no certain answer. What is
    in none of them may be in the folder of installed packages.
    """
    top = file.parent
    while (top / "__init__.py").is_file() and top != top.parent:
        top = top.parent
    folders = list(dict.fromkeys([file.parent, top, *roots]))

    def find(module: str) -> tuple[Path, str] | None:
        name = module.lstrip(".")
        level = len(module) - len(name)
        if level:
            if level > len(file.parents):
                return None
            starts = [file.parents[level - 1]]
        else:
            starts = folders
        found = {path.resolve() for start in starts if (path := _module_file(start, name))}
        if not found and not level and installed is not None:
            if name.partition(".")[0] not in _KNOWN and (path := _module_file(installed, name)):
                found = {path}
        if len(found) != 1:
            return None
        (path,) = found
        try:
            return path, _decode(path.read_bytes())
        except (OSError, SyntaxError, UnicodeDecodeError, LookupError):
            return None

    return find


def _module_file(folder: Path, name: str) -> Path | None:
    path = folder.joinpath(*name.split(".")) if name else folder
    for candidate in (path / "__init__.py", path.with_name(f"{path.name}.py")):
        if candidate.is_file():
            return candidate
    return None


def _decode(raw: bytes) -> str:
    import io
    import tokenize

    encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
    return raw.decode(encoding)


class Project:
    """The scopes of the model file and of the project's files that it imports from."""

    def __init__(self, scope: Scope, files: ProjectFiles = no_files) -> None:
        self.files = files
        self._scopes: dict[str, Scope | None] = {}
        scope.project = self

    def scope(self, module: str) -> Scope | None:
        """The scope of an imported module of the project."""
        if module not in self._scopes:
            self._scopes[module] = None
            found = self.files(module)
            if found is not None:
                path, text = found
                try:
                    tree = ast.parse(text)
                except (SyntaxError, ValueError, RecursionError):
                    return None
                scope = read_scope(tree, text, path, module)
                scope.project = self
                self._scopes[module] = scope
        return self._scopes[module]

    def locate(self, origin: str) -> tuple[Scope, str] | None:
        """The file and the name there of a dotted origin, followed through re-exports."""
        seen = set()
        while origin not in seen:
            seen.add(origin)
            module, name = split_origin(origin)
            scope = self.scope(module) if module else None
            if scope is None:
                return None
            if name in scope.imports:
                origin = scope.imports[name]
                continue
            return scope, name
        return None
