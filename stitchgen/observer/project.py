"""Import a project's files as they are, or as they would be after an edit, without writing any.

A `Project` is one version of it: the files on disk, with some of them (the overlay) replaced by
text that exists only in memory. Two of them can live side by side in one process, so that a model
and its edited version can be compared tensor by tensor.
"""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import io
import linecache
import os
import sys
import tokenize
import types
from typing import (
    Any,
    Callable,
    Dict,
    FrozenSet,
    List,
    Mapping,
    Optional,
    Sequence,
    Set,
    Tuple,
    TypeVar,
)

import torch

from stitchgen.observer import decorators, registrations, weights
from stitchgen.observer.overlay import OverlayFinder
from stitchgen.observer.protocol import Script, Variant
from stitchgen.observer.variants import OtherArgument, change_of

Result = TypeVar("Result")

#: By the root of a project, the modules that lie elsewhere, by name.
ELSEWHERE: Dict[str, Dict[str, types.ModuleType]] = {}


def lines_of(data: bytes) -> List[str]:
    """The lines of a source file as Python reads them: by its BOM or cookie, with plain newlines."""
    try:
        encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0]
        return io.TextIOWrapper(io.BytesIO(data), encoding).readlines()
    except (SyntaxError, UnicodeDecodeError):
        return []  # importing the file says what is wrong with it


class Project:
    """One version of the project.

    `file` is the model file, `module` its dotted name, `paths` the folders to search first,
    `overlay` maps absolute paths to bytes, `left_out` maps paths to the first lines, in the
    file on disk, of the top-level statements that are not run. `script` names the variable that
    holds the model, and for each expression that builds it the lines that are run besides. `folders`
    are those in which the project's scripts are run, the likeliest first. `base` are files that the
    overlay stands on, in place of those on the disk.
    """

    def __init__(
        self,
        file: str,
        module: str,
        paths: Sequence[str],
        root: str,
        overlay: Optional[Mapping[str, bytes]] = None,
        left_out: Optional[Mapping[str, Sequence[int]]] = None,
        script: Optional[Script] = None,
        folders: Sequence[str] = (),
        variants: Optional[Mapping[str, Variant]] = None,
        base: Optional[Mapping[str, bytes]] = None,
    ) -> None:
        self.file = os.path.realpath(file)
        #: What the files held before the overlay, where that is not on the disk.
        self.base = {os.path.realpath(path): data for path, data in (base or {}).items()}
        self.module = module
        self.paths = [os.path.realpath(path) for path in paths]
        self.root = os.path.realpath(root)
        self.overlay = {os.path.realpath(path): data for path, data in (overlay or {}).items()}
        if self.file not in self.overlay:
            with open(self.file, "rb") as stream:
                self.overlay[self.file] = stream.read()
        self.left_out: Dict[str, FrozenSet[int]] = {
            os.path.realpath(path): frozenset(lines) for path, lines in (left_out or {}).items()
        }
        for path in self.left_out:
            if path not in self.overlay:
                with open(path, "rb") as stream:
                    self.overlay[path] = stream.read()
        self.script = script
        #: Constructions with one argument changed, by the names that stand for them in `evaluate`.
        self.variants = variants or {}
        self.folders = [folder for folder in folders if os.path.isdir(folder)]
        self.finder = OverlayFinder(self)
        outside = [path for path in self.overlay if not is_below(self.root, path)]
        #: The modules that are not of the project, by name: there are thousands, asked about again and again.
        self.elsewhere = {} if outside else ELSEWHERE.setdefault(self.root, {})
        #: The project's own modules, while they are not in `sys.modules`.
        self.modules: Dict[str, types.ModuleType] = {}
        self.registered: List[registrations.Entry] = []
        self.namespace: Optional[Dict[str, Any]] = None
        #: Names of the packages that empty ones stand in for.
        self.stood_in: List[str] = []
        #: Decorators that fail and are left out, where that is allowed, and what the last of them raised.
        self.lenient = True
        #: Whether the file is run by its path, and need not be found.
        self.by_path = False
        self.decorators: List[decorators.Decorator] = []
        self.decorator_error: Optional[Exception] = None
        #: Names of pretrained weights that the last construction wanted and that are not here.
        self.absent_weights: List[str] = []

    def statements_left_out(self, path: str) -> Set[str]:
        """Those statements themselves: in the overlay's text they may stand on other lines."""
        lines = self.left_out[path]
        return {ast.dump(node) for node in self.as_it_was(path).body if node.lineno in lines}

    @functools.cached_property
    def written(self) -> ast.Module:
        """The model file, without an edit; empty where it does not parse."""
        try:
            return self.as_it_was(self.file)
        except (OSError, SyntaxError, ValueError):
            return ast.Module(body=[], type_ignores=[])

    def as_it_was(self, path: str) -> ast.Module:
        """The parsed file, without what the overlay changes."""
        if path in self.base:
            return ast.parse(self.base[path], path)
        with open(path, "rb") as stream:
            return ast.parse(stream.read(), path)

    def is_added(self, node: ast.stmt) -> bool:
        """Whether a statement of the edited script puts something into its model."""
        if self.script is None:
            return False
        target: ast.expr
        if isinstance(node, ast.Assign):
            target = node.targets[0]
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            target = node.value.func
        else:
            return False
        while isinstance(target, (ast.Attribute, ast.Subscript)):
            target = target.value
        if not isinstance(target, ast.Name) or target.id != self.script["name"]:
            return False
        old = {ast.dump(other) for other in statements(self.as_it_was(self.file))}
        return ast.dump(node) not in old

    def __enter__(self) -> Project:
        self.saved_path = list(sys.path)
        sys.path[:] = [*self.paths, *(path for path in sys.path if path not in self.paths)]
        sys.meta_path.insert(0, self.finder)
        self.hidden = self.take_project_modules()
        sys.modules.update(self.modules)
        for put_back in self.registered:
            put_back()
        importlib.invalidate_caches()
        for path, data in self.overlay.items():
            # inspect.getsource and tracebacks are to show the overlay's lines.
            linecache.cache[path] = (len(data), None, lines_of(data), path)
        return self

    def __exit__(self, *exception: object) -> None:
        self.modules = self.take_project_modules()
        self.registered = registrations.take_out(self.modules)
        sys.modules.update(self.hidden)
        sys.meta_path.remove(self.finder)
        sys.path[:] = self.saved_path
        for path in self.overlay:
            linecache.cache.pop(path, None)

    def forget_overloads(self) -> None:
        """Torch registers `@torch.jit._overload`s by name, and takes a second import for a clash."""
        internal = sys.modules.get("torch._jit_internal")
        for name in (
            "_overloaded_fns",
            "_overloaded_methods",
            "_overloaded_method_class_fileno",
        ):
            registry = getattr(internal, name, None)
            if isinstance(registry, dict):
                registry.clear()

    def forget_import(self) -> None:
        """Take out what an import that failed has left: modules, and what they registered."""
        registrations.take_out(self.take_project_modules())

    def take_project_modules(self) -> Dict[str, types.ModuleType]:
        """Take the project's own modules out of `sys.modules`; installed packages stay shared."""
        # A package without `__init__.py` looks for its parent when it is asked for its path, so
        # all are asked before the first is taken out.
        known = self.elsewhere
        names = [
            name
            for name, module in list(sys.modules.items())
            if known.get(name) is not module and self.is_of_the_project(name, module)
        ]
        return {name: sys.modules.pop(name) for name in names}

    def is_of_the_project(self, name: str, module: types.ModuleType) -> bool:
        if name.startswith(("stitchgen", "__main__")):
            return False
        file = getattr(module, "__file__", None)
        locations = [file] if file else list(getattr(module, "__path__", None) or [])
        for location in locations:
            if not isinstance(location, str) or "site-packages" in location:
                continue
            path = realpath(location)
            if path in self.overlay or is_below(self.root, path):
                return True
        if isinstance(file, str):
            self.elsewhere[name] = module
        return False

    def load(self, *, stand_in: bool = True) -> Dict[str, Any]:
        """The namespace of the model file, imported under its dotted name.

        `stand_in`: empty packages take the place of those whose own import fails, and decorators that
        fail are left out. Raises what the import raises.
        """
        if self.namespace is None:
            self.forget_overloads()
            self.lenient = stand_in
            module = self.run_in_folders(lambda: self.import_model_file(stand_in=stand_in))
            self.namespace = module.__dict__
        return self.namespace

    def import_model_file(self, *, stand_in: bool) -> types.ModuleType:
        try:
            if self.by_path:
                return self.finder.run_file(self.module, self.file)
            return importlib.import_module(self.module)
        except Exception as error:
            if not stand_in:
                raise
            return self.load_below_stand_ins(error)

    def run_in_folders(self, action: Callable[[], Result]) -> Result:
        """What the action gives in the first folder that scripts are run from.

        Where it does not find a file by a relative path, it is tried in the folder that has it.
        """
        untried = list(self.folders)
        if untried:
            os.chdir(untried.pop(0))
        while True:
            try:
                return action()
            except FileNotFoundError as error:
                folder = next((one for one in untried if is_in(one, error.filename)), None)
                if folder is None:
                    raise
                untried.remove(folder)
                os.chdir(folder)

    def load_below_stand_ins(self, error: Exception) -> types.ModuleType:
        """Import the model file below empty packages, where a package's own `__init__` fails."""
        parents = self.module.split(".")[:-1]
        if not parents:
            raise error
        folder = os.path.dirname(self.file)
        for depth in range(len(parents), 0, -1):
            name = ".".join(parents[:depth])
            for key in [key for key in sys.modules if key == name or key.startswith(name + ".")]:
                del sys.modules[key]
        folders: List[str] = []
        for _ in parents:
            folders.insert(0, folder)
            folder = os.path.dirname(folder)
        for depth, path in enumerate(folders, 1):
            stand_in = types.ModuleType(".".join(parents[:depth]))
            stand_in.__path__ = [path]
            sys.modules[stand_in.__name__] = stand_in
            self.stood_in.append(stand_in.__name__)
        try:
            return importlib.import_module(self.module)
        except ImportError as lack:
            if lack.name in self.stood_in:
                raise error from None  # what a package lacks since its own `__init__` failed
            raise

    def other_module(self) -> Optional[Tuple[str, str]]:
        """`(name, file)` of a module that is found in place of a new file's folder, or None.

        A folder without `__init__.py` comes after every module and package of its name.
        """
        for path in self.overlay:
            base = next((base for base in self.paths if path.startswith(base + os.sep)), None)
            if base is None or os.path.exists(path):
                continue
            name = os.path.relpath(path, base).split(os.sep)[0]
            folder = os.path.join(base, name)
            if path == folder or os.path.join(folder, "__init__.py") in self.overlay:
                continue
            spec = importlib.machinery.PathFinder.find_spec(name)
            if spec is not None and spec.origin and spec.loader is not None:
                if os.path.dirname(os.path.realpath(spec.origin)) != folder:
                    return name, spec.origin
        return None

    def notes(self) -> List[str]:
        """What is to be said of how the model was built."""
        found = [weights.note(self.absent_weights)] if self.absent_weights else []
        if self.decorator_error is not None:
            names = [one.name for one in self.decorators]
            file = os.path.relpath(self.file, self.root)
            found.append(decorators.note(names, file, self.decorator_error))
        return found

    def evaluate(self, expression: str) -> Any:
        """The value of `resnet18()` in the model file, or of `package.module:expression`."""
        return self.run_in_folders(lambda: self.evaluated(expression))

    def evaluated(self, expression: str) -> Any:
        if expression in self.variants:
            return self.varied(self.variants[expression])
        if self.script and expression in self.script["builds"]:
            return self.run_script(self.script, expression)
        namespace = self.load()
        head, colon, tail = expression.partition(":")
        if colon and head.replace(".", "").replace("_", "").isalnum() and " " not in head:
            namespace = importlib.import_module(head).__dict__
            expression = tail
        # What an object of options is written as.
        known = {"torch": torch, "SimpleNamespace": types.SimpleNamespace}
        return eval(expression, {**known, **namespace})

    def varied(self, variant: Variant) -> Any:
        """The model of a construction one of whose arguments is changed."""
        self.load()
        module, _, name = variant["class_key"].partition(":")
        kind: Any = sys.modules[module]
        for part in name.split("."):
            kind = getattr(kind, part)
        with OtherArgument(kind, variant["argument"], change_of(variant)):
            return self.evaluated(variant["build"])

    def run_script(self, script: Script, expression: str) -> Any:
        """The variable of the script after what builds it, and what puts layers into it, has run."""
        namespace = dict(self.load())
        lines = script["builds"][expression]
        old = statements(self.as_it_was(self.file))
        needs = {ast.dump(node) for node in old if node.lineno in lines["needs"]}
        changes = {ast.dump(node) for node in old if node.lineno in lines["changes"]}
        now = statements(ast.parse(self.overlay[self.file], self.file))
        self.run_statements([node for node in now if ast.dump(node) in needs], namespace)
        namespace[script["name"]] = eval(expression, namespace)
        later = [node for node in now if ast.dump(node) in changes or self.is_added(node)]
        self.run_statements(later, namespace)
        return namespace[script["name"]]

    def run_statements(self, nodes: Sequence[ast.stmt], namespace: Dict[str, Any]) -> None:
        for node in nodes:
            module = ast.Module(body=[node], type_ignores=[])
            exec(compile(module, self.file, "exec", dont_inherit=True), namespace)


@functools.lru_cache(maxsize=None)
def realpath(location: str) -> str:
    """Of the file of a module, which stays where it is: there are thousands."""
    return os.path.realpath(location)


def is_below(root: str, path: str) -> bool:
    """Whether a file is the project's own, and not of a package installed into its folder."""
    inside = path.startswith(root + os.sep) or path == root
    return inside and not ("site-packages" in path or "dist-packages" in path)


def is_in(folder: str, path: object) -> bool:
    """Whether a relative path exists in a folder."""
    if not isinstance(path, (str, bytes)) or os.path.isabs(path):
        return False
    return os.path.exists(os.path.join(folder, os.fsdecode(path)))


def statements(tree: ast.Module) -> List[ast.stmt]:
    """All simple statements, in the order in which they are written."""
    found: List[ast.stmt] = [
        node for node in ast.walk(tree) if isinstance(node, (ast.Assign, ast.AnnAssign, ast.Expr))
    ]
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))
