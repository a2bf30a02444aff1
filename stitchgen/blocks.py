"""Which block, rendered to which file, imported how, constructed with which arguments (floor 4)."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stitchgen import catalog, render
from stitchgen.catalog import Block
from stitchgen.config import Project
from stitchgen.errors import StitchError
from stitchgen.files import read_bytes
from stitchgen.places import Place
from stitchgen.imports import add_import, bound_as, has_relative_imports
from stitchgen.syntax import Syntax
from stitchgen.target import ImportName
from stitchgen.workbench import Workbench


@dataclass(frozen=True)
class Feature:
    """The tensor that a block is put at."""

    layout: str  # NCHW ... NC
    dims: int
    channels: str  # expression


def fitting(feature_layout: str, catalogs: tuple[str, ...] = ()) -> list[str]:
    """Names of the one-input blocks that work on a layout and keep the channels."""
    word, dims = catalog.FEATURES.get(feature_layout, ("", 0))
    return [
        block.name
        for block in catalog.load(catalogs).values()
        if block.inputs == 1
        and block.size == "same"
        and ("any" in block.layouts or (word in block.layouts and dims in block.dims))
    ]


def check_layout(block: Block, layout: str, name: str, where: str | None) -> None:
    word, dims = catalog.FEATURES.get(layout, ("", 0))
    if "any" in block.layouts or (word in block.layouts and dims in block.dims):
        return
    others = fitting(layout)
    raise StitchError(
        "layout-mismatch",
        f"{block.name} works on {', '.join(block.layouts)}, and {name} gives {layout}",
        where=where,
        hint="Blocks for this layout: " + (", ".join(others) if others else "none"),
        suggestions=others,
    )


def check_settings(block: Block, settings: Mapping[str, str]) -> dict[str, str]:
    """The `--set` values as source, checked against the block's parameters."""
    known = {parameter.name: parameter for parameter in block.parameters}
    checked = {}
    for name, value in settings.items():
        if name not in known:
            raise StitchError(
                "bad-argument",
                f"{block.name} has no argument {name!r}",
                hint="It has " + ", ".join(known) + f"; see stitchgen show {block.name}",
            )
        checked[name] = literal(block.name, known[name].type, name, value)
    return checked


def literal(block: str, kind: str, name: str, value: str) -> str:
    """A `--set` value as Python source of the parameter's type."""
    text = value.strip()
    spelled = {"true": "True", "false": "False", "none": "None"}.get(text.lower(), text)
    try:
        result = ast.literal_eval(spelled)
    except (ValueError, SyntaxError):
        result, spelled = value, repr(value)
    types = {"int": int, "float": (int, float), "bool": bool, "str": str}
    wanted = tuple(
        part
        for word in kind.replace(" ", "").split("|")
        for part in ([types[word]] if word in types else [])
    )
    flat = tuple(t for part in wanted for t in (part if isinstance(part, tuple) else (part,)))
    wrong = flat and not isinstance(result, flat) and not (result is None and "None" in kind)
    if isinstance(result, bool) and bool not in flat and flat:
        wrong = True
    if wrong:
        raise StitchError(
            "bad-argument",
            f"{block}: {name}={value} is no {kind}",
            hint=f"--set {name}=... takes {kind}; see stitchgen show {block}",
        )
    return spelled


def arguments(block: Block, channels: str, settings: Mapping[str, str]) -> list[str]:
    """The constructor's arguments, by keyword, channels first."""
    written = []
    for parameter in block.parameters:
        if parameter.name in settings:
            written.append(f"{parameter.name}={settings[parameter.name]}")
        elif parameter.fact in ("channels", "in", "out"):
            written.append(f"{parameter.name}={channels}")
        elif parameter.default is None:
            raise StitchError(
                "bad-argument",
                f"{block.name} needs a value for {parameter.name} ({parameter.meaning})",
                hint=f"--set {parameter.name}=...",
            )
    return written


def replacement_arguments(block: Block, place: Place, settings: Mapping[str, str]) -> list[str]:
    """The constructor's arguments for `--replace`, taken from the layer that is replaced."""
    kinds = {spot.layer["class"].rpartition(":")[2].rpartition(".")[2] for spot in place.spots}
    for replacement in block.replaces:
        if kinds <= set(replacement.layers):
            break
    else:
        layers = sorted({layer for one in block.replaces for layer in one.layers})
        raise StitchError(
            "bad-argument",
            f"{block.name} cannot stand in for {', '.join(sorted(kinds))}",
            hint=f"It replaces {', '.join(layers)}." if layers else "It replaces no layer; use --after.",
        )
    written = []
    for parameter in block.parameters:
        if parameter.name in settings:
            written.append(f"{parameter.name}={settings[parameter.name]}")
        elif parameter.name in replacement.arguments:
            formula = replacement.arguments[parameter.name]
            written.append(f"{parameter.name}={of_layer(formula, place.layer_text)}")
    return written


def of_layer(formula: str, layer: str) -> str:
    """A formula of the layer's attributes as an expression: `stride` -> `self.conv1.stride`."""

    class Names(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            if hasattr(builtins, node.id):
                return node
            return ast.parse(f"{layer}.{node.id}", mode="eval").body

    return ast.unparse(Names().visit(ast.parse(formula, mode="eval")).body)


@dataclass(frozen=True)
class Placed:
    """A block's file in the project and the name under which the model file sees its class."""

    class_name: str  # as the model file calls it
    file: Path
    reused: bool


def blocks_folder(project: Project, model_file: Path, dims_file: str) -> Path:
    if project.blocks is not None:
        return project.root / project.blocks
    folder = model_file.parent / "blocks"
    module = model_file.parent / "blocks.py"
    if module.exists():
        raise StitchError(
            "blocks-in-the-way",
            f"{module.name} stands where the folder blocks/ would go",
            where=str(module),
            hint='Name another folder in pyproject.toml: [tool.stitchgen] blocks = "stitched_blocks"',
        )
    return folder


def file_name(block: Block, dims: int) -> str:
    return catalog.snake_case(block.class_for(dims)) + ".py"


def place(
    bench: Workbench,
    project: Project,
    block: Block,
    dims: int,
    user: Syntax,
    user_file: Path,
    name: ImportName,
) -> Placed:
    """Plan the block's file (or reuse the one that is there) and its import in the user's file."""
    folder = blocks_folder(project, user_file, file_name(block, dims))
    class_name = block.class_for(dims)
    file = folder / file_name(block, dims)
    source = render.block_source(block, dims).encode()
    reused = False
    if file.exists():
        present = read_bytes(file)
        if not defines(present, class_name):
            raise StitchError(
                "blocks-in-the-way",
                f"{bench.relative(file)} is there already and defines no class {class_name}",
                where=bench.relative(file),
                hint='Rename it, or set another folder: [tool.stitchgen] blocks = "..."',
            )
        reused = True
    else:
        bench.create(file, source)
        if name.package and not (folder / "__init__.py").exists():
            bench.create(folder / "__init__.py", b"")
    module = import_module(project, user, user_file, file, name)
    return Placed(import_class(bench, user, user_file, module, class_name), file, reused)


def defines(raw: bytes, class_name: str) -> bool:
    try:
        tree = ast.parse(raw)
    except (SyntaxError, ValueError):
        return False
    return any(isinstance(node, ast.ClassDef) and node.name == class_name for node in tree.body)


def import_module(
    project: Project, user: Syntax, user_file: Path, file: Path, name: ImportName
) -> str:
    """The module path to import a project file from: relative where the user's imports are."""
    base = name.paths[0]
    dotted = ".".join(file.relative_to(base).with_suffix("").parts) if file.is_relative_to(base) else None
    if has_relative_imports(user.tree) and file.is_relative_to(user_file.parent):
        return "." + ".".join(file.relative_to(user_file.parent).with_suffix("").parts)
    if dotted is None:
        for path in (project.root, *name.paths):
            if file.is_relative_to(path):
                dotted = ".".join(file.relative_to(path).with_suffix("").parts)
                break
    if dotted is None or not all(part.isidentifier() for part in dotted.split(".")):
        raise StitchError(
            "blocks-in-the-way",
            f"{file} cannot be imported from {user.document.path}",
            where=str(file),
            hint='Set a folder below the project root: [tool.stitchgen] blocks = "blocks"',
        )
    return dotted


def import_class(
    bench: Workbench, user: Syntax, user_file: Path, module: str, class_name: str
) -> str:
    """Plan `from module import Class` where it is not there yet; the name it is bound to."""
    bound = bound_as(user, module, class_name)
    if bound is not None:
        return bound
    alias = class_name
    taken = user.top_level_names()
    if alias in taken:
        alias = f"{class_name}Block"
        number = 2
        while alias in taken:
            alias, number = f"{class_name}Block{number}", number + 1
    clause = class_name if alias == class_name else f"{class_name} as {alias}"
    bench.edit(user_file, add_import(user, f"from {module} import {clause}"))
    return alias
