"""Constructions of the classes of other files that are made of those of the model file.

A backbone, a neck or a layer in a file of its own is built by the model that imports it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from stitchgen.analysis import import_safety
from stitchgen.project.parsed_files import ParsedFile, ParsedFiles
from stitchgen.source.document import Document
from stitchgen.source.syntax import Syntax
from stitchgen.targets.build_offers import Offer, classes_around, imported
from stitchgen.targets.relatives import offers_of, related_classes

#: A head is imported by a decoder, that by a model, that by a task.
DEEPEST = 3


def constructions_around(root: Path, file: Path, names: set[str]) -> list[Offer]:
    """`net.model:Net(10)` for classes of other files that create one of these, the nearest files first.

    A file that does more than define things is passed over, since building what is in it means to import it.
    """
    files = ParsedFiles(root)
    own = Syntax(Document(file.read_bytes(), file.name))
    wanted = [(file, names | classes_around(own, names))]
    seen = {file}
    for _ in range(DEEPEST):
        around = [one for path, inside in wanted for one in importing(files, path, inside, seen)]
        around.sort(key=lambda pair: pair[0].path.parent != file.parent)
        found = [offer for other, classes in around for offer in offers_of(files, other, classes)]
        if found:
            return found
        wanted = [(other.path, classes) for other, classes in around]
    return []


def importing(
    files: ParsedFiles, file: Path, names: set[str], seen: set[Path]
) -> Iterator[tuple[ParsedFile, set[str]]]:
    """The files that import one of a file's classes into a class of their own, with these classes."""
    for other in files.having(file.stem, *names):
        if other.path in seen:
            continue
        aliases = set(imported(other.tree, names, file))
        related = related_classes(other.tree, aliases) if aliases else set()
        if related and not import_safety.left_out(other.tree):
            seen.add(other.path)
            yield other, related
