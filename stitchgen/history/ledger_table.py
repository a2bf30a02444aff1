"""An entry of the ledger as a table of TOML, and a table read as an entry."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from stitchgen.history.entries import Created, Edited, Entry, Key, SpliceRecord, run_order
from stitchgen.history.traces import Piece, Trace
from stitchgen.project.transaction import digest


def header(target: str, attribute: str) -> str:
    """The first line of an entry's table."""
    return f"[splice.{_string(target)}.{_string(attribute)}]"


def table(entry: Entry) -> str:
    """One splice. The order of the lines serves merges.

    Where two branches add tables at one place, git reports a conflict, and takes out of it what
    both sides begin or end with, and any four lines in a row that they share. So the first and
    the last line of a table are its own, and so is one in every four: both sides stand whole
    between the markers, and who removes the markers has merged them.
    """
    record = entry.record
    how = {
        "block": record.block,
        "placement": record.placement,
        "strategy": record.strategy,
        "arguments": record.arguments,
    }
    created = [
        {name: value for name, value in asdict(file).items() if value is not None}
        for file in sorted(entry.created, key=lambda file: file.path)
    ]
    edited = [
        {"path": file.path, "before": file.before, "after": file.after}
        for file in sorted(entry.edited, key=lambda file: file.path)
    ]
    spans = sorted(entry.traces, key=lambda trace: (trace.path, trace.pieces[0].at))
    return "\n".join(
        [
            header(record.target, record.attribute),
            f"run = {_string(entry.run)}",
            f"command = {_string(entry.command)}",
            f"how = {_value(how)}",
            f"uses = {_value(record.uses)}",
            f"folders = {_value(sorted(set(entry.folders)))}",
            f"edited = {_value(edited)}",
            f"created = {_value(created)}",
            "spans = [",
            *(f"    {_value(_span_row(trace))}," for trace in spans),
            "]",
            f"hash = {_string(_hash(entry.key, spans))}",
            "",
        ]
    )


def _span_row(trace: Trace) -> dict[str, Any]:
    """What is empty is left out, so that the usual insertion is short."""
    row: dict[str, Any] = {"path": trace.path, "kind": trace.kind}
    row |= {"scope": trace.scope, "now": trace.now, "was": trace.was}
    if trace.count > 1:
        row |= {"nth": trace.nth, "count": trace.count}
    row["pieces"] = [
        [piece.at, piece.text] + ([piece.replaced] if piece.replaced else [])
        for piece in trace.pieces
    ]
    return {name: value for name, value in row.items() if value != ""}


def _hash(key: Key, ordered: Sequence[Trace]) -> str:
    """Over what was inserted, so that a table that a merge has spoiled is noticed."""
    facts = json.dumps([*key, *(_span_row(trace) for trace in ordered)], sort_keys=True)
    return hashlib.sha256(facts.encode("utf-8")).hexdigest()[:16]


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_value, value)) + "]"
    return _string(value) if isinstance(value, str) else str(value)


def _string(text: str) -> str:
    """A basic string of TOML: JSON's escapes, save for DEL, which TOML wants escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def read(target: str, attribute: str, row: dict[str, Any], line: int) -> Entry:
    marks = tuple(
        Trace(
            span["path"],
            span["kind"],
            span.get("scope", ""),
            span.get("now", ""),
            span.get("was", ""),
            tuple(Piece(*piece) for piece in span["pieces"]),
            span.get("nth", 0),
            span.get("count", 1),
        )
        for span in row["spans"]
    )
    if _hash((target, attribute), marks) != row["hash"]:
        raise ValueError("its spans do not fit its hash: a merge or an edit has changed them")
    run_order(row["run"])
    how = row["how"]
    record = SpliceRecord(
        how["block"],
        target,
        how["placement"],
        attribute,
        how["strategy"],
        how["arguments"],
        tuple(row["uses"]),
    )
    return Entry(
        record,
        row["run"],
        row["command"],
        tuple(map(_created, row["created"])),
        tuple(Edited(r["path"], r["before"], r["after"]) for r in row["edited"]),
        tuple(row["folders"]),
        marks,
        line,
    )


def _created(row: dict[str, Any]) -> Created:
    file = Created(**row)
    if file.base is not None and digest(file.base.encode()) != file.sha256:
        raise ValueError("the text of a block file does not fit its hash")
    return file
