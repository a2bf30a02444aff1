"""Metrics in JSON: a line an object, Hugging Face's trainer state and results, W&B's summary."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from stitchgen.sweep.metrics.series import number


def read_lines(path: Path) -> dict[str, list[float]]:
    """Of JSON lines; a line that was cut off is passed over."""
    rows = []
    for line in path.read_text("utf-8", "replace").splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return columns(rows)


def read_document(path: Path) -> dict[str, list[float]]:
    """Of a JSON object: Hugging Face's `trainer_state.json` has a list of objects, others are one."""
    try:
        content = json.loads(path.read_text("utf-8", "replace"))
    except ValueError:
        return {}
    if isinstance(content, dict) and isinstance(content.get("log_history"), list):
        return columns(content["log_history"])
    return columns(content if isinstance(content, list) else [content])


def columns(rows: Iterable[Any]) -> dict[str, list[float]]:
    """The values of each name, object by object; nested names are joined by a slash."""
    found: dict[str, list[float]] = {}
    for row in rows:
        if isinstance(row, dict):
            for name, value in _flat(row, ""):
                found.setdefault(name, []).append(value)
    return found


def _flat(row: Mapping[str, Any], prefix: str) -> Iterable[tuple[str, float]]:
    for name, cell in row.items():
        if isinstance(cell, dict):
            yield from _flat(cell, f"{prefix}{name}/")
        elif (value := number(cell)) is not None:
            yield prefix + name, value
