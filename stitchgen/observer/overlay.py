"""How Python imports the files of one version of a project, some of which exist only in memory."""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import types
from typing import Any, Dict, FrozenSet, List, Optional, Protocol, Sequence, Set

from stitchgen.observer import decorators


class Version(Protocol):
    """What is asked of a version of a project."""

    file: str
    overlay: Dict[str, bytes]
    left_out: Dict[str, FrozenSet[int]]
    script: Optional[Any]
    lenient: bool
    decorators: List[decorators.Decorator]
    decorator_error: Optional[Exception]

    def statements_left_out(self, path: str) -> Set[str]: ...

    def is_added(self, node: ast.stmt) -> bool: ...


class ProjectLoader(importlib.machinery.SourceFileLoader):
    """Loads a source file from the overlay, or from disk, and never writes bytecode."""

    def __init__(self, fullname: str, path: str, project: Version) -> None:
        super().__init__(fullname, path)
        self.project = project

    def get_data(self, path: str) -> bytes:
        source = self.project.overlay.get(path)
        return super().get_data(path) if source is None else source

    def get_code(self, fullname: str) -> types.CodeType:
        # The bytecode cache belongs to the file on disk, not to the overlay.
        path = str(self.path)
        return self.compiled(self.get_data(path), path)

    def compiled(self, data: bytes, path: str) -> types.CodeType:
        """The file's code without the statements and decorators that are not run."""
        dropped = self.project.decorators if path == self.project.file else []
        if path not in self.project.left_out and not dropped:
            return compile(data, path, "exec", dont_inherit=True)
        tree = decorators.without(ast.parse(data, path), dropped)
        if path in self.project.left_out:
            left_out = self.project.statements_left_out(path)
            tree.body = [node for node in tree.body if ast.dump(node) not in left_out]
            if self.project.script and path == self.project.file:
                tree.body = [node for node in tree.body if not self.project.is_added(node)]
        return compile(tree, path, "exec", dont_inherit=True)

    def exec_module(self, module: types.ModuleType) -> None:
        """Run the file; where a decorator of an installed package fails, without that."""
        path = str(self.path)
        while True:
            try:
                super().exec_module(module)
                return
            except Exception as error:
                if not self.project.lenient or path != self.project.file:
                    raise
                tree = ast.parse(self.get_data(path), path)
                failed = decorators.failing(error, tree, path)
                if failed is None or failed in self.project.decorators:
                    raise
                self.project.decorators.append(failed)
                self.project.decorator_error = self.project.decorator_error or error


class OverlayFinder(importlib.abc.MetaPathFinder):
    """Finds the modules whose files are in the overlay; all others are found as always."""

    def __init__(self, project: Version) -> None:
        self.project = project

    def run_file(self, name: str, path: str) -> types.ModuleType:
        """The module of a file that is run by its path, under whatever name."""
        loader = ProjectLoader(name, path, self.project)
        spec = importlib.util.spec_from_file_location(name, path, loader=loader)
        assert spec is not None
        module = importlib.util.module_from_spec(spec)
        loader.exec_module(module)
        return module

    def find_spec(
        self,
        fullname: str,
        path: Optional[Sequence[str]] = None,
        target: Optional[types.ModuleType] = None,
    ) -> Optional[importlib.machinery.ModuleSpec]:
        tail = fullname.rpartition(".")[2]
        for entry in path if path is not None else sys.path:
            folder = os.path.join(os.path.realpath(entry or os.getcwd()), tail)
            for file in (os.path.join(folder, "__init__.py"), folder + ".py"):
                real = os.path.realpath(file) if os.path.islink(file) else file
                if real in self.project.overlay:
                    locations = [folder] if file.endswith("__init__.py") else None
                    return importlib.util.spec_from_file_location(
                        fullname,
                        file,
                        loader=ProjectLoader(fullname, real, self.project),
                        submodule_search_locations=locations,
                    )
            # A folder that exists only in the overlay and has no __init__.py is a namespace package.
            if not os.path.isdir(folder) and any(
                file.startswith(folder + os.sep) for file in self.project.overlay
            ):
                spec = importlib.machinery.ModuleSpec(fullname, None, is_package=True)
                spec.submodule_search_locations = [folder]
                return spec
        return None
