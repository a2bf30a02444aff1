"""What a person reads of models in YAML files: their rows, and the weights for new ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stitchgen.cli.report_parts import Paint, fact, inline, names, table, warnings


def at_scales(widths: Mapping[str, int | None]) -> str:
    """`256/512/576 at n/s/m`; one number where all are equal."""
    shown = ["?" if width is None else str(width) for width in widths.values()]
    return shown[0] if len(set(shown)) == 1 else f"{'/'.join(shown)} at {'/'.join(widths)}"


def rows(result: Mapping[str, Any], paint: Paint) -> str:
    """The rows of a model's YAML."""
    scales = result["scales"]
    lines = [("layer", "from", "module", "arguments", "channels", "stride", "read by")]
    for layer in result["layers"]:
        widths = layer["channels_at"]
        stride = layer["stride"]
        lines.append(
            (
                layer["path"],
                inline(layer["from"]).replace(" ", ","),
                layer["class"] + (f" x{layer['repeats']}" if layer["repeats"] > 1 else ""),
                layer["arguments"],
                "/".join("?" if widths[one] is None else str(widths[one]) for one in widths),
                "?" if stride is None else f"{stride:g}",
                " ".join(layer["readers"]).replace("model.", ""),
            )
        )
    head = f"{result['model']}, read and not built"
    if len(scales) > 1:
        head += f"; channels at {'/'.join(scales)}"
    target = f"as a target: {result['model']}::{result['layers'][-2]['path']}"
    return "\n".join([paint(head, "name"), *table(lines, paint), target, *warnings(result, paint)])


def arriving(result: Mapping[str, Any]) -> list[str]:
    """How much of a checkpoint fits the rows that were put in, if one was made to."""
    weights = result.get("weights")
    if not weights:
        return []
    kept = f"{weights['arriving']} of {weights['tensors']} tensors of {weights['checkpoint']}"
    return [fact("weights", f"{weights['path']}: {kept} ({weights['without']} without it)")]


def weights(result: Mapping[str, Any], paint: Paint) -> str:
    [file] = result["files"]
    kept = f"{result['arriving']} of {result['tensors']} tensors"
    lines = [
        f"{paint(file['path'], 'name')}: {result['checkpoint']} for {result['yaml']}",
        fact("arrive", f"{kept}; {result['without']} would without it"),
    ]
    if result["rows"]:
        lines.append(fact("new rows", f"{names(result['rows'])}: Identity in this file"))
    lines.append(
        fact("load", f"YOLO(...).load({file['path']!r}), or train pretrained={file['path']}")
    )
    return "\n".join([*lines, *warnings(result, paint)])
