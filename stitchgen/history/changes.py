"""What others have made of inserted code: where a file went, and what a missing trace was changed into."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from stitchgen.errors import StitchError
from stitchgen.history import traces, yaml_traces
from stitchgen.history.entries import ADOPTED, Entry
from stitchgen.history.traces import Match, Trace
from stitchgen.project.python_files import python_files
from stitchgen.source.document import Document
from stitchgen.source.equivalence import HOLE
from stitchgen.source.tree import nodes_in

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


# -- names ---------------------------------------------------------------------------------------


def own_attributes(entries: Iterable[Entry]) -> set[str]:
    """The attributes that only these brought: `layer2_cbam`, and not `conv1` of a --replace."""
    brought: set[str] = set()
    known: set[str] = set()
    for entry in entries:
        if entry.record.strategy == yaml_traces.ROW or entry.record.placement == ADOPTED:
            continue  # a row's name is its number, and a file's its own: no attributes of Python source
        brought.add(entry.name)
        known.add(entry.record.target.split(".")[-1])
        for mark in entry.traces:
            brought |= set(re.findall(r"self\.(\w+)\s*=[^=]", mark.now))
            known |= attributes_in(mark.was)
    return brought - known


def attributes_in(code: str) -> set[str]:
    return set(re.findall(r"\.(\w+)", code))


def bound_by(mark: Trace) -> set[str]:
    """The names that an inserted import binds; of other traces none."""
    names: set[str] = set()
    for statement in (traces.statements(mark.now) or []) if mark.kind == "statements" else []:
        names |= imported_by(statement)
    return names


def imported_by(node: ast.AST) -> set[str]:
    if not isinstance(node, (ast.Import, ast.ImportFrom)):
        return set()
    return {(name.asname or name.name).split(".")[0] for name in node.names}


# -- places --------------------------------------------------------------------------------------


def is_python(path: str) -> bool:
    """Whether what was put into a file can be looked for by its syntax."""
    return path.endswith(".py")


def line_of(node: ast.AST) -> int:
    return getattr(node, "lineno", 1)


def sources(root: Path) -> Iterator[tuple[str, bytes]]:
    """The project's Python files, all of them, with their bytes."""
    for path in python_files(root, most=sys.maxsize):
        with suppress(OSError):
            yield path.relative_to(root).as_posix(), path.read_bytes()


def moved_to(root: Path, entries: Sequence[Entry]) -> list[str]:
    """The files that name what these entries brought: where the user may have moved theirs to."""
    names = sorted(own_attributes(entries))
    word = re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b".encode()) if names else None
    return [path for path, raw in sources(root) if word and word.search(raw)]


def others_in(document: Document, found: Sequence[tuple[Trace, Match]]) -> list[ast.AST]:
    """The nodes of a file that belong to none of these traces, outer ones first."""
    taken: set[int] = set()
    for _, match in found:
        taken |= traces.nodes_of([match])
    return [node for node in nodes_in(document.tree) if id(node) not in taken]


def statement_at(document: Document, line: int) -> list[str]:
    """The lines of the innermost statement on a line, with their indent."""
    statements = [
        node
        for node in nodes_in(document.tree)
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    if not statements:
        return []
    inner = statements[-1]
    return re.split("\r\n|\r|\n", document.text)[inner.lineno - 1 : inner.end_lineno]


def conflict_line(raw: bytes) -> int | None:
    """The first line that a merge has left its marks in."""
    match = re.search(rb"^(?:<<<<<<<|>>>>>>>)(?: |\r?$)", raw, re.MULTILINE)
    return None if match is None else raw.count(b"\n", 0, match.start()) + 1


# -- what was changed ----------------------------------------------------------------------------


def what_became_of(
    document: Document, rest: Sequence[ast.AST], mark: Trace, own: Collection[str]
) -> int | None:
    """The line of what a missing trace was changed into; None where it is just gone.

    Gone is what git or the user has taken back: what was there before is there again, or nothing
    else mentions what the trace brought.
    """
    if mark.kind == "bytes":
        return 1
    if mark.kind == "element":
        return _changed_element(document, rest, mark)
    mine = attributes_in(mark.now) & set(own)
    if mark.was not in ("", HOLE) and not mine:
        return None if traces.find(document, mark, was=True) else traces.nearest(document, mark)
    if names := bound_by(mark):
        for node in rest:
            if names & imported_by(node) or (isinstance(node, ast.Name) and node.id in names):
                return line_of(node)
        return None
    if mark.kind == "statements":
        inserted = next(iter(traces.statements(mark.now) or ()), None)
        if isinstance(inserted, _DEFINITIONS):
            for node in traces.in_scope(document, mark.scope):
                if isinstance(node, _DEFINITIONS) and node.name == inserted.name:
                    return node.lineno
            return None
    # Of the mentions of our attributes, one of the same sort: assigned, or used.
    assigned = re.search(r"self\.\w+\s*=[^=]", mark.now) is not None
    for node in rest:
        if isinstance(node, ast.Attribute) and node.attr in mine:
            if isinstance(node.ctx, ast.Store) == assigned:
                return node.lineno
    return None


def _changed_element(document: Document, rest: Sequence[ast.AST], mark: Trace) -> int | None:
    """The line of an element that constructs the same class with other arguments."""
    wanted = _constructed(ast.parse(mark.now.strip(), mode="eval").body)
    others = {id(node) for node in rest}
    for node in traces.in_scope(document, mark.scope):
        for element in traces.elements_of(node):
            if id(element) in others and _constructed(element) == wanted:
                return element.lineno
    return None


def _constructed(element: ast.expr) -> str | None:
    """The class of an element that is a construction, or a pair of a name and one."""
    if isinstance(element, ast.Tuple) and element.elts:
        element = element.elts[-1]
    return ast.unparse(element.func) if isinstance(element, ast.Call) else None


def unclear(
    document: Document, located: traces.Located, kept: Sequence[Trace]
) -> StitchError | None:
    """The refusal where code that could be anybody's stands more often than it was put there, or
    stands there for other splices too; else None."""
    theirs = {(mark.scope, mark.now, mark.was) for mark in kept if not traces.is_telling(mark)}
    doubtful = [
        (mark, match)
        for mark, match in located.found
        if (mark, match) in located.unclear
        or (mark.kind != "element" and (mark.scope, mark.now, mark.was) in theirs)
    ]
    if not doubtful:
        return None
    mark, match = doubtful[0]
    return StitchError(
        "file-changed",
        f"`{mark.first_line}` stands in {document.path} more often than it was put there, and "
        "which one to take back cannot be determined",
        where=f"{document.path}:{line_of(match.nodes[0])}",
        hint=(
            "take it out yourself, then run the command again"
            if mark.kind == "element"
            else f"write `{mark.was.replace(HOLE, '...').strip()}` in its place yourself, then run the "
            "command again"
        ),
    )
