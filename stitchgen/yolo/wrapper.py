"""Classes around a block, since a row has one module: joined with what it is fed, gated, fed several rows."""

from __future__ import annotations

from dataclasses import replace

from stitchgen.errors import unsupported
from stitchgen.fusions.fusion import Fusion, Setting
from stitchgen.fusions.registry import FUSIONS
from stitchgen.yolo.row_block import WIDTH, RowBlock

SOURCE = '''\
"""{title}."""

import torch
from torch import Tensor, nn

from {module} import {inner}


class {name}(nn.Module):
    """{formula}.
{note}
    Shape: (N, C, H, W) -> (N, C, H, W)
    """

    def __init__(self, {channels}*args: object, **kwargs: object) -> None:
        super().__init__()
        self.block = {inner}(*args, **kwargs)
{reduce}{gate}
    def forward(self, x: Tensor) -> Tensor:
        return {result}
'''
REDUCE = "        self.reduce = nn.Conv2d(2 * channels, channels, 1)\n"
NOTE = "\n    The gate is zero at first: old weights keep their accuracy.\n"
GATE = "        self.gate = nn.Parameter(torch.zeros(1))\n"

#: For a row that reads two others, in whose place parse_model gives their widths.
OF_SEVERAL = '''\
"""{inner} of the two rows that its own row reads."""

from __future__ import annotations

from torch import Tensor, nn

from {module} import {inner}


class {name}(nn.Module):
    """{inner} of a list of two features, as a row of a YAML file gets them.

    Shape: [(N, C, H, W), (N, D, I, J)] -> (N, C, H, W)
    """

    def __init__(self, widths: list[int]) -> None:
        super().__init__()
        self.block = {inner}({args})

    def forward(self, x: list[Tensor]) -> Tensor:
        return self.block(*x)
'''
JOIN = '''\
"""{title}."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class {name}(nn.Module):
    """{formula} of the two features that its row reads.
{note}
    Shape: [(N, C, H, W), (N, C, H, W)] -> (N, C, H, W)
    """

    def __init__(self, widths: list[int]) -> None:
        super().__init__()
{gate}
    def forward(self, x: list[Tensor]) -> Tensor:
        return {result}
'''


def wrapped(row: RowBlock, fuse: Fusion | None, *, gate: bool) -> RowBlock:
    """The row of the class that joins or gates the block; the block's own where it is neither."""
    if fuse is None and not gate:
        return row
    name = ("Gated" if gate else "") + (fuse.class_prefix if fuse else "") + row.class_name
    args = row.args
    if fuse is not None and fuse.reduces:
        args = ", ".join([WIDTH, *([row.args] if row.args else [])])
    return replace(row, class_name=name, args=args, inner=row, fuse=fuse, gate=gate)


def of_several(row: RowBlock) -> RowBlock:
    """The row of a class that feeds the block two rows."""
    return replace(row, class_name=f"{row.class_name}OfTwo", args="", inner=row, several=True)


def joining(row: RowBlock, fuse: Fusion, *, gate: bool) -> RowBlock | None:
    """The row of the class that joins two others; None for a concatenation, which every parse_model has."""
    if fuse.reduces:
        if gate:
            raise unsupported(
                "--gate does not go with --beside --fuse concat, which is made of Concat and Conv",
                None,
                f"Use --fuse {', '.join(one.name for one in FUSIONS.values() if not one.reduces)}.",
            )
        return None
    name = f"{'Gated' if gate else ''}Fused{fuse.name.title()}"
    text = JOIN.format(
        title=f"Two rows, joined by {fuse.name}"
        + (", behind a gate that starts closed" if gate else ""),
        name=name,
        formula=in_words(fuse, "x", "y", gate=gate).replace("self.", ""),
        note=NOTE if gate else "",
        gate=GATE if gate else "",
        result=in_words(fuse, "x[0]", "x[1]", gate=gate),
    )
    return RowBlock(row.block, name, "", without_torch(text).encode(), several=True)


def wrapper_source(row: RowBlock, module: str) -> bytes:
    """The module of the class; `module` is where it imports the block from."""
    assert row.inner is not None
    inner, fuse = row.inner.class_name, row.fuse
    if row.several:
        name, args = row.class_name, row.inner.args
        return OF_SEVERAL.format(inner=inner, module=module, name=name, args=args).encode()
    reduces = fuse is not None and fuse.reduces
    how = "behind a gate that starts closed" if row.gate else "joined with what it is fed"
    text = SOURCE.format(
        title=f"{inner} {how}",
        module=module,
        inner=inner,
        name=row.class_name,
        formula=in_words(fuse, "x", f"{inner}(x)", gate=row.gate).replace("self.", ""),
        note=NOTE if row.gate else "",
        channels="channels: int, " if reduces else "",
        reduce=REDUCE if reduces else "",
        gate=GATE if row.gate else "",
        result=in_words(fuse, "x", "self.block(x)", gate=row.gate),
    )
    return without_torch(text).encode()


def in_words(fuse: Fusion | None, x: str, block: str, *, gate: bool) -> str:
    """The text that joins a feature with another, as far as an open gate lets it."""
    setting = Setting("torch", 1, "self.reduce")
    if fuse is None:
        return f"{x} + self.gate * ({block} - {x})" if gate else block
    if not gate:
        return fuse.expression([x, block], setting)
    if fuse.additive:
        return fuse.expression([x, f"self.gate * {block}"], setting)
    return f"{x} + self.gate * ({fuse.expression([x, block], setting)} - {x})"


def without_torch(text: str) -> str:
    """The text without an import that it does not need."""
    if "torch." not in text.replace("from torch", "").replace("import torch\n", ""):
        return text.replace("import torch\n", "")
    return text
