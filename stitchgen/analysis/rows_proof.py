"""Rows of a model's YAML, proven by the observer: what it is asked, and its answer as a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stitchgen.analysis.backend import KeyChanges
from stitchgen.analysis.runtime_backend import SharedObservers, encoded
from stitchgen.analysis.subject import MISSING, Subject
from stitchgen.errors import StitchError
from stitchgen.observer.protocol import NewRow, ProvenScale, RowsAnswer, TwinAnswer


@dataclass(frozen=True)
class AddedRow:
    """A row that was put in, by the numbers of the edited file."""

    index: int
    sources: tuple[int, ...]
    readers: tuple[int, ...]
    replaces: int | None = None  # the old number of the row whose place it has


@dataclass(frozen=True)
class RowsQuestion:
    """The YAML before and after, and what builds from it."""

    before: str
    after: str
    rows: tuple[AddedRow, ...]
    moved: tuple[int, ...]  # the new number of each old row
    scales: tuple[str, ...]
    full: tuple[str, ...]  # of these, those that are run
    class_name: str
    builder: str | None  # the project's own module with parse_model
    register: str | None
    overlay: Mapping[Path, bytes]


@dataclass(frozen=True)
class RowsProof:
    """At which scales the checks hold, and with which builder."""

    run: tuple[str, ...]
    built: tuple[str, ...]
    builder: str
    version: str
    params_added: int
    macs_added: int
    input: str
    keys: KeyChanges
    notes: tuple[str, ...]


def prove_rows(subject: Subject, question: RowsQuestion, observers: SharedObservers) -> RowsProof:
    """The proof; raises StitchError where a check does not hold, or nothing can be built."""
    try:
        observer = observers.of(subject)
        answer: RowsAnswer = observer.ask("prove_rows", **fields(subject, question))
    except StitchError as error:
        if error.code == "does-not-build" and not MISSING.search(error.message):
            error.hint = (
                f"The model is built by {subject.python}; --python names another, and --no-prove "
                "leaves the proof out."
            )
        raise
    found = answer["error"]
    if found is not None:
        known = {"law": found.get("check"), "mode": found.get("mode")}
        details = {key: value for key, value in known.items() if value}
        raise StitchError(
            found["code"],
            found["message"],
            where=found.get("where"),
            hint=hint_for(found["code"], found["message"]),
            details=details,
        )
    return proof_of(answer["scales"], answer["builder"], answer["version"])


def fields(subject: Subject, question: RowsQuestion) -> dict[str, object]:
    rows: list[NewRow] = [
        {
            "index": row.index,
            "sources": list(row.sources),
            "readers": list(row.readers),
            "replaces": row.replaces,
        }
        for row in question.rows
    ]
    return {
        "before": question.before,
        "after": question.after,
        "rows": rows,
        "moved": list(question.moved),
        "scales": list(question.scales),
        "full": list(question.full),
        "name": question.class_name,
        "builder": question.builder,
        "register": question.register,
        "overlay": encoded(question.overlay),
        "inputs": list(subject.inputs),
    }


def hint_for(code: str, message: str) -> str:
    if "more than 1 value per channel" in message:
        return "A norm behind a global pooling does not take a single image: choose a block without it."
    if code == "law-broken":
        return "Nothing was written. The block's arguments come from --set name=value; see stitchgen show."
    return "The YAML as it is has to build and run; pass --input SHAPE, or --no-prove to go by reading."


def proof_of(scales: Sequence[ProvenScale], builder: str, version: str) -> RowsProof:
    first = next((one for one in scales if one["full"]), scales[0])
    keys = first["keys"]
    return RowsProof(
        run=tuple(one["scale"] for one in scales if one["full"]),
        built=tuple(one["scale"] for one in scales if not one["full"]),
        builder=builder,
        version=version,
        params_added=first["params_added"],
        macs_added=first["macs_added"],
        input=first["input"],
        keys=KeyChanges(tuple(keys["added"]), tuple(keys["lost"]), tuple(keys["reshaped"])),
        notes=tuple(dict.fromkeys(note for one in scales for note in one["notes"])),
    )


@dataclass(frozen=True)
class Twin:
    """A checkpoint for the edited model: where the observer wrote it, and what arrives of it."""

    path: Path
    tensors: int
    arriving: int
    plain: int
    scale: str
    rows: tuple[int, ...]


def make_twin(
    subject: Subject,
    checkpoint: Path,
    yaml: str,
    builder: str | None,
    register: str | None,
    overlay: Mapping[Path, bytes],
    observers: SharedObservers,
) -> Twin:
    """The twin of a checkpoint, in a file of the folder for temporary ones."""
    try:
        answer: TwinAnswer = observers.of(subject).ask(
            "make_twin",
            checkpoint=str(checkpoint),
            yaml=yaml,
            builder=builder,
            register=register,
            overlay=encoded(overlay),
            inputs=[],
        )
    except StitchError as error:
        hints = {
            "does-not-build": f"It was tried with {subject.python}; --python names another.",
            "bad-argument": "Give the checkpoint of the model as it was before the rows were put in.",
            "not-a-model": "Give a checkpoint that Ultralytics saved, such as yolov8n.pt.",
        }
        error.hint = hints.get(error.code, error.hint)
        raise
    return Twin(
        Path(answer["path"]),
        answer["tensors"],
        answer["arriving"],
        answer["plain"],
        answer["scale"],
        tuple(answer["rows"]),
    )
