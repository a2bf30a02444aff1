"""Run the model, or read its source where it is not to be run or no torch is to be found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from stitchgen.analysis.backend import Backend
from stitchgen.analysis.subject import Subject
from stitchgen.errors import StitchError
from stitchgen.project.workspace import Workspace


@contextmanager
def backend_for(subject: Subject, workspace: Workspace, *, run: bool) -> Iterator[Backend]:
    """The backend that serves; it is closed at the end.

    Without torch the model is read all the same, and `instead_of` of the backend says why.
    """
    backend = open_backend(subject, workspace, run=run)
    try:
        yield backend
    finally:
        backend.close()


def open_backend(subject: Subject, workspace: Workspace, *, run: bool) -> Backend:
    reason = None
    if run:
        from stitchgen.analysis.runtime_backend import RuntimeBackend

        try:
            return RuntimeBackend(subject)
        except StitchError as error:
            if error.code != "no-torch":
                raise
            reason = error
    from stitchgen.analysis.static_backend import StaticBackend

    return StaticBackend(subject, workspace, reason)
