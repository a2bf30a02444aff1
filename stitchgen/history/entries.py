"""What the ledger holds: splices, each with its run and with what that run did to files for it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from stitchgen.history.traces import Trace
from stitchgen.project.transaction import digest
from stitchgen.source.equivalence import meaning

#: Behind the name of a list of blocks: the place of one in it.
NUMBER = re.compile(r"\.\d+$")
#: The placements of records that are of a whole file, and of no place in a model: a block that was written,
#: an installed model that was copied, weights for a model.
WRITTEN, ADOPTED, WEIGHTS = "new", "adopt", "weights"
WHOLE_FILES = (WRITTEN, ADOPTED, WEIGHTS)
#: An entry's target and attribute.
Key = tuple[str, str]
#: The place of a run among all, by its number and name.
Age = tuple[int, str]


@dataclass(frozen=True)
class SpliceRecord:
    """One splice, as the command that made it describes it."""

    block: str
    target: str  # `model.py::ResNet.layer2`; unique together with the attribute
    placement: str
    attribute: str
    strategy: str
    arguments: str = ""
    uses: tuple[str, ...] = ()  # block files, relative to the root


@dataclass(frozen=True)
class Created:
    """A file that the run created: the hash of its bytes, and of its meaning if it is Python."""

    path: str
    sha256: str
    meaning: str | None = None
    base: str | None = None  # of a block file: the text that was rendered
    merging: str | None = None  # the newer text that is being merged in, while there are conflicts

    @classmethod
    def of(cls, path: str, content: bytes, *, python: bool, block: bool) -> Created:
        """The record of a file with this content; of a block file, what it takes to update it."""
        base = content.decode("utf-8") if block else None
        return cls(path, digest(content), meaning(content) if python else None, base)


@dataclass(frozen=True)
class Edited:
    """A file that the run edited, by its hash before and after."""

    path: str
    before: str
    after: str


@dataclass(frozen=True)
class Entry:
    """A splice in the ledger: the record, its run, and what the run did for it."""

    record: SpliceRecord
    run: str
    command: str
    created: tuple[Created, ...] = ()
    edited: tuple[Edited, ...] = ()
    folders: tuple[str, ...] = ()  # that the run made
    traces: tuple[Trace, ...] = ()
    line: int = field(default=0, compare=False)  # of its table in the ledger

    @property
    def key(self) -> Key:
        return self.record.target, self.record.attribute

    @property
    def age(self) -> Age:
        """The place of its run among all: what is greater is younger."""
        return run_order(self.run)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the target behind its file: class and layer."""
        return tuple(self.record.target.rpartition("::")[2].split("."))

    @property
    def name(self) -> str:
        """The attribute alone: `conv2_cbam` of `layer4.1.conv2_cbam`, `stages_se` of `stages_se.0`."""
        return NUMBER.sub("", self.record.attribute).rpartition(".")[2]


@dataclass(frozen=True)
class Run:
    """The entries that one command made, and what it did to files, all taken together."""

    name: str
    entries: tuple[Entry, ...]

    @property
    def command(self) -> str:
        return self.entries[0].command

    @property
    def created(self) -> list[Created]:
        return sorted({c for entry in self.entries for c in entry.created}, key=lambda c: c.path)

    @property
    def edited(self) -> list[Edited]:
        return sorted({e for entry in self.entries for e in entry.edited}, key=lambda e: e.path)

    @property
    def folders(self) -> list[str]:
        return sorted({folder for entry in self.entries for folder in entry.folders})

    def traces(self, path: str) -> list[Trace]:
        found = [t for entry in self.entries for t in entry.traces if t.path == path]
        return sorted(found, key=lambda trace: trace.pieces[0].at)


def run_order(name: str) -> Age:
    """The place of a run among all: what is greater is younger."""
    number, _, rest = name.partition("-")
    return int(number), rest
