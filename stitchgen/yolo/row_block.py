"""A block as a row: the name that the YAML has for it, and its arguments, which are positional there.

A channel count is written as `c2`: where a row is read, that is the width of the row before it, at every
scale of the model.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from stitchgen.catalog import render
from stitchgen.catalog.block import Block, Parameter
from stitchgen.errors import StitchError
from stitchgen.fusions.fusion import Fusion
from stitchgen.planning.block_file import dims_at
from stitchgen.project.transaction import read_bytes
from stitchgen.yolo.parse_model import LOCALS, SET_ON_LAYERS, TAKEN

LAYOUT = "NCHW"
#: So many rows a block may read.
MOST_INPUTS = 2
WIDTH = "c2"


@dataclass(frozen=True)
class RowBlock:
    """What a row says of a block, and the source of its class, which is None for the user's own."""

    block: Block
    class_name: str
    args: str  # between the brackets
    source: bytes | None
    inner: RowBlock | None = None  # that this one joins by `fuse`, gates, or feeds several rows
    fuse: Fusion | None = None
    gate: bool = False
    several: bool = False  # the row reads several, so that parse_model needs a branch


def row_block(
    block: Block, settings: Mapping[str, str], channels: str | None, inputs: int = 1
) -> RowBlock:
    """The block as a row that reads so many others; refuses one that cannot be a row."""
    check_inputs(block, inputs)
    dims = dims_at(block, LAYOUT, "a row of the YAML", None)
    own = block.template.suffix == ".py"
    class_name = block.class_for(dims)
    if class_name in TAKEN and own:
        raise StitchError(
            "bad-argument",
            f"Ultralytics has a class {class_name} of its own, whose place yours would take",
            where=str(block.template),
            hint="Give your class another name.",
        )
    if class_name in TAKEN:
        class_name += "Block"
    source = read_bytes(block.template) if own else render_as(block, dims, class_name)
    check_attributes(block, source, class_name if own else None)
    named = with_widths if inputs > 1 else arguments
    args = ", ".join(named(block, settings, channels))
    check_keeps(block, settings)
    return RowBlock(block, class_name, args, None if own else source)


def source_of(row: RowBlock) -> bytes:
    """The source of the block's own class, the user's included."""
    inner = row.inner or row
    return inner.source if inner.source is not None else read_bytes(inner.block.template)


def render_as(block: Block, dims: int, class_name: str) -> bytes:
    usual = class_name == block.class_for(dims)
    return render.block_source(block, dims, None if usual else class_name).encode()


def check_inputs(block: Block, inputs: int) -> None:
    """Refuse a block of another number of inputs, or of several sizes of them, or without a map."""
    maps = all(one.layout is None for one in block.inputs_)
    if block.inputs == inputs and maps and not block.variadic:
        return
    count = f"{block.inputs} input" + "s" * (block.inputs != 1)
    message = f"{block.name} takes {count}, not {inputs}"
    hint = "Name the others: --with model.4" if inputs < block.inputs else "Leave out --with."
    if block.variadic or not maps or block.inputs > MOST_INPUTS:
        message = f"{block.name} takes inputs that no row of a YAML file gives together"
        hint = "Choose another block: stitchgen list"
    raise StitchError("unsupported", message, hint=hint)


def with_widths(
    block: Block, settings: Mapping[str, str], channels: str | None = None
) -> list[str]:
    """The arguments by keyword, where the widths of both rows are at hand as `widths`."""
    first = {"channels", "in", "out"}
    written = []
    for parameter in block.parameters:
        if parameter.name in settings:
            written.append(f"{parameter.name}={settings[parameter.name]}")
        elif parameter.fact in first or parameter.fact == "context":
            written.append(f"{parameter.name}=widths[{int(parameter.fact not in first)}]")
        elif parameter.default is None:
            value_of(block, parameter, settings, None)  # refuses
    return written


def check_keeps(block: Block, settings: Mapping[str, str]) -> None:
    """Refuse a block that gives other channels or another size: parse_model would not know of it."""
    values = {p.name: evaluated(p, settings) for p in block.parameters} | {"dims": 2}
    try:
        kept = all(
            block.output_channels(width, values | dict.fromkeys(block.channel_parameters, width))
            == width
            for width in (64, 96)
        )
        same = all(block.output_size(n, values) == n for n in (20, 33))
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise StitchError(
            "unsupported",
            f"whether {block.name} keeps the channels and the size its arguments do not tell",
            hint="Give numbers for them: --set NAME=NUMBER",
        ) from error
    if not (kept and same):
        raise StitchError(
            "unsupported",
            f"{block.name} changes the {'size' if kept else 'channels'}, and parse_model takes an own "
            "module to keep them",
            hint="Choose a block that keeps both: stitchgen list",
        )


def evaluated(parameter: Parameter, settings: Mapping[str, str]) -> object:
    """The value that an argument has without channels: its setting, or its default."""
    text = settings.get(parameter.name, parameter.default)
    try:
        return None if text is None else ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return None


def check_attributes(block: Block, source: bytes, class_name: str | None) -> None:
    """Refuse a class with a submodule of a name that parse_model sets on every layer."""
    tree: ast.AST = ast.parse(source)
    if class_name is not None:  # the user's file may hold other classes
        tree = next(
            one
            for one in ast.walk(tree)
            if isinstance(one, ast.ClassDef) and one.name == class_name
        )
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            if isinstance(node.value, ast.Name) and node.value.id == "self":
                if node.attr in SET_ON_LAYERS:
                    raise StitchError(
                        "unsupported",
                        f"{block.name} has an attribute {node.attr}, which parse_model sets on every "
                        "layer to a value of its own",
                        where=f"{block.template}:{node.lineno}" if class_name else None,
                        hint="Choose another block, or rename the attribute in a class of your own.",
                    )


def arguments(block: Block, settings: Mapping[str, str], channels: str | None) -> list[str]:
    """The positional arguments, up to the last that is not its default."""
    written: list[str] = []
    needed = 0
    for parameter in block.parameters:
        text = value_of(block, parameter, settings, channels)
        written.append(text)
        if parameter.name in settings or parameter.default is None or text == (channels or WIDTH):
            needed = len(written)
    return [in_yaml(block, p, text) for p, text in zip(block.parameters, written[:needed])]


def value_of(
    block: Block, parameter: Parameter, settings: Mapping[str, str], channels: str | None
) -> str:
    if parameter.name in settings:
        return settings[parameter.name]
    if parameter.fact in ("channels", "in", "out"):
        return channels or WIDTH
    if parameter.default is None:
        raise StitchError(
            "bad-argument",
            f"{block.name} needs a value for {parameter.name} ({parameter.meaning})",
            hint=f"--set {parameter.name}=...",
        )
    return parameter.default


def in_yaml(block: Block, parameter: Parameter, text: str) -> str:
    """A Python value as parse_model gets it from the YAML; refuses one that it would read otherwise."""
    if text == WIDTH:
        return text
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError) as error:
        raise StitchError(
            "bad-argument",
            f"{block.name}: {parameter.name}={text} cannot be written into a YAML row",
            hint="A row takes numbers, True, False, None, lists and plain words.",
        ) from error
    if isinstance(value, str):
        return '"' + plain_word(block, parameter, value) + '"'
    if isinstance(value, tuple):
        return f'"{text}"'
    if isinstance(value, float):
        # YAML has 1e-05 for a text; parse_model makes a number of that.
        return text if "e" not in text.lower() else f'"{text}"'
    return text


def plain_word(block: Block, parameter: Parameter, value: str) -> str:
    """A text that parse_model leaves as it is."""
    try:
        ast.literal_eval(value)
        other = "another value"
    except ValueError:
        other = f"its own variable {value}" if value in LOCALS else ""
    except SyntaxError:
        other = "an error"
    if other or not value.isprintable() or '"' in value or "\\" in value:
        raise StitchError(
            "bad-argument",
            f"{block.name}: {parameter.name}={value!r} is {other or 'no plain word'} to parse_model",
            hint="Choose another value, or make it the default in a class of your own.",
        )
    return value
