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


#: The word before a name, as in `Val Acc: 0.9`.
WORD_BEFORE = re.compile(r"(?<![\w@/.-])[A-Za-z][\w@/.-]* $")


def read(path: Path, name: str, source: str) -> Series | None:
    """The values behind a name, in order."""
    values, last = [], ""
    for line in lines_of(path):
        for match in _meant(line, _behind(name)):
            value = float(match["value"])
            values.append(value / 100 if match["percent"] else value)
            last = line.strip()
    return Series(source, tuple(values), last) if values else None


def longer_names(path: Path, name: str) -> list[str]:
    """Where a line has several numbers behind the name, as in `Train Acc: 0.9 Val Acc: 0.8`: the names of two words."""
    for line in lines_of(path):
        found = _meant(line, _behind(name))
        longer = dict.fromkeys(_word_before(line, match) + match["name"] for match in found)
        if len(longer) > 1:
            return [*longer]
    return []


def names(path: Path) -> list[str]:
    """The names that have numbers behind them."""
    return [
        *dict.fromkeys(found["name"] for line in lines_of(path) for found in ANY.finditer(line))
    ]


def _behind(name: str) -> re.Pattern[str]:
    return re.compile(
        f"(?<![\\w@/.-])(?P<name>{re.escape(name)})(?![\\w@/-])\"?'?\\s*[:=]?\\s*['\"]?" + NUMBER,
        re.IGNORECASE,
    )


def _meant(line: str, pattern: re.Pattern[str]) -> list[re.Match[str]]:
    """The matches in a line; of several, those of the name alone, if any: `loss: 0.5, val loss: 0.7`."""
    found = [*pattern.finditer(line)]
    alone = [match for match in found if not _word_before(line, match)]
    return alone or found


def _word_before(line: str, match: re.Match[str]) -> str:
    word = WORD_BEFORE.search(line, 0, match.start())
    return word[0] if word else ""
