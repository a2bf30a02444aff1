"""Names of installed packages: where they are defined, as frozen records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stitchgen.observer import protocol


@dataclass(frozen=True)
class Package:
    """An installed distribution; "" for what it does not say."""

    name: str
    version: str
    licence: str
    licence_file: str  # in the folder of installed packages


@dataclass(frozen=True)
class Definition:
    """What a name stands for: a module (`attribute` is empty), or what that module binds."""

    module: str
    attribute: str
    file: Path
    package: Package


@dataclass(frozen=True)
class Place:
    """A name, with its definition or why there is none to be found."""

    name: str
    definition: Definition | None
    error: str = ""


def places_of(answer: protocol.LookUpAnswer) -> Sequence[Place]:
    return [place_of(one) for one in answer["places"]]


def place_of(found: protocol.Place) -> Place:
    if "error" in found:
        return Place(found["name"], None, found["error"])
    package = found["package"]
    return Place(
        found["name"],
        Definition(
            module=found["module"],
            attribute=found["attribute"],
            file=Path(found["file"]),
            package=Package(
                package["name"], package["version"], package["licence"], package["licence_file"]
            ),
        ),
    )
