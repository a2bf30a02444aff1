"""What layers are fed and what they return, as JSON: shapes in place of tensors."""

from __future__ import annotations

from typing import Any, Dict

import torch

from stitchgen.observer.protocol import Value


def shape_of(value: Any) -> Value:
    """Shapes as JSON: a list of sizes for a tensor, nested for containers."""
    if isinstance(value, torch.Tensor):
        found: Value = {"shape": list(value.shape), "dtype": str(value.dtype).replace("torch.", "")}
        if channels_lie_last(value):
            found["memory"] = "channels_last"
        return found
    if isinstance(value, (tuple, list)):
        return {"items": [shape_of(item) for item in value], "type": type(value).__name__}
    if isinstance(value, dict):
        return {
            "keys": {str(key): shape_of(item) for key, item in value.items()},
            "literals": [repr(key) for key in value],
            "type": type(value).__name__,
        }
    return {"type": type(value).__name__}


def channels_lie_last(value: torch.Tensor) -> bool:
    """Whether a feature with its channels first has them last in memory, as `channels_last` does."""
    if value.layout != torch.strided or value.dim() < 3 or value.is_contiguous():
        return False
    return value.movedim(1, -1).is_contiguous()


def elements(value: Value) -> Dict[str, Value]:
    """The tensors of a tuple, list or dict, from its `shape_of`, by the names that targets use."""
    if "items" in value:
        parts = {str(index): part for index, part in enumerate(value["items"])}
    else:
        parts = value.get("keys", {})
    return {key: part for key, part in parts.items() if "shape" in part}


def version_of(value: Any) -> int:
    """How often a tensor was written to in place; 0 for anything else."""
    if not isinstance(value, torch.Tensor) or value.is_inference():
        return 0
    return value._version
