"""A sweep as a file has it: `sweep.toml`, or `[tool.stitchgen.sweep]` in pyproject.toml.

Nothing here is run or planned. What the command line says stands above it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from stitchgen.errors import StitchError, UsageError
from stitchgen.project.config import (
    Project,
    malformed,
    read_toml,
    refuse_unknown,
    string,
    strings,
    table,
)
from stitchgen.sweep.sources import FILE
from stitchgen.sweep.spec import seeds_of
from stitchgen.targets.placement import PLACEMENTS

KEYS = tuple(
    "command seeds metric at jobs name timeout python link fresh pair probe variants grid slurm ray".split()
)


@dataclass(frozen=True)
class Configured:
    """The settings of a file; None, or empty, where it says nothing."""

    command: tuple[str, ...] = ()
    seeds: tuple[int, ...] | None = None
    metric: str | None = None
    at: str | None = None
    jobs: int | str | None = None  # or "gpu": one for each
    name: str | None = None
    timeout: float | None = None
    python: str | None = None
    link: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()
    pair: bool = True
    probe: str | None = None  # added to the command for `sweep check`
    slurm: Mapping[str, Any] = field(default_factory=dict)  # what submitit is given
    ray: Mapping[str, Any] = field(default_factory=dict)  # Ray's resources of a run
    variants: Mapping[str, tuple[str, ...]] | None = None  # by name, what follows `stitchgen add`


def configured(project: Project) -> Configured:
    """The sweep of a project; one without any settings where it has no file."""
    file = project.root / FILE
    own = read_toml(file)
    if own is not None and project.sweep:
        raise StitchError(
            "no-configuration",
            f"the sweep is described twice: in {FILE} and in the project's configuration",
            where=FILE,
            hint=f"keep one of them: delete {FILE} or the table [tool.stitchgen.sweep]",
        )
    if own is not None:
        # Pasted from a pyproject.toml, the tables carry its prefix.
        inner = table(table(own, "tool", file), "stitchgen", file).get("sweep")
        return _read(inner if isinstance(inner, dict) else own, file, project.root)
    pyproject = project.root / "pyproject.toml"
    return _read(project.sweep, pyproject, project.root) if project.sweep else Configured()


def _read(settings: dict[str, Any], file: Path, root: Path) -> Configured:
    refuse_unknown(settings, KEYS, file, "")
    at = string(settings, "at", file)
    if at not in (None, "last", "best"):
        raise malformed(file, f"at = {at!r} is neither last nor best", 'write at = "last"')
    pair = settings.get("pair", True)
    if not isinstance(pair, bool):
        raise malformed(file, "pair must be true or false", "write pair = true")
    timeout = settings.get("timeout")
    if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, (int, float))):
        raise malformed(file, "timeout must be a number of seconds", "write timeout = 3600")
    python = string(settings, "python", file)
    if python is not None and "/" in python:
        python = str(root / Path(python).expanduser())
    return Configured(
        command=_command(settings, file),
        seeds=_seeds(settings, file),
        metric=string(settings, "metric", file),
        at=at,
        jobs=_jobs(settings, file),
        name=string(settings, "name", file),
        timeout=timeout,
        python=python,
        link=strings(settings, "link", file),
        fresh=strings(settings, "fresh", file),
        pair=pair,
        probe=string(settings, "probe", file),
        slurm=table(settings, "slurm", file),
        ray=table(settings, "ray", file),
        variants=_variants(settings, file),
    )


def _command(settings: dict[str, Any], file: Path) -> tuple[str, ...]:
    """A line as it is typed, or its words."""
    value = settings.get("command")
    if isinstance(value, list):
        return strings(settings, "command", file)
    try:
        return tuple(shlex.split(string(settings, "command", file) or ""))
    except ValueError as error:
        raise malformed(file, f"command: {error}", "close the quote") from error


def _jobs(settings: dict[str, Any], file: Path) -> int | str | None:
    value = settings.get("jobs")
    if value in (None, "gpu") or (type(value) is int and value > 0):
        return value
    raise malformed(
        file, 'jobs must be a whole number above 0, or "gpu"', 'write jobs = 2, or jobs = "gpu"'
    )


def _seeds(settings: dict[str, Any], file: Path) -> tuple[int, ...] | None:
    """`5` is 0 to 4, as on the command line; a list is what it says."""
    value = settings.get("seeds")
    if value is None:
        return None
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    if isinstance(value, list) and len(value) == 1:
        text = f"{value[0]}-{value[0]}"
    try:
        return seeds_of(text)
    except UsageError as error:
        hint = 'write seeds = 5, [1, 2, 7] or "100-104"'
        raise malformed(file, f"seeds = {value!r} is not understood", hint) from error


def _variants(settings: dict[str, Any], file: Path) -> Mapping[str, tuple[str, ...]] | None:
    """Those that are written out, then those of the grid."""
    if not {"variants", "grid"} & set(settings):
        return None
    written = table(settings, "variants", file)
    found = {name: strings(written, name, file) for name in written}
    for name, text in _grid(table(settings, "grid", file), file):
        if name in found:
            raise malformed(
                file,
                f"two variants would be called {name}",
                "take one of the two out of [grid] or [variants]",
            )
        found[name] = (text,)
    return found


def _grid(settings: dict[str, Any], file: Path) -> list[tuple[str, str]]:
    """Each block at each target, with and without a gate: names like `cbam@layer2+gate`."""
    if not settings:
        return []
    refuse_unknown(settings, ("blocks", *PLACEMENTS, "gate"), file, "grid.")
    placed = [one for one in PLACEMENTS if one in settings]
    blocks = strings(settings, "blocks", file)
    if len(placed) != 1 or not blocks:
        raise malformed(
            file,
            "the grid needs blocks, and targets for one placement",
            'write blocks = ["cbam"] and after = ["model.layer2"] below [grid]',
        )
    targets = strings(settings, placed[0], file)
    gates = settings.get("gate", [False])
    gates = gates if isinstance(gates, list) else [gates]
    if not gates or not all(isinstance(gate, bool) for gate in gates):
        raise malformed(file, "grid.gate must be true, false or both", "write gate = [false, true]")
    found = []
    for block, (target, short), gate in product(blocks, _shortened(targets), gates):
        name = f"{_plain(block.split()[0])}@{short}" + "+gate" * gate
        text = f"{block} --{placed[0]} {shlex.quote(target)}" + " --gate" * gate
        found.append((name, text))
    return found


def _shortened(targets: tuple[str, ...]) -> list[tuple[str, str]]:
    """Each target with a name of it that is as short as tells it from the others."""
    parts = [re.split(r"::|\.", target.removesuffix(".py")) for target in targets]
    for length in range(1, max(map(len, parts), default=1) + 1):
        names = [_plain(".".join(words[-length:])) for words in parts]
        if len({*names}) == len(names):
            break
    return list(zip(targets, names))


def _plain(text: str) -> str:
    """As the name of a folder and a row may be."""
    return re.sub(r"[^\w.@+-]+", "-", text).strip("-") or "x"
