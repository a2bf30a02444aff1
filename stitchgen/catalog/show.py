"""`stitchgen show`: all that the catalog knows of one block."""

from __future__ import annotations

import shlex
from typing import Any

from stitchgen.catalog import folders
from stitchgen.catalog.block import Block
from stitchgen.project.config import Project


def run(project: Project, name: str, *, source: bool = False) -> dict[str, Any]:
    """The `--json` object; with `source` also the rendered text, for the usual dims."""
    block = folders.get(name, project.catalogs)
    result = {
        "ok": True,
        "command": "show",
        **block.as_dict(),
        "paper": _paper(block),
        "summary": block.summary,
        "formula": block.formula,
        "fits": block.fits,
        "caution": block.caution,
        "code": block.code,
        "oracle": block.oracle,
        "channels": block.channels,
        "size": block.size,
        "takes": [
            {"name": one.name, "channels": one.channels, "scale": one.scale}
            for one in block.inputs_
        ],
        "variadic": block.variadic,
        "parameters": [parameter.as_dict() for parameter in block.parameters],
        "replaces": [layer for one in block.replaces for layer in one.layers],
        "needs": list(block.needs),
        "exports": [
            name
            for name, claimed in (("torch.export", block.export), ("ONNX", block.onnx))
            if claimed
        ],
        "cost": {**block.cost, "at": _cost_at(block)},
        "example": example(block),
    }
    if source:
        from stitchgen.catalog import render

        result["source"] = render.block_source(block)
    return result


def example(block: Block) -> str:
    """A command that a user can paste and change."""
    given = "".join(
        f" --set {shlex.quote(f'{name}={text}')}"
        for name, text in block.example.items()
        if name not in block.channel_parameters
    )
    if block.variadic:
        return f"stitchgen fuse model.layer2 model.layer3 --block {block.name}{given}"
    if block.inputs > 1:
        others = " ".join(
            f"--with model.{'embedding' if one.layout == 'NC' else f'layer{number}'}"
            for number, one in enumerate(block.inputs_[1:], 2)
        )
        return f"stitchgen add {block.name} --after model.layer1 {others}{given}"
    if block.channels == "same" and block.size == "same":
        return f"stitchgen add {block.name} --after model.layer2{given}"
    if block.replaces:
        return f"stitchgen add {block.name} --replace model.conv1"
    return f"stitchgen new-module {block.name}"


def _paper(block: Block) -> dict[str, Any]:
    address = block.paper.get("url")
    if "arxiv" in block.paper:
        address = f"https://arxiv.org/abs/{block.paper['arxiv']}"
    elif "doi" in block.paper:
        address = f"https://doi.org/{block.paper['doi']}"
    return {**block.paper, "address": address}


def _cost_at(block: Block) -> str:
    if block.layouts[0] == "NLC":
        return "1x196x256"
    size = {1: "196", 2: "14x14", 3: "14x14x14"}[block.usual_dims]
    return f"1x{size}x256" if block.layouts[0] == "NHWC" else f"1x256x{size}"
