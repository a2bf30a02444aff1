"""Metrics in what a training prints: `val_acc: 0.93`, `Prec@1 71.2`, `val/acc = 93 %`, `{'eval_acc': '0.93'}`."""

from __future__ import annotations

import re
from pathlib import Path

from stitchgen.sweep.metrics.series import Series

NUMBER = (
    r"(?P<value>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?inf|nan)(?!\w)\s*(?P<percent>%?)"
)
#: A name begins with a letter and has no blank; behind it `:`, `=` or a blank.
ANY = re.compile(
    r"(?<![\w@/.-])(?P<name>[A-Za-z][\w@/.-]*)\"?'?\s*[:=]?\s*['\"]?" + NUMBER, re.IGNORECASE
)


def lines_of(path: Path) -> list[str]:
    """The lines, a progress bar's states too."""
    try:
        return re.split(r"[\r\n]+", path.read_bytes().decode("utf-8", "replace"))
    except FileNotFoundError:
        return []


def read(path: Path, name: str, source: str) -> Series | None:
    """The values behind a name, in order."""
    pattern = re.compile(
        r"(?<![\w@/.-])" + re.escape(name) + r"(?![\w@/-])\"?'?\s*[:=]?\s*['\"]?" + NUMBER,
        re.IGNORECASE,
    )
    values, last = [], ""
    for line in lines_of(path):
        for match in pattern.finditer(line):
            value = float(match["value"])
            values.append(value / 100 if match["percent"] else value)
            last = line.strip()
    return Series(source, tuple(values), last) if values else None


def names(path: Path) -> list[str]:
    """The names that have numbers behind them."""
    return [
        *dict.fromkeys(found["name"] for line in lines_of(path) for found in ANY.finditer(line))
    ]
