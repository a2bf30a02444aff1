"""`stitchgen fuse`: the outputs of several layers joined into one, proven. Floor 5."""

from __future__ import annotations

from stitchgen import splicing
from stitchgen.config import Project
from stitchgen.fusing import make_fusion
from stitchgen.outcome import Outcome
from stitchgen.request import FuseRequest


def run(project: Project, request: FuseRequest, mode: str = "apply") -> Outcome:
    """Fuse the targets' outputs; with `mode="apply"` the changes are written.

    Raises StitchError where it cannot be done and proven; then nothing is written.
    """
    return splicing.run(project, request, mode, make_fusion)
