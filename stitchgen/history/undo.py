"""`stitchgen undo`: take the last run back; again for the one before.

A file that is as the run left it gets its former bytes. In one that black, isort, git or the user
has changed since, each trace of the run is looked for by its syntax and taken out, and every other
byte stays. Where git has taken the edit back already, there is nothing to take out. It refuses only
where what was inserted has itself been changed. What others still need stays: an import that the
user uses, a block file that another splice uses or that the user has edited.
"""

from __future__ import annotations

import ast
import difflib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stitchgen.errors import StitchError
from stitchgen.history import ledger, traces, yaml_traces
from stitchgen.history.ledger import Created, Edited, Ledger, Run
from stitchgen.history.revert import removal
from stitchgen.history.traces import Trace
from stitchgen.project import transaction
from stitchgen.project.config import Project
from stitchgen.project.transaction import LEDGER, digest
from stitchgen.source.document import Document
from stitchgen.source.edits import Edit, FileChange, apply
from stitchgen.source.equivalence import HOLE, meaning
from stitchgen.source.yaml_document import is_yaml

#: Folders of what others have written.
_FOREIGN = {"site-packages", "node_modules"}

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Outcome:
    """`result` is the object of `--json`, `changes` the files that were or would be written."""

    result: dict[str, Any]
    changes: tuple[FileChange, ...]


@dataclass
class _Plan:
    """What taking a run back changes, and what it keeps for others."""

    changes: list[FileChange] = field(default_factory=list)
    prune: list[str] = field(default_factory=list)
    kept_traces: list[Trace] = field(default_factory=list)
    kept_files: list[Created] = field(default_factory=list)
    warnings: list[dict[str, str]] = field(default_factory=list)

    def warn(self, code: str, where: str, message: str, hint: str = "") -> None:
        warning = {"code": code, "where": where, "message": message}
        self.warnings.append(warning | ({"hint": hint} if hint else {}))


def run(project: Project, mode: str = "apply") -> Outcome:
    """Take the last run back. Any other mode than `apply` only says what that would change."""
    book = ledger.load(project.root)
    runs = book.runs()
    if not runs:
        raise StitchError(
            "nothing-to-undo",
            f"{LEDGER} records no run" if book.raw is not None else f"there is no {LEDGER} here",
            where=str(project.root),
            hint="undo takes back what `stitchgen add` and `stitchgen new-module` did, in the "
            "project's own folder: see --project",
        )
    last = runs[-1]
    plan = _plan(project.root, book, last)
    rest = book.without_run(last.name, plan.kept_traces, plan.kept_files)
    changes = (*plan.changes, rest.change())
    if mode == "apply":
        transaction.commit(project.root, changes, plan.prune)
    actions = {"edit": "restore", "delete": "delete"}
    result = {
        "ok": True,
        "command": "undo",
        "dry_run": mode != "apply",
        "run": last.name,
        "undone": last.command,
        "files": [{"path": c.path, "action": actions[c.action]} for c in plan.changes],
        "warnings": plan.warnings,
    }
    return Outcome(result, changes)


def _plan(root: Path, book: Ledger, last: Run) -> _Plan:
    plan = _Plan()
    for edited in last.edited:
        _restore(root, edited, last, plan)
    importers = _importers(root, last.created, plan)
    for created in last.created:
        _delete(root, created, book, last, importers.get(created.path), plan)
    _keep_packages(root, plan)
    plan.prune += last.folders
    if not plan.changes:
        plan.warn("taken-back", LEDGER, f"`{last.command}` had been taken back already")
    return plan


# -- edited files --------------------------------------------------------------------------------


def _restore(root: Path, edited: Edited, last: Run, plan: _Plan) -> None:
    """Take the run's traces out of one file."""
    marks = last.traces(edited.path)
    path = edited.path if (root / edited.path).is_file() else _moved(root, edited.path, last)
    if path is None:
        plan.warn("taken-back", edited.path, f"{edited.path} is no longer there")
        return
    raw = transaction.read_bytes(root / path)
    if digest(raw) == edited.before:
        return
    edits = _exact(raw, edited, marks)
    if edits is None and is_yaml(path):
        edits = yaml_traces.removal(raw, path, marks)
    elif edits is None:
        edits = _by_syntax(raw, path, marks, last, plan)
    change = FileChange.of(path, raw, edits)
    if change.after != raw:
        plan.changes.append(change)
        plan.prune += _compiled_since(root, path)


def _moved(root: Path, path: str, last: Run) -> str | None:
    """Where the user has moved a file to: the one that names what the run brought."""
    names = sorted(_own_attributes(last))
    word = re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b".encode()) if names else None
    found = [other for other, raw in _sources(root) if word and word.search(raw)]
    if len(found) > 1:
        raise StitchError(
            "file-changed",
            f"{path} is gone, and several files now hold what was put into it: {', '.join(found)}",
            where=path,
            hint="keep one of them, or take the block's lines out of them, and run "
            "`stitchgen undo` again",
        )
    return found[0] if found else None


def _sources(root: Path) -> Iterator[tuple[str, bytes]]:
    """The project's Python files: not those of virtual environments or hidden folders."""
    for folder, folders, names in os.walk(root):
        if "pyvenv.cfg" in names:
            folders.clear()
            continue
        folders[:] = sorted(set(folders) - _FOREIGN)
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in sorted(names):
            if name.endswith(".py"):
                path = Path(folder, name)
                with suppress(OSError):
                    yield path.relative_to(root).as_posix(), path.read_bytes()


def _exact(raw: bytes, edited: Edited, marks: Sequence[Trace]) -> list[Edit] | None:
    """The edits that give a file its former bytes; None where it is not as the run left it."""
    if digest(raw) != edited.after:
        return None
    for encoding in (_encoding(raw, edited.path), "latin-1"):  # the second for what is no Python
        try:
            edits = [
                Edit(p.at, p.at + len(p.text.encode(encoding)), p.replaced.encode(encoding))
                for mark in marks
                for p in mark.pieces
            ]
        except UnicodeEncodeError:
            continue
        if digest(apply(raw, edits)) == edited.before:
            return edits
    return None


def _encoding(raw: bytes, path: str) -> str:
    if is_yaml(path):
        return "utf-8"
    try:
        encoding = Document(raw, path).encoding
    except StitchError:
        return "latin-1"
    return "utf-8" if encoding == "utf-8-sig" else encoding


def _by_syntax(raw: bytes, path: str, marks: Sequence[Trace], last: Run, plan: _Plan) -> list[Edit]:
    """The edits that take the traces out of a file that others have edited."""
    document = Document(raw, path)
    located = traces.locate(document, marks)
    if located.unclear:
        mark, match = located.unclear[0]
        raise StitchError(
            "file-changed",
            f"`{mark.now.strip()}` stands in {path} more often than it was put there, and which "
            "one to take back cannot be determined",
            where=f"{path}:{line_of(match.nodes[0])}",
            hint=f"write `{mark.was.strip()}` in its place yourself, then run the command again",
        )
    found = list(located.found)
    own = _own_attributes(last)
    rest = _rest(document, found)
    for mark in located.missing:
        line = _what_became_of(document, rest, mark, own)
        if line is not None:
            raise _changed(document, mark, line)
    # An import of ours that the user's own code uses has become theirs.
    used = {node.id for node in rest if isinstance(node, ast.Name)}
    plan.kept_traces += [mark for mark, match in found if match.names and used & _bound(mark)]
    found = [(mark, match) for mark, match in found if mark not in plan.kept_traces]
    edits = removal(document, found)
    after = Document(apply(raw, edits), path)  # refuses if the file would no longer parse
    for node in ast.walk(after.tree):
        for mark in plan.kept_traces:
            if isinstance(node, ast.Name) and node.id in _bound(mark):
                where = f"{path}:{node.lineno}"
                plan.warn("still-used", where, f"`{mark.now}` stays: {node.id} is used here")
        if isinstance(node, ast.Attribute) and node.attr in own:
            plan.warn(
                "still-used",
                f"{path}:{node.lineno}",
                f"self.{node.attr} is used here, and no longer exists",
                "take this line out, or put the block back with stitchgen add",
            )
    return edits


def _rest(document: Document, found: Sequence[tuple[Trace, traces.Match]]) -> list[ast.AST]:
    """The nodes of a file that belong to none of these traces, outer ones first."""
    taken: set[int] = set()
    for _, match in found:
        taken |= {id(node) for top in match.nodes for node in ast.walk(top)}
        if match.hole is not None:
            taken -= {id(node) for node in ast.walk(match.hole)}
    return [node for node in ast.walk(document.tree) if id(node) not in taken]


def line_of(node: ast.AST) -> int:
    return getattr(node, "lineno", 1)


def _bound(mark: Trace) -> set[str]:
    """The names that an inserted import binds; of other traces none."""
    names: set[str] = set()
    for statement in (traces.statements(mark.now) or []) if mark.kind == "statements" else []:
        names |= _imported(statement)
    return names


def _imported(node: ast.AST) -> set[str]:
    if not isinstance(node, (ast.Import, ast.ImportFrom)):
        return set()
    return {(name.asname or name.name).split(".")[0] for name in node.names}


def _own_attributes(last: Run) -> set[str]:
    """The attributes that only this run brought: `layer2_cbam`, and not `conv1` of a --replace."""
    brought: set[str] = set()
    known: set[str] = set()
    for entry in last.entries:
        if entry.record.strategy == yaml_traces.ROW:
            continue  # a row's name is its number, which is no attribute of Python source
        brought.add(entry.record.attribute.split(".")[-1])
        known.add(entry.record.target.split(".")[-1])
        for mark in entry.traces:
            brought |= set(re.findall(r"self\.(\w+)\s*=[^=]", mark.now))
            known |= _attributes(mark.was)
    return brought - known


def _attributes(code: str) -> set[str]:
    return set(re.findall(r"\.(\w+)", code))


def _what_became_of(
    document: Document, rest: Sequence[ast.AST], mark: Trace, own: set[str]
) -> int | None:
    """The line of what a missing trace was changed into; None where it is just gone.

    Gone is what git or the user has taken back: what was there before is there again, or nothing
    else mentions what the trace brought.
    """
    if mark.kind == "bytes":
        return 1
    if mark.was not in ("", HOLE):
        return None if traces.find(document, mark, was=True) else traces.nearest(document, mark)
    if names := _bound(mark):
        for node in rest:
            if names & _imported(node) or (isinstance(node, ast.Name) and node.id in names):
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
    mine = _attributes(mark.now) & own
    assigned = re.search(r"self\.\w+\s*=[^=]", mark.now) is not None
    for node in rest:
        if isinstance(node, ast.Attribute) and node.attr in mine:
            if isinstance(node.ctx, ast.Store) == assigned:
                return node.lineno
    return None


def _changed(document: Document, mark: Trace, line: int) -> StitchError:
    recorded = mark.now or "".join(piece.text for piece in mark.pieces)
    there = _statement_at(document, line)
    names = "as inserted", f"{document.path}:{line}"
    diff = list(difflib.unified_diff(recorded.splitlines(), there, *names, n=1, lineterm=""))
    return StitchError(
        "file-changed",
        f"what was inserted into {document.path} has been changed since:\n"
        + "\n".join("    " + text for text in diff),
        where=f"{document.path}:{line}",
        hint="put the line back as it was inserted, or take out all of the block's lines, then "
        "run `stitchgen undo` again",
        details={"diff": "\n".join(diff) + "\n"},
    )


def _statement_at(document: Document, line: int) -> list[str]:
    """The lines of the innermost statement on a line, with their indent."""
    statements = [
        node
        for node in ast.walk(document.tree)
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    if not statements:
        return []
    inner = statements[-1]
    return re.split("\r\n|\r|\n", document.text)[inner.lineno - 1 : inner.end_lineno]


# -- created files -------------------------------------------------------------------------------


def _importers(root: Path, created: Sequence[Created], plan: _Plan) -> dict[str, str]:
    """Who imports a file of the run once the run is taken back: `path:line`, by the file's path."""
    modules = {file.path: tuple(Path(file.path).with_suffix("").parts[-2:]) for file in created}
    # By real paths: a symbolic link to a file of the run shows what the run put there.
    afters = {(root / change.path).resolve(): change.after for change in plan.changes}
    found: dict[str, str] = {}
    for path, raw in _sources(root) if created else ():
        if path in modules or not any(parts[-1].encode() in raw for parts in modules.values()):
            continue
        after = afters.get((root / path).resolve(), raw)
        try:
            tree = ast.parse(after or b"")
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            for name in _modules(node, Path(path).parent.parts):
                for file, parts in modules.items():
                    if tuple(name.split(".")[-len(parts) :]) == parts:
                        found.setdefault(file, f"{path}:{line_of(node)}")
    return found


def _modules(node: ast.AST, folder: tuple[str, ...]) -> list[str]:
    """The dotted names that an import in a file of this folder may mean."""
    match node:
        case ast.Import():
            return [name.name for name in node.names]
        case ast.ImportFrom():
            above = folder[: len(folder) - node.level + 1] if node.level else ()
            module = ".".join((*above, node.module) if node.module else above)
            return [module, *(f"{module}.{name.name}" for name in node.names)]
    return []


def _delete(
    root: Path, created: Created, book: Ledger, last: Run, importer: str | None, plan: _Plan
) -> None:
    """Delete a file of the run, unless others need it or the user has edited it."""
    path = created.path
    users = [entry for entry in book.users(path) if entry.run != last.name]
    if users:
        plan.kept_files.append(created)
        return
    if not (root / path).is_file():
        return
    raw = transaction.read_bytes(root / path)
    if importer is not None:
        plan.warn("still-used", importer, f"{path} stays, since it is imported here")
    elif digest(raw) != created.sha256 and (
        created.meaning is None or meaning(raw) != created.meaning
    ):
        plan.warn(
            "edited", path, f"{path} stays: it was edited after stitchgen wrote it", f"rm {path}"
        )
    else:
        plan.changes.append(FileChange(path, raw, None))
        plan.prune += _compiled(root, path)


def _keep_packages(root: Path, plan: _Plan) -> None:
    """A package keeps the `__init__.py` that it was given as long as it has other modules."""
    deleted = {change.path for change in plan.changes if change.after is None}
    for path in sorted(deleted):
        folder, name = os.path.split(path)
        others = {f"{folder}/{other.name}" for other in (root / folder).glob("*.py")}
        if name == "__init__.py" and others - deleted:
            plan.changes = [change for change in plan.changes if change.path != path]


def _compiled(root: Path, path: str) -> list[str]:
    """The compiled copies of a source file, and the folder they are in."""
    source = Path(path)
    cache = source.parent / "__pycache__"
    copies = (root / cache).glob(f"{source.stem}.*.pyc")
    return [cache.as_posix(), *((cache / copy.name).as_posix() for copy in copies)]


def _compiled_since(root: Path, path: str) -> list[str]:
    """Those copies that were made from the source as it is now: they came with the run."""
    cache, *copies = _compiled(root, path)
    written = os.stat(root / path).st_mtime_ns
    fresh = [copy for copy in copies if os.stat(root / copy).st_mtime_ns >= written]
    return [cache, *fresh] if fresh else []
