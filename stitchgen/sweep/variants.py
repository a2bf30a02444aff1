"""The variants of a sweep: planned and proven on a copy of the project by the ordinary way of `add` and `fuse`.

What they write is kept as bytes; every run of the variant gets exactly these.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from stitchgen.errors import StitchError, shown_below
from stitchgen.pipeline import splice
from stitchgen.project.config import find_project
from stitchgen.project.transaction import LEDGER
from stitchgen.source import edits
from stitchgen.source.edits import FileChange
from stitchgen.sweep import tree
from stitchgen.sweep.folders import SweepFolder, write_bytes, write_json
from stitchgen.sweep.planned import Planned, content_of
from stitchgen.sweep.sources import Layout
from stitchgen.sweep.spec import Spec, Variant


def plan(folder: SweepFolder, spec: Spec, layout: Layout, variant: Variant) -> Planned:
    """The variant, made and proven; kept for the next command."""
    copy = folder.path / "planning" / variant.name
    shutil.rmtree(copy, ignore_errors=True)
    try:
        tree.make(folder.root, copy, layout, {})
        results, paths = _apply(copy, spec, variant)
        files = {path: content_of(copy / path) for path in sorted(paths)}
        planned = _planned(variant, results, files)
        _keep(folder, planned, paths)
    finally:
        shutil.rmtree(copy, ignore_errors=True)
    return planned


def _apply(copy: Path, spec: Spec, variant: Variant) -> tuple[list[Any], set[str]]:
    """Do what the commands say in the copy; their results, and the files they changed."""
    project = replace(find_project(copy), current=(copy / spec.folder).resolve())
    results, paths = [], set()
    for text, request in zip(variant.texts, variant.requests):
        try:
            with shown_below(copy):
                done = splice.run(project, replace(request, python=request.python or spec.python))
        except StitchError as error:
            error.message = f"variant {variant.name} ({text}): {error.message}"
            raise
        results.append(done.result)
        paths |= {change.path for change in done.changes}
    return results, paths


def _planned(variant: Variant, results: list[Any], files: Mapping[str, bytes | None]) -> Planned:
    proofs = [result["proof"] for result in results]

    def total(key: str) -> int | None:
        return sum(proof[key] for proof in proofs) if all(proofs) else None

    return Planned(
        name=variant.name,
        texts=variant.texts,
        files=files,
        attributes=tuple(splice["attribute"] for result in results for splice in result["splices"]),
        params_added=total("params_added"),
        macs_added=total("macs_added"),
        laws=tuple(dict.fromkeys(law for proof in proofs if proof for law in proof["laws"])),
        warnings=tuple(one["message"] for result in results for one in result["warnings"]),
    )


def _keep(folder: SweepFolder, planned: Planned, paths: set[str]) -> None:
    """Write the files, the patch, and last what makes the variant known."""
    kept = folder.variant(planned.name)
    shutil.rmtree(kept, ignore_errors=True)
    (kept / "files").mkdir(parents=True)
    changes = []
    for path, content in planned.files.items():
        before = content_of(folder.root / path)
        if content is not None:
            (kept / "files" / path).parent.mkdir(parents=True, exist_ok=True)
            (kept / "files" / path).write_bytes(content)
        if path != LEDGER:
            changes.append(FileChange(path, before, content))
    write_bytes(kept / f"{planned.name}.diff", edits.patch(changes))
    about = {key: value for key, value in vars(planned).items() if key != "files"}
    write_json(kept / "variant.json", {**about, "files": sorted(paths)})
