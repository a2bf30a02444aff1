"""How a model's builder learns of a block's name, in the user's own project.

`parse_model` looks a row's module up among the names of its own file. Where that file is the project's, it
gets an import. Else the blocks' folder gets a `register.py`, which sets the name, also in the processes of a
multi-GPU training, and a `__main__.py`, which is Ultralytics' command line with it; the scripts import it.
An installed package is never edited.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stitchgen.catalog.block import snake_case
from stitchgen.errors import StitchError
from stitchgen.planning.block_file import PACKAGE, defines, import_class
from stitchgen.planning.block_import import is_name, module_to_import
from stitchgen.project.config import Project
from stitchgen.project.modules import files_beside
from stitchgen.project.python_files import python_files
from stitchgen.project.transaction import read_bytes
from stitchgen.project.workspace import Workspace
from stitchgen.source.imports import add_import
from stitchgen.source.syntax import Syntax
from stitchgen.yolo import several
from stitchgen.yolo.files import dotted_name, scripts_naming
from stitchgen.yolo.row_block import RowBlock
from stitchgen.yolo.wrapper import wrapper_source

#: Not `blocks`: where a checkpoint's package is missing, Ultralytics installs one of that name from PyPI.
FOLDER = "stitched_blocks"

REGISTER = '''\
"""Gives the blocks of this folder to Ultralytics, whose YAML files name their modules.

Import it before a model is built. A checkpoint of such a model needs this folder to be importable.
"""

from __future__ import annotations
{inspect}
from pathlib import Path
from typing import Callable

from ultralytics.nn import tasks
from ultralytics.utils import dist

{imports}

{assignment}

# The processes of a multi-GPU training run a file that Ultralytics writes: it has to register, too.
ROOT = str(Path(__file__).resolve().parents[__name__.count(".")])
HEAD = f"import sys\\n\\nsys.path.insert(0, {{ROOT!r}})\\nimport {{__name__}}\\n"


def registering(generate: Callable[..., str]) -> Callable[..., str]:
    def generate_ddp_file(trainer: object) -> str:
        path = generate(trainer)
        text = Path(path).read_text(encoding="utf-8")
        Path(path).write_text(HEAD + text, encoding="utf-8")
        return path

    return generate_ddp_file


dist.generate_ddp_file = registering(dist.generate_ddp_file)
{several}'''
MAIN = '''\
"""Ultralytics' command line with the blocks of this folder: python -m {package} train model=..."""

from ultralytics.cfg import entrypoint

from . import register  # noqa: F401

if __name__ == "__main__":
    entrypoint()
'''


@dataclass(frozen=True)
class Registration:
    """What was planned for the name: in the workspace, and what is to be said of it."""

    file: str  # that binds the name, relative to the root
    source: str  # the file of the block's own class
    uses: tuple[str, ...]  # the block's file, and those that register it
    module: (
        str | None
    )  # to be imported before a model is built; None where the builder's file is edited
    scripts: tuple[str, ...] = ()  # those that import it
    warnings: tuple[Mapping[str, str], ...] = field(default=())


def register(
    project: Project,
    workspace: Workspace,
    blocks: Sequence[RowBlock],
    builder: Path | None,
    yaml_name: str,
    scripts: Sequence[Path] = (),
) -> Registration:
    """Plan the files of the classes and their registration, the block's own first.

    `scripts` build from the YAML, with those that name it.
    """
    if builder is not None:
        return in_builder(project, workspace, blocks, builder)
    return in_folder(project, workspace, blocks, yaml_name, scripts)


# -- a fork ----------------------------------------------------------------------------------------


def name_for(workspace: Workspace, block: RowBlock, builder: Path | None) -> str:
    """The name that the row may have: the class's, or another where the builder has one of that name."""
    if builder is None:
        return block.class_name
    taken = bound_names(workspace, builder)
    name, number = block.class_name, 1
    while name in taken and not imports_from_blocks(workspace.syntax(builder), name):
        name = f"{block.class_name}Block{number if number > 1 else ''}"
        number += 1
    return name


def bound_names(workspace: Workspace, file: Path) -> set[str]:
    """The names of a file's top level, those of its star imports included."""
    syntax = workspace.syntax(file)
    names = set(syntax.top_level_names)
    find = files_beside(file, workspace.root)
    for node in ast.walk(syntax.tree):
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            found = find("." * node.level + (node.module or ""))
            if found is not None:
                names |= workspace.syntax(found[0]).top_level_names
    return names


def imports_from_blocks(syntax: Syntax, name: str) -> bool:
    """Whether the file has the name from a folder of rendered blocks already."""
    return any(
        isinstance(node, ast.ImportFrom)
        and FOLDER in (node.module or "").split(".")
        and any((alias.asname or alias.name) == name for alias in node.names)
        for node in syntax.tree.body
    )


def in_builder(
    project: Project, workspace: Workspace, blocks: Sequence[RowBlock], builder: Path
) -> Registration:
    """Imports in the project's own file with parse_model, and a branch where it needs one."""
    files = [block_files(project, workspace, block, workspace.root) for block in blocks]
    for block, (file, *_) in zip(blocks, files):
        import_in_builder(workspace, builder, file, block)
    if any(block.several for block in blocks):
        several.in_builder(workspace, builder)
    uses = sorted({workspace.relative(path) for paths in files for path in paths})
    source = workspace.relative(files[0][-1])
    return Registration(workspace.relative(builder), source, tuple(uses), None)


def import_in_builder(workspace: Workspace, builder: Path, file: Path, block: RowBlock) -> None:
    package = (file.parent / "__init__.py").is_file() or str(
        file.parent / "__init__.py"
    ) in workspace.created
    module = module_to_import(workspace, builder, file, package=package)
    bound = import_class(workspace, builder, module, block.class_name)
    if bound != block.class_name:
        raise StitchError(
            "import-conflict",
            f"{workspace.relative(builder)} has a name {block.class_name} of its own",
            where=workspace.relative(builder),
            hint=f"Use your own class under another name: {workspace.relative(builder)} has to import it.",
        )


def block_files(
    project: Project, workspace: Workspace, block: RowBlock, base: Path
) -> tuple[Path, ...]:
    """Plan the files of the block's class in the folder of blocks, its own first, then those it imports.

    The user's own class stays where it is.
    """
    folder = project.root / project.blocks if project.blocks else base / FOLDER
    if block.inner is not None:
        inner, *_ = block_files(project, workspace, block.inner, base)
        base = project.root if project.blocks else base
        source = wrapper_source(block, imported_as(workspace, inner, folder, base))
        stem = snake_case(block.class_name)
        return (own_file(workspace, folder, stem, block.class_name, source), inner)
    if block.source is None:
        return (block.block.template,)
    stem = block.block.module_for(2, block.class_name)
    return (own_file(workspace, folder, stem, block.class_name, block.source),)


def own_file(workspace: Workspace, folder: Path, stem: str, name: str, source: bytes) -> Path:
    """Plan a file of the folder, or reuse the one that is there."""
    if folder.exists() and not folder.is_dir():
        raise in_the_way(workspace, folder, "stands where the folder of the blocks would go")
    file = folder / f"{stem}.py"
    if file.exists():
        if not defines(read_bytes(file), name):
            raise in_the_way(workspace, file, f"is there and defines no class {name}")
        return file
    workspace.create(file, source)
    if not (folder / "__init__.py").exists():
        workspace.create(folder / "__init__.py", PACKAGE)
    return file


def in_the_way(workspace: Workspace, path: Path, message: str) -> StitchError:
    return StitchError(
        "blocks-in-the-way",
        f"{workspace.relative(path)} {message}",
        where=workspace.relative(path),
        hint='Rename it, or set another folder: [tool.stitchgen] blocks = "..."',
    )


# -- the installed Ultralytics -----------------------------------------------------------------------


def in_folder(
    project: Project,
    workspace: Workspace,
    blocks: Sequence[RowBlock],
    yaml_name: str,
    known: Sequence[Path],
) -> Registration:
    """A module of the project that sets the name, imported by the scripts that build from the YAML."""
    namings = scripts_naming(workspace.root, yaml_name)
    scripts = list(dict.fromkeys([*known, *(one.script for one in namings)]))
    check_own_class(workspace, blocks[0], scripts)
    folders = {script.parent for script in scripts}
    base = folders.pop() if len(folders) == 1 else workspace.root
    files = [block_files(project, workspace, block, base) for block in blocks]
    folder = project.root / project.blocks if project.blocks else base / FOLDER
    if project.blocks:
        base = workspace.root
    if not (folder / "__init__.py").exists():
        workspace.create(folder / "__init__.py", PACKAGE)
    register_file = folder / "register.py"
    modules = [imported_as(workspace, file, folder, base) for file, *_ in files]
    names_in_register(workspace, register_file, modules, blocks)
    package = dotted(workspace, folder, base)
    if not (folder / "__main__.py").exists():
        workspace.create(folder / "__main__.py", MAIN.format(package=package).encode())
    module = f"{package}.register"
    warnings = [import_in(workspace, script, base, module) for script in scripts]
    if not scripts:
        warnings.append(
            {
                "code": "not-imported",
                "message": f"no script of the project names {yaml_name}",
                "hint": f"Write `import {module}` where a model is built from it, or type: "
                f"python -m {package} train model={yaml_name} ...",
            }
        )
    own = [folder / name for name in ("__init__.py", "__main__.py", "register.py")]
    uses = {workspace.relative(path) for path in [*own, *(one for paths in files for one in paths)]}
    return Registration(
        workspace.relative(register_file),
        workspace.relative(files[0][-1]),
        tuple(sorted(uses)),
        module,
        tuple(workspace.relative(script) for script in scripts),
        tuple(one for one in warnings if one is not None),
    )


def check_own_class(workspace: Workspace, block: RowBlock, scripts: Sequence[Path]) -> None:
    """Refuse a class of the very script that builds: who imports it would run the script."""
    file = (block.inner or block).block.template
    if file in scripts:
        raise StitchError(
            "import-conflict",
            f"{workspace.relative(file)} builds the model and defines the block's class: a checkpoint "
            "would name it __main__, which nobody else can load",
            where=workspace.relative(file),
            hint="Move the class into a module of its own, and name that.",
        )


def registered_in(project: Project, beside: Path) -> tuple[Path, str] | None:
    """The folder from which the project's registration is imported, and its name; None without one."""
    if project.blocks is not None:
        found = [project.root / project.blocks / "register.py"]
    else:
        found = [one / FOLDER / "register.py" for one in (beside, project.root)]
        found += [
            path
            for path in python_files(project.root)
            if path.parts[-2:] == (FOLDER, "register.py")
        ]
    for path in found:
        if path.is_file():
            base = project.root if project.blocks is not None else path.parents[1]
            return base, dotted_name(base, path)
    return None


def dotted(workspace: Workspace, path: Path, base: Path) -> str:
    """The name under which a file or folder is imported with `base` on the path."""
    parts = path.relative_to(base).with_suffix("").parts if path.is_relative_to(base) else ()
    if not parts or not all(map(is_name, parts)):
        raise StitchError(
            "import-conflict",
            f"{workspace.relative(path)} cannot be imported from {workspace.relative(base)}",
            where=workspace.relative(path),
            hint="Name a folder with an importable name for the blocks, in pyproject.toml: "
            f'[tool.stitchgen] blocks = "{FOLDER}"',
        )
    return ".".join(parts)


def imported_as(workspace: Workspace, file: Path, folder: Path, base: Path) -> str:
    """The module of the class as `register.py` imports it: a neighbour by its name alone."""
    return f".{file.stem}" if file.parent == folder else dotted(workspace, file, base)


def names_in_register(
    workspace: Workspace, file: Path, modules: Sequence[str], blocks: Sequence[RowBlock]
) -> None:
    """Plan `register.py`, or two lines in it for each class that it lacks."""
    imports = [f"from {m} import {one.class_name}" for m, one in zip(modules, blocks)]
    assignments = [f"tasks.{one.class_name} = {one.class_name}" for one in blocks]
    branch = any(one.several for one in blocks)
    if not file.exists():
        text = REGISTER.format(
            imports="\n".join(sorted(imports)),
            assignment="\n".join(assignments),
            inspect="\nimport inspect" if branch else "",
            several=several.REGISTERED if branch else "",
        )
        workspace.create(file, text.encode())
        return
    syntax = workspace.syntax(file)
    assigned = [node for node in syntax.tree.body if sets_name(node)]
    if not assigned:
        raise in_the_way(workspace, file, "is there already and sets no name of `tasks`")
    known = [ast.unparse(node) for node in assigned]
    new = [number for number, one in enumerate(assignments) if one not in known]
    for number in new:
        workspace.edit(file, add_import(syntax, imports[number]))
    if new:
        span = syntax.document.span_of(assigned[-1])
        lines = "".join(assignments[number] + "\n" for number in new)
        workspace.edit(file, syntax.document.lines_after(span, lines))
    if branch and "def read_several(" not in syntax.document.text:
        workspace.edit(file, add_import(syntax, "import inspect"))
        end = len(syntax.document.utf8)
        workspace.edit(file, syntax.document.insert(end, several.REGISTERED))


def sets_name(node: ast.stmt) -> bool:
    match node:
        case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="tasks"))]):
            return True
    return False


def import_in(
    workspace: Workspace, script: Path, base: Path, module: str
) -> Mapping[str, str] | None:
    """Plan the import in a script; a warning where the script does not find it."""
    shown = workspace.relative(script)
    line = f"import {module}"
    if script.parent != base:
        up = Path(os.path.relpath(base, script.parent)).as_posix()
        return {
            "code": "not-imported",
            "where": shown,
            "message": f"{shown} builds from the YAML, and {module} is not in its folder",
            "hint": f"Write `{line}` into it, with the folder {up} on sys.path or PYTHONPATH.",
        }
    syntax = workspace.syntax(script)
    if any(isinstance(n, ast.Import) and line == ast.unparse(n) for n in ast.walk(syntax.tree)):
        return None
    workspace.edit(script, add_import(syntax, f"{line}  # noqa: F401"))
    return None
