"""Where a block stands today that is an element of a Sequential: its number changes with what is put before it."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from stitchgen.history import traces
from stitchgen.history.entries import Entry
from stitchgen.history.ledger import Ledger
from stitchgen.source.document import Document
from stitchgen.source.tree import nodes_in


@dataclass(frozen=True)
class Element:
    """One among others, by its number where all before it are written out."""

    index: int
    line: int


def element_of(book: Ledger, entry: Entry, document: Document) -> Element | None:
    """The element that an entry put into this file; None where it is no element, or of a list that is unpacked."""
    own = [mark for mark in entry.traces if _is_in(mark, document)]
    others = [
        mark
        for other in book.entries
        if other is not entry
        for mark in other.traces
        if _is_in(mark, document)
    ]
    for _, match in traces.beside(document, own, others)[0].found:
        for node in nodes_in(document.tree):
            among = traces.elements_of(node)
            index = next((n for n, one in enumerate(among) if one is match.nodes[0]), None)
            if index is not None and not any(isinstance(e, ast.Starred) for e in among[:index]):
                return Element(index, among[index].lineno)
    return None


def _is_in(mark: traces.Trace, document: Document) -> bool:
    return mark.kind == "element" and mark.path == document.path


def is_next_to_its_target(entry: Entry, element: Element) -> bool:
    """Whether the element is where it was put, by the number of its target; else the layer has moved on as well."""
    number = entry.record.target.rpartition(".")[2]
    return number.isdigit() and element.index == int(number) + (entry.record.placement != "before")
