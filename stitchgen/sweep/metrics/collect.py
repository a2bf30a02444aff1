"""Finding a metric in what a run has left: its new files, and what it printed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from stitchgen.sweep.metrics import objects, printed, tables
from stitchgen.sweep.metrics.series import Series

#: By what a file's name ends with; the first row that fits.
READERS: Mapping[str, Callable[[Path], dict[str, list[float]]]] = {
    ".csv": tables.read,
    ".jsonl": objects.read_lines,
    ".ndjson": objects.read_lines,
    ".json": objects.read_document,
}
#: Sources differ by rounding alone.
CLOSE = 5e-3


@dataclass(frozen=True)
class Disagreement:
    """Two sources of one name that end with other values."""

    one: Series
    other: Series


@dataclass(frozen=True)
class Missing:
    """No source has the name; these are the names that some have."""

    names: tuple[str, ...]


def collect(
    tree: Path, files: Iterable[str], output: Path, name: str
) -> Series | Disagreement | Missing:
    """The metric of this name, from the first source that has it."""
    found: list[Series] = []
    seen: list[str] = []
    for file in sorted(files):
        reader = READERS.get(Path(file).suffix.lower())
        if reader is None:
            continue
        columns = reader(tree / file)
        seen += columns
        if name in columns:
            found.append(Series(file, tuple(columns[name])))
    shown = printed.read(output, name, output.name)
    if shown is not None:
        found.append(shown)
    if not found:
        return Missing(tuple(dict.fromkeys([*seen, *printed.names(output)])))
    first, *others = found
    for other in others:
        if not agree(first.values[-1], other.values[-1]):
            return Disagreement(first, other)
    return first


def agree(one: float, other: float) -> bool:
    """Whether they are one number: as it is, rounded as it was printed, or in percent."""
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    if one == other:
        return True
    return any(
        math.isclose(one * factor, other, rel_tol=CLOSE, abs_tol=CLOSE * 0.1)
        for factor in (1, 100, 0.01)
    )
