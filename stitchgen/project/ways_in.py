"""The ways in which a project imports one of its files.

A way in is a search path and the dotted name under which the file is found on it: `models.net` for
`train.py`, with its folder first on the path; `net.models.net` for `python -m net.train`. An import that is
written into the file has to work in all of them.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stitchgen.project.config_names import names_in_configs
from stitchgen.project.import_paths import added_folders
from stitchgen.project.python_files import python_files, shown_path
from stitchgen.source.tree import nodes_in

#: More files than this are not looked through.
MOST_FILES = 3_000
#: Functions that run a file by its path.
BY_PATH = ("run_path", "spec_from_file_location", "SourceFileLoader")
#: Files that say how a package is built, which makes its modules importable from anywhere.
BUILT_BY = ("pyproject.toml", "setup.py", "setup.cfg")


@dataclass(frozen=True)
class WayIn:
    """One way in which a file is imported."""

    #: `train.py`, `python -m net.train`, and what else imports it like this; () where nothing does.
    importers: tuple[str, ...]
    module: str  # the file's dotted name
    paths: tuple[Path, ...]  # the folders of the project on the search path, in order
    itself: bool = False  # the file itself is run as a script
    by_path: bool = False  # it is run as a file, by `runpy.run_path`, wherever it lies

    @property
    def importer(self) -> str:
        """The first of those that import it, to name the way by; "" where nothing does."""
        return self.importers[0] if self.importers else ""

    @property
    def package(self) -> str:
        """The dotted name that a relative import starts from; "" where there is none."""
        return self.module.rpartition(".")[0]


@dataclass(frozen=True)
class ImportedName:
    """One thing that a file imports: `from models.net import Net`, or a part of `import_module`."""

    module: str  # with leading dots where it is relative
    name: str = ""  # what is taken of it, which may be a module too
    prefix: bool = False  # only the beginning of the module's name is known

    @property
    def candidates(self) -> tuple[str, ...]:
        """The modules that it may load, the likeliest first."""
        if not self.name:
            return (self.module,)
        joint = "" if self.module.endswith(".") else "."
        return (f"{self.module}{joint}{self.name}", self.module)


def imports_of(tree: ast.AST) -> Iterator[ImportedName]:
    """Everything that a file imports, in functions as well, and by `import_module` as far as it is written."""
    for node in nodes_in(tree):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    yield ImportedName(alias.name)
            case ast.ImportFrom(module=module, names=names, level=level):
                for alias in names:
                    name = "" if alias.name == "*" else alias.name
                    yield ImportedName("." * level + (module or ""), name)
            case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called), args=[first, *_]):
                if called in ("import_module", "__import__"):
                    text, whole = constant_start(first)
                    if text:
                        yield ImportedName(text, prefix=not whole)
                    elif isinstance(first, ast.Attribute):
                        yield from map(ImportedName, defaults_of_option(tree, first.attr))


def defaults_of_option(tree: ast.AST, name: str) -> Iterator[str]:
    """What an option of the command line is if nothing is typed: `add_argument("--model", default="net")`."""
    for node in nodes_in(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="add_argument"), args=arguments, keywords=keywords
            ):
                named = [one.value for one in arguments if isinstance(one, ast.Constant)]
                names = {str(one).lstrip("-").replace("-", "_") for one in named}
                if name in names:
                    for one in keywords:
                        if one.arg == "default" and isinstance(one.value, ast.Constant):
                            if isinstance(one.value.value, str):
                                yield one.value.value


def constant_start(node: ast.expr) -> tuple[str, bool]:
    """What of a text is written out at its beginning, and whether that is all of it."""
    match node:
        case ast.Constant(value=str(text)):
            return text, True
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            start, whole = constant_start(left)
            if not whole:
                return start, False
            rest, all_of_it = constant_start(right)
            return start + rest, all_of_it
        case ast.JoinedStr(values=values):
            start = ""
            for part in values:
                if not isinstance(part, ast.Constant):
                    return start, False
                start += str(part.value)
            return start, True
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format")):
            return text.partition("{")[0], False
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod()):
            return text.partition("%")[0], False
    return "", False


@dataclass(frozen=True)
class Added:
    """Folders that a file puts on its search path."""

    front: tuple[Path, ...] = ()
    back: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Source:
    """A file of the project, with what it imports."""

    path: Path
    imports: tuple[ImportedName, ...]
    added: Added = (
        Added()
    )  # what it puts on its search path, where it is run from the project's root
    added_inside: Added = Added()  # and from its own folder
    main: bool = False  # `if __name__ == "__main__"`
    relative: bool = False


@dataclass(frozen=True)
class Meant:
    """What the imports of a file may load, whatever the search path is."""

    files: frozenset[Path]  # by relative imports
    names: frozenset[tuple[str, ...]]  # by absolute ones
    folders: frozenset[tuple[str, ...]]  # where only the beginning of a module's name is known

    def may_be(self, path: Path) -> bool:
        if path in self.files:
            return True
        folder = path.parent.parts
        names = folder if path.stem == "__init__" else (*folder, path.stem)
        return is_end(names, self.names) or is_end(folder, self.folders)


def meant(path: Path, imports: Sequence[ImportedName], *, script: bool = False) -> Meant:
    """`script`: its own folder is the first on the search path, so that what lies there is what it loads."""
    files: set[Path] = set()
    names: set[tuple[str, ...]] = set()
    folders: set[tuple[str, ...]] = set()
    for one in imports:
        for module in one.candidates:
            if module.startswith("."):
                files.update(files_of(*relative_start(path, module)))
            elif one.prefix:
                folders.add(tuple(module.rpartition(".")[0].split(".")))
            elif script and (own := find_module(module, [path.parent])) and own.is_file():
                files.add(own)
            else:
                names.add(tuple(module.split(".")))
    return Meant(frozenset(files), frozenset(names), frozenset(folders))


def is_end(names: Sequence[str], known: frozenset[tuple[str, ...]]) -> bool:
    """Whether the last of some names are among those known."""
    return any(tuple(names[-count:]) in known for count in range(1, len(names) + 1))


class ImportGraph:
    """The files of a project as a graph of imports, each parsed only when a name in it matters."""

    def __init__(self, root: Path, current: Path | None = None, pythonpath: tuple[Path, ...] = ()):
        self.root, self.current, self.pythonpath = root, current or root, pythonpath
        self.contents: dict[Path, bytes] = {}
        for path in python_files(root, MOST_FILES):
            try:
                self.contents[path] = path.read_bytes()
            except OSError:
                continue
        self._trees: dict[Path, ast.Module | None] = {}
        self._sources: dict[Path, Source | None] = {}
        self._reaching: dict[Path, dict[Path, list[Path]]] = {}
        self._meant: dict[Path, Meant] = {}
        self._found: dict[tuple[str, tuple[Path, ...]], Path | None] = {}
        #: Files that change the search path of those that import them.
        self.changing = {path for path, raw in self.contents.items() if b"sys.path" in raw}

    def source(self, path: Path) -> Source | None:
        """What a file imports; None where it does not parse."""
        if path not in self._sources:
            self._sources[path] = self.parsed(path)
        return self._sources[path]

    def tree(self, path: Path) -> ast.Module | None:
        """A file, parsed once; None where it does not parse."""
        if path not in self._trees:
            try:
                raw = self.contents[path] if path in self.contents else path.read_bytes()
                self._trees[path] = ast.parse(raw)
            except (OSError, SyntaxError, ValueError, RecursionError):
                self._trees[path] = None
        return self._trees[path]

    def parsed(self, path: Path) -> Source | None:
        tree = self.tree(path)
        if tree is None:
            return None
        raw = self.contents.get(
            path, b"sys.path"
        )  # of a file that is none of the project's all is read
        imports = tuple(imports_of(tree))
        added = [
            Added(*map(tuple, added_folders(tree, path, current) if b"sys.path" in raw else ()))
            for current in (self.current, path.parent)
        ]
        return Source(
            path=path,
            imports=imports,
            added=added[0],
            added_inside=added[1],
            main=any(is_main_test(node) for node in tree.body),
            relative=any(one.module.startswith(".") for one in imports),
        )

    def search_path(self, source: Source, *, inside: bool = False) -> tuple[Path, ...]:
        """The search path of a script that is started by its path, with the changes that it makes and those
        of the modules that it imports: `import _init_paths`. `inside`: it is started in its own folder.
        """
        added = source.added_inside if inside else source.added
        paths = [*added.front, source.path.parent, *added.back]
        seen = {source.path}
        todo = [source]
        while todo and not self.changing <= seen:
            for one in todo.pop().imports:
                for module in one.candidates:
                    found = None if module.startswith(".") else self.find(module, paths)
                    if found is None or found in seen or found not in self.contents:
                        continue
                    seen.add(found)
                    imported = self.source(found)
                    if imported is not None:
                        added = imported.added_inside if inside else imported.added
                        paths = [*added.front, *paths, *added.back]
                        todo.append(imported)
        return tuple(dict.fromkeys((*paths, *self.pythonpath)))

    def importers(self, path: Path) -> list[Path]:
        """The files that may import a file, by its name."""
        name = own_name(path).encode()
        word = re.compile(rb"\b" + re.escape(name) + rb"\b")
        found = []
        for other, raw in self.contents.items():
            named = name in raw and word.search(raw)  # the first is fast, and most files end there
            if other == path or not (named or b"import_module" in raw or b"__import__" in raw):
                continue
            if self.meant_by(other).may_be(path):
                found.append(other)
        return found

    def meant_by(self, path: Path) -> Meant:
        """What a file's imports may load; nothing where it does not parse."""
        if path not in self._meant:
            source = self.source(path)
            own = source is not None and source.main and path not in self.changing
            self._meant[path] = meant(
                path, source.imports if source is not None else (), script=own
            )
        return self._meant[path]

    def find(self, name: str, paths: Sequence[Path]) -> Path | None:
        """As `find_module`, which asks the disk, once for each name."""
        key = (name, tuple(paths))
        if key not in self._found:
            self._found[key] = find_module(name, paths)
        return self._found[key]

    def imported_by(self, path: Path) -> set[Path]:
        """The files of the project that a file imports, as it would find them when it is run by its path."""
        source = self.source(path)
        paths = [*self.search_path(source), self.root] if source is not None else []
        found: set[Path] = set()
        for one in source.imports if source is not None else ():
            for module in one.candidates:
                if module.startswith("."):
                    found.update(files_of(*relative_start(path, module)))
                elif (other := self.find(module, paths)) is not None:
                    found.add(other)
        return {other for other in found if other in self.contents and other != path}

    def loading_by_path(self, path: Path) -> list[Path]:
        """The files that load a file by its path, as far as the end of that is written out."""
        found = []
        for other, raw in self.contents.items():
            if other != path and any(word.encode() in raw for word in BY_PATH):
                tree = self.tree(other)
                if tree is not None and path.name in {
                    text.rpartition("/")[2] for text in paths_loaded(tree)
                }:
                    found.append(other)
        return found

    def reaching(self, path: Path) -> dict[Path, list[Path]]:
        """The files from which imports may lead to a file, each with those that import it."""
        if path not in self._reaching:
            found: dict[Path, list[Path]] = {}
            todo = [path]
            while todo:
                here = todo.pop()
                if here not in found:
                    found[here] = self.importers(here)
                    todo += found[here]
            self._reaching[path] = found
        return self._reaching[path]


def paths_loaded(tree: ast.AST) -> Iterator[str]:
    """The ends of the paths of files that are run by their paths: `net.py` of `run_path(join(task, "net.py"))`."""
    for node in nodes_in(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in BY_PATH:
            for argument in [*node.args, *(one.value for one in node.keywords)]:
                texts = [
                    one.value
                    for one in nodes_in(argument)
                    if isinstance(one, ast.Constant) and isinstance(one.value, str)
                ]
                yield from (text for text in texts[-1:] if text.endswith(".py"))


def own_name(path: Path) -> str:
    """The last name under which a file is imported."""
    return path.parent.name if path.stem == "__init__" else path.stem


def is_main_test(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Compare)
        and "__name__" in ast.unparse(node.test)
    )


def relative_start(file: Path, module: str) -> tuple[Path, str]:
    """The folder that a relative import starts from, and the rest of its name."""
    name = module.lstrip(".")
    folder = file.parent
    for _ in range(len(module) - len(name) - 1):
        folder = folder.parent
    return folder, name


def files_of(folder: Path, name: str) -> tuple[Path, Path]:
    """The files that a dotted name below a folder may mean: a package, or a module."""
    path = folder.joinpath(*name.split(".")) if name else folder
    # A relative import that leads out of the file system names no module.
    return path / "__init__.py", path.with_name(f"{path.name}.py") if path.name else path


def find_module(name: str, paths: Sequence[Path]) -> Path | None:
    """The file (or the folder of a namespace package) that Python finds under an absolute name."""
    namespace = None
    top, *rest = name.split(".")
    for path in paths:
        for candidate in files_of(path, top):
            if candidate.is_file():
                if not rest:
                    return candidate
                return below(candidate.parent, rest) if candidate.stem == "__init__" else None
        if (path / top).is_dir():
            namespace = namespace or path / top
            if rest and (found := below(path / top, rest)) is not None:
                return found
    return namespace if not rest else None


def below(package: Path, names: Sequence[str]) -> Path | None:
    package_file, module = files_of(package, ".".join(names))
    if package_file.is_file():
        return package_file
    if module.is_file():
        return module
    folder = package.joinpath(*names)
    return folder if folder.is_dir() else None


# Ways -----------------------------------------------------------------------------------------------


def ways_into(file: Path, project: ImportGraph) -> list[WayIn]:
    """The ways in which the project imports a file, each once; [] where nothing imports it."""
    root = project.root
    reaching = project.reaching(file)
    own = project.source(file)
    in_a_package = own is not None and own.relative and file.stem != "__init__"
    found: dict[tuple[str, tuple[Path, ...]], WayIn] = {}

    def add(way: WayIn) -> None:
        key = ("__main__" if way.itself or way.by_path else way.module, way.paths)
        known = found.get(key)
        importers = (*known.importers, *way.importers) if known else way.importers
        found[key] = replace(known or way, importers=tuple(dict.fromkeys(importers)))

    for path in sorted(reaching, key=lambda one: (len(one.parts), one)):
        source = project.source(path)
        if source is None or not (source.main or not reaching[path]):
            continue
        if path.stem == "__init__" and not source.main:
            continue  # nobody starts a package so, and whoever imports a part of it loads it
        if path == file:
            if source.main and not source.relative:
                start = entry(project, source)
                module = start.module or file.stem
                add(WayIn((start.importer,), module, start.paths, itself=True))
            continue
        start = entry(project, source)
        for module in names_reached(project, start, path, file):
            # What imports its neighbours from its package fails without one, and did before.
            if "." in module or not in_a_package:
                add(WayIn((start.importer,), module, start.paths))
    for path in project.loading_by_path(file):
        source = project.source(path)
        if source is not None:
            start = entry(project, source)
            add(WayIn((start.importer,), file.stem, start.paths, by_path=True))
    for path, module, folder in names_in_configs(file, root):
        if not any(other.module == module for other in found.values()):
            add(WayIn((shown_path(path, root),), module, (folder,)))
    for way in installed(file, root):
        if not any(other.module == way.module for other in found.values()):
            add(way)
    return list(found.values())


@dataclass(frozen=True)
class Entry:
    """How a script is started: its own name, and the search path."""

    importer: str
    module: str  # "" for a script
    paths: tuple[Path, ...]


def entry(project: ImportGraph, source: Source) -> Entry:
    """How a script is started: by its path, or by `-m` where its imports need a folder above its own.

    Chosen is the first of these with which all imports of the project's own modules are found.
    """
    candidates = [] if source.relative else [*started_by_path(project, source)]
    folder = source.path.parent
    names = [source.path.stem]
    while folder != project.root and folder.is_relative_to(project.root):
        names.insert(0, folder.name)
        folder = folder.parent
        if all(name.isidentifier() for name in names):
            candidates.append(started_as_module(project, source, names, folder))
    if not candidates:
        candidates += started_by_path(project, source)
    best = min(candidates, key=lambda one: len(unresolved(project, source, one)))
    # A package in src/ that is installed, or is on PYTHONPATH.
    with_src = replace(best, paths=tuple(dict.fromkeys((*best.paths, project.root / "src"))))
    return min(best, with_src, key=lambda one: len(unresolved(project, source, one)))


def started_by_path(project: ImportGraph, source: Source) -> Iterator[Entry]:
    """From the project's root, and from the script's own folder."""
    for inside in (False, True):
        paths = project.search_path(source, inside=inside)
        yield Entry(shown_path(source.path, project.root), "", paths)


def started_as_module(
    project: ImportGraph, source: Source, names: Sequence[str], folder: Path
) -> Entry:
    added = source.added
    paths = tuple(dict.fromkeys((*added.front, folder, *added.back, *project.pythonpath)))
    module = ".".join(names)
    if is_test(source.path):
        return Entry(shown_path(source.path, project.root), module, paths)
    return Entry(f"python -m {module}", module, paths)


def is_test(path: Path) -> bool:
    return path.stem.startswith("test_") or path.stem.endswith("_test") or path.stem == "conftest"


def unresolved(project: ImportGraph, source: Source, start: Entry) -> list[ImportedName]:
    """The imports that mean the project's own modules and are not found in this way: those of the script, and
    of the modules that it imports and that change the search path."""
    own = {own_name(path) for path in project.contents}
    own |= {path.parent.name for path in project.contents}
    missing: list[ImportedName] = []
    seen, todo = {source.path}, [source]
    while todo:
        for one in todo.pop().imports:
            if one.module.startswith(".") or one.prefix:
                continue
            found = project.find(one.module, start.paths)
            if found is None and one.module.split(".")[0] in own:
                missing.append(one)
            if found in project.changing - seen:
                seen.add(found)
                imported = project.source(found)
                todo += [imported] if imported is not None else []
    return missing


def names_reached(project: ImportGraph, start: Entry, path: Path, file: Path) -> list[str]:
    """The dotted names under which a file is loaded, by what a script imports and what that imports."""
    found: dict[str, None] = {}
    seen: set[tuple[Path, str]] = set()
    todo = [(path, start.module)]
    while todo:
        here, module = todo.pop()
        if (here, module) in seen:
            continue
        seen.add((here, module))
        source = project.source(here)
        for one in source.imports if source is not None else ():
            for other, name in loaded(project, one, here, module, start.paths, file):
                if other == file:
                    found[name] = None
                elif other in project.contents:
                    todo.append((other, name))
    return list(found)


def loaded(
    project: ImportGraph,
    one: ImportedName,
    here: Path,
    module: str,
    paths: Sequence[Path],
    file: Path,
) -> Iterator[tuple[Path, str]]:
    """The files of the project that an import loads, with their dotted names; packages above them too."""
    for candidate in one.candidates:
        name = absolute(candidate, here, module)
        if name is None:
            continue
        if one.prefix:
            package = name.rpartition(".")[0]
            if package and find_folder(project, package, paths) == file.parent:
                yield file, f"{package}.{file.stem}"
            continue
        parts = name.split(".")
        for depth in range(1, len(parts) + 1):
            dotted = ".".join(parts[:depth])
            found = project.find(dotted, paths)
            if found is not None and found.suffix == ".py":
                yield found, dotted


def find_folder(project: ImportGraph, package: str, paths: Sequence[Path]) -> Path | None:
    """The folder of a package, regular or not."""
    found = project.find(package, paths)
    if found is None:
        return None
    return found.parent if found.suffix == ".py" else found


def absolute(module: str, here: Path, own: str) -> str | None:
    """The absolute name of what a file imports; None for a relative import of what is no package."""
    name = module.lstrip(".")
    level = len(module) - len(name)
    if not level:
        return module
    package = own if here.stem == "__init__" else own.rpartition(".")[0]
    for _ in range(level - 1):
        package = package.rpartition(".")[0]
    if not package:
        return None
    return f"{package}.{name}" if name else package


def installed(file: Path, root: Path) -> list[WayIn]:
    """The package as it is installed, where the project says how it is built."""
    if not any((root / name).is_file() for name in BUILT_BY) or not builds_a_package(root):
        return []
    # A folder src/ with an __init__.py is a package of that name itself.
    layout = [] if (root / "src" / "__init__.py").is_file() else [root / "src"]
    for base in (*layout, root):
        if not file.is_relative_to(base) or file.parent == base:
            continue
        names = [*file.relative_to(base).with_suffix("").parts]
        if names[-1] == "__init__":
            names.pop()
        top = base / names[0]
        if (top / "__init__.py").is_file() or base.name == "src":
            if all(name.isidentifier() for name in names):
                return [WayIn((f"the package {names[0]}",), ".".join(names), (base,))]
    return []


def builds_a_package(root: Path) -> bool:
    """Whether a pyproject.toml is more than the settings of tools."""
    if (root / "setup.py").is_file():
        return True
    try:
        text = (root / "pyproject.toml").read_text("utf-8", "replace")
    except OSError:
        return (root / "setup.cfg").is_file()
    return re.search(r"^\[(project|build-system|tool\.poetry)\]", text, re.MULTILINE) is not None


# Where nothing imports the file -----------------------------------------------------------------------


def pythonpath(environment: Mapping[str, str], root: Path) -> tuple[Path, ...]:
    """The folders of the project that are on the search path of every script by PYTHONPATH."""
    given = environment.get("PYTHONPATH", "").split(os.pathsep)
    folders = [Path(os.path.abspath(one)) for one in given if one]
    return tuple(one for one in folders if one.is_relative_to(root) and one.is_dir())


def likely_way(
    file: Path,
    root: Path,
    imports: Sequence[ImportedName],
    pythonpath: tuple[Path, ...] = (),
) -> WayIn:
    """How a file that nothing imports is most likely imported, by its place and its own imports.

    In the package that its `__init__.py`s make below the root, or beside the scripts of its folder: with
    whichever its own imports of the project's modules are found.
    """
    candidates = [
        replace(one, paths=tuple(dict.fromkeys((*one.paths, *pythonpath))))
        for one in (in_package(file, root), *named_below(file, root))
    ]
    relative = any(one.module.startswith(".") for one in imports)
    if relative:
        alone = WayIn((), f"{file.parent.name}.{file.stem}", (file.parent.parent, *pythonpath))
        candidates = [one for one in candidates if one.package] or [alone]

    def missing(way: WayIn) -> int:
        return sum(not resolves(one, file, way) for one in imports if not one.prefix)

    return min(candidates, key=missing)


def in_package(file: Path, root: Path) -> WayIn:
    """The name up the chain of `__init__.py`, not above the project."""
    names = [] if file.stem == "__init__" else [file.stem]
    folder = file.parent
    while folder != root and (folder / "__init__.py").is_file() and folder.name.isidentifier():
        names.insert(0, folder.name)
        folder = folder.parent
    if not names:  # the `__init__.py` of the root itself
        names, folder = [folder.name], folder.parent
    return WayIn((), ".".join(names), (folder,))


def named_below(file: Path, root: Path) -> Iterator[WayIn]:
    """The names of a file below its own folder and those above, up to the root; and its relative name
    where the root itself is a package."""
    names = [] if file.stem == "__init__" else [file.stem]
    folder = file.parent
    while folder.is_relative_to(root):
        if names and all(name.isidentifier() for name in names):
            yield WayIn((), ".".join(names), (folder,))
        names.insert(0, folder.name)
        folder = folder.parent
    if (root / "__init__.py").is_file() and all(name.isidentifier() for name in names):
        yield WayIn((), ".".join(names), (folder,))


def resolves(one: ImportedName, file: Path, way: WayIn) -> bool:
    """Whether an import of a file finds its module in this way, or means none of the project's."""
    if one.module.startswith("."):
        name = absolute(one.module, file, way.module)
        return name is not None and find_module(name, way.paths) is not None
    top = one.module.split(".")[0]
    nearby = {file.parent, *way.paths, *file.parents[:3]}
    if not any((folder / top).is_dir() or (folder / f"{top}.py").is_file() for folder in nearby):
        return True
    return find_module(one.module, way.paths) is not None
