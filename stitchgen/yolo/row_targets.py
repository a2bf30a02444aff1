"""Targets in a model's YAML: `yolov8.yaml::model.9`, `yolov8.yaml::SPPF`, `yolov8.yaml::Detect#all`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from stitchgen.errors import StitchError
from stitchgen.source.yaml_rows import ModelYaml, Row
from stitchgen.targets.target import Target

#: So many rows a refusal lists.
FEW = 6


@dataclass(frozen=True)
class RowTarget:
    """A row that is meant, and which values of its `from`: None where that is not said."""

    row: Row
    input: int | None = None

    @property
    def name(self) -> str:
        """As a target names it, behind the file."""
        return self.row.name + ("" if self.input is None else f"#{self.input}")


def rows_meant(model: ModelYaml, target: Target) -> list[RowTarget]:
    """The rows that a target names; refuses where it names none, or might mean several."""
    path = model.document.path
    if target.call is not None:
        raise StitchError(
            "target-not-found",
            f"{target.text}: a row of a YAML file is called once",
            hint=f"Leave out the @{target.call}.",
        )
    names = [name for name in target.names if name != "module"]
    while len(names) > 1 and names[0] == names[1] == "model":
        names = names[1:]  # YOLO(...).model.model.9
    rows = named(model, names)
    if not rows:
        raise not_found(model, target, names)
    if target.element is None:
        return [RowTarget(row) for row in rows]
    found = []
    for row in rows:
        count = len(row.sources)
        if target.element == "all":
            found += [RowTarget(row, number) for number in range(count)]
        elif isinstance(target.element, int) and target.element < count:
            found.append(RowTarget(row, target.element))
        else:
            raise StitchError(
                "target-not-found",
                f"{row.name}, a {row.module}, has no input #{target.element}: it reads "
                + ", ".join(f"model.{index}" for index in row.reads),
                where=model.where(row),
                suggestions=inputs_of(path, row),
            )
    return found


def inputs_of(path: str, row: Row) -> list[str]:
    every = [f"{path}::{row.name}#{number}" for number in range(len(row.sources))]
    return [*every, f"{path}::{row.name}#all"]


def named(model: ModelYaml, names: Sequence[str]) -> list[Row]:
    """The rows of a name: `model.9`, `9`, `model.[2-4]`, or the only one of a class."""
    text = ".".join(names)
    number = text.removeprefix("model.")
    if re.search(r"[*?[]", text):
        return [row for row in model.rows if fnmatchcase(str(row.index), number)]
    if number.isdigit():
        return [row for row in model.rows if row.index == int(number)]
    rows = of_class(model, text)
    if len(rows) > 1:
        raise StitchError(
            "target-ambiguous",
            f"{model.document.path} has {len(rows)} rows of {text}",
            where=model.where(rows[0]),
            hint=f"Name one by its number; --every {text} takes all of them.",
            suggestions=[f"{model.document.path}::{row.name}" for row in rows[:FEW]],
        )
    return rows


def of_class(model: ModelYaml, name: str) -> list[Row]:
    """The rows of a module, as it is written: `C2f`, `nn.Upsample`."""
    return [row for row in model.rows if row.module == name]


def not_found(model: ModelYaml, target: Target, names: Sequence[str]) -> StitchError:
    path, last = model.document.path, model.rows[-1]
    inside = [name for name in names if name.isdigit()]
    if inside and names[-1] != inside[0] and int(inside[0]) <= last.index:
        row = model.rows[int(inside[0])]
        return StitchError(
            "target-not-found",
            f"{target.text} is inside of {row.name}, a {row.module}, whose class is Python and no row",
            where=model.where(row),
            hint=f"Put the block behind the whole row, --after {path}::{row.name}; or edit the class, "
            "where its source is in your project.",
            suggestions=[f"{path}::{row.name}"],
        )
    classes = sorted({row.module for row in model.rows})
    near = [name for name in classes if name.lower() == ".".join(names).lower()]
    return StitchError(
        "target-not-found",
        f"{path} has no row {'.'.join(names)}: its rows are model.0 to {last.name}",
        where=model.where(last),
        hint=f"stitchgen layers {path} prints them; a class is a target where it has one row: "
        + ", ".join(name for name in classes if len(of_class(model, name)) == 1),
        suggestions=[f"{path}::{name}" for name in near],
    )
