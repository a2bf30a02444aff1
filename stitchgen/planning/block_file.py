"""Which block, rendered to which file, imported how, constructed with which arguments."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stitchgen.analysis.layer_facts import Value
from stitchgen.analysis.survey import LayerInstance
from stitchgen.catalog import folders, render
from stitchgen.catalog.block import Block
from stitchgen.errors import StitchError
from stitchgen.history import ledger
from stitchgen.planning.block_import import module_to_import
from stitchgen.planning.plan import Planning, Warning
from stitchgen.planning.point import InsertionPoint
from stitchgen.project.config import Project
from stitchgen.project.workspace import Workspace
from stitchgen.source.equivalence import meaning
from stitchgen.source.imports import add_import, bound_as
from stitchgen.source.tree import nodes_in

#: How many names of blocks a hint tells.
FEW = 6


def fitting(layout: str, catalogs: tuple[str, ...] = ()) -> list[str]:
    """Names of the one-input blocks that work on a layout and keep the size.

    Attention comes first, being what people splice most, and of each kind the oldest.
    """
    found = [
        block
        for block in folders.load(catalogs).values()
        if block.inputs == 1 and block.size == "same" and block.dims_for(layout) is not None
    ]
    found.sort(key=lambda b: (not b.family.endswith("attention"), b.paper.get("year", 9999)))
    return [block.name for block in found]


def of_any_width(layout: str) -> list[str]:
    """Names of the fitting blocks that are not made for one number of channels."""
    return [name for name in fitting(layout) if not folders.load()[name].channel_parameters]


def fitting_inputs(count: int) -> list[str]:
    """Names of the blocks that take so many inputs."""
    found = folders.load().values()
    return sorted(b.name for b in found if b.inputs == count or (b.variadic and count > b.inputs))


def dims_at(block: Block, layout: str, name: str, where: str | None) -> int:
    """The dims to render the block for; refuses a feature on which it does not work."""
    dims = block.dims_for(layout)
    if dims is not None:
        return dims
    others = fitting(layout)
    raise StitchError(
        "layout-mismatch",
        f"{block.name} works on {', '.join(block.layouts)}, and the feature at {name} is {layout}",
        where=where,
        hint=f"Blocks that fit: {a_few(others)}",
        suggestions=others[:FEW],
    )


def a_few(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    text = ", ".join(names[:FEW]) or "none of the catalog"
    more = len(names) - FEW
    return f"{text}, and {more} more: stitchgen list" if more > 0 else text


def check_settings(block: Block | None, settings: Mapping[str, str]) -> dict[str, str]:
    """The `--set` values as source, checked against the block's parameters."""
    if block is None:
        for name, value in settings.items():
            raise StitchError(
                "bad-argument",
                f"--set {name}={value}: there is no block; a reduction has norm and activation",
                hint="--set reduce.norm=true",
            )
        return {}
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


def arguments(block: Block, facts: Mapping[str, str], settings: Mapping[str, str]) -> list[str]:
    """The constructor's arguments, by keyword, channels first.

    `facts` are expressions for what the block's parameters stand for: channels, in, out, context.
    """
    written = []
    for parameter in block.parameters:
        if parameter.name in settings:
            written.append(f"{parameter.name}={settings[parameter.name]}")
        elif parameter.fact is not None and parameter.fact in facts:
            written.append(f"{parameter.name}={facts[parameter.fact]}")
        elif parameter.name == "stride" and "stride" in facts:
            written.append(f"stride={facts['stride']}")
        elif parameter.default is None:
            raise StitchError(
                "bad-argument",
                f"{block.name} needs a value for {parameter.name} ({parameter.meaning})",
                hint=f"--set {parameter.name}=...",
            )
    return written


#: The arguments of torch's layers, in their order, as far as a replacement may take them over.
TORCH_ARGUMENTS = {
    "Conv": "in_channels out_channels kernel_size stride padding dilation groups bias".split(),
    "Linear": "in_features out_features bias".split(),
    "Dropout": "p inplace".split(),
}


def written_arguments(call: ast.Call | None) -> dict[str, str] | None:
    """The arguments that a layer's creation gives, by name; None where that cannot be read."""
    if call is None or any(isinstance(one, ast.Starred) for one in call.args):
        return None
    if any(keyword.arg is None for keyword in call.keywords):
        return None
    name = ast.unparse(call.func).rpartition(".")[2]
    names = next((one for kind, one in TORCH_ARGUMENTS.items() if name.startswith(kind)), None)
    if names is None or len(call.args) > len(names):
        return {} if not call.args and not call.keywords else None
    written = dict(zip(names, map(ast.unparse, call.args)))
    return written | {str(one.arg): ast.unparse(one.value) for one in call.keywords}


def replacement_arguments(
    block: Block,
    point: InsertionPoint,
    settings: Mapping[str, str],
    written_by: ast.Call | None = None,
) -> list[str]:
    """The constructor's arguments for `--replace`, taken from the layer that is replaced: from what its
    creation `written_by` says, where all of them can be, else from its attributes.

    What equals the block's default in every configuration is left out.
    """
    source = written_arguments(written_by)
    written = []
    instances = point.calls.instances
    values = [replaced_values(block, point, one) for one in instances]
    replacement = block.replacement(kind_of(instances[0]))
    assert replacement is not None
    for parameter in block.parameters:
        if parameter.name in settings:
            written.append(f"{parameter.name}={settings[parameter.name]}")
        elif parameter.name in replacement.arguments:
            own = [value[parameter.name] for value in values]
            if parameter.default is not None and all(repr(v) == parameter.default for v in own):
                continue
            scalar = not any(isinstance(value, tuple) for value in own)
            attributes = [one.facts.attributes for one in instances]
            formula = replacement.arguments[parameter.name]
            text = None if source is None else of_source(formula, source, attributes, scalar=scalar)
            if source is not None and text is None:
                return replacement_arguments(block, point, settings)
            written.append(
                f"{parameter.name}={text or of_layer(formula, point, attributes, scalar=scalar)}"
            )
    return written


def of_source(
    formula: str,
    source: Mapping[str, str],
    attributes: Sequence[Mapping[str, Any]],
    *,
    scalar: bool,
) -> str | None:
    """A formula of the layer's attributes over what its creation says: `1 - p` -> `1 - 0.25`.

    What it leaves to a default is the attribute's value. None where an axis would have to be determined.
    """
    texts: dict[str, str] = {}
    for node in nodes_in(ast.parse(formula, mode="eval")):
        if not isinstance(node, ast.Name) or not all(node.id in table for table in attributes):
            continue
        values = {repr(table[node.id]) for table in attributes}
        several = any(isinstance(table[node.id], (list, tuple)) for table in attributes)
        text = source.get(node.id)
        if text is None or (several and not text.isdigit()):
            # A name may hold one number or one for each axis.
            if len(values) > 1 or (text is not None and not is_literal(text)):
                return None
            value = attributes[0][node.id]
            text = repr(value[0] if several and scalar else value)
        texts[node.id] = text

    class Names(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            text = texts.get(node.id)
            return node if text is None else ast.parse(text, mode="eval").body

    return ast.unparse(Names().visit(ast.parse(formula, mode="eval")).body)


def is_literal(text: str) -> bool:
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return False
    return True


def stands_in(block: Block, point: InsertionPoint) -> bool:
    """Whether every layer of the point is already of the block's class."""
    classes = {block.class_for(dims) for dims in block.dims}
    return all(kind_of(one) in classes for one in point.calls.instances)


def takes_arguments_of(block: Block, point: InsertionPoint) -> bool:
    """Whether the block says how it is made from the arguments of such layers."""
    return all(block.replacement(kind_of(one)) is not None for one in point.calls.instances)


def check_same_shapes(block: Block, point: InsertionPoint) -> None:
    """Refuse a block in the place of a layer that gives something else than the block would."""
    for one in point.calls.instances:
        fed, given = one.facts.value("input"), one.facts.value("output")
        keeps = block.channels in ("same", "in-out") and block.size == "same" and block.inputs == 1
        if keeps and fed.is_tensor and fed.shape == given.shape:
            continue
        if keeps and block.channels == "in-out" and differs_in_channels(one):
            continue
        layers = sorted({layer for other in block.replaces for layer in other.layers})
        what = f"{block.name} cannot stand in for {point.target}, a {kind_of(one)}"
        if keeps and given.is_tensor and fed.is_tensor:
            own = "changes the channels alone" if block.channels == "in-out" else "keeps the shape"
            what += f" that makes {shape_text(given)} of {shape_text(fed)}, where it {own}"
        raise StitchError(
            "bad-argument",
            what,
            where=one.facts.where,
            hint=f"It replaces {', '.join(layers)}." if layers else "Put it --after the layer.",
        )


def changes_channels(point: InsertionPoint) -> bool:
    """Whether the layer gives another number of channels than it is fed, and else the same shape."""
    return any(map(differs_in_channels, point.calls.instances))


def differs_in_channels(instance: LayerInstance) -> bool:
    fed, given = instance.feature("input"), instance.feature("output")
    shapes = [instance.facts.value(side).shape for side in ("input", "output")]
    if fed.layout is None or fed.layout != given.layout or fed.channels == given.channels:
        return False
    axis = fed.layout.index("C")
    others = [[*shape[:axis], *shape[axis + 1 :]] for shape in shapes if shape is not None]
    return len(others) == 2 and others[0] == others[1]


def shape_text(value: Value) -> str:
    return "x".join(map(str, value.shape or ()))


def kind_of(instance: LayerInstance) -> str:
    return instance.facts.class_key.rpartition(":")[2].rpartition(".")[2]


def replaced_values(
    block: Block, point: InsertionPoint, instance: LayerInstance
) -> Mapping[str, Any]:
    """The block's arguments for the layer of one configuration; refuses one it cannot stand in for."""
    kind = kind_of(instance)
    where = instance.facts.where
    replacement = block.replacement(kind)
    if replacement is None:
        layers = sorted({layer for one in block.replaces for layer in one.layers})
        raise StitchError(
            "bad-argument",
            f"{block.name} cannot stand in for {point.target}, a {kind}",
            where=where,
            hint=f"It replaces {', '.join(layers)}." if layers else "Put it --after the layer.",
        )
    if instance.facts.read is not None and not instance.facts.attributes:
        raise StitchError(
            "unsupported",
            f"the source alone does not tell how {point.target} is made, which {block.name} takes over",
            where=where,
            hint="Let the model run: leave out --no-prove.",
        )
    try:
        return replacement.values(instance.facts.attributes)
    except StitchError as error:
        error.message = f"{block.name} cannot stand in for {point.target}: {error.message}"
        error.where = where
        raise


def of_layer(
    formula: str, point: InsertionPoint, attributes: Sequence[Mapping[str, Any]], *, scalar: bool
) -> str:
    """A formula of the layer's attributes as an expression: `stride` -> `self.conv1.stride[0]`."""

    class Names(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            if not all(node.id in table for table in attributes):
                return node
            text = f"{point.layer_text}.{node.id}"
            if node.id == "bias":
                text += " is not None"
            elif scalar and any(isinstance(table[node.id], (list, tuple)) for table in attributes):
                text += "[0]"
            return ast.parse(text, mode="eval").body

    return ast.unparse(Names().visit(ast.parse(formula, mode="eval")).body)


#: What stands in the `__init__.py` of a blocks folder: a patch cannot create an empty file.
PACKAGE = b'"""Blocks that stitchgen rendered; import them by module."""\n'


@dataclass(frozen=True)
class Placed:
    """A block's file in the project and the name under which the model file sees its class."""

    class_name: str  # as the model file calls it
    file: Path
    notes: tuple[Warning, ...] = ()


def blocks_folder(project: Project, model_file: Path) -> Path:
    if project.blocks is not None:
        return project.root / project.blocks
    folder = model_file.parent / "blocks"
    for other in (model_file.parent / "blocks.py", folder):
        if other.exists() and not other.is_dir():
            raise StitchError(
                "blocks-in-the-way",
                f"{other.name} stands where the folder blocks/ would go",
                where=str(other),
                hint="Name another folder in pyproject.toml: [tool.stitchgen] "
                'blocks = "stitched_blocks"',
            )
    return folder


def plan_block(planning: Planning, dims: int, user_file: Path) -> Placed:
    """Plan the block's file (or reuse the one that is there) and its import in the user's file."""
    workspace, block = planning.workspace, planning.block
    class_name = block.class_for(dims)
    if block.template == user_file:  # the user's own class, beside the model
        return Placed(class_name, block.template)
    if block.template.suffix == ".py":  # the user's own class, where it is
        package = (block.template.parent / "__init__.py").is_file()
        module = module_to_import(workspace, user_file, block.template, package=package)
        return Placed(import_class(workspace, user_file, module, class_name), block.template)
    folder = blocks_folder(planning.project, user_file)
    package = any((one / "__init__.py").is_file() for one in (folder, folder.parent))
    file = folder / f"{block.module_for(dims)}.py"
    module = module_to_import(workspace, user_file, file, package=package)
    source = render.block_source(block, dims).encode()
    notes: tuple[Warning, ...] = ()
    if workspace.exists(file):
        if not defines(workspace.read(file), class_name):
            raise StitchError(
                "blocks-in-the-way",
                f"{workspace.relative(file)} is there already and defines no class {class_name}",
                where=workspace.relative(file),
                hint='Rename it, or set another folder: [tool.stitchgen] blocks = "..."',
            )
        if meaning(workspace.read(file)) != meaning(source):
            notes = (used_as_it_is(planning, workspace.relative(file)),)
    else:
        workspace.create(file, source)
        if package and not workspace.exists(folder / "__init__.py"):
            workspace.create(folder / "__init__.py", PACKAGE)
    return Placed(import_class(workspace, user_file, module, class_name), file, notes)


def used_as_it_is(planning: Planning, path: str) -> Warning:
    """The warning about a file that is not what the catalog renders today; refuses that of another block."""
    block = planning.block
    users = [one.record.block for one in ledger.load(planning.workspace.root).users(path)]
    if users and block.name not in users:
        raise StitchError(
            "blocks-in-the-way",
            f"{path} holds {users[0]}, and {block.name} is another block of that name",
            where=path,
            hint='Set another folder for it: [tool.stitchgen] blocks = "..."',
        )
    one = {"code": "block-as-it-is", "where": path}
    one["message"] = f"{path} is used as it is; the catalog's {block.name} is another one today"
    if users:
        one["hint"] = f"stitchgen diff {block.name} shows what is newer there"
    return one


def defines(raw: bytes, class_name: str) -> bool:
    try:
        tree = ast.parse(raw)
    except (SyntaxError, ValueError):
        return False
    return any(isinstance(node, ast.ClassDef) and node.name == class_name for node in tree.body)


def import_class(workspace: Workspace, user_file: Path, module: str, class_name: str) -> str:
    """Plan `from module import Class` where it is not there yet; the name it is bound to."""
    user = workspace.syntax(user_file)
    bound = bound_as(user, module, class_name)
    if bound is not None:
        return bound
    alias = class_name
    taken = user.top_level_names
    if alias in taken:
        alias = f"{class_name}Block"
        number = 2
        while alias in taken:
            alias, number = f"{class_name}Block{number}", number + 1
    clause = class_name if alias == class_name else f"{class_name} as {alias}"
    workspace.edit(user_file, add_import(user, f"from {module} import {clause}"))
    return alias
