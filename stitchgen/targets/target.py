"""Targets as the user writes them: `[FILE::][CLASS.]PATH[@CALL][#ELEMENT]`, and the file they mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from stitchgen.errors import StitchError
from stitchgen.project.modules import (
    NOT_PYTHON,
    find_file,
    modules_named,
    nearby_files,
    not_python,
)

TARGET = re.compile(
    r"^(?:(?P<file>.+?)::)?(?P<path>[^@#]*?)(?:@(?P<call>all|\d+))?(?:#(?P<element>\w+))?$"
)


@dataclass(frozen=True)
class Target:
    """A parsed target. `names` are the dotted names after the file, class included."""

    text: str
    file: str | None
    names: tuple[str, ...]
    call: int | str | None = None  # 2, "all"
    element: int | str | None = None  # 0, or a name: "out"


def parse(text: str, *, whole: bool = False) -> Target:
    """Split a target into its parts; what they mean is decided against the source.

    With `whole`, it may be a model without a layer: `model.py`, `nets.resnet`, `model.py::Net`.
    """
    match = TARGET.match(text.strip())
    if match is None or not (match["path"].strip(".") or (whole and match["file"])):
        raise StitchError(
            "target-not-found",
            f"{text!r} is no target",
            hint="A target is FILE.py::Class.layer, or module.layer: model.layer2",
        )
    file, path = match["file"], match["path"]
    suffix = Path(path).suffix.lower()
    if file is None and ("/" in path or suffix == ".py" or suffix in NOT_PYTHON):
        if whole:
            file, path = path, ""
        elif suffix == ".py":
            raise StitchError(
                "target-not-found",
                f"{text!r} names a file and no layer",
                hint=f"For example {text}::Net.layer1",
            )
        elif suffix in NOT_PYTHON:
            raise not_python(path)
    call, element = match["call"], match["element"]
    return Target(
        text=text,
        file=file,
        names=tuple(name for name in path.split(".") if name),
        call=int(call) if call and call.isdigit() else call,
        element=int(element) if element and element.isdigit() else element,
    )


@dataclass(frozen=True)
class Located:
    """A target whose file is known; `names` are what is left after the file or module."""

    target: Target
    file: Path
    names: tuple[str, ...]
    variable: str | None = None  # of a script, which holds the model; `names` come after it


def locate(
    target: Target, folders: tuple[Path, ...], models: Mapping[str, str], *, whole: bool = False
) -> Located:
    """Find the file of a target; with `whole`, of a model without a layer.

    `folders` are searched in turn (the current folder, the project root, `src/`); `models` are
    the names that the configuration gives to targets.
    """
    if target.file is not None:
        return Located(target, find_file(target.file, folders), target.names)
    if target.names and target.names[0] in models:
        configured = parse(models[target.names[0]], whole=True)
        rest = (*configured.names, *target.names[1:])
        file = find_file(configured.file or "", folders)
        return Located(target, file, rest)
    for folder in folders:
        found = list(modules_named(folder, target.names, 0 if whole else 1))
        if len(found) > 1:
            raise StitchError(
                "target-ambiguous",
                f"{target.text!r} can mean {len(found)} files",
                suggestions=[
                    f"{file.relative_to(folder).as_posix()}::{'.'.join(names)}"
                    for file, names in found
                ],
            )
        if found:
            file, names = found[0]
            return Located(target, file, names)
    for folder in folders:
        for file, _ in modules_named(folder, target.names, 0):
            raise StitchError(
                "target-not-found",
                f"{target.text!r} names a file and no layer",
                where=(
                    file.relative_to(folder).as_posix()
                    if file.is_relative_to(folder)
                    else str(file)
                ),
                hint=f"Append a layer's path, as in {target.text}.layer2; "
                "stitchgen layers prints all targets of a model.",
            )
    scripts = list(scripts_with(target.names[0], folders))
    if len(scripts) == 1:
        return Located(target, scripts[0][1].resolve(), target.names)
    if scripts:
        raise StitchError(
            "target-ambiguous",
            f"{len(scripts)} files have a variable {target.names[0]}, and no file is "
            f"{target.names[0]}.py",
            suggestions=[f"{shown}::{'.'.join(target.names)}" for shown, _ in scripts],
        )
    near = near_files(target, folders) or files_with(target, folders)
    raise StitchError(
        "file-not-found",
        f"no file is named by {target.text!r}: there is no {target.names[0]}.py in "
        + " or ".join(str(folder) for folder in folders),
        hint="Name the file: --after path/to/model.py::Net.layer2",
        suggestions=near,
    )


def scripts_with(name: str, folders: tuple[Path, ...]) -> Iterator[tuple[str, Path]]:
    """The files, by name and path, of the nearest folder that assign to a variable of that name."""
    assigns = re.compile(rf"^[ \t]*{re.escape(name)}[ \t]*(:[^=\n]+)?=[^=]", re.MULTILINE)
    for folder in folders:
        found = False
        for path in nearby_files(folder):
            text = (folder / path).read_bytes().decode("utf-8", "replace")
            if name.isidentifier() and assigns.search(text):
                found = True
                yield path.as_posix(), folder / path
        if found:
            return


def near_files(target: Target, folders: tuple[Path, ...]) -> list[str]:
    first, *others = (part for name in target.names for part in name.split("/"))
    rest = ".".join(others) or "layer"
    stems = {path.stem: path for path in nearby_files(folders[0])}
    near = get_close_matches(first, stems, n=3, cutoff=0.5)
    return [f"{stems[stem].as_posix()}::{rest}" for stem in near]


def files_with(target: Target, folders: tuple[Path, ...]) -> list[str]:
    """The target in the files that speak of its first name: a class, or a layer of one."""
    word = re.compile(rf"\b{re.escape(target.names[0])}\b".encode())
    rest = ".".join(target.names)
    found = [
        f"{path.as_posix()}::{rest}"
        for path in nearby_files(folders[0])
        if word.search((folders[0] / path).read_bytes())
    ]
    return found[:3]
