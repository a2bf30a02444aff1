"""Finding a metric in what a run has left: its new files, and what it printed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from stitchgen.sweep.metrics import mlflow, objects, printed, tables, tensorboard, wandb
from stitchgen.sweep.metrics.series import Series, Unreadable

Reader = Callable[[Path], dict[str, list[float]]]

#: By what a file's name ends with.
READERS: Mapping[str, Reader] = {
    ".csv": tables.read,
    ".jsonl": objects.read_lines,
    ".ndjson": objects.read_lines,
    ".json": objects.read_document,
    ".db": mlflow.read_database,
    ".wandb": wandb.read,
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
    """No source has the name; these are the names that some have, and why a file was not read."""

    names: tuple[str, ...]
    unread: str = ""


@dataclass(frozen=True)
class Found:
    """All that is there: the sources of the name, every name, and why a file could not be read."""

    series: tuple[Series, ...]
    names: tuple[str, ...]
    unread: str = ""


def collect(
    tree: Path, files: Iterable[str], output: Path, name: str, python: str = ""
) -> Series | Disagreement | Missing:
    """The metric of this name, from the first source that has it; `python` is the training's."""
    found = look(tree, files, output, name, python)
    if not found.series:
        return Missing(found.names, found.unread)
    first, *others = found.series
    for other in others:
        if not agree(first.values[-1], other.values[-1]):
            return Disagreement(first, other)
    return first


def look(tree: Path, files: Iterable[str], output: Path, name: str, python: str = "") -> Found:
    """Read everything: files in the order of their names, then what was printed."""
    found: list[Series] = []
    seen: list[str] = []
    unread = ""
    for file in sorted(files):
        reader = _reader(file, python)
        if reader is None:
            continue
        try:
            columns = reader(tree / file)
        except Unreadable as error:
            unread = unread or f"{file} {error}"
            continue
        seen += columns
        if name in columns:
            found.append(Series(file, tuple(columns[name])))
    shown = printed.read(output, name, output.name)
    longer = printed.longer_names(output, name)
    if longer:
        as_shown = " and as ".join(map(repr, longer))
        unread = unread or f"it was printed several times in a line, as {as_shown}"
        seen += longer
    elif shown is not None:
        found.append(shown)
    names = dict.fromkeys([*seen, *printed.names(output)])
    if longer:
        names.pop(name, None)
    return Found(tuple(without_earlier(found)), tuple(names), unread)


def without_earlier(found: Sequence[Series]) -> list[Series]:
    """All but those that are earlier states of another: Hugging Face puts a `trainer_state.json` into every checkpoint."""

    def continues(later: Series, one: Series) -> bool:
        count = len(one.values)
        return (
            PurePosixPath(later.source).name == PurePosixPath(one.source).name
            and len(later.values) > count
            and later.values[:count] == one.values
        )

    return [one for one in found if not any(continues(later, one) for later in found)]


def _reader(file: str, python: str) -> Reader | None:
    """What reads a file of this path."""
    path = PurePosixPath(file)
    if tensorboard.MARK in path.name:
        return lambda found: tensorboard.read(found, python)
    if mlflow.is_of_file_store(path):
        return mlflow.read_file
    return READERS.get(path.suffix.lower())


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
