"""The block files that the ledger records, as the catalog would render them today."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from stitchgen.catalog import folders
from stitchgen.catalog.block import Block
from stitchgen.errors import StitchError
from stitchgen.history.entries import WRITTEN, Created, Entry
from stitchgen.history.ledger import Ledger
from stitchgen.project.config import Project
from stitchgen.project.transaction import digest

#: How `new-module` records for how many dims it rendered.
DIMS = "dims="


@dataclass(frozen=True)
class BlockFile:
    """A block file that a run wrote, with a splice that needs it."""

    path: str
    block: str
    created: Created
    entry: Entry

    @property
    def class_name(self) -> str | None:
        """The class that `new-module --name` gave it; None for the block's own."""
        record = self.entry.record
        return record.attribute if record.placement == WRITTEN else None


def block_files(book: Ledger) -> Iterator[BlockFile]:
    """The block files that runs wrote, by path; not those that the user had brought."""
    for path in sorted({path for entry in book.entries for path in entry.record.uses}):
        created = book.created(path)
        if created is not None:
            # The one that was made for itself knows the name of its class; else it is the block of the run
            # that wrote it, and not of another catalog's that is the same.
            users = sorted(
                book.users(path),
                key=lambda entry: (entry.record.placement != WRITTEN, created not in entry.created),
            )
            yield BlockFile(path, users[0].record.block, created, users[0])


def rendered(project: Project, file: BlockFile) -> bytes | None:
    """What the catalog renders for this file today; None where the block is in no catalog now."""
    from stitchgen.catalog import render  # jinja2 is needed for a project with blocks only

    try:
        block = folders.get(file.block, project.catalogs)
    except StitchError as error:
        if error.code != "block-not-found":
            raise
        return None
    texts = [
        render.block_source(block, dims, file.class_name).encode() for dims in _dims_of(file, block)
    ]
    same = (text for text in texts if digest(text) == file.created.sha256)
    return next(same, texts[0] if texts else None)


def _dims_of(file: BlockFile, block: Block) -> list[int]:
    """The dims that the file may have been rendered for: one, but for old records of `--name`."""
    recorded = file.entry.record.arguments.removeprefix(DIMS)
    if file.class_name is not None and recorded.isdigit():
        return [int(recorded)] if int(recorded) in block.dims else []
    stem = PurePosixPath(file.path).stem
    return [dims for dims in block.dims if block.module_for(dims, file.class_name) == stem]
