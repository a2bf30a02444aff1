"""Metrics in CSV files: those of Lightning (sparse rows), of Ultralytics (padded names), and any other with a header."""

from __future__ import annotations

import csv
from pathlib import Path

from stitchgen.sweep.metrics.series import number


def read(path: Path) -> dict[str, list[float]]:
    """The values of each column, row by row; empty cells are passed over."""
    found: dict[str, list[float]] = {}
    with open(path, encoding="utf-8", errors="replace", newline="") as stream:
        for row in csv.DictReader(stream, skipinitialspace=True):
            for name, cell in row.items():
                value = number(cell.strip()) if isinstance(cell, str) else None
                if isinstance(name, str) and value is not None:
                    found.setdefault(name.strip(), []).append(value)
    return found
