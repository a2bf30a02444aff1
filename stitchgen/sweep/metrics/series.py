"""A metric as it was found: its values in order, and where they stand."""

from __future__ import annotations

import math
from dataclasses import dataclass


class Unreadable(Exception):
    """A file may have the metric and cannot be read: why, as it goes on behind the file's name."""


@dataclass(frozen=True)
class Series:
    """All values of one metric in one source."""

    source: str  # the file, below the tree; output.txt for what was printed
    values: tuple[float, ...]
    line: str = ""  # where it is text: the last line with it

    def at(self, rule: str, *, less_is_better: bool) -> float:
        """The last value, or the best one; NaN counts as worse than all."""
        if rule == "last":
            return self.values[-1]
        finite = [value for value in self.values if not math.isnan(value)]
        if not finite:
            return math.nan
        return min(finite) if less_is_better else max(finite)


def number(text: object) -> float | None:
    """The number that a cell or a word is; None where it is none."""
    if isinstance(text, bool) or text is None:
        return None
    if isinstance(text, (int, float)):
        return float(text)
    if not isinstance(text, str):
        return None
    try:
        return float(text)
    except ValueError:
        return None
