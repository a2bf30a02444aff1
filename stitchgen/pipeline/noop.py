"""Whether the source has all that the same command put there: then there is nothing to do.

Decided before the model is run, from the ledger and the source together. The ledger says what this
command line once put where; the source says whether that stands there still, compared as syntax, so
that other edits of the file do not matter. What the ledger does not know (lines that were pasted, a
target spelled in another way) is left to `planning.existing`, which looks at each point.
"""

from __future__ import annotations

from stitchgen.errors import StitchError
from stitchgen.history import ledger, revert, yaml_traces
from stitchgen.history.entries import Run
from stitchgen.history.ledger import Ledger
from stitchgen.pipeline.outcome import nothing_to_do
from stitchgen.project.config import Project
from stitchgen.project.modules import as_named
from stitchgen.project.outcome import Outcome
from stitchgen.project.transaction import digest, read_bytes
from stitchgen.source.document import Document
from stitchgen.source.yaml_document import is_yaml
from stitchgen.targets.request import SpliceRequest
from stitchgen.targets.target import locate, parse


def done_already(project: Project, request: SpliceRequest, *, dry_run: bool) -> Outcome | None:
    """The outcome of a command of which nothing is left to do; None where it has to be planned."""
    book = ledger.load(project.root)
    command = request.command_line()
    runs = [run for run in book.runs() if run.command == command]
    if not runs or not names_files(project, request, runs[-1]):
        return None
    if not stands(book, runs[-1], edited=one_place(request)):
        return None
    splices = [
        {
            "target": entry.record.target,
            "placement": entry.record.placement,
            "attribute": entry.record.attribute,
            "strategy": entry.record.strategy,
            "channels": channels_of(request, entry.record.arguments),
        }
        for entry in runs[-1].entries
    ]
    return nothing_to_do(request, splices, dry_run=dry_run)


def names_files(project: Project, request: SpliceRequest, run: Run) -> bool:
    """Whether the targets mean, from this folder, the files that the run's targets lie in."""
    folders, models = project.search_folders, project.configured_targets
    try:
        meant = {locate(parse(text), folders, models).file for text in request.targets}
    except StitchError:
        return False  # which is then said by who plans it
    recorded = {entry.record.target.partition("::")[0] for entry in run.entries}
    return meant == {as_named(project.root / path) for path in recorded}


def one_place(request: SpliceRequest) -> bool:
    """Whether the request means one layer, however its file is edited.

    A pattern may match more layers by now, and of several targets one may have been spliced by
    another run.
    """
    target = request.targets[0]
    many = set(target) & set("*?[") or target.endswith("@all") or request.every is not None
    return len(request.targets) == 1 and not many


def stands(book: Ledger, run: Run, *, edited: bool) -> bool:
    """Whether all that a run put into the project is there; with `edited`, in files edited since."""
    needed = {path for entry in run.entries for path in entry.record.uses}
    if not all((book.root / path).is_file() for path in needed | {c.path for c in run.created}):
        return False
    for path in {mark.path for entry in run.entries for mark in entry.traces}:
        if not (book.root / path).is_file():
            return False
        raw = read_bytes(book.root / path)
        runs = [other for other in book.runs() if other.traces(path)]
        left = [e.after for other in runs for e in other.edited if e.path == path][-1:]
        if [digest(raw)] == left:
            continue  # nobody but stitchgen has touched it
        if not edited:
            return False
        own = run.traces(path)
        try:
            if is_yaml(path):
                if any(mark in own for mark, _ in yaml_traces.missing(raw, path, own)):
                    return False
                continue
            missing = revert.missing(Document(raw, path), [other.traces(path) for other in runs])
        except StitchError:
            return False
        if any(mark.kind == "bytes" or mark in missing for mark in own):
            return False
    return True


def channels_of(request: SpliceRequest, expression: str) -> dict[str, object]:
    """The channels as they are written in the source."""
    literal = expression.isdigit()
    evidence = "given" if request.channels is not None else "literal" if literal else "symbolic"
    if not expression:  # --replace: the layer's own
        evidence = "observed"
    value = int(expression) if literal else None
    return {"expression": expression or None, "value": value, "evidence": evidence}
