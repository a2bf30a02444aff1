"""`stitchgen remove`: which recorded splices the user means."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from stitchgen.errors import StitchError, UsageError
from stitchgen.history import ledger, remove
from stitchgen.history.entries import Entry
from stitchgen.history.ledger import Ledger
from stitchgen.project.config import Project
from stitchgen.project.outcome import Outcome
from stitchgen.project.transaction import LEDGER


def run(
    project: Project,
    texts: Sequence[str],
    *,
    block: str | None = None,
    every: bool = False,
    cascade: bool = False,
    mode: str = "apply",
) -> Outcome:
    """Remove the splices of these targets or attributes; with `every`, all that are meant by one."""
    book = ledger.load(project.root)
    among = [entry for entry in book.entries if block in (None, entry.record.block)]
    if not among:
        raise _nothing_recorded(book, block)
    if not texts and not every and len(among) > 1:
        raise UsageError(
            "usage",
            "it is not said which splice is to be removed",
            hint="name its target or attribute, or give --all",
            suggestions=[f"stitchgen remove {name}" for name in _names(book, among)],
        )
    chosen = {
        entry.key for text in texts for entry in _meant(project, book, among, text, every=every)
    }
    if not texts:
        chosen = {entry.key for entry in among}
    return remove.run(project, chosen, cascade=cascade, mode=mode)


def _nothing_recorded(book: Ledger, block: str | None) -> StitchError:
    what = "no splice" if block is None else f"no splice of {block}"
    blocks = sorted({entry.record.block for entry in book.entries})
    return StitchError(
        "splice-not-found",
        f"{LEDGER} records {what}" if book.raw is not None else f"there is no {LEDGER} here",
        where=str(book.root),
        hint="stitchgen status lists them, in the project's own folder: see --project",
        suggestions=[f"--block {name}" for name in blocks],
    )


def _meant(
    project: Project, book: Ledger, among: Sequence[Entry], text: str, *, every: bool
) -> list[Entry]:
    """The splices that a target or attribute means: one, unless it is a pattern or `every`."""
    found = _matching(project, among, text)
    if not found:
        names = _names(book, among)
        raise StitchError(
            "splice-not-found",
            f"no splice is recorded at {text}",
            where=LEDGER,
            hint="stitchgen status lists all",
            suggestions=get_close_matches(text, names, cutoff=0.4) or names[:5],
        )
    if len(found) > 1 and not every and not _is_pattern(text):
        raise StitchError(
            "target-ambiguous",
            f"{text} can mean {len(found)} splices",
            where=LEDGER,
            hint="name one of them, or give --all",
            suggestions=[f"stitchgen remove {name}" for name in _names(book, found)],
        )
    return found


def _matching(project: Project, among: Sequence[Entry], text: str) -> list[Entry]:
    """By attribute, else by target as it is recorded or as it may be typed, else by command."""
    first, _, rest = text.partition(".")
    if first in project.configured_targets:
        text = ".".join(filter(None, (project.configured_targets[first], rest)))
    for matches in (_has_attribute, _is_at, _was_typed):
        found = [entry for entry in among if matches(entry, text)]
        if found:
            return found
    return []


def _has_attribute(entry: Entry, text: str) -> bool:
    return text in (entry.record.attribute, entry.name)


def _is_at(entry: Entry, text: str) -> bool:
    """Whether a target, with the class or without it, is that of the splice."""
    path, _, names = entry.record.target.rpartition("::")
    module = re.sub(r"(/__init__)?\.py$", "", path).replace("/", ".")
    ends = [names, names.partition(".")[2]] if path else [""]
    if "::" in text:
        file, _, typed = text.partition("::")
        return file.removeprefix("./") == path and any(_same(end, typed) for end in ends)
    starts = [".".join(module.split(".")[n:]) for n in range(module.count(".") + 1)]
    spelled = [f"{start}.{end}" for start in starts for end in ends if end]
    return text == entry.record.target or any(_same(one, text) for one in spelled)


def _was_typed(entry: Entry, text: str) -> bool:
    """Whether the command that made the splice has this target: the only one, or a pattern."""
    words = shlex.split(entry.command)
    targets = [word for word in words if "." in word and not word.startswith("-")]
    return text in words and (_is_pattern(text) or len(targets) == 1)


def _same(target: str, text: str) -> bool:
    return fnmatchcase(target, text) if _is_pattern(text) else target == text


def _is_pattern(text: str) -> bool:
    return any(mark in text for mark in "*?[")


def _names(book: Ledger, entries: Sequence[Entry]) -> list[str]:
    """How each splice is named on the command line: by its attribute, where no other has it."""
    attributes = [entry.record.attribute for entry in book.entries]
    return list(
        dict.fromkeys(
            (
                entry.record.attribute
                if attributes.count(entry.record.attribute) == 1
                else entry.record.target
            )
            for entry in entries
        )
    )
