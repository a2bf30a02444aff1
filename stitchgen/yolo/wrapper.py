"""A block that is joined with what it is fed, or gated, as one class: a row has one module and one input."""

from __future__ import annotations

from dataclasses import replace

from stitchgen.errors import unsupported
from stitchgen.fusions.fusion import Fusion, Setting
from stitchgen.yolo.row_block import RowBlock

#: What the class of a joined block is called.
JOINED = {"add": "Residual", "mul": "Multiplied", "max": "Maximum"}

SOURCE = '''\
"""{title}."""

import torch
from torch import Tensor, nn

from {module} import {inner}


class {name}(nn.Module):
    """{formula}{note}.

    Shape: (N, C, H, W) -> (N, C, H, W)
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__()
        self.block = {inner}(*args, **kwargs)
{gate}
    def forward(self, x: Tensor) -> Tensor:
        return {result}
'''


def wrapped(row: RowBlock, fuse: Fusion | None, gate: bool) -> RowBlock:
    """The row of the class that joins or gates the block; the block's own where it is neither."""
    if fuse is None and not gate:
        return row
    if fuse is not None and fuse.name not in JOINED:
        raise unsupported(
            f"--fuse {fuse} is not made for rows of a YAML file yet",
            None,
            f"Use one of --fuse {', '.join(JOINED)}, or leave it out.",
        )
    name = ("Gated" if gate else "") + (JOINED[fuse.name] if fuse else "") + row.class_name
    return replace(row, class_name=name, inner=row, fuse=fuse, gate=gate)


def wrapper_source(row: RowBlock, module: str) -> bytes:
    """The module of the class; `module` is where it imports the block from."""
    assert row.inner is not None
    inner, fuse = row.inner.class_name, row.fuse
    setting = Setting("torch", 1)

    def result(block: str) -> str:
        if fuse is None:
            return f"x + self.gate * ({block} - x)" if row.gate else block
        if not row.gate:
            return fuse.expression(["x", block], setting)
        if fuse.additive:
            return fuse.expression(["x", f"self.gate * {block}"], setting)
        return f"x + self.gate * ({fuse.expression(['x', block], setting)} - x)"

    gate = "        self.gate = nn.Parameter(torch.zeros(1))\n" if row.gate else ""
    how = "behind a gate that starts closed" if row.gate else "joined with what it is fed"
    text = SOURCE.format(
        title=f"{inner} {how}",
        module=module,
        inner=inner,
        name=row.class_name,
        formula=result(f"{inner}(x)").replace("self.", ""),
        note=", with a gate of zero at first: old weights keep their accuracy" if row.gate else "",
        gate=gate,
        result=result("self.block(x)"),
    )
    if "torch." not in text.replace("from torch", "").replace("import torch\n", ""):
        text = text.replace("import torch\n", "")
    return text.encode()
