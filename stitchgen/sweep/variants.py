"""The variants of a sweep: planned and proven on a copy of the project by the ordinary way of `add` and `fuse`.

What they write is kept as bytes; every run of the variant gets exactly these.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stitchgen.analysis.runtime_backend import SharedObservers
from stitchgen.errors import StitchError, shown_below
from stitchgen.pipeline import splice
from stitchgen.project.config import Project, find_project
from stitchgen.project.outcome import Outcome
from stitchgen.project.transaction import LEDGER
from stitchgen.source import edits
from stitchgen.source.edits import FileChange
from stitchgen.sweep import tree
from stitchgen.sweep.folders import SweepFolder, write_bytes, write_json
from stitchgen.sweep.planned import Planned, content_of
from stitchgen.sweep.sources import Layout
from stitchgen.sweep.spec import Spec, Variant
from stitchgen.targets.request import SpliceRequest

#: The copy that is never written to; no variant is called so.
SHARED = ".project"


class Planner:
    """Makes and proves variants one after the other. Those of one splice share a copy of the project, which
    stays as it is, and an observer that has seen its models. A context manager."""

    def __init__(self, folder: SweepFolder, spec: Spec, layout: Layout):
        self.folder, self.spec, self.layout = folder, spec, layout
        self.copies = folder.path / "planning"
        self.shared = SharedObservers()

    def __enter__(self) -> Planner:
        return self

    def __exit__(self, *exception: object) -> None:
        self.shared.__exit__()
        shutil.rmtree(self.copies, ignore_errors=True)

    def plan(self, variant: Variant) -> Planned:
        """The variant, made and proven; kept for the next command."""
        alone = len(variant.requests) == 1
        copy = self.copies / (SHARED if alone else variant.name)
        if not alone or not copy.exists():
            shutil.rmtree(copy, ignore_errors=True)
            tree.make(self.folder.root, copy, self.layout, {})
        project = replace(find_project(copy), current=(copy / self.spec.folder).resolve())
        mode = "preview" if alone else "apply"
        done = [
            self._done(project, variant.name, text, request, mode)
            for text, request in zip(variant.texts, variant.requests)
        ]
        if alone:
            files = {change.path: change.after for change in done[0].changes}
        else:
            files = {
                change.path: content_of(copy / change.path)
                for one in done
                for change in one.changes
            }
            shutil.rmtree(copy, ignore_errors=True)
        planned = _planned(variant, [one.result for one in done], dict(sorted(files.items())))
        _keep(self.folder, planned)
        return planned

    def with_python(self, request: SpliceRequest) -> SpliceRequest:
        """The request with the sweep's interpreter, unless it has its own."""
        return replace(request, python=request.python or self.spec.python)

    def _done(
        self, project: Project, name: str, text: str, request: SpliceRequest, mode: str
    ) -> Outcome:
        shared = self.shared if mode != "apply" else None
        try:
            with shown_below(project.root):
                return splice.run(project, self.with_python(request), mode, shared)
        except StitchError as error:
            error.message = f"variant {name} ({text}): {error.message}"
            raise


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


def _keep(folder: SweepFolder, planned: Planned) -> None:
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
    write_json(kept / "variant.json", {**about, "files": list(planned.files)})
