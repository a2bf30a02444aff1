"""The other files of the project, found by the names under which the model file imports them.

Names are always those that the *model file*
would write (`..resnet`, `models.common`): an import in a second file is put in these terms.
"""

from __future__ import annotations

import ast

from stitchgen.analysis.scope import Scope, read_scope, split_origin
from stitchgen.project.modules import ProjectFiles, no_files


class ProjectScopes:
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
