"""The files of a project while a plan is made: parsed once, edited in memory."""

from __future__ import annotations

import difflib
import functools
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from stitchgen.errors import StitchError
from stitchgen.project import transaction
from stitchgen.project.parsed_files import ParsedFiles
from stitchgen.project.usages import Usages
from stitchgen.project.ways_in import (
    ImportedName,
    ImportGraph,
    WayIn,
    imports_of,
    likely_way,
    pythonpath,
    ways_into,
)
from stitchgen.source.document import Document
from stitchgen.source.edits import Edit, FileChange, apply
from stitchgen.source.syntax import Syntax

#: How many parsed files are kept for the plans to come: a sweep makes hundreds for the same files.
MOST_PARSED = 32


@functools.lru_cache(maxsize=MOST_PARSED)
def parsed(raw: bytes, path: str) -> Syntax:
    """A file by what it holds; nothing in it is ever changed."""
    return Syntax(Document(raw, path))


class Workspace:
    """The files of a project while a plan is made: parsed once, with the edits and new files so far.

    `modules` are the names by which files were seen to be imported. `base` are files that an earlier step
    of the same run leaves in place of those on the disk.
    """

    def __init__(
        self,
        root: Path,
        modules: Mapping[str, str] | None = None,
        base: Mapping[Path, bytes] | None = None,
    ):
        self.root = root
        self.modules = modules or {}
        self.base = base or {}
        self.syntaxes: dict[str, Syntax] = {}
        self.edits: dict[str, list[Edit]] = {}
        self.created: dict[str, bytes] = {}
        self._ways: dict[str, list[WayIn]] = {}
        self.files = ParsedFiles(root, self.base)  # of the project, without the edits
        self.usages = Usages(self.files)

    def relative(self, file: str | Path) -> str:
        """The path as the user reads it: relative to the project root, with slashes."""
        path = Path(file)
        if path.is_relative_to(self.root):
            return path.relative_to(self.root).as_posix()
        return Path(os.path.relpath(path, self.root)).as_posix()

    def relative_place(self, where: str) -> str:
        """`path:line` as the user reads it."""
        path, _, line = where.rpartition(":")
        return f"{self.relative(path)}:{line}"

    def syntax(self, file: str | Path) -> Syntax:
        key = str(file)
        if key not in self.syntaxes:
            self.syntaxes[key] = parsed(self.read(Path(file)), self.relative(file))
        return self.syntaxes[key]

    def read(self, file: Path) -> bytes:
        """The bytes of a file, without the edits; a refusal where there is none."""
        return self.base[file] if file in self.base else transaction.read_bytes(file)

    def exists(self, file: Path) -> bool:
        """Whether there is such a file, or an earlier step of the run creates it."""
        return file in self.base or file.exists()

    def ways_into(self, file: Path) -> list[WayIn]:
        """The ways in which the project imports a file, at least the likely one."""
        key = str(file)
        if key not in self._ways:
            self._ways[key] = ways_into(file, self.imports) or [self.likely_way_into(file)]
        return self._ways[key]

    def likely_way_into(self, file: Path) -> WayIn:
        """The way in which a file is imported that nothing imports."""
        return likely_way(file, self.root, self.imports_of(file), self.imports.pythonpath)

    @cached_property
    def imports(self) -> ImportGraph:
        """The files of the project as a graph of imports, without the edits."""
        return ImportGraph(self.root, pythonpath=pythonpath(os.environ, self.root))

    def imports_of(self, file: Path) -> list[ImportedName]:
        """What a file imports; [] where it does not parse."""
        try:
            return [*imports_of(self.syntax(file).tree)]
        except StitchError:
            return []

    def edit(self, file: str | Path, *edits: Edit) -> None:
        """Plan edits; one that is planned already (a class spliced for two instances) is kept once."""
        planned = self.edits.setdefault(str(file), [])
        for edit in edits:
            for other in planned:
                if edit.start < other.end and other.start < edit.end and edit != other:
                    document = self.syntax(file).document
                    line = document.raw[: edit.start].count(b"\n") + 1
                    raise StitchError(
                        "unsupported",
                        f"two of the targets change the same statement at {document.path}:{line}",
                        where=f"{document.path}:{line}",
                        hint="Run the command once for each of them.",
                    )
        planned += [edit for edit in edits if edit not in planned]

    def create(self, file: Path, content: bytes) -> None:
        self.created[str(file)] = content

    def overlay(self, probes: Mapping[str, list[Edit]] | None = None) -> dict[Path, bytes]:
        """The planned contents; with `probes`, the present contents and these edits instead."""
        planned = self.edits if probes is None else probes
        contents = {
            Path(file): apply(self.syntax(file).document.raw, edits)
            for file, edits in planned.items()
        }
        if probes is None:
            contents |= {Path(file): content for file, content in self.created.items()}
        return contents

    def place_on_disk(self, where: str) -> str:
        """`path:line` of a planned file as the line that the user's file has, while nothing is written."""
        path, _, line = where.rpartition(":")
        planned = self.overlay().get(Path(path))
        if planned is None or str(path) not in self.edits or not line.isdecimal():
            return where
        number = int(line) - 1
        for start, start_after, size in reversed(self.kept_lines(path)):
            if size and start_after <= number:
                return f"{path}:{start + min(number - start_after, size - 1) + 1}"
        return where

    def is_kept(self, where: str) -> bool:
        """Whether `path:line` of a planned file is a line that the user's file has as well."""
        path, _, line = where.rpartition(":")
        if path not in self.edits or not line.isdecimal():
            return path not in self.created
        number = int(line) - 1
        return any(start <= number < start + size for _, start, size in self.kept_lines(path))

    def kept_lines(self, path: str) -> list[difflib.Match]:
        """The runs of lines that a planned file keeps: where they begin before and after, and how many."""
        before = self.syntax(path).document.raw.splitlines()
        after = self.overlay()[Path(path)].splitlines()
        return difflib.SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()

    def changes(self) -> list[FileChange]:
        """The plan: new files first, the edited ones after them."""
        created = [
            FileChange(self.relative(file), None, content)
            for file, content in sorted(self.created.items())
        ]
        edited = [
            FileChange.of(self.relative(file), self.syntax(file).document.raw, edits)
            for file, edits in sorted(self.edits.items())
        ]
        return created + edited
